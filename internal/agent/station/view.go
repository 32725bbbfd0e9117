package station

import (
	"context"
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/agent/signer"
	"lienthong/internal/agent/spool"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
)

// Today is how a day stands: dossiers by what the hub said, files by what they wait for.
type Today struct {
	Day      int `json:"day"`      // yyyymmdd in Hanoi
	Accepted int `json:"accepted"` // with and without warnings
	Warned   int `json:"accepted_with_warnings"`
	Rejected int `json:"rejected"`
	Refused  int `json:"refused"`
	Waiting  int `json:"waiting"` // files without an answer, of any day
}

// Today counts; the cost does not grow with what is kept.
func (s *Station) Today(ctx context.Context) (Today, error) {
	t := Today{Day: clock.Day(s.cfg.Clock.Now())}
	by, err := s.Spool.Day(ctx, t.Day)
	if err != nil {
		return t, err
	}
	t.Warned, t.Rejected, t.Refused = by[spool.WasWarned], by[spool.WasRejected], by[spool.WasRefused]
	t.Accepted = by[spool.WasAccepted] + t.Warned
	queues, err := s.Spool.Queues(ctx)
	for _, q := range queues {
		if !q.State.Decided() {
			t.Waiting += q.Items
		}
	}
	return t, err
}

// Waiting is what has no answer yet, by state and lane, and since when the
// oldest waits.
type Waiting struct {
	Queues []spool.Queue
	Oldest time.Time
}

// Waiting tells it.
func (s *Station) Waiting(ctx context.Context) (w Waiting, err error) {
	queues, err := s.Spool.Queues(ctx)
	if err != nil {
		return w, err
	}
	for _, q := range queues {
		if !q.State.Decided() {
			w.Queues = append(w.Queues, q)
		}
	}
	w.Oldest, err = s.Spool.Oldest(ctx)
	return w, err
}

// Explain says of what is ready and stands behind another file why it waits.
func (s *Station) Explain(ctx context.Context, list []spool.Item) error {
	for n := range list {
		if i := &list[n]; i.State == spool.Ready && i.Code == "" {
			if behind, err := s.Spool.Behind(ctx, i.ID); err != nil {
				return err
			} else if behind {
				i.Code, i.Said = ErrBehind.Code, ErrBehind.Text
			}
		}
	}
	return nil
}

// Causes groups what was not accepted, as long as it is not mended: one cause,
// so many dossiers, and what to do.
func (s *Station) Causes(ctx context.Context) ([]spool.Cause, error) { return s.Spool.Causes(ctx) }

// Rejects lists the files a cause stands against, from after an id on.
func (s *Station) Rejects(ctx context.Context, code string, after int64, limit int) ([]spool.Item, error) {
	return s.Spool.OfCause(ctx, code, after, limit)
}

// Checked is what would become of an item now.
type Checked struct {
	Ref     spool.Ref  `json:"ref"`
	Good    bool       `json:"good"` // nothing would stand against it
	Code    string     `json:"code,omitempty"`
	Message fault.Text `json:"message,omitzero"`
}

// Recheck judges items again by the rules at hand, and sends nothing. An item
// whose bytes are no longer kept is left out.
func (s *Station) Recheck(ctx context.Context, refs ...spool.Ref) (out []Checked, err error) {
	for _, ref := range refs {
		i, err := s.Spool.Get(ctx, ref)
		if err != nil {
			return nil, err
		}
		p, err := s.Spool.Payload(ctx, i.ID)
		if fault.Of(err).Code == spool.ErrAbsent.Code && err != nil {
			continue
		}
		if err != nil {
			return nil, err
		}
		l := spool.Looked{}
		preview, why := s.check(ctx, p)
		s.foretell(preview, why, &l)
		out = append(out, Checked{ref, l.Code == "", l.Code, l.Said})
	}
	return out, nil
}

// Resend has items looked at and sent once more, after what stood against them
// was mended elsewhere; with anyway also those that would not be accepted as
// they are. It returns how many.
func (s *Station) Resend(ctx context.Context, anyway bool, refs ...spool.Ref) (int, error) {
	n, err := s.Spool.Again(ctx, anyway, refs...)
	if n > 0 {
		wake(s.arrived)
	}
	return n, err
}

// Receipts returns the hub's answers to an item, with their receipts.
func (s *Station) Receipts(ctx context.Context, ref spool.Ref) ([]spool.Entry, error) {
	return s.Spool.Answers(ctx, ref)
}

// SignerState is what seals here.
type SignerState struct {
	State   signer.State
	Present bool
	Subject string
	Expires time.Time
}

// SignerState tells it; not Present where nothing is set up.
func (s *Station) SignerState() SignerState {
	if s.Signer == nil {
		return SignerState{}
	}
	x := SignerState{State: s.Signer.State(), Present: true}
	if c := s.Signer.Certificate(); c != nil {
		x.Subject, x.Expires = c.Subject.String(), c.NotAfter
	}
	return x
}

// csvHead names the columns, for people who open the file in a spreadsheet.
var csvHead = []string{"thoi_gian", "tep", "thu_tu", "loai", "ket_qua", "hien_tai", "ma_ho_so", "ma_loi", "noi_dung_loi", "error"}

// Export writes the answers of a day (yyyymmdd in Hanoi) as CSV (RFC 4180) with
// a byte-order mark, by which spreadsheets know UTF-8.
func (s *Station) Export(ctx context.Context, w io.Writer, day int) error {
	if _, err := io.WriteString(w, "\uFEFF"); err != nil {
		return err
	}
	c := csv.NewWriter(w)
	c.UseCRLF = true
	if err := c.Write(csvHead); err != nil {
		return err
	}
	var last *spool.Entry
	for {
		list, err := s.Spool.Journal(ctx, day, last, 200)
		if err != nil {
			return err
		}
		for i := range list {
			if err := c.Write(csvRow(&list[i])); err != nil {
				return err
			}
		}
		if len(list) < 200 {
			c.Flush()
			return c.Error()
		}
		last = &list[len(list)-1]
	}
}

func csvRow(e *spool.Entry) []string {
	why := reasonsOf(e)
	var codes, vi, en []string
	for _, r := range why {
		codes, vi, en = append(codes, r.Code), append(vi, r.Said.VI), append(en, r.Said.EN)
	}
	row := []string{e.At.In(clock.Hanoi).Format("2006-01-02 15:04:05"), e.Name, strconv.Itoa(e.N), e.Kind, e.Outcome.String(), e.Now, e.Record,
		strings.Join(codes, " "), strings.Join(vi, " "), strings.Join(en, " ")}
	for i, cell := range row { // a spreadsheet would run what begins so
		if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
			row[i] = "'" + cell
		}
	}
	return row
}
