package urgent_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"lienthong/internal/care"
	"lienthong/internal/chart"
	"lienthong/internal/consent"
	"lienthong/internal/fault"
	"lienthong/internal/identity"
	"lienthong/internal/role"
	"lienthong/internal/urgent"
	"lienthong/internal/web/portal/asset"
	pages "lienthong/internal/web/portal/urgent"
	"lienthong/internal/web/portal/view"
	"lienthong/internal/web/portal/words"
	"lienthong/internal/web/problem"
)

var night = time.Date(2026, 11, 13, 19, 10, 0, 0, time.UTC) // 02:10 in Hanoi

// ward answers as package urgent does, for one patient without a name.
type ward struct {
	number string
	known  urgent.Sheet
	state  identity.Temporary
	glass  urgent.Glass
	opened bool
	// openings are those of the number, newest first.
	openings []consent.Opening
	deny     error
	asked    []string // what was called
	mine     bool
	late     bool
	words    *words.Catalogue
	assets   *asset.Set
	lang     string
	now      time.Time
}

func newWard(t testing.TB) *ward {
	t.Helper()
	w := &ward{mine: true, lang: "vi", now: night.Add(31 * time.Second)}
	for serial := 713; w.number == ""; serial++ {
		w.number, _ = identity.NumberOf(night, "24917", serial)
	}
	w.state = identity.Temporary{Number: w.number, Facility: "24917", Made: night, State: identity.Open, Version: 1}
	var err error
	if w.words, err = words.Load(); err != nil {
		t.Fatal(err)
	}
	if w.assets, err = asset.Load(); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *ward) Begin(_ context.Context, _ urgent.Member, s urgent.Sheet) (*identity.Temporary, error) {
	w.asked, w.known = append(w.asked, "begin"), s
	return &w.state, w.deny
}

func (w *ward) Temporary(_ context.Context, _ urgent.Member, number string) (*identity.Temporary, *urgent.Sheet, error) {
	if number != w.number {
		return nil, nil, urgent.ErrAbsent
	}
	return &w.state, &w.known, nil
}

func (w *ward) Worklist(context.Context, urgent.Member) ([]urgent.Waiting, error) {
	old, proposed := w.state, w.state
	proposed.How = identity.Proposed
	return []urgent.Waiting{{Temporary: old, Age: 80 * time.Hour}, {Temporary: proposed, Age: 26 * time.Hour}, {Temporary: w.state, Age: time.Minute}}, nil
}

func (w *ward) Resolved(context.Context, urgent.Member) ([]identity.Temporary, error) {
	if w.state.State != identity.Resolved {
		return nil, nil
	}
	return []identity.Temporary{w.state}, nil
}

func (w *ward) Opened(context.Context, urgent.Member, string) ([]consent.Opening, error) {
	return w.openings, nil
}

func (w *ward) Search(_ context.Context, _ urgent.Member, _ string, s urgent.Sheet) ([]urgent.Candidate, error) {
	w.asked, w.known = append(w.asked, "search"), s
	return nil, w.deny
}

func (w *ward) Candidates(context.Context, urgent.Member, string) ([]urgent.Candidate, error) {
	if w.known.Name == "" {
		return nil, nil
	}
	return []urgent.Candidate{
		{Ref: strings.Repeat("a", 32), Initials: "T.T.T.H.", Sex: care.Female, Year: 1961, Commune: "xã Tân Hòa, Bắc Ninh", Fits: []identity.Fact{"phone", "year", "commune", "name"}},
		{Ref: strings.Repeat("b", 32), Initials: "N.T.H.", Sex: care.Female, Year: 1963, Commune: "xã Tân Hòa, Bắc Ninh", Fits: []identity.Fact{"year", "commune", "name"}, Misses: []identity.Fact{"phone"}},
		{Ref: strings.Repeat("c", 32), Initials: "T.T.H.", Sex: care.Female, Year: 1960, Commune: "phường Sông Cầu, Bắc Ninh", Fits: []identity.Fact{"year", "name"}, Misses: []identity.Fact{"phone", "commune"}},
	}, nil
}

func (w *ward) Path(string) string { return strings.Repeat("0123abcd", 4) }

func (w *ward) Number(path string) (string, error) {
	if path != w.Path("") {
		return "", urgent.ErrAbsent
	}
	return w.number, nil
}

