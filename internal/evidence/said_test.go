package evidence_test

import (
	"bytes"
	"testing"

	"lienthong/internal/evidence"
	"lienthong/internal/fault"
)

func FuzzSaid(f *testing.F) {
	f.Add(evidence.Said{Receipt: []byte(`{"body":"x"}`), Person: "P-01"}.Marshal())
	f.Add(evidence.Said{}.Marshal())
	f.Add([]byte{})
	f.Add([]byte{1, 200})
	f.Add([]byte{2, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := evidence.ParseSaid(b)
		if err != nil {
			if fault.Of(err).Code != evidence.ErrSaid.Code {
				t.Errorf("%v", err)
			}
			return
		}
		again, err := evidence.ParseSaid(s.Marshal())
		if err != nil || again.Person != s.Person || !bytes.Equal(again.Receipt, s.Receipt) {
			t.Errorf("%+v comes back as %+v, %v", s, again, err)
		}
	})
}
