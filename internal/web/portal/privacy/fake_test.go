package privacy_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"lienthong/internal/brake"
	"lienthong/internal/care"
	"lienthong/internal/casework"
	"lienthong/internal/consent"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/law"
	"lienthong/internal/matter"
	"lienthong/internal/review"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/web/portal/asset"
	pages "lienthong/internal/web/portal/privacy"
	"lienthong/internal/web/portal/view"
	"lienthong/internal/web/portal/words"
	"lienthong/internal/web/problem"
)

var noon = time.Date(2026, 11, 13, 5, 0, 0, 0, time.UTC)

const number, query = "VV-2026-000123-7", "0123456789abcdef0123456789abcdef"

// bureau answers as package review does, for one case, one query and one breach.
type bureau struct {
	who    role.Role
	lang   string
	deny   error
	asked  []string // what was called
	did    review.Decision
	query  review.Query
	report review.Report
	step   review.StepBreach
	words  *words.Catalogue
	assets *asset.Set
}

func newBureau(t testing.TB) *bureau {
	t.Helper()
	b := &bureau{who: role.Role{Kind: role.Privacy, ID: "24917"}, lang: "vi"}
	var err error
	if b.words, err = words.Load(); err != nil {
		t.Fatal(err)
	}
	if b.assets, err = asset.Load(); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bureau) called(what string) { b.asked = append(b.asked, what) }

func (b *bureau) Queue(context.Context, review.Officer) (*review.Queue, error) {
	items := []review.Item{
		{Number: number, Kind: matter.EmergencyReview, State: matter.Open, Opened: noon.Add(-96 * time.Hour), Due: noon.Add(-time.Hour), Late: true},
		{Number: "VV-2026-000124-5", Kind: matter.LookUnrecognised, State: matter.Acknowledged, Opened: noon.Add(-time.Hour), Due: noon.Add(240 * time.Hour), Looks: 1},
		{Number: "VV-2026-000125-3", Kind: matter.RequestErase, State: matter.InWork, Opened: noon, Due: noon.Add(480 * time.Hour)},
	}
	done := []review.Item{{Number: "VV-2026-000101-1", Kind: matter.RequestSee, State: matter.Answered, Outcome: casework.Granted, Opened: noon.Add(-240 * time.Hour), Due: noon}}
	return &review.Queue{Waiting: items, Done: done, Facility: b.who.At(), Since: noon.AddDate(0, 0, -90), Check: review.Agreement{Emergencies: 14, Reviewed: 13, Waiting: 1},
		Stops:   []brake.Stop{{Mark: "account:0123456789ab", Facility: "24917", At: noon, Persons: 41}},
		Clinics: []review.Rate{{Staff: care.Staff{1}, Emergencies: 3, Looks: 1200, PerThousand: 2.5, Suspended: true}, {Staff: care.Staff{2}, Emergencies: 1, Looks: 3100, PerThousand: 0.32}}}, b.deny
}

func (b *bureau) Case(_ context.Context, _ review.Officer, n string) (*review.Case, error) {
	if n != number {
		return nil, review.ErrAbsent
	}
	source, _ := law.Get("decree-356-2025")
	return &review.Case{
		Matter:  matter.Matter{Number: number, Kind: matter.LookUnrecognised, Facility: "24917", Version: 4, State: matter.InWork, Opened: noon.Add(-time.Hour), Due: noon.Add(24 * time.Hour), Law: "decree-356-2025", Owner: "privacy:24917/f1"},
		Words:   casework.Words{Asked: "Tôi chưa từng đến đây.", Steps: []casework.Step{{At: noon, What: matter.InWork}}},
		Law:     source,
		Longer:  noon.Add(360 * time.Hour),
		Opening: &consent.Opening{Basis: "emergency", How: "break_glass", Staff: care.Staff{1}, Renewed: care.Staff{2}, From: noon.Add(-2 * time.Hour), Until: noon, Ended: noon, EndedBy: "undone", Reason: "TT-261113-24917-0713-K other: ngã ở chợ"},
		Looks: []review.Look{{ID: 7, At: noon.Add(-2 * time.Hour), Staff: care.Staff{1}, Facility: "22000", Kind: "qd4750", Received: noon.AddDate(0, -3, 0), Basis: "emergency", SteppedUp: true},
			{ID: 8, At: noon.Add(-2 * time.Hour), Reader: "session:ab12", Facility: "22000", Basis: "own_record"}},
		Elsewhere: 2, Suspended: []care.Staff{{1}}, Outcomes: []string{casework.Justified, casework.Unjustified},
		Things: []review.Thing{{ID: dossier.ID{Facility: "22000"}, Kind: "qd4750", Received: noon, State: dossier.Accepted, KeepTo: noon.AddDate(10, 0, 0)}},
	}, nil
}

