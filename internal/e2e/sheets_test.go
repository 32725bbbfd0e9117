package e2e_test

import (
	"encoding/json"
	"testing"

	"lienthong/internal/agent/spool"
	"lienthong/internal/clock"
	"lienthong/internal/role"
	"lienthong/internal/score"
	"lienthong/internal/score/tally"
)

// TestAnAgentMarksByTheListOfTheMinistry: after the ministry put another list of
// priority fields in force, what an agent shows before sending is, check by check,
// what the hub keeps of the same file after; before it asked again it shows the old.
func TestAnAgentMarksByTheListOfTheMinistry(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		p := w.agentOf("79901", "79901_BV", "mật khẩu của bệnh viện")
		day := clock.Day(w.clock.Now())
		hubOf := map[string]tally.Marks{} // what the hub keeps, by record
		kept := func() tally.Marks {
			t.Helper()
			var fresh tally.Marks
			for _, x := range must(w.hub.Slices.House.Scores.Sample(w.ctx, day, 100)) {
				if hubOf[x.ID.String()] == nil {
					hubOf[x.ID.String()], fresh = x.Marks, x.Marks
				}
			}
			return fresh
		}
		alike := func(when, episode string, equal bool) {
			t.Helper()
			file := ours(pairs().ec, envelope(newVisit().episode(episode).set("XML1", "DIEN_THOAI", "").set("XML1", "NHOM_MAU", "")))
			seen := must(p.station.Preview(w.ctx, spool.Payload{File: spool.Part{Name: "a.xml", Bytes: file}})).Results[0].Quality
			w.send("79901", file)
			sheet := w.hub.Grades.InForce("qd4750")
			there := score.NewJudge(sheet, nil).Report(kept())
			a, b := string(must(json.Marshal(seen))), string(must(json.Marshal(there)))
			if (a == b) != equal || equal && seen.Sheet != sheet.Name() {
				t.Errorf("%s: agent %s\nhub %s", when, a, b)
			}
		}
		w.check(p.station.FetchRules(w.ctx))
		alike("before", "LK-1", true)
		list := score.MarshalFields([]score.Field{{Subject: "qd4750", Table: "XML1", Name: "NHOM_MAU", Priority: 1}, {Subject: "qd4750", Table: "XML1", Name: "HO_TEN", Priority: 1}})
		if changed := must(w.hub.Grades.PutFields(w.ctx, role.Role{Kind: role.Ministry}, list)); len(changed) != 1 {
			t.Fatalf("changed %v", changed)
		}
		alike("the agent has not asked again", "LK-2", false)
		w.check(p.station.FetchRules(w.ctx))
		alike("after", "LK-3", true)
	})
}
