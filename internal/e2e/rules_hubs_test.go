package e2e_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"lienthong/internal/alarm"
	"lienthong/internal/clock"
	"lienthong/internal/hub"
	"lienthong/internal/intake"
	"lienthong/internal/rehearsal"
	"lienthong/internal/role"
	"lienthong/internal/score"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
	"lienthong/internal/store/postgres"
	"lienthong/internal/store/postgres/pgtest"
)

// twoHubs are a world and a sister hub on one database.
func twoHubs(t *testing.T) (*world, *hub.Hub) {
	t.Helper()
	url := pgtest.Copy(t, postgres.Migrate)
	open := func(owner string) func(clock.Clock) hub.OpenStore {
		return func(c clock.Clock) hub.OpenStore {
			return func(ctx context.Context, log store.OpenLog) (*store.Slices, error) {
				return postgres.Open(ctx, url, postgres.Config{Clock: c, OpenLog: log, HubName: hubName, Owner: owner})
			}
		}
	}
	w := newWorld(t, open("first"))
	sister, err := hub.Start(w.ctx, hub.Config{Name: hubName, Keys: w.keys, Clock: w.clock, Open: open("sister")(w.clock)})
	w.check(err)
	t.Cleanup(func() {
		if err := sister.Close(); err != nil {
			t.Errorf("closing the sister: %v", err)
		}
	})
	return w, sister
}

// finds lists what a hub finds in a file about the quantity.
func (w *world) finds(h *hub.Hub, file []byte) []string {
	w.t.Helper()
	c := &intake.Checker{Kinds: h.Kinds, Seals: h.Intake.Seals, Rules: h.Rules, Scores: h.Grades.Judge, Trust: h.Trust.Current()}
	checked := must(c.Check(w.ctx, intake.File{Bytes: file}, w.clock.Now()))
	var codes []string
	for _, f := range checked.Results[0].Findings {
		if strings.HasPrefix(f.Code, "XML2.SO_LUONG.high") {
			codes = append(codes, f.Code)
		}
	}
	return codes
}

// Two hubs of one database judge alike within seconds of a step that either took; a
// book that neither can read changes nothing of how they judge, and both tell of it.
func TestTwoHubsJudgeByTheNewBook(t *testing.T) {
	t.Parallel()
	w, sister := twoHubs(t)
	hubs := []*hub.Hub{w.hub, sister}
	both := func(want string, codes ...string) {
		t.Helper()
		w.until(want, func() bool {
			return !slices.ContainsFunc(hubs, func(h *hub.Hub) bool { return h.Rules().String() != want })
		})
		for i, h := range hubs {
			if got := w.finds(h, tooMany()); !slices.Equal(got, codes) {
				t.Errorf("hub %d by %s finds %v, want %v", i, want, got, codes)
			}
		}
	}
	base := w.hub.Rules().String()
	id := must(w.hub.Rulebook.Draw(w.ctx, "unit:kcb/An", strings.Replace(bookOf("high", many, "30", "9000"), "word: correct", "word: clean", 1)))
	w.send("79901", tooMany())
	w.rehearsed(id)
	w.check(sister.Rulebook.Announce(w.ctx, "ministry/Bình", id, clock.Day(w.clock.Now().AddDate(0, 0, 10)), "số lượng gõ nhầm"))
	both(fmt.Sprintf("%s~r%d", base, id), "XML2.SO_LUONG.high.soon")
	w.check(sister.Rulebook.Activate(w.ctx, "ministry/Cường", id, "hết thời gian thông báo", true))
	active := fmt.Sprintf("%s+r%d", base, id)
	both(active, "XML2.SO_LUONG.high")

	// a release that takes more than this one wrote a book into the same database
	act := func() store.Act {
		return store.Act{At: w.clock.Now(), Actor: "ministry/Bình", Action: "rules.test", Object: "r2"}
	}
	rules := sister.Slices.House.Rules
	w.check(rules.Draw(w.ctx, house.Book{ID: 2, State: rehearsal.Rehearsed, Edition: 1, Created: w.clock.Now(), Moved: w.clock.Now()}, bookOf("high", "of_tomorrow(row.SO_LUONG)", "30", "9000"), act()))
	w.check(rules.Move(w.ctx, house.Move{Book: 2, Edition: 1, From: rehearsal.Rehearsed, To: rehearsal.Warning, Day: 20991201, At: w.clock.Now()}, act()))
	for i, h := range hubs {
		w.until("told of", func() bool {
			w.check(h.Alarms.Round(w.ctx))
			return slices.ContainsFunc(must(h.Alarms.Open(w.ctx)), func(a alarm.Alarm) bool { return a.Kind == alarm.Rules && a.Object == "r2" })
		})
		if got := h.Rules().String(); got != active {
			t.Errorf("hub %d judges by %s", i, got)
		}
	}
	page := w.sits("ministry").ask("GET", "/rulebook", nil).Body.String()
	if !strings.Contains(page, "rulebook.expression") || !strings.Contains(page, "xét bằng bộ trước") || !strings.Contains(page, active) {
		t.Errorf("the page does not say that r2 is not judged by:\n%s", page)
	}
	if board := w.sits("ministry").ask("GET", "/overview", nil).Body.String(); !strings.Contains(board, "Quy tắc không đọc được") {
		t.Error("the board does not say that r2 is not judged by")
	}
	w.check(w.hub.Rulebook.Retire(w.ctx, "ministry/Bình", 2, "bộ này không đọc được"))
	w.until("closed", func() bool {
		w.check(w.hub.Alarms.Round(w.ctx))
		return !slices.ContainsFunc(must(w.hub.Alarms.Open(w.ctx)), func(a alarm.Alarm) bool { return a.Kind == alarm.Rules })
	})
	both(active, "XML2.SO_LUONG.high")
}

