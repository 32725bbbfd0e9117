package dictionary_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"lienthong/internal/body"
	"lienthong/internal/clock"
	"lienthong/internal/dictionary"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// keys is a store's keys in memory.
type keys struct {
	months []store.MonthKey
	facts  map[string][]byte
	asked  int
	races  []byte // what another process puts first
}

func (k *keys) Months(context.Context) ([]store.MonthKey, error) { return k.months, nil }

func (k *keys) PutMonth(_ context.Context, m store.MonthKey) (store.MonthKey, error) {
	for _, kept := range k.months {
		if kept.Class == m.Class && kept.Month == m.Month {
			return kept, nil
		}
	}
	k.months = append(k.months, m)
	return m, nil
}

func (k *keys) Fact(_ context.Context, name string) ([]byte, error) {
	k.asked++
	if v, ok := k.facts[name]; ok {
		return v, nil
	}
	return nil, store.ErrAbsent
}

func (k *keys) PutFact(_ context.Context, name string, value []byte) ([]byte, error) {
	if k.races != nil {
		k.facts[name], k.races = k.races, nil
	}
	if v, ok := k.facts[name]; ok {
		return v, nil
	}
	k.facts[name] = value
	return value, nil
}

var now = time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)

func setup(t testing.TB) (*keys, *clock.Fake) {
	t.Helper()
	return &keys{facts: map[string][]byte{}}, clock.NewFake(now)
}

// hub is a process on the store: its own vault and codec.
func hub(t testing.TB, k *keys, c clock.Clock) (*dictionary.Shelf, *body.Codec) {
	t.Helper()
	v, err := vault.New(vault.Config{Master: bytes.Repeat([]byte{1}, 32), Peppers: map[int][]byte{1: bytes.Repeat([]byte{2}, 32)}, Current: 1})
	if err != nil {
		t.Fatal(err)
	}
	codec, err := body.NewCodec()
	if err != nil {
		t.Fatal(err)
	}
	return dictionary.NewShelf(k, v, codec, c), codec
}

func TestEveryHubKnowsADictionaryBeforeAnyUsesIt(t *testing.T) {
	t.Parallel()
	k, c := setup(t)
	one, codecOne := hub(t, k, c)
	two, codecTwo := hub(t, k, c)
	content := bytes.Repeat([]byte("<CHUAN_DOAN>viêm họng cấp</CHUAN_DOAN>"), 9)
	id, from, err := one.Put(t.Context(), content)
	if err != nil || id != 2 || !from.Equal(now.Add(time.Minute)) {
		t.Fatalf("%d from %v: %v", id, from, err)
	}
	if err := two.Load(t.Context()); err != nil || !codecTwo.Knows(2) || codecTwo.Using() != 1 || codecOne.Using() != 1 {
		t.Fatalf("%v", err)
	}
	if bytes.Contains(k.facts["dictionary.2"], content[:20]) {
		t.Error("kept in the clear")
	}
	c.Advance(time.Minute)
	if err := errors.Join(one.Load(t.Context()), two.Load(t.Context())); err != nil || codecOne.Using() != 2 || codecTwo.Using() != 2 {
		t.Errorf("used %d, %d: %v", codecOne.Using(), codecTwo.Using(), err)
	}
	k.asked = 0
	if err := two.Load(t.Context()); err != nil || k.asked != 1 {
		t.Errorf("%d facts asked with nothing new, %v", k.asked, err)
	}
}

func TestTwoTrainedAtOnceAreBothKept(t *testing.T) {
	t.Parallel()
	k, c := setup(t)
	other, _ := hub(t, k, c)
	content := bytes.Repeat([]byte("<A>an</A>"), 9)
	if _, _, err := other.Put(t.Context(), content); err != nil {
		t.Fatal(err)
	}
	k.races = slices.Clone(k.facts["dictionary.2"])
	delete(k.facts, "dictionary.2")
	mine, codec := hub(t, k, c)
	id, _, err := mine.Put(t.Context(), append(content, "more"...))
	if err != nil || id != 3 || !codec.Knows(2) || !codec.Knows(3) {
		t.Errorf("%d: %v", id, err)
	}
}

func TestDamagedDictionariesAreToldOf(t *testing.T) {
	t.Parallel()
	k, c := setup(t)
	s, _ := hub(t, k, c)
	if _, _, err := s.Put(t.Context(), bytes.Repeat([]byte("<A>an</A>"), 9)); err != nil {
		t.Fatal(err)
	}
	whole := k.facts["dictionary.2"]
	for at := range whole {
		k.facts["dictionary.2"] = slices.Clone(whole)
		k.facts["dictionary.2"][at] ^= 0x40
		again, codec := hub(t, k, c)
		if err := again.Load(t.Context()); err == nil || codec.Knows(2) {
			t.Fatalf("byte %d changed: %v", at, err)
		}
	}
	k.facts["dictionary.3"] = whole // under another id
	k.facts["dictionary.2"] = whole
	again, codec := hub(t, k, c)
	if err := again.Load(t.Context()); !errors.Is(err, vault.ErrOpenedWrong) || !codec.Knows(2) || codec.Knows(3) {
		t.Errorf("moved: %v", err)
	}
}

func FuzzKeptDictionary(f *testing.F) {
	k, c := setup(f)
	s, _ := hub(f, k, c)
	if _, _, err := s.Put(f.Context(), bytes.Repeat([]byte("<A>an</A>"), 9)); err != nil {
		f.Fatal(err)
	}
	whole := k.facts["dictionary.2"]
	f.Add(whole[:20])
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, fact []byte) {
		if bytes.Equal(fact, whole) {
			return
		}
		again, _ := hub(t, &keys{months: k.months, facts: map[string][]byte{"dictionary.2": fact}}, c)
		err := again.Load(t.Context())
		if !errors.Is(err, dictionary.ErrKept) && !errors.Is(err, vault.ErrOpenedWrong) && !errors.Is(err, vault.ErrKeyMissing) {
			t.Fatalf("%v", err)
		}
	})
}
