package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/bundle"
	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/exchange"
	"lienthong/internal/ledger"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/web/api"
)

// TestAFileGoesUpAsItCame: the nation has the same bytes under the same seal; its
// receipt is kept beside ours, the same bytes, and proves the record to whoever
// has its log key; the person is the one it names.
func TestAFileGoesUpAsItCame(t *testing.T) {
	t.Parallel()
	provinces(t, func(t *testing.T, p *province) {
		p.above(fmt.Sprintf(`{"log_keys":[%q],"persons":"parent"}`, p.nation.hub.LogKey.Verifier()))
		p.may("79901")
		file := ours(pairs().ec, envelope(newVisit()))
		a := p.one("79901", file, fine)
		if a.Person != nil {
			t.Error("a person matched here is given as who it is")
		}
		got := p.up(a.Record, "done")
		if got.Code != "" || !strings.HasPrefix(got.Reference, "79901-") || got.Reference == a.Record || got.Attempts != 1 {
			t.Fatalf("%+v", got)
		}
		if _, raw := p.nation.get("79901", "/api/v1/records/"+got.Reference+"/original"); !bytes.Equal(raw, file) {
			t.Error("the nation has other bytes")
		}
		_, theirs := p.nation.get("79901", "/api/v1/records/"+got.Reference+"/receipt")
		path := "/api/v1/records/" + a.Record + "/legs/quoc-gia/receipt"
		if status, kept := p.get("79901", path); status != 200 || !bytes.Equal(kept, theirs) {
			t.Errorf("the receipt kept: %d, %d bytes of %d", status, len(kept), len(theirs))
		}
		if status, _ := p.get("79902", path); status != 404 {
			t.Errorf("another facility's: %d", status)
		}
		if status, _ := p.get("79901", "/api/v1/records/"+a.Record+"/legs/bhxh/receipt"); status != 404 {
			t.Errorf("of a destination that gave none: %d", status)
		}
		if _, story := p.get("79901", "/api/v1/records/"+a.Record+"/timeline"); !bytes.Contains(story, []byte(`"leg.receipt"`)) {
			t.Errorf("%s", story)
		}
		var here, there api.Item
		_, body := p.get("79901", "/api/v1/records/"+a.Record)
		p.check(json.Unmarshal(body, &here))
		_, body = p.nation.get("79901", "/api/v1/records/"+got.Reference)
		p.check(json.Unmarshal(body, &there))
		if here.Person != nil || here.PersonAbove == nil || there.Person == nil || here.PersonAbove.Person != *there.Person || here.PersonAbove.Destination != "quoc-gia" {
			t.Errorf("here %v, above %+v, there %v", here.Person, here.PersonAbove, there.Person)
		}
		own := disclose.Reader{Role: role.Role{Kind: role.Facility, ID: "79901"}, Name: "client:79901", Route: "test"}
		zip, _, err := p.hub.Bundles.Bundle(p.ctx, own, must(dossier.ParseID(a.Record)))
		p.check(err)
		o := p.bundleOptions()
		if r := must(bundle.Verify(zip, o)); !r.OK || !strings.Contains(openSteps(r), "above_log_key") {
			t.Errorf("without the nation's key: %v, open %q", wrong(r), openSteps(r))
		}
		o.LogKeys = append(o.LogKeys, p.nation.hub.LogKey.Verifier())
		if r := must(bundle.Verify(zip, o)); !r.OK || strings.Contains(openSteps(r), "above_log_key") {
			t.Errorf("with it: %v, open %q", wrong(r), openSteps(r))
		}
		parts := must(p.hub.Bundles.Collect(p.ctx, own, must(dossier.ParseID(a.Record))))
		other := p.one("79901", ours(pairs().ec, envelope(newVisit())), fine)
		p.up(other.Record, "done")
		_, parts.Above[0] = p.get("79901", "/api/v1/records/"+other.Record+"/legs/quoc-gia/receipt")
		if r := must(bundle.Verify(packed(parts), o)); r.OK || !strings.Contains(strings.Join(wrong(r), " "), "bundle.above") {
			t.Errorf("with the nation's receipt of another record: %v", wrong(r))
		}
	})
}

// TestWithoutAGrantNothingIsTaken: what the nation refuses is parked under its
// word; granted and sent again by an operator it goes.
func TestWithoutAGrantNothingIsTaken(t *testing.T) {
	t.Parallel()
	provinces(t, func(t *testing.T, p *province) {
		p.above("")
		answers, _ := p.send("79901", ours(pairs().ec, envelope(newVisit(), newVisit())))
		a := answers[0]
		got := p.up(a.Record, "parked")
		if got.Code != "parent.sender.not_allowed" || len(p.nation.counts()) != 0 {
			t.Fatalf("%+v %v", got, p.nation.counts())
		}
		p.may("79901")
		p.retry(got.Code, 2)
		if got := p.up(a.Record, "done"); got.Attempts != 2 {
			t.Errorf("%+v", got)
		}
		p.same()
	})
}

