package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/grade"
	"lienthong/internal/intake"
	"lienthong/internal/role"
	"lienthong/internal/score"
	"lienthong/internal/store/house"
)

// ratio is one check of one kind as counted now.
func (w *world) ratio(scope role.Scope, id string) score.Ratio {
	w.t.Helper()
	lines := must(w.hub.Grades.Check(w.ctx, scope, house.ScoreQuery{Subject: "qd4750"}, id))
	if len(lines) == 0 {
		return score.Ratio{}
	}
	return lines[0].Ratio
}

// TestScoresFollowWhatIsCurrent: a score moves with the receipt; a corrected version
// takes the marks of the first away, a withdrawal takes them away for good, and at
// every moment what was counted is what the rows say. What a facility is told before
// it sends is what is counted after.
func TestScoresFollowWhatIsCurrent(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		w.facility(admin.Facility{Code: "79901", Name: "Bệnh viện Kinh Bắc", Province: "24"})
		const phone = "sufficient.XML1.DIEN_THOAI"
		everywhere := role.Scope{All: true}
		day := clock.Day(w.clock.Now())
		agree := func(when string) {
			t.Helper()
			r := must(w.hub.Grades.RecountDay(w.ctx, day))
			if r.Unequal != 0 {
				t.Errorf("%s: %+v", when, r)
			}
		}
		file := ours(pairs().ec, envelope(newVisit().episode("LK-1").set("XML1", "DIEN_THOAI", "")))
		before := must((&intake.Checker{Kinds: w.hub.Kinds, Seals: w.hub.Intake.Seals, Rules: w.hub.Rules, Trust: w.hub.Trust.Current()}).
			Check(w.ctx, intake.File{Bytes: file}, w.clock.Now()))
		told := before.Results[0].Quality
		if told == nil || told.Sheet != w.hub.Grades.InForce("qd4750").Name() {
			t.Fatalf("before sending: %+v", told)
		}
		sent, _ := w.send("79901", file)
		if len(sent) != 1 || sent[0].Record == "" {
			t.Fatalf("%+v", sent)
		}
		if r := w.ratio(everywhere, phone); r != (score.Ratio{Passed: 0, Applied: 1}) {
			t.Errorf("with the receipt out: %+v", r)
		}
		failed := map[string]bool{}
		for _, f := range told.Failed {
			failed[f.Check] = true
		}
		for _, l := range must(w.hub.Grades.Checks(w.ctx, everywhere, house.ScoreQuery{}, "")) {
			if (l.Passed == 0) != failed[l.Check.ID] {
				t.Errorf("%s was told otherwise before sending: %+v", l.Check.ID, l.Ratio)
			}
		}
		agree("unfolded")
		must(w.hub.Slices.House.Scores.Fold(w.ctx))
		agree("folded")

		if a, _ := w.send("79901", ours(pairs().ec, envelope(newVisit().episode("LK-1").set("XML1", "DIEN_THOAI", "0912345678")))); a[0].Supersedes == nil {
			t.Fatalf("%+v", a[0])
		}
		if r := w.ratio(everywhere, phone); r != (score.Ratio{Passed: 1, Applied: 1}) {
			t.Errorf("the corrected version counts alone: %+v", r)
		}
		agree("corrected")
		second, _ := w.send("79901", ours(pairs().ec, envelope(newVisit().episode("LK-2").set("XML1", "DIEN_THOAI", ""))))
		if ids := must(w.hub.Grades.Samples(w.ctx, everywhere, house.ScoreQuery{Subject: "qd4750"}, phone, 10)); len(ids) != 1 || ids[0].String() != second[0].Record {
			t.Errorf("failing records: %v", ids)
		}
		if r := w.ratio(role.Scope{Province: "24"}, phone); r != (score.Ratio{Passed: 1, Applied: 2}) {
			t.Errorf("of the province: %+v", r)
		}
		if r := w.ratio(role.Scope{Province: "01"}, phone); r.Applied != 0 {
			t.Errorf("of another province: %+v", r)
		}
		byFacility := house.ScoreQuery{FromDay: day, By: []house.ScoreDimension{house.ScoreByFacility}}
		short := must(w.hub.Grades.ChecksThat(w.ctx, everywhere, byFacility, func(l *grade.CheckLine) bool { return l.Check.ID == phone && l.Passed < l.Applied }))
		if len(short) != 1 || short[0].Key[0] != "79901" || short[0].Applied != 2 {
			t.Errorf("who falls short of %s: %+v", phone, short)
		}
		if status, _, body := w.do("79901", "POST", "/api/v1/records/"+second[0].Record+"/withdraw", "application/json", []byte(`{"reason":"gửi nhầm người"}`)); status != 200 {
			t.Fatalf("%d %s", status, body)
		}
		if r := w.ratio(everywhere, phone); r != (score.Ratio{Passed: 1, Applied: 1}) {
			t.Errorf("withdrawn: %+v", r)
		}
		must(w.hub.Slices.House.Scores.Fold(w.ctx))
		agree("withdrawn")

		w.clock.Advance(24 * time.Hour)
		job := must(w.hub.Grades.Recount().Run(w.ctx, day))
		if job.Seen != 1 || job.Unequal != 0 {
			t.Errorf("the night: %+v", job)
		}
		if kept := must(w.hub.Grades.Recounts(w.ctx, day)); len(kept) != 1 || kept[0].Seen != 1 || kept[0].Unequal != 0 {
			t.Errorf("kept: %+v", kept)
		}
		// somebody adds what no record says: the night tells, and mends nothing
		w.check(w.hub.Slices.House.Scores.Append(w.ctx, []house.ScoreDelta{{FacilityVersion: 1, Day: day, Subject: "qd4750",
			Marks: w.hub.Grades.Judge("qd4750").Mark(&dossier.Content{}, nil, w.clock.Now()), N: 1}}))
		if job = must(w.hub.Grades.Recount().Run(w.ctx, day)); job.Unequal == 0 || job.Note == "" {
			t.Errorf("a wrong count is not told: %+v", job)
		}
		if job = must(w.hub.Grades.Recount().Run(w.ctx, day)); job.Unequal == 0 {
			t.Errorf("a wrong count was mended: %+v", job)
		}
	})
}

