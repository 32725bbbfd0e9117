package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"

	"lienthong/internal/agent"
	"lienthong/internal/command"
	"lienthong/internal/synth"
)

// drill is a hub with facilities that send to it and keep their receipts, as
// processes of their own: what encrypts the hub's files does not ask it.
type drill struct {
	t        *testing.T
	dir      string // everything
	data     string
	place    string
	identity string
	public   string
	nation   *synth.Nation
	base     string

	mu       sync.Mutex
	clients  map[string][]byte // facility to credential
	receipts map[int]receipt   // by number of the file sent
	next     int               // of the file to be sent
}

type receipt struct {
	Record  string          `json:"record"`
	Replay  bool            `json:"replay"`
	Receipt json.RawMessage `json:"receipt"`
}

// index is where the receipt's leaf is.
func (r receipt) index(t *testing.T) uint64 {
	var doc struct {
		Index uint64 `json:"index"`
	}
	if err := json.Unmarshal(r.Receipt, &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Index
}

// newDrill makes a hub and registers its facilities; database is a file with a
// PostgreSQL URL, "" for the embedded store.
func newDrill(t *testing.T, database string) *drill {
	t.Helper()
	dir := t.TempDir()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	d := &drill{t: t, dir: dir, data: filepath.Join(dir, "hub"), place: filepath.Join(dir, "place"), identity: filepath.Join(dir, "identity"),
		public: id.Recipient().String(), clients: map[string][]byte{}, receipts: map[int]receipt{}}
	if err := os.WriteFile(d.identity, []byte(id.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if d.nation, err = synth.New(synth.Config{Seed: 7, Profile: synth.Pilot, DefectShare: -1}); err != nil {
		t.Fatal(err)
	}
	p, err := command.MakePlace(d.data, command.PlaceFile{Name: "lienthong.drill", Keys: d.data + ".keys", Database: database})
	if err != nil {
		t.Fatal(err)
	}
	h, err := p.Start(t.Context(), command.Quiet())
	if err != nil {
		t.Fatal(err)
	}
	if err := found(t.Context(), h, d.nation); err != nil {
		t.Fatal(err)
	}
	for i := range 40 { // the facilities that will send
		sub, err := d.nation.Outpatient(i)
		if err != nil {
			t.Fatal(err)
		}
		if d.clients[sub.Facility] != nil {
			continue
		}
		if d.clients[sub.Facility], err = command.NewCredential(t.Context(), h.Administer(), p.Name, sub.Facility); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	return d
}

// lienthong runs a command to its end.
func (d *drill) lienthong(args ...string) (stdout, stderr string, err error) {
	d.t.Helper()
	var out, said bytes.Buffer
	cmd := exec.CommandContext(d.t.Context(), "lienthong", args...)
	cmd.Env = append(os.Environ(), "LIENTHONG_LANG=en")
	cmd.Stdout, cmd.Stderr = &out, &said
	err = cmd.Run()
	return out.String(), said.String(), err
}

func (d *drill) must(args ...string) string {
	d.t.Helper()
	out, said, err := d.lienthong(args...)
	if err != nil {
		d.t.Fatalf("lienthong %v: %v\n%s%s", args, err, out, said)
	}
	return out
}

// hub runs a hub on a directory until the test ends; kill ends it before.
func (d *drill) hub(data string) (kill func()) {
	d.t.Helper()
	port, err := freePort()
	if err != nil {
		d.t.Fatal(err)
	}
	ops, err := freePort()
	if err != nil {
		d.t.Fatal(err)
	}
	d.base = "http://127.0.0.1:" + port
	log, err := os.Create(filepath.Join(d.dir, filepath.Base(data)+".log"))
	if err != nil {
		d.t.Fatal(err)
	}
	cmd := exec.Command("lienthong", "hub", "--data", data, "--listen", "127.0.0.1:"+port, "--ops-listen", "127.0.0.1:"+ops)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	var once sync.Once
	kill = func() {
		once.Do(func() {
			if err := cmd.Process.Kill(); err != nil {
				d.t.Log(err)
			}
			_ = cmd.Wait() // it was killed, and says so
			_ = log.Close()
		})
	}
	d.t.Cleanup(kill)
	for range 1200 {
		if d.ready() == http.StatusOK {
			return kill
		}
		time.Sleep(50 * time.Millisecond)
	}
	text, _ := os.ReadFile(log.Name()) // nothing to add where it is gone
	d.t.Fatalf("the hub did not start:\n%s", text)
	return nil
}

// ready is the status of /readyz, 0 where nobody answers.
func (d *drill) ready() int {
	r, err := http.Get(d.base + "/readyz")
	if err != nil {
		return 0
	}
	defer r.Body.Close()
	return r.StatusCode
}

// send sends one file; false when no receipt came.
func (d *drill) send(ctx context.Context, i int) (receipt, bool) {
	sub, err := d.nation.Outpatient(i)
	if err != nil {
		d.t.Error(err)
		return receipt{}, false
	}
	credential, err := agent.ParseCredential(d.clients[sub.Facility])
	if err != nil {
		return receipt{}, false // a facility that does not take part
	}
	c, err := agent.New(agent.Config{HubURL: d.base, Credential: credential})
	if err != nil {
		d.t.Error(err)
		return receipt{}, false
	}
	var got receipt
	one := func(yield func(agent.File) bool) { yield(agent.FileOf(sub.FileName, sub.XML)) }
	_, err = c.Submit(ctx, iter.Seq[agent.File](one), agent.Options{Alone: true}, func(a agent.Answer) error {
		if a.Record == "" {
			return nil
		}
		return json.Unmarshal(a.JSON, &got)
	})
	return got, err == nil && len(got.Receipt) > 0
}

// load sends files one after another until ctx ends, and keeps the receipts.
func (d *drill) load(ctx context.Context) (wait func()) {
	var wg sync.WaitGroup
	for lane := range 2 {
		wg.Go(func() {
			for i := lane; ctx.Err() == nil; i += 2 {
				if r, ok := d.send(ctx, i); ok {
					d.mu.Lock()
					d.receipts[i] = r
					d.mu.Unlock()
				}
			}
		})
	}
	return wg.Wait
}

func (d *drill) given() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.receipts)
}

// more waits until n more receipts were given.
func (d *drill) more(n int) {
	d.t.Helper()
	want := d.given() + n
	for range 2400 {
		if d.given() >= want {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	d.t.Fatalf("%d receipts came and no more", d.given())
}

// encrypt does to the data directory what ransomware does: every file is
// overwritten in place and renamed, by a program that knows nothing of the hub.
const encrypt = `for f in "$1"/*; do
  [ -f "$f" ] || continue
  size=$(wc -c < "$f")
  dd if=/dev/urandom of="$f" bs=65536 count=$((size / 65536 + 1)) conv=notrunc 2>/dev/null
  mv "$f" "$f.locked"
done`

// TestRansomwareDrill (TRUST T12, R15): the data directory of a hub at work is
// encrypted. The hub alarms and gives no receipt more; a restore elsewhere has
// every receipt given before the last backup, byte for byte, and says by its
// absence which files must be sent again.
func TestRansomwareDrill(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED, NOT TESTED: -short leaves the ransomware drill out")
	}
	t.Parallel()
	d := newDrill(t, "")
	kill := d.hub(d.data)
	ctx, stop := context.WithCancel(t.Context())
	wait := d.load(ctx)
	defer func() { stop(); wait() }()
	for range 3 {
		d.more(15)
		d.must("backup", "--data", d.data, "--to", d.place, "--recipient", d.public)
	}
	d.more(10) // these are after the last backup
	began := time.Now()
	if out, err := exec.Command("sh", "-c", encrypt, "encrypt", d.data).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for !d.refuses() || d.ready() != http.StatusServiceUnavailable {
		if time.Since(began) > time.Minute {
			t.Fatal("the hub has not seen that its files are encrypted")
		}
		time.Sleep(20 * time.Millisecond)
	}
	alarm := time.Since(began)
	stop()
	wait()
	kill()
	text, err := os.ReadFile(filepath.Join(d.dir, "hub.log"))
	if err != nil || !bytes.Contains(text, []byte("ALARM")) || !bytes.Contains(text, []byte("hub.storage_lost")) {
		t.Errorf("the log does not say so (%v):\n%s", err, text)
	}
	d.withoutItsLastSegment()
	began = time.Now()
	size := d.restored()
	took := time.Since(began)
	defer d.hub(filepath.Join(d.dir, "new"))()
	back, lost := d.sendAgain(size)
	t.Logf("alarm after %v; restored and proven in %v; %d receipts before the last backup are there, %d after it are lost and were sent again",
		alarm.Round(time.Millisecond), took.Round(time.Millisecond), back, lost)
	if back == 0 || lost == 0 {
		t.Error("nothing before, or nothing after the last backup: nothing was tested")
	}
	d.newLog()
}

// refuses reports whether who sends is told to hold the file.
func (d *drill) refuses() bool {
	r, err := http.Post(d.base+"/api/v1/submissions", "application/xml", strings.NewReader("<x/>"))
	if err != nil {
		d.t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	return err == nil && r.StatusCode == http.StatusServiceUnavailable && bytes.Contains(b, []byte("hub.storage_lost"))
}

// withoutItsLastSegment is the control: a place that lacks what was written
// last gives nothing back, and leaves nothing that looks like a store.
func (d *drill) withoutItsLastSegment() {
	d.t.Helper()
	spoiled := filepath.Join(d.dir, "spoiled")
	if err := os.CopyFS(spoiled, os.DirFS(d.place)); err != nil {
		d.t.Fatal(err)
	}
	all, err := filepath.Glob(filepath.Join(spoiled, "*.age"))
	if err != nil || len(all) < 3 {
		d.t.Fatalf("%d segments, %v", len(all), err)
	}
	if err := os.Remove(all[len(all)-1]); err != nil {
		d.t.Fatal(err)
	}
	to := filepath.Join(d.dir, "never")
	_, said, err := d.lienthong("restore", "--from", spoiled, "--identity", d.identity, "--data", to, "--keys", d.data+".keys", "--verify")
	if err == nil || !strings.Contains(said, "backup.segment_missing") {
		d.t.Errorf("the control passed: %v %s", err, said)
	}
	if left, err := filepath.Glob(to + "*"); err != nil || len(left) > 0 {
		d.t.Errorf("it left %v (%v)", left, err)
	}
}

// restored restores elsewhere and returns the size of the restored log.
func (d *drill) restored() uint64 {
	d.t.Helper()
	out := d.must("restore", "--from", d.place, "--identity", d.identity, "--data", filepath.Join(d.dir, "new"), "--keys", d.data+".keys",
		"--verify", "--report", filepath.Join(d.dir, "report"), "--json")
	var r struct {
		Verified bool            `json:"verified"`
		Last     json.RawMessage `json:"last"`
		Logs     []struct {
			Size uint64 `json:"size"`
		} `json:"logs"`
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil || !r.Verified || len(r.Logs) != 1 || len(r.Last) == 0 {
		d.t.Fatalf("%v: %s", err, out)
	}
	return r.Logs[0].Size
}

// sendAgain sends every file again: what is restored answers with its first
// receipt, byte for byte, and what was lost is received anew.
func (d *drill) sendAgain(size uint64) (back, lost int) {
	d.t.Helper()
	for i, before := range d.receipts {
		now, ok := d.send(d.t.Context(), i)
		switch {
		case !ok:
			d.t.Errorf("file %d: no answer", i)
		case before.index(d.t) >= size:
			if lost++; now.Replay {
				d.t.Errorf("%s was received after the last backup and is there", before.Record)
			}
		default:
			if back++; !now.Replay || !bytes.Equal(now.Receipt, before.Receipt) {
				d.t.Errorf("%s: replay %v, another receipt", before.Record, now.Replay)
			}
		}
	}
	return back, lost
}

// newLog: the old log ended, and the one that was begun says where.
func (d *drill) newLog() {
	d.t.Helper()
	var sizes []string
	for n := range 2 {
		r, err := http.Get(fmt.Sprintf("%s/ledger/%d/checkpoint", d.base, n))
		if err != nil {
			d.t.Fatal(err)
		}
		b, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil || r.StatusCode != http.StatusOK {
			d.t.Fatalf("log %d: %s %v", n, r.Status, err)
		}
		sizes = append(sizes, strings.Split(string(b), "\n")[0])
	}
	if sizes[0] != "lienthong.drill/log/0" || sizes[1] != "lienthong.drill/log/1" {
		d.t.Errorf("%v", sizes)
	}
	// Walked again with both logs, and told to the hub.
	d.must("audit", "--data", filepath.Join(d.dir, "new"))
	d.must("backup", "proven", "--data", filepath.Join(d.dir, "new"), filepath.Join(d.dir, "report"))
}