func (b *bureau) Act(_ context.Context, _ review.Officer, n string, v review.Decision) (*matter.Matter, error) {
	b.called("act")
	b.did = v
	if n != number {
		return nil, review.ErrAbsent
	}
	return &matter.Matter{Number: number}, b.deny
}

func (b *bureau) Lift(_ context.Context, _ review.Officer, whose care.Staff) error {
	b.called("lift " + string(whose[:1]))
	return b.deny
}

func (b *bureau) Unlock(_ context.Context, _ review.Officer, mark, reason string) error {
	b.called("unlock " + mark + " " + reason)
	return b.deny
}

func (b *bureau) Ask(_ context.Context, _ review.Officer, q review.Query) (string, error) {
	b.called("ask")
	b.query = q
	return query, b.deny
}

func (b *bureau) Queries(context.Context, review.Officer, int) ([]review.Asked, error) {
	return []review.Asked{{ID: query, At: noon, Actor: "auditor 12", Query: review.Query{Case: "TTr-15/2026", From: noon.AddDate(0, -1, 0), To: noon, About: number, Basis: "emergency"}}}, nil
}

func (b *bureau) Page(_ context.Context, _ review.Officer, id string, before int64) (*review.Result, error) {
	if id != query {
		return nil, review.ErrAbsent
	}
	list, _ := b.Queries(context.Background(), review.Officer{}, 1)
	r := &review.Result{Asked: list[0], Next: 7}
	if before > 0 {
		r.Next = 0
		return r, nil
	}
	r.Rows = []store.Disclosure{{ID: 9, At: noon, Reader: "session:ab12", Role: "clinician:24917", Facility: "22000", Basis: "emergency", Policy: "emergency-set@3", Staff: care.Staff{1}, Opening: consent.OpeningID{7}},
		{ID: 7, At: noon, Reader: "24917-a", Role: "facility:24917", Facility: "24917", Basis: "own_record"}}
	return r, nil
}

func (b *bureau) Export(_ context.Context, _ review.Officer, id string) (*review.Export, error) {
	if id != query {
		return nil, review.ErrAbsent
	}
	return &review.Export{Format: "lienthong-looks/1"}, b.deny
}

func (b *bureau) CSV(_ context.Context, _ review.Officer, id string) ([]byte, bool, error) {
	if id != query {
		return nil, false, review.ErrAbsent
	}
	return []byte("id\r\n"), true, b.deny
}

func (b *bureau) OpenBreach(_ context.Context, _ review.Officer, r review.Report) (*matter.Matter, error) {
	b.called("breach")
	b.report = r
	return &matter.Matter{Number: number}, b.deny
}

func (b *bureau) Breaches(context.Context, review.Officer) ([]review.Breach, error) {
	x, err := b.Breach(context.Background(), review.Officer{}, number)
	return []review.Breach{*x}, err
}

func (b *bureau) Breach(_ context.Context, _ review.Officer, n string) (*review.Breach, error) {
	if n != number {
		return nil, review.ErrAbsent
	}
	return &review.Breach{Matter: matter.Matter{Number: number, Facility: "24917", Kind: matter.Breach, State: matter.InWork, Version: 2, Opened: noon.Add(-70 * time.Hour), Due: noon.Add(-time.Hour), Law: "law-91-2025-art-23"},
		What: "Mật khẩu của một tài khoản bị lộ.", Known: noon.Add(-73 * time.Hour), Late: true, Scope: review.Scope{From: noon.AddDate(0, 0, -7), To: noon, Accounts: []string{"session:ab12"}},
		Steps: []casework.Step{{At: noon.Add(-70 * time.Hour), What: review.StepOpened}}}, nil
}

