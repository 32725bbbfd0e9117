package citizen

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"github.com/go-fonts/dejavu/dejavusans"
	"github.com/go-fonts/dejavu/dejavusansbold"

	"lienthong/internal/chart"
	"lienthong/internal/chart/readable"
	"lienthong/internal/disclose"
	"lienthong/internal/fault"
	"lienthong/internal/matter"
	"lienthong/internal/store"
	"lienthong/internal/web/portal/view"
)

// CopyWait is how long a full copy waits that is asked for in a browser first seen
// less than that ago: whoever stole a login is found out before.
const CopyWait = 24 * time.Hour

// copyKept is how long a copy that waited may be fetched.
const copyKept = 7 * 24 * time.Hour

// What a copy is made of: records are opened a page at a time; the summary is of
// the newest, and a PDF holds no more than those.
const (
	copyPage   = 100
	copySummed = 500
)

var errCopyWaits = fault.New(fault.Withheld, "copy.waits", "Trình duyệt này còn mới với tài khoản của bạn. Bản sao mở sau 24 giờ.", "This browser is new to your account. The copy opens after 24 hours.")

// copyState is whether a copy may be fetched now.
type copyState struct {
	whom
	Ready bool
	Asked bool
	At    time.Time // from when
	mark  string    // of the browser
}

func (x *Room) copyState(r *http.Request, p *view.Page) (*copyState, error) {
	who, err := x.whose(r, p)
	if err != nil {
		return nil, err
	}
	s := &copyState{whom: who, mark: "unknown"}
	since, mark, err := x.Device(r, p.Reader.Person)
	if err != nil {
		return nil, err
	}
	if mark != "" {
		s.mark = mark
	}
	told, err := x.Notices.Notices(r.Context(), p.Reader.Person, 200)
	if err != nil {
		return nil, err
	}
	now := x.Now()
	for _, n := range told {
		if n.Kind == "copy.asked" && n.About == s.mark && now.Sub(n.At) < CopyWait+copyKept {
			s.Asked, s.At = true, n.At.Add(CopyWait)
			s.Ready = !now.Before(s.At)
			return s, nil
		}
	}
	s.Ready = !since.IsZero() && now.Sub(since) >= CopyWait
	return s, nil
}

func (x *Room) download(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "papers", "me.download")
	s, err := x.copyState(r, &p)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.Show(w, r, http.StatusOK, downloadPage(p, s))
}

// askCopy lets a copy be fetched from a new browser a day later, and tells its owner
// at once.
func (x *Room) askCopy(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "papers", "me.download")
	s, err := x.copyState(r, &p)
	if err == nil && !s.Ready && !s.Asked {
		people := []store.PersonID{p.Reader.Person}
		if s.By != nil {
			people = append(people, store.PersonID(s.Person))
		}
		for _, person := range people {
			if err == nil {
				err = x.Notices.PutNotice(r.Context(), matter.Notice{Person: person, At: x.Now(), Kind: "copy.asked", About: s.mark, Detail: "{}"})
			}
		}
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.See(w, r, "/me/download")
}

// mayCopy refuses a copy that waits.
func (x *Room) mayCopy(r *http.Request, p *view.Page) (whom, error) {
	s, err := x.copyState(r, p)
	if err != nil {
		return whom{}, err
	}
	if !s.Ready {
		return whom{}, errCopyWaits
	}
	return s.whom, nil
}

// copyRecord is one record in a form that programs read.
type copyRecord struct {
	ID       string             `json:"id"`
	Kind     string             `json:"kind"`
	Facility string             `json:"facility"`
	Received time.Time          `json:"received"`
	Sections []readable.Section `json:"sections"`
}

// copyEnd follows the records: a file without it was cut short.
type copyEnd struct {
	Count    int            `json:"count"`
	Name     string         `json:"name"`
	Summed   int            `json:"summary_of_newest"`
	Summary  *chart.Summary `json:"summary"`
	Visits   []chart.Visit  `json:"visits"`
	Results  []chart.Series `json:"results"`
	Facts    map[string]any `json:"facts"`
	Complete bool           `json:"complete"`
}

// pagesOf opens all of a person's records, page by page.
func (x *Room) pagesOf(ctx context.Context, as disclose.Reader, who *whom, first int, each func([]*disclose.Opened) (bool, error)) error {
	var at store.Cursor
	for limit := first; ; limit = copyPage {
		list, next, err := x.Book.ChartPage(ctx, as, store.PersonID(who.Person), at, limit)
		if err != nil {
			return err
		}
		on, err := each(list)
		if err != nil || !on || next == (store.Cursor{}) {
			return err
		}
		at = next
	}
}

