package e2e_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"lienthong/internal/ledger"
)

// elsewhere is a file of one visit sent by 79902.
func elsewhere(v *visit) []byte {
	return ours(pairs().other, strings.Replace(envelope(v.of("79902")), "<MACSKCB>79901", "<MACSKCB>79902", 1))
}

// bodyOf is what the receipt of an answer says.
func bodyOf(t *testing.T, a answer) *ledger.Body {
	t.Helper()
	var doc struct {
		Body string `json:"body"`
	}
	if err := json.Unmarshal(a.Receipt, &doc); err != nil {
		t.Fatal(err)
	}
	return must(ledger.ParseBody(must(base64.StdEncoding.DecodeString(doc.Body))))
}

func TestWhatIdentityFindsIsToldAtOnce(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		id := "079990777001"
		first := w.one("79901", ours(pairs().ec, envelope(newVisit().set("XML1", "SO_CCCD", id))), "accepted")
		other := elsewhere(newVisit().set("XML1", "SO_CCCD", id).set("XML1", "HO_TEN", "LÊ THỊ KHÁC"))
		got, _ := w.send("79902", other)
		if len(got) != 1 || got[0].State != "accepted_with_warnings" || !has(got[0], "identity.disagrees") || got[0].Person != nil {
			t.Fatalf("somebody else's number: %+v", got)
		}
		body := bodyOf(t, got[0])
		if len(body.Findings) != len(got[0].Findings) {
			t.Errorf("the receipt says %v, the answer %v", body.Findings, got[0].Findings)
		}
		again, _ := w.send("79902", other)
		identical(t, "the same file again", got[0], again[0])
		if first.Person == nil {
			t.Error("who came first is not known as a person")
		}
	})
}

func TestTwoFacilitiesKnowOnePersonByTwoNames(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		id := "079990777002"
		here := w.one("79901", ours(pairs().ec, envelope(newVisit().set("XML1", "SO_CCCD", id))), "accepted")
		back := w.one("79901", ours(pairs().ec, envelope(newVisit().set("XML1", "SO_CCCD", id))), "accepted")
		there := w.one("79902", elsewhere(newVisit().set("XML1", "SO_CCCD", id)), "accepted")
		if here.Person == nil || back.Person == nil || there.Person == nil {
			t.Fatalf("%v %v %v", here.Person, back.Person, there.Person)
		}
		if *here.Person != *back.Person {
			t.Error("one facility knows one person by two names")
		}
		if *here.Person == *there.Person {
			t.Error("two facilities can compare their names of a person")
		}
	})
}
