package station_test

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lienthong/internal/agent"
	"lienthong/internal/agent/spool"
	"lienthong/internal/agent/station"
	"lienthong/internal/store"
)

func shaOf(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

func codes(t *testing.T, w *world) (out []string) {
	t.Helper()
	notices, err := w.station.Notices(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range notices {
		out = append(out, n.Code)
	}
	return out
}

// Whatever answers in the hub's place: nothing is lost, it is shown, and the
// agent goes on when the hub is itself again.
func TestAHubThatIsNotItself(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		odd  func(n int, w http.ResponseWriter, r *http.Request) bool
		code string // shown
	}{
		"garbage": {func(_ int, w http.ResponseWriter, _ *http.Request) bool {
			_, _ = w.Write([]byte("<html>log in to this wireless network</html>"))
			return true
		}, agent.ErrAnswer.Code},
		"garbage lines": {func(_ int, w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Type", "application/x-ndjson")
			_, _ = w.Write([]byte("{\"file\":\"\n\x00\x01"))
			return true
		}, ""},
		"an answer for another file": {func(_ int, w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Type", "application/x-ndjson")
			fmt.Fprintln(w, `{"file":"other.xml","index":0,"record":"r","state":"accepted"}`)
			return true
		}, agent.ErrAnswer.Code},
		"a redirect": {func(_ int, w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, "https://elsewhere.example/", http.StatusTemporaryRedirect)
			return true
		}, agent.ErrAnswer.Code},
		"nothing at all": {func(_ int, _ http.ResponseWriter, _ *http.Request) bool { panic(http.ErrAbortHandler) }, station.ErrOffline.Code},
		"a false encoding": {func(_ int, w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Encoding", "br")
			w.Header().Set("Content-Type", "application/x-ndjson")
			return true
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			w.hub.set(func() { w.hub.odd = c.odd })
			for _, s := range some(t, 5) {
				w.take(s.FileName, store.Routine, s.XML)
			}
			w.look()
			for range 6 {
				d, err := w.station.Step(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if d > time.Minute {
					t.Errorf("the next try is %v away", d)
				}
				w.clock.Advance(d)
			}
			if w.left() != 5 {
				t.Fatalf("%d are left", w.left())
			}
			if c.code != "" && !slices.Contains(codes(t, w), c.code) {
				t.Errorf("shown: %v", codes(t, w))
			}
			w.hub.set(func() { w.hub.odd = nil })
			w.steps(60)
			if n, _ := w.hub.counted(); n != 5 || w.left() != 0 {
				t.Errorf("the hub has %d, %d are left", n, w.left())
			}
			if got := codes(t, w); slices.Contains(got, agent.ErrAnswer.Code) || slices.Contains(got, station.ErrOffline.Code) {
				t.Errorf("still shown: %v", got)
			}
			w.whole()
		})
	}
}

// A certificate that is not the hub's, or a hub that drips its answer byte by
// byte, is a line that is down.
func TestAWrongCertificateIsNoHub(t *testing.T) {
	t.Parallel()
	w := setup(t)
	other := httptest.NewTLSServer(http.NewServeMux())
	defer other.Close()
	client, err := agent.New(agent.Config{HubURL: other.URL, Credential: w.cred, Clock: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	st, err := station.New(station.Deps{Spool: w.spool, Client: client, Kinds: w.station.Kinds, Logger: w.station.Logger},
		station.Config{Facility: facilityCode, Clock: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	w.station = st
	w.take("a.xml", store.Routine, some(t, 1)[0].XML)
	w.look()
	if _, err := st.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w.left() != 1 || st.Connection().Reachable || st.Connection().Code != agent.ErrUnreachable.Code {
		t.Errorf("%+v", st.Connection())
	}
}

// The hub says when to come again: not before, and not long after.
func TestASlotIsObeyed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		w := setup(t, func(_ *station.Deps, c *station.Config) { c.Spread = func(time.Duration) time.Duration { return 0 } })
		w.hub.set(func() {
			w.hub.odd = func(n int, rw http.ResponseWriter, _ *http.Request) bool {
				if n > 0 {
					return false
				}
				rw.Header().Set("Retry-After", "1234")
				problem(rw, status, "hub.busy")
				return true
			}
		})
		w.take("a.xml", store.Urgent, some(t, 1)[0].XML)
		w.look()
		d, err := w.station.Step(t.Context())
		if err != nil || d != 1234*time.Second {
			t.Fatalf("%v, %v", d, err)
		}
		w.clock.Advance(1233 * time.Second)
		if d, err := w.station.Step(t.Context()); err != nil || d != time.Second || w.hub.requests != 1 {
			t.Errorf("before its time: %v, %v, %d requests", d, err, w.hub.requests)
		}
		if until := w.station.Connection().Until; until.Sub(w.clock.Now()) != time.Second {
			t.Errorf("the slot shown begins %v", until)
		}
		w.clock.Advance(time.Second)
		w.steps(2)
		if w.left() != 0 {
			t.Error("not sent in its time")
		}
	}
}

// Two agents with one key: the second is told, stops, and says so.
func TestAForkStopsTheSender(t *testing.T) {
	t.Parallel()
	w := setup(t)
	list := some(t, 6)
	for _, s := range list[:2] {
		w.take(s.FileName, store.Routine, s.XML)
		w.look()
		w.steps(1)
	}
	if w.hub.sequence != 3 {
		t.Fatalf("the hub counts %d", w.hub.sequence)
	}
	if err := w.spool.Remember(t.Context(), "sequence", []byte(`{"n":2,"prev":"00000000000000000000000000000000"}`)); err != nil { // an old copy
		t.Fatal(err)
	}
	w.take("c", store.Routine, list[2].XML)
	w.look()
	d, err := w.station.Step(t.Context())
	if err != nil || d != time.Hour || !slices.Contains(codes(t, w), "sender.forked") {
		t.Errorf("%v, %v, %v", d, err, codes(t, w))
	}
	if n, _ := w.hub.counted(); n != 2 || w.left() != 1 {
		t.Errorf("the hub has %d, %d left", n, w.left())
	}
}

// A lost answer is no fork: the same place is taken again.
func TestALostAnswerIsNoFork(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.hub.set(func() {
		w.hub.odd = func(n int, rw http.ResponseWriter, r *http.Request) bool {
			if n == 1 { // it is taken, and the answer is lost with its header
				w.hub.place(httptest.NewRecorder(), r)
				panic(http.ErrAbortHandler)
			}
			return false
		}
	})
	for _, s := range some(t, 3) {
		w.take(s.FileName, store.Routine, s.XML)
		w.look()
		w.steps(4)
	}
	if n, _ := w.hub.counted(); n != 3 || slices.Contains(codes(t, w), "sender.forked") {
		t.Errorf("%d, %v", n, codes(t, w))
	}
}

// A clock that is wrong is shown, and changes no order.
func TestAWrongClockIsShown(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.hub.clock = shifted{w, -3 * time.Hour}
	w.take("a", store.Routine, some(t, 1)[0].XML)
	w.look()
	w.steps(1)
	if got := w.station.Connection().Skew; got.Round(time.Minute) != -3*time.Hour || !slices.Contains(codes(t, w), station.ErrClock.Code) {
		t.Errorf("%v, %v", got, codes(t, w))
	}
}

type shifted struct {
	w  *world
	by time.Duration
}

func (s shifted) Now() time.Time { return s.w.clock.Now().Add(s.by) }

// A damaged item is told apart from the others and closed.
func TestADamagedItemIsClosed(t *testing.T) {
	t.Parallel()
	w := setup(t)
	list := some(t, 3)
	for _, s := range list {
		w.take(s.FileName, store.Routine, s.XML)
	}
	w.look()
	key := spool.KeyOf(spool.Payload{File: spool.Part{Bytes: list[1].XML}})
	spoil(t, w, key)
	w.steps(5)
	i, err := w.spool.Get(t.Context(), spool.RefOf(key))
	if n, _ := w.hub.counted(); err != nil || n != 2 || i.State != spool.Refused || i.Code != spool.ErrDamaged.Code {
		t.Errorf("the hub has %d; %v %s, %v", n, i.State, i.Code, err)
	}
}

// What is no dossier never enters the spool.
func TestWhatIsNoDossierIsNotTaken(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for name, raw := range map[string][]byte{"empty": nil, "text": []byte("hello"), "html": []byte("<html></html>"), "json": []byte(`{"a":1}`),
		"cut": some(t, 1)[0].XML[:900], "long": bytes.Repeat([]byte("<"), 32<<20+1)} {
		_, err := w.station.Take(t.Context(), station.Item{Name: name, Payload: spool.Payload{File: spool.Part{Bytes: raw}}})
		if err == nil || strings.Contains(err.Error(), "broken") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if w.left() != 0 {
		t.Error("something was taken")
	}
}

// spoil changes a byte of what is kept of an item.
func spoil(t *testing.T, w *world, key [32]byte) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(w.dir, "spool.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`UPDATE payload SET body = CAST(substr(body, 1, 100) || x'0001' || substr(body, 103) AS BLOB) WHERE item = (SELECT id FROM item WHERE key = ?)`, key[:]); err != nil {
		t.Fatal(err)
	}
}

// A hub that drips its answer byte by byte, and never a line, is given up.
func TestADrippingHubIsGivenUp(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.hub.set(func() {
		w.hub.odd = func(_ int, rw http.ResponseWriter, r *http.Request) bool {
			rw.Header().Set("Content-Type", "application/x-ndjson")
			for r.Context().Err() == nil {
				_, _ = rw.Write([]byte(" "))
				_ = http.NewResponseController(rw).Flush()
				time.Sleep(5 * time.Millisecond)
			}
			return true
		}
	})
	client, err := agent.New(agent.Config{HubURL: w.hub.URL, Credential: w.cred, Clock: w.clock, Stall: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	st, err := station.New(station.Deps{Spool: w.spool, Client: client, Kinds: w.station.Kinds, Logger: w.station.Logger},
		station.Config{Facility: facilityCode, Clock: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	w.station = st
	w.take("a.xml", store.Routine, some(t, 1)[0].XML)
	w.look()
	if _, err := st.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w.left() != 1 || st.Connection().Code == "" {
		t.Errorf("%d left, %+v", w.left(), st.Connection())
	}
}
