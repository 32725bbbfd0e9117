package e2e_test

import (
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"lienthong/internal/care"
	"lienthong/internal/choice"
	"lienthong/internal/consent"
	"lienthong/internal/role"
	"lienthong/internal/staff"
	"lienthong/internal/store"
	"lienthong/internal/web/session"
)

// teller is somebody who serves at the counter of 79901.
func (w *world) teller() *clinician {
	w.t.Helper()
	id := care.Staff{0xC5, 2}
	if _, err := w.hub.Slices.Staffs.Staff(w.ctx, id); err == nil {
		return w.serves(id)
	}
	w.check(w.hub.Slices.Staffs.PutStaff(w.ctx, staff.Staff{ID: id, Facility: "79901", Roles: []string{"counter:79901"}, Since: w.clock.Now(), Version: 1},
		store.Act{At: w.clock.Now(), Actor: "e2e", Action: "staff.add", Object: "e2e"}))
	return w.serves(id)
}

func (w *world) serves(id care.Staff) *clinician {
	w.t.Helper()
	return w.sitting(session.Entry{Role: role.Role{Kind: role.Counter, ID: "79901"}, Name: "Quầy", Staff: id, Level: 2, SteppedUp: w.clock.Now()})
}

var (
	withOf     = regexp.MustCompile(`<option value="([0-9a-f]{32})"`)
	codeTicket = regexp.MustCompile(`name="ticket" value="([^"]+)"`)
	codeSent   = regexp.MustCompile(`Mã (\d{6}) để xác nhận`)
)

var signedPaper = []byte("%PDF-1.7\n" + strings.Repeat("giấy có chữ ký ", 50))

// cardOf is what the code of an identity card says.
func cardOf(number, name, birth string) string {
	return number + "||" + name + "|" + birth + "|Nữ|Thôn 3, Tân Hòa|01012022"
}

// TestWhoActsForAChildIsEnteredAtTheCounter: with the cards of both and the paper;
// a child of 12 and its mother then say together what neither says alone.
func TestWhoActsForAChildIsEnteredAtTheCounter(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		child, mother := w.born("079914888411", "TRẦN GIA HÂN", "20140802"), w.born("079985888412", "LÊ THỊ HOA", "19850802")
		teller := w.teller()
		at := teller.goes("/counter", url.Values{"card": {cardOf("079914888411", "TRẦN GIA HÂN", "02082014")}, "sight": {"yes"}})
		form := map[string]string{"form": first(t, formOf, teller.reads(at+"/people", http.StatusOK)), "kind": consent.Guardian7To18, "birth": "02/08/2014",
			"card": cardOf("079985888412", "LÊ THỊ HOA", "02081985"), "sight": "yes"}
		with := func(key, value string) map[string]string {
			out := map[string]string{}
			for k, v := range form {
				out[k] = v
			}
			out[key] = value
			return out
		}
		of := func() []consent.Delegation {
			list, _, err := w.hub.Choices.Delegations(w.ctx, child)
			w.check(err)
			return list
		}
		for what, bad := range map[string]map[string]string{"without looking": with("sight", ""), "no kind": with("kind", "king"), "no birth": with("birth", "hôm qua"), "under 7": with("kind", consent.GuardianUnder7),
			"born this year": with("birth", "02/08/2026"), "nobody's card": with("card", cardOf("079985888499", "LÊ THỊ LẠ", "02081985")), "no card": with("card", ""), "their own card": with("card", cardOf("079914888411", "TRẦN GIA HÂN", "02082014"))} {
			if status, next := teller.upload(at+"/people", bad, signedPaper); status != http.StatusOK || next != "" || len(of()) != 0 {
				t.Errorf("%s: %d to %q, %d kept", what, status, next, len(of()))
			}
		}
		if status, _ := teller.upload(at+"/people", form, []byte("no paper")); status != http.StatusOK || len(of()) != 0 {
			t.Errorf("without the paper: %d, %d kept", status, len(of()))
		}
		for range 2 { // the same form twice is one
			if status, next := teller.upload(at+"/people", form, signedPaper); status != http.StatusSeeOther || next != at {
				t.Fatalf("not kept: %d to %q", status, next)
			}
		}
		list := of()
		if len(list) != 1 || list[0].Delegate != mother || list[0].Proof == [32]byte{} || list[0].Until.In(time.FixedZone("", 7*3600)).Format(time.DateOnly) != "2032-08-02" {
			t.Fatalf("kept %+v", list)
		}
		for who, key := range map[care.Person]string{child: "me", mother: "me"} {
			if page := w.citizen(store.PersonID(who), w.clock.Now()).reads("/"+key, http.StatusOK); !strings.Contains(page, "thay mặt") {
				t.Errorf("not told of it\n%s", page)
			}
		}
		said := func() []consent.Consent { return must(w.hub.Choices.Said(w.ctx, child)) }
		say := map[string]string{"what": "permit", "place": "79901"}
		if status, _ := teller.upload(at+"/say", say, signedPaper); status != http.StatusOK || len(said()) != 0 {
			t.Errorf("a child of 12 alone: %d, %d kept", status, len(said()))
		}
		say["with"] = first(t, withOf, teller.reads(at, http.StatusOK))
		if status, _, page := teller.ask(http.MethodPost, at+"/code", url.Values{"what": {"permit"}, "place": {"79901"}, "with": {say["with"]}}); status != http.StatusOK || !strings.Contains(page, "cả hai cùng ký") {
			t.Errorf("both by a code: %d\n%s", status, page)
		}
		if status, next := teller.upload(at+"/say", say, signedPaper); status != http.StatusSeeOther || next != at {
			t.Fatalf("both together: %d to %q", status, next)
		}
		if list := said(); len(list) != 1 || list[0].Signer != consent.Both || list[0].By != mother || list[0].State != consent.Active {
			t.Fatalf("said %+v", list)
		}
		asked := must(w.hub.Choices.Ask(w.ctx, choice.Request{Person: child, Facility: "79901", Purpose: consent.SecondOpinion, Channel: "portal", Actor: "e2e"}))
		answer := map[string]string{"what": "answer", "say": first(t, regexp.MustCompile(`name="what" value="answer"/?>\s*<input type="hidden" name="say" value="([0-9a-f]{32})"`), teller.reads(at, http.StatusOK)), "answer": "grant", "with": say["with"]}
		if status, _ := teller.upload(at+"/say", answer, signedPaper); status != http.StatusSeeOther {
			t.Errorf("the answer of both: %d", status)
		}
		if c := must(w.hub.Choices.Asked(w.ctx, asked.ID)); c.State != consent.Active || c.Signer != consent.Both {
			t.Errorf("asked, and %+v", c)
		}
	})
}