func (w *ward) Break(_ context.Context, _ urgent.Member, _ string, g urgent.Glass) (*consent.Opening, error) {
	w.glass, w.opened = g, w.deny == nil
	return &consent.Opening{ID: consent.OpeningID{7}, From: w.now, Until: w.now.Add(4 * time.Hour)}, w.deny
}

func (w *ward) Emergency(_ context.Context, _ urgent.Member, id consent.OpeningID) (*urgent.Emergency, error) {
	if id != (consent.OpeningID{7}) {
		return nil, urgent.ErrAbsent
	}
	return &urgent.Emergency{Opening: consent.Opening{ID: id, From: w.now, Until: w.now.Add(4 * time.Hour)}, Number: w.number, Sheet: &w.known, Mine: w.mine, MayRenew: !w.mine}, nil
}

func (w *ward) Set(context.Context, urgent.Member, *urgent.Emergency) (pages.Shown, error) {
	w.asked = append(w.asked, "set")
	return pages.Shown{Emergency: chart.EmergencySet(nil, w.now), Late: w.late}, w.deny
}

func (w *ward) did(what string) { w.asked = append(w.asked, what) }

func (w *ward) Renew(context.Context, urgent.Member, consent.OpeningID) error {
	w.did("renew")
	return w.deny
}

func (w *ward) ByCard(_ context.Context, _ urgent.Member, _, text string) (*identity.Temporary, error) {
	w.did("card " + text)
	return &w.state, w.deny
}

func (w *ward) Propose(context.Context, urgent.Member, string) (*identity.Temporary, error) {
	w.did("propose")
	return &w.state, w.deny
}

func (w *ward) Confirm(context.Context, urgent.Member, string) (*identity.Temporary, error) {
	w.did("second")
	return &w.state, w.deny
}

func (w *ward) Release(_ context.Context, _ urgent.Member, _, how string) (*identity.Temporary, error) {
	w.did("release " + how)
	return &w.state, w.deny
}

func (w *ward) Undo(context.Context, urgent.Member, string) (*urgent.Undone, error) {
	w.did("undo")
	return &urgent.Undone{}, w.deny
}

// The frame, as the portal lends it.

func (w *ward) Page(r *http.Request, nav, key string, args ...any) view.Page {
	s := w.words.In(w.lang)
	return view.Page{W: s, Title: s.T(key, args...), Nav: nav, Path: r.URL.RequestURI(), Theme: "light", Demo: true, Now: w.now,
		Reader: &view.Reader{Role: role.Role{Kind: role.Clinician, ID: "24917"}, Name: "BS. Lê Hồng Minh", Staff: care.Staff{1}, SteppedUp: w.now, Route: r.Pattern},
		Asset: func(name string) string {
			if !w.assets.Has(name) {
				return ""
			}
			return w.assets.URL(name)
		}}
}

func (w *ward) Show(rw http.ResponseWriter, r *http.Request, status int, c templ.Component) {
	var b bytes.Buffer
	if err := c.Render(r.Context(), &b); err != nil {
		http.Error(rw, err.Error(), http.StatusInternalServerError)
		return
	}
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	rw.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'")
	rw.WriteHeader(status)
	_, _ = rw.Write(b.Bytes())
}

func (w *ward) Fail(rw http.ResponseWriter, r *http.Request, err error) {
	f := fault.Of(err)
	p := w.Page(r, "", "problem.title")
	w.Show(rw, r, problem.Status(f), view.Problem(p, p.Title, p.W.Text(f.Text), f.Code))
}

func (w *ward) CSV(http.ResponseWriter, *http.Request, string, [][]string) {}

func (w *ward) See(rw http.ResponseWriter, r *http.Request, path string) {
	http.Redirect(rw, r, path, http.StatusSeeOther)
}

// serve answers as the portal would, without who may.
func (w *ward) serve(t testing.TB) *httptest.Server {
	t.Helper()
	room := pages.New(pages.Deps{Patients: w, Emergencies: w, Names: w, Facility: func(care.FacilityCode) string { return "BVĐK Sao Mai" }}, w)
	mux := http.NewServeMux()
	mux.Handle("GET /assets/", w.assets)
	for _, line := range pages.Routes() {
		mux.HandleFunc(line.Method+" "+line.Pattern, func(rw http.ResponseWriter, r *http.Request) { line.Serve(room, rw, r) })
	}
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}