// downloadJSON writes every record as it is opened. Once begun it can only be cut
// short, which the missing end shows.
func (x *Room) downloadJSON(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "papers", "me.download")
	who, err := x.mayCopy(r, &p)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	count, newest, begun := 0, []*disclose.Opened(nil), false
	write := func(text string) error {
		if !begun {
			begun = true
			attach(w, "application/json", "so-suc-khoe.json")
			head := fmt.Sprintf("{\"format\": \"lienthong-copy/1\",\n\"at\": %q,\n\"records\": [", x.Now().UTC().Format(time.RFC3339))
			if _, err := w.Write([]byte(head)); err != nil {
				return err
			}
		}
		_, err := w.Write([]byte(text))
		return err
	}
	err = x.pagesOf(r.Context(), reader(&p, &who, true), &who, copyPage, func(list []*disclose.Opened) (bool, error) {
		for _, o := range list {
			if len(newest) < copySummed {
				newest = append(newest, o)
			}
			b, err := json.Marshal(x.copyRecord(o))
			if err != nil {
				return false, err
			}
			if count++; count > 1 {
				b = append([]byte(","), b...)
			}
			if err := write("\n" + string(b)); err != nil {
				return false, err
			}
		}
		return true, nil
	})
	if err == nil && count == 0 {
		err = store.ErrAbsent
	}
	if err != nil && !begun {
		disclose.Nothing(r.Context())
		x.frame.Fail(w, r, err)
		return
	}
	if err == nil {
		var end []byte
		if end, err = json.Marshal(x.copyEnd(who, newest, count)); err == nil {
			err = write("\n],\n" + string(end[1:]) + "\n")
		}
	}
	if err != nil {
		panic(http.ErrAbortHandler) // the browser sees a broken download, not a whole one
	}
}

func (x *Room) copyRecord(o *disclose.Opened) copyRecord {
	e := entryOf(o)
	return copyRecord{ID: o.Record.ID.String(), Kind: o.Record.Kind, Facility: x.name(o.Record.ID.Facility), Received: o.Record.Received.UTC().Truncate(time.Second), Sections: e.Sections()}
}

func (x *Room) copyEnd(who whom, newest []*disclose.Opened, count int) *copyEnd {
	b := x.bookOf(who, true, newest)
	return &copyEnd{Count: count, Name: b.Name, Summed: len(newest), Summary: b.Chart.Summary(), Visits: b.Chart.Visits, Results: b.Chart.Results, Complete: true,
		Facts: map[string]any{"allergies": b.Allergies, "blood_group": b.Blood, "implants": b.Implants, "pregnancy": b.Pregnancy, "contacts": b.Contacts, "vaccinations": b.Vaccinations}}
}

// downloadPDF writes the newest records on paper, and says where there are more.
func (x *Room) downloadPDF(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "papers", "me.download")
	who, err := x.mayCopy(r, &p)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	opened, next, err := x.Book.ChartPage(r.Context(), reader(&p, &who, true), store.PersonID(who.Person), store.Cursor{}, copySummed)
	if err == nil && len(opened) == 0 {
		disclose.Nothing(r.Context())
		err = store.ErrAbsent
	}
	var data []byte
	if err == nil {
		data, err = sheet(&p, x, x.Now(), x.bookOf(who, true, opened), next != (store.Cursor{}))
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	send(w, "application/pdf", "so-suc-khoe.pdf", data)
}

// sheet writes the book on paper: the same at the same moment.
func sheet(p *view.Page, x *Room, at time.Time, b *book, more bool) ([]byte, error) {
	f := fpdf.New("P", "mm", "A4", "")
	f.SetCreationDate(at)
	f.SetModificationDate(at)
	f.SetCatalogSort(true)
	f.SetTitle(p.W.T("me.download.title"), true)
	f.SetLang(p.W.Lang)
	f.SetMargins(18, 18, 18)
	f.SetAutoPageBreak(true, 18)
	f.AddUTF8FontFromBytes("dejavu", "", dejavusans.TTF)
	f.AddUTF8FontFromBytes("dejavu", "B", dejavusansbold.TTF)
	f.AddPage()
	line := func(style string, size float64, text string) {
		if text = strings.TrimSpace(strings.Map(basic, text)); text == "" {
			return
		}
		f.SetFont("dejavu", style, size)
		f.MultiCell(0, size*0.5, text, "", "L", false)
	}
	line("B", 16, p.W.T("me.download.title"))
	line("", 11, b.Name+" "+b.Birth)
	line("", 9, p.W.T("me.download.at", p.W.Time(at)))
	if more {
		line("B", 9, p.W.T("me.download.more", len(b.Opened)))
	}
	for _, o := range b.Opened {
		f.Ln(4)
		e := entryOf(o)
		line("B", 12, kindWord(p, o.Record.Kind)+", "+x.name(o.Record.ID.Facility)+", "+p.W.Date(o.Record.Received))
		for _, s := range e.Sections() {
			line("B", 10, p.W.Text(s.Title))
			for _, row := range rowsOf(p, &s) {
				line("", 9, row)
			}
		}
	}
	var out bytes.Buffer
	if err := f.Output(&out); err != nil {
		return nil, fmt.Errorf("citizen: writing a copy: %w", err)
	}
	return out.Bytes(), nil
}

// basic leaves out what the font's tables cannot hold.
func basic(r rune) rune {
	if r > 0xffff {
		return -1
	}
	return r
}

// rowsOf writes a table's rows as lines of words.
func rowsOf(p *view.Page, s *readable.Section) []string {
	var out []string
	for _, row := range s.Rows {
		var parts []string
		for i, v := range row.Values {
			if text := p.W.Text(v.Text); text != "" && i < len(s.Columns) {
				parts = append(parts, p.W.Text(s.Columns[i].Label)+": "+text)
			}
		}
		if len(parts) > 0 {
			out = append(out, strings.Join(parts, "; "))
		}
	}
	return out
}
