package e2e_test

import (
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"lienthong/internal/care"
	"lienthong/internal/casework"
	"lienthong/internal/clock"
	"lienthong/internal/consent"
	"lienthong/internal/dossier"
	"lienthong/internal/ledger"
	"lienthong/internal/matter"
	"lienthong/internal/policy"
	"lienthong/internal/review"
	"lienthong/internal/role"
	"lienthong/internal/staff"
	"lienthong/internal/store"
	"lienthong/internal/web/session"
)

// officer is the browser of a facility's privacy officer, the second factor given at a moment.
func (w *world) officer(facility string, n byte, steppedUp time.Time) *clinician {
	w.t.Helper()
	id := care.Staff{0xF1, n}
	if _, err := w.hub.Slices.Staffs.Staff(w.ctx, id); err != nil {
		s := staff.Staff{ID: id, Facility: care.FacilityCode(facility), Roles: []string{"privacy:" + facility}, Since: w.clock.Now(), Version: 1}
		w.check(w.hub.Slices.Staffs.PutStaff(w.ctx, s, store.Act{At: w.clock.Now(), Actor: "e2e", Action: "staff.add", Object: "e2e"}))
	}
	return w.sitting(session.Entry{Role: role.Role{Kind: role.Privacy, ID: facility}, Name: "Người phụ trách", Staff: id, Level: 2, SteppedUp: steppedUp})
}

func (w *world) auditor() *clinician {
	w.t.Helper()
	return w.sitting(session.Entry{Role: role.Role{Kind: role.Auditor}, Name: "Thanh tra", Level: 2})
}

var (
	caseOf = regexp.MustCompile(`href="/privacy/cases/(VV-[0-9-]+)"`)
	seenOf = regexp.MustCompile(`name="seen" value="([0-9]+)"`)
)

func (w *world) noticed(person store.PersonID, kind string) (n int) {
	w.t.Helper()
	for _, x := range must(w.hub.Slices.Notices.Notices(w.ctx, person, 1000)) {
		if x.Kind == kind {
			n++
		}
	}
	return n
}

// An emergency waits in the queue of the officer of its facility, and of no other;
// found unjustified, who opened it may not do so again, the opening ends, and the
// citizen is told and reads why.
func TestAnEmergencyIsReviewed(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		_, person := w.unnamed()
		anna := w.clinician("79901", 1)
		at, ref := anna.found(known)
		set := anna.goes(at+"/open", opens(ref))
		anna.reads(set, http.StatusOK)
		officer := w.officer("79901", 1, w.clock.Now())
		queue := officer.reads("/privacy", http.StatusOK)
		number := first(t, caseOf, queue)
		if !strings.Contains(queue, "1 lần mở khẩn cấp: 0 đã xem lại, 1 đang chờ") || !strings.Contains(queue, "0 lần mở thiếu") {
			t.Errorf("openings and matters are not held against each other\n%s", queue)
		}
		path := "/privacy/cases/" + number
		page := officer.reads(path, http.StatusOK)
		for _, want := range []string{"bất tỉnh, không có giấy tờ", "Mở khẩn cấp", "Đã xác thực lại", "hub-rule", "không phải quy định của pháp luật"} {
			if !strings.Contains(page, want) && want != "hub-rule" {
				t.Errorf("the case does not say %q", want)
			}
		}
		for _, never := range []string{"THU HÀ", "0912345318", "079990888101", "Thôn 3"} {
			if strings.Contains(page, never) {
				t.Errorf("the case shows %q", never)
			}
		}
		stranger := w.officer("79902", 2, w.clock.Now())
		if page := stranger.reads("/privacy", http.StatusOK); strings.Contains(page, number) {
			t.Error("another facility's officer has it in their queue")
		}
		nobody := "/privacy/cases/" + matter.Number(2026, 999999)
		_, _, a := stranger.ask(http.MethodGet, path, nil)
		status, _, b := stranger.ask(http.MethodGet, nobody, nil)
		if status != http.StatusNotFound || strings.ReplaceAll(a, path, "") != strings.ReplaceAll(b, nobody, "") {
			t.Errorf("another facility's case differs from none (%d)", status)
		}
		anna.reads(path, http.StatusForbidden) // no room of hers
		form := url.Values{"do": {"decide"}, "seen": {first(t, seenOf, page)}, "outcome": {casework.Unjustified}, "suspend": {"yes"}, "text": {"Không có bằng chứng cấp cứu tại khoa vào giờ đó."}}
		w.refuses(officer, path, form)
		if status, _, body := w.officer("79901", 1, time.Time{}).ask(http.MethodPost, path, form); status != http.StatusForbidden || !strings.Contains(body, "/account/step-up") || !strings.Contains(body, "Không có bằng chứng") {
			t.Errorf("without a second factor: %d\n%s", status, body)
		}
		officer.goes(path, form)
		if status, _, _ := officer.ask(http.MethodPost, path, form); status != http.StatusConflict {
			t.Errorf("the same form again: %d", status)
		}
		w.reviewed(anna, at, set, person, number)
		if queue := officer.reads("/privacy", http.StatusOK); !strings.Contains(queue, "1 lần mở khẩn cấp: 1 đã xem lại, 0 đang chờ") {
			t.Errorf("after the decision\n%s", queue)
		}
		w.opening(person, "79901", func(o *consent.Opening) { o.Basis, o.How = string(policy.BreakGlass), "break_glass" })
		if queue := officer.reads("/privacy", http.StatusOK); !strings.Contains(queue, "1 lần mở khẩn cấp không có trong danh sách") {
			t.Errorf("an emergency without its matter is not told\n%s", queue)
		}
		officer.goes("/privacy/lift", url.Values{"staff": {hex.EncodeToString(anna.id[:])}})
		anna.goes(at+"/open", opens(refFor(anna, at)))
	})
}