// TestACodeToThePhoneSaysItAtTheCounter: the code confirms just what was shown,
// once, and where nobody can be reached paper is the way.
func TestACodeToThePhoneSaysItAtTheCounter(t *testing.T) {
	t.Parallel()
	withLogins(t, func(t *testing.T, x *identities) {
		an, other := x.born("079980000001", "NGUYỄN THỊ AN", "19800203"), x.born("079990888422", "LÊ THỊ MAI", "19900203")
		x.browser().through("/login/vneid", "an")
		teller := x.teller()
		at := teller.goes("/counter", url.Values{"card": {cardOf("079980000001", "NGUYỄN THỊ AN", "03021980")}, "sight": {"yes"}})
		said := func(who care.Person) []consent.Consent { return must(x.hub.Choices.Said(x.ctx, who)) }
		ask := func() (url.Values, string) {
			t.Helper()
			form := url.Values{"what": {"permit"}, "place": {"79901"}}
			_, _, page := teller.ask(http.MethodPost, at+"/code", form)
			form.Set("ticket", first(t, codeTicket, page))
			form.Set("form", first(t, formOf, page))
			_, shown := fetch(t, x.vneid, "/phone/an")
			if !strings.Contains(shown, "Cơ sở thử 79901") {
				t.Fatalf("the phone does not say what for\n%s", shown)
			}
			all := codeSent.FindAllStringSubmatch(shown, -1)
			if len(all) == 0 || strings.Contains(page, all[0][1]) {
				t.Fatalf("%d codes on the phone", len(all))
			}
			return form, all[0][1]
		}
		form, code := ask()
		sends := func(what string, form url.Values, code string, want int) {
			t.Helper()
			form.Set("code", code)
			if status, next, page := teller.ask(http.MethodPost, at+"/say", form); status != want || (want == http.StatusSeeOther) != (next == at) {
				t.Fatalf("%s: %d to %q\n%s", what, status, next, page)
			}
		}
		sends("a wrong code", form, "000000", http.StatusOK)
		changed := url.Values{"what": {"permit"}, "place": {"79902"}, "ticket": form["ticket"], "form": form["form"]}
		sends("a code for something else", changed, code, http.StatusOK)
		if n := len(said(an)); n != 0 {
			t.Fatalf("%d said by wrong codes", n)
		}
		sends("the code", form, code, http.StatusSeeOther)
		if list := said(an); len(list) != 1 || list[0].Channel != "counter_otp" || list[0].Proof == [32]byte{} || list[0].State != consent.Active {
			t.Fatalf("said %+v", list)
		}
		sends("the code again", form, code, http.StatusOK)
		form, code = ask()
		x.clock.Advance(11 * time.Minute)
		teller = x.teller()
		at = teller.goes("/counter", url.Values{"card": {cardOf("079980000001", "NGUYỄN THỊ AN", "03021980")}, "sight": {"yes"}})
		sends("a code that is over", form, code, http.StatusOK)
		at = teller.goes("/counter", url.Values{"card": {cardOf("079990888422", "LÊ THỊ MAI", "03021990")}, "sight": {"yes"}})
		if status, _, page := teller.ask(http.MethodPost, at+"/code", url.Values{"what": {"place"}, "place": {"79902"}}); status != http.StatusOK || !strings.Contains(page, "Dùng phiếu giấy có chữ ký") {
			t.Errorf("nobody's phone: %d\n%s", status, page)
		}
		// Who was named a proxy is sent the code, and says it.
		pages := map[string]string{"form": "F", "kind": consent.ProxyDelegation, "card": cardOf("079980000001", "NGUYỄN THỊ AN", "03021980"), "sight": "yes"}
		if status, next := teller.upload(at+"/people", pages, signedPaper); status != http.StatusSeeOther {
			t.Fatalf("a proxy: %d %s", status, next)
		}
		proxy := first(t, withOf, teller.reads(at, http.StatusOK))
		_, _, page := teller.ask(http.MethodPost, at+"/code", url.Values{"what": {"place"}, "place": {"79902"}, "with": {proxy}})
		_, shown := fetch(t, x.vneid, "/phone/an")
		sends("the proxy's code", url.Values{"what": {"place"}, "place": {"79902"}, "with": {proxy}, "ticket": {first(t, codeTicket, page)}, "form": {first(t, formOf, page)}},
			codeSent.FindStringSubmatch(shown)[1], http.StatusSeeOther)
		if list := said(other); len(list) != 1 || list[0].By != an || list[0].Signer != consent.Proxy {
			t.Errorf("the proxy said %+v", list)
		}
	})
}

