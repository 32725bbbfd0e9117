package e2e_test

import (
	"fmt"
	"net/http"
	"slices"
	"sort"
	"strings"
	"testing"

	"lienthong/internal/fault"
	"lienthong/internal/hub"
	"lienthong/internal/intake"
	"lienthong/internal/quality"
	"lienthong/internal/seal"
)

// sample is one file and what DESIGN §6 says of it. want is "refused CODE", or
// what becomes of each dossier, joined by "; ": "accepted", "accepted with CODE"
// or "rejected CODE CODE".
type sample struct {
	name string
	from string // facility whose credential sends; "" is 79901
	data []byte
	want string
}

// rejecting are the codes that reject, of DESIGN §6.
var rejecting = map[string]bool{
	"dossier.unreadable": true, "dossier.no_summary": true, "dossier.two_patients": true, "episode.missing": true, "episode.mismatch": true,
	"facility.mismatch": true, "subject.sex": true, "time.impossible": true, "time.future": true, "time.order": true,
}

// verdict says what became of a file in the words of sample.want, as far as
// want asks: findings that do not reject are named only where it names one.
func verdict(answers []answer, want string) string {
	if len(answers) == 1 && answers[0].Refused {
		return "refused " + answers[0].Code
	}
	asked := strings.Split(want, "; ")
	parts := make([]string, len(answers))
	for i, a := range answers {
		switch {
		case a.Refused:
			parts[i] = "refused " + a.Code
			continue
		case a.Deferred:
			parts[i] = "deferred " + a.Code
			continue
		case a.Index != i:
			parts[i] = fmt.Sprintf("index %d", a.Index)
			continue
		}
		var codes []string
		for _, f := range a.Findings {
			if rejecting[f.Code] && !slices.Contains(codes, f.Code) {
				codes = append(codes, f.Code)
			}
		}
		sort.Strings(codes)
		switch a.State {
		case "accepted", "accepted_with_warnings":
			parts[i] = strings.Join(append([]string{"accepted"}, codes...), " ")
		default:
			parts[i] = strings.Join(append([]string{a.State}, codes...), " ")
		}
		if i < len(asked) {
			if said, code, ok := strings.Cut(asked[i], " with "); ok && said == parts[i] && has(a, code) {
				parts[i] = asked[i]
			}
		}
	}
	return strings.Join(parts, "; ")
}

func has(a answer, code string) bool {
	return slices.ContainsFunc(a.Findings, func(f finding) bool { return f.Code == code })
}

// normal sorts the codes of a want, so that tables may name them in any order.
func normal(want string) string {
	parts := strings.Split(want, "; ")
	for i, p := range parts {
		words := strings.Fields(p)
		if words[0] == "rejected" {
			sort.Strings(words[1:])
			parts[i] = strings.Join(words, " ")
		}
	}
	return strings.Join(parts, "; ")
}

// judge sends every sample in tars and alone, and compares the answers with
// what is wanted and with each other.
func judge(t *testing.T, w *world, samples []sample) {
	t.Helper()
	if len(samples) == 0 {
		t.Fatal("no samples")
	}
	by := map[string][]member{}
	for i, s := range samples {
		by[from(s)] = append(by[from(s)], member{fmt.Sprint(i), s.data})
	}
	together := map[string][]answer{}
	streamed := true
	for code, files := range by {
		for name, list := range w.sendTar(code, streamed, files...) {
			together[name] = list
		}
		streamed = !streamed
	}
	for i, s := range samples {
		want := normal(s.want)
		first := together[fmt.Sprint(i)]
		if got := verdict(first, want); got != want {
			t.Errorf("%s\n  in a tar: %s\n  want:     %s", s.name, got, want)
			continue
		}
		send := w.send
		if i%2 == 1 {
			send = w.sendStream
		}
		alone, status := send(from(s), s.data)
		if got := verdict(alone, want); got != want {
			t.Errorf("%s\n  alone, after a tar: %s\n  want:               %s", s.name, got, want)
			continue
		}
		if expected := statusOf(want); status != expected {
			t.Errorf("%s: HTTP %d, want %d", s.name, status, expected)
		}
		sameAgain(t, s.name, first, alone)
		consistent(t, s.name, first)
		if want != "refused sender.not_allowed" { // who sends is not known offline
			offline(t, w, s, want)
		}
	}
}

