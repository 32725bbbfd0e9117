package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lienthong/internal/agent"
	"lienthong/internal/agent/door"
	"lienthong/internal/agent/enrol"
	"lienthong/internal/agent/home"
	"lienthong/internal/agent/spool"
	"lienthong/internal/agent/station"
	"lienthong/internal/hub"
	"lienthong/internal/intake"
	"lienthong/internal/seal"
	"lienthong/internal/store"
	"lienthong/internal/web/gateway"
)

// branch is an agent on a facility's own machine, with its drop-in gateway.
type branch struct {
	w       *world
	station *station.Station
	spool   *spool.Spool
	server  *httptest.Server
}

// agentOf enrols an agent by an invite and opens its gateway for a HIS.
func (w *world) agentOf(code, user, password string) *branch {
	w.t.Helper()
	dir := filepath.Join(w.t.TempDir(), "agent")
	got := must(enrol.Setup(w.ctx, enrol.Options{Dir: dir, Invite: w.invite("test", code), Config: home.Config{Hub: w.server.URL, Software: "HIS/1.0"}}))
	h := got.Home
	p := &branch{w: w, spool: must(spool.Open(w.ctx, h.Path("spool.db"), must(h.SpoolKey()), spool.Config{Clock: w.clock}))}
	w.t.Cleanup(func() { w.check(p.spool.Close()) })
	client := must(agent.New(agent.Config{HubURL: w.server.URL, Credential: must(h.Credential()), Clock: w.clock}))
	logger := slog.New(slog.NewTextHandler(w.t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
	p.station = must(station.New(station.Deps{Spool: p.spool, Client: client, Kinds: hub.Kinds(), Compiler: hub.RuleCompiler(), Logger: logger,
		Checker: &intake.Checker{Kinds: hub.Kinds(), Seals: must(seal.NewVerifier(seal.Config{})), Rules: hub.Rules}},
		station.Config{Facility: h.Config().Facility, Clock: w.clock, Keys: h.ReceiptKeys, SaveKeys: h.SaveReceiptKeys}))
	hash := must(gateway.Hash(password, gateway.Cost{Memory: 64, Time: 1, Lanes: 1}))
	g := must(door.Gateway(p.station, store.GatewayAccount{Facility: h.Config().Facility, User: user, Hash: hash}, gateway.Deps{Clock: w.clock, Logger: logger}))
	mux := http.NewServeMux()
	g.Register(mux)
	p.server = httptest.NewServer(mux)
	w.t.Cleanup(p.server.Close)
	return p
}

// work looks at, sends and follows until nothing waits.
func (p *branch) work() {
	p.w.t.Helper()
	for range 100 {
		for n := 1; n > 0; {
			n = must(p.station.Look(p.w.ctx))
		}
		must(p.station.Step(p.w.ctx))
		must(p.station.Follow(p.w.ctx))
		if waits := must(p.station.Waiting(p.w.ctx)); len(waits.Queues) == 0 {
			return
		}
	}
	p.w.t.Fatal("something still waits")
}

// A HIS sends through the agent by the insurer's interface, hub away or not; the
// look-up gives the hub's verdict under the number the HIS was given at first.
func TestAScriptSendsThroughTheAgent(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("SKIPPED, NOT TESTED: no python3 on this machine")
	}
	engines(t, func(t *testing.T, w *world) {
		const password = "mật khẩu của bệnh viện"
		p := w.agentOf("79901", "79901_BV", password)
		dir := t.TempDir()
		file, arrived := filepath.Join(dir, "signed.xml"), filepath.Join(dir, "checkin.xml")
		w.check(os.WriteFile(file, ours(pairs().ec, envelope(newVisit())), 0o600))
		w.check(os.WriteFile(arrived, ours(pairs().ec, checkin(arrival())), 0o600))
		script := func() {
			t.Helper()
			cmd := exec.CommandContext(w.ctx, python, filepath.Join("..", "..", "script", "his.py"), p.server.URL, "79901_BV", "79901", file, arrived)
			cmd.Stdin = strings.NewReader(password)
			out, err := cmd.CombinedOutput()
			if err != nil || bytes.Contains(out, []byte("WRONG")) || bytes.Count(out, []byte("ok ")) < 16 {
				t.Errorf("%v\n%s", err, out)
			}
		}
		script() // while nothing goes out
		if waits := must(p.station.Waiting(w.ctx)); len(waits.Queues) == 0 {
			t.Fatal("nothing is in the spool")
		}
		p.work()
		script() // the same again, decided by now
		p.work()
		today := must(p.station.Today(w.ctx))
		if today.Accepted != 2 || today.Rejected+today.Refused != 0 {
			t.Errorf("%+v", today)
		}
	})
}

// What the HIS reads of each outcome, first and after the hub has decided.
func TestWhatTheAgentTellsAHIS(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		const password = "một mật khẩu đủ dài"
		p := w.agentOf("79901", "79901_BV", password)
		s := w.gatewayAccount("79901", "79901_BV", password, false) // the same account at the hub
		s.w = &world{t: t, server: p.server, ctx: w.ctx}
		if a := s.take(); a.Code != "200" {
			t.Fatalf("%+v", a)
		}
		k := pairs()
		send := func(file []byte) told {
			return s.post("/api/qd130/guiHoSoXmlQD3176", "application/json", s.body("130", file), s.headers()...)
		}
		status := func(reference string) told {
			req := must(http.NewRequest("GET", p.server.URL+"/api/kcb/tra-cuu-trang-thai/"+reference, nil))
			for h := s.headers(); len(h) > 1; h = h[2:] {
				req.Header[h[0]] = []string{h[1]}
			}
			return s.do(req)
		}
		good, bad := ours(k.ec, envelope(newVisit())), ours(k.ec, envelope(newVisit().set("XML1", "GIOI_TINH", "7")))
		first, second := send(good), send(bad)
		if first.Code != "200" || first.Reference == "" || first.State != "" || status(first.Reference).State != "waiting" {
			t.Errorf("taken: %+v", first)
		}
		if second.Code != "200" || len(second.Problems) == 0 || second.Problems[0].Code != "subject.sex" {
			t.Errorf("what was foreseen is not told: %+v", second)
		}
		p.work()
		if a := status(first.Reference); a.Code != "200" || a.State != "accepted" && a.State != "accepted_with_warnings" || a.Reference != first.Reference {
			t.Errorf("accepted: %+v", a)
		}
		if a := status(second.Reference); saidOf(a) != "205 subject.sex" || a.State != "rejected" || a.Reference != second.Reference {
			t.Errorf("rejected: %+v", a)
		}
		if a := send(good); a.Code != "200" || a.Reference != first.Reference {
			t.Errorf("again: %+v", a)
		}
		for name, c := range map[string]struct {
			file []byte
			want string
		}{
			"a broken seal":      {bytes.Replace(good, []byte("</GIAMDINHHS>"), []byte(" </GIAMDINHHS>"), 1), "125 seal.broken"},
			"no seal":            {[]byte(envelope(newVisit())), "125 seal.missing"},
			"another facility's": {ours(k.other, strings.Replace(envelope(newVisit()), "<MACSKCB>79901", "<MACSKCB>79902", 1)), "403 sender.not_allowed"},
			"no dossier":         {[]byte("<html/>"), "205 envelope.invalid"},
		} {
			if a := send(c.file); saidOf(a) != c.want || a.Reference != "" {
				t.Errorf("%s: %+v", name, a)
			}
		}
		if a := status(strings.Repeat("0", 32)); saidOf(a) != "205 spool.absent" {
			t.Errorf("nothing: %+v", a)
		}
		p.records(first.Reference)
	})
}

// records has the hub's own record beside the HIS's number, with its receipt.
func (p *branch) records(reference string) {
	p.w.t.Helper()
	entries := must(p.station.Receipts(context.Background(), spool.Ref(reference)))
	if len(entries) != 1 {
		p.w.t.Fatalf("%d answers", len(entries))
	}
	v := station.ReadVerdict(&entries[0])
	code, got := p.w.get("79901", "/api/v1/records/"+v.Record+"/receipt")
	if code != http.StatusOK || !json.Valid(v.Receipt) {
		p.w.t.Errorf("%d, receipt %s", code, v.Receipt)
	}
	var here, there any
	if err := errors.Join(json.Unmarshal(v.Receipt, &here), json.Unmarshal(got, &there)); err != nil {
		p.w.t.Error(err)
	}
}
