package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"lienthong/internal/quality"
	"lienthong/internal/rulebook"
	"lienthong/internal/rulepack"
	"lienthong/internal/store/house"
)

// Live is the pack that is judged by: what is built in, joined with the books in
// force. It follows the store, so that all hubs of one database judge alike within
// a second or two; a file under work ends by the pack it began with.
type Live struct {
	base     *quality.Pack
	compiler *rulebook.Compiler
	store    house.Rules
	mu       sync.Mutex // of Refresh
	now      atomic.Pointer[standing]
}

type standing struct {
	key   string // what stood in the store
	pack  *quality.Pack
	books []rulepack.Book
}

// keptPast is how many books of before keep their sentences in the pack.
const keptPast = 5

// NewLive returns the pack without any book; call Refresh.
func NewLive(base *quality.Pack, compiler *rulebook.Compiler, s house.Rules) *Live {
	l := &Live{base: base, compiler: compiler, store: s}
	l.now.Store(&standing{pack: base})
	return l
}

// Pack is what is judged by at this moment.
func (l *Live) Pack() *quality.Pack { return l.now.Load().pack }

// Books are the books of that pack, for agents.
func (l *Live) Books() []rulepack.Book { return l.now.Load().books }

// Refresh reads which books stand, and compiles what is new. While a book cannot be
// read, what stood before is judged by, and the error says why.
func (l *Live) Refresh(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	list, err := l.store.In(ctx, Active, Warning, Retired)
	if err != nil {
		return err
	}
	var past []house.Book
	for _, b := range slices.Backward(list) { // by id: the newest last
		if b.State == Retired && b.Day > 0 && len(past) < keptPast {
			past = append(past, b)
		}
	}
	list = slices.DeleteFunc(list, func(b house.Book) bool { return b.State == Retired })
	key := fmt.Sprint(len(past))
	for _, b := range append(slices.Clone(list), past...) {
		key += fmt.Sprint(" ", b.ID, b.State, b.Edition, b.Day)
	}
	if key == l.now.Load().key {
		return nil
	}
	var books []rulepack.Book
	for _, b := range append(list, past...) {
		e, err := l.store.Edition(ctx, b.ID, b.Edition)
		if err != nil {
			return err
		}
		state := b.State
		if state == Retired {
			state = "past"
		}
		books = append(books, rulepack.Book{ID: b.ID, State: state, Day: b.Day, Text: e.Text})
	}
	pack, err := Join(l.base, l.compiler, books)
	if err != nil {
		return err
	}
	l.now.Store(&standing{key: key, pack: pack, books: books})
	return nil
}

// Join compiles books and joins them with a pack: at the hub, and at agents, which
// are told the books by it.
func Join(base *quality.Pack, compiler *rulebook.Compiler, books []rulepack.Book) (*quality.Pack, error) {
	var active, announced *Standing
	var past []*rulebook.Rule
	for _, b := range books {
		book, problems := compiler.Read([]byte(b.Text))
		if len(problems) > 0 && b.State != "past" {
			return nil, fmt.Errorf("rehearsal: %s: %w", Name(b.ID), errors.Join(ErrProblems, problems[0]))
		}
		switch b.State {
		case Active:
			active = &Standing{ID: b.ID, Book: book}
		case Warning:
			announced = &Standing{ID: b.ID, Book: book, Day: b.Day}
		case "past":
			past = append(past, book.Rules()...)
		}
	}
	return JoinBooks(base, active, announced, past...), nil
}
