package update_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"lienthong/internal/agent/update"
	"lienthong/internal/fault"
)

// source is a small agent: it says its version in a file once it works. A sick
// one runs and says nothing, a broken one ends at once.
const source = `package main

import ("os"; "time")

var version, does string

func main() {
	if does == "breaks" { os.Exit(1) }
	if does != "sick" { if os.WriteFile(os.Args[1], []byte(version), 0o600) != nil { os.Exit(2) } }
	time.Sleep(time.Minute)
}
`

var programs = sync.OnceValues(func() (map[string]string, error) {
	dir, err := os.MkdirTemp("", "update")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(source), 0o600); err != nil {
		return nil, err
	}
	out := map[string]string{"": dir}
	for _, does := range []string{"works", "sick", "breaks"} {
		for _, version := range []string{"1.0.0", "1.1.0"} {
			if does != "works" && version == "1.0.0" {
				continue
			}
			name := does + version
			c := exec.Command("go", "build", "-ldflags", "-X main.version="+version+" -X main.does="+does, "-o", filepath.Join(dir, name), "main.go")
			c.Dir, c.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GO111MODULE=off")
			if b, err := c.CombinedOutput(); err != nil {
				return nil, fmt.Errorf("%w: %s", err, b)
			}
			out[name] = filepath.Join(dir, name)
		}
	}
	return out, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if p, err := programs(); err == nil {
		_ = os.RemoveAll(p[""])
	}
	os.Exit(code)
}

// machine runs one program as a service manager does.
type machine struct {
	t           *testing.T
	dir, binary string
	signer      note.Signer
	verifier    string
	running     *exec.Cmd
	ended       chan struct{}
	current     string
	restarts    int
}

func setup(t *testing.T) *machine {
	t.Helper()
	all, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{t: t, dir: t.TempDir(), current: "1.0.0"}
	m.binary = filepath.Join(m.dir, "place", "agent")
	if err := os.Mkdir(filepath.Dir(m.binary), 0o700); err != nil {
		t.Fatal(err)
	}
	copyFile(t, all["works1.0.0"], m.binary)
	secret, public, err := note.GenerateKey(rand.Reader, "releases.example.vn")
	if err != nil {
		t.Fatal(err)
	}
	if m.signer, err = note.NewSigner(secret); err != nil {
		t.Fatal(err)
	}
	m.verifier = public
	t.Cleanup(m.stop)
	if err := m.restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	return m
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o755); err != nil {
		t.Fatal(err)
	}
}

func (m *machine) stop() {
	if m.running != nil {
		_ = m.running.Process.Kill()
		<-m.ended
		m.running = nil
	}
}

func (m *machine) alive() string { return filepath.Join(m.dir, "alive") }

func (m *machine) restart(context.Context) error {
	m.stop()
	m.restarts++
	if err := os.Remove(m.alive()); err != nil && !os.IsNotExist(err) {
		return err
	}
	c := exec.Command(m.binary, m.alive())
	if err := c.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() { _ = c.Wait(); close(ended) }()
	m.running, m.ended = c, ended
	return nil
}

func (m *machine) healthy(_ context.Context, version string) error {
	b, err := os.ReadFile(m.alive())
	if err != nil || string(b) != version {
		return errors.Join(errors.New("not yet"), err)
	}
	return nil
}

// release writes a manifest and its program; it returns the manifest's path.
func (m *machine) release(program, version string, spoil ...func(*update.Manifest)) string {
	m.t.Helper()
	all, err := programs()
	if err != nil {
		m.t.Fatal(err)
	}
	dir := m.t.TempDir()
	copyFile(m.t, all[program], filepath.Join(dir, "agent-test"))
	b, err := os.ReadFile(all[program])
	if err != nil {
		m.t.Fatal(err)
	}
	manifest := update.Manifest{Version: version, Issued: time.Unix(1_800_000_000, 0), Programs: []update.Program{
		{Platform: "test/test", Name: "agent-test", Size: int64(len(b)), Sum: sha256.Sum256(b)},
		{Platform: "other/other", Name: "agent-other", Size: 1},
	}}
	for _, s := range spoil {
		s(&manifest)
	}
	text, err := manifest.Sign(m.signer)
	if err != nil {
		m.t.Fatal(err)
	}
	path := filepath.Join(dir, "update.txt")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		m.t.Fatal(err)
	}
	return path
}

