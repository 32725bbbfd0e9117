//go:build linux

package chaos_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"lienthong/internal/agent"
	"lienthong/internal/bench"
	"lienthong/internal/bench/congestion"
	badline "lienthong/internal/bench/sender"
	"lienthong/internal/chaos"
	"lienthong/internal/synth"
)

// What a bad line may cost: this part of the envelopes' bytes, up and down
// together, where there are thousands.
const mostOnTheWire = 0.12

// R7: the shipped agent, as a process, over a line of 256 kbit/s, 300 ms and a
// reset every few seconds, killed twice on the way. ROUNDS are dossiers; in `make
// test` few of them over a better line.
func TestR7BadLine(t *testing.T) {
	t.Parallel()
	run := chaos.Begin(t, chaos.Plan{Name: "R7 bad line", Quick: 30, All: 5000})
	bin, err := program()
	check(t, err)
	args := []string{"--lang", "en", "bench", "line", "--json", "--dossiers", strconv.Itoa(run.Rounds)}
	if !run.Full() {
		args = append(args, "--kbit", "2000", "--delay", "20ms", "--reset", "700ms", "--kills", "1", "--limit", "5m")
	}
	cmd := exec.Command(bin, args...)
	cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", run.Name, err, out)
	}
	var r badline.LineResult
	check(t, json.Unmarshal(out, &r))
	if r.Lost != 0 || r.Doubled != 0 || r.AtHub != run.Rounds || r.Kills == 0 || run.Full() && r.Share > mostOnTheWire {
		t.Errorf("%s: %+v", run.Name, r)
	}
	run.Control(forgetsOne(t, run), "an agent that forgets one file in five")
	run.End("%d dossiers over %d kbit/s, %d ms, %d resets, %d kills: 0 lost, 0 doubled, %.1f %% of the envelopes' bytes on the wire, %.0f s",
		r.Dossiers, r.BitsPerS/1000, r.DelayMS, r.Resets, r.Kills, 100*r.Share, r.Seconds)
}

// forgetsOne reports whether counting at the hub finds out an agent that is not
// durable: it sends four files of five.
func forgetsOne(t *testing.T, run *chaos.Run) bool {
	t.Helper()
	p := admit(t, run, "sqlite", "", false, 4_000_000)
	defer p.discharge()
	first, err := p.n.Outpatient(1)
	check(t, err)
	var list []synth.Submission
	for i := 1; len(list) < 10; i++ {
		x, err := p.n.Outpatient(i)
		check(t, err)
		if x.Facility == first.Facility {
			list = append(list, x)
		}
	}
	folder := t.TempDir()
	_, err = badline.Line(t.Context(), badline.LineConfig{Target: bench.Target{URL: p.hub.url, Credentials: p.f.credentials}, Facility: first.Facility, Dossiers: len(list),
		Folder: folder, Throttle: &badline.Throttle{BitsPerS: 10_000_000}, Limit: 4 * time.Second,
		Make: func(i int) (bench.Dossier, error) { return bench.Dossier{XML: list[i].XML}, nil },
		Start: func(ctx context.Context, url string) (func() error, error) {
			c, err := agent.New(agent.Config{HubURL: url, Credential: p.f.credentials[first.Facility]})
			if err != nil {
				return nil, err
			}
			names, err := filepath.Glob(filepath.Join(folder, "*.xml"))
			if err != nil {
				return nil, err
			}
			s := newSender(t, p.n, url, p.f)
			s.clients[first.Facility] = c
			for i, name := range names {
				b, err := os.ReadFile(name)
				if err != nil || i%5 == 4 {
					continue
				}
				if _, _, err := s.post(ctx, parcel{first.Facility, b, 1}); err != nil {
					return nil, err
				}
			}
			return func() error { return nil }, nil
		}})
	t.Logf("the control: %v", err)
	return err != nil
}

// R21: one facility floods with a hundred times what each of the others sends;
// the others' p99 to the receipt is at most twice as long. It measures, so it
// runs in `make faults` only. ROUNDS are seconds each way.
func TestR21Flood(t *testing.T) {
	run := chaos.Begin(t, chaos.Plan{Name: "R21 flood", All: 12})
	if run.Rounds == 0 {
		t.Skip(run.Name + " measures, and is run by `make faults` only")
	}
	r := flooded(t, run, "")
	if r.Ratio > 2 || r.TurnedAway > 0 {
		t.Errorf("%s (seed %d): %+v", run.Name, run.Seed, r)
	}
	broken := flooded(t, run, brokenFair)
	run.Control(broken.Ratio > 2 || broken.TurnedAway > 0, "a hub that gives the one that floods all it wants: p99 %.1f times, %d of the others turned away", broken.Ratio, broken.TurnedAway)
	run.End("%d others, p99 %.1f ms alone and %.1f ms beside a flood of %.0f a second: %.2f times; %.0f a second of the flood done",
		r.Facilities, 1000*r.Normal.P99, 1000*r.Flooded.P99, r.FloodRate, r.Ratio, r.FloodDone)
}

// flooder is the facility that floods: the one with most patients.
func flooder(list []synth.Submission) (most string) {
	of := map[string]int{}
	for _, x := range list {
		of[x.Facility]++
		if of[x.Facility] > of[most] {
			most = x.Facility
		}
	}
	return most
}

// beside is how many facilities send beside that one.
func beside(list []synth.Submission) int {
	of := map[string]bool{}
	for _, x := range list {
		of[x.Facility] = true
	}
	return max(len(of)-1, 1)
}

func flooded(t *testing.T, run *chaos.Run, how string) congestion.FloodResult {
	t.Helper()
	const rate, times = 40.0, 100.0
	first, err := nation(t, run.Seed+5_000_000).Outpatients(200)
	check(t, err)
	who := flooder(first)
	t.Setenv(brokenFavours, who)
	p := admit(t, run, "sqlite", how, false, 5_000_000)
	defer p.discharge()
	seconds := float64(run.Rounds)
	wantOthers, wantFlood := int(rate*(2*seconds+2))+100, int(times*rate/float64(beside(first))*(seconds+6))+1024
	var others, flood []synth.Submission
	for i := 0; len(others) < wantOthers || len(flood) < wantFlood; i++ {
		x, err := p.n.Outpatient(i)
		check(t, err)
		switch {
		case x.Facility == who && len(flood) < wantFlood:
			flood = append(flood, x)
		case x.Facility != who && len(others) < wantOthers:
			others = append(others, x)
		}
	}
	r, err := congestion.Flood(t.Context(), congestion.FloodConfig{Target: bench.Target{URL: p.hub.url, Credentials: p.f.credentials, PID: p.hub.cmd.Process.Pid},
		Others: corpus(t, others), Flood: corpus(t, flood), Rate: rate, Times: times, Duration: time.Duration(run.Rounds) * time.Second})
	check(t, err)
	return r
}

func corpus(t *testing.T, list []synth.Submission) *bench.Corpus {
	t.Helper()
	c, err := bench.Build(t.Context(), bench.BuildConfig{Dir: t.TempDir(), Dossiers: len(list), Members: 64, Make: func(i int) (bench.Dossier, error) {
		return bench.Dossier{Facility: list[i].Facility, Name: list[i].FileName, XML: list[i].XML}, nil
	}})
	check(t, err)
	return c
}
