package agent_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	client "lienthong/internal/agent"
	"lienthong/internal/agent/control"
	"lienthong/internal/agent/home"
	"lienthong/internal/agent/signer"
	"lienthong/internal/agent/signer/choose"
	"lienthong/internal/agent/signer/remote/simulator"
	"lienthong/internal/agent/update"
	"lienthong/internal/clock"
	"lienthong/internal/command"
	"lienthong/internal/command/agent"
	"lienthong/internal/fault"
	"lienthong/internal/seal"
)

// run runs lienthong agent with arguments and what is typed.
func run(t *testing.T, typed string, args ...string) (out string, err error) {
	t.Helper()
	return runIn(t.Context(), t, typed, args...)
}

// runIn is run until ctx ends.
func runIn(ctx context.Context, t *testing.T, typed string, args ...string) (out string, err error) {
	t.Helper()
	var c agent.Cmd
	var stdout, stderr bytes.Buffer
	parser, err := kong.New(&c, kong.Name("lienthong agent"), kong.Writers(&stdout, &stderr), kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		t.Fatal(err)
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	err = parsed.Run(&command.Streams{In: strings.NewReader(typed), Out: &stdout, Err: &stderr, Lang: "en"})
	if strings.Contains(stderr.String(), "goroutine") {
		t.Error(stderr.String())
	}
	return stdout.String(), err
}

func code(err error) string {
	if err == nil {
		return ""
	}
	return fault.Of(err).Code
}

// newHub enrols who shows MOI-1 and logs everybody in.
func newHub(t *testing.T) string {
	t.Helper()
	_, spki, err := client.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/enrolments", func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil || !strings.Contains(string(b), `"MOI-1"`) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"code":"invite.invalid"}`)
			return
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"client_id":"79901-2","kid":"k2","facility":"79901","hub":"lienthong.test","state":"active","receipt_keys":[{"kid":"r1","spki":"`+base64.StdEncoding.EncodeToString(spki)+`"}]}`)
	})
	mux.HandleFunc("POST /oauth2/token", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"access_token":"t","token_type":"Bearer","expires_in":300}`)
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL
}