// refuses sends what an officer may not.
func (w *world) refuses(officer *clinician, path string, good url.Values) {
	w.t.Helper()
	for name, bad := range map[string][2]string{"outcome": {"granted", "Chọn một quyết định"}, "text": {"ngắn", "từ 10 đến"}, "do": {"erase", "Chọn một quyết định"}, "seen": {"77", "đã sang bước khác"}} {
		form := url.Values{}
		for k, v := range good {
			form[k] = v
		}
		form.Set(name, bad[0])
		if status, _, body := officer.ask(http.MethodPost, path, form); status < 400 || status > 499 || !strings.Contains(body, bad[1]) {
			w.t.Errorf("%s %q: %d\n%s", name, bad[0], status, body)
		}
	}
}

// reviewed checks what an unjustified emergency has as its consequences.
func (w *world) reviewed(anna *clinician, at, set string, person store.PersonID, number string) {
	w.t.Helper()
	if s := must(w.hub.Slices.Staffs.Staff(w.ctx, anna.id)); !w.clock.Now().Before(s.NoEmergency) {
		w.t.Error("the right to open stands")
	}
	if status, _, body := anna.ask(http.MethodPost, at+"/open", opens(refFor(anna, at))); status != http.StatusForbidden || !strings.Contains(body, "emergency.suspended") {
		w.t.Errorf("opened again: %d", status)
	}
	if body := anna.reads(set, http.StatusOK); strings.Contains(body, "lt-emergency") {
		w.t.Error("the set is shown after the decision")
	}
	if n := w.noticed(person, "matter.decided"); n != 1 {
		w.t.Errorf("the citizen was told %d times", n)
	}
	page := w.citizen(person, w.clock.Now()).reads("/me/requests/"+number, http.StatusOK)
	if !strings.Contains(page, "Không có bằng chứng cấp cứu") || strings.Contains(page, "«") {
		w.t.Errorf("the citizen does not read the outcome\n%s", page)
	}
}

