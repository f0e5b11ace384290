package imanagetest_test

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/clients/imanage/imanagetest"
)

// worked is a tenant in which people worked: on a document of two versions, on one behind a wall, and on somebody else's.
func worked(c *imanagetest.Config) {
	day := func(n int) time.Time { return time.Date(2026, 11, n, 9, 0, 0, 0, time.UTC) }
	c.Libraries[0].Groups["NRTADMIN"] = &imanagetest.Group{ID: "NRTADMIN", Enabled: true, Nos: 2, Members: map[string]bool{"SVC": true}}
	c.Libraries[0].Documents = []*imanagetest.Document{{ID: "LON!9.1", Name: "Lease", InUseBy: "TBARNES"}}
	c.Libraries[0].Work = []*imanagetest.Work{
		{ID: "LON!5.1", Name: "Deed", Events: []imanagetest.Event{{"tbarnes", "NEWDOCUMENT", day(1)}, {"SVC", "VIEW", day(9)}}},
		{ID: "LON!5.2", Name: "Deed", Author: "TBARNES", Events: []imanagetest.Event{{"MANAGED", "NEWDOCVER", day(3)}, {"TBARNES", "PRINT", day(4)}}},
		{ID: "LON!6.1", Name: "Secret", Walled: true, Events: []imanagetest.Event{{"TBARNES", "NEWDOCUMENT", day(5)}}},
		{ID: "LON!7.1", Name: "Note", Events: []imanagetest.Event{{"MANAGED", "NEWDOCUMENT", day(6)}}},
	}
}

const documents = base + "/libraries/LON/documents"

// TestActivityShapes holds documents against the vendor's own description, but for the two fields that its connector adds; the history,
// which it does not describe, against the fields of contracts/imanage.md 9.
func TestActivityShapes(t *testing.T) {
	c, all := serve(t, worked), schemas(t)
	held := 0
	for path, name := range map[string]string{documents: "definition ShortDocumentProfile", documents + "/LON!5.2": "definition FullDocumentProfile"} {
		described := all[name]
		if described == nil {
			t.Fatalf("%s is not described", name)
		}
		shape := *described.Value
		shape.Required = slices.DeleteFunc(slices.Clone(shape.Required), func(f string) bool { return f == "document_url" || f == "full_file_name" })
		status, data := c.call("GET", path, nil)
		for row := range rowsOf(t, status, data) {
			if err := shape.VisitJSON(row); err != nil {
				t.Errorf("%s: %v", path, err)
			}
			held++
			for field, wrong := range map[string]any{"version": "1", "author": 7, "last_user": 7, "edit_date": 7} { // a deviation is found
				spoilt := maps.Clone(row)
				spoilt[field] = wrong
				if shape.VisitJSON(spoilt) == nil {
					t.Errorf("%s: %s as %v was not found", path, field, wrong)
				}
			}
		}
	}
	if held != 5 {
		t.Errorf("%d documents were held against their description", held)
	}
	status, data := c.call("GET", documents+"/LON!5.2/history", nil)
	for row := range rowsOf(t, status, data) {
		want := strings.Fields("activity activity_code activity_date application_id application_name document_number has_journal id location num1 user user_fullname version")
		if got := slices.Sorted(maps.Keys(row)); !slices.Equal(got, want) {
			t.Errorf("%v", got)
		}
		if _, err := time.Parse(time.RFC3339, row["activity_date"].(string)); err != nil {
			t.Error(err)
		}
	}
}

// rowsOf gives the rows of an answer: an object's own, a flat list's, or a nested one's.
func rowsOf(t *testing.T, status int, data []byte) func(func(map[string]any) bool) {
	t.Helper()
	var a struct {
		Data any `json:"data"`
	}
	if err := json.Unmarshal(data, &a); err != nil || status != 200 {
		t.Fatalf("%d %v %s", status, err, data)
	}
	return func(yield func(map[string]any) bool) {
		list, flat := a.Data.([]any)
		if object, _ := a.Data.(map[string]any); !flat {
			if list, flat = object["results"].([]any); !flat {
				list = []any{object}
			}
		}
		for _, row := range list {
			if !yield(row.(map[string]any)) {
				return
			}
		}
	}
}

