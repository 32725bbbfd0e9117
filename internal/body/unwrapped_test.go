package body_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lienthong/internal/body"
)

// wrappedFile is an envelope with inner documents in the layouts that occur.
func wrappedFile(inner ...string) []byte {
	var b strings.Builder
	b.WriteString("<?xml version=\"1.0\"?><G>")
	for i, s := range inner {
		text := base64.StdEncoding.EncodeToString([]byte(s))
		if i%2 == 1 {
			text = "\r\n" + strings.Join(chunks(text, 64), "\r\n") + "\r\n"
		}
		b.WriteString("<FILEHOSO><NOIDUNGFILE>" + text + "</NOIDUNGFILE></FILEHOSO>")
	}
	b.WriteString("</G>")
	return []byte(b.String())
}

func chunks(s string, n int) (out []string) {
	for ; len(s) > n; s = s[n:] {
		out = append(out, s[:n])
	}
	return append(out, s)
}

func TestUnwrappedComesBack(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("<TONG_HOP>hồ sơ</TONG_HOP>", 200)
	for name, raw := range map[string][]byte{
		"two layouts":    wrappedFile(long, long, "x"),
		"not canonical":  []byte("<G><NOIDUNGFILE>QUJ=</NOIDUNGFILE><NOIDUNGFILE>" + base64.StdEncoding.EncodeToString([]byte(long)) + "</NOIDUNGFILE></G>"),
		"no end":         []byte("<G><NOIDUNGFILE>QUJD</NOIDUNGFILE><NOIDUNGFILE>QUJD"),
		"an empty one":   []byte("<G><NOIDUNGFILE></NOIDUNGFILE>" + strings.Repeat(" ", 100) + "</G>"),
		"one in another": []byte("<G><NOIDUNGFILE><NOIDUNGFILE>QUJD</NOIDUNGFILE></G>" + strings.Repeat(" ", 100)),
	} {
		u, ok := body.Unwrap(raw)
		if !ok || !body.IsUnwrapped(u) || body.IsUnwrapped(raw) {
			t.Errorf("%s: not unwrapped", name)
			continue
		}
		if got, err := body.Rewrap(u, len(raw)); err != nil || !bytes.Equal(got, raw) {
			t.Errorf("%s: %d bytes came back of %d, %v", name, len(got), len(raw), err)
		}
		if _, err := body.Rewrap(u, len(raw)-1); !errors.Is(err, body.ErrTooLarge) {
			t.Errorf("%s: past its limit: %v", name, err)
		}
	}
	if _, ok := body.Unwrap([]byte("<G>nothing inside</G>")); ok {
		t.Error("a file without inner documents was unwrapped")
	}
}

func TestRewrapRefusesWhatUnwrapDidNotMake(t *testing.T) {
	t.Parallel()
	u, ok := body.Unwrap(wrappedFile(strings.Repeat("x", 300)))
	if !ok {
		t.Fatal("not unwrapped")
	}
	mark := []byte("\x00unwrapped\x01")
	lie := func(skeleton []byte) []byte { // with an empty frame
		return append(append(binary.AppendUvarint(bytes.Clone(mark), uint64(len(skeleton))), skeleton...), 1)
	}
	huge := append([]byte{1}, binary.AppendUvarint(binary.AppendUvarint(nil, 1<<29), 0)...)
	many := append([]byte{1}, binary.AppendUvarint(binary.AppendUvarint(nil, 4), 1<<20)...)
	parts := append(lie([]byte{1, 0, 0}), bytes.Repeat([]byte{0, 0, 0, 0, 0}, 70_000)...)
	for name, b := range map[string][]byte{
		"nothing": nil, "a document": []byte("<G/>"), "the mark alone": mark, "cut": u[:len(u)-1], "a byte more": append(bytes.Clone(u), 0),
		"a length that cannot be": append(bytes.Clone(mark), 0xff, 0xff, 0xff, 0x7f), "a size nobody has": lie(huge),
		"more holes than bytes": lie(append(many, bytes.Repeat([]byte{0}, 3<<20)...)), "too many parts": parts,
	} {
		if _, err := body.Rewrap(b, 32<<20); !errors.Is(err, body.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSamplesUnwrap(t *testing.T) {
	t.Parallel()
	list, err := filepath.Glob("../../../shared/samples/*.xml")
	if err != nil || len(list) == 0 {
		t.Skip("SKIPPED: no samples beside the repository (../shared/samples)")
	}
	for _, path := range list {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		u, ok := body.Unwrap(raw)
		if !ok {
			continue // no inner documents
		}
		if got, err := body.Rewrap(u, 32<<20); err != nil || !bytes.Equal(got, raw) {
			t.Errorf("%s does not come back: %v", filepath.Base(path), err)
		}
	}
}

// Whatever bytes come as a member of a tar: they are refused, or give a document
// within the bounds.
func FuzzRewrap(f *testing.F) {
	for _, raw := range [][]byte{wrappedFile("<X/>"), wrappedFile(strings.Repeat("ab", 200), "y"), []byte("<G><NOIDUNGFILE>====</NOIDUNGFILE></G>")} {
		if u, ok := body.Unwrap(raw); ok {
			f.Add(u)
		}
	}
	f.Add([]byte("\x00unwrapped\x01\x03\x01\x00\x00\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := body.Rewrap(b, 1<<20)
		if err != nil {
			if !errors.Is(err, body.ErrDamaged) && !errors.Is(err, body.ErrTooLarge) {
				t.Errorf("%v", err)
			}
			return
		}
		if len(got) > 2*len(b) || len(got) > 1<<20 {
			t.Errorf("%d bytes out of %d", len(got), len(b))
		}
	})
}

// Whatever document: it comes back, or is left alone.
func FuzzUnwrap(f *testing.F) {
	f.Add(wrappedFile("<X/>", strings.Repeat("z", 99)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		u, ok := body.Unwrap(raw)
		if !ok {
			return
		}
		if got, err := body.Rewrap(u, len(raw)); err != nil || !bytes.Equal(got, raw) {
			t.Errorf("%q, %v", got, err)
		}
	})
}
