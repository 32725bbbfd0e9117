package e2e_test

import (
	"bytes"
	"crypto/ecdsa"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/choice"
	"lienthong/internal/consent"
	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/identity"
	"lienthong/internal/matter"
	"lienthong/internal/policy"
	"lienthong/internal/role"
	"lienthong/internal/staff"
	"lienthong/internal/store"
	"lienthong/internal/web/portal"
	"lienthong/internal/web/session"
)

// asserted enters the portal as a clinician of whom only the facility's system speaks.
func (w *world) asserted(facility, licence string) *clinician {
	w.t.Helper()
	status, data := w.hisAsk(facility, "/api/v1/his/summary", "application/json", nil, func(m map[string]any) *ecdsa.PrivateKey {
		m["licence"], m["name"] = licence, "BS. Bịa Đặt"
		return nil
	})
	var a hisAnswer
	if err := json.Unmarshal(data, &a); err != nil || status != http.StatusOK || a.Link == "" {
		w.t.Fatalf("%d %s", status, data)
	}
	copied := *w.server.Client()
	copied.Jar = must(cookiejar.New(nil))
	res := must(copied.Post(a.Link, "", nil))
	_, _ = io.Copy(io.Discard, res.Body)
	w.check(res.Body.Close())
	c := &clinician{w: w, http: &copied}
	c.reads("/patients", http.StatusOK)
	return c
}

// A facility's system names clinicians who do not exist. None of them sets up a
// second factor, is shown who somebody may be, or opens in an emergency.
func TestASystemsWordBreaksNoGlass(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		_, person := w.unnamed()
		w.wroteElsewhere()
		ghost := w.asserted("79901", "999999/HCM-CCHN")
		for _, path := range []string{"/account/factor", "/account/step-up"} {
			status, _, body := ghost.ask(http.MethodGet, path, nil)
			if strings.Contains(body, "otpauth") || strings.Contains(body, "data:image/png") || path == "/account/factor" && status != http.StatusForbidden {
				t.Errorf("%s: %d: a system sets up its clinician's second factor", path, status)
			}
		}
		if status, _, _ := ghost.ask(http.MethodPost, "/account/factor", url.Values{"code": {"000000"}}); status != http.StatusForbidden {
			t.Errorf("confirming a factor: %d", status)
		}
		at := ghost.goes("/emergency", url.Values{"sex": {"2"}})
		if status, _, _ := ghost.ask(http.MethodPost, at+"/search", known); status != http.StatusForbidden && status != http.StatusSeeOther {
			t.Errorf("a search: %d", status)
		}
		if status, _, body := ghost.ask(http.MethodGet, at+"/candidates", nil); status != http.StatusForbidden || refOf.MatchString(body) {
			t.Errorf("candidates: %d\n%s", status, body)
		}
		// Even with a second factor that came from somewhere.
		id := must(w.hub.Login.Roster.Assert(w.ctx, "79901", "999999/HCM-CCHN", "x"))
		forced := w.sitting(session.Entry{Role: role.Role{Kind: role.Clinician, ID: "79901"}, Name: "x", Staff: id, Level: 2, SteppedUp: w.clock.Now()})
		anna := w.clinician("79901", 1)
		at, ref := anna.found(known)
		if status, _, _ := forced.ask(http.MethodPost, at+"/open", opens(ref)); status != http.StatusForbidden {
			t.Errorf("breaking glass: %d", status)
		}
		if n := len(must(w.hub.Slices.Openings.Openings(w.ctx, consent.OpeningFilter{Person: person}))); n != 0 {
			t.Errorf("%d openings", n)
		}
	})
}

// Many forms sent at once open no more often than one after the other.
func TestEmergenciesAtOnceAreLimitedToo(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		_, person := w.unnamed()
		anna := w.clinician("79901", 1)
		var ats, refs []string
		for range 8 {
			at, ref := anna.found(known)
			ats, refs = append(ats, at), append(refs, ref)
		}
		var all sync.WaitGroup
		for i := range ats {
			all.Go(func() { anna.ask(http.MethodPost, ats[i]+"/open", opens(refs[i])) })
		}
		all.Wait()
		if n := len(must(w.hub.Slices.Openings.Openings(w.ctx, consent.OpeningFilter{Person: person, Basis: string(policy.BreakGlass)}))); n != 3 {
			t.Errorf("%d emergencies, want 3", n)
		}
	})
}

