package group_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"lienthong/internal/care"
	"lienthong/internal/intake/group"
	"lienthong/internal/store"
)

// recorder is a store that keeps the groups it was given.
type recorder struct {
	mu     sync.Mutex
	groups [][]int
	fail   func(group []store.Prepared) error
	hold   chan struct{}
}

func (r *recorder) commit(_ context.Context, _ store.Lane, group []store.Prepared) ([]store.Outcome, error) {
	if r.hold != nil {
		<-r.hold
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	ids := make([]int, len(group))
	out := make([]store.Outcome, len(group))
	for i, p := range group {
		ids[i] = p.Index
		out[i] = store.Outcome{Status: store.StatusStored, Place: store.LeafPlace{Index: uint64(p.Index)}}
	}
	r.groups = append(r.groups, ids)
	if r.fail != nil {
		if err := r.fail(group); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func members(from, n int) []store.Prepared {
	list := make([]store.Prepared, n)
	for i := range list {
		list[i].Index = from + i
	}
	return list
}

func TestEachCallerGetsItsOwnOutcomes(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	g := group.New(1, nil, r.commit)
	var wg sync.WaitGroup
	for c := range 50 {
		wg.Go(func() {
			n := 1 + c*7%150
			outcomes, errs := g.Submit(store.Routine, members(c*1000, n))
			for i := range outcomes {
				if errs[i] != nil || outcomes[i].Place.Index != uint64(c*1000+i) {
					t.Errorf("caller %d member %d: %v %v", c, i, outcomes[i], errs[i])
				}
			}
		})
	}
	wg.Wait()
	for _, g := range r.groups {
		if len(g) > group.Limit {
			t.Errorf("a group of %d", len(g))
		}
	}
}

func TestAGroupGathersWhileAnotherCommits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{hold: make(chan struct{})}
		g := group.New(1, nil, r.commit)
		var wg sync.WaitGroup
		for i := range 10 {
			wg.Go(func() { g.Submit(store.Backlog, members(i, 1)) })
			synctest.Wait()
		}
		wg.Go(func() { g.Submit(store.Urgent, members(100, 1)) })
		synctest.Wait()
		close(r.hold)
		wg.Wait()
		if len(r.groups) != 2 || len(r.groups[0]) != 1 || len(r.groups[1]) != 10 || r.groups[1][0] != 100 {
			t.Errorf("groups %v: want one alone, then the urgent one with all others behind it", r.groups)
		}
	})
}

func TestABadMemberDoesNotFailItsNeighbours(t *testing.T) {
	t.Parallel()
	bad := errors.New("bad data")
	r := &recorder{}
	r.fail = func(group []store.Prepared) error {
		for _, p := range group {
			if p.Index == 3 {
				return bad
			}
		}
		return nil
	}
	g := group.New(1, nil, r.commit)
	_, errs := g.Submit(store.Routine, members(0, 6))
	for i, err := range errs {
		if (i == 3) != errors.Is(err, bad) {
			t.Errorf("member %d: %v", i, err)
		}
	}
}

func TestCloseCommitsWhatWasTakenAndRefusesTheRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{hold: make(chan struct{})}
		g := group.New(1, nil, r.commit)
		taken := make(chan []error, 1)
		go func() {
			_, errs := g.Submit(store.Routine, members(0, 1))
			taken <- errs
		}()
		synctest.Wait()
		closed := make(chan struct{})
		go func() { g.Close(); close(closed) }()
		synctest.Wait()
		if _, errs := g.Submit(store.Routine, members(1, 1)); !errors.Is(errs[0], store.ErrStopping) {
			t.Errorf("after close: %v", errs[0])
		}
		select {
		case <-closed:
			t.Error("closed before what was taken is committed")
		default:
		}
		close(r.hold)
		<-closed
		if errs := <-taken; errs[0] != nil {
			t.Error(errs[0])
		}
		g.Close() // a second time
	})
}

func TestSeveralGroupsAtOnceWhereTheEngineWants(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		now, most := 0, 0
		hold := make(chan struct{})
		g := group.New(2, nil, func(_ context.Context, _ store.Lane, group []store.Prepared) ([]store.Outcome, error) {
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			<-hold
			mu.Lock()
			now--
			mu.Unlock()
			out := make([]store.Outcome, len(group))
			for i, p := range group {
				out[i] = store.Outcome{Status: store.StatusStored, Place: store.LeafPlace{Index: uint64(p.Index)}}
			}
			return out, nil
		})
		var wg sync.WaitGroup
		for c := range 20 {
			wg.Go(func() {
				outcomes, errs := g.Submit(store.Routine, members(c*1000, 40))
				for i := range outcomes {
					if errs[i] != nil || outcomes[i].Place.Index != uint64(c*1000+i) {
						t.Errorf("caller %d member %d: %v %v", c, i, outcomes[i], errs[i])
					}
				}
			})
		}
		synctest.Wait()
		close(hold)
		wg.Wait()
		g.Close()
		if most != 2 {
			t.Errorf("%d groups at once", most)
		}
	})
}

func TestAFloodIsCommittedInSmallGroupsBesideOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{hold: make(chan struct{})}
		g := group.New(1, nil, r.commit)
		of := func(code string, from, n int) []store.Prepared {
			list := members(from, n)
			for i := range list {
				list[i].File = &store.File{Facility: care.FacilityCode(code)}
			}
			return list
		}
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() { g.Submit(store.Routine, of("79901", 100*i, 64)) })
			synctest.Wait()
		}
		wg.Go(func() { g.Submit(store.Routine, of("24604", 1000, 1)) })
		synctest.Wait()
		close(r.hold)
		wg.Wait()
		if len(r.groups[0]) != 64 || r.groups[1][0] != 1000 && r.groups[1][len(r.groups[1])-1] != 1000 {
			t.Errorf("groups %v: the other facility is not in the next one", r.groups)
		}
		for _, group := range r.groups[2:] {
			if len(group) > 16 {
				t.Errorf("a group of %d of a flood", len(group))
			}
		}
	})
}
