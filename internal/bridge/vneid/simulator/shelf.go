package simulator

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"lienthong/internal/bridge/faulty"
	"lienthong/internal/bridge/tally"
)

// Ways an entry comes.
const (
	Direct  = "direct"
	Insurer = "insurer"
)

// What became of an entry (trang_thai).
const (
	Fresh     = "moi"
	Replaced  = "thay_the"
	Known     = "da_co" // this version or a later one is there
	Withdrawn = "thu_hoi"
)

// Book is the health book of one person: an item of the listing.
type Book struct {
	Number    string    `json:"ma_so"`
	Citizen   string    `json:"so_cccd"`
	Insurance string    `json:"ma_so_bhxh"`
	Source    string    `json:"nguon"` // da_co: it existed before; direct or insurer: who brought its first entry
	UpdatedAt time.Time `json:"cap_nhat"`

	// Facilities that the person is known to go to; those with an entry are added.
	// None of an existing book: it is listed to all.
	Facilities []string `json:"facilities,omitempty"`

	seq     int // of the last change
	entries []*entry
}

// entry is one episode with what came each way.
type entry struct {
	number, facility, episode string
	book                      *Book
	direct, insurer           *delivery
}

type delivery struct {
	entry  Entry
	at     time.Time
	digest string
}

// shown returns what the citizen sees of the entry: the facility's own word
// before the insurer's, nothing once the facility withdrew it.
func (e *entry) shown() *delivery {
	if e.direct != nil {
		if e.direct.entry.Withdrawn {
			return nil
		}
		return e.direct
	}
	return e.insurer
}

// fits reports whether an entry names nobody else than the book's person.
func (b *Book) fits(e Entry) bool {
	other := func(has, names string) bool { return has != "" && names != "" && has != names }
	return b != nil && !other(b.Citizen, e.Citizen) && !other(b.Insurance, e.Insurance)
}

type episode struct{ facility, episode string }

// shelf holds the books. Its user locks it.
type shelf struct {
	books   []*Book
	people  map[string]*Book // by citizen and insurance number and by the book's own
	entries map[episode]*entry
	newest  *tally.Newest
	seq     int
}

func newShelf(keep int64) shelf {
	return shelf{people: map[string]*Book{}, entries: map[episode]*entry{}, newest: tally.NewNewest(keep)}
}

// existing puts a book on the shelf that was there before.
func (s *shelf) existing(b Book, now time.Time) {
	b.Source = "da_co"
	if b.UpdatedAt.IsZero() {
		b.UpdatedAt = now
	}
	s.add(&b)
}

func (s *shelf) add(b *Book) {
	if b.Number == "" {
		b.Number = "S" + short(cmp.Or(b.Citizen, b.Insurance))
	}
	s.books = append(s.books, b)
	s.changed(b)
}

func (s *shelf) changed(b *Book) {
	s.seq++
	b.seq = s.seq
	for _, n := range []string{b.Number, b.Citizen, b.Insurance} {
		if n != "" {
			s.people[n] = b
		}
	}
}

func short(of string) string {
	sum := sha256.Sum256([]byte(of))
	return hex.EncodeToString(sum[:8])
}

func (s *shelf) count(which func(*entry) bool) int {
	n := 0
	for _, e := range s.entries {
		if which(e) {
			n++
		}
	}
	return n
}

// result is the answer to an entry.
type result struct {
	Number string `json:"ma_muc"`
	State  string `json:"trang_thai"`
	Book   string `json:"ma_so"`    // of the book it went into; "" for a withdrawal of what never came
	Had    bool   `json:"so_da_co"` // the book was there before this entry
	Ways   int    `json:"so_duong"` // ways this episode came by so far: 1 or 2
}

