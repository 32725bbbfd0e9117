package e2e_test

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestTheDoorsScript: the client of doc/guide/his-door.md, as a HIS would run it.
func TestTheDoorsScript(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"python3", "openssl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED LOUDLY: no %s on this machine, the client of the HIS door was not run", tool)
		}
	}
	engines(t, func(t *testing.T, w *world) {
		w.wroteElsewhere()
		w.clock.Advance(max(0, time.Since(w.clock.Now()))) // the script has a clock of its own
		c := w.clients["79901"]
		key := filepath.Join(t.TempDir(), "key.pem")
		w.check(os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(c.key))}), 0o600))
		cmd := exec.CommandContext(w.ctx, "python3", filepath.Join("..", "..", "script", "his-door.py"), "summary", "--hub", w.server.URL, "--client", c.id,
			"--facility", "79901", "--key", key, "--licence", "001234/HCM-CCHN", "--name", "BS. Lê Văn Thử")
		cmd.Stdin = strings.NewReader(theirs + "\n")
		out, err := cmd.CombinedOutput()
		var a hisAnswer
		if err != nil || json.Unmarshal(out, &a) != nil || a.Basis != "own_record" || a.Own != 1 {
			t.Errorf("%v: %s", err, out)
		}
	})
}

// TestTheDoorIsQuick prints how long a summary takes beside the work of a HIS: the
// figure is p99 <= 100 ms; nothing is asserted on a shared machine.
func TestTheDoorIsQuick(t *testing.T) {
	t.Parallel()
	p := newCitizen()
	engines(t, func(t *testing.T, w *world) {
		w.wroteElsewhere()
		for range 20 {
			a, _ := w.send("79902", elsewhere(newVisit().set("XML1", "SO_CCCD", theirs)))
			if len(a) != 1 {
				t.Fatal(a)
			}
		}
		w.clinician("79901", 1).present(p, theirs, "79901")
		var took []time.Duration
		for range 60 {
			began := time.Now()
			if status, data := w.hisAsk("79901", "/api/v1/his/summary", "application/json", nil, nil); status != http.StatusOK {
				t.Fatalf("%d %s", status, data)
			}
			took = append(took, time.Since(began))
		}
		slices.Sort(took)
		t.Logf("HIS door, summary of 22 records: p50 %s, p99 %s", took[len(took)/2].Round(time.Millisecond), took[len(took)*99/100].Round(time.Millisecond))
	}, p.has)
}