// sealing writes a facility's PKCS#12 file under the password "mật khẩu".
func sealing(t *testing.T) (path string, pair seal.KeyPair) {
	t.Helper()
	pair, err := simulator.NewPair("Bệnh viện Thử", "0300000001", clock.System{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := pair.EncodePKCS12("mật khẩu")
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "chungthu.p12")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, pair
}

// place is short: the socket's path has a limit.
func place(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "lt")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestAClerkIsDoneInOneCommand(t *testing.T) {
	t.Parallel()
	url, dir := newHub(t), place(t)
	p12, _ := sealing(t)
	at := filepath.Join(dir, "agent")
	if _, err := run(t, "SAI\n", "setup", "--hub", url, "--dir", at, "--folder", filepath.Join(dir, "gui"), "--proxy", "direct"); code(err) != "invite.invalid" {
		t.Fatalf("a wrong code: %v", err)
	}
	out, err := run(t, "MOI-1\n", "setup", "--hub", url, "--dir", at, "--folder", filepath.Join(dir, "gui"), "--proxy", "direct", "--pkcs12", p12, "--software", "HIS/1.0")
	if err != nil || !strings.Contains(out, "79901") || !strings.Contains(out, "login at the hub succeeded") {
		t.Fatalf("%s, %v", out, err)
	}
	h, err := home.Open(at)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(p12)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := h.Read("seal.p12"); err != nil || !bytes.Equal(got, want) || h.Config().Signer.File != h.Path("seal.p12") {
		t.Errorf("the key was not copied: %v", err)
	}
	if _, err := run(t, "", "setup", "--hub", url, "--dir", at, "--invite", "MOI-1"); code(err) != "agent.exists" {
		t.Errorf("a second time: %v", err)
	}
	root := filepath.Join(dir, "root")
	if out, err = run(t, "", "install", "--dir", at, "--root", root, "--binary", p12); err != nil || !strings.Contains(out, "agent pin") {
		t.Fatalf("%s, %v", out, err)
	}
	unit, err := os.ReadFile(filepath.Join(root, "etc/systemd/system/lienthong-agent.service"))
	if err != nil || !strings.Contains(string(unit), filepath.Join(dir, "gui")) || !strings.Contains(string(unit), "--dir \""+at+"\"") {
		t.Errorf("%s, %v", unit, err)
	}
	if _, err := run(t, "", "uninstall", "--root", root); err != nil {
		t.Fatal(err)
	}
	if _, err := home.Open(at); err != nil {
		t.Errorf("the agent went with its service: %v", err)
	}
}

func TestKeysThatDoNotFitAreFoundBeforeTheInviteIsSpent(t *testing.T) {
	t.Parallel()
	dir := place(t)
	_, a := sealing(t)
	_, b := sealing(t)
	both, _, err := simulator.Files(a)
	if err != nil {
		t.Fatal(err)
	}
	_, cert, err := simulator.Files(b)
	if err != nil {
		t.Fatal(err)
	}
	key, other := filepath.Join(dir, "key.pem"), filepath.Join(dir, "cert.pem")
	if err := os.WriteFile(key, bytes.SplitAfter(both, []byte("-----END PRIVATE KEY-----\n"))[0], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(other, cert, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = run(t, "MOI-1\n", "setup", "--hub", newHub(t), "--dir", filepath.Join(dir, "agent"), "--folder", filepath.Join(dir, "gui"), "--key", key, "--cert", other)
	if code(err) != "seal.key" {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "agent")); !os.IsNotExist(err) {
		t.Errorf("something was made: %v", err)
	}
}

// started is an agent set up with the key, its control open.
func started(t *testing.T) (dir string, seals *signer.Sealer) {
	t.Helper()
	url, dir := newHub(t), place(t)
	p12, _ := sealing(t)
	at := filepath.Join(dir, "agent")
	if _, err := run(t, "MOI-1\n", "setup", "--hub", url, "--dir", at, "--folder", filepath.Join(dir, "gui"), "--pkcs12", p12); err != nil {
		t.Fatal(err)
	}
	h, err := home.Open(at)
	if err != nil {
		t.Fatal(err)
	}
	if seals, err = choose.Signer(t.Context(), h, clock.System{}); err != nil {
		t.Fatal(err)
	}
	srv, err := control.Listen(h, control.Agent{Version: update.Version(), Clock: clock.System{}, Signer: seals})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return at, seals
}

func TestAfterAStartItWaitsForThePIN(t *testing.T) {
	t.Parallel()
	at, seals := started(t)
	out, err := run(t, "", "status", "--dir", at)
	if !errors.Is(err, command.ErrNo) || !strings.Contains(out, "waiting for PIN") || !strings.Contains(out, "3 tries left") {
		t.Fatalf("%s, %v", out, err)
	}
	if _, err := run(t, "sai\n", "pin", "--dir", at); code(err) != "signer.pin_wrong" {
		t.Fatal(err)
	}
	if out, err = run(t, "mật khẩu\n", "pin", "--dir", at); err != nil || !strings.Contains(out, "ready") {
		t.Fatalf("%s, %v", out, err)
	}
	if seals.State().Phase != signer.Ready {
		t.Errorf("%+v", seals.State())
	}
	out, err = run(t, "", "status", "--json", "--dir", at)
	var said struct {
		Running bool            `json:"running"`
		Agent   *control.Status `json:"agent"`
	}
	if e := json.Unmarshal([]byte(out), &said); err != nil || e != nil || !said.Running || said.Agent.Signer.Phase != signer.Ready || !strings.Contains(said.Agent.Signer.Certificate.Subject, "Thử") {
		t.Errorf("%s, %v, %v", out, err, e)
	}
	for range 3 {
		if _, err := run(t, "x\n", "pin", "--dir", at); code(err) != "signer.pin_unneeded" {
			t.Error(err)
		}
	}
	if out, err := run(t, "", "pin", "--unlock", "--dir", at); err != nil || !strings.Contains(out, "ready") {
		t.Errorf("%s, %v", out, err)
	}
}

func TestNobodyAnswersForAnAgentThatDoesNotRun(t *testing.T) {
	t.Parallel()
	url, dir := newHub(t), place(t)
	if _, err := run(t, "", "status", "--dir", filepath.Join(dir, "none")); code(err) != "agent.not_set_up" {
		t.Errorf("no agent: %v", err)
	}
	at := filepath.Join(dir, "agent")
	if _, err := run(t, "MOI-1\n", "setup", "--hub", url, "--dir", at, "--folder", filepath.Join(dir, "gui")); err != nil {
		t.Fatal(err)
	}
	if out, err := run(t, "", "status", "--dir", at); !errors.Is(err, command.ErrNo) || !strings.Contains(out, "not running on this machine") {
		t.Errorf("%s, %v", out, err)
	}
	if _, err := run(t, "1234\n", "pin", "--dir", at); code(err) != "agent.not_running" {
		t.Errorf("pin: %v", err)
	}
	if _, err := run(t, "", "update", "--dir", at); code(err) != "update.key" {
		t.Errorf("update without a key: %v", err)
	}
}

func TestTrustPrintsOrDoesTheSteps(t *testing.T) {
	t.Parallel()
	at, _ := started(t)
	out, err := run(t, "", "trust", "--dir", at)
	if err != nil || !strings.Contains(out, "127.0.0.1 egw.baohiemxahoi.gov.vn") || !strings.Contains(out, "local-ca.pem") {
		t.Fatalf("%s, %v", out, err)
	}
	root := place(t)
	reader := filepath.Join(root, "update")
	if err := os.WriteFile(reader, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := run(t, "", "trust", "--install", "--root", root, "--update", reader, "--dir", at); err != nil {
		t.Fatal(err)
	}
	h, err := home.Open(at)
	if err != nil || h.Config().Secure != "127.0.0.1:443" {
		t.Fatalf("%+v, %v", h.Config(), err)
	}
	if _, err := run(t, "", "install", "--dir", at, "--root", root, "--binary", reader); err != nil {
		t.Fatal(err)
	}
	if unit, err := os.ReadFile(filepath.Join(root, "etc/systemd/system/lienthong-agent.service")); err != nil || !strings.Contains(string(unit), "CAP_NET_BIND_SERVICE") {
		t.Errorf("the service may not listen on 443: %v", err)
	}
	if _, err := run(t, "", "trust", "--remove", "--root", root, "--update", reader, "--dir", at); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(root, "etc/hosts")); err != nil || len(b) != 0 {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := run(t, "", "trust", "--host", "not a name", "--dir", at); code(err) != "trust.host" {
		t.Error(err)
	}
}

func TestAReleaseIsSignedWithAKeyOfItsOwn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key, manifest, program := filepath.Join(dir, "release.key"), filepath.Join(dir, "update.txt"), filepath.Join(dir, "lienthong-linux")
	if err := os.WriteFile(program, []byte("program"), 0o700); err != nil {
		t.Fatal(err)
	}
	public, err := run(t, "", "release", "--key", key, "--new-key", "releases.example.vn")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := run(t, "", "release", "--key", key, "--new-key", "releases.example.vn"); !errors.Is(err, os.ErrExist) {
		t.Errorf("the key was written over: %v", err)
	}
	if _, err := run(t, "", "release", "--key", key, "--version", "1.4.0", "-o", manifest, "linux/amd64="+program); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	m, err := update.OpenManifest(b, public)
	if err != nil || m.Version != "1.4.0" || m.Programs[0].Name != "lienthong-linux" || m.Programs[0].Size != 7 {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := run(t, "", "release", "--key", key, "--version", "next", "-o", manifest, "linux/amd64="+program); code(err) != "update.manifest" {
		t.Errorf("no version: %v", err)
	}
}