// TestPriorityFieldsAreDataOfTheMinistry: another list is another sheet from that
// moment on, for every hub, and what was counted before stays what it was.
func TestPriorityFieldsAreDataOfTheMinistry(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		w.facility(admin.Facility{Code: "79901", Name: "Bệnh viện Kinh Bắc", Province: "24"})
		w.send("79901", ours(pairs().ec, envelope(newVisit().episode("LK-1"))))
		old := w.hub.Grades.InForce("qd4750")
		list := score.MarshalFields([]score.Field{{Subject: "qd4750", Table: "XML1", Name: "NHOM_MAU", Priority: 1}, {Subject: "qd4750", Table: "XML1", Name: "HO_TEN", Priority: 1}})
		for _, r := range []role.Role{{Kind: role.Operator}, {Kind: role.Province, ID: "24"}, {Kind: role.Unit, ID: "kcb"}} {
			if _, err := w.hub.Grades.PutFields(w.ctx, r, list); !errors.Is(err, grade.ErrWho) {
				t.Errorf("%s: %v", r, err)
			}
		}
		ministry := role.Role{Kind: role.Ministry}
		if _, err := w.hub.Grades.PutFields(w.ctx, ministry, "qd4750\tXML1\tNO_SUCH\t1"); fault.Of(err).Code != "score.fields.unknown" {
			t.Errorf("%v", err)
		}
		if changed := must(w.hub.Grades.PutFields(w.ctx, ministry, list)); len(changed) != 1 || changed[0] != "qd4750" {
			t.Errorf("changed %v", changed)
		}
		if w.hub.Grades.InForce("qd4750").ID() == old.ID() || w.hub.Grades.InForce("checkin").ID() != score.Standard()["checkin"].ID() {
			t.Error("not the list that was put in force, or of kinds it does not name")
		}
		w.send("79901", ours(pairs().ec, envelope(newVisit().episode("LK-2"))))
		everywhere := role.Scope{All: true}
		if r := w.ratio(everywhere, "sufficient.XML1.NHOM_MAU"); r.Applied != 1 {
			t.Errorf("the new field: %+v", r)
		}
		if r := w.ratio(everywhere, "sufficient.XML1.SO_CCCD"); r.Applied != 1 {
			t.Errorf("what was counted before: %+v", r)
		}
		if r := w.ratio(everywhere, "sufficient.XML1.HO_TEN"); r.Applied != 2 {
			t.Errorf("what both lists have: %+v", r)
		}
		if again := must(w.hub.Grades.PutFields(w.ctx, ministry, list)); len(again) != 0 {
			t.Errorf("put twice: %v", again)
		}
		other := must(grade.New(w.ctx, grade.Deps{Scores: w.hub.Slices.House.Scores, Counters: w.hub.Slices.Counters, Clock: w.clock}))
		if other.InForce("qd4750").ID() != w.hub.Grades.InForce("qd4750").ID() {
			t.Error("another hub judges by another list")
		}
		acts := must(w.hub.Slices.Keys.Acts(w.ctx, 0, 50))
		if fmt.Sprint(acts) == "" || acts[0].Action != "score.sheet" || acts[0].Actor != "ministry" {
			t.Errorf("the act: %+v", acts[0])
		}
	})
}

// TestQualityIsPartOfTheJSONOfACheck: the words, the sheet and what fails.
func TestQualityIsPartOfTheJSONOfACheck(t *testing.T) {
	t.Parallel()
	b := must(json.Marshal(intake.Result{Quality: score.StandardJudge("qd4750").Report(nil)}))
	var read struct {
		Quality struct {
			Sheet  string
			Words  []struct{ Word string }
			Failed []any
		}
	}
	if err := json.Unmarshal(b, &read); err != nil || read.Quality.Sheet == "" || len(read.Quality.Words) != 6 || read.Quality.Failed == nil {
		t.Errorf("%s %v", b, err)
	}
}
