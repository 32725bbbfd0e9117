package bench_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"lienthong/internal/agent"
	"lienthong/internal/bench"
)

func TestCorpusIsReadAgain(t *testing.T) {
	t.Parallel()
	dir, told := t.TempDir(), 0
	made, err := bench.Build(t.Context(), bench.BuildConfig{Dir: dir, Label: "seed 1", Dossiers: 50, Members: 8, Make: dossier,
		Progress: func(done, of int) { told++ }})
	if err != nil {
		t.Fatal(err)
	}
	again, err := bench.OpenCorpus(dir)
	if err != nil {
		t.Fatal(err)
	}
	if made.Dossiers() != 50 || again.Dossiers() != 50 || again.Label != "seed 1" || len(again.Facilities()) != 3 || told != 50 {
		t.Errorf("%d made, %d read, label %q, facilities %v, %d times told", made.Dossiers(), again.Dossiers(), again.Label, again.Facilities(), told)
	}
	for _, b := range again.Batches {
		if b.Dossiers > 8 || b.Wire <= 0 || b.Bytes <= b.Wire {
			t.Errorf("batch %+v", b)
		}
	}
	if _, err := bench.OpenCorpus(t.TempDir()); !errors.Is(err, bench.ErrCorpus) {
		t.Errorf("got %v", err)
	}
}