// TestEachDossierOfAFileEndsByItself: the nation rejects one of three that the
// province took; that one is seen, the others are done, each with its own number
// and receipt. Judged again later it goes too.
func TestEachDossierOfAFileEndsByItself(t *testing.T) {
	t.Parallel()
	provinces(t, func(t *testing.T, p *province) {
		p.above("")
		p.may("79901")
		p.clock.Advance(time.Minute) // the nation's clock is half a minute behind: tomorrow at 10:01 is too far off for it
		p.nation.clock.Advance(30 * time.Second)
		late := newVisit().set("XML1", "NGAY_RA", "202611221001")
		file := ours(pairs().ec, envelope(newVisit(), late, newVisit()))
		answers, _ := p.send("79901", file)
		if v := verdict(answers, ""); strings.Contains(v, "rejected") {
			t.Fatal(v)
		}
		at := func(i int) legAnswer { return p.legs("79901", answers[i].Record)["quoc-gia"] }
		p.until("the file is judged above", func() bool { return at(0).State == "done" })
		if got := at(1); got.State != "parked" || got.Code != "parent.rejected" || got.Reference == "" {
			t.Fatalf("%+v", got)
		}
		if at(2).State != "done" || at(0).Reference == at(2).Reference {
			t.Errorf("%+v %+v", at(0), at(2))
		}
		for i, want := range []string{"accepted", "rejected", "accepted"} {
			var doc struct{ Body []byte }
			_, raw := p.get("79901", "/api/v1/records/"+answers[i].Record+"/legs/quoc-gia/receipt")
			p.check(json.Unmarshal(raw, &doc))
			if b := must(ledger.ParseBody(doc.Body)); b.Record != at(i).Reference || !strings.HasPrefix(b.State, want) || b.Episode != answers[i].Episode {
				t.Errorf("receipt %d is of %s, %s", i, b.Record, b.State)
			}
		}
		before := []legAnswer{at(0), at(2)}
		p.clock.Advance(time.Minute)
		p.nation.clock.Advance(2 * time.Minute)
		p.retry("parent.rejected", 1)
		p.up(answers[1].Record, "done")
		if after := []legAnswer{at(0), at(2)}; after[0].Attempts != before[0].Attempts || after[1].Reference != before[1].Reference {
			t.Errorf("%+v, then %+v", before, after)
		}
		p.same()
	})
}

// TestAReceiptThatProvesNothingDoesNotCount: it is parked, an alarm is kept, and
// nothing of it is shown as the nation's word.
func TestAReceiptThatProvesNothingDoesNotCount(t *testing.T) {
	t.Parallel()
	provinces(t, func(t *testing.T, p *province) {
		stranger := must(ledger.LogKeyFromSeed("nation.test/log/0", []byte("a seed that is not the nation's."))).Verifier()
		p.above(fmt.Sprintf(`{"log_keys":[%q]}`, stranger))
		p.may("79901")
		unproved := func(what string) {
			t.Helper()
			a := p.one("79901", ours(pairs().ec, envelope(newVisit())), fine)
			if got := p.up(a.Record, "parked"); got.Code != "parent.receipt" {
				t.Errorf("%s: %+v", what, got)
			}
			if status, _ := p.get("79901", "/api/v1/records/"+a.Record+"/legs/quoc-gia/receipt"); status != 404 {
				t.Errorf("%s: a receipt is given, %d", what, status)
			}
		}
		unproved("in a log of another key")
		p.above(fmt.Sprintf(`{"log_keys":[%q]}`, p.nation.hub.LogKey.Verifier()))
		p.retry("parent.receipt", 1)
		p.idle()
		p.same()
		var first []byte
		p.line.set(func(l *line) {
			l.edit = func(path string, answer []byte) []byte {
				if path != "/api/v1/submissions" {
					return answer
				}
				if first == nil {
					first = receiptIn(answer)
				}
				return bytes.Replace(answer, receiptIn(answer), first, 1)
			}
		})
		a := p.one("79901", ours(pairs().ec, envelope(newVisit())), fine)
		p.up(a.Record, "done")
		unproved("of another record")
		p.line.set(func(l *line) {
			l.edit = func(_ string, answer []byte) []byte {
				return bytes.Replace(answer, []byte(`"signature":"`), []byte(`"signature":"AAAA`), 1)
			}
		})
		unproved("with another signature")
		alarms, err := p.hub.Slices.Witness.Alarms(p.ctx, 100)
		p.check(err)
		n := 0
		for _, x := range alarms {
			if x.Kind == store.AlarmReceipt && x.From == "destination:quoc-gia" {
				n++
			}
		}
		if n != 3 {
			t.Errorf("%d alarms, want 3: %+v", n, alarms)
		}
		p.line.set(func(l *line) { l.edit = nil })
		p.retry("parent.receipt", 2)
		p.idle()
		p.same()
	})
}