// What a person proves at a counter, for an errand, serves the clerk who serves
// them: no clinician, no system, no other clerk; and what they prove to clinicians
// serves no clerk.
func TestAnErrandIsNoTreatment(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		person, _ := w.wroteElsewhere()
		visit := w.opening(person, "79901", nil)
		w.clock.Advance(time.Second)
		errand := w.opening(person, "79901", func(o *consent.Opening) { o.How, o.Purpose = "counter", consent.Administrative })
		as := func(k role.Kind, s byte, o consent.OpeningID, p consent.Purpose) disclose.Reader {
			return disclose.Reader{Role: role.Role{Kind: k, ID: "79901"}, Name: "x", Route: "test", Staff: care.Staff{s}, Opening: o, Purpose: p, SteppedUp: w.clock.Now()}
		}
		for name, c := range map[string]struct {
			r    disclose.Reader
			want bool
		}{
			"the clerk":                      {as(role.Counter, 9, errand, consent.Administrative), true},
			"another clerk":                  {as(role.Counter, 8, errand, consent.Administrative), false},
			"a clinician":                    {as(role.Clinician, 9, errand, consent.Treatment), false},
			"the system":                     {as(role.Facility, 0, errand, consent.Treatment), false},
			"a clinician, of who is treated": {as(role.Clinician, 7, visit, consent.Treatment), true},
			"a clerk, of who is treated":     {as(role.Counter, 9, visit, consent.Administrative), false},
		} {
			list, err := w.hub.Disclose.Person(w.ctx, c.r, person, store.Filter{})
			w.check(err)
			foreign := false
			for i := range list {
				foreign = foreign || list[i].ID.Facility == "79902"
			}
			if foreign != c.want {
				t.Errorf("%s: sees others' records: %v", name, foreign)
			}
		}
		// An errand does not stand in the way of treatment.
		if status, data := w.hisAsk("79901", "/api/v1/his/summary", "application/json", nil, nil); status != http.StatusOK || !bytes.Contains(data, []byte(`"presence"`)) || !bytes.Contains(data, []byte(there)) {
			t.Errorf("the HIS beside an errand: %d %s", status, data)
		}
	})
}

// Who acts for a person is not told that there is something sensitive: not by who
// looked at it either. Nor do they pass anything of that person on by link.
func TestAProxySeesNoLookAtWhatIsClosed(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		person, _ := w.wroteElsewhere()
		v := newVisit().set("XML1", "SO_CCCD", theirs).set("XML1", "MA_BENH_CHINH", "B20").set("XML1", "CHAN_DOAN_RV", "Bệnh HIV")
		v.episode(v.lk)
		a, _ := w.send("79901", ours(pairs().ec, envelope(v)))
		closed := must(dossier.ParseID(a[0].Record))
		w.one("79902", elsewhere(newVisit().set("XML1", "SO_CCCD", "079990888002")), "accepted")
		friend := w.whoHolds("079990888002")
		d := must(w.hub.Choices.Delegate(w.ctx, choice.Speaker{Person: care.Person(person), Channel: "portal", Actor: "e2e", SteppedUp: w.clock.Now()},
			consent.Delegation{Delegate: care.Person(friend), Kind: consent.ProxyDelegation, Until: w.clock.Now().AddDate(0, 1, 0)}))
		doctor := disclose.Reader{Role: role.Role{Kind: role.Clinician, ID: "79901"}, Name: "x", Route: "test", Staff: care.Staff{9}}
		must(w.hub.Disclose.Open(w.ctx, doctor, closed))
		rows := w.rowsOf(store.DisclosureFilter{Record: closed, Limit: 1})
		look := "/me/looks/" + strconv.FormatInt(rows[0].ID, 10)

		me, proxy := w.citizen(person, w.clock.Now()), w.citizen(friend, w.clock.Now())
		me.reads(look, http.StatusOK)
		proxy.reads(look, http.StatusNotFound)
		proxy.goes("/me/for", url.Values{"delegation": {hex.EncodeToString(d.ID[:])}})
		if page := proxy.reads("/me/looks?span=all", http.StatusOK); strings.Contains(page, look) {
			t.Errorf("the proxy is told who looked at it\n%s", page)
		}
		proxy.reads(look, http.StatusNotFound)
		open := must(w.hub.Disclose.Person(w.ctx, disclose.Reader{Role: role.Role{Kind: role.Citizen}, Name: "x", Route: "test", Person: care.Person(person)}, person, store.Filter{}))
		form := url.Values{"record": {open[0].ID.String()}, "pin": {"472913"}, "hours": {"24"}, "label": {"x"}}
		if _, _, page := proxy.ask(http.MethodPost, "/me/share", form); strings.Contains(page, "shlink:/") {
			t.Error("the proxy shares by link what is another's")
		}
		if _, _, page := me.ask(http.MethodPost, "/me/share", form); !strings.Contains(page, "shlink:/") {
			t.Errorf("the control: the person shares it\n%s", page)
		}
	}, public)
}