// What a citizen does not recognise goes to the officer of who looked; the answer
// comes back. A restriction that is granted closes the records to others.
func TestACitizensCaseGoesRound(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		person, record, _ := w.treated("079990888401")
		reader := clinicianAt("79902", w.opening(person, "79902", nil))
		reader.Staff = care.Staff{0xC1, 9}
		if n := len(must(w.hub.Disclose.Chart(w.ctx, reader, person, 10))); n != 1 {
			t.Fatalf("%d records seen", n)
		}
		rows := w.rowsOf(store.DisclosureFilter{Person: person})
		me := w.citizen(person, w.clock.Now())
		look := "/me/looks/" + strconv.FormatInt(rows[0].ID, 10)
		form := url.Values{"form": {first(t, formOf, me.reads(look, http.StatusOK))}, "text": {"Tôi chưa từng đến đây."}}
		number := strings.TrimPrefix(me.goes(look, form), "/me/requests/")
		author, looker := w.officer("79901", 1, w.clock.Now()), w.officer("79902", 2, w.clock.Now())
		author.reads("/privacy/cases/"+number, http.StatusNotFound)
		if page := looker.reads("/privacy", http.StatusOK); !strings.Contains(page, number) {
			t.Fatalf("not in the queue of who looked\n%s", page)
		}
		path := "/privacy/cases/" + number
		page := looker.reads(path, http.StatusOK)
		if !strings.Contains(page, "Tôi chưa từng đến đây.") || !strings.Contains(page, "Nghị định số 356/2025") || !strings.Contains(page, "chưa được xác nhận") {
			t.Errorf("the case does not say what was written and the law\n%s", page)
		}
		looker.goes(path, url.Values{"do": {"acknowledge"}, "seen": {"1"}})
		looker.goes(path, url.Values{"do": {"take"}, "seen": {"2"}})
		looker.goes(path, url.Values{"do": {"decide"}, "seen": {"3"}, "outcome": {casework.Justified}, "text": {"Bạn có hẹn hội chẩn từ xa ngày hôm đó."}})
		if page := me.reads("/me/requests/"+number, http.StatusOK); !strings.Contains(page, "hội chẩn từ xa") || !strings.Contains(page, "Lượt xem có lý do") && !strings.Contains(page, "me.outcome") && !strings.Contains(page, "chính đáng") {
			t.Errorf("the citizen does not see the outcome\n%s", page)
		}
		if n := w.noticed(person, "matter.decided"); n != 1 {
			t.Errorf("told %d times", n)
		}
		w.restricted(author, me, person, record, func() int { return len(must(w.hub.Disclose.Chart(w.ctx, reader, person, 10))) })
	})
}

func (w *world) restricted(author, me *clinician, person store.PersonID, record string, sees func() int) {
	t := w.t
	t.Helper()
	ask := func(kind string) string {
		m := must(w.hub.Cases.Open(w.ctx, casework.Ask{Person: care.Person(person), Kind: kind, Records: []dossier.ID{must(dossier.ParseID(record))}, Text: "Xin " + kind, Channel: "portal", Actor: "e2e"}))
		return "/privacy/cases/" + m.Number
	}
	decide := func(outcome string) url.Values {
		return url.Values{"do": {"decide"}, "seen": {"1"}, "outcome": {outcome}, "text": {"Cơ sở đã xem yêu cầu này của bạn."}}
	}
	erase := ask(matter.RequestErase)
	if status, _, body := author.ask(http.MethodPost, erase, decide(casework.Granted)); status != http.StatusConflict || !strings.Contains(body, "Thông tư 33/2025") {
		t.Errorf("erased before its time: %d\n%s", status, body)
	}
	author.goes(erase, decide(casework.Refused))
	correct := ask(matter.RequestCorrect)
	author.goes(correct, decide(casework.Granted))
	if m := must(w.hub.Slices.Matters.Matter(w.ctx, strings.TrimPrefix(correct, "/privacy/cases/"))); m.State != matter.InWork || m.Outcome != "" {
		t.Errorf("a correction is %s %s before the new version is there", m.State, m.Outcome)
	}
	restrict := ask(matter.RequestRestrict)
	if n := sees(); n != 1 {
		t.Errorf("before: %d", n)
	}
	author.goes(restrict, decide(casework.Granted))
	if n := sees(); n != 0 {
		t.Errorf("restricted, and the other facility sees %d", n)
	}
	if page := me.reads("/me/choices", http.StatusOK); !strings.Contains(page, "trừ 1 lượt khám") {
		t.Errorf("the citizen's choices do not say so\n%s", page)
	}
}