// receiptIn cuts the receipt document out of an answer with one result.
func receiptIn(answer []byte) []byte {
	_, rest, _ := bytes.Cut(answer, []byte(`"receipt":`))
	end := bytes.IndexByte(rest, '\n')
	return rest[:end-1]
}

// TestANationThatForgetsIsNotFollowed: while its log does not go on from what the
// province has seen of it nothing more is sent, and it is said; then all goes.
func TestANationThatForgetsIsNotFollowed(t *testing.T) {
	t.Parallel()
	provinces(t, func(t *testing.T, p *province) {
		p.above("")
		p.may("79901")
		p.up(p.one("79901", ours(pairs().ec, envelope(newVisit())), fine).Record, "done")
		p.clock.Advance(2 * time.Minute)
		p.nation.clock.Advance(2 * time.Minute)
		p.line.set(func(l *line) {
			l.edit = func(path string, answer []byte) []byte {
				if strings.HasPrefix(path, "/ledger/") {
					return bytes.Replace(answer, []byte(`"proof":["`), []byte(`"proof":["AAAA`), 1)
				}
				return answer
			}
		})
		second := p.one("79901", ours(pairs().ec, envelope(newVisit())), fine)
		p.up(second.Record, "done") // the first thing heard is believed
		p.clock.Advance(2 * time.Minute)
		p.nation.clock.Advance(2 * time.Minute)
		third := p.one("79901", ours(pairs().ec, envelope(newVisit())), fine)
		p.until("it is seen", func() bool {
			p.tick()
			return strings.HasPrefix(p.legs("79901", third.Record)["quoc-gia"].Code, "parent.ledger.")
		})
		if n := len(must(p.hub.Slices.Witness.Alarms(p.ctx, 100))); n != 1 {
			t.Errorf("%d alarms", n)
		}
		p.line.set(func(l *line) { l.edit = nil })
		p.up(third.Record, "done")
		p.same()
	})
}

// TestADayWithoutTheNation: the province goes on taking everything; back again
// all of it is there once, in order, though answers were lost on the way.
func TestADayWithoutTheNation(t *testing.T) {
	t.Parallel()
	provinces(t, func(t *testing.T, p *province) {
		p.above(fmt.Sprintf(`{"log_keys":[%q]}`, p.nation.hub.LogKey.Verifier()))
		p.may("79901", "79902")
		p.line.set(func(l *line) { l.down = true })
		sent := p.day()
		for range 24 {
			p.clock.Advance(time.Hour)
			p.nation.clock.Advance(time.Hour)
		}
		if n := len(p.nation.counts()); n != 0 {
			t.Fatalf("the nation has %v", p.nation.counts())
		}
		p.line.set(func(l *line) { l.down, l.cut = false, 9 })
		p.idle()
		if n := must(p.hub.Slices.Legs.Count(p.ctx, role.Scope{All: true}, store.LegFilter{State: exchange.Parked})); n != 0 {
			list, _, _ := p.hub.Slices.Legs.List(p.ctx, role.Scope{All: true}, store.LegFilter{State: exchange.Parked})
			t.Fatalf("%d parked: %s", n, list[0].Code)
		}
		p.same()
		if p.line.lost != 9 {
			t.Errorf("%d answers were lost, 9 wanted", p.line.lost)
		}
		n := 0
		for _, k := range p.counts() {
			n += k
		}
		if n < 100 || n < sent {
			t.Errorf("%d records of %d", n, sent)
		}
		t.Log(n, "records:", p.counts())
	})
}

// TestACarrierTakesBackWhatItBrought and nothing else, and only while it may send
// for the facility.
func TestACarrierTakesBackWhatItBrought(t *testing.T) {
	t.Parallel()
	provinces(t, func(t *testing.T, p *province) {
		p.may("79901")
		n := p.nation
		brought := n.one("tinh-79", ours(pairs().ec, envelope(newVisit())), fine)
		other := n.one("tinh-79", ours(pairs().ec, envelope(newVisit())), fine)
		direct := n.one("79901", ours(pairs().ec, envelope(newVisit())), fine)
		withdraw := func(what, record string, want int) {
			t.Helper()
			if status, _, body := n.do("tinh-79", "POST", "/api/v1/records/"+record+"/withdraw", "application/json", []byte(`{"reason":"nhập nhầm"}`)); status != want {
				t.Errorf("%s: %d %s", what, status, body)
			}
		}
		withdraw("what the facility sent", direct.Record, 404)
		withdraw("what it brought", brought.Record, 200)
		withdraw("the same again", brought.Record, 200)
		_, err := n.hub.Office.EndCarrier(p.ctx, "test", admin.Grant{Of: "tinh-79", Facility: "79901", Reason: "hết hạn"})
		n.check(err)
		n.refresh()
		withdraw("when the grant has ended", other.Record, 404)
	})
}
