package reading_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/policy"
	"lienthong/internal/reading"
	"lienthong/internal/slip"
	"lienthong/internal/store"
)

var (
	start = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)
	ann   = store.PersonID{0xA}
	doc   = reading.Who{Facility: "79901", Staff: care.Staff{1}}
	mate  = reading.Who{Facility: "79901", Staff: care.Staff{2}}
	other = reading.Who{Facility: "79902", Staff: care.Staff{3}}
)

const (
	annNumber  = "091988000123"
	nobody     = "091988000999"
	issuer     = "https://vneid.example"
	annSocial  = "9901139768"
	annLocalID = "BN1"
)

var slipID = dossier.ID{Facility: "79902", Serial: [16]byte{9}}

func TestALookUpSaysNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	known, unknown := w.find(t, doc, annNumber), w.find(t, doc, nobody)
	if len(known.Patient) != len(unknown.Patient) || known.Person != ann || unknown.Person != (store.PersonID{}) {
		t.Errorf("%d and %d characters, %v %v", len(known.Patient), len(unknown.Patient), known.Person, unknown.Person)
	}
	if strings.Contains(known.Query.Mask(), annNumber[:6]) {
		t.Errorf("the mask shows %s", known.Query.Mask())
	}
	for _, text := range []string{annSocial, "HT39" + "1" + annSocial, "BN1", slipID.String()} {
		if f, err := w.desk.Find(t.Context(), doc, text); err != nil || text != "HT391"+annSocial && f.Person != ann {
			t.Errorf("%q: %v, %v", text, f.Person, err)
		}
	}
	if f := w.find(t, other, "BN1"); f.Person != (store.PersonID{}) {
		t.Error("a patient code of another facility found somebody")
	}
	// The same ways, the same answers, for who is known and who is not.
	for _, f := range []reading.Found{known, unknown} {
		if _, err := w.desk.Referral(t.Context(), doc, f.Patient); !errors.Is(err, reading.ErrNoReferral) {
			t.Errorf("referral: %v", err)
		}
		c, err := w.desk.SendCode(t.Context(), doc, f.Patient)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.desk.Told(t.Context(), doc, f.Patient, c.Ticket, "x"); !errors.Is(err, reading.ErrCode) {
			t.Errorf("code: %v", err)
		}
		ask, err := w.desk.Ask(t.Context(), doc, f.Patient)
		if err != nil {
			t.Fatal(err)
		}
		if s, o, err := w.desk.Asked(t.Context(), doc, ask); s != consent.Requested || o != nil || err != nil {
			t.Errorf("ask: %s %v %v", s, o, err)
		}
		if _, _, err := w.desk.Asked(t.Context(), mate, ask); !errors.Is(err, reading.ErrPatient) {
			t.Errorf("a colleague's ask: %v", err)
		}
		if _, err := w.desk.Ask(t.Context(), doc, f.Patient); err != nil {
			t.Errorf("asked again: %v", err)
		}
		if _, err := w.desk.Ask(t.Context(), doc, f.Patient); !errors.Is(err, reading.ErrAsks) {
			t.Errorf("asked a third time: %v", err)
		}
		w.Advance(reading.AskedFor)
		if s, o, err := w.desk.Asked(t.Context(), doc, ask); s != consent.TimedOut || o != nil || err != nil {
			t.Errorf("ask later: %s %v %v", s, o, err)
		}
	}
	if w.sentTo[0] != ann || w.sentTo[1] != (store.PersonID{}) {
		t.Errorf("codes went to %v", w.sentTo)
	}
	if len(w.openings) != 0 {
		t.Errorf("a look-up opened %v", w.openings)
	}
	if _, err := w.desk.Again(mate, known.Patient); !errors.Is(err, reading.ErrPatient) {
		t.Errorf("another clinician took it: %v", err)
	}
	w.Advance(30 * time.Minute)
	if _, err := w.desk.Again(doc, known.Patient); !errors.Is(err, reading.ErrPatient) {
		t.Errorf("half an hour later: %v", err)
	}
}

