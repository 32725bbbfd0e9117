package congestion_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"lienthong/internal/bench"
	"lienthong/internal/bench/congestion"
	"lienthong/internal/synth"
)

// corpusOf makes a corpus of submissions.
func corpusOf(t *testing.T, list []synth.Submission) *bench.Corpus {
	t.Helper()
	c, err := bench.Build(t.Context(), bench.BuildConfig{Dir: t.TempDir(), Dossiers: len(list), Members: 8, Make: func(i int) (bench.Dossier, error) {
		return bench.Dossier{Facility: list[i].Facility, Name: list[i].FileName, XML: list[i].XML}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAFloodIsMeasuredBesideOthers(t *testing.T) {
	t.Parallel()
	n, err := synth.New(synth.Config{Seed: 8, Profile: synth.Small})
	if err != nil {
		t.Fatal(err)
	}
	list, err := n.Outpatients(400)
	if err != nil {
		t.Fatal(err)
	}
	of := map[string]int{}
	for _, s := range list {
		of[s.Facility]++
	}
	most := ""
	for code, count := range of {
		if count > of[most] {
			most = code
		}
	}
	var flood, others []synth.Submission
	for _, s := range list {
		if s.Facility == most {
			flood = append(flood, s)
		} else {
			others = append(others, s)
		}
	}
	target := realTarget(t, n)
	facilities := len(of) - 1
	// Times such that the flood, with its second ahead, needs no more than there is.
	times := float64(len(flood)-16) / 1.2 / 100 * float64(facilities)
	r, err := congestion.Flood(t.Context(), congestion.FloodConfig{Target: target, Others: corpusOf(t, others), Flood: corpusOf(t, flood),
		Rate: 20, Times: times / 5, Packs: true, Duration: 200 * time.Millisecond, Rounds: 1})
	if err != nil {
		t.Fatal(err)
	}
	if r.Facilities != facilities || r.Normal.Count != 4 || r.Flooded.Count != 4 || r.TurnedAway != 0 || r.Flood.Accepted == 0 || r.Ratio <= 0 {
		t.Errorf("%+v", r)
	}
	var out strings.Builder
	if err := r.Print(&out); err != nil || !strings.Contains(out.String(), "ratio of p99") {
		t.Errorf("%s %v", out.String(), err)
	}
	shown := metricsOf(t, target)
	for _, name := range []string{`lienthong_waiting_files{lane="backlog"} 0`, `lienthong_waiting_age_seconds{lane="urgent"} 0`, "lienthong_in_flight_bytes 0",
		"lienthong_in_flight_bytes_limit 1.34217728e+08", "lienthong_capacity_bytes_per_second ", "lienthong_slots_given_total ", "lienthong_slots_ahead "} {
		if !strings.Contains(shown, name) {
			t.Errorf("metrics do not show %s", name)
		}
	}
	if strings.Contains(shown, most) {
		t.Error("metrics name a facility")
	}
}

// metricsOf is what a hub shows its operator's programs.
func metricsOf(t *testing.T, target bench.Target) string {
	t.Helper()
	resp, err := http.Get(target.Ops + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() // read to its end
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status, err)
	}
	return string(b)
}

func TestAnOverloadIsMeasured(t *testing.T) {
	t.Parallel()
	n, err := synth.New(synth.Config{Seed: 9, Profile: synth.Small})
	if err != nil {
		t.Fatal(err)
	}
	list, err := n.Outpatients(600)
	if err != nil {
		t.Fatal(err)
	}
	r, err := congestion.Overload(t.Context(), congestion.OverloadConfig{Target: realTarget(t, n), Corpus: corpusOf(t, list),
		Duration: 150 * time.Millisecond, Peak: 100 * time.Millisecond, Calm: 100 * time.Millisecond})
	if err != nil && !errors.Is(err, bench.ErrCorpus) { // a fast machine uses them up
		t.Fatal(err)
	}
	if r.PeakPerS <= 0 || r.During.Count == 0 && r.TurnedAway == 0 || r.Failed != 0 || r.Times != 3 {
		t.Errorf("%+v", r)
	}
	var out strings.Builder
	if err := r.Print(&out); err != nil || !strings.Contains(out.String(), "goodput") {
		t.Errorf("%s %v", out.String(), err)
	}
}