// object is something of 79901 that others ask for: its id, and one of the same
// form that nothing has.
type object struct{ pattern, holder, id, none string }

func hexed(pattern, holder string, id []byte) object {
	return object{pattern, holder, hex.EncodeToString(id), hex.EncodeToString(bytes.Repeat([]byte{0x5e}, len(id)))}
}

// objects are one of each kind, with their holders' pages shown to work; left says
// how they stand.
func (w *world) objects(p *citizen) (all []object, left func() string) {
	w.t.Helper()
	person, foreign := w.wroteElsewhere()
	own := w.one("79901", ours(pairs().ec, envelope(newVisit().set("XML1", "SO_CCCD", theirs))), "accepted").Record
	none := func(id string) string { return id[:len(id)-8] + "00000000" }
	anna, me, teller := w.clinician("79901", 1), w.citizen(person, w.clock.Now()), w.teller()

	presence := strings.TrimPrefix(anna.present(p, theirs, "79901"), "/openings/")
	opening := must(hex.DecodeString(presence))
	anna.reads("/openings/"+presence+"/records/"+foreign, http.StatusOK)

	w.unnamed()
	at, ref := anna.found(known)
	set := anna.goes(at+"/open", opens(ref))
	anna.reads(set, http.StatusOK)
	temp := must(w.hub.Slices.Temporaries.Temporaries(w.ctx, "79901", identity.Open, 10))[0]

	page := me.reads("/me/requests?kind=request.correct&record="+own, http.StatusOK) // of a record: its facility answers, not the hub
	request := me.goes("/me/requests", url.Values{"kind": {"request.correct"}, "record": {own}, "text": {"Chẩn đoán chưa đúng"}, "form": {first(w.t, formOf, page)}})
	number := strings.TrimPrefix(request, "/me/requests/")
	me.reads(request, http.StatusOK)
	said := must(w.hub.Choices.Say(w.ctx, choice.Speaker{Person: care.Person(person), Channel: "portal", Actor: "e2e", SteppedUp: w.clock.Now()},
		consent.Consent{Effect: consent.Deny, Scope: consent.Scope{Readers: []care.FacilityCode{"79903"}}}))
	me.reads("/me/choices/receipt/"+hex.EncodeToString(said.ID[:]), http.StatusOK)
	asked := must(w.hub.Choices.Ask(w.ctx, choice.Request{Person: care.Person(person), Facility: "79901", Purpose: consent.Treatment, Channel: "portal", Actor: "e2e"}))
	looks, _, err := w.hub.Slices.Disclosures.OfPerson(w.ctx, person, store.DisclosureFilter{Limit: 1})
	w.check(err)
	look := strconv.FormatInt(looks[0].ID, 10)
	me.reads("/me/looks/"+look, http.StatusOK)
	visit := strings.TrimPrefix(teller.goes("/counter", url.Values{"card": {cardOf(theirs, "NGUYỄN THỊ ĐÀO", "03021990")}, "sight": {"yes"}}), "/counter/")
	teller.reads("/counter/"+visit, http.StatusOK)
	review := must(w.hub.Slices.Matters.Matters(w.ctx, matter.Filter{Kind: matter.EmergencyReview, Facility: "79901"}))[0]
	w.officer("79901", 1, w.clock.Now()).reads("/privacy/cases/"+review.Number, http.StatusOK)

	nobody := matter.Number(2026, 999999)
	all = []object{
		{"/openings/" + presence + "/records/{id}", "clinician:79901", foreign, none(foreign)}, {"/me/records/{id}", "citizen", own, none(own)}, {"/me/private/{id}", "citizen", own, none(own)},
		hexed("/openings/{opening}", "clinician:79901", opening), {"/openings/{opening}/records/" + foreign, "clinician:79901", presence, strings.Repeat("5e", 16)},
		{"/emergency/at/{ref}", "clinician:79901", strings.TrimPrefix(at, "/emergency/at/"), strings.Repeat("5e", 16)},
		{"/emergency/set/{id}", "clinician:79901", strings.TrimPrefix(set, "/emergency/set/"), strings.Repeat("5e", 16)},
		{"/me/requests/{number}", "citizen", number, nobody}, {"/privacy/cases/{number}", "privacy:79901", number, nobody}, {"/privacy/cases/{number}", "privacy:79901", review.Number, nobody},
		{"/me/looks/{look}", "citizen", look, "999999999"}, hexed("/me/choices/receipt/{say}", "citizen", said.ID[:]), hexed("/me/choices/answer/{say}", "citizen", asked.ID[:]), hexed("/me/choices/history/{say}", "citizen", said.ID[:]),
		hexed("/counter/{visit}", "counter:79901", must(hex.DecodeString(visit))),
	}
	return all, func() string {
		var b strings.Builder
		for _, o := range must(w.hub.Slices.Openings.Openings(w.ctx, consent.OpeningFilter{})) {
			fmt.Fprintln(&b, o.ID, o.Ended, o.Until, o.Renewed)
		}
		for _, id := range []consent.ID{said.ID, asked.ID} {
			fmt.Fprintln(&b, must(w.hub.Slices.Consents.Consent(w.ctx, id)))
		}
		for _, n := range []string{number, review.Number} {
			fmt.Fprintln(&b, must(w.hub.Slices.Matters.Matter(w.ctx, n)))
		}
		fmt.Fprintln(&b, must(w.hub.Slices.Temporaries.Temporary(w.ctx, temp.Number)).Version)
		return b.String()
	}
}

