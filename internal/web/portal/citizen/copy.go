package citizen

import (
	"context"
	"net/http"
	"time"

	"lienthong/internal/disclose"
	"lienthong/internal/fault"
	"lienthong/internal/matter"
	"lienthong/internal/store"
	"lienthong/internal/web/portal/booklet"
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
	var newest []*disclose.Opened
	out := booklet.NewStream(w, x.Now(), func() { attach(w, "application/json", "so-suc-khoe.json") })
	err = x.pagesOf(r.Context(), reader(&p, &who, true), &who, copyPage, func(list []*disclose.Opened) (bool, error) {
		for _, o := range list {
			if len(newest) < copySummed {
				newest = append(newest, o)
			}
			if err := out.Add(x.copyRecord(o)); err != nil {
				return false, err
			}
		}
		return true, nil
	})
	if err == nil && out.Count == 0 {
		err = store.ErrAbsent
	}
	if err != nil && out.Count == 0 {
		disclose.Nothing(r.Context())
		x.frame.Fail(w, r, err)
		return
	}
	if err == nil {
		err = out.End(x.copyEnd(who, newest, out.Count))
	}
	if err != nil {
		panic(http.ErrAbortHandler) // the browser sees a broken download, not a whole one
	}
}

func (x *Room) copyRecord(o *disclose.Opened) *booklet.Entry {
	e := entryOf(o)
	return &booklet.Entry{ID: o.Record.ID.String(), Kind: o.Record.Kind, Facility: x.name(o.Record.ID.Facility), Received: o.Record.Received.UTC().Truncate(time.Second), Sections: e.Sections()}
}

func (x *Room) copyEnd(who whom, newest []*disclose.Opened, count int) *booklet.End {
	b := x.bookOf(who, true, newest)
	return &booklet.End{Count: count, Name: b.Name, Summed: len(newest), Summary: b.Chart.Summary(), Visits: b.Chart.Visits, Results: b.Chart.Results, Complete: true,
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
		data, err = booklet.PDF(&p, x.Now(), x.onPaper(&p, x.bookOf(who, true, opened), next != (store.Cursor{})))
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	send(w, "application/pdf", "so-suc-khoe.pdf", data)
}

func (x *Room) onPaper(p *view.Page, b *book, more bool) booklet.Book {
	out := booklet.Book{Name: b.Name, Birth: b.Birth}
	if more {
		out.More = len(b.Opened)
	}
	for _, o := range b.Opened {
		e := entryOf(o)
		out.Records = append(out.Records, booklet.Record{Title: kindWord(p, o.Record.Kind) + ", " + x.name(o.Record.ID.Facility) + ", " + p.W.Date(o.Record.Received), Sections: e.Sections()})
	}
	return out
}