// The word that a rule names is the word it is counted under; while it is only
// announced it counts as nothing.
func TestARuleCountsUnderItsWord(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		passed := func(word score.Word) score.Ratio {
			t.Helper()
			var sum score.Ratio
			for _, l := range must(w.hub.Grades.Checks(w.ctx, role.Scope{All: true}, house.ScoreQuery{Subject: "qd4750"}, "")) {
				if l.Check.Word == word && l.Check.Table == "XML2" {
					sum = sum.Plus(l.Ratio)
				}
			}
			return sum
		}
		failed := func(r score.Ratio) uint64 { return uint64(r.Applied - r.Passed) }
		w.send("79901", tooMany())
		clean, correct := failed(passed(score.Clean)), failed(passed(score.Correct))
		text := strings.Replace(bookOf("high", many, "30", "9000"), "word: correct", "word: clean", 1)
		id := must(w.hub.Rulebook.Draw(w.ctx, "unit:kcb/An", text))
		w.rehearsed(id)
		base := w.hub.Rules().String()
		w.check(w.hub.Rulebook.Announce(w.ctx, "ministry/Bình", id, clock.Day(w.clock.Now().AddDate(0, 0, 10)), "số lượng gõ nhầm"))
		w.until("announced", func() bool { return w.hub.Rules().String() != base })
		w.send("79901", tooMany())
		if a, b := failed(passed(score.Clean)), failed(passed(score.Correct)); a != 2*clean || b != 2*correct {
			t.Errorf("what is announced counts: clean %d of %d, correct %d of %d", a, clean, b, correct)
		}
		w.check(w.hub.Rulebook.Activate(w.ctx, "ministry/Cường", id, "hết thời gian thông báo", true))
		w.until("in force", func() bool { return strings.Contains(w.hub.Rules().String(), "+r") })
		w.send("79901", tooMany())
		if a, b := failed(passed(score.Clean)), failed(passed(score.Correct)); a != 3*clean+1 || b != 3*correct {
			t.Errorf("the rule does not count under its word: clean %d, correct %d, of %d, %d a dossier", a, b, clean, correct)
		}
	})
}