// offline holds that `dossier check`, and the preview of the upload room, say
// beforehand what the hub says.
func offline(t *testing.T, w *world, s sample, want string) {
	t.Helper()
	seals, err := seal.NewVerifier(seal.Config{})
	w.check(err)
	c := intake.Checker{Kinds: hub.Kinds(), Seals: seals, Rules: quality.V1, Trust: w.hub.Trust.Current()}
	p, err := c.Check(w.ctx, intake.File{Bytes: s.data}, w.clock.Now())
	var answers []answer
	if err != nil {
		answers = []answer{{Refused: true, Code: fault.Of(err).Code}}
	} else {
		for _, r := range p.Results {
			a := answer{Index: r.Index, State: string(r.State)}
			for _, f := range r.Findings {
				a.Findings = append(a.Findings, finding{Code: f.Code})
			}
			answers = append(answers, a)
		}
	}
	if got := verdict(answers, want); got != want {
		t.Errorf("%s\n  checked offline: %s\n  want:            %s", s.name, got, want)
	}
}

// consistent holds a state against its findings: warnings make a warning,
// infos do not, and only the codes of the table reject.
func consistent(t *testing.T, name string, answers []answer) {
	t.Helper()
	for _, a := range answers {
		if a.Refused {
			continue
		}
		want := "accepted"
		for _, f := range a.Findings {
			switch {
			case rejecting[f.Code]:
				want = "rejected"
			case want == "accepted" && f.Severity != "info":
				want = "accepted_with_warnings"
			}
		}
		if a.State != want {
			t.Errorf("%s: dossier %d is %s, its findings say %s", name, a.Index, a.State, want)
		}
		if accepted := a.State != "rejected"; accepted != (a.Version != nil) || !accepted && a.Current {
			t.Errorf("%s: dossier %d is %s with version %v, current %v", name, a.Index, a.State, a.Version, a.Current)
		}
	}
}

func from(s sample) string {
	if s.from == "" {
		return "79901"
	}
	return s.from
}

func statusOf(want string) int {
	code, refused := strings.CutPrefix(want, "refused ")
	switch {
	case !refused:
		return http.StatusOK
	case code == "file.limits":
		return http.StatusRequestEntityTooLarge
	case code == "sender.not_allowed":
		return http.StatusForbidden
	}
	return http.StatusUnprocessableEntity
}

// sameAgain holds the answers to a file sent twice against each other: the
// same records and receipts, byte for byte, and both languages everywhere.
func sameAgain(t *testing.T, name string, first, second []answer) {
	t.Helper()
	if len(first) != len(second) {
		t.Errorf("%s: %d answers, then %d: %+v", name, len(first), len(second), second[0])
		return
	}
	for i := range first {
		a, b := first[i], second[i]
		if a.Refused {
			if a.Message.VI == "" || a.Message.EN == "" || a.Message != b.Message {
				t.Errorf("%s: refused without a sentence in both languages", name)
			}
			continue
		}
		if a.Replay || !b.Replay {
			t.Errorf("%s: dossier %d: replay %v, then %v", name, i, a.Replay, b.Replay)
		}
		if a.Record != b.Record || string(a.Receipt) != string(b.Receipt) || len(a.Receipt) < 100 || a.State != b.State {
			t.Errorf("%s: dossier %d sent again gives another record or receipt", name, i)
		}
		for _, f := range a.Findings {
			if f.Message.VI == "" || f.Message.EN == "" {
				t.Errorf("%s: %s has no sentence", name, f.Code)
			}
		}
	}
}
