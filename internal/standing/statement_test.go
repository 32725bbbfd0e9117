package standing_test

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"lienthong/internal/facility"
	"lienthong/internal/standing"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

func statementWorld() *world {
	return &world{
		rows: []row{
			{20261031, "01001", "01", "A", "qd4750", "accepted", 1000}, // of the month before
			{20261103, "01001", "01", "A", "qd4750", "accepted", 10},
			{20261103, "01001", "01", "A", "qd4750", "accepted_with_warnings", 5},
			{20261105, "01001", "01", "A", "qd4750", "rejected", 4},
			{20261105, "01001", "01", "A", "qd4750", "refused", 2},
			{20261105, "01002", "01", "A", "fhir", "accepted", 30},
			{20261122, "01002", "01", "A", "fhir", "accepted", 1},
			{20261105, "01002", "01", "A", "fhir", "superseded", 9},
			{20261105, "79001", "79", "B", "qd4750", "accepted", 70},
		},
		rejects: []store.SoftwareCount{
			{Software: "A/1.0", Facility: "01001", Code: "time.order", N: 3},
			{Software: "A/1.1", Facility: "01001", Code: "time.order", N: 2}, // the same facility, after it changed versions
			{Software: "A/1.1", Facility: "01002", Code: "time.order", N: 1},
			{Software: "A/1.1", Facility: "01002", Code: "episode.missing", N: 7},
			{Software: "A/1.1", Facility: "01002", Code: "XML1.HO_TEN.form", N: 700}, // this one only warns
		},
		work: house.Work{Files: 3, Bytes: 900, Legs: 5, Done: 4}, sizes: map[int]uint64{0: 7},
	}
}

func TestStatement(t *testing.T) {
	t.Parallel()
	w := statementWorld()
	s, err := w.desk(t).Statement(t.Context(), "A", 202611)
	if err != nil {
		t.Fatal(err)
	}
	if want := []standing.KindLine{{Kind: "fhir", Sent: 31, Accepted: 31}, {Kind: "qd4750", Sent: 19, Accepted: 15, Rejected: 4}}; !slices.Equal(s.Kinds, want) {
		t.Errorf("kinds %+v", s.Kinds)
	}
	if s.Sent != 50 || s.Accepted != 46 || s.Rejected != 4 || s.Refused != 2 {
		t.Errorf("%+v", s)
	}
	if s.Days != 22 || s.Facilities != 2 || s.Sending != 3 { // the 3rd, the 5th and the 22nd
		t.Errorf("%d days, %d facilities on %d days", s.Days, s.Facilities, s.Sending)
	}
	if want := (standing.Up{Days: 4, Of: 20 + 18}); s.Up != want { // from the 3rd and from the 5th on
		t.Errorf("up %+v, not %+v", s.Up, want)
	}
	if want := []standing.Cause{{Code: "episode.missing", N: 7, Facilities: 1}, {Code: "time.order", N: 6, Facilities: 2}}; !slices.Equal(s.Causes, want) {
		t.Errorf("causes %+v, not %+v", s.Causes, want)
	}
	if s.Work != w.work || w.vendor != "A" || s.Partial || standing.MarksText(s.Marks) != "log 0 size 7 root root-0-7=" || !s.At.Equal(noon) {
		t.Errorf("%+v", s)
	}
	for _, span := range w.spans {
		if span != standing.Month(202611).Span() {
			t.Errorf("asked for %v", span)
		}
	}
}

func TestStatementOfAMonthThatIsOver(t *testing.T) {
	t.Parallel()
	w := statementWorld()
	s, err := w.desk(t).Statement(t.Context(), "A", 202610)
	if err != nil || s.Days != 31 || s.Sent != 1000 || s.Up != (standing.Up{Days: 1, Of: 1}) {
		t.Errorf("%+v %v", s, err)
	}
	if w.spans[0].To != standing.Month(202611).Span().From {
		t.Errorf("asked for %v", w.spans[0])
	}
}

func TestStatementOfAMakerThatDidNothing(t *testing.T) {
	t.Parallel()
	w := statementWorld()
	w.rejects = nil
	s, err := w.desk(t).Statement(t.Context(), "Z", 202611)
	if err != nil || s.Sent != 0 || len(s.Kinds)+len(s.Causes)+s.Facilities+s.Sending != 0 || s.Up != (standing.Up{}) {
		t.Errorf("%+v %v", s, err)
	}
}

