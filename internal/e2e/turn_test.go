package e2e_test

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lienthong/internal/hub"
	"lienthong/internal/rekey"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// TestKeysTurnWhileTheHubWorks: the master key and the keys of months turn while
// facilities send and read. Nothing is refused meanwhile, everything is read
// afterwards, and by the new keys alone (TRUST R17).
func TestKeysTurnWhileTheHubWorks(t *testing.T) {
	t.Parallel()
	fresh := bytes.Repeat([]byte{7}, vault.KeySize)
	engines(t, func(t *testing.T, w *world) {
		var mu sync.Mutex
		kept := map[string][]byte{} // what was sent, by record
		send := func() {
			raw := ours(pairs().ec, envelope(newVisit()))
			a := w.one("79901", raw, fine)
			mu.Lock()
			defer mu.Unlock()
			kept[a.Record] = raw
		}
		for range 12 {
			send()
		}
		acts := w.hub.Administer()
		before, err := w.hub.Slices.Keys.Months(w.ctx)
		w.check(err)

		done := make(chan struct{})
		var senders sync.WaitGroup
		for range 2 {
			senders.Go(func() {
				for {
					select {
					case <-done:
						return
					default:
						send()
					}
				}
			})
		}
		turned, err := acts.TurnMaster(w.ctx, "operator")
		w.check(err)
		if turned.Months != len(before) || turned.Master == before[0].Master {
			t.Errorf("%+v of %d", turned, len(before))
		}
		if _, err := acts.TurnMaster(w.ctx, "operator"); err == nil || !bytes.Contains([]byte(err.Error()), []byte(rekey.ErrSame.Code)) {
			t.Errorf("turned twice: %v", err)
		}
		rows := 0
		for _, k := range before {
			if k.Class == "dictionary" {
				continue
			}
			for more := true; more; {
				step, err := acts.TurnMonth(w.ctx, "operator", k.Class, k.Month, 5)
				w.check(err)
				rows, more = rows+step.Rows, step.More
			}
		}
		if _, err := acts.TurnMonth(w.ctx, "operator", "dictionary", before[0].Month, 5); err == nil || !strings.Contains(err.Error(), rekey.ErrClass.Code) {
			t.Errorf("the key of dictionaries turned: %v", err)
		}
		close(done)
		senders.Wait()
		if months, err := w.hub.Slices.Keys.Months(w.ctx); err != nil || !slices.ContainsFunc(months, func(k store.MonthKey) bool { return k.Class != "dictionary" && k.Generation == 0 }) {
			t.Errorf("an old key is gone while something may be on its way, %v", err)
		}
		w.clock.Advance(rekey.Grace + time.Second)
		for _, k := range before {
			if k.Class == "dictionary" {
				continue
			}
			for more := true; more; {
				step, err := acts.TurnMonth(w.ctx, "operator", k.Class, k.Month, 50)
				w.check(err)
				rows, more = rows+step.Rows, step.More
			}
		}
		if rows < 12 { // record and file, of those sent before
			t.Errorf("%d data keys were moved", rows)
		}
		after, err := w.hub.Slices.Keys.Months(w.ctx)
		w.check(err)
		for _, k := range after {
			if k.Class != "dictionary" && k.Generation == 0 && slices.ContainsFunc(before, func(b store.MonthKey) bool { return b.Class == k.Class && b.Month == k.Month }) {
				t.Errorf("the old key of %s/%d is there", k.Class, k.Month)
			}
		}
		for record, raw := range kept {
			if status, got := w.get("79901", "/api/v1/records/"+record+"/original"); status != http.StatusOK || !bytes.Equal(got, raw) {
				t.Errorf("%s: HTTP %d after the turn", record, status)
			}
		}
		if n := w.acts("keys.turn_month"); n == 0 {
			t.Error("no act tells of the turn")
		}

		// The new keys alone open it; the old one opens nothing (control).
		for name, c := range map[string]struct {
			master []byte
			opens  bool
		}{"the new master key": {fresh, true}, "the old master key": {w.keys.Master, false}} {
			keys := w.keys
			keys.Master, keys.Retired = c.master, nil
			v := must(keys.Vault())
			err := v.Load(after)
			if (err == nil) != c.opens {
				t.Errorf("%s alone: %v", name, err)
			}
		}
		w.keys.Master, w.keys.Retired = fresh, nil
		w.audited()
	}, func(c *hub.Config) {
		master := c.Keys.Master
		c.Masters = func() ([][]byte, error) { return [][]byte{master, fresh}, nil }
	})
}
