package form_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/store/form"
)

// says are such as desks make, from the least to one with every part.
func says() []consent.Consent {
	at := time.Date(2026, 11, 22, 8, 0, 0, 5000, time.UTC)
	all := consent.Consent{Version: 12, Effect: consent.Deny, State: consent.Revoked, Purpose: consent.Research, Emergency: true,
		Since: at, Until: at.Add(1), Asked: at.Add(-time.Hour), Decided: at, Ended: at, Asker: "79001", Staff: care.Staff{1, 2}, Signer: consent.Proxy,
		By: care.Person{9}, Channel: "counter_paper", Proof: [32]byte{31: 255}, Law: "law-91-2025-art-10"}
	all.Scope = consent.Scope{Readers: []care.FacilityCode{"79001", "01002"}, Authors: []care.FacilityCode{"48003"}, Kinds: []string{"qd4750", "slip"},
		Visits: []consent.Visit{{Facility: "79001", Episode: [17]byte{1, 16: 7}}, {Facility: "48003", Episode: [17]byte{3}}},
		From:   at.AddDate(-90, 0, 0), To: at, Classes: care.AllClasses}
	all.Until = at.Add(time.Microsecond)
	odd := all
	odd.Law, odd.Channel, odd.Scope.Kinds = `nghị định "<102>"`, "a\\b", []string{"", "đơn thuốc"}
	least := consent.Consent{Version: 1, Effect: consent.Permit, State: consent.Active}
	usual := consent.Consent{Version: 2, Effect: consent.Permit, State: consent.Active, Purpose: consent.Treatment, Since: at, Decided: at,
		Signer: consent.Self, Channel: "portal", Law: "law-91-2025-art-19", Scope: consent.Scope{Readers: []care.FacilityCode{"79001"}, Classes: care.HIV}}
	return []consent.Consent{least, usual, all, odd}
}

func TestASayIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	for i, want := range says() {
		text, err := form.Said(&want)
		if err != nil {
			t.Fatal(err)
		}
		for _, written := range []string{text, " " + text} { // as it is written, and as only package json reads it
			var got consent.Consent
			if err := form.ReadSaid(&got, written); err != nil {
				t.Fatalf("%d: %v", i, err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%d: read\n%+v of\n%s, wanted\n%+v", i, got, written, want)
			}
		}
	}
}

func TestWhatIsNoSayIsAnError(t *testing.T) {
	t.Parallel()
	for _, text := range []string{``, `{`, `null{`, `{"v":"1"}`, `{"v":1,"effect":"deny","state":"active"`, `{"v":1,"effect":"deny","state":"active","classes":256}`,
		`{"v":1,"effect":"deny","state":"active","since":9223372036854775808}`, `{"v":1,"effect":"deny","state":"active","staff":"AAAA"}`,
		`{"v":1,"effect":"deny","state":"active","visits":[{"facility":"79001","episode":"AAAA"}]}`, `{"v":1,"effect":"deny","state":"active"} ` + "\x00"} {
		if err := form.ReadSaid(&consent.Consent{}, text); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}

// FuzzReadSaid holds the way says are read against package json alone, which a
// leading blank calls for.
func FuzzReadSaid(f *testing.F) {
	for _, c := range says() {
		text, err := form.Said(&c)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add(`{"v":-0,"effect":"deny","state":"active","signer":"self","since":007}`)
	f.Add(`{"v":1,"effect":"deny","state":"active","readers":[],"authors":["a",],"signer":"","proof":"\r\n="}`)
	f.Fuzz(func(t *testing.T, text string) {
		var got, want consent.Consent
		failed, wrong := form.ReadSaid(&got, text), form.ReadSaid(&want, " "+text)
		if (failed == nil) != (wrong == nil) {
			t.Fatalf("%q: %v, and alone %v", text, failed, wrong)
		}
		if failed != nil {
			return
		}
		a, _ := json.Marshal(got)
		b, _ := json.Marshal(want)
		if string(a) != string(b) {
			t.Fatalf("%q:\n%s\n%s", text, a, b)
		}
	})
}
