package e2e_test

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/disclose/replay"
	"lienthong/internal/hub"
	"lienthong/internal/role"
	"lienthong/internal/score/tally"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// liar stores one record with a mark that its content does not have; what is counted
// agrees with it, so that counting again finds nothing.
type liar struct {
	store.Intake
	episodes int // commits until it lies
}

func (l *liar) Commit(ctx context.Context, lane store.Lane, group []store.Prepared) ([]store.Outcome, error) {
	for i := range group {
		if len(group[i].Marks) == 0 {
			continue
		}
		if l.episodes--; l.episodes == 0 {
			m := tally.Marks(bytes.Clone(group[i].Marks))
			for check := 0; ; check++ {
				if m.Get(check) == tally.Failed {
					m.Set(check, tally.Passed)
					break
				}
			}
			group[i].Marks = m.Trim()
		}
	}
	return l.Intake.Commit(ctx, lane, group)
}

// TestASampleIsJudgedAgainAtNight: records of the day are read again from what was
// sent and marked again. Untouched ones agree; the one that was kept with a mark that
// is not its own is found, shown and left as it is; each page is written down.
func TestASampleIsJudgedAgainAtNight(t *testing.T) {
	t.Parallel()
	for _, lies := range []bool{false, true} {
		engines(t, func(t *testing.T, w *world) {
			day := clock.Day(w.clock.Now())
			for _, episode := range []string{"LK-1", "LK-2", "LK-3"} {
				w.send("79901", ours(pairs().ec, envelope(newVisit().episode(episode).set("XML1", "DIEN_THOAI", ""))))
			}
			must(w.hub.Slices.House.Scores.Fold(w.ctx))
			w.clock.Advance(24 * time.Hour)
			must(w.hub.House.Night.Do(w.ctx, day, "scores.recount"))
			ran := must(w.hub.House.Night.Do(w.ctx, day, "scores.rejudge"))
			want := int64(0)
			if lies {
				want = 1
			}
			if len(ran) != 1 || ran[0].State != house.NightDone || ran[0].Seen != 3 || ran[0].Unequal != want || (ran[0].Note != "") != lies {
				t.Fatalf("the night: %+v", ran)
			}
			must(w.hub.Grades.Recount().Run(w.ctx, day)) // counting again takes nothing of it away
			kept := must(w.hub.Grades.Recounts(w.ctx, day))
			if len(kept) != 1 || kept[0].Sampled != 3 || kept[0].Differing != want || kept[0].Unequal != 0 {
				t.Errorf("kept: %+v", kept)
			}
			again := must(w.hub.Grades.Rejudge().Run(w.ctx, day))
			if kept = must(w.hub.Grades.Recounts(w.ctx, day)); again.Unequal != want || kept[0].Differing != 2*want {
				t.Errorf("mended or forgotten: %+v %+v", again, kept)
			}
			ministry := w.sits("ministry")
			for path, text := range map[string]string{"/quality": map[bool]string{false: "dấu đều như đã giữ", true: "khác dấu đã giữ"}[lies], "/night": "Chấm lại mẫu"} {
				if rec := ministry.ask("GET", path, nil); rec.Code != http.StatusOK || !strings.Contains(rec.Body.String(), text) {
					t.Errorf("%s: %d, lacks %q", path, rec.Code, text)
				}
			}
			list, _, err := w.hub.Slices.Disclosures.List(w.ctx, role.Scope{All: true}, store.DisclosureFilter{Limit: 100})
			w.check(err)
			if !slices.ContainsFunc(list, func(d store.Disclosure) bool {
				return d.Basis == replay.Recheck.Basis && d.Reader == "night" && d.Count == 0 && strings.Contains(d.Facts, `"records":3`) && strings.HasPrefix(d.Reason, "scores/2")
			}) {
				t.Errorf("the page is not written down: %+v", list)
			}
			w.audited()
		}, func(cfg *hub.Config) {
			open := cfg.Open
			cfg.Open = func(ctx context.Context, log store.OpenLog) (*store.Slices, error) {
				s, err := open(ctx, log)
				if err == nil && lies {
					s.Intake = &liar{Intake: s.Intake, episodes: 2}
				}
				return s, err
			}
		})
	}
}

// TestTheSampleIsBounded: not more than the configured number is opened in a night.
func TestTheSampleIsBounded(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		day := clock.Day(w.clock.Now())
		for _, episode := range []string{"LK-1", "LK-2", "LK-3"} {
			w.send("79901", ours(pairs().ec, envelope(newVisit().episode(episode))))
		}
		if r := must(w.hub.Grades.Rejudge().Run(w.ctx, day)); r.Seen != 2 || r.Unequal != 0 {
			t.Errorf("%+v", r)
		}
	}, func(cfg *hub.Config) { cfg.Rejudged = 2 })
}
