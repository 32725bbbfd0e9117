package e2e_test

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/bridge/eid"
	"lienthong/internal/bridge/eid/simulator"
	"lienthong/internal/fault"
	"lienthong/internal/reading"
)

var signedOn = regexp.MustCompile(`(?s)<textarea id="signed"[^>]*>([^<]+)</textarea>`)

// signsFor is what the phone of somebody shows after it scanned a challenge.
func (x *identities) signsFor(subject, text string, chip bool) string {
	x.t.Helper()
	form := url.Values{"challenge": {text}}
	if chip {
		form.Set("chip", "1")
	}
	_, _, page := x.browser().post(x.hubProvider()+"/phone/"+subject+"/presence", form)
	return hiddenIn(x.t, page, signedOn)
}

// hubProvider is where the provider of citizens is.
func (x *identities) hubProvider() string {
	x.t.Helper()
	list, _, err := x.hub.Slices.Destinations.Destinations(x.ctx)
	x.check(err)
	for _, d := range list {
		if d.ID == "vneid" {
			return d.URL
		}
	}
	x.t.Fatal("no provider of citizens")
	return ""
}

// A person's app signs that they are there: the provider's keys are those of the
// destination that an operator approved, and of nobody else.
func TestPresenceBySimulatedVNeID(t *testing.T) {
	t.Parallel()
	withLogins(t, func(t *testing.T, x *identities) {
		const number = "079980000001" // "an"
		rec := x.one("79902", elsewhere(newVisit().set("XML1", "SO_CCCD", number).set("XML1", "HO_TEN", "NGUYỄN THỊ AN").set("XML1", "NGAY_SINH", "198002030000").
			set("XML1", "CHAN_DOAN_RV", there).set("XML1", "MA_BENH_CHINH", "J20.9")), "accepted").Record
		anna := x.clinician("79901", 1)
		fresh := func() (handle, nonce, text string) {
			t.Helper()
			_, handle = anna.finds(number)
			_, _, page := anna.ask(http.MethodPost, "/patients/presence", url.Values{"patient": {handle}})
			nonce = hiddenIn(t, page, nonceOf)
			text = "lienthong-presence:1:" + nonce + ":79901"
			if !strings.Contains(page, text) {
				t.Fatal("the text of the code is not on the page for who cannot scan it")
			}
			return handle, nonce, text
		}
		shown := func(handle, nonce, proof string) int {
			t.Helper()
			status, _, body := anna.ask(http.MethodPost, "/patients/presence/shown", url.Values{"patient": {handle}, "nonce": {nonce}, "proof": {proof}})
			if status != http.StatusSeeOther && strings.Contains(body, rec) {
				t.Error("a refusal shows a record")
			}
			return status
		}
		handle, nonce, text := fresh()
		proof := x.signsFor("an", text, false)
		parts := strings.Split(proof, ".")
		stranger := must(simulator.New(simulator.Config{Clock: x.clock, People: []simulator.Person{{Subject: "an", Name: "An", Number: number}}}))
		forged := must(stranger.Presence("an", simulator.PresenceType, text, x.hubProvider()))
		elsewhereText := "lienthong-presence:1:" + nonce + ":79902"
		for name, bad := range map[string]string{
			"another provider's key": forged, "a chip's": x.signsFor("an", text, true), "cut": parts[0] + "." + parts[1] + ".AAAA", "another facility's": x.signsFor("an", elsewhereText, false),
			"another person's": x.signsFor("binh", text, false), "another issuer": must(x.vneid.Presence("an", simulator.PresenceType, text, "https://other.example")), "nothing": "",
			"another challenge's": x.signsFor("an", "lienthong-presence:1:"+strings.Repeat("A", 75)+":79901", false),
		} {
			if status := shown(handle, nonce, bad); status != http.StatusUnprocessableEntity {
				t.Errorf("%s: %d", name, status)
			}
		}
		binh := x.clinician("79902", 2)
		_, theirHandle := binh.finds(number)
		if status, _, _ := binh.ask(http.MethodPost, "/patients/presence/shown", url.Values{"patient": {theirHandle}, "nonce": {nonce}, "proof": {proof}}); status != http.StatusUnprocessableEntity {
			t.Errorf("a challenge of another facility: %d", status)
		}
		path := anna.goes("/patients/presence/shown", url.Values{"patient": {handle}, "nonce": {nonce}, "proof": {proof}})
		if body := anna.reads(path, http.StatusOK); !strings.Contains(body, there) {
			t.Errorf("the person is there, and nothing is open:\n%s", body)
		}
		if status := shown(handle, nonce, proof); status != http.StatusUnprocessableEntity {
			t.Errorf("shown twice: %d", status)
		}
		handle, nonce, text = fresh()
		proof = x.signsFor("an", text, false)
		x.clock.Advance(reading.NonceLife + time.Second)
		if status := shown(handle, nonce, proof); status != http.StatusUnprocessableEntity {
			t.Errorf("after a minute: %d", status)
		}
		// Chips are answered for only where the operator set that.
		handle, nonce, text = fresh()
		chip := url.Values{"patient": {handle}, "nonce": {nonce}, "proof": {x.signsFor("an", text, true)}}
		if status, _, _ := anna.ask(http.MethodPost, "/patients/presence/chip", chip); status != http.StatusUnprocessableEntity {
			t.Errorf("a chip that nobody approved: %d", status)
		}
		x.approve(`{"for":"citizens","client_id":"hub","chips":true}`)
		if ways := must(x.hub.Reading.Ways(x.ctx)); !ways.Chip || !ways.QR {
			t.Errorf("%+v", ways)
		}
		anna.goes("/patients/presence/chip", chip)
		// A provider that is ended says nothing any more.
		x.check(x.hub.Administer().DestinationDo(x.ctx, "test", "vneid", admin.DestinationEnd))
		if ways := must(x.hub.Reading.Ways(x.ctx)); ways.QR || ways.Chip {
			t.Errorf("%+v", ways)
		}
		c := must(x.hub.Reading.Challenge(reading.Who{Facility: "79901"}))
		if _, err := x.hub.Reading.Shown(x.ctx, reading.Who{Facility: "79901"}, "", c.Nonce, must(x.vneid.Presence("an", simulator.PresenceType, c.Text, "http://x"))); !errors.Is(err, reading.ErrWay) {
			t.Errorf("nobody is approved: %v", err)
		}
	})
}

// approve gives the provider of citizens other settings.
func (x *identities) approve(options string) {
	x.t.Helper()
	x.check(x.hub.Administer().PutDestination(x.ctx, "test", admin.Destination{ID: "vneid", Adapter: eid.AdapterName, Name: fault.Text{VI: "vneid", EN: "vneid"}, URL: x.hubProvider(), Private: true, Options: []byte(options)}))
}