func (b *bureau) Affected(context.Context, review.Officer, string) (*review.Affected, error) {
	return &review.Affected{Looks: 5, Records: 4, Persons: []review.Concerned{{Ref: "AB12CD34EF", Looks: 3, Records: 2, Last: noon}, {Ref: "0012CD34EF", Looks: 2, Records: 2, Last: noon}},
		Facilities: []review.Place{{Facility: "22000", Looks: 5, Records: 4}}, Partial: true}, nil
}

func (b *bureau) MoveBreach(_ context.Context, _ review.Officer, n string, v review.StepBreach) (*review.Breach, error) {
	b.called("step")
	b.step = v
	if b.deny != nil {
		return nil, b.deny
	}
	return b.Breach(context.Background(), review.Officer{}, n)
}

func (b *bureau) Summary(_ context.Context, _ review.Officer, n string) (*review.Summary, error) {
	if n != number {
		return nil, review.ErrAbsent
	}
	return &review.Summary{Format: "lienthong-breach/1", At: noon, Number: number, Facility: "24917", What: "Mật khẩu của một tài khoản bị lộ.", Known: noon.Add(-73 * time.Hour), Due: noon.Add(-time.Hour), Late: true, Persons: 2, Records: 4, Looks: 5,
		Facilities: []review.Place{{Facility: "22000", Looks: 5, Records: 4}}, Steps: []casework.Step{{At: noon, What: review.StepOpened}, {At: noon, What: review.StepTold, Text: "Gửi qua VNeID"}}}, b.deny
}

// The frame, as the portal lends it.

func (b *bureau) page(r *http.Request, nav, key string, args ...any) view.Page {
	s := b.words.In(b.lang)
	return view.Page{W: s, Title: s.T(key, args...), Nav: nav, Path: r.URL.RequestURI(), Theme: "light", Demo: true, Now: noon,
		Reader: &view.Reader{Role: b.who, Name: "Trần Minh", Mark: "12", Staff: care.Staff{0xF1}, SteppedUp: noon, Route: r.Pattern},
		Asset: func(name string) string {
			if !b.assets.Has(name) {
				return ""
			}
			return b.assets.URL(name)
		}}
}

// frame is the portal's frame around the pages of a bureau.
type frame struct{ b *bureau }

func (f frame) Page(r *http.Request, nav, key string, args ...any) view.Page {
	return f.b.page(r, nav, key, args...)
}

func (f frame) Show(rw http.ResponseWriter, r *http.Request, status int, c templ.Component) {
	var body bytes.Buffer
	if err := c.Render(r.Context(), &body); err != nil {
		http.Error(rw, err.Error(), http.StatusInternalServerError)
		return
	}
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	rw.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'")
	rw.WriteHeader(status)
	_, _ = rw.Write(body.Bytes())
}

func (f frame) Fail(rw http.ResponseWriter, r *http.Request, err error) {
	x := fault.Of(err)
	p := f.Page(r, "", "problem.title")
	f.Show(rw, r, problem.Status(x), view.Problem(p, p.Title, p.W.Text(x.Text), x.Code))
}

func (f frame) CSV(http.ResponseWriter, *http.Request, string, [][]string) {}

func (f frame) See(rw http.ResponseWriter, r *http.Request, path string) {
	http.Redirect(rw, r, path, http.StatusSeeOther)
}

// serve answers as the portal would, without who may.
func (b *bureau) serve(t testing.TB) *httptest.Server {
	t.Helper()
	room := pages.New(pages.Deps{Desk: b, Law: law.Text, Facility: func(code care.FacilityCode) string {
		if code == "22000" {
			return "Bệnh viện Đa khoa Vân Đồn"
		}
		return ""
	}, StaffName: func(_ context.Context, id care.Staff) string {
		return strings.Repeat("BS. Lê Hồng Minh", int(min(id[0], 1)))
	}}, frame{b})
	mux := http.NewServeMux()
	mux.Handle("GET /assets/", b.assets)
	for _, line := range pages.Routes() {
		mux.HandleFunc(line.Method+" "+line.Pattern, func(rw http.ResponseWriter, r *http.Request) { line.Serve(room, rw, r) })
	}
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}
