package agent_test

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lienthong/internal/command"
)

// freePort is an address of this machine nobody listens at just now.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	return l.Addr().String()
}

// A running agent lets a browser in by a link, a HIS by its account, and takes
// up an account while it runs.
func TestTheRunningAgentsDoors(t *testing.T) {
	t.Parallel()
	hubURL, dir, listen := newHub(t), place(t), freePort(t)
	at := filepath.Join(dir, "agent")
	if _, err := run(t, "MOI-1\n", "setup", "--hub", hubURL, "--dir", at, "--folder", filepath.Join(dir, "gui"), "--listen", listen); err != nil {
		t.Fatal(err)
	}
	if _, err := run(t, "", "page", "--dir", at); code(err) != "agent.not_running" {
		t.Errorf("a page of an agent that does not run: %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := runIn(ctx, t, "", "run", "--dir", at)
		ended <- err
	}()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the agent ended with %v", err)
		}
	}()
	base := "http://" + listen
	link := ""
	for range 200 {
		out, err := run(t, "", "page", "--dir", at, "--days", "2")
		if link = strings.TrimSpace(out); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond) // it starts; nothing is measured
	}
	if !strings.HasPrefix(link, base+"/open/") {
		t.Fatalf("link %q", link)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	get := func(c *http.Client, at string) (int, string) {
		t.Helper()
		res, err := c.Get(at)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		if err := res.Body.Close(); err != nil {
			t.Error(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(b)
	}
	if status, body := get(browser, link); status != 200 || !strings.Contains(body, "79901") {
		t.Errorf("%d %s", status, body)
	}
	if status, body := get(http.DefaultClient, base+"/"); status != 200 || strings.Contains(body, "79901") {
		t.Errorf("a stranger: %d %s", status, body)
	}
	const password = "mật khẩu của bệnh viện"
	sum := md5.Sum([]byte(password))
	take := func() (int, string) {
		t.Helper()
		res, err := http.PostForm(base+"/api/token/take", url.Values{"username": {"BV01"}, "password": {strings.ToUpper(hex.EncodeToString(sum[:]))}})
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		if err := res.Body.Close(); err != nil {
			t.Error(err)
		}
		return res.StatusCode, string(b)
	}
	if status, body := take(); status != http.StatusNotFound || !strings.Contains(body, "gateway.off") {
		t.Errorf("no account: %d %s", status, body)
	}
	for typed, want := range map[string]string{"short\n": "gateway.password"} {
		if _, err := run(t, typed, "gateway", "--dir", at, "--user", "BV01"); code(err) != want {
			t.Errorf("%q: %v", typed, err)
		}
	}
	if _, err := run(t, password+"\n", "gateway", "--dir", at); code(err) != "gateway.user" {
		t.Errorf("no name: %v", err)
	}
	if out, err := run(t, password+"\n", "gateway", "--dir", at, "--user", "BV01"); err != nil || !strings.Contains(out, base) || strings.Contains(out, "not running") {
		t.Errorf("%s, %v", out, err)
	}
	if status, body := take(); status != 200 || !strings.Contains(body, `"maKetQua":"200"`) {
		t.Errorf("%d %s", status, body)
	}
	if out, err := run(t, "", "status", "--dir", at); err != nil || !strings.Contains(out, "the HIS seals") || !strings.Contains(out, "Today: accepted 0") {
		t.Errorf("%s, %v", out, err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "gui")); err != nil {
		t.Fatal(err)
	}
	said, told := "", error(nil)
	for range 300 { // the folder is looked at soon; nothing is measured
		if said, told = run(t, "", "status", "--dir", at); told != nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if !errors.Is(told, command.ErrNo) || !strings.Contains(said, "A watched folder cannot be read") || !strings.Contains(said, "folder.unreadable") {
		t.Errorf("without its folder: %s, %v", said, told)
	}
	if _, err := run(t, "", "gateway", "--dir", at, "--off"); err != nil {
		t.Error(err)
	}
	if status, _ := take(); status != http.StatusNotFound {
		t.Errorf("after --off: %d", status)
	}
	if _, err := run(t, "", "page", "--dir", at, "--end"); err != nil {
		t.Error(err)
	}
	if u, err := url.Parse(base); err != nil || len(jar.Cookies(u)) != 0 { // it is of its place alone
		t.Errorf("%v, %v", jar.Cookies(u), err)
	}
}
