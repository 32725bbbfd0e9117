package simulator_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"lienthong/internal/bridge/insurer/simulator"
)

func TestHandsOnInOrderAndTriesAgain(t *testing.T) {
	t.Parallel()
	dead := true
	var got []string
	g := setup(t, simulator.Config{PassOn: func(_ context.Context, facility string, doc []byte) error {
		if dead {
			return errors.New("no line")
		}
		got = append(got, facility+" "+string(doc))
		return nil
	}})
	g.login()
	if a := g.submit(submission(dossier(lan("A1")))); a.MaKetQua != "200" {
		t.Fatalf("a dead health book stops the insurer: %+v", a)
	}
	if c := g.counts(); c.Extra["waiting_to_pass_on"] != 1 || c.Extra["passed_on"] != 0 {
		t.Errorf("%+v", c.Extra)
	}
	dead = false
	g.submit(submission(dossier(lan("A2"))))
	if err := g.sim.Hold([]byte(dossier(lan("A3")))); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0] != "79901 "+dossier(lan("A1")) || got[1] != "79901 "+dossier(lan("A2")) {
		t.Errorf("%q", got)
	}
	if c := g.counts(); c.Extra["waiting_to_pass_on"] != 0 || c.Extra["passed_on"] != 2 || c.Held != 3 {
		t.Errorf("%+v", c)
	}
	if err := g.sim.Hold([]byte(`<CHI_TIEU_TRANG_THAI_KCB><D><T><MA_LK>1</MA_LK><MA_CSKCB>79901</MA_CSKCB></T></D></CHI_TIEU_TRANG_THAI_KCB>`)); err != nil || g.counts().Kinds["checkin"].Held != 1 {
		t.Errorf("a check-in list is not held: %v", err)
	}
	if err := g.sim.Hold([]byte("<a/>")); err == nil {
		t.Error("holds what is no dossier")
	}
}

// Many at once: each is counted, none is lost, the journal has whole lines.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	var journal bytes.Buffer
	g := setup(t, simulator.Config{Journal: &journal})
	g.login()
	const senders, each = 8, 10
	var all sync.WaitGroup
	for n := range senders {
		all.Go(func() {
			for i := range each {
				raw, _ := json.Marshal(submission(dossier(lan(fmt.Sprintf("A%d-%d", n, i/2))))) // each episode twice
				r := httptest.NewRequest("POST", path3176, bytes.NewReader(raw))
				r.Header.Set("accessToken", g.token)
				r.Header.Set("tokenId", g.id)
				r.Header.Set("passwordHash", password)
				r.RemoteAddr = "127.0.0.1:1"
				w := httptest.NewRecorder()
				g.sim.ServeHTTP(w, r)
				if !strings.Contains(w.Body.String(), `"maKetQua":"200"`) {
					t.Errorf("%s", w.Body)
				}
			}
		})
	}
	all.Wait()
	c := g.counts()
	if c.Recorded != senders*each || c.Held != senders*each/2 || c.Duplicates != senders*each/2 || strings.Count(journal.String(), "}\n") != senders*each {
		t.Errorf("%+v", c)
	}
}