// TestActivityReads: each filter of a search and of a history does what its text says, and what is not known is refused.
func TestActivityReads(t *testing.T) {
	c := serve(t, worked)
	for query, want := range map[string]string{
		"": "LON!5.1 LON!5.2 LON!6.1 LON!7.1", "?latest=true": "LON!5.2 LON!6.1 LON!7.1", "?last_user=tbarnes": "LON!5.1 LON!6.1", "?author=TBARNES": "LON!5.1 LON!5.2 LON!6.1",
		"?last_user=MANAGED&author=TBARNES": "LON!5.2", "?operator=SVC": "", "?edit_date_from=2026-11-03T09:00:00Z": "LON!5.2 LON!6.1 LON!7.1",
		"?edit_date_to=2026-11-03T09:00:00Z": "LON!5.1 LON!5.2", "?offset=3": "LON!7.1", "?paging_mode=standard_cursor&limit=1": "LON!5.1",
	} {
		status, data := c.call("GET", documents+query, nil)
		var ids []string
		for row := range rowsOf(t, status, data) {
			ids = append(ids, row["id"].(string))
		}
		if got := strings.Join(ids, " "); got != want {
			t.Errorf("%q: %s, want %s", query, got, want)
		}
		if told := strings.Contains(string(data), `"cursor"`); told != strings.Contains(query, "limit=1") || strings.Contains(string(data), "total_count") {
			t.Errorf("%q: %s", query, data)
		}
	}
	for path, want := range map[string]string{
		"/LON!5.1/history": "VIEW NEWDOCUMENT", "/LON!5.1/history?all_versions=true": "VIEW PRINT NEWDOCVER NEWDOCUMENT", "/LON!5.1/history?all_versions=true&user=tbarnes": "PRINT NEWDOCUMENT",
		"/LON!5.2/history?activity=edit": "NEWDOCVER", "/LON!5.2/history?activity=view": "", "/LON!5.2/history?activity_date_start=2026-11-04T00:00:00Z": "PRINT",
		"/LON!5.2/history?activity_date_end=2026-11-04T00:00:00Z": "NEWDOCVER", "/LON!5.2/history?limit=1&offset=1": "NEWDOCVER", "/LON!9.1/history": "",
	} {
		status, data := c.call("GET", documents+path, nil)
		var did []string
		for row := range rowsOf(t, status, data) {
			did = append(did, row["activity"].(string))
		}
		if got := strings.Join(did, " "); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	for path, want := range map[string]int{
		"?anywhere=x": 400, "?edit_date_from=yesterday": 400, "?limit=10000": 400, "/LON!6.1/history": 403, "/LON!8.1/history": 404, "/LON!5.1/history?activity=sign": 400,
		"/LON!5.1/history?activity_date_start=" + url.QueryEscape("2026-11-04T00:00:00+05.30"): 400, "/LON!5.1/lock": 405, "/LON!8.1": 404, "/LON!9.1": 200,
	} {
		if status, data := c.call("GET", documents+path, nil); status != want {
			t.Errorf("%s: %d, want %d: %s", path, status, want, data)
		}
	}
}

// TestActivityOfNobody: who does not administer a library is shown what bears their own name, with status 200.
func TestActivityOfNobody(t *testing.T) {
	c := serve(t, worked, func(c *imanagetest.Config) {
		delete(c.Libraries[0].Groups, "NRTADMIN")
		c.Libraries[0].Work[3].Operator = "SVC"
	})
	status, data := c.call("GET", documents, nil)
	n := 0
	for row := range rowsOf(t, status, data) {
		if n++; row["id"] != "LON!7.1" {
			t.Errorf("%v", row["id"])
		}
	}
	if n != 1 {
		t.Errorf("%d documents", n)
	}
}

// TestTouch: a touch is in the next answer, on a document of the user's own or on a new one; it is no effect, and may come from many sides.
func TestTouch(t *testing.T) {
	c := serve(t, worked)
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	var sides sync.WaitGroup
	for i := range 20 {
		sides.Go(func() {
			c.server.Touch([]string{"tbarnes", "OUTSIDER"}[i%2], "LON", at.Add(time.Duration(i)*time.Minute))
		})
	}
	c.server.Touch("TBARNES", "NOWHERE", at)
	sides.Wait()
	for user, want := range map[string]string{"TBARNES": "2026-11-20T08:18:00Z", "OUTSIDER": "2026-11-20T08:19:00Z"} {
		status, data := c.call("GET", documents+"?last_user="+user+"&edit_date_from=2026-11-20T00:00:00Z", nil)
		for row := range rowsOf(t, status, data) {
			if row["edit_date"] != want {
				t.Errorf("%s: %v", user, row["edit_date"])
			}
			status, data := c.call("GET", documents+"/"+row["id"].(string)+"/history?user="+user+"&activity=edit&activity_date_start=2026-11-20T00:00:00Z&total=true", nil)
			if status != 200 || !strings.Contains(string(data), `"total_count":10`) {
				t.Errorf("%s: %s", user, data)
			}
		}
	}
	if n := len(c.server.Effects()); n != 0 {
		t.Errorf("%d effects", n)
	}
}
