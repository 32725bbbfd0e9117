// Package traits gives people who were linked before it was kept what they are
// looked for by in an emergency without a name: keyed hashes of phone, name, birth
// and commune. Intake writes them when it links somebody; of people linked earlier
// the newest record is opened once more, which package disclose writes down with a
// basis of its own.
package traits

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/identity"
	"lienthong/internal/kind"
	"lienthong/internal/ledger"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// ErrRunning (traits.running): only a running hub opens records.
var ErrRunning = fault.New(fault.Conflict, "traits.running",
	"Chỉ hub đang chạy mới mở hồ sơ để lấy đặc trưng tìm kiếm. Khởi động hub rồi chạy lại.", "Only a running hub opens records for what people are looked for by. Start the hub and run this again.")

// Book tells who people are; *disclose.Discloser is one.
type Book interface {
	Told(ctx context.Context, person store.PersonID) (*identity.Told, error)
}

// Deps is what a filler works with.
type Deps struct {
	Temporaries store.Temporaries
	Keys        store.Keys // takes the act
	Book        Book
	Vault       *vault.Vault
	Clock       clock.Clock
}

// Filler fills.
type Filler struct{ Deps }

// New returns one.
func New(d Deps) (*Filler, error) {
	if d.Temporaries == nil || d.Keys == nil || d.Book == nil || d.Vault == nil || d.Clock == nil {
		return nil, errors.New("traits: a part is missing")
	}
	return &Filler{d}, nil
}

// Done is what a run did.
type Done struct {
	Filled  int  `json:"filled"`
	Without int  `json:"without"` // of whom no record says enough
	More    bool `json:"more"`    // there may be more: run again
}

// page is how many persons are gone through between two questions.
const page = 500

// FillFeatures opens the newest record of at most limit persons who have nothing to
// be found by, and keeps what it says as keyed hashes. Whoever has some is passed
// over, so a run that was cut off is begun again and goes on; so is whose records
// were opened once and do not say enough: what comes later brings its own. An act says who ran
// it and how many there were.
func (f *Filler) FillFeatures(ctx context.Context, actor string, limit int) (Done, error) {
	var done Done
	var after store.PersonID
	var failed error
	for !done.More && failed == nil {
		list, last, err := f.Temporaries.Featureless(ctx, after, page)
		if err != nil {
			failed = err
			break
		}
		for i, p := range list {
			if done.Filled+done.Without >= limit {
				done.More = true
				break
			}
			if failed = f.fill(ctx, p, &done); failed != nil {
				done.More = i < len(list)
				break
			}
		}
		if after = last; last == (store.PersonID{}) {
			break
		}
	}
	if done.Filled+done.Without > 0 {
		a := store.Act{At: f.Clock.Now(), Actor: actor, Action: "person.features", Object: "people", Detail: `{"filled":` + strconv.Itoa(done.Filled) + `,"without":` + strconv.Itoa(done.Without) + `}`}
		a.Leaf = ledger.StatementLeaf(ledger.LeafAdmin, a.Statement())
		failed = errors.Join(failed, f.Keys.Act(context.WithoutCancel(ctx), a))
	}
	if failed != nil {
		return done, fmt.Errorf("traits: %w", failed)
	}
	return done, nil
}

func (f *Filler) fill(ctx context.Context, p store.PersonID, done *Done) error {
	told, err := f.Book.Told(ctx, p)
	if err != nil {
		return err
	}
	var features []identity.Feature
	if told != nil {
		features = kind.Features(f.Vault, told.Traits())
	}
	if len(features) == 0 {
		done.Without++
		return f.Temporaries.PutFeatures(ctx, p, []identity.Feature{identity.NoFeature(identity.Person(p))})
	}
	done.Filled++
	return f.Temporaries.PutFeatures(ctx, p, features)
}

// Closed stands for the filler of a hub that does not run.
type Closed struct{}

// FillFeatures is ErrRunning.
func (Closed) FillFeatures(context.Context, string, int) (Done, error) { return Done{}, ErrRunning }
