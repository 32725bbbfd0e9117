package insurer_test

import (
	"strings"
	"testing"

	"lienthong/internal/bridge/insurer"
	"lienthong/internal/exchange"
)

// FuzzAnswer: whatever the gateway answers has one outcome, a code fit for a
// log, and nothing counts as received without a number.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{`{"maKetQua":"200","maGiaoDich":"GD-1"}`, `{"maKetQua":"125"}`, `{"maKetQua":200}`, `{}`, `[]`, `<html>`, `{"maKetQua":{"a":1}}`} {
		f.Add(200, []byte(s))
	}
	f.Add(502, []byte("bad"))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		got := insurer.Submitted(status, body)
		if got.Outcome == 0 || got.Outcome == exchange.Received && (got.Reference == "" || status != 200) || !got.Sent {
			t.Fatalf("%+v", got)
		}
		if len(got.Code) > 40 || strings.ContainsFunc(got.Code+got.Reference, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Fatalf("code %q reference %q", got.Code, got.Reference)
		}
	})
}
