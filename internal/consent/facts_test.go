package consent_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"lienthong/internal/care"
	"lienthong/internal/consent"
)

const here, there, author care.FacilityCode = "79901", "79902", "01001"

var (
	visit  = consent.Visit{Facility: author, Episode: [17]byte{1}}
	record = consent.Record{Author: author, Kind: "qd4750", Episode: visit.Episode, Received: t0, Classes: care.HIV}
	asker  = consent.Asker{Facility: here, Purpose: consent.Treatment}
)

func say(effect consent.Effect, change func(c *consent.Consent)) consent.Consent {
	c := consent.Consent{ID: consent.ID{9}, Effect: effect, State: consent.Active, Since: t0.Add(-time.Hour)}
	if effect == consent.Permit {
		c.Purpose = consent.Treatment
	}
	if change != nil {
		change(&c)
	}
	return c
}

func TestWhatASayCovers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change       func(c *consent.Consent)
		permit, deny bool
	}{
		"everything":            {nil, true, true},
		"this reader":           {func(c *consent.Consent) { c.Scope.Readers = []care.FacilityCode{there, here} }, true, true},
		"another reader":        {func(c *consent.Consent) { c.Scope.Readers = []care.FacilityCode{there} }, false, false},
		"this author":           {func(c *consent.Consent) { c.Scope.Authors = []care.FacilityCode{author} }, true, true},
		"another author":        {func(c *consent.Consent) { c.Scope.Authors = []care.FacilityCode{here} }, false, false},
		"this kind":             {func(c *consent.Consent) { c.Scope.Kinds = []string{"qd4750"} }, true, true},
		"another kind":          {func(c *consent.Consent) { c.Scope.Kinds = []string{"checkup"} }, false, false},
		"this visit":            {func(c *consent.Consent) { c.Scope.Visits = []consent.Visit{visit} }, true, true},
		"same number elsewhere": {func(c *consent.Consent) { c.Scope.Visits = []consent.Visit{{Facility: there, Episode: visit.Episode}} }, false, false},
		"from now":              {func(c *consent.Consent) { c.Scope.From = t0 }, true, true},
		"from later":            {func(c *consent.Consent) { c.Scope.From = t0.Add(time.Second) }, false, false},
		"to now":                {func(c *consent.Consent) { c.Scope.To = t0 }, false, false},
		"to later":              {func(c *consent.Consent) { c.Scope.To = t0.Add(time.Second) }, true, true},
		"this class":            {func(c *consent.Consent) { c.Scope.Classes = care.HIV }, true, true},
		"another class":         {func(c *consent.Consent) { c.Scope.Classes = care.TB }, true, false},
		"another purpose":       {func(c *consent.Consent) { c.Purpose = consent.Research }, false, false},
		"requested":             {func(c *consent.Consent) { c.State = consent.Requested }, false, false},
		"revoked":               {func(c *consent.Consent) { c.State = consent.Revoked }, false, false},
		"ended":                 {func(c *consent.Consent) { c.Ended = t0 }, false, false},
		"over":                  {func(c *consent.Consent) { c.Until = t0 }, false, false},
		"not begun":             {func(c *consent.Consent) { c.Since = t0.Add(time.Second) }, false, true},
		"unknown effect":        {func(c *consent.Consent) { c.Effect = "both" }, false, false},
	} {
		for effect, want := range map[consent.Effect]bool{consent.Permit: c.permit, consent.Deny: c.deny} {
			f := consent.Facts(consent.Standing{Consents: []consent.Consent{say(effect, c.change)}}, &record, asker, t0)
			if got := f.Permitted || f.Denied; got != want || f.Permitted && effect == consent.Deny || f.Denied && effect == consent.Permit {
				t.Errorf("%s %s: %+v", name, effect, f)
			}
		}
	}
}

func TestClassesOpenOnlyForNamedReaders(t *testing.T) {
	t.Parallel()
	named := say(consent.Permit, func(c *consent.Consent) { c.Scope.Readers, c.Scope.Classes = []care.FacilityCode{here}, care.HIV })
	all := say(consent.Permit, func(c *consent.Consent) { c.ID, c.Scope.Classes = consent.ID{1}, care.AllClasses })
	f := consent.Facts(consent.Standing{Consents: []consent.Consent{all, named}}, &record, asker, t0)
	if !f.Permitted || f.Opened != care.HIV || f.By != named.ID {
		t.Errorf("%+v", f)
	}
	if f := consent.Facts(consent.Standing{Consents: []consent.Consent{all, named}}, &record, consent.Asker{Purpose: consent.Treatment}, t0); f.Opened != 0 {
		t.Errorf("somebody of no facility: %+v", f)
	}
	deny := say(consent.Deny, func(c *consent.Consent) { c.ID = consent.ID{2} })
	too := say(consent.Deny, func(c *consent.Consent) { c.ID, c.Emergency = consent.ID{3}, true })
	if f := consent.Facts(consent.Standing{Consents: []consent.Consent{named, deny, too}}, &record, asker, t0); !f.Denied || !f.DeniedToo || f.Against != too.ID {
		t.Errorf("%+v", f)
	}
	if f := consent.Facts(consent.Standing{Consents: []consent.Consent{named, deny}}, &record, asker, t0); !f.Denied || f.DeniedToo || f.Against != deny.ID {
		t.Errorf("%+v", f)
	}
}

