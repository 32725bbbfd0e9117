package house

import (
	"context"
	"time"

	"lienthong/internal/store/base"
)

// Book is one version of the rules that people write, without its text. What the
// states mean is package rehearsal's.
type Book struct {
	ID        int // from 1; 7 is r7
	State     string
	Edition   int // of its text, from 1
	Base      int // the book it was drawn from, 0 none
	Day       int // yyyyMMdd from which it applies, 0 not said
	Created   time.Time
	CreatedBy string
	Moved     time.Time // when it came to its state
	MovedBy   string
	Reason    string
}

// Edition is one text of a book.
type Edition struct {
	Book, Edition int
	At            time.Time
	By            string
	Text          string
}

// Move takes a book from one state to another.
type Move struct {
	Book, Edition int
	From, To      string
	Day           int // yyyyMMdd; 0: as it is
	By, Reason    string
	At            time.Time
	// Base is the book that makes place for it in state To, and Ended what that
	// becomes; 0 none does. When another holds the place, it is ErrChanged: one book
	// applies, one is announced.
	Base  int
	Ended string
}

// Rehearsal is one replay of records through a book.
type Rehearsal struct {
	ID            int
	Book, Edition int
	State         string
	Asked         time.Time
	AskedBy       string
	Ended         time.Time // zero while it runs
	Holder        string    // the process at it, "" none
	Until         time.Time // its lease ends
	Found         string    // JSON
}

// Rules keeps books of rules, their texts and their rehearsals.
type Rules interface {
	// Books lists all books, newest first.
	Books(ctx context.Context) ([]Book, error)
	// Book returns one; ErrAbsent.
	Book(ctx context.Context, id int) (Book, error)
	// In lists the books in one of the states, by id: cheap, asked every second.
	In(ctx context.Context, states ...string) ([]Book, error)
	// Edition returns one text of a book; ErrAbsent.
	Edition(ctx context.Context, book, edition int) (Edition, error)
	// Draw keeps a new book, at edition 1, with its first text; ErrTaken when there
	// is a book of its id.
	Draw(ctx context.Context, b Book, text string, act base.Act) error
	// Write keeps a new text of a book that is in one of the states and at edition
	// e.Edition-1, and brings it to state to; ErrChanged otherwise.
	Write(ctx context.Context, e Edition, states []string, to string, act base.Act) error
	// Move changes a book's state; ErrChanged when its state or edition is another, or
	// its place is not free.
	Move(ctx context.Context, m Move, act base.Act) error
	// Ask keeps a new rehearsal that is to run and cancels those of the book that do;
	// it returns its id.
	Ask(ctx context.Context, r Rehearsal, act base.Act) (id int, err error)
	// Rehearsal returns the latest of a book; ErrAbsent.
	Rehearsal(ctx context.Context, book int) (Rehearsal, error)
	// Lease takes the oldest rehearsal that runs and that nobody is at; ErrAbsent
	// where there is none.
	Lease(ctx context.Context, holder string, now, until time.Time) (Rehearsal, error)
	// Came keeps how far the holder came, and its lease; ErrChanged when it was
	// cancelled or is another's.
	Came(ctx context.Context, id int, holder, found string, until time.Time) error
	// End keeps what was found by the holder, under the state, and where to is not ""
	// brings its book there from state from, if its edition is still the one
	// rehearsed. ErrChanged as Came.
	End(ctx context.Context, r Rehearsal, from, to string) error
	// Cancel ends a rehearsal that runs, as cancelled; ErrAbsent where none runs.
	Cancel(ctx context.Context, book int, at time.Time, act base.Act) error
}

// States of a rehearsal.
const (
	Running   = "running"
	Done      = "done"
	Cancelled = "cancelled"
	Failed    = "failed"
)
