package delivery

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/insight"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/web/portal/view"
)

// errUnbound: a partner that no software is bound to.
var errUnbound = fault.New(fault.Withheld, "vendor.unbound",
	"Đối tác này chưa được gắn với phần mềm nào. Đề nghị đơn vị vận hành gắn tên phần mềm.",
	"No software is bound to this partner. Ask the operator to bind its name.")

// SoftwareLine is one finding of one software, over the facilities that use it.
type SoftwareLine struct {
	Software   string // name, without version
	Version    string
	Guessed    bool // no file named it: the vendor of the facilities is taken
	Code       string
	N          int64
	Facilities []FacilityCount // most first
	Example    store.SoftwareCount
}

// FacilityCount is how many of a line are one facility's.
type FacilityCount struct {
	Code, Name string
	N          int64
}

// Software is the page of rejects by software.
type Software struct {
	Days       int
	Name       string // the one software shown, "" all
	Lines      []SoftwareLine
	Names      []string // of all software in the list
	Partner    bool     // the reader is a vendor: no records, no lists
	Incomplete bool     // only the most frequent rows were counted
}

func (x *Room) readSoftware(r *http.Request, page view.Page) (Software, error) {
	v := Software{Days: 7, Name: strings.TrimSpace(r.URL.Query().Get("name"))}
	if n, err := strconv.Atoi(r.URL.Query().Get("days")); err == nil && slices.Contains([]int{1, 7, 30}, n) {
		v.Days = n
	}
	if len(v.Name) > 200 || store.CheckText(v.Name) != nil {
		return v, errQuery
	}
	if who := page.Reader.Role; who.Kind == role.Partner {
		vendors, err := x.Survey.Vendors(r.Context())
		if err != nil {
			return v, err
		}
		i := slices.IndexFunc(vendors, func(b store.Vendor) bool { return b.ID == who.ID })
		if i < 0 {
			return v, errUnbound
		}
		v.Partner, v.Name = true, vendors[i].Name
	}
	counts, err := x.Survey.Rejects(r.Context(), store.SoftwareQuery{From: startOf(clock.Day(page.Now.AddDate(0, 0, 1-v.Days))), To: page.Now.Add(time.Minute), Name: v.Name})
	if err != nil {
		return v, err
	}
	v.Incomplete = len(counts) >= store.SoftwareRows
	v.Lines = x.softwareLines(counts)
	for _, l := range v.Lines {
		if !slices.Contains(v.Names, l.Software) && l.Software != "" {
			v.Names = append(v.Names, l.Software)
		}
	}
	slices.Sort(v.Names)
	return v, nil
}

// softwareLines groups counts by software, version and code; findings that
// reject nothing by themselves are left out.
func (x *Room) softwareLines(counts []store.SoftwareCount) []SoftwareLine {
	type key struct {
		name, version, code string
		guessed             bool
	}
	at := map[key]*SoftwareLine{}
	for _, c := range counts {
		if !insight.Rejects(c.Code) {
			continue
		}
		k := key{code: c.Code, name: c.Vendor, guessed: true}
		if c.Software != "" {
			k.name, k.version, _ = strings.Cut(c.Software, "/")
			k.guessed = false
		}
		l := at[k]
		if l == nil {
			l = &SoftwareLine{Software: k.name, Version: k.version, Guessed: k.guessed, Code: k.code}
			at[k] = l
		}
		l.N += c.N
		if l.Example.Newest.Before(c.Newest) {
			l.Example = c
		}
		i := slices.IndexFunc(l.Facilities, func(f FacilityCount) bool { return f.Code == string(c.Facility) })
		if i < 0 {
			l.Facilities = append(l.Facilities, FacilityCount{Code: string(c.Facility), Name: x.name(c.Facility)})
			i = len(l.Facilities) - 1
		}
		l.Facilities[i].N += c.N
	}
	out := make([]SoftwareLine, 0, len(at))
	for _, l := range at {
		slices.SortFunc(l.Facilities, func(a, b FacilityCount) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Code, b.Code)) })
		out = append(out, *l)
	}
	slices.SortFunc(out, func(a, b SoftwareLine) int {
		return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Software, b.Software), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Code, b.Code))
	})
	return out
}

func (x *Room) software(w http.ResponseWriter, r *http.Request) {
	page := x.frame.Page(r, "software", "software.title")
	if page.Reader.Role.Kind != role.Partner {
		page.Nav = "legs"
	}
	v, err := x.readSoftware(r, page)
	if errors.Is(err, errUnbound) {
		x.frame.Show(w, r, http.StatusForbidden, view.Problem(page, page.W.T("software.title"), page.W.Text(errUnbound.Text), errUnbound.Code))
		return
	} else if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.Show(w, r, http.StatusOK, SoftwarePage(page, v))
}

func (x *Room) softwareCSV(w http.ResponseWriter, r *http.Request) {
	page := x.frame.Page(r, "software", "software.title")
	v, err := x.readSoftware(r, page)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	rows := [][]string{{"software", "version", "by_vendor", "code", "sentence", "facility", "records", "days"}}
	for _, l := range v.Lines {
		for _, f := range l.Facilities {
			rows = append(rows, []string{l.Software, l.Version, strconv.FormatBool(l.Guessed), l.Code, page.Cause(l.Code), f.Code, strconv.FormatInt(f.N, 10), strconv.Itoa(v.Days)})
		}
	}
	x.frame.CSV(w, r, "lienthong-phan-mem", rows)
}