func (m *machine) updater(wait time.Duration) *update.Updater {
	m.t.Helper()
	u, err := update.New(update.Config{Key: m.verifier, Current: m.current, Binary: m.binary, Platform: "test/test",
		Restart: m.restart, Healthy: m.healthy, Wait: wait})
	if err != nil {
		m.t.Fatal(err)
	}
	return u
}

// runs waits until the machine runs a version.
func (m *machine) runs(version string) {
	m.t.Helper()
	for {
		if m.healthy(m.t.Context(), version) == nil {
			return
		}
		select {
		case <-m.t.Context().Done():
			m.t.Fatalf("%s does not run", version)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func code(err error) string {
	if err == nil {
		return ""
	}
	return fault.Of(err).Code
}

func TestANewVersionIsSwappedInAndBack(t *testing.T) {
	t.Parallel()
	m := setup(t)
	got, err := m.updater(30*time.Second).Apply(t.Context(), m.release("works1.1.0", "1.1.0"), false)
	if err != nil || got != (update.Outcome{From: "1.0.0", To: "1.1.0", Changed: true}) {
		t.Fatalf("%+v, %v", got, err)
	}
	m.runs("1.1.0")
	m.current = "1.1.0"
	if got, err := m.updater(time.Second).Apply(t.Context(), m.release("works1.1.0", "1.1.0"), false); err != nil || got.Changed || m.restarts != 2 {
		t.Errorf("the same again: %+v, %v, %d restarts", got, err, m.restarts)
	}
	if _, err := m.updater(time.Second).Apply(t.Context(), m.release("works1.0.0", "1.0.0"), false); code(err) != "update.older" {
		t.Errorf("an older one: %v", err)
	}
	if pending, err := m.updater(time.Second).Settle(t.Context()); pending || err != nil {
		t.Errorf("pending after all is well: %v", err)
	}
	back, err := m.updater(30 * time.Second).Rollback(t.Context())
	if err != nil || back.To != "1.0.0" {
		t.Fatalf("%+v, %v", back, err)
	}
	m.runs("1.0.0")
	// Down to a signed older version, when a person says so.
	m.current = "1.1.0"
	if got, err := m.updater(30*time.Second).Apply(t.Context(), m.release("works1.0.0", "1.0.0"), true); err != nil || !got.Changed {
		t.Fatalf("%+v, %v", got, err)
	}
	m.runs("1.0.0")
}

func TestAVersionThatDoesNotWorkIsTakenBack(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"sick1.1.0", "breaks1.1.0", "works1.0.0"} { // the last runs, as another version
		m := setup(t)
		got, err := m.updater(time.Second).Apply(t.Context(), m.release(program, "1.1.0"), false)
		if code(err) != "update.sick" || got.Changed {
			t.Fatalf("%s: %+v, %v", program, got, err)
		}
		m.runs("1.0.0")
	}
}

func TestWhatIsNotSignedOrNotWholeIsNotInstalled(t *testing.T) {
	t.Parallel()
	m := setup(t)
	before, err := os.ReadFile(m.binary)
	if err != nil {
		t.Fatal(err)
	}
	good := m.release("works1.1.0", "1.1.0")
	spoil := func(change func(manifest, program string) error) string {
		path := m.release("works1.1.0", "1.1.0")
		if err := change(path, filepath.Join(filepath.Dir(path), "agent-test")); err != nil {
			t.Fatal(err)
		}
		return path
	}
	rewrite := func(path string, f func(string) string) error {
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(path, []byte(f(string(b))), 0o600)
	}
	other := setup(t)
	for name, c := range map[string]struct{ from, code string }{
		"version changed": {spoil(func(p, _ string) error {
			return rewrite(p, func(s string) string { return strings.Replace(s, "1.1.0", "1.2.0", 1) })
		}), "update.manifest"},
		"no signature": {spoil(func(p, _ string) error {
			return rewrite(p, func(s string) string { return s[:strings.Index(s, "\n\n")+2] })
		}), "update.manifest"},
		"another key":       {other.release("works1.1.0", "1.1.0"), "update.manifest"},
		"half a manifest":   {spoil(func(p, _ string) error { return rewrite(p, func(s string) string { return s[:len(s)/2] }) }), "update.manifest"},
		"endless manifest":  {spoil(func(p, _ string) error { return rewrite(p, func(s string) string { return strings.Repeat(s, 1000) }) }), "update.manifest"},
		"program cut":       {spoil(func(_, p string) error { return os.Truncate(p, 1000) }), "update.program"},
		"program longer":    {spoil(func(_, p string) error { return rewrite(p, func(s string) string { return s + "x" }) }), "update.program"},
		"program changed":   {spoil(func(_, p string) error { return rewrite(p, func(s string) string { return s[:len(s)-1] + "\x01" }) }), "update.program"},
		"program away":      {spoil(func(_, p string) error { return os.Remove(p) }), "update.fetch"},
		"manifest away":     {good + ".none", "update.fetch"},
		"plain http":        {"http://192.0.2.1/update.txt", "update.fetch"},
		"no program for us": {m.release("works1.1.0", "1.1.0", func(x *update.Manifest) { x.Programs = x.Programs[1:] }), "update.no_program"},
	} {
		if _, err := m.updater(time.Second).Apply(t.Context(), c.from, true); code(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	after, err := os.ReadFile(m.binary)
	if err != nil || string(after) != string(before) || m.restarts != 1 {
		t.Errorf("something was touched: %v, %d restarts", err, m.restarts)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(m.binary), ".*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if _, err := m.updater(time.Second).Rollback(t.Context()); code(err) != "update.no_previous" {
		t.Errorf("nothing to go back to: %v", err)
	}
	if _, err := update.New(update.Config{Binary: m.binary}); code(err) != "update.key" {
		t.Errorf("no key: %v", err)
	}
	u, err := update.New(update.Config{Key: "x", Binary: m.binary})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Apply(t.Context(), good, false); code(err) != "update.key" {
		t.Errorf("a key that is none: %v", err)
	}
}

func TestAnUpdateThatBrokeOffIsSettled(t *testing.T) {
	t.Parallel()
	for program, want := range map[string]string{"works1.1.0": "1.1.0", "sick1.1.0": "1.0.0"} {
		m := setup(t)
		// The power fails as the service is started anew: nobody is left to look.
		u, err := update.New(update.Config{Key: m.verifier, Current: m.current, Binary: m.binary, Platform: "test/test",
			Restart: func(context.Context) error { panic("power cut") }, Healthy: m.healthy})
		if err != nil {
			t.Fatal(err)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the power did not fail")
				}
			}()
			_, _ = u.Apply(t.Context(), m.release(program, "1.1.0"), false)
		}()
		pending, err := m.updater(time.Second * 2).Settle(t.Context())
		if !pending || (err == nil) != (want == "1.1.0") {
			t.Errorf("%s: %v, %v", program, pending, err)
		}
		m.runs(want)
	}
}

func TestFromAServer(t *testing.T) {
	t.Parallel()
	m := setup(t)
	srv := httptest.NewServer(http.FileServer(http.Dir(filepath.Dir(m.release("works1.1.0", "1.1.0")))))
	t.Cleanup(srv.Close)
	u, err := update.New(update.Config{Key: m.verifier, Current: m.current, Binary: m.binary, Platform: "test/test", HTTP: srv.Client()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Apply(t.Context(), srv.URL+"/none.txt", false); code(err) != "update.fetch" {
		t.Errorf("not there: %v", err)
	}
	got, err := u.Apply(t.Context(), srv.URL+"/update.txt?x=1", false) // no service here: swapped, not started
	if err != nil || !got.Changed || m.restarts != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	if err := m.restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.runs("1.1.0")
}

func FuzzOpenManifest(f *testing.F) {
	secret, public, err := note.GenerateKey(rand.Reader, "releases.example.vn")
	if err != nil {
		f.Fatal(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		f.Fatal(err)
	}
	const head = "lienthong/update/v1\nversion 1.0.0\nissued 2026-11-22T00:00:00Z\n"
	f.Add(head + "linux/amd64 lienthong 10 " + strings.Repeat("0a", 32) + "\n")
	f.Add(head + "linux/amd64 ../lienthong 10 " + strings.Repeat("0a", 32) + "\n")
	f.Add(head)
	f.Add("lienthong/update/v1\nversion 1.0\n")
	f.Fuzz(func(t *testing.T, text string) {
		b, err := note.Sign(&note.Note{Text: text}, signer)
		if err != nil {
			return
		}
		m, err := update.OpenManifest(b, public)
		if err != nil {
			if code(err) != "update.manifest" {
				t.Fatal(err)
			}
			return
		}
		if !update.ValidVersion(m.Version) || len(m.Programs) == 0 {
			t.Fatalf("%+v", m)
		}
		for _, p := range m.Programs {
			if strings.ContainsAny(p.Name, `/\`) || strings.HasPrefix(p.Name, ".") {
				t.Fatalf("a name that leads away: %q", p.Name)
			}
		}
		again, err := m.Sign(signer)
		if err != nil || len(again) == 0 {
			t.Fatal(err)
		}
	})
}