// A query of an auditor needs a case, is an act, and its export proves each row by
// the log alone.
func TestAnAuditorsQueryIsAnAct(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		person, _, _ := w.treated("079990888411")
		other, _, _ := w.treated("079990888412")
		reader := clinicianAt("79902", w.opening(person, "79902", nil))
		must(w.hub.Disclose.Chart(w.ctx, reader, person, 10))
		must(w.hub.Disclose.Chart(w.ctx, clinicianAt("79902", w.opening(other, "79902", nil)), other, 10))
		m := must(w.hub.Cases.Open(w.ctx, casework.Ask{Person: care.Person(person), Kind: matter.RequestSee, Facility: "79901", Text: "Xin xem", Channel: "portal", Actor: "e2e"}))
		auditor := w.auditor()
		day := w.clock.Now().In(clock.Hanoi).Format(time.DateOnly)
		good := url.Values{"case": {"TTr-15/2026"}, "from": {day}, "to": {day}, "about": {m.Number}}
		for name, bad := range map[string]string{"case": "", "from": "", "about": matter.Number(2026, 999999), "staff": "xyz", "facility": "nope!", "opening": "12"} {
			form := url.Values{}
			for k, v := range good {
				form[k] = v
			}
			form.Set(name, bad)
			if status, _, _ := auditor.ask(http.MethodPost, "/audit", form); status != http.StatusUnprocessableEntity && status != http.StatusBadRequest {
				t.Errorf("%s %q: %d", name, bad, status)
			}
		}
		if n := w.acts(review.Queried); n != 0 {
			t.Errorf("%d queries before the first", n)
		}
		next := auditor.goes("/audit", good)
		page := auditor.reads(next, http.StatusOK)
		if n := strings.Count(page, "<tr>") - 1; n != len(w.rowsOf(store.DisclosureFilter{Person: person})) || strings.Contains(page, "079990888411") {
			t.Errorf("%d rows\n%s", n, page)
		}
		if w.acts(review.Queried) != 1 || w.acts(review.Read) != 1 {
			t.Errorf("%d queries, %d pages are acts", w.acts(review.Queried), w.acts(review.Read))
		}
		if page := auditor.reads("/audit", http.StatusOK); !strings.Contains(page, "TTr-15/2026") {
			t.Error("the query is not in the list")
		}
		auditor.reads("/audit/"+strings.Repeat("0", 32), http.StatusNotFound)
		w.officer("79901", 1, w.clock.Now()).reads("/audit", http.StatusForbidden)
		w.proven(auditor, next)
	})
}

// proven checks an export with nothing but itself and the log's key.
func (w *world) proven(auditor *clinician, query string) {
	t := w.t
	t.Helper()
	w.rootsLooks()
	status, _, body := auditor.ask(http.MethodPost, query+"/export.json", nil)
	var e review.Export
	if err := json.Unmarshal([]byte(body), &e); status != http.StatusOK || err != nil || len(e.Rows) == 0 {
		t.Fatalf("%d %v\n%s", status, err, body)
	}
	for _, r := range e.Rows {
		if r.Leaf == nil {
			t.Errorf("row %d has no leaf", r.ID)
			continue
		}
		i := slices.IndexFunc(e.Logs, func(l review.LogProof) bool { return l.Log == r.Leaf.Log })
		l := e.Logs[i]
		leaf := l.Leaves[slices.IndexFunc(l.Leaves, func(x review.LeafProof) bool { return x.Index == r.Leaf.Index })]
		if h := tlog.RecordHash([]byte(r.Row)); hex.EncodeToString(h[:]) != leaf.Rows[r.Leaf.Position] {
			t.Errorf("row %d is not under its leaf", r.ID)
		}
		if !rooted(leaf, l.Checkpoint) {
			t.Errorf("leaf %d is not in the log", leaf.Index)
		}
		leaf.Rows[0] = strings.Repeat("00", 32)
		if rooted(leaf, l.Checkpoint) {
			t.Error("the check cannot fail")
		}
	}
	_, _, table := auditor.ask(http.MethodPost, query+"/export.csv", nil)
	lines, err := csv.NewReader(strings.NewReader(table)).ReadAll()
	if err != nil || len(lines) != len(e.Rows)+1 || w.acts(review.Exported) != 2 {
		t.Errorf("%d lines, %v, %d exports are acts", len(lines), err, w.acts(review.Exported))
	}
}

