package rehearsal

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"lienthong/internal/quality"
	"lienthong/internal/rulebook"
	"lienthong/internal/rulepack"
	"lienthong/internal/score"
	"lienthong/internal/store/house"
)

// Live is the pack that is judged by: what is built in, joined with the books in
// force. It follows the store, so that all hubs of one database judge alike within
// a second or two; a file under work ends by the pack it began with.
type Live struct {
	base     *quality.Pack
	compiler *rulebook.Compiler
	store    house.Rules
	logger   *slog.Logger
	mu       sync.Mutex // of Refresh
	refused  string     // what stood in the store and cannot be judged by
	now      atomic.Pointer[standing]
	unread   atomic.Pointer[[]Unread]
}

type standing struct {
	key   string // what stood in the store
	pack  *quality.Pack
	books []rulepack.Book
	words map[string]score.Word
}

// Unread is a book that stands and does not compile: it was taken by another release.
type Unread struct {
	ID       int
	State    string // Active, Warning; "past": some of its findings have no sentence any more
	Problems []rulebook.Problem
}

// Error is for logs.
func (u Unread) Error() string { return Name(u.ID) + ": " + u.Problems[0].Error() }

// Unwrap returns ErrProblems and the first problem.
func (u Unread) Unwrap() []error { return []error{ErrProblems, u.Problems[0]} }

// keptPast is how many books of before keep their sentences in the pack.
const keptPast = 5

// NewLive returns the pack without any book; call Refresh.
func NewLive(base *quality.Pack, compiler *rulebook.Compiler, s house.Rules, logger *slog.Logger) *Live {
	l := &Live{base: base, compiler: compiler, store: s, logger: logger}
	l.now.Store(&standing{pack: base})
	return l
}

// Pack is what is judged by at this moment.
func (l *Live) Pack() *quality.Pack { return l.now.Load().pack }

// Books are the books of that pack, for agents.
func (l *Live) Books() []rulepack.Book { return l.now.Load().books }

// Words are what the rules of the books in force and of before say their findings are
// counted under, by code; "" for those of the announced one, which count as nothing.
func (l *Live) Words() map[string]score.Word { return l.now.Load().words }

// Unread are the books in force that this release cannot judge by: while there are
// some, what stood before is judged by.
func (l *Live) Unread() []Unread {
	if u := l.unread.Load(); u != nil {
		return *u
	}
	return nil
}

// Refresh reads which books stand, and compiles what is new. While a book in force
// does not compile, what stood before is judged by; the error, once, and Unread say
// why.
func (l *Live) Refresh(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	list, err := l.store.In(ctx, Active, Warning, Retired)
	if err != nil {
		return err
	}
	var before []house.Book
	for _, b := range slices.Backward(list) { // by id: the newest last
		if b.State == Retired && b.Day > 0 && len(before) < keptPast {
			before = append(before, b)
		}
	}
	list = slices.DeleteFunc(list, func(b house.Book) bool { return b.State == Retired })
	key := fmt.Sprint(len(before))
	for _, b := range append(slices.Clone(list), before...) {
		key += fmt.Sprint(" ", b.ID, b.State, b.Edition, b.Day)
	}
	if key == l.now.Load().key {
		l.refused = ""
		l.unread.Store(nil)
		return nil
	}
	if key == l.refused {
		return nil
	}
	var books []rulepack.Book
	for _, b := range append(list, before...) {
		e, err := l.store.Edition(ctx, b.ID, b.Edition)
		if err != nil {
			return err
		}
		state := b.State
		if state == Retired {
			state = past
		}
		books = append(books, rulepack.Book{ID: b.ID, State: state, Day: b.Day, Text: e.Text})
	}
	r := read(l.compiler, books)
	for _, u := range r.unread {
		l.logger.Error("a book of rules does not compile", "book", Name(u.ID), "state", u.State, "problems", len(u.Problems), "first", u.Problems[0].Error())
	}
	if live := r.live(); len(live) > 0 {
		l.unread.Store(&live)
		l.refused = key
		return live[0]
	}
	l.refused = ""
	l.unread.Store(nil)
	l.now.Store(&standing{key: key, pack: r.join(l.base), books: books, words: r.words()})
	return nil
}

// Join compiles books and joins them with a pack: at the hub, and at agents, which
// are told the books by it.
func Join(base *quality.Pack, compiler *rulebook.Compiler, books []rulepack.Book) (*quality.Pack, error) {
	r := read(compiler, books)
	if live := r.live(); len(live) > 0 {
		return nil, fmt.Errorf("rehearsal: %w", live[0])
	}
	return r.join(base), nil
}

// Words are what the rules of books say their findings are counted under, as
// Live.Words, for agents.
func Words(compiler *rulebook.Compiler, books []rulepack.Book) map[string]score.Word {
	return read(compiler, books).words()
}

// compiled is books as they stand beside each other.
type compiled struct {
	active, announced *Standing
	past              []*rulebook.Rule
	unread            []Unread
}

func read(compiler *rulebook.Compiler, books []rulepack.Book) *compiled {
	r := &compiled{}
	for _, b := range books {
		book, problems := compiler.Read([]byte(b.Text))
		if len(problems) > 0 {
			r.unread = append(r.unread, Unread{b.ID, b.State, problems})
		}
		switch b.State {
		case Active:
			r.active = &Standing{ID: b.ID, Book: book}
		case Warning:
			r.announced = &Standing{ID: b.ID, Book: book, Day: b.Day}
		case past:
			r.past = append(r.past, book.Rules()...) // those without a problem
		}
	}
	return r
}

// past is the state of books of before, as agents are told it.
const past = "past"

// live are the unread that are judged by.
func (r *compiled) live() []Unread {
	return slices.DeleteFunc(slices.Clone(r.unread), func(u Unread) bool { return u.State == past })
}

func (r *compiled) join(base *quality.Pack) *quality.Pack {
	return JoinBooks(base, r.active, r.announced, r.past...)
}

func (r *compiled) words() map[string]score.Word {
	words := map[string]score.Word{}
	for _, old := range slices.Backward(r.past) { // the newest is first
		if old.Word != "" {
			words[old.Code] = score.Word(old.Word)
		}
		words[old.Code+rulebook.Soon] = ""
	}
	if r.announced != nil {
		for _, x := range r.announced.Book.Rules() {
			words[x.Code+rulebook.Soon] = ""
		}
	}
	if r.active != nil {
		for _, x := range r.active.Book.Rules() {
			if x.Word != "" {
				words[x.Code] = score.Word(x.Word)
			} else {
				delete(words, x.Code)
			}
		}
	}
	return words
}
