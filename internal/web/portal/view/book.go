package view

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/schema"
	"lienthong/internal/slip"
	"lienthong/internal/web/portal/words"
)

// BookEntry is one opened record of a person.
type BookEntry struct {
	ID      dossier.ID
	Kind    string
	Title   fault.Text // of the kind
	At      time.Time  // received
	Episode string     // MA_LK; "" where the kind has none
	Content *dossier.Content
	Spec    *schema.Version
	Slip    *slip.Validity // of a slip
}

// Book is a person's health book as one reader may have it: visits newest first.
type Book struct {
	ID      dossier.ID // the record it was asked from
	Name    string
	Records int
	Visits  []BookVisit
}

// BookVisit is what the records of one visit say.
type BookVisit struct {
	Facility string
	Day      string // of the visit, for people
	Groups   []BookGroup
	key      string
	at       string // yyyyMMddHHmm, for the order
}

// BookGroup is the lines of one sort: problems, medicines, results, slips, checks.
type BookGroup struct {
	What  string
	Lines []BookLine
}

// BookLine is one line with the record it stands in.
type BookLine struct {
	Text, Detail string
	Source       dossier.ID
	Kind         string
}

// The sorts of lines, in the order they are shown.
const (
	bookProblem  = "problem"
	bookMedicine = "medicine"
	bookResult   = "result"
	bookSlip     = "slip"
	bookCheck    = "check"
)

var bookOrder = []string{bookProblem, bookMedicine, bookResult, bookSlip, bookCheck}

// bookLines is how many lines of one sort a visit shows; the record has them all.
const bookLines = 40

// NewBook arranges opened records. Records of one visit stand together.
func NewBook(id dossier.ID, entries []BookEntry, now time.Time, w words.Speaker) Book {
	b := Book{ID: id, Records: len(entries)}
	for i := range entries {
		e := &entries[i]
		d := RecordDoc{Record: Record{ID: e.ID, Kind: e.Kind, Received: e.At}, Opened: &Opened{Episode: e.Episode, Content: e.Content, Spec: e.Spec, Slip: e.Slip}, Now: now}
		if name := d.field("HO_TEN"); b.Name == "" || name != "" && e.ID == id {
			b.Name = cmp.Or(name, b.Name)
		}
		key := string(e.ID.Facility) + " " + cmp.Or(e.Episode, e.ID.String())
		at := slices.IndexFunc(b.Visits, func(v BookVisit) bool { return v.key == key })
		if at < 0 {
			b.Visits = append(b.Visits, BookVisit{key: key, Facility: string(e.ID.Facility)})
			at = len(b.Visits) - 1
		}
		b.Visits[at].add(d, e, w)
	}
	slices.SortStableFunc(b.Visits, func(a, c BookVisit) int { return cmp.Compare(c.at, a.at) })
	return b
}

func (v *BookVisit) add(d RecordDoc, e *BookEntry, w words.Speaker) {
	day := cmp.Or(d.field("NGAY_VAO"), d.field("NGAY_KHAM"), d.field("NGAY_GIO_KE_DON"))
	if at := d.sortable(day); v.at == "" || at < v.at {
		v.at, v.Day = at, cmp.Or(otherMoment(day), w.Date(e.At))
	}
	line := func(what, text, detail string) {
		if text = strings.TrimSpace(text); text == "" {
			return
		}
		i := slices.IndexFunc(v.Groups, func(g BookGroup) bool { return g.What == what })
		if i < 0 {
			v.Groups = append(v.Groups, BookGroup{What: what})
			slices.SortFunc(v.Groups, func(a, b BookGroup) int {
				return slices.Index(bookOrder, a.What) - slices.Index(bookOrder, b.What)
			})
			i = slices.IndexFunc(v.Groups, func(g BookGroup) bool { return g.What == what })
		}
		g := &v.Groups[i]
		same := slices.ContainsFunc(g.Lines, func(l BookLine) bool { return l.Text == text && l.Detail == detail })
		if !same && len(g.Lines) < bookLines {
			g.Lines = append(g.Lines, BookLine{Text: text, Detail: strings.TrimSpace(detail), Source: e.ID, Kind: w.Text(e.Title)})
		}
	}
	for _, t := range e.Content.All {
		for row := range t.Rows {
			bookRow(d, t, row, w, line)
		}
	}
}

// sortable writes a stated moment so that texts compare as times do; without one
// the time of receipt.
func (d RecordDoc) sortable(stated string) string {
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, stated)
	if len(digits) >= 8 {
		return (digits + "0000")[:12]
	}
	return d.Record.Received.Format("200601021504")
}

// bookRow finds in one row of any kind's table what a health book is made of. It
// goes by the names of fields, which all kinds share.
func bookRow(d RecordDoc, t *dossier.Table, row int, w words.Speaker, line func(what, text, detail string)) {
	get := func(fields ...string) string {
		for _, f := range fields {
			if text := strings.TrimSpace(t.Cell(row, f).Text); text != "" {
				return text
			}
		}
		return ""
	}
	switch t.Columns.Table {
	case "XML13":
		to := get("MA_CSKCB_DEN", "MA_NOI_DEN")
		line(bookSlip, w.T("book.referred", to), slipText(d, w))
	case "XML14":
		line(bookSlip, w.T("book.appointed", moment(get("NGAY_HEN_KL"))), slipText(d, w))
	}
	if drug := get("TEN_THUOC", "BIET_DUOC"); drug != "" {
		line(bookMedicine, strings.TrimSpace(drug+" "+get("HAM_LUONG")), strings.TrimSpace(get("LIEU_DUNG", "CACH_DUNG")+" · "+decimal(get("SO_LUONG"), w)+" "+get("DON_VI_TINH")))
		return
	}
	if test := get("TEN_CHI_SO", "TEN_XET_NGHIEM"); test != "" {
		line(bookResult, test, strings.TrimSpace(get("GIA_TRI", "KET_QUA")+" "+get("DON_VI_DO")+" "+get("KET_LUAN", "MO_TA")))
		return
	}
	if class := get("PHAN_LOAI_SUC_KHOE"); class != "" {
		line(bookCheck, w.T("book.class", class), get("NOI_DUNG_KET_LUAN", "DE_NGHI"))
	}
	if problem := get("CHAN_DOAN_RV", "TEN_CHAN_DOAN", "CHAN_DOAN", "CHAN_DOAN_VAO"); problem != "" {
		line(bookProblem, problem, get("MA_BENH_CHINH", "MA_CHAN_DOAN", "MA_BENH"))
	}
}

// slipState is the state of an opened slip's record now. What receivers do with
// slips is not known here yet.
func (d RecordDoc) slipState() slip.State {
	facts := slip.Facts{Validity: *d.Opened.Slip}
	if d.Record.State == dossier.Withdrawn || d.Record.State == dossier.Superseded {
		facts.Revoked = d.Record.Received
	}
	return facts.At(d.Now)
}

// slipText says until when a slip holds, and its state.
func slipText(d RecordDoc, w words.Speaker) string {
	if d.Opened == nil || d.Opened.Slip == nil {
		return ""
	}
	v := d.Opened.Slip
	state := w.T("slip." + string(d.slipState()))
	if v.Until.IsZero() {
		return w.T("slip.unknown") + " · " + state
	}
	return w.T("slip.until", moment(v.Until.String())) + " · " + state
}
