//go:build linux

package chaos_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"lienthong/internal/chaos"
	"lienthong/internal/store"
)

// page is how SQLite's files are divided (store/sqlite/file).
const page = 8192

// relic is a hub's directory and keys as they lay on the disk, with what was
// acknowledged and the checkpoint that somebody outside knows.
type relic struct {
	t      *testing.T
	dir    string
	keys   string
	known  string // file
	acks   []ack
	sender *sender
	listen string
	print  [32]byte
}

// leave runs a hub for some files and keeps what is on the disk after it was
// killed (with its write-ahead log) or after it ended well.
func leave(t *testing.T, run *chaos.Run, killed bool) *relic {
	t.Helper()
	p := admit(t, run, "sqlite", "", false, 0)
	x := &relic{t: t, dir: t.TempDir(), listen: p.listen, sender: p.sender, known: filepath.Join(t.TempDir(), "known")}
	for range 12 {
		file := p.sender.parcel()
		status, list, err := p.sender.until(file)
		if err != nil || status != http.StatusOK || !whole(file, list) {
			t.Fatalf("HTTP %d, %v", status, err)
		}
		x.acks = append(x.acks, ack{file, list})
	}
	a := x.acks[0]
	if status, _, err := p.sender.get(context.Background(), a.facility, "/api/v1/records/"+a.results[0].Record+"/content"); err != nil || status != http.StatusOK {
		t.Fatalf("content: HTTP %d, %v", status, err)
	}
	_, note, err := p.sender.get(context.Background(), a.facility, "/ledger/0/checkpoint")
	check(t, err)
	check(t, os.WriteFile(x.known, note, 0o600))
	if !killed {
		check(t, p.hub.end())
	}
	p.discharge()
	at, _, err := readPlace(p.at)
	check(t, err)
	x.keys = at.Keys
	check(t, os.RemoveAll(filepath.Join(p.at, "admin.sock")))
	check(t, os.RemoveAll(x.dir))
	check(t, os.CopyFS(x.dir, os.DirFS(p.at)))
	dir, _ := x.copy()
	if x.print, err = fingerprint(dir); err != nil {
		t.Fatal(err)
	}
	return x
}

// copy gives a copy of directory and keys.
func (x *relic) copy() (dir, keys string) {
	x.t.Helper()
	base := x.t.TempDir()
	dir, keys = filepath.Join(base, "hub"), filepath.Join(base, "keys")
	check(x.t, os.CopyFS(dir, os.DirFS(x.dir)))
	check(x.t, os.CopyFS(keys, os.DirFS(x.keys)))
	for _, d := range []string{dir, keys} { // CopyFS opens modes to all
		for _, e := range must(os.ReadDir(d)) {
			check(x.t, os.Chmod(filepath.Join(d, e.Name()), 0o600))
		}
	}
	check(x.t, os.WriteFile(filepath.Join(dir, "hub.json"), must(json.Marshal(place{Name: hubName, Keys: keys})), 0o600))
	return dir, keys
}

// fingerprint is a hash of every record with its body, as a reader gets them.
func fingerprint(dir string) (sum [32]byte, err error) {
	p, _, err := readPlace(dir)
	if err != nil {
		return sum, err
	}
	s, err := openPlace(dir, p)(context.Background(), nil)
	if err != nil {
		return sum, err
	}
	defer s.Close()
	h := sha256.New()
	err = s.Records.Walk(context.Background(), 0, 0, func(r *store.Record, body []byte) error {
		b, err := json.Marshal(r)
		if err != nil {
			return err
		}
		h.Write(b)
		h.Write(body)
		return nil
	})
	return [32]byte(h.Sum(nil)), err
}

// harm changes a file: one bit, a page of zeros, or its end missing.
func harm(path string, r *rand.Rand) (what string, err error) {
	b, err := os.ReadFile(path)
	if err != nil || len(b) == 0 {
		return "", err
	}
	switch r.IntN(3) {
	case 0:
		at := r.IntN(len(b))
		b[at] ^= 1 << r.IntN(8)
		what = fmt.Sprintf("a bit of byte %d", at)
	case 1:
		at := r.IntN((len(b)+page-1)/page) * page
		clear(b[at:min(at+page, len(b))])
		what = fmt.Sprintf("zeros at %d", at)
	default:
		at := r.IntN(len(b))
		b, what = b[:at], fmt.Sprintf("cut off at %d", at)
	}
	return fmt.Sprintf("%s: %s", filepath.Base(path), what), os.WriteFile(path, b, 0o600)
}