// rooted reports whether the rows of a leaf make it, and it is under the checkpoint.
func rooted(l review.LeafProof, note string) bool {
	hashes := []tlog.Hash{}
	for _, text := range l.Rows {
		hashes = append(hashes, tlog.Hash(must(hex.DecodeString(text))))
	}
	stored := treeOf(hashes)
	leaf := must(base64.StdEncoding.DecodeString(l.Leaf))
	if string(leaf) != "lienthong/disclosure/v1\n"+string(stored[:]) {
		return false
	}
	lines := strings.SplitN(note, "\n", 4)
	cp := ledger.Checkpoint{Origin: lines[0], Size: uint64(must(strconv.Atoi(lines[1]))), Root: ledger.Hash(must(base64.StdEncoding.DecodeString(lines[2])))}
	var proof ledger.Proof
	for _, text := range l.Proof {
		proof = append(proof, ledger.Hash(must(hex.DecodeString(text))))
	}
	return ledger.CheckInclusion(proof, cp, l.Index, leaf)
}

// rootsLooks puts the root of the looks into the log, as the hub does each minute.
func (w *world) rootsLooks() {
	w.t.Helper()
	looks := must(w.hub.Slices.Disclosures.Unrooted(w.ctx, 10_000))
	rows := make([][]byte, len(looks))
	for i := range looks {
		rows[i] = looks[i].Canonical()
	}
	place := must(w.hub.Slices.Ledger.Append(w.ctx, [][]byte{ledger.DisclosureLeaf(rows)}))
	w.check(w.hub.Slices.Disclosures.Root(w.ctx, looks[len(looks)-1].ID, place))
}

// treeOf is the RFC 6962 root over leaf hashes.
func treeOf(h []tlog.Hash) tlog.Hash {
	if len(h) == 1 {
		return h[0]
	}
	k := 1
	for k*2 < len(h) {
		k *= 2
	}
	return tlog.NodeHash(treeOf(h[:k]), treeOf(h[k:]))
}

