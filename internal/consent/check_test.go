package consent_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/law"
)

var (
	an, mother = care.Person{1}, care.Person{2}
	known      = consent.Known{
		Facility: func(c care.FacilityCode) bool { return slices.Contains([]care.FacilityCode{here, there, author}, c) },
		Kind:     func(k string) bool { return k == "qd4750" },
	}
)

func TestASayThatCannotBeIsRefused(t *testing.T) {
	t.Parallel()
	good := func(effect consent.Effect) consent.Consent {
		c := consent.Consent{Person: an, Effect: effect, State: consent.Granted, Signer: consent.Self, Channel: "portal",
			Scope: consent.Scope{Readers: []care.FacilityCode{here}, Kinds: []string{"qd4750"}, Visits: []consent.Visit{visit}, From: t0, To: t0.Add(time.Hour), Classes: care.HIV}}
		if effect == consent.Permit {
			c.Purpose, c.Since, c.Until = consent.Treatment, t0, t0.Add(time.Hour)
		}
		return c
	}
	for _, effect := range []consent.Effect{consent.Permit, consent.Deny} {
		c := good(effect)
		if err := consent.Check(&c, known, t0); err != nil {
			t.Fatal(err)
		}
	}
	for name, x := range map[string]struct {
		effect consent.Effect
		change func(c *consent.Consent)
		want   error
	}{
		"nobody":                 {consent.Permit, func(c *consent.Consent) { c.Person = care.Person{} }, consent.ErrOtherPerson},
		"no effect":              {consent.Permit, func(c *consent.Consent) { c.Effect = "" }, consent.ErrEffect},
		"permission, emergency":  {consent.Permit, func(c *consent.Consent) { c.Emergency = true }, consent.ErrEffect},
		"no purpose":             {consent.Permit, func(c *consent.Consent) { c.Purpose = "" }, consent.ErrPurpose},
		"unknown purpose":        {consent.Permit, func(c *consent.Consent) { c.Purpose = "curiosity" }, consent.ErrPurpose},
		"denial, odd purpose":    {consent.Deny, func(c *consent.Consent) { c.Purpose = "curiosity" }, consent.ErrPurpose},
		"unknown reader":         {consent.Permit, func(c *consent.Consent) { c.Scope.Readers = []care.FacilityCode{"99999"} }, consent.ErrFacility},
		"unknown author":         {consent.Permit, func(c *consent.Consent) { c.Scope.Authors = []care.FacilityCode{"99999"} }, consent.ErrFacility},
		"unknown visit":          {consent.Permit, func(c *consent.Consent) { c.Scope.Visits[0].Facility = "99999" }, consent.ErrFacility},
		"classes for everybody":  {consent.Permit, func(c *consent.Consent) { c.Scope.Readers = nil }, consent.ErrFacility},
		"classes there are none": {consent.Permit, func(c *consent.Consent) { c.Scope.Classes = 1 << 6 }, consent.ErrFacility},
		"asked for another":      {consent.Permit, func(c *consent.Consent) { c.Asker = there }, consent.ErrFacility},
		"unknown kind":           {consent.Permit, func(c *consent.Consent) { c.Scope.Kinds = []string{"x"} }, consent.ErrKind},
		"to before from":         {consent.Permit, func(c *consent.Consent) { c.Scope.To = t0.Add(-time.Hour) }, consent.ErrTime},
		"until before since":     {consent.Permit, func(c *consent.Consent) { c.Until = t0.Add(-time.Hour) }, consent.ErrTime},
		"until now":              {consent.Permit, func(c *consent.Consent) { c.Since, c.Until = t0.Add(-time.Hour), t0 }, consent.ErrTime},
		"denial that begins":     {consent.Deny, func(c *consent.Consent) { c.Since = t0 }, consent.ErrTime},
		"too many":               {consent.Deny, func(c *consent.Consent) { c.Scope.Readers = slices.Repeat([]care.FacilityCode{here}, 101) }, consent.ErrTooLarge},
		"no channel":             {consent.Deny, func(c *consent.Consent) { c.Channel = "" }, consent.ErrProof},
		"paper without a scan":   {consent.Deny, func(c *consent.Consent) { c.Channel = "counter_paper" }, consent.ErrProof},
	} {
		c := good(x.effect)
		x.change(&c)
		if err := consent.Check(&c, known, t0); !errors.Is(err, x.want) {
			t.Errorf("%s: %v, want %v", name, err, x.want)
		}
	}
}

func TestEveryPurposeHasItsSource(t *testing.T) {
	t.Parallel()
	for _, p := range consent.Purposes() {
		u, ok := law.Purpose(string(p))
		if !ok || u.Title.VI == "" || u.Title.EN == "" {
			t.Errorf("%s has no source", p)
		}
	}
}