// noticed reports how harm to a store was noticed: "opening" it, by SQLite's
// own "integrity" check, by the "audit" with the known checkpoint, or "".
func (x *relic) noticed(dir string) string {
	x.t.Helper()
	bin, err := program()
	check(x.t, err)
	// The audit goes first and on a copy: opening a store repairs its log.
	audited := x.t.TempDir()
	check(x.t, os.RemoveAll(audited))
	check(x.t, os.CopyFS(audited, os.DirFS(dir)))
	err = exec.Command(bin, "audit", "--json", "--known", x.known, "--data", audited).Run()
	check(x.t, os.RemoveAll(audited))
	print, openErr := fingerprint(dir)
	switch {
	case openErr != nil:
		return "opening"
	case integrity(filepath.Join(dir, "main.db")) != "ok" || integrity(filepath.Join(dir, "disclosure.db")) != "ok":
		return "integrity"
	case err != nil:
		return "audit"
	case print == x.print:
		return "harmless"
	}
	return ""
}

func TestR4TornFiles(t *testing.T) {
	t.Parallel()
	run := chaos.Begin(t, chaos.Plan{Name: "R4 torn and flipped files, sqlite", Quick: 4, All: 400})
	ended, killed := leave(t, run, false), leave(t, run, true)
	for _, x := range []*relic{ended, killed} {
		dir, _ := x.copy()
		if how := x.noticed(dir); how != "harmless" {
			t.Fatalf("an untouched copy is noticed by %q", how)
		}
	}
	by := map[string]int{}
	for n := range run.Rounds {
		r := run.Rand("harm", n)
		x, names := ended, []string{"main.db", "disclosure.db"}
		if n%2 == 1 {
			x, names = killed, []string{"main.db", "main.db-wal", "disclosure.db-wal"}
		}
		dir, _ := x.copy()
		what, err := harm(filepath.Join(dir, names[r.IntN(len(names))]), r)
		check(t, err)
		if what == "" {
			by["harmless"]++
			continue
		}
		how := x.noticed(dir)
		if by[how]++; how == "" {
			t.Errorf("%s (seed %d), round %d: %s is not noticed, and something else is served", run.Name, run.Seed, n, what)
		}
		check(t, os.RemoveAll(filepath.Dir(dir)))
	}
	delete(by, "")
	var words []string
	for _, how := range slices.Sorted(maps.Keys(by)) {
		words = append(words, fmt.Sprintf("%s %d", how, by[how]))
	}
	dir, _ := killed.copy()
	check(t, os.Remove(filepath.Join(dir, "main.db-wal"))) // opens well, and is an older store
	_, err := fingerprint(dir)
	run.Control(err == nil && killed.noticed(dir) == "audit", "a checker that only opens the files misses a lost write-ahead log; the known checkpoint tells")
	run.End("%d files harmed: %v; none served as good", run.Rounds, words)
}

// TestR4FlippedKeys flips one bit of each key file: the hub does not start, the
// audit finds it, or every receipt is still the same.
func TestR4FlippedKeys(t *testing.T) {
	t.Parallel()
	run := chaos.Begin(t, chaos.Plan{Name: "R4 flipped keys, sqlite", Quick: 2, All: 30})
	x := leave(t, run, false)
	by := map[string]int{}
	names := []string{"master.key", "pepper-1.key", "log.key", "receipt.pem", "token.key"}
	for n := range run.Rounds {
		r := run.Rand("key", n)
		name := names[n%len(names)]
		dir, keys := x.copy()
		path := filepath.Join(keys, name)
		b := must(os.ReadFile(path))
		b[r.IntN(len(b)-1)] ^= 1 << r.IntN(8)
		check(t, os.WriteFile(path, b, 0o600))
		how := x.started(dir)
		if by[name+" "+how]++; how == "" || how == "audit" && name != "receipt.pem" {
			t.Errorf("%s (seed %d), round %d: a bit of %s is not noticed when the hub starts (%q), and receipts are not the same", run.Name, run.Seed, n, name, how)
		}
		check(t, os.RemoveAll(filepath.Dir(dir)))
	}
	dir, keys := x.copy()
	other := must(os.ReadFile(filepath.Join(keys, "token.key")))
	check(t, os.WriteFile(filepath.Join(keys, "log.key"), other, 0o600))
	run.Control(x.started(dir) == "refused", "another hub's log key")
	run.End("%d keys flipped: %v", run.Rounds, by)
}

// started starts the shipped hub on a copy: "refused" when it does not, "audit"
// when the re-verifier finds something, "same" when every receipt is.
func (x *relic) started(dir string) string {
	x.t.Helper()
	bin, err := program()
	check(x.t, err)
	audited := exec.Command(bin, "audit", "--json", "--known", x.known, "--data", dir).Run()
	h := launch(x.t, dir, x.listen, "")
	defer h.kill()
	if h.await() != nil {
		return "refused"
	}
	x.sender.forget()
	gone := x.sender.missing(x.acks)
	switch {
	case audited != nil:
		return "audit"
	case len(gone) == 0:
		return "same"
	}
	x.t.Log(gone[0])
	return ""
}