func TestLookUpsAreLimited(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for range 20 {
		w.find(t, doc, nobody)
	}
	if _, err := w.desk.Find(t.Context(), doc, nobody); !errors.Is(err, reading.ErrTooMany) {
		t.Errorf("the 21st: %v", err)
	}
	w.find(t, mate, nobody)
	w.Advance(time.Hour)
	w.find(t, doc, nobody)
}

func TestPresenceByASignedChallenge(t *testing.T) {
	t.Parallel()
	w := setup(t)
	c, err := w.desk.Challenge(doc)
	if err != nil || c.Text != "lienthong-presence:1:"+c.Nonce+":79901" {
		t.Fatal(c, err)
	}
	patient := w.find(t, doc, annNumber).Patient
	strange, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	set := func(name string, v any) func(map[string]any) { return func(m map[string]any) { m[name] = v } }
	for name, bad := range map[string]string{
		"nothing": "", "no token": "x.y.z", "another type": w.signed(t, "chip+jwt", c.Nonce, annNumber, nil),
		"another challenge": w.signed(t, "presence+jwt", "abc", annNumber, nil),
		"another facility":  w.signed(t, "presence+jwt", c.Nonce, annNumber, set("facility", "79902")),
		"another audience":  w.signed(t, "presence+jwt", c.Nonce, annNumber, set("aud", "x")),
		"another issuer":    w.signed(t, "presence+jwt", c.Nonce, annNumber, set("iss", "https://evil.example")),
		"expired":           w.signed(t, "presence+jwt", c.Nonce, annNumber, set("exp", start.Add(-time.Minute).Unix())),
		"from the future":   w.signed(t, "presence+jwt", c.Nonce, annNumber, set("iat", start.Add(time.Minute).Unix())),
		"valid for a year":  w.signed(t, "presence+jwt", c.Nonce, annNumber, set("exp", start.AddDate(1, 0, 0).Unix())),
		"no number":         w.signed(t, "presence+jwt", c.Nonce, "12", nil),
		"forged": func() string {
			x := &world{Fake: w.Fake, key: strange}
			return x.signed(t, "presence+jwt", c.Nonce, annNumber, nil)
		}(),
	} {
		if _, err := w.desk.Shown(t.Context(), doc, patient, c.Nonce, bad); !errors.Is(err, reading.ErrProof) {
			t.Errorf("%s: %v", name, err)
		}
	}
	good := w.signed(t, "presence+jwt", c.Nonce, annNumber, nil)
	if _, err := w.desk.Shown(t.Context(), mate, "", c.Nonce, good); !errors.Is(err, reading.ErrProof) {
		t.Errorf("a colleague's challenge: %v", err)
	}
	if _, err := w.desk.Shown(t.Context(), doc, w.find(t, doc, nobody).Patient, c.Nonce, good); !errors.Is(err, reading.ErrOther) {
		t.Errorf("another person: %v", err)
	}
	o, err := w.desk.Shown(t.Context(), doc, patient, c.Nonce, good)
	if err != nil {
		t.Fatal(err)
	}
	if o.Basis != string(policy.Presence) || o.Person != care.Person(ann) || o.Facility != "79901" || o.How != reading.ByQR || !o.Until.Equal(start.Add(reading.Stay)) {
		t.Errorf("%+v", o)
	}
	if len(w.notices) != 1 || w.notices[0].Person != care.Person(ann) || w.notices[0].Kind != "opening.presence" || strings.Contains(w.notices[0].Detail, annNumber) {
		t.Errorf("%+v", w.notices)
	}
	if _, err := w.desk.Shown(t.Context(), doc, patient, c.Nonce, good); !errors.Is(err, reading.ErrProof) {
		t.Errorf("replayed: %v", err)
	}
	c2, _ := w.desk.Challenge(doc)
	again, err := w.desk.Shown(t.Context(), doc, "", c2.Nonce, w.signed(t, "presence+jwt", c2.Nonce, annNumber, nil))
	if err != nil || again.ID != o.ID || len(w.notices) != 1 {
		t.Errorf("a second proof made a second opening: %v", err)
	}
	c3, _ := w.desk.Challenge(doc)
	late := w.signed(t, "presence+jwt", c3.Nonce, annNumber, nil)
	w.Advance(reading.NonceLife)
	if _, err := w.desk.Shown(t.Context(), doc, "", c3.Nonce, late); !errors.Is(err, reading.ErrProof) {
		t.Errorf("after a minute: %v", err)
	}
	c4, _ := w.desk.Challenge(doc)
	if _, err := w.desk.Shown(t.Context(), doc, "", c4.Nonce, w.signed(t, "presence+jwt", c4.Nonce, nobody, nil)); !errors.Is(err, reading.ErrNobody) {
		t.Errorf("somebody without records: %v", err)
	}
	c5, _ := w.desk.Challenge(doc)
	if o, err := w.desk.Chip(t.Context(), doc, "", c5.Nonce, w.signed(t, "chip+jwt", c5.Nonce, annNumber, nil)); err != nil || o.ID != again.ID {
		t.Errorf("chip: %v", err)
	}
}

