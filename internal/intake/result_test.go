package intake_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"lienthong/internal/dossier"
	"lienthong/internal/intake"
	"lienthong/internal/quality"
	"lienthong/internal/store"
)

func TestWhatWasErasedAnswersErasedWithItsDate(t *testing.T) {
	t.Parallel()
	r := store.Record{ID: dossier.ID{Facility: "79901", Serial: [16]byte{1}}, Kind: "qd4750", Version: 1,
		Verdict: dossier.Verdict{State: dossier.Accepted}}
	standing, err := json.Marshal(intake.ResultOf(quality.V1(), &r))
	if err != nil {
		t.Fatal(err)
	}
	if s := string(standing); !strings.Contains(s, `"state":"accepted"`) || strings.Contains(s, "erased") {
		t.Errorf("a record that stands: %s", s)
	}
	r.Erased = time.Date(2026, 12, 1, 2, 3, 4, 0, time.UTC)
	gone, err := json.Marshal(intake.ResultOf(quality.V1(), &r))
	if err != nil {
		t.Fatal(err)
	}
	if s := string(gone); !strings.Contains(s, `"state":"erased"`) || !strings.Contains(s, `"erased_at":"2026-12-01T02:03:04Z"`) || strings.Contains(s, `"receipt":{`) {
		t.Errorf("an erased record: %s", s)
	}
}

func TestAWithdrawalIsAnsweredInTheWordsOfItsReceipt(t *testing.T) {
	t.Parallel()
	old := dossier.ID{Facility: "79901", Serial: [16]byte{1}}
	r := store.Record{ID: dossier.ID{Facility: "79901", Serial: [16]byte{2}}, Kind: "qd4750", Withdraws: old,
		Verdict: dossier.Verdict{State: dossier.Accepted}}
	got := intake.ResultOf(quality.V1(), &r)
	if got.Kind != intake.KindWithdrawal || got.Supersedes == nil || *got.Supersedes != old.String() || got.Version != nil {
		t.Errorf("%+v", got)
	}
}

func TestAppendedResultIsTheMarshalledOne(t *testing.T) {
	t.Parallel()
	r := store.Record{ID: dossier.ID{Facility: "79901", Serial: [16]byte{2}}, Kind: "qd4750", Version: 2, Verdict: dossier.Verdict{State: dossier.Accepted}}
	for _, receipt := range []string{"", `{"body":"eyJ2IjoxfQ==","index":7}`} {
		res := intake.ResultOf(quality.V1(), &r)
		res.Receipt = []byte(receipt)
		want, err := json.Marshal(res)
		if err != nil {
			t.Fatal(err)
		}
		got, err := res.AppendJSON([]byte("x"))
		if err != nil || string(got) != "x"+string(want) {
			t.Errorf("%s\nwant %s (%v)", got, want, err)
		}
	}
}
