package portal

import (
	"errors"
	"mime"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	qrcode "github.com/skip2/go-qrcode"

	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/role"
	"lienthong/internal/web/portal/view"
)

// errReason is the answer to an operator who gives no reason.
var errReason = fault.New(fault.Withheld, "disclosure.reason_required",
	"Ghi lý do từ 10 đến 300 ký tự trước khi mở nội dung.",
	"Write a reason of 10 to 300 characters before opening the content.")

// record shows one record. A facility's own opens at once, and each opening is
// logged by Content; operators are asked for a reason first; others see
// metadata only.
func (p *Portal) record(w http.ResponseWriter, r *http.Request) {
	who, err := p.reader(r)
	p.showRecord(w, r, asked{open: err == nil && who.Role.Kind != role.Operator})
}

func (p *Portal) openRecord(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 8<<10)
	p.showRecord(w, r, asked{open: true})
}

// verifyRecord checks the receipt in place. The receipt holds no clinical
// content, so operators need no reason; content that was open stays open.
func (p *Portal) verifyRecord(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 8<<10)
	who, err := p.reader(r)
	p.showRecord(w, r, asked{verify: true, open: err == nil && (who.Role.Kind != role.Operator || field(r, "reason", 2000) != "")})
}

// asked is what a request wants of a record besides its metadata.
type asked struct{ open, verify bool }

func (p *Portal) showRecord(w http.ResponseWriter, r *http.Request, want asked) {
	id, err := dossier.ParseID(r.PathValue("id"))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	page := p.page(r, "messages", "nav.messages")
	page.Path = "/records/" + id.String()
	page.Title = id.String()
	rec, err := p.deps.Messages.Record(r.Context(), page.Reader.Role, id)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	doc := view.RecordDoc{Record: rec, NeedReason: page.Reader.Role.Kind == role.Operator,
		MayOpen: p.deps.Content != nil && page.Reader.Role.May(role.Content) && rec.Erased.IsZero()}
	if err := p.besides(r.Context(), page, &doc); err != nil {
		p.fail(w, r, err)
		return
	}
	status := http.StatusOK
	for _, step := range []struct {
		wanted bool
		do     func(*http.Request, view.Page, *view.RecordDoc) error
	}{{want.open, p.open}, {want.verify, p.verify}} {
		if !doc.MayOpen || !step.wanted {
			continue
		}
		err := step.do(r, page, &doc)
		if f := fault.Of(err); err != nil && (f.Kind == fault.Withheld || f.Kind == fault.Absent || f.Kind == fault.Busy) {
			doc.Problem, status = page.W.Text(f.Text), http.StatusForbidden
		} else if err != nil {
			p.fail(w, r, err)
			return
		}
	}
	if doc.Opened == nil {
		disclose.Nothing(r.Context()) // what is received and found, within the rows of the role
	}
	p.show(w, r, status, view.RecordPage(page, doc))
}

// open fills in the content.
func (p *Portal) open(r *http.Request, page view.Page, doc *view.RecordDoc) error {
	reader, err := p.contentReader(r, page)
	if err != nil {
		return err
	}
	opened, err := p.deps.Content.Open(r.Context(), reader, doc.Record.ID)
	if err != nil {
		return err
	}
	if opened.Content == nil {
		opened.Content = &dossier.Content{}
	}
	doc.Opened, doc.Reason, doc.Now = opened, reader.Reason, p.config.Clock.Now()
	if doc.Visit, err = p.sameVisit(r, page, doc); err != nil {
		return err
	}
	doc.URL = strings.TrimSuffix(p.config.PublicURL, "/") + "/records/" + doc.Record.ID.String() + "/receipt"
	doc.QR, err = modules(doc.URL)
	return err
}

// sameVisit lists the other records of the opened one's visit: slips and the
// dossier they belong to are one another's.
func (p *Portal) sameVisit(r *http.Request, page view.Page, doc *view.RecordDoc) ([]view.Row, error) {
	if doc.Opened.Episode == "" {
		return nil, nil
	}
	list, err := p.deps.Messages.List(r.Context(), page.Reader.Role, view.Query{Facility: doc.Record.ID.Facility, Episode: doc.Opened.Episode, Limit: 20})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(list.Rows, func(x view.Row) bool { return x.ID == doc.Record.ID }), nil
}

// book shows the health book of the record's person, as this reader may have it.
func (p *Portal) book(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 8<<10)
	id, err := dossier.ParseID(r.PathValue("id"))
	if err == nil && p.deps.Content == nil {
		err = dossier.ErrID
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	page := p.page(r, "messages", "book.title")
	page.Path = "/records/" + id.String()
	reader, err := p.contentReader(r, page)
	if errors.Is(err, errReason) && r.Method == http.MethodGet {
		see(w, r, page.Path)
		return
	}
	var entries []view.BookEntry
	if err == nil {
		entries, err = p.deps.Content.Book(r.Context(), reader, id)
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.show(w, r, http.StatusOK, view.BookPage(page, view.NewBook(id, entries, p.config.Clock.Now(), page.W)))
}

// verify fills in the proof.
func (p *Portal) verify(r *http.Request, page view.Page, doc *view.RecordDoc) error {
	proof, err := p.deps.Content.Verify(r.Context(), *page.Reader, doc.Record.ID)
	if err != nil {
		return err
	}
	doc.Proof = &proof
	return nil
}

// contentReader is the reader with the reason that operators must give.
func (p *Portal) contentReader(r *http.Request, page view.Page) (view.Reader, error) {
	reader := *page.Reader
	if reader.Role.Kind != role.Operator {
		return reader, nil
	}
	reason := field(r, "reason", 2000)
	if n := utf8.RuneCountInString(reason); n < 10 || n > 300 {
		return reader, errReason
	}
	reader.Reason = reason
	return reader, nil
}

func modules(text string) ([][]bool, error) {
	q, err := qrcode.New(text, qrcode.Medium)
	if err != nil {
		return nil, err
	}
	return q.Bitmap(), nil
}

func (p *Portal) original(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 8<<10)
	p.download(w, r, func(page view.Page, id dossier.ID) (view.File, error) {
		reader, err := p.contentReader(r, page)
		if err != nil {
			return view.File{}, err
		}
		return p.deps.Content.Original(r.Context(), reader, id)
	})
}

func (p *Portal) receipt(w http.ResponseWriter, r *http.Request) {
	p.download(w, r, func(page view.Page, id dossier.ID) (view.File, error) {
		data, err := p.deps.Content.Receipt(r.Context(), *page.Reader, id)
		return view.File{Name: id.String() + ".receipt.json", Type: "application/json", Data: data}, err
	})
}

func (p *Portal) download(w http.ResponseWriter, r *http.Request, get func(view.Page, dossier.ID) (view.File, error)) {
	id, err := dossier.ParseID(r.PathValue("id"))
	if err == nil && p.deps.Content == nil {
		err = dossier.ErrID
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	f, err := get(p.page(r, "messages", "nav.messages"), id)
	if errors.Is(err, errReason) && r.Method == http.MethodGet {
		see(w, r, "/records/"+id.String())
		return
	} else if err != nil {
		p.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", f.Type)
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": f.Name}))
	_, _ = w.Write(f.Data) // the reader is gone: nobody to tell
}