func TestACodeHasThreeTries(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.find(t, doc, annNumber).Patient
	c, err := w.desk.SendCode(t.Context(), doc, p)
	if err != nil || len(w.codes[0]) != 6 {
		t.Fatal(w.codes, err)
	}
	if strings.Contains(c.Ticket, w.codes[0]) {
		t.Error("the ticket shows the code")
	}
	wrong := "000000"
	if w.codes[0] == wrong {
		wrong = "000001"
	}
	if _, err := w.desk.Told(t.Context(), mate, w.find(t, mate, annNumber).Patient, c.Ticket, w.codes[0]); !errors.Is(err, reading.ErrCode) {
		t.Errorf("a colleague told it: %v", err)
	}
	for range reading.CodeTries {
		if _, err := w.desk.Told(t.Context(), doc, p, c.Ticket, wrong); !errors.Is(err, reading.ErrCode) {
			t.Errorf("wrong: %v", err)
		}
	}
	if _, err := w.desk.Told(t.Context(), doc, p, c.Ticket, w.codes[0]); !errors.Is(err, reading.ErrTries) {
		t.Errorf("the fourth try: %v", err)
	}
	c, err = w.desk.SendCode(t.Context(), doc, p)
	if err != nil {
		t.Fatal(err)
	}
	o, err := w.desk.Told(t.Context(), doc, p, c.Ticket, " "+w.codes[1][:3]+" "+w.codes[1][3:])
	if err != nil || o.How != reading.ByCode {
		t.Fatal(o, err)
	}
	if _, err := w.desk.Told(t.Context(), doc, p, c.Ticket, w.codes[1]); !errors.Is(err, reading.ErrCode) {
		t.Errorf("twice: %v", err)
	}
	for range 3 {
		if _, err := w.desk.SendCode(t.Context(), doc, p); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.desk.SendCode(t.Context(), doc, p); !errors.Is(err, reading.ErrCodes) {
		t.Errorf("the sixth code of an hour: %v", err)
	}
	w.Advance(time.Hour)
	p = w.find(t, doc, annNumber).Patient
	c, err = w.desk.SendCode(t.Context(), doc, p)
	if err != nil {
		t.Fatal(err)
	}
	w.Advance(reading.CodeLife)
	if _, err := w.desk.Told(t.Context(), doc, p, c.Ticket, w.codes[len(w.codes)-1]); !errors.Is(err, reading.ErrCode) {
		t.Errorf("after ten minutes: %v", err)
	}
}

func TestAReferralOpensWhileItHolds(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.find(t, doc, annNumber).Patient
	hold := func(day int) reading.Referral {
		return reading.Referral{Record: slipID.String(), Validity: slip.Of(slip.Referral, care.MomentOf(start.AddDate(0, 0, day)), care.Moment{})}
	}
	w.referred = []reading.Referral{hold(-60), {Record: slipID.String()}}
	if _, err := w.desk.Referral(t.Context(), doc, p); !errors.Is(err, reading.ErrNoReferral) {
		t.Errorf("slips that are over, or end never: %v", err)
	}
	w.referred = append(w.referred, hold(0))
	o, err := w.desk.Referral(t.Context(), doc, p)
	if err != nil || o.Basis != string(policy.ByReferral) || !o.Until.Equal(hold(0).Validity.Until.End()) || o.Referral != slipID.String() {
		t.Fatalf("%+v, %v", o, err)
	}
	if _, err := w.desk.Use(t.Context(), mate, o.ID); err != nil {
		t.Errorf("a colleague: %v", err)
	}
	if _, err := w.desk.Use(t.Context(), other, o.ID); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("another facility: %v", err)
	}
	w.referred = nil // withdrawn
	if _, err := w.desk.Use(t.Context(), doc, o.ID); !errors.Is(err, store.ErrAbsent) || w.openings[0].EndedBy != "slip" {
		t.Errorf("a slip that is gone: %v", err)
	}
}

