package demo_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/agent"
	"lienthong/internal/clock"
	"lienthong/internal/demo"
	"lienthong/internal/hub"
	"lienthong/internal/hub/keyring"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite"
	"lienthong/internal/synth"
)

// said is what the demo prints.
type said struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// staged is a demo under way.
type staged struct {
	hub    *hub.Hub
	server *httptest.Server
	tour   *demo.Tour
	out    *said
	dir    string
}

// stage starts a demo of a small nation that sends so many files.
func stage(t *testing.T, files int) *staged {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	dir := t.TempDir()
	var late http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { late.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	tour := demo.NewTour(server.URL)
	if things, _ := tour.Things(ctx); len(things) != 0 {
		t.Errorf("%d things before anything is there", len(things))
	}
	h := must(hub.Start(ctx, hub.Config{Name: "demo.test", Keys: must(keyring.New(nil)), PublicURL: server.URL, Demo: true, Try: tour.Things,
		Open: func(ctx context.Context, open store.OpenLog) (*store.Slices, error) {
			return sqlite.Open(ctx, filepath.Join(dir, "hub"), sqlite.Config{Clock: clock.System{}, OpenLog: open, HubName: "demo.test", Owner: "demo"})
		}}))
	t.Cleanup(func() { check(t, h.Close()) })
	nation := must(synth.New(synth.Config{Profile: synth.Small, To: time.Now().Add(-time.Hour)}))
	acts, out := h.Administer(), &said{}
	check(t, acts.AddAnchor(ctx, demo.Actor, string(nation.Root())))
	var list []admin.Facility
	for _, f := range nation.Facilities() {
		list = append(list, f.Registration())
	}
	check(t, acts.AddFacility(ctx, demo.Actor, list...))
	show := must(demo.Prepare(ctx, demo.Deps{Acts: acts, Legs: h.Slices.Legs, Ways: h.Courier.Status, Seal: h.Vault.SealSecret, Nation: nation, Roster: h.Login.Roster, Delegate: h.Choices.Delegate,
		Credential: func(ctx context.Context, code string) ([]byte, error) {
			key, spki, err := agent.NewKey()
			if err != nil {
				return nil, err
			}
			id, kid, err := acts.AddClient(ctx, demo.Actor, code, spki)
			if err != nil {
				return nil, err
			}
			return agent.MakeCredential("demo.test", code, id, kid, key)
		}}, demo.Config{Dir: dir, Start: files, Rate: 1, Limit: files, Out: out, Program: "lienthong"}, tour))
	late = show.Handler(h.Handler())
	var running sync.WaitGroup
	running.Go(func() { show.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait(); check(t, show.Close()) })
	return &staged{h, server, tour, out, dir}
}

// The demo as a visitor finds it: facilities send, the hub passes on, the
// services outside have it, the tour leads there, and what is printed is true.
func TestTheDemoShowsRecordsThatArrive(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	st := stage(t, 150)
	server, tour, out, dir := st.server, st.tour, st.out, st.dir
	titles := func() (all []string) {
		things, _ := tour.Things(ctx)
		for _, x := range things {
			all = append(all, x.Title.VI)
			if !strings.HasPrefix(x.Href, "/login?token=") && !strings.HasPrefix(x.Href, "/try/people") {
				t.Errorf("%s leads to %q", x.Title.VI, x.Href)
			}
		}
		return all
	}
	wanted := []string{"Gửi một lần, tới mọi nơi", "Dừng lại chờ người xem", "Hàng đợi tới từng nơi nhận", "Đếm ở hai đầu"}
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		got := titles()
		if !slices.ContainsFunc(wanted, func(w string) bool { return !slices.Contains(got, w) }) {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the tour has %q after two minutes\n%s", got, out)
		}
	}
	res := must(http.Get(server.URL + "/try/counts"))
	page := string(must(io.ReadAll(res.Body)))
	check(t, res.Body.Close())
	for _, name := range []string{"Cổng BHXH (giả lập)", "Sổ sức khỏe điện tử (giả lập)", "Đơn thuốc quốc gia (giả lập)", "Trục dữ liệu Bộ Y tế (giả lập)", "Phần mềm nhận thông báo (giả lập)"} {
		if !strings.Contains(page, name) {
			t.Errorf("no %s on the page of counts", name)
		}
	}
	for _, line := range []string{"accepted, 0 không", "script/his.py " + server.URL, "lienthong agent setup --dir", "lienthong agent run --dir"} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("nothing printed of %q:\n%s", line, out)
		}
	}
	meets(t, server.URL)
	files := must(filepath.Glob(filepath.Join(dir, "his", "*.xml")))
	if len(files) < 5 {
		t.Errorf("%d files laid ready", len(files))
	}
	if info := must(os.Stat(filepath.Join(dir, "his-key", "key.pem"))); info.Mode().Perm() != 0o600 {
		t.Errorf("the key may be read by others: %v", info.Mode())
	}
}

// meets reads the page of people: everybody is on it, and a code that is one.
func meets(t *testing.T, base string) {
	t.Helper()
	get := func(path string) string {
		res := must(http.Get(base + path))
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, res.Status)
		}
		return string(must(io.ReadAll(res.Body)))
	}
	page := get("/try/people")
	for _, want := range []string{"Nguyễn Thị Lan", "Trần Văn Bình", "Lê Thị Thu Hà", "Phạm Văn Đức", "Nguyễn Minh Khôi", "Vũ Thị Mai", "BS. Trịnh Thùy Dương", "Lý Thanh Tâm", "/login/vneid?next=%2Fme", "/try/sit/bo", "Câu hỏi của Bộ trưởng", "/phone/ha", "0000912318"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page of people lacks %q", want)
		}
	}
	if board := get("/try/sit/so-y-te"); !strings.Contains(board, "<h1") {
		t.Errorf("no seat: %s", board)
	}
	if code := get("/try/code/bs-minh"); !regexp.MustCompile(`id="code">[0-9]{6}<`).MatchString(code) {
		t.Errorf("no code on its page: %s", code)
	}
}

// Prepared again in the same directory, the services go on counting.
func TestAKeptDemoCountsOn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "outside", "bhxh.ndjson")
	check(t, os.MkdirAll(filepath.Dir(path), 0o700))
	line := func(n int) string {
		return fmt.Sprintf(`{"seq":%d,"at":"2026-11-21T03:00:00Z","day":"2026-11-21","kind":"dossier","facility":"79901","episode":"A%d","sha256":"%064x","size":1,"code":"200"}`+"\n", n, n, n)
	}
	check(t, os.WriteFile(path, []byte(line(1)+line(2)+`{"seq":3,"at":"20`), 0o600))
	got, err := demo.Recorded(dir)
	check(t, err)
	if got["bhxh"] != 2 {
		t.Errorf("%v", got)
	}
	if b := must(os.ReadFile(path)); string(b) != line(1)+line(2) {
		t.Errorf("the cut line is still there: %q", b)
	}
}
