package body_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"
	"lienthong/internal/body"
	"pgregory.net/rapid"
)

func newCodec(t testing.TB) *body.Codec {
	t.Helper()
	c, err := body.NewCodec()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func noise(n int) []byte {
	b := make([]byte, 0, n+8)
	for r := rand.New(rand.NewPCG(1, 2)); len(b) < n; {
		b = binary.LittleEndian.AppendUint64(b, r.Uint64())
	}
	return b[:n]
}

func TestCodecRoundTrip(t *testing.T) {
	t.Parallel()
	c := newCodec(t)
	for _, plain := range [][]byte{nil, []byte("a"), bytes.Repeat([]byte("<MA_LK>x</MA_LK>"), 1000), noise(5000), bytes.Repeat([]byte("z"), 3<<20),
		bytes.Repeat(noise(900<<10), 4), bytes.Repeat(noise(1<<20+100), 3)} { // what repeats within an encoder's reach, and beyond
		stored := c.Encode([]byte("before"), plain)
		if !bytes.HasPrefix(stored, []byte("before")) || len(stored) > len("before")+1+len(plain) {
			t.Fatalf("%d bytes stored in %d", len(plain), len(stored))
		}
		stored = stored[len("before"):]
		got, err := c.Decode([]byte("kept"), stored, len(plain))
		if err != nil || !bytes.Equal(got, append([]byte("kept"), plain...)) {
			t.Errorf("%d bytes: %v", len(plain), err)
		}
		if len(plain) == 0 {
			continue
		}
		if _, err := c.Decode(nil, stored, len(plain)-1); !errors.Is(err, body.ErrTooLarge) {
			t.Errorf("%d bytes, one fewer allowed: %v", len(plain), err)
		}
	}
	if text := bytes.Repeat([]byte("<MA_LK>x</MA_LK>"), 1000); len(c.Encode(nil, text)) > 200 {
		t.Error("text is not compressed")
	}
}

func TestCodecRefusesWhatItDidNotWrite(t *testing.T) {
	t.Parallel()
	c := newCodec(t)
	plain := bytes.Repeat([]byte("<MA_LK>x</MA_LK>"), 50)
	good := c.Encode(nil, plain)
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	var streamed bytes.Buffer
	w.Reset(&streamed)
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string]struct {
		stored []byte
		want   error
	}{
		"nothing":              {nil, body.ErrDamaged},
		"unknown form":         {[]byte{9, 1, 2}, body.ErrDamaged},
		"no frame":             {[]byte{1}, body.ErrDamaged},
		"no zstd":              {[]byte("\x01not zstd at all"), body.ErrDamaged},
		"cut":                  {good[:len(good)-1], body.ErrDamaged},
		"a frame more":         {append(bytes.Clone(good), good[1:]...), body.ErrDamaged},
		"bytes more":           {append(bytes.Clone(good), 0, 0, 0), body.ErrDamaged},
		"without content size": {append([]byte{1}, streamed.Bytes()...), body.ErrDamaged},
		"a dictionary":         {[]byte{2, 7, 1, 2, 3}, body.ErrDictionaryMissing},
		"a dictionary's id":    {[]byte{2}, body.ErrDamaged},
	} {
		if got, err := c.Decode(nil, x.stored, 1<<20); !errors.Is(err, x.want) || got != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCodecInManyHands(t *testing.T) {
	t.Parallel()
	c := newCodec(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			var stored, plain []byte
			for j := range 40 {
				text := bytes.Repeat([]byte{byte(i), byte(j), 'x'}, 100*j)
				stored = c.Encode(stored[:0], text)
				var err error
				if plain, err = c.Decode(plain[:0], stored, 1<<20); err != nil || !bytes.Equal(plain, text) {
					t.Errorf("%d/%d: %v", i, j, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestCodecProperty(t *testing.T) {
	t.Parallel()
	c := newCodec(t)
	rapid.Check(t, func(t *rapid.T) {
		plain := bytes.Repeat(rapid.SliceOf(rapid.Byte()).Draw(t, "piece"), rapid.IntRange(0, 50).Draw(t, "times"))
		got, err := c.Decode(nil, c.Encode(nil, plain), len(plain))
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("%v", err)
		}
	})
}

func FuzzDecode(f *testing.F) {
	c := newCodec(f)
	f.Add(c.Encode(nil, bytes.Repeat([]byte("<MA_LK>x</MA_LK>"), 50)))
	f.Add(c.Encode(nil, noise(40)))
	f.Add([]byte{2, 7})
	f.Fuzz(func(t *testing.T, stored []byte) {
		const limit = 1 << 20
		got, err := c.Decode(nil, stored, limit)
		switch {
		case err == nil && len(got) > limit:
			t.Fatalf("%d bytes beyond the limit", len(got))
		case err != nil && (got != nil || !(errors.Is(err, body.ErrDamaged) || errors.Is(err, body.ErrTooLarge) || errors.Is(err, body.ErrDictionaryMissing))):
			t.Fatalf("no known fault: %v", err)
		}
	})
}

// BenchmarkEncode compares levels on the shared samples: bytes stored and time
// per byte. The package's own setting is measured through the package.
func BenchmarkEncode(b *testing.B) {
	var plain [][]byte
	total := 0
	for _, raw := range samples(b) {
		spans, extracts := ranges(raw)
		f := split(b, raw, spans, extracts...)
		plain = append(plain, f.Skeleton)
		total += len(f.Skeleton)
		for i := range f.Dossiers() {
			plain = append(plain, f.Dossier(i))
			total += len(f.Dossier(i))
		}
	}
	run := func(name string, encode func(dst, plain []byte) []byte) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(total))
			var buf []byte
			size := 0
			for b.Loop() {
				size = 0
				for _, p := range plain {
					buf = encode(buf[:0], p)
					size += len(buf)
				}
			}
			b.ReportMetric(float64(size), "stored-B")
		})
	}
	run("own", newCodec(b).Encode)
	for _, level := range []zstd.EncoderLevel{zstd.SpeedFastest, zstd.SpeedDefault, zstd.SpeedBetterCompression} {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithEncoderCRC(false))
		if err != nil {
			b.Fatal(err)
		}
		run(level.String(), func(dst, plain []byte) []byte { return e.EncodeAll(plain, dst) })
	}
}

func BenchmarkSplit(b *testing.B) {
	raw, there := samples(b)["synthetic-outpatient.signed.xml"]
	if !there {
		b.Skip("SKIPPED: no synthetic-outpatient.signed.xml among the shared samples")
	}
	spans, extracts := ranges(raw)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := body.Split(raw, spans, extracts...); err != nil {
			b.Fatal(err)
		}
	}
}