func TestAPresenceEndsADayAfterDischarge(t *testing.T) {
	t.Parallel()
	w := setup(t)
	c, _ := w.desk.Challenge(doc)
	o, err := w.desk.Shown(t.Context(), doc, "", c.Nonce, w.signed(t, "presence+jwt", c.Nonce, annNumber, nil))
	if err != nil {
		t.Fatal(err)
	}
	live := func() bool {
		_, err := w.desk.Use(t.Context(), doc, o.ID)
		if err != nil && !errors.Is(err, store.ErrAbsent) {
			t.Fatal(err)
		}
		return err == nil
	}
	w.left = start.Add(-time.Hour) // of the visit before
	w.Advance(5 * 24 * time.Hour)
	if !live() {
		t.Error("ended by the dossier of a visit before")
	}
	w.left = w.Now()
	w.Advance(reading.AfterStay - time.Second)
	if !live() {
		t.Error("ended within a day")
	}
	w.Advance(time.Second)
	if live() || w.openings[0].EndedBy != "discharge" {
		t.Errorf("still open: %+v", w.openings[0])
	}
	w.left = time.Time{}
	c, _ = w.desk.Challenge(doc)
	if o, err = w.desk.Shown(t.Context(), doc, "", c.Nonce, w.signed(t, "presence+jwt", c.Nonce, annNumber, nil)); err != nil {
		t.Fatal(err)
	}
	w.Advance(reading.Stay)
	if live() {
		t.Error("open after thirty days")
	}
}

func TestAConsentAskedNow(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ask, err := w.desk.Ask(t.Context(), doc, w.find(t, doc, annNumber).Patient)
	if err != nil || w.said[consent.ID{1}].Staff != doc.Staff || w.said[consent.ID{1}].Scope.Readers[0] != "79901" {
		t.Fatalf("%+v, %v", w.said, err)
	}
	say := func(s consent.State) {
		c := w.said[consent.ID{1}]
		c.State = s
		w.said[consent.ID{1}] = c
	}
	say(consent.Refused)
	if s, o, err := w.desk.Asked(t.Context(), doc, ask); s != consent.Refused || o != nil || err != nil {
		t.Errorf("%s %v %v", s, o, err)
	}
	say(consent.Active)
	s, o, err := w.desk.Asked(t.Context(), doc, ask)
	if err != nil || s != consent.Active || o == nil || o.Consent != (consent.ID{1}) || o.Staff != doc.Staff {
		t.Fatalf("%s %+v %v", s, o, err)
	}
	if _, again, err := w.desk.Asked(t.Context(), doc, ask); err != nil || again.ID != o.ID {
		t.Errorf("a page loaded twice opened twice: %v", err)
	}
	if _, err := w.desk.Use(t.Context(), mate, o.ID); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("a colleague: %v", err)
	}
	list, err := w.desk.Mine(t.Context(), doc)
	if err != nil || len(list) != 1 {
		t.Errorf("%v %v", list, err)
	}
	if list, err := w.desk.Mine(t.Context(), mate); err != nil || len(list) != 0 {
		t.Errorf("a colleague's list: %v %v", list, err)
	}
	if err := w.desk.Close(t.Context(), other, o.ID); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("closed from outside: %v", err)
	}
	if err := w.desk.Close(t.Context(), doc, o.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := w.desk.Use(t.Context(), doc, o.ID); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("closed: %v", err)
	}
}

