package backup

import (
	"bytes"
	"testing"
)

// FuzzManifest: whatever a place holds, a manifest is taken in one spelling,
// signed, or refused; what is taken names no file outside the place.
func FuzzManifest(f *testing.F) {
	s, err := NewSigner("hub.test", bytes.Repeat([]byte{7}, 32))
	if err != nil {
		f.Fatal(err)
	}
	digest := digestOf(nil)
	good, err := s.seal(manifestHead, &Manifest{V: 1, Hub: "hub.test", Kind: Full, Seq: 2, Base: 2, After: 1, Previous: digest, MadeAt: "2026-07-01T00:00:00.000000Z",
		Files: []File{{Name: "main.db", PageSize: 8192, Pages: 3, Root: digest}}, Segments: []Segment{{Name: "a.age", Size: 1, SHA256: digest}}, Logs: []string{"x"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(bytes.Replace(good, []byte("main.db"), []byte("../m.db"), 1))
	f.Add([]byte(manifestHead))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, signer, err := ParseManifest(b, "")
		if err != nil {
			return
		}
		for _, name := range m.Segments {
			if !isName(name.Name) {
				t.Fatalf("a segment named %q", name.Name)
			}
		}
		if _, _, err := ParseManifest(b, signer); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzSegment: no bytes make the reader of segments panic or hold more frames
// than it was given bytes.
func FuzzSegment(f *testing.F) {
	head := append([]byte(segmentHead), make([]byte, 44)...)
	f.Add(append(bytes.Clone(head), endFrame, 0, 0, 0, 0, 0, 0, 0, 0))
	f.Add(append(bytes.Clone(head), 0, 0, 0, 0, 1, 0, 0, 0, 2, 'a', 'b', endFrame, 0, 0, 0, 1, 0, 0, 0, 0))
	f.Add(append(bytes.Clone(head), 0, 0, 0, 0, 1, 255, 255, 255, 255))
	f.Fuzz(func(t *testing.T, b []byte) {
		u, err := parseSegment(b)
		if err != nil {
			return
		}
		n := len(segmentHead) + 44 + frameHead
		for _, x := range u.frames {
			n += frameHead + len(x.data)
		}
		if n != len(b) {
			t.Fatalf("%d bytes of %d are accounted for", n, len(b))
		}
	})
}

// FuzzState and FuzzWAL: what lies on the disk of a hub, or is opened from an
// archive, is taken whole or not at all.
func FuzzState(f *testing.F) {
	f.Add([]byte(stateHead))
	f.Add(append([]byte(stateHead), 255, 255, 255, 255))
	f.Fuzz(func(t *testing.T, b []byte) {
		if st, m := parseState(b, ""); st != nil && len(st.pages) != len(m.Files) {
			t.Fatal("a state of other files")
		}
		if plain, err := parseWAL(b, "x", ""); err == nil && len(plain) > len(b) {
			t.Fatal("more than was there")
		}
	})
}