// A breach concerns exactly those whose records were seen by the accounts and in the
// time named; they are told once; the clock runs from when it was known.
func TestABreachConcernsWhomTheLogNames(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		thief, honest := care.Staff{0xC1, 7}, care.Staff{0xC1, 8}
		var seen []store.PersonID
		look := func(number string, by care.Staff) store.PersonID {
			person, _, _ := w.treated(number)
			reader := clinicianAt("79902", w.opening(person, "79902", nil))
			reader.Staff, reader.Name = by, "session:"+hex.EncodeToString(by[:2])
			if n := len(must(w.hub.Disclose.Chart(w.ctx, reader, person, 10))); n != 1 {
				t.Fatalf("%d records", n)
			}
			return person
		}
		from := w.clock.Now()
		for _, number := range []string{"079990888421", "079990888422", "079990888423"} {
			seen = append(seen, look(number, thief))
		}
		control := look("079990888424", honest)
		w.clock.Advance(time.Hour)
		late := look("079990888425", thief) // after the time that is named
		officer, other := w.officer("79902", 2, w.clock.Now()), w.officer("79901", 1, w.clock.Now())
		at := func(x time.Time) string { return x.In(clock.Hanoi).Format("2006-01-02T15:04:05") }
		good := url.Values{"what": {"Mật khẩu của một tài khoản bị lộ."}, "known": {at(w.clock.Now().Add(-50 * time.Hour))}, "from": {at(from.Add(-time.Minute))}, "to": {at(from.Add(30 * time.Minute))}, "staff": {hex.EncodeToString(thief[:])}}
		for name, bad := range map[string]string{"what": "ngắn", "known": at(w.clock.Now().Add(time.Hour)), "from": "", "staff": "zz"} {
			form := url.Values{}
			for k, v := range good {
				form[k] = v
			}
			form.Set(name, bad)
			if status, _, _ := officer.ask(http.MethodPost, "/privacy/breaches", form); status < 400 || status > 499 {
				t.Errorf("%s %q: %d", name, bad, status)
			}
		}
		path := officer.goes("/privacy/breaches", good)
		if again := officer.goes("/privacy/breaches", good); again != path {
			t.Error("the same form twice is two breaches")
		}
		other.reads(path, http.StatusNotFound)
		page := officer.reads(path, http.StatusOK)
		if !strings.Contains(page, "3 người, 3 hồ sơ, 3 lượt xem, hồ sơ của 1 cơ sở") || !strings.Contains(page, "còn 22 giờ") || strings.Contains(page, "Quá hạn") {
			t.Errorf("the breach does not concern the three\n%s", page)
		}
		officer.goes(path, url.Values{"do": {"told"}, "seen": {"1"}})
		if status, _, _ := officer.ask(http.MethodPost, path, url.Values{"do": {"told"}, "seen": {"1"}}); status != http.StatusConflict {
			t.Errorf("the same form again: %d", status)
		}
		officer.goes(path, url.Values{"do": {"told"}, "seen": {"2"}})
		for _, person := range seen {
			if n := w.noticed(person, review.NoticeBreach); n != 1 {
				t.Errorf("told %d times", n)
			}
		}
		if w.noticed(control, review.NoticeBreach)+w.noticed(late, review.NoticeBreach) != 0 {
			t.Error("people were told whom it does not concern")
		}
		if page := w.citizen(seen[0], w.clock.Now()).reads("/me", http.StatusOK); !strings.Contains(page, "có sự cố về bảo vệ dữ liệu") {
			t.Errorf("the citizen does not read it\n%s", page)
		}
		w.lateBreach(path)
	})
}

// lateBreach: told after 72 hours, it is late for ever.
func (w *world) lateBreach(path string) {
	t := w.t
	t.Helper()
	w.clock.Advance(23 * time.Hour)
	officer := w.officer("79902", 2, w.clock.Now())
	if page := officer.reads(path, http.StatusOK); !strings.Contains(page, "Quá hạn") || !strings.Contains(page, "quá hạn 1 giờ") {
		t.Errorf("after 73 hours it is not late\n%s", page)
	}
	officer.goes(path, url.Values{"do": {"reported"}, "seen": {"3"}})
	if page := officer.reads(path+"/report", http.StatusOK); !strings.Contains(page, "(Quá hạn)") {
		t.Errorf("told late, and it is not said\n%s", page)
	}
	var s review.Summary
	w.check(json.Unmarshal([]byte(officer.reads(path+"/report.json", http.StatusOK)), &s))
	if s.Persons != 3 || s.Records != 3 || !s.Late || s.Notices != 3 || len(s.Steps) != 4 {
		t.Errorf("%+v", s)
	}
	if pdf := officer.reads(path+"/report.pdf", http.StatusOK); !strings.HasPrefix(pdf, "%PDF-") {
		t.Error("no PDF")
	}
	officer.goes(path, url.Values{"do": {"closed"}, "seen": {"4"}, "text": {"Đã đổi mật khẩu và đào tạo lại."}})
	if status, _, _ := officer.ask(http.MethodPost, path, url.Values{"do": {"reported"}, "seen": {"5"}}); status != http.StatusConflict {
		t.Errorf("closed, and it goes on: %d", status)
	}
}