// A provider that tells no citizen number says who somebody is by its own name for them.
func TestAProofByTheNameOfALogin(t *testing.T) {
	t.Parallel()
	w := setup(t)
	known := func(_ context.Context, p store.PersonID) (string, string, error) {
		if p == ann {
			return issuer, "sub-ann", nil
		}
		return "", "", nil
	}
	d := must(reading.New(reading.Deps{Records: w, People: w, Openings: openings{w}, Once: w, Vault: w.vault, Facts: w, Apps: w, Known: known, Clock: w.Fake}, reading.Config{}))
	by := func(patient, sub, iss string) error {
		c := must(d.Challenge(doc))
		proof := w.signed(t, "presence+jwt", c.Nonce, "", func(m map[string]any) { delete(m, "citizen_id"); m["sub"], m["iss"] = sub, iss })
		_, err := d.Shown(t.Context(), doc, patient, c.Nonce, proof)
		return err
	}
	patient, stranger := must(d.Find(t.Context(), doc, annNumber)).Patient, must(d.Find(t.Context(), doc, nobody)).Patient
	for name, c := range map[string]struct {
		err  error
		want error
	}{"herself": {by(patient, "sub-ann", issuer), nil}, "another subject": {by(patient, "sub-binh", issuer), reading.ErrOther}, "nobody looked up": {by("", "sub-ann", issuer), reading.ErrOther},
		"somebody unknown looked up": {by(stranger, "sub-ann", issuer), reading.ErrOther}, "another issuer": {by(patient, "sub-ann", "https://other.example"), reading.ErrProof},
		"no subject": {by(patient, "", issuer), reading.ErrProof}} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: %v", name, c.err)
		}
	}
}

func TestWhatIsNotSetUpSaysSo(t *testing.T) {
	t.Parallel()
	w := setup(t)
	d, err := reading.New(reading.Deps{Records: w, People: w, Openings: openings{w}, Once: w, Vault: w.vault, Facts: w, Clock: w.Fake}, reading.Config{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := d.Find(t.Context(), doc, annNumber)
	if err != nil {
		t.Fatal(err)
	}
	_, a := d.Shown(t.Context(), doc, f.Patient, "", "")
	_, b := d.SendCode(t.Context(), doc, f.Patient)
	_, c := d.Ask(t.Context(), doc, f.Patient)
	if !errors.Is(a, reading.ErrWay) || !errors.Is(b, reading.ErrWay) || !errors.Is(c, reading.ErrWay) || must(d.Ways(t.Context())) != (reading.Ways{}) {
		t.Errorf("%v %v %v", a, b, c)
	}
	if _, err := reading.New(reading.Deps{}, reading.Config{}); err == nil {
		t.Error("a desk of nothing")
	}
}

// Whatever is shown as a proof is refused with a code unless it is one.
func FuzzParseProof(f *testing.F) {
	w := setup(f)
	f.Add(w.signed(f, "presence+jwt", "n", annNumber, nil))
	f.Add("a.b.c")
	f.Add("")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := reading.ParseProof(s, "presence+jwt", w.keys)
		if (p == nil) == (err == nil) || err != nil && fault.Of(err).Code != "reading.proof" {
			t.Fatalf("%v, %v", p, err)
		}
	})
}

// Whatever is scanned is read as one of four, or refused with a code.
func FuzzParseQuery(f *testing.F) {
	for _, s := range []string{annNumber, annSocial, "BN1", slipID.String(), "|", "091988000123||NGUYỄN THUỲ VÂN|24031988|Nữ|Hà Nội|01012021", "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q, err := reading.ParseQuery(s)
		if err != nil {
			if k := fault.Of(err).Kind; k != fault.Invalid {
				t.Fatalf("%v", err)
			}
			return
		}
		if q.Value == "" || len(q.Value) > 60 || q.Kind == "" {
			t.Fatalf("%q reads as %+v", s, q)
		}
	})
}
