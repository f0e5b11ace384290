package audit_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/audit"
)

// yearRows is how many events a firm's year has.
const yearRows = 1_000_000

// year is a record of a year: of every row only its hash is kept, the events come again from a few hundred.
type year struct {
	events []provisioning.Event
	hashes []byte
	points []provisioning.Checkpoint
}

func (y *year) row(i int) provisioning.Record {
	r := provisioning.Record{Seq: int64(i + 1), Event: y.events[i%len(y.events)]}
	r.Event.At = time.Unix(1_790_000_000+int64(i)*31, int64(i)*7919%1_000_000_000).UTC()
	if i > 0 {
		r.Prev = y.hashes[(i-1)*sha256.Size : i*sha256.Size : i*sha256.Size]
	}
	return r
}

func (y *year) Records(_ context.Context, from int64, visit func(provisioning.Record) error) error {
	for i := int(from) - 1; i < len(y.hashes)/sha256.Size; i++ {
		r := y.row(i)
		r.Hash = y.hashes[i*sha256.Size : (i+1)*sha256.Size : (i+1)*sha256.Size]
		if err := visit(r); err != nil {
			return err
		}
	}
	return nil
}

func (y *year) Checkpoints(_ context.Context, visit func(provisioning.Checkpoint) error) error {
	for _, c := range y.points {
		if err := visit(c); err != nil {
			return err
		}
	}
	return nil
}

// newYear seals a year, and signs every hundredth row.
func newYear(n int) (*year, error) {
	y := &year{}
	kinds := []provisioning.EventKind{provisioning.EventIntent, provisioning.EventOutcome, provisioning.EventUnit, provisioning.EventSeenOff, provisioning.EventLook}
	for i := range 997 {
		y.events = append(y.events, provisioning.Event{
			Actor: fmt.Sprintf("operator.%d", i%9), Session: fmt.Sprintf("2026-11-%02dT08:00:00Z-%05d", i%28+1, i*7), Person: fmt.Sprintf("okta/00u%017d", i%9), Login: fmt.Sprintf("operator.%d@desk-%d", i%9, i%14),
			Kind: kinds[i%len(kinds)], Batch: int64(i/7 + 1), Unit: int64(i/3 + 1), Op: i % 11, Subject: fmt.Sprintf("ACCOUNT%06d", i*131%100_000),
			Detail: fmt.Sprintf(`{"what":"library","library":"LIB%d","before":{"role":"NRTADMIN","enabled":true},"after":{"role":"DEFAULT","enabled":false},"request":"%08x-%04x"}`, i%40, i*2654435761%0xffffffff, i),
		})
	}
	chain, err := audit.NewChain(key)
	if err != nil {
		return nil, err
	}
	sealer, signer := provisioning.Sealer(chain), installation(1).key()
	var prev provisioning.Record
	var digest, last []byte
	for i := range n {
		r := y.row(i)
		if prev, err = sealer.Seal(prev, r.Event); err != nil {
			return nil, err
		}
		y.hashes = append(y.hashes, prev.Hash...)
		digest = prev.Digest(digest)
		if (i+1)%100 == 0 {
			c := provisioning.Checkpoint{Seq: prev.Seq, At: prev.Event.At, Head: prev.Hash, Digest: digest, Prev: last, PublicKey: installation(1).Public()}
			c.Signature = ed25519.Sign(signer, c.Statement())
			y.points, last = append(y.points, c), c.Signature
		}
	}
	return y, nil
}

var oneYear = sync.OnceValues(func() (*year, error) { return newYear(yearRows) })

// hashRate is how many bytes a second this machine sums by SHA-256: what the figures are held against.
func hashRate() float64 {
	block := make([]byte, 1<<20)
	begin := time.Now()
	for range 256 {
		sha256.Sum256(block)
	}
	return 256 * float64(len(block)) / time.Since(begin).Seconds()
}

func yearFile(b *testing.B) (file string, done audit.EvidenceDone) {
	b.Helper()
	y, err := oneYear()
	if err != nil {
		b.Fatal(err)
	}
	file = filepath.Join(b.TempDir(), "evidence.zip")
	out, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		b.Fatal(err)
	}
	if done, err = audit.WriteEvidence(ctx, out, evidenceHead(), []audit.EvidencePart{audit.RecordPart("record.jsonl", y, 1, 0)}, installation(1)); err != nil {
		b.Fatal(err)
	}
	if err := out.Sync(); err != nil {
		b.Fatal(err)
	}
	if err := out.Close(); err != nil {
		b.Fatal(err)
	}
	return file, done
}