// put writes an entry down and puts it into its person's book. What is there
// already in this or a later version is answered and counted, but changes nothing.
func (s *Simulator) put(ctx context.Context, e Entry, t tally.Entry) (result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := episode{e.Facility, e.Episode}
	r := result{Number: "M" + short(e.Facility+"|"+e.Episode), State: Fresh, Ways: 1}
	old := s.shelf.entries[key]
	book := s.shelf.people[e.Citizen]
	if book == nil {
		book = s.shelf.people[e.Insurance]
	}
	if old != nil {
		r.State = Replaced
		if e.Withdrawn || book == nil && old.book.fits(e) {
			book = old.book
		}
		if t.Route == Direct && old.direct != nil && old.direct.entry.Version >= e.Version {
			r.State = Known
		}
	}
	if e.Withdrawn && r.State != Known {
		r.State = Withdrawn
	}
	r.Had = book != nil
	if book != nil {
		r.Book = book.Number
	}
	if faulty.Forgets(ctx) {
		return r, nil
	}
	t.Kind, t.Facility, t.Episode, t.Reference, t.Code = "entry", e.Facility, e.Episode, r.Number, "200"
	written, err := s.book.Record(t)
	if err != nil {
		return result{}, err
	}
	if r.State != Known {
		s.shelf.keep(key, e, written, r.Number, book)
		if r.State == Fresh && r.Had {
			s.reused++
		}
	}
	if kept := s.shelf.entries[key]; kept != nil {
		if kept.book != nil {
			r.Book = kept.book.Number
		}
		if kept.direct != nil && kept.insurer != nil {
			r.Ways = 2
		}
	}
	return r, nil
}

// keep puts an entry into a book, made here when there is none.
func (s *shelf) keep(key episode, e Entry, t tally.Entry, number string, book *Book) {
	kept := s.entries[key]
	if kept == nil {
		kept = &entry{number: number, facility: e.Facility, episode: e.Episode}
		s.entries[key] = kept
	}
	d := &delivery{e, t.At, t.SHA256}
	s.newest.Add(e.size(), func() { d.entry.Content = nil })
	if t.Route == Direct {
		kept.direct = d
	} else {
		kept.insurer = d
	}
	if book == nil && (e.Citizen != "" || e.Insurance != "") {
		book = &Book{Citizen: e.Citizen, Insurance: e.Insurance, Source: t.Route}
		s.add(book)
	}
	if kept.book != book { // first time here, or the person was another
		if kept.book != nil {
			kept.book.entries = slices.DeleteFunc(kept.book.entries, func(x *entry) bool { return x == kept })
			s.changed(kept.book)
		}
		kept.book = book
		if book != nil {
			book.entries = append(book.entries, kept)
		}
	}
	if book == nil {
		return
	}
	book.Citizen, book.Insurance = cmp.Or(book.Citizen, e.Citizen), cmp.Or(book.Insurance, e.Insurance)
	book.UpdatedAt = t.At
	if (book.Source != "da_co" || len(book.Facilities) > 0) && !slices.Contains(book.Facilities, e.Facility) {
		book.Facilities = append(book.Facilities, e.Facility)
	}
	s.changed(book)
}

// list returns the books changed after since, in the order of their last change.
func (s *shelf) list(facility string, since, limit int) (items []Book, next int) {
	items, next = []Book{}, since
	for _, b := range s.books {
		if b.seq > since && (facility == "" || len(b.Facilities) == 0 || slices.Contains(b.Facilities, facility)) {
			items = append(items, *b)
		}
	}
	slices.SortFunc(items, func(a, b Book) int { return a.seq - b.seq })
	items = items[:min(len(items), limit)]
	for _, b := range items {
		next = b.seq
	}
	return items, next
}

// page is a book as its citizen sees it.
type page struct {
	Book    Book        `json:"so"`
	Entries []pageEntry `json:"muc"`
}

type pageEntry struct {
	Number   string                     `json:"ma_muc"`
	Facility string                     `json:"ma_cskcb"`
	Episode  string                     `json:"ma_lk"`
	Version  int                        `json:"phien_ban"`
	Ways     []string                   `json:"duong"`  // direct, insurer
	Digests  []string                   `json:"sha256"` // of what came each way
	At       time.Time                  `json:"cap_nhat"`
	Content  map[string]json.RawMessage `json:"noi_dung"` // null: let go for newer ones (Config.Keep)
}

// show returns a book with each entry once.
func (s *shelf) show(number string) (page, bool) {
	b := s.people[number]
	if b == nil {
		return page{}, false
	}
	p := page{*b, []pageEntry{}}
	for _, e := range b.entries {
		d := e.shown()
		if d == nil {
			continue
		}
		out := pageEntry{Number: e.number, Facility: e.facility, Episode: e.episode, Version: d.entry.Version, At: d.at, Content: d.entry.Content}
		if e.direct != nil {
			out.Ways, out.Digests = append(out.Ways, Direct), append(out.Digests, e.direct.digest)
		}
		if e.insurer != nil {
			out.Ways, out.Digests = append(out.Ways, Insurer), append(out.Digests, e.insurer.digest)
		}
		p.Entries = append(p.Entries, out)
	}
	return p, true
}
