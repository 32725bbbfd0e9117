//go:build unix

package bench_test

import (
	"bytes"
	"os"
	"runtime/pprof"
	"strconv"
	"syscall"
	"testing"
	"time"

	"lienthong/internal/bench"
	"lienthong/internal/registry/shipped"
	"lienthong/internal/role"
	"lienthong/internal/steward"
	"lienthong/internal/synth"
)

// BenchmarkEntries declares the databases that come with the program over ENTRIES
// outpatient dossiers (500), and makes their entries; with ONE=id that one alone.
// ENTRIES_PROFILE names a file that gets a processor profile of the making alone.
func BenchmarkEntries(b *testing.B) {
	dossiers := 500
	if text := os.Getenv("ENTRIES"); text != "" {
		var err error
		if dossiers, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	n, err := synth.New(synth.Config{Seed: 7, Profile: synth.Small})
	if err != nil {
		b.Fatal(err)
	}
	list, err := n.Outpatients(dossiers)
	if err != nil {
		b.Fatal(err)
	}
	files, err := shipped.Files()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		b.StopTimer()
		c, err := bench.Build(b.Context(), bench.BuildConfig{Dir: b.TempDir(), Dossiers: dossiers, Make: func(i int) (bench.Dossier, error) {
			return bench.Dossier{Facility: list[i].Facility, Name: list[i].FileName, XML: list[i].XML}, nil
		}})
		if err != nil {
			b.Fatal(err)
		}
		target, hub := realTarget(b, n)
		if r, err := bench.Intake(b.Context(), bench.IntakeConfig{Target: target, Corpus: c, Workers: 4}); err != nil || r.Accepted != int64(dossiers) {
			b.Fatalf("%+v, %v", r, err)
		}
		if err := hub.House.Night.Round(b.Context()); err != nil {
			b.Fatal(err)
		}
		stop := profiling(b)
		b.StartTimer()
		began, used := time.Now(), processor(b)
		for _, f := range files {
			if one := os.Getenv("ONE"); one != "" && !bytes.Contains(f.Text, []byte("\nid: "+one+"\n")) {
				continue
			}
			if _, err := hub.House.Steward.Declare(b.Context(), steward.Who{Role: role.Role{Kind: role.Operator}, Name: "bench"}, f.Text); err != nil {
				b.Fatal(f.Name, err)
			}
		}
		for more := true; more; {
			if more, err = hub.House.Steward.Round(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
		used = processor(b) - used
		stop()
		counts, err := hub.Slices.House.Entries.Counts(b.Context(), "")
		if err != nil {
			b.Fatal(err)
		}
		made := int64(0)
		for _, one := range counts {
			made += one.N
		}
		b.ReportMetric(float64(used.Microseconds())/1000/float64(dossiers), "cpu-ms/record")
		b.ReportMetric(float64(dossiers)/time.Since(began).Seconds(), "records/s")
		b.ReportMetric(float64(made)/float64(dossiers), "entries/record")
	}
}

func profiling(b *testing.B) (stop func()) {
	name := os.Getenv("ENTRIES_PROFILE")
	if name == "" {
		return func() {}
	}
	f, err := os.Create(name)
	if err != nil {
		b.Fatal(err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		b.Fatal(err)
	}
	return func() {
		pprof.StopCPUProfile()
		if err := f.Close(); err != nil {
			b.Error(err)
		}
	}
}

// processor is the processor time that this process has used.
func processor(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
