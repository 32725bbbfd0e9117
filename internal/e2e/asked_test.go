package e2e_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/choice"
	"lienthong/internal/consent"
	"lienthong/internal/facility"
	"lienthong/internal/hub/rooms"
	"lienthong/internal/ledger"
	"lienthong/internal/roster"
	"lienthong/internal/store"
)

// again is the service of choices as another process of the hub has it: it
// remembers nothing of what was asked.
func (x *identities) again() *choice.Desk {
	x.t.Helper()
	h := x.hub
	return must(rooms.Choices(rooms.Parts{Slices: h.Slices, Vault: h.Vault, Disclose: h.Disclose, Receipt: must(ledger.NewReceiptKey(x.keys.Receipt)),
		Directory: func() *facility.Directory { return h.Trust.Current().Directory }, Clock: x.clock, Hub: hubName}, h.Login, h.Kinds.Names()))
}

var pushOf = regexp.MustCompile(`name="push" value="([^"]+)"`)

// decides presses a button of the first question on a phone.
func (x *identities) decides(subject, decision string) {
	x.t.Helper()
	_, page := fetch(x.t.(*testing.T), x.vneid, "/phone/"+subject)
	r := httptest.NewRequest(http.MethodPost, "/phone/"+subject, strings.NewReader(url.Values{"push": {hiddenIn(x.t, page, pushOf)}, "decision": {decision}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	rec := httptest.NewRecorder()
	x.vneid.ServeHTTP(rec, r)
	if rec.Code != http.StatusSeeOther {
		x.t.Fatalf("the phone: %d %s", rec.Code, rec.Body)
	}
}

// TestAConsentIsAskedAtTheClinicAndGivenOnThePhone is the way of a question: from
// a clinician to the app and back, signed, into an opening.
func TestAConsentIsAskedAtTheClinicAndGivenOnThePhone(t *testing.T) {
	t.Parallel()
	withLogins(t, func(t *testing.T, x *identities) {
		const number = "079980000001"
		rec := x.one("79902", elsewhere(newVisit().set("XML1", "SO_CCCD", number).set("XML1", "HO_TEN", "NGUYỄN THỊ AN").set("XML1", "NGAY_SINH", "198002030000").
			set("XML1", "CHAN_DOAN_RV", there).set("XML1", "MA_BENH_CHINH", "J20.9")), "accepted").Record
		x.browser().through("/login/vneid", "an")
		anna := x.clinician("79901", 1)
		ask := func() (handle, ticket string) {
			t.Helper()
			_, handle = anna.finds(number)
			_, _, page := anna.ask(http.MethodPost, "/patients/consent", url.Values{"patient": {handle}})
			return handle, hiddenIn(t, page, ticketOf)
		}
		handle, ticket := ask()
		waits := url.Values{"patient": {handle}, "ticket": {ticket}}
		if status, _, page := anna.ask(http.MethodPost, "/patients/consent/asked", waits); status != http.StatusOK || strings.Contains(page, rec) {
			t.Fatalf("asked, and not answered: %d", status)
		}
		if _, page := fetch(t, x.vneid, "/phone/an"); !strings.Contains(page, "Cơ sở thử 79901") || !strings.Contains(page, "bạn có thể từ chối") {
			t.Fatalf("the phone does not say who asks:\n%s", page)
		}
		x.decides("an", "approve")
		path := anna.goes("/patients/consent/asked", waits)
		if page := anna.reads(path, http.StatusOK); !strings.Contains(page, there) {
			t.Errorf("agreed, and nothing is open:\n%s", page)
		}
		person := x.whoHolds(number)
		said := must(x.hub.Choices.Said(x.ctx, care.Person(person)))
		if len(said) != 1 || said[0].State != consent.Active || said[0].Channel != "vneid" || said[0].Proof == [32]byte{} || said[0].Asker != "79901" {
			t.Fatalf("%+v", said)
		}
		if checked := checkedReceipt(t, x.world, string(said[0].Receipt)); checked.Effect != consent.Permit {
			t.Errorf("the receipt says %+v", checked)
		}
		// Taken back, and the opening is over with it.
		must(x.hub.Choices.Revoke(x.ctx, choice.Speaker{Person: care.Person(person), Channel: "portal", Actor: "e2e"}, said[0].ID))
		anna.reads(path, http.StatusNotFound)
		// Refused: the clinician is told so, and nothing opens.
		handle, ticket = ask()
		x.decides("an", "refuse")
		if status, _, page := anna.ask(http.MethodPost, "/patients/consent/asked", url.Values{"patient": {handle}, "ticket": {ticket}}); status != http.StatusOK || strings.Contains(page, there) {
			t.Errorf("refused: %d\n%s", status, page)
		}
		// A hub that was restarted, or one beside it, finds the question it did not
		// ask itself, and asks the person nothing twice.
		asked := must(x.again().Ask(x.ctx, choice.Request{Person: care.Person(person), Facility: "79902", Purpose: consent.Treatment, Channel: "vneid", Actor: "e2e"}))
		other := x.again()
		if c := must(other.Asked(x.ctx, asked.ID)); c.State != consent.Requested {
			t.Errorf("%+v", c)
		}
		if _, page := fetch(t, x.vneid, "/phone/an"); strings.Count(page, `name="push"`) != 1 {
			t.Errorf("the phone shows the question %d times", strings.Count(page, `name="push"`))
		}
		x.decides("an", "approve")
		if c := must(x.again().Asked(x.ctx, asked.ID)); c.State != consent.Active || c.Proof == [32]byte{} {
			t.Errorf("after a restart: %+v", c)
		}
	})
}

// child is a person with a visit, born on a day.
func (w *world) born(number, name, day string) care.Person {
	w.t.Helper()
	w.one("79902", elsewhere(newVisit().set("XML1", "SO_CCCD", number).set("XML1", "HO_TEN", name).set("XML1", "NGAY_SINH", day+"0000")), "accepted")
	return care.Person(w.whoHolds(number))
}

// TestWhoSpeaksForAChild: under 7 a guardian, from 7 to under 18 both, from 18
// nobody else; by the birth that the records or the provider tell.
func TestWhoSpeaksForAChild(t *testing.T) {
	t.Parallel()
	withLogins(t, func(t *testing.T, x *identities) {
		small, big := x.born("079921888401", "TRẦN GIA BẢO", "20210802"), x.born("079914888402", "TRẦN GIA HÂN", "20140802")
		grown, mother := x.born("079975888403", "TRẦN VĂN CAO", "19750802"), x.born("079985888404", "LÊ THỊ HOA", "19850802")
		desk := x.hub.Choices
		counter := func(of care.Person, kind string) (*consent.Delegation, error) {
			return desk.Delegate(x.ctx, choice.Speaker{Person: of, Staff: care.Staff{1}, At: "79901", Channel: "counter_paper", Proof: sha256.Sum256([]byte("phiếu")), Actor: "e2e"},
				consent.Delegation{Delegate: mother, Kind: kind})
		}
		refused := func(what string, err, want error) {
			t.Helper()
			if !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", what, err, want)
			}
		}
		_, err := counter(small, consent.Guardian7To18)
		refused("a child of 5 as one of 7", err, consent.ErrDelegationForm)
		_, err = counter(big, consent.GuardianUnder7)
		refused("a child of 12 as one under 7", err, consent.ErrDelegationForm)
		for _, kind := range []string{consent.GuardianUnder7, consent.Guardian7To18} {
			_, err = counter(grown, kind)
			refused("a guardian of who is of age", err, consent.ErrDelegationForm)
		}
		of5, of12 := must(counter(small, consent.GuardianUnder7)), must(counter(big, consent.Guardian7To18))
		for d, want := range map[*consent.Delegation]string{of5: "2028-08-02", of12: "2032-08-02"} {
			if got := d.Until.In(time.FixedZone("", 7*3600)).Format(time.DateOnly); got != want {
				t.Errorf("%s ends on %s, want %s", hex.EncodeToString(d.ID[:4]), got, want)
			}
		}
		say := func(s choice.Speaker) error {
			s.SteppedUp, s.Actor = x.clock.Now(), "e2e"
			_, err := desk.Say(x.ctx, s, consent.Consent{Effect: consent.Permit, Purpose: consent.Treatment, Scope: consent.Scope{Readers: []care.FacilityCode{"79901"}}})
			return err
		}
		paper := sha256.Sum256([]byte("phiếu hai chữ ký"))
		refused("a child of 5 alone", say(choice.Speaker{Person: small, Channel: "portal"}), consent.ErrMinor)
		refused("a child of 12 alone", say(choice.Speaker{Person: big, Channel: "portal"}), consent.ErrMinor)
		refused("the mother of a child of 5", say(choice.Speaker{Person: small, By: mother, Channel: "portal"}), nil)
		refused("the mother of a child of 12 alone", say(choice.Speaker{Person: big, By: mother, Channel: "portal"}), consent.ErrMinor)
		refused("both, without what both signed", say(choice.Speaker{Person: big, By: mother, Signer: consent.Both, Channel: "portal"}), consent.ErrProof)
		refused("both, at the counter", say(choice.Speaker{Person: big, By: mother, Signer: consent.Both, Channel: "counter_paper", Proof: paper, Staff: care.Staff{1}, At: "79901"}), nil)
		refused("somebody for who is of age", say(choice.Speaker{Person: grown, By: mother, Channel: "portal"}), consent.ErrDelegation)
		refused("who is of age", say(choice.Speaker{Person: grown, Channel: "portal"}), nil)
		// Of who has no record the provider's word counts.
		young := must(x.hub.Login.Roster.Citizen(x.ctx, roster.Comer{Provider: "vneid", Subject: "y", Number: "079913888405", Name: "Lê Trẻ", Birth: "2013-05-06"}))
		refused("a child whom only the provider knows", say(choice.Speaker{Person: care.Person(young), Channel: "portal"}), consent.ErrMinor)
		if born := must(x.hub.Disclose.Born(x.ctx, store.PersonID(young))); !born.IsZero() {
			t.Errorf("no record, and born %s", born)
		}
		// The child grows, and the guardian's word ends by itself.
		x.clock.Advance(time.Date(2028, 8, 2, 1, 0, 0, 0, time.UTC).Sub(x.clock.Now()))
		refused("the mother of who is 7 now", say(choice.Speaker{Person: small, By: mother, Channel: "portal"}), consent.ErrDelegation)
	})
}
