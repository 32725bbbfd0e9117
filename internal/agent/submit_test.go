package agent_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lienthong/internal/agent"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
)

func TestEveryFileIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	w, got := setup(t), listen(t)
	bodies := append(many(30), "reject me", "refuse me", "double dossier")
	sum, err := w.client.Submit(t.Context(), files(bodies...), agent.Options{Lane: "urgent", Members: 7, Parallel: 3}, got.each)
	if err != nil {
		t.Fatal(err)
	}
	if sum.Files != 33 || sum.Accepted != 32 || sum.Warned != 32 || sum.Rejected != 1 || sum.Refused != 1 || sum.Deferred+sum.Failed != 0 {
		t.Errorf("summary %+v", sum)
	}
	if len(got.got) != 34 {
		t.Errorf("%d answers, want 34", len(got.got))
	}
	if sum.Exit() != 1 {
		t.Errorf("exit %d, want 1: something was rejected", sum.Exit())
	}
	a := got.got["f000.xml#0"]
	if !strings.HasPrefix(string(a.JSON), `{"file":"f000.xml","index":0,"record":"`+a.Record) || !strings.HasSuffix(string(a.JSON), `"receipt":{"n":1}}`) {
		t.Errorf("the line is not the hub's: %s", a.JSON)
	}
	for _, r := range w.hub.seen() {
		if len(r.names) > 7 || r.lane != "urgent" {
			t.Errorf("request %+v", r)
		}
	}
	if w.hub.taken != 1 {
		t.Errorf("%d tokens taken, want 1", w.hub.taken)
	}
}

func TestCutStreamIsSentAgain(t *testing.T) {
	t.Parallel()
	w, got := setup(t), listen(t)
	w.hub.odd = func(n int, rw http.ResponseWriter, r *http.Request, members []member) bool {
		if n != 0 {
			return false
		}
		rw.Header().Set("Content-Type", "application/x-ndjson")
		for _, m := range members[:3] {
			fmt.Fprintln(rw, w.hub.decide(m)[0]) // of "double" only the first dossier
		}
		for _, m := range members[3:] {
			w.hub.decide(m) // decided, never told
		}
		http.NewResponseController(rw).Flush()
		panic(http.ErrAbortHandler)
	}
	sum, err := w.client.Submit(t.Context(), files(append([]string{"double"}, many(9)...)...), agent.Options{Members: 10}, got.each)
	if err != nil {
		t.Fatal(err)
	}
	if sum.Files != 10 || sum.Accepted != 11 || len(got.got) != 11 {
		t.Errorf("summary %+v, %d answers", sum, len(got.got))
	}
	if sum.Replayed != 8 { // all but the three told before the cut
		t.Errorf("%d replays told, want 8", sum.Replayed)
	}
	if second := w.hub.seen()[1].names; len(second) != 5 || slices.Contains(second, "f000.xml") {
		t.Errorf("the second try is %v, want half of the pack and first those not heard of", second)
	}
}

func TestStreamWithAWrongEndIsCut(t *testing.T) {
	t.Parallel()
	w, got := setup(t), listen(t)
	w.hub.odd = func(n int, rw http.ResponseWriter, r *http.Request, members []member) bool {
		if n == 0 {
			rw.Header().Set("Content-Type", "application/x-ndjson")
			fmt.Fprintln(rw, `{"end":true,"results":5}`)
		}
		return n == 0
	}
	sum, err := w.client.Submit(t.Context(), files(many(2)...), agent.Options{}, got.each)
	if err != nil || sum.Accepted != 2 {
		t.Fatalf("%+v, %v", sum, err)
	}
}

func TestDeferredIsSentAgain(t *testing.T) {
	t.Parallel()
	w, got := setup(t), listen(t)
	w.hub.odd = func(n int, rw http.ResponseWriter, r *http.Request, members []member) bool {
		if n > 1 {
			return false
		}
		rw.Header().Set("Content-Type", "application/x-ndjson")
		fmt.Fprintf(rw, `{"file":%q,"index":0,"deferred":true,"code":"hub.busy","retry_after":7,"message":{}}`+"\n", members[0].name)
		lines := 1
		for _, m := range members[1:] {
			fmt.Fprintln(rw, w.hub.decide(m)[0])
			lines++
		}
		fmt.Fprintf(rw, `{"end":true,"results":%d}`+"\n", lines)
		return true
	}
	sum, err := w.client.Submit(t.Context(), files(many(4)...), agent.Options{}, got.each)
	if err != nil || sum.Accepted != 4 || sum.Deferred != 0 || sum.Files != 4 {
		t.Fatalf("%+v, %v", sum, err)
	}
	for i, r := range w.hub.seen()[1:] {
		if !slices.Equal(r.names, []string{"f000.xml"}) {
			t.Errorf("try %d sent %v, want only what was deferred", i+1, r.names)
		}
	}
	if !slices.Equal(w.naps.all(), []time.Duration{7 * time.Second, 7 * time.Second}) {
		t.Errorf("waited %v, want twice the 7 s asked for", w.naps.all())
	}
}