// Where there are as many causes as a store gives, there may be more.
func TestStatementSaysThatCausesArePartial(t *testing.T) {
	t.Parallel()
	w := statementWorld()
	w.rejects = make([]store.SoftwareCount, store.SoftwareRows)
	if s, err := w.desk(t).Statement(t.Context(), "A", 202611); err != nil || !s.Partial {
		t.Errorf("%v %v", s.Partial, err)
	}
	// facilities without a maker have no causes: the store would give everybody's
	w = statementWorld()
	if s, err := w.desk(t).Statement(t.Context(), "", 202611); err != nil || len(s.Causes) != 0 || s.Partial {
		t.Errorf("%+v %v", s, err)
	}
}

func TestMakers(t *testing.T) {
	t.Parallel()
	w := &world{versions: []facility.Version{place("01001", "01", "", facility.Commune, "B"), place("01002", "01", "", facility.Commune, "A"),
		place("01003", "01", "", facility.Commune, "B"), place("01004", "01", "", facility.Commune, "")},
		vendors: []store.Vendor{{ID: "p1", Name: "A"}}}
	d := w.desk(t)
	if got := d.Vendors(); !slices.Equal(got, []string{"A", "B"}) {
		t.Errorf("%v", got)
	}
	if name, ok, err := d.VendorOf(t.Context(), "p1"); name != "A" || !ok || err != nil {
		t.Errorf("%s %v %v", name, ok, err)
	}
	if name, ok, err := d.VendorOf(t.Context(), "p2"); name != "" || ok || err != nil {
		t.Errorf("somebody else is %s %v %v", name, ok, err)
	}
}

// A month that is over is given again for an hour, the running one for five minutes.
func TestStatementIsGivenAgain(t *testing.T) {
	t.Parallel()
	for month, kept := range map[standing.Month]time.Duration{202610: time.Hour, 202611: 5 * time.Minute} {
		w := statementWorld()
		d := w.desk(t)
		ask := func() int64 {
			s, err := d.Statement(t.Context(), "A", month)
			if err != nil {
				t.Fatal(err)
			}
			return s.Sent
		}
		first := ask()
		w.rows = append(w.rows, row{int(month)*100 + 1, "01001", "01", "A", "qd4750", "accepted", 1})
		w.clock.Advance(kept - time.Minute)
		if again := ask(); again != first {
			t.Errorf("%v: %d, then %d", month, first, again)
		}
		w.clock.Advance(2 * time.Minute)
		if later := ask(); later != first+1 {
			t.Errorf("%v: %d, then still %d", month, first, later)
		}
	}
}

func TestBenefit(t *testing.T) {
	t.Parallel()
	w := &world{delivered: house.Delivered{Legs: 31, Records: 12}, tested: house.Tested{Records: 100, Before: 7}, opened: 5, sizes: map[int]uint64{1: 3},
		rows: []row{
			{20261001, "01001", "01", "A", "qd4750", "lookup", 40}, {20261031, "01001", "79", "A", "fhir", "lookup", 2}, {20261031, "01001", "01", "A", "qd4750", "lookup.elsewhere", 9},
			{20260930, "01001", "01", "A", "qd4750", "lookup", 500}, {20261101, "01001", "01", "A", "qd4750", "lookup.elsewhere", 500}, {20261001, "01001", "01", "A", "qd4750", "accepted", 500},
		}}
	b, err := w.desk(t).Benefit(t.Context(), 202610)
	if err != nil {
		t.Fatal(err)
	}
	want := &standing.Benefit{Month: 202610, Delivered: w.delivered, Avoided: 19, Looks: 42, Replaced: 9, Elsewhere: 5, Tested: w.tested, At: noon.UTC(),
		Marks: []standing.Mark{{Log: 1, Size: 3, Root: "root-1-3="}}}
	if !reflect.DeepEqual(b, want) {
		t.Errorf("%+v, not %+v", b, want)
	}
	if w.within != 14*24*time.Hour || !slices.Equal(w.bases, []string{"referral", "consent"}) || len(w.spans) != 3 {
		t.Errorf("asked for %v on %v, %d times", w.within, w.bases, len(w.spans))
	}
	for _, s := range w.spans {
		if s != standing.Month(202610).Span() {
			t.Errorf("asked for %v", s)
		}
	}
}

// What could not be counted is not told, and is asked for again.
func TestBenefitThatFailsIsNotKept(t *testing.T) {
	t.Parallel()
	broken := errors.New("no store")
	w := &world{fail: broken}
	d := w.desk(t)
	if b, err := d.Benefit(t.Context(), 202610); !errors.Is(err, broken) || b != nil {
		t.Errorf("%+v %v", b, err)
	}
	w.fail, w.delivered = nil, house.Delivered{Legs: 2, Records: 1}
	if b, err := d.Benefit(t.Context(), 202610); err != nil || b.Avoided != 1 {
		t.Errorf("%+v %v", b, err)
	}
}
