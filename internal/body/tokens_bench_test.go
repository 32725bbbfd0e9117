//go:build unix

package body_test

import (
	"syscall"
	"testing"
	"time"
)

// BenchmarkDossier measures bytes stored and time of the dossiers of one sample:
// in tokens and without, and reading them.
func BenchmarkDossier(b *testing.B) {
	c := newCodec(b)
	for _, name := range []string{"synthetic-outpatient.signed.xml", "synthetic-referral.signed.xml", "synthetic-inpatient.xml"} {
		raw, there := samples(b)[name]
		if !there {
			b.Skip("SKIPPED: no " + name + " among the shared samples")
		}
		spans, extracts := ranges(raw)
		f := split(b, raw, spans, extracts...)
		stored, frame := c.EncodeDossier(nil, f, 0), f.Dossier(0)
		var buf []byte
		run := func(what string, do func() int) {
			b.Run(name+"/"+what, func(b *testing.B) {
				b.SetBytes(int64(len(raw)))
				b.ReportAllocs()
				before, size := userTime(b), 0
				for b.Loop() {
					size = do()
				}
				b.ReportMetric(float64((userTime(b)-before).Microseconds())/float64(b.N), "user-us/op")
				b.ReportMetric(100*float64(size)/float64(len(raw)), "%")
			})
		}
		run("tokens", func() int { buf = c.EncodeDossier(buf[:0], f, 0); return len(buf) })
		run("plain", func() int { buf = c.Encode(buf[:0], frame); return len(buf) })
		run("read", func() int {
			var err error
			if buf, err = c.Decode(buf[:0], stored, len(frame)); err != nil {
				b.Fatal(err)
			}
			return len(stored)
		})
	}
}

// userTime is what the process has used outside the kernel.
func userTime(b *testing.B) time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano())
}
