package simulate_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"lienthong/internal/agent/signer"
	"lienthong/internal/agent/signer/remote"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
)

type tries struct{}

func (tries) Tries() int { return 0 }

func (tries) SaveTries(int) error { return nil }

// A remote signing service is run, used, and run again with the same key.
func TestRemoteSigning(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pin := filepath.Join(dir, "pin")
	if err := os.WriteFile(pin, []byte("246810\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var serial string
	for _, more := range [][]string{nil, {"--fault", "503:server_error"}} {
		at, stop := run(t, append([]string{"csc", "--dir", filepath.Join(dir, "csc"), "--pin-file", pin}, more...)...)
		s := signer.New(t.Context(), remote.New(remote.Config{URL: at + "/csc/v2", ClientID: "lienthong", Clock: clock.System{}, HTTP: http.DefaultClient,
			Secret: func() (string, error) { return "simulated", nil }}), tries{}, clock.System{})
		if err := s.Unlock(t.Context(), "246810"); err != nil {
			t.Fatal(err)
		}
		if now := s.Certificate().SerialNumber.String(); serial != "" && now != serial {
			t.Error("another key after a new start")
		} else {
			serial = now
		}
		_, err := s.SealDetached(t.Context(), []byte("{}"))
		if more == nil && err != nil || more != nil && fault.Of(err).Code != "signer.unavailable" {
			t.Errorf("%v: %v", more, err)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	}
}
