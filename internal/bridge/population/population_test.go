package population_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lienthong/internal/bridge/outbound"
	"lienthong/internal/bridge/population"
	"lienthong/internal/bridge/population/simulator"
	"lienthong/internal/care"
	"lienthong/internal/fault"
)

func born(t *testing.T, s string) care.Moment {
	t.Helper()
	m, err := care.ParseMoment(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func bridge(t *testing.T, h http.Handler, private bool) *population.Bridge {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	b, err := population.New(outbound.New(time.Second), s.URL+"/xac-minh", private)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFiveAnswers(t *testing.T) {
	t.Parallel()
	sim, err := simulator.New(simulator.Config{Residents: []simulator.Resident{
		{Number: "079990000001", Name: "Trần Thị Thu Hà", Birth: "19900203", Sex: "2"},
		{Number: "079990000002", State: "cancelled"}, {Number: "079990000003", State: "replaced", By: "079990000001"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	b := bridge(t, sim, true)
	for name, c := range map[string]struct {
		q    population.Question
		want population.Answer
	}{
		"match":     {population.Question{Number: "079990000001", Name: "TRẦN THỊ THU HÀ", Birth: born(t, "199002030000"), Sex: care.Female}, population.Answer{State: population.Match}},
		"differs":   {population.Question{Number: "079990000001", Name: "Trần Thị Hà", Birth: born(t, "199002040000"), Sex: care.Male}, population.Answer{State: population.Differs, Differs: []string{"name", "birth", "sex"}}},
		"unknown":   {population.Question{Number: "079990000009", Name: "Ai Đó", Birth: born(t, "19900203")}, population.Answer{State: population.Unknown}},
		"cancelled": {population.Question{Number: "079990000002", Name: "Ai Đó", Birth: born(t, "19900203")}, population.Answer{State: population.Cancelled}},
		"replaced":  {population.Question{Number: "079990000003", Name: "Ai Đó", Birth: born(t, "19900203")}, population.Answer{State: population.Replaced, By: "079990000001"}},
	} {
		got, err := b.Ask(t.Context(), c.q)
		if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", name, err, diff)
		}
	}
	for name, q := range map[string]population.Question{
		"no number": {Name: "A", Birth: born(t, "19900203")}, "no name": {Number: "079990000001", Birth: born(t, "19900203")}, "a year only": {Number: "079990000001", Name: "A", Birth: born(t, "199000000000")},
	} {
		if _, err := b.Ask(t.Context(), q); !errors.Is(err, population.ErrQuestion) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if sim.Asked() != 5 {
		t.Errorf("%d questions went out", sim.Asked())
	}
}

func TestWhatIsNoAnswer(t *testing.T) {
	t.Parallel()
	q := population.Question{Number: "079990000001", Name: "A B", Birth: born(t, "19900203")}
	for name, h := range map[string]http.HandlerFunc{
		"an error": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "079990000001", http.StatusInternalServerError)
		},
		"a page": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "text/html") },
		"too long": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(strings.Repeat(" ", 5000)))
		},
		"elsewhere": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/other", http.StatusFound) },
		"nothing":   func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "application/json") },
		"silence": func(_ http.ResponseWriter, r *http.Request) { // the body is read, else a server does not see who left
			if _, err := io.Copy(io.Discard, r.Body); err == nil {
				<-r.Context().Done()
			}
		},
	} {
		_, err := bridge(t, h, true).Ask(t.Context(), q)
		if err == nil || fault.Of(err).Kind == fault.Broken || strings.Contains(err.Error(), "079990000001") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := bridge(t, http.NotFoundHandler(), false).Ask(t.Context(), q); !errors.Is(err, outbound.ErrAddress) {
		t.Errorf("a private address that was not approved as one: %v", err)
	}
	if _, err := population.New(outbound.New(0), "ftp://x", false); !errors.Is(err, outbound.ErrAddress) {
		t.Errorf("ftp: %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := bridge(t, http.NotFoundHandler(), true).Ask(ctx, q); err == nil {
		t.Error("asked after it was called off")
	}
}

func TestOnlySyntheticPeople(t *testing.T) {
	t.Parallel()
	if _, err := simulator.New(simulator.Config{Residents: []simulator.Resident{{Number: "079190000001"}}}); err == nil {
		t.Error("a number somebody may own")
	}
}

var bad = []string{"", "null", "[]", "{}", `{"ket_qua":"match","ket_qua":"unknown"}`, `{"ket_qua":"yes"}`, `{"ket_qua":"match","by":"x"}`, `{"ket_qua":"differs"}`,
	`{"ket_qua":"differs","khac":["height"]}`, `{"ket_qua":"differs","khac":["name","name"]}`, `{"ket_qua":"differs","khac":"name"}`, `{"ket_qua":"match","khac":["name"]}`,
	`{"ket_qua":"replaced"}`, `{"ket_qua":"replaced","thay_boi":"12"}`, `{"ket_qua":"match"} {}`, `{"ket_qua":"match","thay_boi":"079990000001"}`, `{"ket_qua":["match"]}`}

func TestOutOfForm(t *testing.T) {
	t.Parallel()
	for _, s := range bad {
		if a, err := population.Read([]byte(s)); !errors.Is(err, population.ErrAnswer) {
			t.Errorf("%s: %+v, %v", s, a, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range append(bad, `{"ket_qua":"match"}`, `{"ket_qua":"differs","khac":["name","birth"]}`, `{"ket_qua":"replaced","thay_boi":"079990000001"}`) {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := population.Read(b)
		if err != nil && !errors.Is(err, population.ErrAnswer) || err == nil && a.State == "" {
			t.Fatalf("%+v, %v", a, err)
		}
	})
}