func TestCorpusStopsWithItsMaker(t *testing.T) {
	t.Parallel()
	broken := errors.New("no key")
	if _, err := bench.Build(t.Context(), bench.BuildConfig{Dir: t.TempDir(), Dossiers: 9, Make: func(int) (bench.Dossier, error) {
		return bench.Dossier{}, broken
	}}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if _, err := bench.Build(t.Context(), bench.BuildConfig{Dir: t.TempDir()}); !errors.Is(err, bench.ErrCorpus) {
		t.Errorf("got %v", err)
	}
}

func TestFloorCountsItsWork(t *testing.T) {
	t.Parallel()
	var docs [][]byte
	for i := range 5 {
		d, _ := dossier(i)
		docs = append(docs, d.XML)
	}
	r, err := bench.Floor(t.Context(), bench.FloorConfig{Dossiers: docs, Duration: 100 * time.Millisecond, Group: 8, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	n, mb := r.DossiersPerS*r.Seconds, r.EnvelopeMBPerS*r.Seconds
	if r.Files != 5 || r.Cores < 1 || n < 1 || mb/n < 1e-6*float64(len(docs[0])-20) || mb/n > 1e-6*float64(len(docs[4])+20) {
		t.Errorf("%+v", r)
	}
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"files", "cores", "seconds", "dossiers_per_s", "envelope_mb_per_s"} {
		if !bytes.Contains(b, []byte(`"`+key+`":`)) {
			t.Errorf("%s lacks the yardstick's %q", b, key)
		}
	}
}

func TestFloorRefusesWhatItCannotMeasure(t *testing.T) {
	t.Parallel()
	for name, docs := range map[string][][]byte{"none": nil, "cut": {[]byte("<G><NOIDUNGFILE>abc")}} {
		if _, err := bench.Floor(t.Context(), bench.FloorConfig{Dossiers: docs, Duration: time.Millisecond, Dir: t.TempDir()}); !errors.Is(err, bench.ErrCorpus) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d, _ := dossier(1)
	if _, err := bench.Floor(ctx, bench.FloorConfig{Dossiers: [][]byte{d.XML}, Dir: t.TempDir()}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
}

func TestIntakeCountsWhatTheHubDecided(t *testing.T) {
	t.Parallel()
	h, c := newHub(t), corpus(t, 100)
	r, err := bench.Intake(t.Context(), bench.IntakeConfig{Target: h.target(c.Facilities()...), Corpus: c, Workers: 3,
		Floor: 50 * time.Millisecond, FloorDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if r.Accepted != 80 || r.Rejected != 10 || r.Refused != 10 || r.Deferred != 0 || r.Replayed != 0 || r.Dossiers != 90 || r.Files != 100 {
		t.Errorf("counts %+v", r)
	}
	if different, twice := h.sent(); different != 100 || twice != 0 {
		t.Errorf("the hub was sent %d files, %d of them twice", different, twice)
	}
	if int(r.Batches) != h.requests || r.Batch.Count != h.requests || r.GroupMean != 16 || r.Exhausted || c.Dossiers() != 0 {
		t.Errorf("%d requests: %+v", h.requests, r)
	}
	if len(r.Records) != 80 || r.Records[0].Facility == "" || !strings.HasPrefix(r.Records[0].Record, "r") {
		t.Errorf("%d records remembered: %+v", len(r.Records), r.Records[0])
	}
	if r.Floor == nil || !near(r.Ratio*r.Floor.DossiersPerS, r.DossiersPerS) || !near(r.DossiersPerS*r.Seconds, 90) {
		t.Errorf("ratio %v of %+v", r.Ratio, r.Floor)
	}
	if !r.InProcess || r.Batch.P50 > r.Batch.P99 || r.Batch.P99 > r.Batch.Max {
		t.Errorf("%+v", r)
	}
	if _, err := bench.Intake(t.Context(), bench.IntakeConfig{Target: h.target(c.Facilities()...), Corpus: c}); !errors.Is(err, bench.ErrCorpus) {
		t.Errorf("a corpus used up: got %v", err)
	}
}

func near(a, b float64) bool { return a > 0.999*b && a < 1.001*b }

func TestIntakeWarmsUpBeforeTheClock(t *testing.T) {
	t.Parallel()
	h, c := newHub(t), corpus(t, 48) // 6 batches
	r, err := bench.Intake(t.Context(), bench.IntakeConfig{Target: h.target(c.Facilities()...), Corpus: c, Warmup: 2})
	if err != nil || r.Batches != 4 || r.Files != 32 || h.requests != 6 {
		t.Errorf("%+v, %v, %d requests", r, err, h.requests)
	}
}

func TestIntakeComesAgainWhenTurnedAway(t *testing.T) {
	t.Parallel()
	h, c := newHub(t), corpus(t, 24)
	h.odd = func(n int, w http.ResponseWriter) bool {
		if n == 1 {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusTooManyRequests)
		}
		return n == 1
	}
	r, err := bench.Intake(t.Context(), bench.IntakeConfig{Target: h.target(c.Facilities()...), Corpus: c, Workers: 1, Duration: time.Minute})
	if err != nil || r.TurnedAway != 1 || r.Files != 24 || !r.Exhausted {
		t.Errorf("%+v, %v", r, err)
	}
	if different, twice := h.sent(); different != 24 || twice != 0 {
		t.Errorf("the hub was sent %d files, %d of them twice", different, twice)
	}
}

func TestIntakeDoesNotMeasureALie(t *testing.T) {
	t.Parallel()
	for name, odd := range map[string]func(w http.ResponseWriter){
		"cut":         func(w http.ResponseWriter) { fmt.Fprintln(w, `{"file":"a","refused":true,"code":"x"}`) },
		"wrong end":   func(w http.ResponseWriter) { fmt.Fprintln(w, `{"end":true,"results":3}`) },
		"not a line":  func(w http.ResponseWriter) { fmt.Fprintln(w, `{"file":"a"}`) },
		"not allowed": func(w http.ResponseWriter) { w.Header().Set("Content-Type", "text/plain"); w.WriteHeader(403) },
		"broken":      func(w http.ResponseWriter) { w.WriteHeader(500) },
	} {
		h, c := newHub(t), corpus(t, 8)
		h.odd = func(_ int, w http.ResponseWriter) bool {
			w.Header().Set("Content-Type", "application/x-ndjson")
			odd(w)
			return true
		}
		if _, err := bench.Intake(t.Context(), bench.IntakeConfig{Target: h.target(c.Facilities()...), Corpus: c}); !errors.Is(err, bench.ErrHub) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	h, c := newHub(t), corpus(t, 8)
	if _, err := bench.Intake(t.Context(), bench.IntakeConfig{Target: h.target("79901"), Corpus: c}); !errors.Is(err, bench.ErrCorpus) {
		t.Errorf("no credential: got %v", err)
	}
}

func TestAloneSendsEachByItself(t *testing.T) {
	t.Parallel()
	h, c := newHub(t), corpus(t, 60)
	r, err := bench.Alone(t.Context(), bench.AloneConfig{Target: h.target(c.Facilities()...), Corpus: c, Rate: 400, Duration: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if r.Sent != 40 || r.Latency.Count != 40 || h.requests != 40 || r.Accepted+r.Rejected+r.Refused != 40 || r.TurnedAway != 0 {
		t.Errorf("%d requests: %+v", h.requests, r)
	}
	if different, _ := h.sent(); different != 40 {
		t.Errorf("%d different dossiers, want 40", different)
	}
	if _, err := bench.Alone(t.Context(), bench.AloneConfig{Target: h.target(c.Facilities()...), Corpus: c}); !errors.Is(err, bench.ErrCorpus) {
		t.Errorf("too few dossiers: got %v", err)
	}
}

func TestAloneTellsWhatWasTurnedAway(t *testing.T) {
	t.Parallel()
	h, c := newHub(t), corpus(t, 60)
	h.odd = func(n int, w http.ResponseWriter) bool {
		if n%2 == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return n%2 == 1
	}
	r, err := bench.Alone(t.Context(), bench.AloneConfig{Target: h.target(c.Facilities()...), Corpus: c, Rate: 500, Duration: 40 * time.Millisecond})
	if err != nil || r.TurnedAway != 10 || r.Latency.Count != 10 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestReadWhileIdleAndBusy(t *testing.T) {
	t.Parallel()
	h, c := newHub(t), corpus(t, 120)
	h.odd = func(n int, w http.ResponseWriter) bool {
		for n >= 5 && h.looks() < 40 { // so that the load lasts as long as the reading
			time.Sleep(time.Millisecond)
		}
		return false
	}
	target := h.target(c.Facilities()...)
	refs := []bench.Ref{{Facility: "79901", Record: "a"}, {Facility: "79902", Record: "b"}, {Facility: "79903", Record: "c"}}
	h.hold = func() {
		for h.looks() == 20 && h.posts() < 6 { // so that something was taken in by then
			time.Sleep(time.Millisecond)
		}
	}
	r, err := bench.Read(t.Context(), bench.ReadConfig{Target: target, Records: refs, Rate: 200, Duration: 100 * time.Millisecond,
		Settle: time.Millisecond, Load: &bench.IntakeConfig{Target: target, Corpus: c, Workers: 2}})
	if err != nil {
		t.Fatal(err)
	}
	if r.Idle.Record.Count != 10 || r.Idle.Related.Count != 10 || r.Busy == nil || r.Busy.Record.Count != 10 || r.Busy.Related.Count != 10 || r.Records != 3 {
		t.Errorf("%+v", r)
	}
	if h.reads["record"] != 20 || h.reads["related"] != 20 {
		t.Errorf("the hub was asked %v", h.reads)
	}
	if r.Load == nil || r.Load.Dossiers == 0 || r.Load.Replayed != 0 {
		t.Errorf("load %+v", r.Load)
	}
}

func TestReadNeedsALoadThatLasts(t *testing.T) {
	t.Parallel()
	h, c := newHub(t), corpus(t, 8) // 3 batches for 4 workers
	h.hold = func() {
		for h.looks() >= 20 && h.posts() < 3 {
			time.Sleep(time.Millisecond)
		}
	}
	target := h.target(c.Facilities()...)
	refs := []bench.Ref{{Facility: "79901", Record: "a"}}
	_, err := bench.Read(t.Context(), bench.ReadConfig{Target: target, Records: refs, Rate: 200, Duration: 100 * time.Millisecond,
		Settle: time.Millisecond, Load: &bench.IntakeConfig{Target: target, Corpus: c}})
	if !errors.Is(err, bench.ErrCorpus) {
		t.Errorf("got %v", err)
	}
	if _, err := bench.Read(t.Context(), bench.ReadConfig{Target: target}); !errors.Is(err, bench.ErrCorpus) {
		t.Errorf("nothing to read: got %v", err)
	}
}

func TestLatencyByNearestRank(t *testing.T) {
	t.Parallel()
	list := make([]time.Duration, 200)
	for i := range list {
		list[i] = time.Duration(200-i) * time.Millisecond
	}
	if l := bench.LatencyOf(list); l != (bench.Latency{Count: 200, P50: 100, P99: 198, Max: 200}) {
		t.Errorf("%+v", l)
	}
	if l := bench.LatencyOf(list[:1]); l.P50 != 200 || l.P99 != 200 || l.Max != 200 {
		t.Errorf("%+v", l)
	}
	if l := bench.LatencyOf(nil); l != (bench.Latency{}) {
		t.Errorf("%+v", l)
	}
}

func TestTablesAreInBothLanguages(t *testing.T) {
	t.Parallel()
	looks := bench.Looks{Record: bench.Latency{Count: 1, P50: 1.5}}
	for want, print := range map[string]func(*bytes.Buffer) error{
		"Floor: the unavoidable work": func(b *bytes.Buffer) error { return bench.FloorResult{DossiersPerS: 4600}.Print(b) },
		"ratio to the floor": func(b *bytes.Buffer) error {
			return bench.IntakeResult{GroupMean: 3, TurnedAway: 1, Exhausted: true, Floor: &bench.FloorResult{}, Ratio: 0.25}.Print(b)
		},
		"to the receipt": func(b *bytes.Buffer) error { return bench.AloneResult{}.Print(b) },
		"a record, intake saturated": func(b *bytes.Buffer) error {
			return bench.ReadResult{Busy: &looks, Load: &bench.IntakeResult{}}.Print(b)
		},
	} {
		var b bytes.Buffer
		if err := print(&b); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
		for line := range strings.Lines(b.String()) {
			if !strings.Contains(line, " · ") {
				t.Errorf("in one language only: %q", line)
			}
		}
	}
}

// What is read off the head of a line must be what the whole line says.
func TestAnswersAreCountedAsAnAgentReadsThem(t *testing.T) {
	t.Parallel()
	lines := []string{
		`{"file":"\"refused\":true","index":0,"record":"r","state":"accepted","replay":true,"findings":[],"receipt":{}}`,
		`{"file":"\"deferred\":true,\"findings\":","index":2,"record":"r","state":"rejected","replay":false,"findings":[{"code":"\"state\":\"accepted\""}]}`,
		`{"file":"{\"end\":true","refused":true,"code":"seal.broken","message":{"vi":"x","en":"y"}}`,
		`{"file":"","index":0,"deferred":true,"code":"hub.busy","retry_after":3,"message":{}}`,
		`{"file":"a","index":0,"record":"r","state":"accepted_with_warnings","replay":false,"findings":[{"x":"\"replay\":true"}]}`,
	}
	var want bench.Counts
	for _, l := range lines {
		a, err := agent.ParseAnswer([]byte(l))
		if err != nil {
			t.Fatal(err)
		}
		switch a.Outcome {
		case agent.Accepted:
			want.Accepted++
		case agent.Rejected:
			want.Rejected++
		case agent.Refused:
			want.Refused++
		case agent.Deferred:
			want.Deferred++
		}
		if a.Replay {
			want.Replayed++
		}
	}
	got, err := bench.CountAnswers(strings.NewReader(strings.Join(lines, "\n") + "\n" + `{"end":true,"results":5}`))
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func FuzzCountAnswers(f *testing.F) {
	f.Add([]byte("{\"file\":\"a\",\"refused\":true}\n{\"end\":true,\"results\":1}\n"))
	f.Add([]byte("{\"end\":true,\"results\":99999999999999999999}\n"))
	f.Add([]byte("\n\n"))
	f.Add([]byte(`{"record":"r","state":"accepted`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := bench.CountAnswers(bytes.NewReader(b))
		if err != nil && !errors.Is(err, bench.ErrHub) {
			t.Errorf("not coded: %v", err)
		}
		if n := c.Accepted + c.Rejected + c.Refused + c.Deferred; n > int64(bytes.Count(b, []byte("\n"))+1) || c.Replayed > n {
			t.Errorf("%+v out of %q", c, b)
		}
	})
}
