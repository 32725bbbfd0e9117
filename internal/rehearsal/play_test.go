package rehearsal_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/ledger"
	"lienthong/internal/rehearsal"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// stand is a store with one rehearsal over one log of records.
type stand struct {
	house.Rules
	store.Records
	text    string
	row     house.Rehearsal
	records int
}

func (s *stand) Lease(_ context.Context, holder string, _, until time.Time) (house.Rehearsal, error) {
	if s.row.State != house.Running {
		return house.Rehearsal{}, store.ErrAbsent
	}
	s.row.Holder, s.row.Until = holder, until
	return s.row, nil
}

func (s *stand) Came(_ context.Context, _ int, _, found string, until time.Time) error {
	s.row.Found, s.row.Until = found, until
	return nil
}

func (s *stand) End(_ context.Context, r house.Rehearsal, _, _ string) error {
	s.row = r
	return nil
}

func (s *stand) In(context.Context, ...string) ([]house.Book, error) { return nil, nil }

func (s *stand) Edition(_ context.Context, id, n int) (house.Edition, error) {
	return house.Edition{Book: id, Edition: n, Text: s.text}, nil
}

func (s *stand) Logs(context.Context) ([]int, error) { return []int{0}, nil }

func (s *stand) Head(context.Context, int) (store.Head, error) {
	return store.Head{Head: ledger.Head{Size: uint64(s.records)}}, nil
}

func (s *stand) List(context.Context, role.Scope, store.Filter) ([]store.Record, bool, error) {
	return nil, false, nil
}

func (s *stand) Walk(_ context.Context, _ int, from uint64, fn func(*store.Record, []byte) error) error {
	for i := from; i < uint64(s.records); i++ {
		r := &store.Record{Kind: "qd4750", Received: now.Add(-time.Hour)}
		r.ID = dossier.ID{Facility: care.FacilityCode(fmt.Sprint(79901 + i%2)), Serial: [16]byte{byte(i >> 8), byte(i)}}
		r.Place.Index, r.Verdict.State = i, dossier.Accepted
		r.File[0], r.File[1] = byte(i>>8), byte(i)
		if err := fn(r, nil); err != nil {
			return err
		}
	}
	return nil
}

var now = time.Date(2026, 7, 14, 3, 0, 0, 0, time.UTC)

// rehearse goes through 1,200 records of which every third breaks the rule and every
// hundredth cannot be read, and is cut off where the cut-th of them is opened.
func rehearse(t *testing.T, cut int64) rehearsal.Found {
	t.Helper()
	text, err := os.ReadFile("../rulebook/testdata/good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	found, err := json.Marshal(rehearsal.Found{Window: 30, To: now, From: now.AddDate(0, 0, -30)})
	if err != nil {
		t.Fatal(err)
	}
	s := &stand{text: string(text), records: 1200, row: house.Rehearsal{ID: 1, Book: 1, Edition: 1, State: house.Running, Found: string(found)}}
	ctx, end := context.WithCancel(t.Context())
	defer end()
	var opened atomic.Int64
	stage := &rehearsal.Stage{Desk: rehearsal.NewDesk(s, compiler(), clock.NewFake(now)), Store: s, Records: s, Logs: s, Holder: "a", Workers: 2, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Open: func(_ context.Context, _ string, _ int, items []rehearsal.Item) (rehearsal.Read, error) {
			return func(ctx context.Context, i int) (dossier.Fields, error) {
				if opened.Add(1) == cut {
					end()
				}
				if err := ctx.Err(); err != nil {
					return nil, err
				}
				switch at := items[i].Record.Place.Index; {
				case at%100 == 99:
					return nil, errors.New("not to be read")
				case at%3 == 0:
					return content("9999"), nil
				}
				return content("30"), nil
			}, nil
		}}
	if err := stage.Round(ctx); err != nil {
		t.Fatal(err)
	}
	if cut > 0 {
		var kept rehearsal.Found
		if err := json.Unmarshal([]byte(s.row.Found), &kept); err != nil || s.row.State != house.Running || kept.Seen != 500 || kept.Next[0] != 500 || kept.Judged+kept.Unread != 500 {
			t.Errorf("cut off in the second page: %v, %s, %+v", err, s.row.State, kept)
		}
		if err := stage.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	var f rehearsal.Found
	if err := json.Unmarshal([]byte(s.row.Found), &f); err != nil || s.row.State != house.Done {
		t.Fatalf("%v, %s", err, s.row.State)
	}
	return f
}

// A rehearsal that is cut off within a page and goes on finds what one that is not does.
func TestARehearsalCutOffCountsNothingTwice(t *testing.T) {
	t.Parallel()
	whole, cut := rehearse(t, 0), rehearse(t, 700)
	if whole.Seen != 1200 || whole.Unread != 12 || whole.Judged != 1188 || whole.Of["79901"]+whole.Of["79902"] != 1188 || len(whole.Rules) == 0 {
		t.Fatalf("%+v", whole)
	}
	most := whole.Rules[0]
	if most.New == 0 || len(most.Samples) != 20 || int64(most.Fails["79901"]+most.Fails["79902"]) != most.New {
		t.Fatalf("%+v", most)
	}
	// which of those found are named as samples is the workers' luck
	if diff := cmp.Diff(whole, cut, cmpopts.IgnoreFields(rehearsal.Found{}, "Took"), cmpopts.IgnoreFields(rehearsal.RuleFound{}, "Samples")); diff != "" {
		t.Error(diff)
	}
}
