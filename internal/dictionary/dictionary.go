// Package dictionary keeps a store's own compression dictionaries: it trains
// them on bodies of the store, keeps them sealed among the hub's facts, and
// tells the codec of them. How bodies are compressed is package body's matter.
//
// A dictionary is made of phrases of many patients' bodies (body.Train) and is
// sealed like a body. It can never be thrown away while a body made with it is
// kept, so it has a retention class of its own that nothing erases.
package dictionary

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"

	"lienthong/internal/body"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// ErrKept: what is kept as a dictionary is none.
var ErrKept = fault.New(fault.Broken, "dictionary.damaged",
	"Từ điển nén lưu trong kho bị hỏng. Báo cho trực vận hành.",
	"A compression dictionary kept in the store is damaged. Tell the operator on duty.")

const (
	class  = "dictionary" // retention class: never erased
	format = 1
	// delay is how long a new dictionary is only known before it is used: every
	// hub on the store looks for new ones every few seconds.
	delay = time.Minute
	first = body.BuiltinID + 1
)

// Keys is what the shelf needs of store.Keys.
type Keys interface {
	Months(ctx context.Context) ([]store.MonthKey, error)
	PutMonth(ctx context.Context, key store.MonthKey) (store.MonthKey, error)
	Fact(ctx context.Context, name string) ([]byte, error)
	PutFact(ctx context.Context, name string, value []byte) ([]byte, error)
}

// Shelf is where a store's dictionaries stand. It is for one goroutine.
type Shelf struct {
	keys  Keys
	vault *vault.Vault
	codec *body.Codec
	clock clock.Clock

	next uint32      // the first id not yet found
	from []time.Time // since when those found may be used
}

// NewShelf returns the shelf of a store; Load brings its dictionaries.
func NewShelf(keys Keys, v *vault.Vault, codec *body.Codec, c clock.Clock) *Shelf {
	return &Shelf{keys: keys, vault: v, codec: codec, clock: c, next: first}
}

// Load tells the codec of every dictionary it does not know yet, and to use the
// newest whose time has come. With nothing new it asks the store for one fact.
// Faults: dictionary.damaged, vault.key_missing, vault.opened_wrong.
func (s *Shelf) Load(ctx context.Context) error {
	for {
		value, err := s.keys.Fact(ctx, factName(s.next))
		if errors.Is(err, store.ErrAbsent) {
			break
		}
		if err != nil {
			return err
		}
		if err := s.learn(ctx, value); err != nil {
			return err
		}
		s.next++
	}
	now := s.clock.Now()
	for i := len(s.from) - 1; i >= 0; i-- {
		if !now.Before(s.from[i]) {
			return s.codec.Use(first + uint32(i))
		}
	}
	return nil
}

func (s *Shelf) learn(ctx context.Context, value []byte) error {
	months, err := s.keys.Months(ctx)
	if err != nil {
		return err
	}
	if err := s.vault.Load(months); err != nil {
		return err
	}
	from, wrapped, sealed, err := parse(value)
	if err != nil {
		return err
	}
	content, err := s.vault.Open(nameOf(s.next, from), wrapped, 0, sealed)
	if err != nil {
		return err
	}
	if err := s.codec.Learn(body.Dictionary{ID: s.next, Content: content}); err != nil {
		return err
	}
	s.from = append(s.from, from)
	return nil
}

// Put keeps a new dictionary under the next free id, which it returns with the
// moment from which hubs use it.
func (s *Shelf) Put(ctx context.Context, content []byte) (id uint32, from time.Time, err error) {
	if err := s.Load(ctx); err != nil {
		return 0, from, err
	}
	now := s.clock.Now().UTC().Truncate(time.Microsecond)
	from = now.Add(delay)
	month := clock.Day(now) / 100
	if err := s.ensure(ctx, month); err != nil {
		return 0, from, err
	}
	for {
		value, err := s.seal(s.next, from, month, content)
		if err != nil {
			return 0, from, err
		}
		kept, err := s.keys.PutFact(ctx, factName(s.next), value)
		if err != nil {
			return 0, from, err
		}
		id := s.next
		if err := s.Load(ctx); err != nil {
			return 0, from, err
		}
		if string(kept) == string(value) {
			return id, from, nil
		} // else another process was faster with this id
	}
}

func (s *Shelf) ensure(ctx context.Context, month int) error {
	if s.vault.Have(class, month) {
		return nil
	}
	key, err := s.vault.NewMonthKey(class, month)
	if err != nil {
		return err
	}
	kept, err := s.keys.PutMonth(ctx, key)
	if err != nil {
		return err
	}
	return s.vault.Load([]store.MonthKey{kept})
}

func factName(id uint32) string { return "dictionary." + strconv.FormatUint(uint64(id), 10) }

// nameOf is what a sealed dictionary is bound to.
func nameOf(id uint32, from time.Time) []byte {
	return fmt.Appendf(nil, "dictionary/%d/%d", id, from.UnixMicro())
}

// seal makes a fact: format, moment in microseconds (8 bytes), length of the
// wrapped key (uvarint), the key, the sealed content.
func (s *Shelf) seal(id uint32, from time.Time, month int, content []byte) ([]byte, error) {
	sealed, err := s.vault.Seal(class, month, nameOf(id, from), content)
	if err != nil {
		return nil, err
	}
	out := binary.BigEndian.AppendUint64([]byte{format}, uint64(from.UnixMicro()))
	out = binary.AppendUvarint(out, uint64(len(sealed.Wrapped)))
	return append(append(out, sealed.Wrapped...), sealed.Parts[0]...), nil
}

func parse(value []byte) (from time.Time, wrapped, sealed []byte, err error) {
	if len(value) < 9 || value[0] != format {
		return from, nil, nil, ErrKept.Because(errors.New("unknown format"))
	}
	from = time.UnixMicro(int64(binary.BigEndian.Uint64(value[1:]))).UTC()
	n, used := binary.Uvarint(value[9:])
	rest := value[9+max(used, 0):]
	if used <= 0 || n > uint64(len(rest)) {
		return from, nil, nil, ErrKept.Because(errors.New("cut short"))
	}
	return from, rest[:n], rest[n:], nil
}
