package hub

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lienthong/internal/admin"
	"lienthong/internal/disclose"
	"lienthong/internal/enrol"
	"lienthong/internal/facility"
	"lienthong/internal/ledger"
	"lienthong/internal/store"
	"lienthong/internal/web/edge"
)

// openEdge wires what facilities' agents ask for beside sending.
func (h *Hub) openEdge() (*edge.Edge, error) {
	key, err := ledger.NewReceiptKey(h.cfg.Keys.Receipt)
	if err != nil {
		return nil, err
	}
	if err := h.metrics.Registry.Register(&edgeMetrics{h}); err != nil {
		return nil, err
	}
	desk, err := enrol.New(enrol.Deps{Store: h.Slices.Enrolments, Refresh: h.Trust.Refresh, Clock: h.cfg.Clock, Random: rand.Reader})
	if err != nil {
		return nil, err
	}
	sequence, err := enrol.NewSequencer(enrol.SequencerDeps{Store: h.Slices.Enrolments, Secret: h.cfg.Keys.Token, Clock: h.cfg.Clock,
		Random: rand.Reader, Logger: h.cfg.Logger})
	if err != nil {
		return nil, err
	}
	return edge.New(edge.Deps{Hub: h.cfg.Name, Key: key, LogKeys: h.logLines, Directory: func() *facility.Directory { return h.Trust.Current().Directory },
		Pack: h.Rules, Books: h.live.Books, Sheets: h.Grades.Texts, Enrol: desk, Sequence: sequence, Feeds: h.Slices.Feeds, Legs: h.Slices.Legs, Reserve: h.Intake.Reserve, Clock: h.cfg.Clock,
		Episode: func(who edge.Caller, r *store.Record) string {
			return h.Disclose.Episode(disclose.Reader{Role: who.Role, Name: who.Name, Route: "/api/v1/feed"}, r)
		}})
}

// edgeMetrics shows the operator whom to look after.
type edgeMetrics struct{ hub *Hub }

var (
	sendersForked  = prometheus.NewDesc("lienthong_senders_forked", "Credentials in use whose sequence of requests forked: two systems with one key. Each needs a new one.", nil, nil)
	enrolmentsWait = prometheus.NewDesc("lienthong_enrolments_waiting", "Systems that enrolled and wait for a second person.", nil, nil)
)

// Describe and Collect implement prometheus.Collector.
func (m *edgeMetrics) Describe(out chan<- *prometheus.Desc) {
	out <- sendersForked
	out <- enrolmentsWait
}

// Collect gives the figures of this moment; what cannot be read is left out and
// seen as absent.
func (m *edgeMetrics) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if forks, err := m.hub.Slices.Enrolments.Forks(ctx); err == nil {
		out <- prometheus.MustNewConstMetric(sendersForked, prometheus.GaugeValue, float64(len(forks)))
	}
	if waiting, err := m.hub.Slices.Enrolments.Waiting(ctx); err == nil {
		out <- prometheus.MustNewConstMetric(enrolmentsWait, prometheus.GaugeValue, float64(len(waiting)))
	}
}

// logLines are the verifier lines of all logs, in order of their numbers.
func (h *Hub) logLines(ctx context.Context) ([]string, error) {
	numbers, err := h.Slices.Ledger.Logs(ctx)
	if err != nil {
		return nil, err
	}
	lines := make([]string, 0, len(numbers))
	for _, n := range numbers {
		key, err := h.cfg.Keys.LogKey(ledger.Origin(h.cfg.Name, uint(n)))
		if err != nil {
			return nil, err
		}
		lines = append(lines, key.Verifier())
	}
	return lines, nil
}

// applicants is who waits for approval, read again at most once a second: the
// token door asks for names that anybody may send.
type applicants struct {
	store store.Enrolments
	mu    sync.Mutex
	read  time.Time
	of    map[string]facility.Client
}

// client returns a waiting client. One that cannot be read now is not known.
func (a *applicants) client(ctx context.Context, id string) (facility.Client, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if time.Since(a.read) >= time.Second {
		waiting, err := a.store.Waiting(ctx)
		if err != nil {
			return facility.Client{}, false
		}
		a.of, a.read = make(map[string]facility.Client, len(waiting)), time.Now()
		for _, x := range waiting {
			a.of[x.ID] = x.Client
		}
	}
	c, ok := a.of[id]
	return c, ok
}

// Approve lets a waiting system in.
func (a *Acts) Approve(ctx context.Context, actor, client string) error {
	if err := a.Office.Approve(ctx, actor, client); err != nil {
		return err
	}
	return a.trust.Refresh(ctx)
}

var _ interface {
	Approve(ctx context.Context, actor, client string) error
	Enrolment(ctx context.Context) (admin.Enrolment, error)
} = (*Acts)(nil)
