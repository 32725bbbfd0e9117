package portal

import (
	"encoding/csv"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/facility"
	"lienthong/internal/role"
	"lienthong/internal/web/portal/view"
)

// csvRows bounds an export; a longer list is cut by its filter.
const csvRows = 50_000

// query reads the browser's conditions from the address. The token of an
// episode code is opened; one that is old is left out.
func (p *Portal) query(r *http.Request, page view.Page) (view.Query, string, error) {
	v := r.URL.Query()
	q := view.Query{Province: v.Get("province"), Kind: v.Get("kind"), State: v.Get("state"), Code: strings.TrimSpace(v.Get("code")),
		Before: v.Get("before"), Limit: 50}
	if len(q.Code) > 80 || len(q.Kind) > 20 || len(q.Before) > 80 {
		return q, "", errQuery
	}
	if q.State != "" && !slices.Contains(view.States(), q.State) {
		return q, "", errQuery
	}
	if l := v.Get("level"); l != "" {
		level, err := facility.ParseLevel(l)
		if err != nil {
			return q, "", err
		}
		q.Level = level
	}
	if code := strings.TrimSpace(v.Get("facility")); code != "" {
		parsed, err := care.ParseFacilityCode(code)
		if err != nil {
			return q, "", err
		}
		q.Facility = parsed
	}
	if page.Reader.Role.Kind == role.Facility {
		q.Facility = care.FacilityCode(page.Reader.Role.ID)
	}
	day, ok := parseDay(v.Get("day"))
	if !ok {
		return q, "", errQuery
	}
	q.Day = day
	token := v.Get("e")
	if code, ok := p.openEpisode(token, page.Reader.Mark, page.Now); ok {
		q.Episode = code
		return q, token, nil
	}
	return q, "", nil
}

// parseDay reads 20260701 or 2026-07-01; 0 for "".
func parseDay(s string) (int, bool) {
	if s == "" {
		return 0, true
	}
	t, err := time.ParseInLocation("20060102", strings.ReplaceAll(s, "-", ""), clock.Hanoi)
	if err != nil {
		return 0, false
	}
	return clock.Day(t), true
}

func (p *Portal) messages(w http.ResponseWriter, r *http.Request) {
	page := p.page(r, "messages", "messages.title")
	q, token, err := p.query(r, page)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	list, err := p.deps.Messages.List(r.Context(), page.Reader.Role, q)
	if errors.Is(err, view.ErrEpisodeFacility) {
		p.show(w, r, http.StatusUnprocessableEntity, view.MessagesPage(page, q, view.List{Problem: page.W.T("search.facility")}, token, p.config.Kinds))
		return
	} else if err != nil {
		p.fail(w, r, err)
		return
	}
	if page.Reader.Role.Kind == role.Facility {
		q.Facility = "" // it is the role, not a condition
	}
	p.show(w, r, http.StatusOK, view.MessagesPage(page, q, list, token, p.config.Kinds))
}

// search takes a record's id or an episode code.
func (p *Portal) search(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	text := field(r, "q", 400)
	if id, err := dossier.ParseID(text); err == nil {
		see(w, r, "/records/"+id.String())
		return
	}
	episode, err := care.ParseEpisodeID(text)
	if err != nil {
		see(w, r, "/messages")
		return
	}
	who, err := p.reader(r)
	if err != nil {
		p.nobody(w, r, err)
		return
	}
	see(w, r, "/messages?e="+p.sealEpisode(string(episode), who.Mark, p.config.Clock.Now()))
}

func (p *Portal) messagesCSV(w http.ResponseWriter, r *http.Request) {
	page := p.page(r, "messages", "messages.title")
	q, _, err := p.query(r, page)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	q.Limit = 1000
	rows := [][]string{{"received", "facility", "name", "kind", "record", "state", "codes", "version"}}
	for len(rows) < csvRows {
		list, err := p.deps.Messages.List(r.Context(), page.Reader.Role, q)
		if err != nil {
			p.fail(w, r, err)
			return
		}
		for _, m := range list.Rows {
			rows = append(rows, []string{stamp(m.At), string(m.Facility.Code), m.Facility.Name, m.Kind, m.ID.String(),
				string(m.State), strings.Join(m.Codes, " "), strconv.Itoa(m.Version)})
		}
		if q.Before = list.Next; list.Next == "" {
			break
		}
	}
	p.csv(w, r, "lienthong-ho-so", rows)
}

func (p *Portal) refused(w http.ResponseWriter, r *http.Request) {
	page := p.page(r, "messages", "refused.title")
	q, _, err := p.query(r, page)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	list, err := p.deps.Messages.Refused(r.Context(), page.Reader.Role, q)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	if page.Reader.Role.Kind == role.Facility {
		q.Facility = ""
	}
	p.show(w, r, http.StatusOK, view.RefusedPage(page, q, list))
}

func (p *Portal) refusedCSV(w http.ResponseWriter, r *http.Request) {
	page := p.page(r, "messages", "refused.title")
	q, _, err := p.query(r, page)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	q.Limit = 1000
	rows := [][]string{{"received", "facility", "name", "sender", "bytes", "sha256", "code"}}
	for len(rows) < csvRows {
		list, err := p.deps.Messages.Refused(r.Context(), page.Reader.Role, q)
		if err != nil {
			p.fail(w, r, err)
			return
		}
		for _, f := range list.Rows {
			rows = append(rows, []string{stamp(f.At), string(f.Facility.Code), f.Facility.Name, f.Sender, num(f.Size), f.Digest, f.Code})
		}
		if q.Before = list.Next; list.Next == "" {
			break
		}
	}
	p.csv(w, r, "lienthong-tep-tra-lai", rows)
}

// csv sends rows as a download. The mark of order at its head makes
// spreadsheets read UTF-8.
func (p *Portal) csv(w http.ResponseWriter, r *http.Request, name string, rows [][]string) {
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+"-"+strconv.Itoa(clock.Day(p.config.Clock.Now()))+`.csv"`)
	if _, err := w.Write([]byte("\ufeff")); err != nil {
		return // the reader is gone
	}
	out := csv.NewWriter(w)
	for i := range rows {
		for j, cell := range rows[i] {
			rows[i][j] = Harmless(cell)
		}
		if err := out.Write(rows[i]); err != nil {
			return
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		p.config.Log.InfoContext(r.Context(), "export cut off", "route", r.Pattern, "error", err)
	}
}

// Harmless keeps a spreadsheet from taking a cell for a formula: one that
// begins with = + - @, a tab or a line break gets an apostrophe before it.
func Harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r\n", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

func num(n int64) string { return strconv.FormatInt(n, 10) }

// stamp is a time in Hanoi as spreadsheets read it; "" for none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(clock.Hanoi).Format("2006-01-02 15:04:05")
}
