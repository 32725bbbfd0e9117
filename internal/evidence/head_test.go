package evidence_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lienthong/internal/dossier"
	"lienthong/internal/evidence"
	"lienthong/internal/ledger"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

func TestHeadRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		bytesOf := rapid.SliceOfN(rapid.Byte(), 1, 300)
		h := evidence.Head{Episode: rapid.String().Draw(t, "episode"), Receipt: ledger.Receipt{
			Body: bytesOf.Draw(t, "body"), Salt: bytesOf.Draw(t, "salt"), Signature: bytesOf.Draw(t, "signature")}}
		got, err := evidence.ParseHead(h.Marshal())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(h, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestAHeadCutAnywhereIsNone(t *testing.T) {
	t.Parallel()
	whole := evidence.Head{Episode: "LK1", Receipt: ledger.Receipt{Body: []byte("body"), Salt: []byte("salt"), Signature: []byte("sig")}}.Marshal()
	for n := range whole {
		if _, err := evidence.ParseHead(whole[:n]); err == nil {
			t.Errorf("%d of %d bytes were read", n, len(whole))
		}
	}
	if _, err := evidence.ParseHead(append(bytes.Clone(whole), 0)); err == nil {
		t.Error("a byte too many was read")
	}
}

func FuzzHead(f *testing.F) {
	f.Add(evidence.Head{Episode: "LK1", Receipt: ledger.Receipt{Body: []byte("b")}}.Marshal())
	f.Add([]byte{1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := evidence.ParseHead(b)
		if err != nil {
			return
		}
		if again, err := evidence.ParseHead(h.Marshal()); err != nil || again.Episode != h.Episode {
			t.Fatalf("%v %v", again, err)
		}
	})
}

func TestFacilitiesCannotCompareTheirReferences(t *testing.T) {
	t.Parallel()
	v, err := vault.New(vault.Config{Master: bytes.Repeat([]byte{1}, 32), Peppers: map[int][]byte{1: bytes.Repeat([]byte{2}, 32)}, Current: 1})
	if err != nil {
		t.Fatal(err)
	}
	p := store.PersonID{7}
	a, b := evidence.PersonReference(v, "79901", p), evidence.PersonReference(v, "24604", p)
	if a == b || a != evidence.PersonReference(v, "79901", p) {
		t.Errorf("%s and %s", a, b)
	}
	if len(a) != 28 {
		t.Errorf("%s has %d characters", a, len(a))
	}
	id := dossier.ID{Facility: "79901", Serial: [16]byte{1}}
	if bytes.Equal(evidence.RecordName(id), evidence.FileName(&store.File{Hash: vault.Keyed{1}})) {
		t.Error("a record and a file have one name")
	}
}

// TestARealHeadIsKeptSmall: the head of a record as intake makes it takes less
// than half of its receipt, and comes back byte for byte.
func TestARealHeadIsKeptSmall(t *testing.T) {
	t.Parallel()
	digest := strings.Repeat("0f", 32)
	for _, episode := range []string{"HS2026.000123", "Đợt \"1\" <a>\\", ""} {
		b := ledger.Body{V: 1, Hub: "lienthong.local", Record: "79901-0123456789abcdefghjkmnpqrs", Facility: "79901", Episode: episode, Kind: "qd4750",
			Version: 1, State: ledger.StateAcceptedWithWarnings, FileSHA256: digest, ContentSHA256: digest,
			InnerSHA256: []string{digest, digest, digest, digest, digest, digest}, Pack: "v1/2026.2", TrustEpoch: 416,
			ReceivedAt: time.Date(2026, 11, 22, 1, 2, 3, 456789000, time.UTC), Durability: "local", Kid: "0011223344556677",
			Findings: []ledger.Finding{{Code: "XML1.T_THUOC.sum", Severity: "warning", Blocks: []string{"payment"}, Table: "XML1", Row: 1, Field: "T_THUOC"}}}
		body, err := b.Canonical()
		if err != nil {
			t.Fatal(err)
		}
		h := evidence.Head{Episode: episode, Receipt: ledger.Receipt{Body: body, Salt: make([]byte, 32), Signature: make([]byte, 64)}}
		packed := h.Marshal()
		if len(packed) > 96+len(body)/2 {
			t.Errorf("a body of %d bytes makes a head of %d", len(body), len(packed))
		}
		got, err := evidence.ParseHead(packed)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(h, got); diff != "" {
			t.Error(diff)
		}
		for n := range packed {
			if cut, err := evidence.ParseHead(packed[:n]); err == nil && bytes.Equal(cut.Receipt.Body, body) {
				t.Errorf("%d of %d bytes gave the whole", n, len(packed))
			}
		}
	}
}