func TestDeferredToTheEndIsTold(t *testing.T) {
	t.Parallel()
	w, got := setup(t), listen(t)
	w.hub.odd = func(n int, rw http.ResponseWriter, r *http.Request, members []member) bool {
		rw.Header().Set("Content-Type", "application/x-ndjson")
		rw.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintf(rw, `{"file":%q,"index":0,"deferred":true,"code":"hub.storage_full","retry_after":1,"message":{}}`+"\n", members[0].name)
		fmt.Fprintln(rw, `{"end":true,"results":1}`)
		return true
	}
	sum, err := w.client.Submit(t.Context(), files("x"), agent.Options{Alone: true}, got.each)
	if err != nil || sum.Deferred != 1 || sum.Files != 0 || sum.Exit() != 2 {
		t.Fatalf("%+v, %v", sum, err)
	}
	if a := got.got["f000.xml#0"]; a.Outcome != agent.Deferred || a.Code != "hub.storage_full" {
		t.Errorf("%+v", a)
	}
	if n := len(w.hub.seen()); n != 8 {
		t.Errorf("%d tries, want 8", n)
	}
}

func TestSlotIsObeyed(t *testing.T) {
	t.Parallel()
	w, got := setup(t), listen(t)
	w.hub.odd = func(n int, rw http.ResponseWriter, r *http.Request, members []member) bool {
		switch n {
		case 0:
			rw.Header().Set("Retry-After", "13")
			rw.Header().Set("Content-Type", "application/problem+json")
			rw.WriteHeader(http.StatusTooManyRequests)
			fmt.Fprint(rw, `{"code":"rate.exceeded","message":{"vi":"v","en":"e"},"slot_start":"2026-11-21T00:00:00Z","rate_per_s":1000,"retry_after":13}`)
		case 1: // only the slot, by the hub's own clock, which is years off
			rw.Header().Set("Date", "Sat, 21 Nov 2020 00:00:00 GMT")
			rw.Header().Set("Content-Type", "application/problem+json")
			rw.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprint(rw, `{"code":"hub.busy","message":{"vi":"v","en":"e"},"slot_start":"2020-11-21T00:00:20Z","slot_end":"2020-11-21T00:01:20Z"}`)
		case 2: // longer than anyone should wait
			rw.Header().Set("Retry-After", "86400")
			rw.WriteHeader(http.StatusServiceUnavailable)
		}
		return n <= 2
	}
	sum, err := w.client.Submit(t.Context(), files(many(3)...), agent.Options{}, got.each)
	if err != nil || sum.Accepted != 3 {
		t.Fatalf("%+v, %v", sum, err)
	}
	if want := []time.Duration{13 * time.Second, 20 * time.Second, 5 * time.Minute}; !slices.Equal(w.naps.all(), want) {
		t.Errorf("waited %v, want %v", w.naps.all(), want)
	}
	for _, r := range w.hub.seen() {
		if len(r.names) != 3 {
			t.Errorf("a pack turned away was split: %v", r.names)
		}
	}
}