// strangers are everybody but the holder, by rooms: who is known by name has a row
// in the roster, so that their sessions are good and rooms open.
func (w *world) strangers() []session.Entry {
	named := func(n byte, facility string, roles ...string) care.Staff {
		id := care.Staff{0xE0, n}
		w.check(w.hub.Slices.Staffs.PutStaff(w.ctx, staff.Staff{ID: id, Facility: care.FacilityCode(facility), Roles: roles, Since: w.clock.Now(), Version: 1},
			store.Act{At: w.clock.Now(), Actor: "e2e", Action: "staff.add", Object: "e2e"}))
		return id
	}
	w.one("79902", elsewhere(newVisit().set("XML1", "SO_CCCD", "079990888002")), "accepted")
	there := named(1, "79902", "clinician:79902", "privacy:79902", "counter:79902", "facility:79902")
	hub := named(2, "", "auditor", "operator", "ministry")
	now := w.clock.Now()
	at := func(k role.Kind) session.Entry {
		return session.Entry{Role: role.Role{Kind: k, ID: "79902"}, Staff: there, Level: 2, SteppedUp: now}
	}
	of := func(k role.Kind) session.Entry {
		return session.Entry{Role: role.Role{Kind: k}, Staff: hub, Level: 2, SteppedUp: now}
	}
	clerk := session.Entry{Role: role.Role{Kind: role.Counter, ID: "79901"}, Staff: named(3, "79901", "counter:79901"), Level: 2, SteppedUp: now}
	return []session.Entry{at(role.Clinician), at(role.Privacy), at(role.Counter), at(role.Facility), of(role.Auditor), of(role.Operator), of(role.Ministry), clerk,
		{Role: role.Role{Kind: role.Citizen}, Person: w.whoHolds("079990888002"), Level: 2, SteppedUp: now},
		{Role: role.Role{Kind: role.Insurer}}, {Role: role.Role{Kind: role.Partner, ID: "p1"}}, {Role: role.Role{Kind: role.Province, ID: "01"}}, {Role: role.Role{Kind: role.Unit, ID: "KCB"}}}
}

