//go:build linux

package chaos_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/agent"
	"lienthong/internal/hub"
	"lienthong/internal/hub/keyring"
	"lienthong/internal/store/postgres"
	"lienthong/internal/store/postgres/pgtest"
	"lienthong/internal/synth"
)

const hubName = "chaos.test"

// nation is a small synthetic nation whose files are all acceptable.
func nation(t testing.TB, seed uint64) *synth.Nation {
	t.Helper()
	n, err := synth.New(synth.Config{Seed: seed, Profile: synth.Small, DefectShare: -1})
	check(t, err)
	return n
}

// founded is a directory with a hub that knows a nation's facilities: keys
// beside it, as `lienthong init` makes it.
type founded struct {
	dir         string
	credentials map[string]*agent.Credential
}

// found makes a hub of an engine ("sqlite", "postgres") at dir.
func found(t testing.TB, dir, engine string, n *synth.Nation) *founded {
	t.Helper()
	p := place{Name: hubName, Keys: t.TempDir()}
	if engine == "postgres" {
		p.Database = filepath.Join(p.Keys, "database.url")
		check(t, os.WriteFile(p.Database, []byte(pgtest.Copy(t, postgres.Migrate)), 0o600))
	}
	keys, err := keyring.New(nil)
	check(t, err)
	files, err := keys.Files()
	check(t, err)
	for name, b := range files {
		check(t, os.WriteFile(filepath.Join(p.Keys, name), b, 0o600))
	}
	check(t, os.WriteFile(filepath.Join(dir, "hub.json"), must(json.Marshal(p)), 0o600))
	h, err := hub.Start(context.Background(), hub.Config{Name: p.Name, Keys: keys, Open: openPlace(dir, p)})
	check(t, err)
	f := &founded{dir: dir, credentials: map[string]*agent.Credential{}}
	acts := h.Administer()
	check(t, acts.AddAnchor(context.Background(), "test", string(n.Root())))
	var list []admin.Facility
	for _, x := range n.Facilities() {
		list = append(list, x.Registration())
	}
	check(t, acts.AddFacility(context.Background(), "test", list...))
	for _, x := range list {
		key, spki, err := agent.NewKey()
		check(t, err)
		id, kid, err := acts.AddClient(context.Background(), "test", x.Code, spki)
		check(t, err)
		b, err := agent.MakeCredential(hubName, x.Code, id, kid, key)
		check(t, err)
		f.credentials[x.Code], err = agent.ParseCredential(b)
		check(t, err)
	}
	check(t, h.Close())
	return f
}

// process is a running hub.
type process struct {
	t       testing.TB
	cmd     *exec.Cmd
	url     string
	ready   time.Duration // from its start to its first "ready"
	said    *lines
	stopped chan struct{}
	err     error // once stopped is closed
}

// lines keeps what a process says.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// port is one that is free now.
func port(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer l.Close()
	return l.Addr().String()
}

// launch starts the hub of dir at listen: the shipped program, by way of
// another program where under says so, or one broken in the way of how.
func launch(t testing.TB, dir, listen, how string, under ...string) *process {
	t.Helper()
	var args []string
	env := os.Environ()
	if how == "" {
		bin, err := program()
		check(t, err)
		args = append(under, bin, "--lang", "en", "hub", "--data", dir, "--listen", listen, "--ops-listen", "127.0.0.1:0")
	} else {
		args = append(under, os.Args[0])
		env = append(env, brokenDir+"="+dir, brokenListen+"="+listen, brokenHow+"="+how)
	}
	p := &process{t: t, cmd: exec.Command(args[0], args[1:]...), url: "http://" + listen, said: &lines{}, stopped: make(chan struct{})}
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = env, p.said, p.said
	// It dies with the test, however that ends.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	check(t, p.cmd.Start())
	go func() {
		p.err = p.cmd.Wait()
		close(p.stopped)
	}()
	return p
}

// await waits until the hub is ready; an error when it ends before.
func (p *process) await() error {
	began := time.Now()
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		select {
		case <-p.stopped:
			return fmt.Errorf("the hub ended by itself: %v\n%s", p.err, p.said)
		case <-time.After(2 * time.Millisecond):
		}
		resp, err := client.Get(p.url + "/readyz")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				p.ready = time.Since(began)
				return nil
			}
		}
		if time.Since(began) > time.Minute {
			return errors.New("the hub was not ready after a minute")
		}
	}
}

// kill kills the whole group, and waits for its end.
func (p *process) kill() {
	p.t.Helper()
	if err := syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		p.t.Error(err)
	}
	<-p.stopped
}

// end asks the hub to drain, and waits.
func (p *process) end() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	<-p.stopped
	if p.err != nil {
		return fmt.Errorf("the hub did not end well: %w\n%s", p.err, p.said)
	}
	return nil
}

// rowWriter is a process that writes rows (writeRows).
type rowWriter struct {
	cmd  *exec.Cmd
	said *lines
}

func rows(t testing.TB, path, mode string) *rowWriter {
	t.Helper()
	w := &rowWriter{exec.Command(os.Args[0]), &lines{}}
	w.cmd.Env = append(os.Environ(), rowsPath+"="+path, rowsMode+"="+mode)
	w.cmd.Stdout = w.said
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	check(t, w.cmd.Start())
	return w
}

// end waits for the end, which the disk brings about, and counts the rows that
// were acknowledged: 0, 1, ... n-1.
func (w *rowWriter) end() int {
	_ = w.cmd.Wait() // it ends with an error: its disk is gone
	return strings.Count(w.said.String(), "\n")
}
