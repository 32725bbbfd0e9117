package traits_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/identity"
	"lienthong/internal/store"
	"lienthong/internal/traits"
	"lienthong/internal/vault"
)

type (
	rest = store.Temporaries
	keys = store.Keys
)

// people have nothing to be found by until something is put.
type people struct {
	rest
	keys
	all  []store.PersonID // in order
	has  map[store.PersonID]int
	acts []store.Act
}

func (p *people) Featureless(_ context.Context, after store.PersonID, limit int) (without []store.PersonID, last store.PersonID, err error) {
	n := 0
	for _, x := range p.all {
		if bytes.Compare(x[:], after[:]) > 0 && n < limit {
			n++
			if last = x; p.has[x] == 0 {
				without = append(without, x)
			}
		}
	}
	if n < limit {
		last = store.PersonID{}
	}
	return without, last, nil
}

func (p *people) PutFeatures(_ context.Context, x store.PersonID, fs []identity.Feature) error {
	p.has[x] += len(fs)
	return nil
}

func (p *people) Act(_ context.Context, a store.Act) error {
	p.acts = append(p.acts, a)
	return nil
}

var errBroken = errors.New("broken")

// book tells of even persons, and breaks at one.
type book struct {
	breaks byte
	asked  map[store.PersonID]int
}

func (b *book) Told(_ context.Context, p store.PersonID) (*identity.Told, error) {
	if p[0] == b.breaks {
		return nil, errBroken
	}
	b.asked[p]++
	if p[0]%2 == 1 {
		return nil, nil
	}
	return &identity.Told{Phones: []string{"0909111222"}}, nil
}

func TestARunThatWasCutOffGoesOn(t *testing.T) {
	t.Parallel()
	key := bytes.Repeat([]byte{7}, vault.KeySize)
	v, err := vault.New(vault.Config{Master: key, Peppers: map[int][]byte{1: key}, Current: 1})
	if err != nil {
		t.Fatal(err)
	}
	p, b := &people{has: map[store.PersonID]int{}}, &book{breaks: 7, asked: map[store.PersonID]int{}}
	for i := range byte(10) {
		p.all = append(p.all, store.PersonID{i + 1})
	}
	f, err := traits.New(traits.Deps{Temporaries: p, Keys: p, Book: b, Vault: v, Clock: clock.NewFake(time.Unix(0, 0))})
	if err != nil {
		t.Fatal(err)
	}
	done, err := f.FillFeatures(t.Context(), "me", 4)
	if err != nil || done != (traits.Done{Filled: 2, Without: 2, More: true}) {
		t.Fatalf("%+v, %v", done, err)
	}
	if done, err = f.FillFeatures(t.Context(), "me", 100); !errors.Is(err, errBroken) || done.Filled != 1 {
		t.Fatalf("%+v, %v", done, err)
	}
	b.breaks = 0
	if done, err = f.FillFeatures(t.Context(), "me", 100); err != nil || done.Filled != 2 || done.More {
		t.Fatalf("%+v, %v", done, err)
	}
	for _, x := range p.all { // those without enough are not opened again either
		if p.has[x] != 1 || b.asked[x] != 1 {
			t.Errorf("%d has %d, opened %d times", x[0], p.has[x], b.asked[x])
		}
	}
	if len(p.acts) != 3 || p.acts[0].Actor != "me" || p.acts[0].Action != "person.features" {
		t.Errorf("%+v", p.acts)
	}
	if _, err := (traits.Closed{}).FillFeatures(t.Context(), "me", 1); !errors.Is(err, traits.ErrRunning) {
		t.Error(err)
	}
}