// TestTheCounterByKeyboardAndOnANarrowScreen holds its pages against axe-core, in a
// browser of 390 and of 320 px, and begins to serve somebody by keyboard alone.
func TestTheCounterByKeyboardAndOnANarrowScreen(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("SKIPPED LOUDLY: no chromium on this machine, the counter was not walked in a browser")
	}
	t.Parallel()
	walks(t, func(t *testing.T, w *world) {
		w.born("079914888431", "TRẦN GIA HÂN", "20140802")
		w.born("079985888432", "LÊ THỊ HOA", "19850802")
		teller := w.teller()
		at := teller.goes("/counter", url.Values{"card": {cardOf("079914888431", "TRẦN GIA HÂN", "02082014")}, "sight": {"yes"}})
		teller.upload(at+"/people", map[string]string{"form": "F", "kind": consent.Guardian7To18, "birth": "2014-08-02", "card": cardOf("079985888432", "LÊ THỊ HOA", "02081985"), "sight": "yes"}, signedPaper)
		must(w.hub.Choices.Ask(w.ctx, choice.Request{Person: care.Person(w.whoHolds("079914888431")), Facility: "79901", Purpose: consent.Treatment, Channel: "portal", Actor: "e2e"}))
		teller.upload(at+"/say", map[string]string{"what": "emergency"}, signedPaper)
		teller.upload(at+"/say", map[string]string{"what": "place", "place": "79902"}, signedPaper)
		browser, stop := phone(t, chromium)
		defer stop()
		for _, width := range []int64{390, 320} {
			tab := teller.tab(t, browser, width)
			for _, path := range []string{"/counter", at, at + "/people", at + "/looks"} {
				teller.walk(t, tab, path)
				axe(t, tab, path)
				if width == 390 {
					shot(t, tab, "counter"+strings.ReplaceAll(strings.TrimPrefix(strings.Replace(path, at, "/visit", 1), "/counter"), "/", "-"))
				}
			}
		}
		tab := teller.tab(t, browser, 390)
		teller.walk(t, tab, "/counter")
		if err := chromedp.Do(tab, chromedp.SendKeys(chromedp.ID("card"), cardOf("079985888432", "LÊ THỊ HOA", "02081985")+"\t \t\r"), chromedp.WaitReady(chromedp.CSS(`form[action$="/end"]`))); err != nil {
			t.Errorf("by keyboard alone: %v", err)
		}
	})
}
