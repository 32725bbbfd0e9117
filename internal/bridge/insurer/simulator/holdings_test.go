package simulator_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"testing"

	"lienthong/internal/bridge/insurer/simulator"
)

// A gateway that keeps the newest bytes only still lists and counts every file,
// and takes one again that comes again.
func TestBytesOfOldFilesAreLetGo(t *testing.T) {
	t.Parallel()
	g := setup(t, simulator.Config{Keep: 1})
	g.login()
	status := func(episode string) int {
		sum := sha256.Sum256([]byte(dossier(lan(episode))))
		res, err := http.DefaultClient.Do(g.request("GET", "/api/lienthong/holdings/"+hex.EncodeToString(sum[:]), nil))
		if err != nil {
			t.Fatal(err)
		}
		if err := res.Body.Close(); err != nil {
			t.Fatal(err)
		}
		return res.StatusCode
	}
	for _, step := range []struct {
		sent string
		want map[string]int
	}{
		{"A1", map[string]int{"A1": 200}},
		{"A2", map[string]int{"A1": 410, "A2": 200}},
		{"A1", map[string]int{"A1": 200, "A2": 410}},
	} {
		g.submit(submission(dossier(lan(step.sent))))
		for episode, want := range step.want {
			if got := status(episode); got != want {
				t.Errorf("after %s: the bytes of %s answer %d, want %d", step.sent, episode, got, want)
			}
		}
	}
	var all struct{ Items []simulator.Held }
	if g.do(g.request("GET", "/api/lienthong/holdings", nil), &all); len(all.Items) != 2 {
		t.Errorf("%d files are listed", len(all.Items))
	}
}
