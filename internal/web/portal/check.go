package portal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/ledger"
	"lienthong/internal/web/portal/paper"
	"lienthong/internal/web/portal/view"
)

// Checker tells anybody who holds a printed receipt whether the ledger has it.
type Checker interface {
	// Check proves the record's receipt by the ledger and compares the SHA-256
	// of its body. ok is false alike for a record that is not there, another
	// digest and a receipt that does not verify; body is then nil.
	Check(ctx context.Context, id dossier.ID, digest [sha256.Size]byte) (body *ledger.Body, at ledger.Checkpoint, ok bool, err error)
}

// errPrint: there is no receipt that could be printed.
var errPrint = fault.New(fault.Absent, "receipt.print", "Không in được biên nhận này.", "This receipt cannot be printed.")

// printed answers GET /records/{id}/print: the receipt's facts on one page, with
// a code that leads to the check. It holds no clinical content.
func (p *Portal) printed(w http.ResponseWriter, r *http.Request) {
	p.download(w, r, func(page view.Page, id dossier.ID) (view.File, error) {
		data, err := p.deps.Content.Receipt(r.Context(), *page.Reader, id)
		if err != nil {
			return view.File{}, err
		}
		doc, err := ledger.ParseDocument(data)
		if err != nil {
			return view.File{}, errPrint.Because(err)
		}
		body, err := ledger.ParseBody(doc.Body)
		if err != nil {
			return view.File{}, errPrint.Because(err)
		}
		sheet, err := p.sheet(page, doc, body)
		if err != nil {
			return view.File{}, errPrint.Because(err)
		}
		out, err := paper.PDF(sheet)
		return view.File{Name: id.String() + ".pdf", Type: "application/pdf", Data: out}, err
	})
}

func (p *Portal) sheet(page view.Page, doc *ledger.Document, body *ledger.Body) (*paper.Sheet, error) {
	sum := sha256.Sum256(doc.Body)
	digest := hex.EncodeToString(sum[:])
	link := strings.TrimSuffix(p.config.PublicURL, "/") + "/check?" + url.Values{"record": {body.Record}, "digest": {digest}}.Encode()
	code, err := modules(link)
	if err != nil {
		return nil, err
	}
	say := page.W.T
	return &paper.Sheet{Lang: page.W.Lang, Title: say("print.title"), Intro: say("print.intro"), At: page.Now, URL: link, Modules: code,
		Check: say("print.check"), Foot: say("print.foot", hanoi(page.Now)),
		Lines: [][2]string{{say("check.record"), body.Record}, {say("print.facility"), body.Facility}, {say("print.hub"), body.Hub}, {say("print.at"), hanoi(body.ReceivedAt)},
			{say("print.state"), say("print.state." + body.State)}, {say("print.log"), doc.Origin + " · " + strconv.FormatUint(doc.Index, 10)},
			{say("print.file"), body.FileSHA256}, {say("check.digest"), digest}}}, nil
}

func hanoi(t time.Time) string { return t.In(clock.Hanoi).Format("15:04:05 02/01/2006") }

// check answers GET and POST /check: anybody holds a printed receipt against the
// ledger. What the code leads to is filled in and asked for by one press, so
// that programs that look at links learn nothing.
func (p *Portal) check(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 8<<10)
	page := p.page(r, "", "check.title")
	doc := view.CheckDoc{Record: asFilled(r, "record", 80), Digest: strings.ToLower(asFilled(r, "digest", 64)), Asked: r.Method == http.MethodPost}
	status := http.StatusOK
	if doc.Asked {
		status = p.checked(r, page, &doc)
	}
	p.show(w, r, status, view.CheckPage(page, doc))
}

func (p *Portal) checked(r *http.Request, page view.Page, doc *view.CheckDoc) int {
	id, err := dossier.ParseID(doc.Record)
	raw, err2 := hex.DecodeString(doc.Digest)
	if errors.Join(err, err2) != nil || len(raw) != sha256.Size {
		doc.Problem = page.W.T("check.form")
		return http.StatusUnprocessableEntity
	}
	if p.deps.Checker == nil {
		return http.StatusOK // said as not found
	}
	body, at, ok, err := p.deps.Checker.Check(r.Context(), id, [sha256.Size]byte(raw))
	if err != nil {
		p.config.Log.ErrorContext(r.Context(), "a receipt was not checked", "error", err)
		doc.Problem = page.W.Text(fault.Of(err).Text)
		return http.StatusServiceUnavailable
	}
	if doc.OK = ok; ok {
		say := page.W.T
		doc.Lines = []view.CheckLine{{Name: say("check.record"), Text: body.Record}, {Name: say("print.facility"), Text: body.Facility}, {Name: say("print.at"), Text: hanoi(body.ReceivedAt)},
			{Name: say("print.state"), Text: say("print.state." + body.State)}, {Name: say("print.log"), Text: at.Origin + " · " + strconv.FormatUint(at.Size, 10)}}
	}
	return http.StatusOK
}

// asFilled is a field of the form, or of the link a code leads to.
func asFilled(r *http.Request, name string, limit int) string {
	v := strings.TrimSpace(r.FormValue(name))
	if len(v) > limit {
		return ""
	}
	return v
}
