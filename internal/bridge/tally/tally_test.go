package tally_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"lienthong/internal/bridge/faulty"
	"lienthong/internal/bridge/tally"
	"lienthong/internal/clock"
)

func entry(kind, facility, episode, digest string) tally.Entry {
	return tally.Entry{Kind: kind, Facility: facility, Episode: episode, SHA256: digest, Code: "200"}
}

func TestCountsToTheRecord(t *testing.T) {
	t.Parallel()
	var journal bytes.Buffer
	c := clock.NewFake(time.Date(2026, 7, 1, 16, 59, 59, 0, time.UTC)) // a second before midnight in Hanoi
	b := tally.New(tally.Config{Clock: c, Journal: &journal})
	for i, e := range []struct {
		entry     tally.Entry
		duplicate bool
		replaces  int
	}{
		{entry("dossier", "79901", "1", "a"), false, 0},
		{entry("dossier", "79901", "1", "a"), true, 1},
		{entry("dossier", "79901", "1", "b"), false, 2},
		{entry("dossier", "79901", "1", "a"), true, 3},
		{entry("dossier", "79902", "1", "a"), false, 0},
		{entry("checkin", "79901", "1", "a"), false, 0},
	} {
		got, err := b.Record(e.entry)
		if err != nil || got.Seq != i+1 || got.Duplicate != e.duplicate || got.Replaces != e.replaces {
			t.Errorf("%d: %+v %v", i, got, err)
		}
		c.Advance(time.Second)
	}
	want := tally.Kind{Recorded: 6, Distinct: 4, Held: 3, Duplicates: 2, Replaced: 3}
	if got := b.Counts(); got.Kind != want || got.Kinds["checkin"].Held != 1 {
		t.Errorf("%+v", got)
	}
	for name, c := range map[string]struct {
		of   tally.Select
		want int
	}{
		"all": {tally.Select{}, 6}, "facility": {tally.Select{Facility: "79902"}, 1}, "day": {tally.Select{Day: "2026-07-01"}, 1}, "next day": {tally.Select{Day: "2026-07-02"}, 5},
		"kind": {tally.Select{Kind: "checkin"}, 1}, "held": {tally.Select{Held: true}, 3}, "after": {tally.Select{After: 4}, 2}, "beyond": {tally.Select{After: 9}, 0},
		"before": {tally.Select{After: -1}, 6}, "limit": {tally.Select{Limit: 2}, 2}, "episode": {tally.Select{Episode: "2"}, 0},
	} {
		if got := b.Entries(c.of); len(got) != c.want {
			t.Errorf("%s: %d entries, want %d", name, len(got), c.want)
		}
	}

	again := tally.New(tally.Config{Clock: c})
	if err := again.Load(strings.NewReader(journal.String() + `{"seq":7,"ki`)); err != nil { // killed in the midst of a line
		t.Fatal(err)
	}
	if got := again.Counts(); got.Kind != want {
		t.Errorf("read again: %+v", got)
	}
	if e, _ := again.Record(entry("dossier", "79902", "1", "a")); e.Seq != 7 || !e.Duplicate {
		t.Errorf("%+v", e)
	}
	if err := again.Load(strings.NewReader("nonsense\n")); err == nil {
		t.Error("loads nonsense")
	}
	if err := again.Load(broken{}); err == nil {
		t.Error("loads what cannot be read")
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("no room") }
func (broken) Read([]byte) (int, error)  { return 0, errors.New("no disk") }

func TestWhatTheJournalDoesNotTakeIsNotRecorded(t *testing.T) {
	t.Parallel()
	b := tally.New(tally.Config{Journal: broken{}})
	if _, err := b.Record(entry("dossier", "79901", "1", "a")); err == nil {
		t.Error("no error")
	}
	if c := b.Counts(); c.Recorded != 0 {
		t.Errorf("%+v", c)
	}
}

func TestTheDoor(t *testing.T) {
	t.Parallel()
	b := tally.New(tally.Config{})
	b.Also("own", func() int { return 7 })
	faults, err := faulty.New(faulty.Config{})
	if err != nil {
		t.Fatal(err)
	}
	services := http.NewServeMux()
	services.HandleFunc("POST /job/{id}", func(w http.ResponseWriter, r *http.Request) {
		b.Answer(tally.Pattern(r.Pattern), "200")
		if _, err := b.Record(entry("dossier", "79901", r.PathValue("id"), "a")); err != nil {
			t.Error(err)
		}
		tally.WriteJSON(w, http.StatusOK, "done")
	})
	front := tally.Front(services, faults, b)
	do := func(method, path, body string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		front.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
		return w
	}
	do("POST", "/job/1", "")
	do("POST", "/job/2", "")
	do("GET", "/job/2", "")
	do("GET", "/nowhere", "")
	if w := do("GET", faulty.Elsewhere, ""); w.Code != http.StatusNotFound {
		t.Errorf("elsewhere: %d", w.Code)
	}
	if w := do("PUT", "/simulator/faults", "nonsense"); w.Code != http.StatusBadRequest {
		t.Errorf("nonsense: %d", w.Code)
	}
	if w := do("PUT", "/simulator/faults", "503:count=1"); w.Code != http.StatusNoContent {
		t.Errorf("faults: %d", w.Code)
	}
	if w := do("POST", "/job/3", ""); w.Code != http.StatusServiceUnavailable {
		t.Errorf("with a fault: %d", w.Code)
	}
	var c tally.Counts
	if err := json.NewDecoder(do("GET", "/simulator/counts", "").Body).Decode(&c); err != nil {
		t.Fatal(err)
	}
	if c.Requests != 6 || c.Paths["/job/{id}"].Requests != 3 || c.Paths["/job/{id}"].Answers["200"] != 2 || c.Paths["other"].Requests != 2 ||
		c.Paths[faulty.Elsewhere].Requests != 1 || c.Faults["503"] != 1 || c.Held != 2 || c.Extra["own"] != 7 || c.Kinds["dossier"].Held != 2 {
		t.Errorf("%+v", c)
	}
	raw, _ := io.ReadAll(do("GET", "/simulator/records?episode=2&limit=5&after=1&held=1&kind=dossier", "").Body)
	var r struct{ Records []tally.Entry }
	if err := json.Unmarshal(raw, &r); err != nil || len(r.Records) != 1 || r.Records[0].Episode != "2" {
		t.Errorf("%s %v", raw, err)
	}
	w := httptest.NewRecorder()
	tally.WriteJSON(w, 200, func() {})
	if w.Code != http.StatusInternalServerError {
		t.Errorf("what is no JSON: %d", w.Code)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(`{"seq":1,"kind":"dossier","facility":"79901","episode":"1","sha256":"a"}` + "\n"))
	f.Add([]byte("{}\n{}\n"))
	f.Fuzz(func(t *testing.T, journal []byte) {
		b := tally.New(tally.Config{})
		if err := b.Load(bytes.NewReader(journal)); err != nil {
			return
		}
		if c := b.Counts(); c.Recorded != len(b.Entries(tally.Select{})) || c.Held != len(b.Entries(tally.Select{Held: true})) || c.Distinct+c.Duplicates != c.Recorded {
			t.Fatalf("%+v", c)
		}
	})
}