// BenchmarkEvidenceWrite writes the bundle of a year to a file, synced. MB/s are those of the record, unpacked; the bar is 50.
func BenchmarkEvidenceWrite(b *testing.B) {
	if _, err := oneYear(); err != nil {
		b.Fatal(err)
	}
	var done audit.EvidenceDone
	for b.Loop() {
		_, done = yearFile(b)
	}
	each := b.Elapsed().Seconds() / float64(b.N)
	rate := float64(done.Content) / each
	b.ReportMetric(rate/1e6, "MB/s")
	b.ReportMetric(each*1e6/yearRows, "s/million")
	b.ReportMetric(float64(done.Content)/1e6, "MB-unpacked")
	b.ReportMetric(float64(done.Size)/1e6, "MB-packed")
	b.ReportMetric(hashRate()/rate, "x-sha256")
}

// BenchmarkEvidenceVerify verifies the bundle of a year from a file, with nothing but the key. The bar is 10 s.
func BenchmarkEvidenceVerify(b *testing.B) {
	file, done := yearFile(b)
	for b.Loop() {
		in, err := os.Open(file)
		if err != nil {
			b.Fatal(err)
		}
		r, err := audit.VerifyEvidence(ctx, in, done.Size, installation(1).Public())
		if err != nil || !r.OK() || r.Rows != yearRows || r.Records[0].Signed.Row != yearRows || !bytes.Equal(r.SHA256, done.SHA256) {
			b.Fatalf("%+v, %v", r.Findings, err)
		}
		in.Close()
	}
	each := b.Elapsed().Seconds() / float64(b.N)
	rate := float64(done.Content) / each
	b.ReportMetric(rate/1e6, "MB/s")
	b.ReportMetric(each*1e6/yearRows, "s/million")
	b.ReportMetric(hashRate()/rate, "x-sha256")
}

// BenchmarkExport writes the record of a year alone.
func BenchmarkExport(b *testing.B) {
	y, err := oneYear()
	if err != nil {
		b.Fatal(err)
	}
	var n int64
	for b.Loop() {
		c := &counter{}
		if _, err := audit.Export(ctx, c, y, 1, 0); err != nil {
			b.Fatal(err)
		}
		n = c.n
	}
	b.ReportMetric(float64(n)/1e6/(b.Elapsed().Seconds()/float64(b.N)), "MB/s")
}

type counter struct{ n int64 }

func (c *counter) Write(b []byte) (int, error) {
	c.n += int64(len(b))
	return len(b), nil
}

// TestEvidenceMemory: what a check holds does not grow with the bundle.
func TestEvidenceMemory(t *testing.T) {
	y, err := newYear(30_000)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	done, err := audit.WriteEvidence(ctx, &out, evidenceHead(), []audit.EvidencePart{audit.RecordPart("record.jsonl", y, 1, 0)}, installation(1))
	if err != nil {
		t.Fatal(err)
	}
	var most uint64
	peak := func() {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		most = max(most, m.HeapAlloc)
	}
	peak()
	before := most
	in := bytes.NewReader(out.Bytes())
	reads := 0
	r, err := audit.VerifyEvidence(ctx, readAtFunc(func(b []byte, at int64) (int, error) {
		if reads++; reads%16 == 0 {
			peak()
		}
		return in.ReadAt(b, at)
	}), done.Size)
	if err != nil || !r.OK() || r.Rows != 30_000 {
		t.Fatalf("%+v, %v", r.Findings, err)
	}
	if grown := most - before; grown > 12<<20 || reads < 32 {
		t.Errorf("%d MB unpacked took %d kB of memory in %d reads", done.Content>>20, grown>>10, reads)
	}
}

type readAtFunc func(b []byte, at int64) (int, error)

func (f readAtFunc) ReadAt(b []byte, at int64) (int, error) { return f(b, at) }

var _ io.ReaderAt = readAtFunc(nil)