// TestEveryObjectForEveryStranger: each route that names an opening, an emergency,
// a say, a matter, a look or a visit at a counter, out of the portal's table, for
// everybody whose it is not: nothing of it, nothing happens to it, and the answer,
// its headers too, is that of an id that does not exist.
func TestEveryObjectForEveryStranger(t *testing.T) {
	t.Parallel()
	p := newCitizen()
	engines(t, func(t *testing.T, w *world) {
		objects, left := w.objects(p)
		before, asked, walked := left(), 0, map[string]bool{}
		for _, e := range w.strangers() {
			e.Name = "thử"
			who := w.sitting(e)
			for _, o := range objects {
				for _, r := range portal.Routes() {
					path, none, ok := o.at(r.Pattern)
					if !ok || e.Role.String() == o.holder && e.Role.Kind != role.Counter {
						continue
					}
					walked[r.Method+" "+r.Pattern] = true
					asked++
					a, b := who.answer(r.Method, path, o.id), who.answer(r.Method, none, o.none)
					if a != b || strings.HasPrefix(a, "200") {
						t.Errorf("%s at %s %s:\n%.700s\n--- of one that is not there:\n%.700s", e.Role, r.Method, path, a, b)
					}
				}
			}
		}
		if now := left(); now != before {
			t.Errorf("something happened:\n%s\n%s", before, now)
		}
		t.Logf("%d questions over %d routes", asked, len(walked))
		if len(walked) < 35 || asked < 400 {
			t.Errorf("only %d questions over %d routes: the table is not walked", asked, len(walked))
		}
	}, p.has)
}

// at is the route's path to an object, and to none of the same form. A route below
// the object's own is one of it too.
func (o *object) at(pattern string) (path, none string, ok bool) {
	open := strings.LastIndex(o.pattern, "{")
	shut := strings.LastIndex(o.pattern, "}") + 1
	fixed := func(id string) string { return o.pattern[:open] + id + o.pattern[shut:] }
	if o.pattern[:open] == "/openings/" && shut < len(o.pattern) || strings.Count(o.pattern, "/records/") == 1 && strings.HasPrefix(o.pattern, "/openings/") {
		return fixed(o.id), fixed(o.none), pattern == "/openings/{opening}/records/{id}"
	}
	rest, ok := strings.CutPrefix(pattern, o.pattern)
	if !ok || strings.Contains(rest, "{id}") || rest != "" && rest[0] != '/' {
		return "", "", false
	}
	rest = strings.ReplaceAll(rest, "{say}", strings.Repeat("0", 32))
	return fixed(o.id) + rest, fixed(o.none) + rest, true
}

// answer is all of an answer with the id in it taken out.
func (c *clinician) answer(method, path, id string) string {
	c.w.t.Helper()
	r := must(http.NewRequestWithContext(c.w.ctx, method, c.w.server.URL+path, strings.NewReader(attempt.Encode())))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	quiet := *c.http
	quiet.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res := must(quiet.Do(r))
	body := must(io.ReadAll(res.Body))
	c.w.check(res.Body.Close())
	res.Header.Del("Date")
	res.Header.Del("Content-Length")
	text := strings.ReplaceAll(fmt.Sprintf("%d %v\n%s", res.StatusCode, res.Header, body), path, "PATH")
	text = strings.ReplaceAll(text, url.QueryEscape(path), "PATH")
	if len(id) > 9 { // not the number of a row, which stands in any page
		text = strings.ReplaceAll(text, id, "ID")
	}
	return text
}

// attempt has the fields that forms of these routes take.
var attempt = url.Values{"grant": {"yes"}, "answer": {"grant"}, "do": {"decide"}, "seen": {"1"}, "outcome": {"granted"}, "text": {"mười ký tự hoặc hơn thế"}, "form": {"STRANGER"},
	"name": {"Hà"}, "year": {"1991"}, "how": {"left"}, "card": {cardOf("079990888002", "NGUYỄN THỊ ĐÀO", "03021990")}, "what": {"emergency"}, "who": {"5e"}, "reason": {"unconscious"},
	"words": {"bất tỉnh, không có giấy tờ"}, "fact": {"phone", "name"}, "sight": {"yes"}}