func drawSay(t *rapid.T) consent.Consent {
	facilities := rapid.SliceOfN(rapid.SampledFrom([]care.FacilityCode{here, there, author}), 0, 2)
	moment := func(name string) time.Time {
		if rapid.Bool().Draw(t, name+" set") {
			return t0.Add(time.Duration(rapid.IntRange(-3, 3).Draw(t, name)) * time.Hour)
		}
		return time.Time{}
	}
	c := consent.Consent{
		ID:     consent.ID{rapid.Byte().Draw(t, "id")},
		Effect: rapid.SampledFrom([]consent.Effect{consent.Permit, consent.Deny}).Draw(t, "effect"),
		State:  rapid.SampledFrom(consent.States()).Draw(t, "state"),
		Scope: consent.Scope{Readers: facilities.Draw(t, "readers"), Authors: facilities.Draw(t, "authors"),
			Kinds: rapid.SliceOfN(rapid.SampledFrom([]string{"qd4750", "checkup"}), 0, 1).Draw(t, "kinds"),
			From:  moment("from"), To: moment("to"), Classes: care.Classes(rapid.IntRange(0, 15).Draw(t, "classes"))},
		Purpose: rapid.SampledFrom([]consent.Purpose{"", consent.Treatment, consent.Research}).Draw(t, "purpose"),
		Since:   moment("since"), Until: moment("until"),
	}
	if c.Effect == consent.Deny {
		c.Emergency = rapid.Bool().Draw(t, "emergency")
	}
	if c.State == consent.Revoked {
		c.Ended = t0.Add(-time.Minute)
	}
	return c
}

func drawRecord(t *rapid.T) consent.Record {
	return consent.Record{Author: rapid.SampledFrom([]care.FacilityCode{here, author}).Draw(t, "author"),
		Kind: rapid.SampledFrom([]string{"qd4750", "checkup"}).Draw(t, "kind"), Received: t0.Add(time.Duration(rapid.IntRange(-3, 3).Draw(t, "received")) * time.Hour),
		Classes: care.Classes(rapid.IntRange(0, 15).Draw(t, "record classes"))}
}

// reads is what a reader with a consent of their own as basis would get: what the
// policies make of a finding.
func reads(f consent.Finding, r *consent.Record) bool {
	return f.Permitted && !f.Denied && r.Classes&^f.Opened == 0
}

// A denial always wins; one more never opens more; the order of says means nothing;
// what does not hold adds nothing.
func TestDenialsAlwaysWin(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var s consent.Standing
		for range rapid.IntRange(0, 6).Draw(t, "says") {
			s.Consents = append(s.Consents, drawSay(t))
		}
		r := drawRecord(t)
		before := consent.Facts(s, &r, asker, t0)
		denial := drawSay(t)
		denial.Effect = consent.Deny
		more := consent.Standing{Consents: append([]consent.Consent{denial}, s.Consents...)}
		after := consent.Facts(more, &r, asker, t0)
		if reads(after, &r) && !reads(before, &r) || before.Denied && !after.Denied || before.DeniedToo && !after.DeniedToo {
			t.Fatalf("one more denial opened something: %+v, then %+v", before, after)
		}
		if consent.Holds(&denial, t0) && denial.CoversFor(&r, asker) && reads(after, &r) {
			t.Fatalf("a denial that covers did not win: %+v", after)
		}
		for i, j := 0, len(s.Consents)-1; i < j; i, j = i+1, j-1 {
			s.Consents[i], s.Consents[j] = s.Consents[j], s.Consents[i]
		}
		turned := consent.Facts(s, &r, asker, t0)
		turned.By, turned.Against, before.By, before.Against = consent.ID{}, consent.ID{}, consent.ID{}, consent.ID{}
		if turned != before {
			t.Fatalf("the order matters: %+v, %+v", before, turned)
		}
	})
}

// Whatever the clock shows, a revoked say has no effect, and a denial that was not
// ended and has no end keeps its own.
func TestClockStepsReviveNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := drawSay(t)
		at := t0.Add(time.Duration(rapid.Int64Range(-1e9, 1e9).Draw(t, "seconds")) * time.Second)
		if c.State == consent.Revoked && consent.Holds(&c, at) {
			t.Fatalf("%+v holds at %s", c, at)
		}
		if c.Effect == consent.Deny && (c.State == consent.Active || c.State == consent.Granted) && c.Until.IsZero() && !consent.Holds(&c, at) {
			t.Fatalf("the denial %+v does not hold at %s", c, at)
		}
	})
}

func TestAnOpeningStandsAsLongAsItsBasis(t *testing.T) {
	t.Parallel()
	permit := say(consent.Permit, nil)
	opening := consent.Opening{Basis: "consent", How: "consent", Consent: permit.ID, From: t0, Until: t0.Add(time.Hour)}
	s := consent.Standing{Consents: []consent.Consent{permit}, Opening: &opening}
	if !s.Stands(t0) {
		t.Error("it does not stand")
	}
	if s.Stands(t0.Add(time.Hour)) || s.Stands(t0.Add(-time.Second)) {
		t.Error("it stands outside its time")
	}
	if (&consent.Standing{Opening: &opening}).Stands(t0) {
		t.Error("it stands without its consent")
	}
	deny := say(consent.Deny, nil)
	if (&consent.Standing{Opening: &opening, Consents: []consent.Consent{deny}}).Stands(t0) {
		t.Error("it stands on a denial")
	}
	opening.Consent = consent.ID{}
	if s.Stands(t0) {
		t.Error("an opening by consent names none")
	}
	if opening.Basis = "presence"; !s.Stands(t0) {
		t.Error("a presence does not stand")
	}
	if (&consent.Standing{}).Stands(t0) {
		t.Error("no opening stands")
	}
}