func TestRefusedTokenIsTakenAnew(t *testing.T) {
	t.Parallel()
	w, got := setup(t), listen(t)
	if _, err := w.client.Token(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.hub.revoke()
	sum, err := w.client.Submit(t.Context(), files("a"), agent.Options{}, got.each)
	if err != nil || sum.Accepted != 1 || w.hub.taken != 2 {
		t.Fatalf("%+v, %v, %d tokens", sum, err, w.hub.taken)
	}
	w.hub.revoke()
	if status, body, err := w.client.Get(t.Context(), "/api/v1/records/7", 1<<20); err != nil || status != 200 || !strings.Contains(string(body), `"7"`) {
		t.Errorf("%d %s %v", status, body, err)
	}
}

func TestTokenIsRenewedBeforeItsEnd(t *testing.T) {
	t.Parallel()
	w := setup(t)
	at := clock.NewFake(time.Now().Add(-5 * time.Minute))
	c := w.another(t, at)
	for _, step := range []struct {
		after time.Duration
		taken int
	}{{0, 1}, {4 * time.Minute, 1}, {29 * time.Second, 1}, {time.Second, 2}, {time.Minute, 2}} {
		at.Advance(step.after)
		if _, err := c.Token(t.Context()); err != nil {
			t.Fatal(err)
		}
		if w.hub.taken != step.taken {
			t.Errorf("%v on: %d tokens taken, want %d", step.after, w.hub.taken, step.taken)
		}
	}
}

func TestHubThatDoesNotLetIn(t *testing.T) {
	t.Parallel()
	w, got := setup(t), listen(t)
	other, _ := newHub(t) // knows another key
	c, err := agent.New(agent.Config{HubURL: other.URL, Credential: w.cred, Sleep: w.naps.sleep})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Submit(t.Context(), files("a"), agent.Options{}, got.each); !errors.Is(err, agent.ErrLogin) {
		t.Errorf("got %v, want token.assertion", err)
	}
	if len(w.naps.all()) != 0 {
		t.Error("it was tried again")
	}
}

func TestProblemEndsTheRun(t *testing.T) {
	t.Parallel()
	w, got := setup(t), listen(t)
	w.hub.odd = func(n int, rw http.ResponseWriter, r *http.Request, members []member) bool {
		problem(rw, http.StatusForbidden, "role.not_allowed")
		return true
	}
	_, err := w.client.Submit(t.Context(), files("a"), agent.Options{}, got.each)
	if f := fault.Of(err); f.Code != "role.not_allowed" || f.Kind != fault.Withheld || f.Text.VI != "câu" {
		t.Errorf("got %v", err)
	}
}

func TestHubThatIsDown(t *testing.T) {
	t.Parallel()
	w, got := setup(t), listen(t)
	w.hub.Close()
	_, err := w.client.Submit(t.Context(), files(many(3)...), agent.Options{}, got.each)
	if !errors.Is(err, agent.ErrUndecided) || !errors.Is(err, agent.ErrUnreachable) {
		t.Errorf("got %v", err)
	}
	if n := len(w.naps.all()); n != 7 {
		t.Errorf("%d waits, want 7 between 8 tries", n)
	}
}

func TestPackRefusedAsSuchIsSplit(t *testing.T) {
	t.Parallel()
	w, got := setup(t), listen(t)
	w.hub.odd = func(n int, rw http.ResponseWriter, r *http.Request, members []member) bool {
		if !slices.ContainsFunc(members, func(m member) bool { return m.body == "bomb" }) {
			return false
		}
		rw.Header().Set("Content-Type", "application/x-ndjson")
		rw.WriteHeader(http.StatusRequestEntityTooLarge)
		fmt.Fprintln(rw, `{"file":"","refused":true,"code":"file.limits","message":{"vi":"v","en":"e"}}`)
		fmt.Fprintln(rw, `{"end":true,"results":1}`)
		return true
	}
	bodies := many(40)
	bodies[17] = "bomb"
	sum, err := w.client.Submit(t.Context(), files(bodies...), agent.Options{}, got.each)
	if err != nil || sum.Accepted != 39 || sum.Refused != 1 || sum.Files != 40 {
		t.Fatalf("%+v, %v", sum, err)
	}
}

func TestFilesAloneWithTheirSeal(t *testing.T) {
	t.Parallel()
	w, got := setup(t), listen(t)
	f := agent.FileOf("hồ sơ.json", []byte(` {"a":1}`))
	f.Seal = agent.FileOf("", []byte("aaa..bbb\n")).Open
	for _, alone := range []bool{true, false} {
		sum, err := w.client.Submit(t.Context(), slices.Values([]agent.File{f}), agent.Options{Alone: alone},
			func(a agent.Answer) error { got.got[a.File] = a; return nil })
		if err != nil || sum.Accepted != 1 {
			t.Fatalf("%+v, %v", sum, err)
		}
	}
	seen := w.hub.seen()
	if seen[0].seal != "aaa..bbb" || seen[0].kind != "application/json" || !slices.Equal(seen[0].names, []string{"hồ sơ.json"}) {
		t.Errorf("alone: %+v", seen[0])
	}
	if !slices.Equal(seen[1].names, []string{"hồ sơ.json.jws", "hồ sơ.json"}) {
		t.Errorf("in a pack: %+v", seen[1])
	}
	if _, ok := got.got["hồ sơ.json"]; !ok {
		t.Errorf("answers %v", got.got)
	}
}

func TestFilesOfOneNameDoNotShareAPack(t *testing.T) {
	t.Parallel()
	w := setup(t)
	n := 0
	list := []agent.File{agent.FileOf("x.xml", []byte("1")), agent.FileOf("x.xml", []byte("2"))}
	sum, err := w.client.Submit(t.Context(), slices.Values(list), agent.Options{}, func(agent.Answer) error { n++; return nil })
	if err != nil || sum.Accepted != 2 || n != 2 || len(w.hub.seen()) != 2 {
		t.Errorf("%+v, %v, %d requests", sum, err, len(w.hub.seen()))
	}
}

func TestUnreadableFilesDoNotHoldUpOthers(t *testing.T) {
	t.Parallel()
	w, got := setup(t), listen(t)
	dir := t.TempDir()
	for name, body := range map[string]string{"a.xml": "1", "b.json": "{}", "b.json.jws": "s", ".hidden": "x", "sub/c.xml": "3"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	big := filepath.Join(dir, "big.xml")
	if err := os.WriteFile(big, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(big, 33<<20); err != nil {
		t.Fatal(err)
	}
	var failed []string
	sum, err := w.client.Submit(t.Context(), agent.Paths(dir, filepath.Join(dir, "absent.xml")),
		agent.Options{Failed: func(file string, err error) { failed = append(failed, file) }}, got.each)
	if err != nil || sum.Accepted != 3 || sum.Failed != 1 || sum.Refused != 1 || sum.Exit() != 2 {
		t.Fatalf("%+v, %v", sum, err)
	}
	if len(failed) != 1 || !strings.HasSuffix(failed[0], "/absent.xml") || strings.HasPrefix(failed[0], "/") {
		t.Errorf("failed %v", failed)
	}
}

func TestCancelledRunEnds(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	w.hub.odd = func(n int, rw http.ResponseWriter, r *http.Request, members []member) bool {
		rw.Header().Set("Content-Type", "application/x-ndjson")
		fmt.Fprintln(rw, w.hub.decide(members[0])[0])
		http.NewResponseController(rw).Flush()
		<-r.Context().Done()
		return true
	}
	sum, err := w.client.Submit(ctx, files(many(5)...), agent.Options{}, func(agent.Answer) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) || sum.Accepted != 1 {
		t.Errorf("%+v, %v", sum, err)
	}
}

func TestListenersErrorEndsTheRun(t *testing.T) {
	t.Parallel()
	w := setup(t)
	full := errors.New("disk full")
	if _, err := w.client.Submit(t.Context(), files(many(5)...), agent.Options{}, func(agent.Answer) error { return full }); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}

func TestSilentHubCountsAsGone(t *testing.T) {
	t.Parallel()
	w, got := setup(t), listen(t)
	w.hub.odd = func(n int, rw http.ResponseWriter, r *http.Request, members []member) bool {
		if n == 0 {
			<-r.Context().Done()
		}
		return n == 0
	}
	c, err := agent.New(agent.Config{HubURL: w.hub.URL, Credential: w.cred, Sleep: w.naps.sleep, Stall: 50 * time.Millisecond, Attempts: 100})
	if err != nil {
		t.Fatal(err)
	}
	if sum, err := c.Submit(t.Context(), files("a"), agent.Options{}, got.each); err != nil || sum.Accepted != 1 {
		t.Errorf("%+v, %v", sum, err)
	}
}

func TestLaneIsChecked(t *testing.T) {
	t.Parallel()
	w := setup(t)
	if _, err := w.client.Submit(t.Context(), files("a"), agent.Options{Lane: "fast"}, nil); !errors.Is(err, agent.ErrLane) {
		t.Errorf("got %v", err)
	}
}

func TestFilesAreOpenedOneAtATime(t *testing.T) {
	t.Parallel()
	w, got := setup(t), listen(t)
	open, most := 0, 0
	list := make([]agent.File, 50)
	for i := range list {
		f := agent.FileOf(fmt.Sprint(i), []byte(fmt.Sprint("x", i)))
		inner := f.Open
		f.Open = func() (io.ReadCloser, error) {
			open++
			most = max(most, open)
			r, err := inner()
			return closing{r, func() { open-- }}, err
		}
		list[i] = f
	}
	if _, err := w.client.Submit(t.Context(), slices.Values(list), agent.Options{Parallel: 1}, got.each); err != nil {
		t.Fatal(err)
	}
	if most != 1 || open != 0 {
		t.Errorf("%d files were open at once, %d still are", most, open)
	}
}

type closing struct {
	io.ReadCloser
	then func()
}

func (c closing) Close() error { c.then(); return c.ReadCloser.Close() }