func TestWhoMaySay(t *testing.T) {
	t.Parallel()
	delegation := func(kind string) []consent.Delegation {
		return []consent.Delegation{{ID: [16]byte{1}, Person: an, Delegate: mother, Kind: kind, From: t0.Add(-time.Hour), Until: t0.Add(time.Hour)}}
	}
	under7, to18, proxy := delegation(consent.GuardianUnder7), delegation(consent.Guardian7To18), delegation(consent.ProxyDelegation)
	ended := delegation(consent.ProxyDelegation)
	ended[0].Ended = t0.Add(time.Hour) // by a clock that was ahead
	for name, c := range map[string]struct {
		by     care.Person
		signer consent.Signer
		opens  bool
		age    int
		of     []consent.Delegation
		want   error
	}{
		"of age":                      {an, consent.Self, true, 40, nil, nil},
		"age not known":               {care.Person{}, consent.Self, true, -1, nil, nil},
		"another as if themself":      {mother, consent.Self, true, 40, proxy, consent.ErrOtherPerson},
		"themself as if a proxy":      {an, consent.Proxy, true, 40, proxy, consent.ErrOtherPerson},
		"a stranger":                  {mother, consent.Proxy, true, 40, nil, consent.ErrDelegation},
		"a proxy":                     {mother, consent.Proxy, true, 40, proxy, nil},
		"a proxy no longer":           {mother, consent.Proxy, true, 40, ended, consent.ErrDelegation},
		"a proxy of a child":          {mother, consent.Proxy, true, 12, proxy, consent.ErrDelegation},
		"a proxy as guardian":         {mother, consent.Guardian, true, 40, proxy, consent.ErrMinor},
		"mother of a small child":     {mother, consent.Guardian, true, 5, under7, nil},
		"of one who grew":             {mother, consent.Guardian, true, 7, under7, consent.ErrDelegation},
		"mother alone, child of 12":   {mother, consent.Guardian, true, 12, to18, consent.ErrMinor},
		"both, child of 12":           {mother, consent.Both, true, 12, to18, nil},
		"mother denies, child of 12":  {mother, consent.Guardian, false, 12, to18, nil},
		"both, of one who is of age":  {mother, consent.Both, true, 18, to18, consent.ErrDelegation},
		"small child by itself":       {an, consent.Self, false, 6, nil, consent.ErrMinor},
		"child of 12 agrees alone":    {an, consent.Self, true, 12, nil, consent.ErrMinor},
		"child of 12 denies alone":    {an, consent.Self, false, 12, nil, nil},
		"guardian of 7 to 18, age 3":  {mother, consent.Both, true, 3, to18, consent.ErrDelegation},
		"delegation the wrong way":    {mother, consent.Proxy, true, 40, []consent.Delegation{{Person: mother, Delegate: an, Kind: consent.ProxyDelegation, From: t0}}, consent.ErrDelegation},
		"small child, guardian proxy": {mother, consent.Proxy, true, 5, under7, consent.ErrMinor},
	} {
		say := consent.Consent{Person: an, By: c.by, Signer: c.signer}
		if err := consent.Signed(&say, c.opens, c.age, c.of, t0); !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestDelegations(t *testing.T) {
	t.Parallel()
	birth := time.Date(2022, 2, 28, 0, 0, 0, 0, time.UTC)
	if end := consent.EndOf(consent.GuardianUnder7, birth); end.Year() != 2029 || !consent.EndOf(consent.Guardian7To18, birth).Equal(birth.AddDate(18, 0, 0)) || !consent.EndOf(consent.ProxyDelegation, birth).IsZero() {
		t.Errorf("it ends %s", end)
	}
	good := consent.Delegation{Person: an, Delegate: mother, Kind: consent.GuardianUnder7, From: t0, Until: t0.Add(time.Hour), Proof: [32]byte{1}}
	if err := consent.CheckDelegation(&good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(d *consent.Delegation){
		"of nobody":              func(d *consent.Delegation) { d.Person = care.Person{} },
		"to nobody":              func(d *consent.Delegation) { d.Delegate = care.Person{} },
		"to oneself":             func(d *consent.Delegation) { d.Delegate = an },
		"of no kind":             func(d *consent.Delegation) { d.Kind = "friend" },
		"without a beginning":    func(d *consent.Delegation) { d.From = time.Time{} },
		"that ends first":        func(d *consent.Delegation) { d.Until = t0.Add(-time.Second) },
		"guardian for ever":      func(d *consent.Delegation) { d.Until = time.Time{} },
		"guardian without paper": func(d *consent.Delegation) { d.Proof = [32]byte{} },
	} {
		d := good
		change(&d)
		if err := consent.CheckDelegation(&d); !errors.Is(err, consent.ErrDelegationForm) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !good.Holds(t0) || good.Holds(t0.Add(-time.Second)) || good.Holds(good.Until) {
		t.Error("it holds at other moments")
	}
	if good.Ended = t0.Add(time.Hour); good.Holds(t0) {
		t.Error("it holds though it was ended")
	}
}
