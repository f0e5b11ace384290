package sqlite_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/audit"
	"rollcall/provisioning/store/sqlite"
)

// first makes a store as the first version made it, with data of every kind in it.
func first(t *testing.T, file string) {
	t.Helper()
	schema, err := os.ReadFile("testdata/migration1.sql")
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	chain, err := audit.NewChain(bytes.Repeat([]byte{1}, audit.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	r, err := chain.Seal(provisioning.Record{}, event(provisioning.EventCommitted))
	if err != nil {
		t.Fatal(err)
	}
	e := r.Event
	for _, q := range []struct {
		text string
		args []any
	}{
		{string(schema), nil},
		{"pragma user_version = 1", nil},
		{`insert into batch (id, state, version, created_by, created_at, snapshot_id, snapshot_at, hash, committed_by, committed_at, release)
			values (1,'committed',3,'l.ortiz',?,'s',?,'h','l.ortiz',?,'{"hash":"h","by":"l.ortiz","at":"2026-11-24T14:02:00Z","people":21,"reason":"closed"}')`, []any{now.UnixNano(), now.UnixNano(), now.UnixNano()}},
		{`insert into unit (id, batch, pos, directory, person, account, name, office, kind, state, owner, gen) values (7,1,0,'okta','00u1','TBARNES','Tom Barnes','London','leaver','running','w',2)`, nil},
		{`insert into op (unit, seq, kind, account, change, state, sent_at, attempts) values
			(7,1,'disable account','TBARNES','{"kind":"disable account","account":"TBARNES","before":"enabled","after":"disabled"}','sent',?,1),
			(7,2,'remove from library','TBARNES','{"kind":"remove from library","account":"TBARNES","library":"LON","before":"member","after":"absent","by_hand":"not confirmed"}','by hand',0,0)`, []any{now.UnixNano()}},
		{
			"insert into audit (seq, at, actor, session, kind, batch, unit, op, subject, detail, prev, hash) values (?,?,?,?,?,?,?,?,?,?,?,?)",
			[]any{r.Seq, e.At.UnixNano(), e.Actor, e.Session, string(e.Kind), e.Batch, e.Unit, e.Op, e.Subject, e.Detail, r.Prev, r.Hash},
		},
		{"insert into decision (directory, person, account, theirs, by, at, reason) values ('okta','00u1','TBARNES',1,'l.ortiz',?,'')", []any{now.UnixNano()}},
		{"insert into anchor values ('TBARNES','okta','00u1','SSO name',?,?)", []any{now.UnixNano(), now.UnixNano()}},
		{"insert into last_good values ('okta',2014,?)", []any{now.UnixNano()}},
		{"insert into first_use values ('https://work.example','disable account',?), ('https://work.example','join group',?), ('other','disable account',?)", []any{now.UnixNano(), now.UnixNano(), now.UnixNano()}},
	} {
		if _, err := db.ExecContext(ctx, q.text, q.args...); err != nil {
			t.Fatalf("%s: %v", q.text, err)
		}
	}
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestMigration: a store of the first version with data in it opens, and everything in it is what it was; what was confirmed on a
// tenant then counts now; and it takes what the new version keeps.
func TestMigration(t *testing.T) {
	file := path(t)
	first(t, file)
	for range 2 { // and opened again nothing is migrated twice
		s := open(t, file)
		b, err := s.Batch(ctx, 1)
		if err != nil {
			t.Fatal(err)
		}
		u := b.Units[0]
		if b.State != provisioning.BatchCommitted || b.Hash != "h" || b.Version != 3 || !b.CommittedAt.Equal(now) || b.Release == nil || b.Release.People != 21 ||
			!b.Due.IsZero() || b.Sealed() || b.Title != "" || u.ID != 7 || u.Gen != 2 || u.Person.ID != "00u1" || u.Reason != "" || len(u.Ops) != 2 ||
			u.Ops[0].State != provisioning.OpSent || !u.Ops[0].SentAt.Equal(now) || u.Ops[1].Change.ByHand == "" {
			t.Errorf("%+v", b)
		}
		uses, err := s.Uses(ctx, "https://work.example")
		if err != nil || len(uses) != 2 {
			t.Fatalf("%v, %v", uses, err)
		}
		want := provisioning.Use{Tenant: "https://work.example", Operation: "join group", State: provisioning.UseConfirmed, At: now, How: "before"}
		if uses["join group"] != want {
			t.Errorf("%+v", uses["join group"])
		}
		if unfinished, err := s.Unfinished(ctx); err != nil || len(unfinished) != 1 {
			t.Errorf("%d unfinished, %v", len(unfinished), err)
		}
		if d, err := s.Decisions(ctx); err != nil || len(d) != 1 {
			t.Errorf("%v, %v", d, err)
		}
		if a, err := s.Anchors(ctx); err != nil || len(a) != 1 || !a[0].FirstSeen.Equal(now) {
			t.Errorf("%v, %v", a, err)
		}
		if text, err := s.AcceptedPolicy(ctx); err != nil || text != "" {
			t.Errorf("%q, %v", text, err)
		}
		if report, err := audit.Verify(ctx, bytes.Repeat([]byte{1}, audit.KeySize), s.Records); err != nil || !report.OK || report.Count != 1 {
			t.Errorf("the record does not hold: %+v, %v", report, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, file) // it goes on from there
	if err := s.Recover(ctx, 1, event(provisioning.EventResumed)); err != nil {
		t.Fatal(err)
	}
	if taken, err := s.TakeUnit(ctx, 7, 3, "me"); err != nil || !taken {
		t.Errorf("%v, %v", taken, err)
	}
	b := batch()
	b.Due, b.Readers = now.Add(time.Hour), []string{"l.ortiz"}
	if err := s.SaveBatch(ctx, b, event(provisioning.EventStaged)); err != nil || b.ID != 2 {
		t.Errorf("batch %d, %v", b.ID, err)
	}
}

// TestMigrationsStand: a migration that was released is what it was, and a new store has the same tables as a migrated one.
func TestMigrationsStand(t *testing.T) {
	for i := range 3 {
		released, err := os.ReadFile(fmt.Sprintf("testdata/migration%d.sql", i+1))
		if err != nil {
			t.Fatal(err)
		}
		if strings.TrimSpace(sqlite.Migrations()[i]) != strings.TrimSpace(string(released)) {
			t.Errorf("migration %d was changed: stores that have it are another thing now", i+1)
		}
	}
	fresh, old := path(t), path(t)
	first(t, old)
	schema := func(file string) (text string) {
		if err := open(t, file).Close(); err != nil {
			t.Fatal(err)
		}
		db, err := sql.Open("sqlite", file)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		rows, err := db.QueryContext(ctx, "select type, name, coalesce(sql,'') from sqlite_schema order by name")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var kind, name, statement string
			if err := rows.Scan(&kind, &name, &statement); err != nil {
				t.Fatal(err)
			}
			text += kind + " " + name + " " + statement + "\n"
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		var version int
		if err := db.QueryRowContext(ctx, "pragma user_version").Scan(&version); err != nil || version != len(sqlite.Migrations()) {
			t.Errorf("version %d, %v", version, err)
		}
		return text
	}
	if a, b := schema(fresh), schema(old); a != b {
		t.Errorf("a new store has\n%s\na migrated one\n%s", a, b)
	}
}

// TestNewerStore: a store that a newer program wrote is refused and left alone; one that an older program has open is told as that.
func TestNewerStore(t *testing.T) {
	file := path(t)
	if err := open(t, file).Close(); err != nil {
		t.Fatal(err)
	}
	set := func(version string) {
		db, err := sql.Open("sqlite", file)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.ExecContext(context.Background(), "pragma user_version = "+version); err != nil {
			t.Fatal(err)
		}
	}
	set("11") // of two digits
	_, err := sqlite.Open(ctx, sqlite.Options{Path: file})
	code(t, "a newer store", err, provisioning.Invalid)
	if !strings.Contains(err.Error(), "11") {
		t.Error(err)
	}
	set(strconv.Itoa(len(sqlite.Migrations())))
	owner := open(t, file)
	set("1")
	_, err = sqlite.Open(ctx, sqlite.Options{Path: file})
	code(t, "an older owner", err, provisioning.Unavailable)
	if err := owner.Close(); err != nil {
		t.Fatal(err)
	}
}
