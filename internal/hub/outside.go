package hub

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lienthong/internal/bridge/outbound"
	"lienthong/internal/bridge/revocation"
	"lienthong/internal/bridge/tsa"
	"lienthong/internal/notary"
)

// Outside says how often services outside are asked; zero fields are filled.
type Outside struct {
	Stamp   time.Duration // between time-stamps of a log that moves; 1 minute
	Ask     time.Duration // between rounds over signers' certificates; 5 seconds
	Witness time.Duration // between rounds over witnesses that cosign this hub's log; 5 seconds
	Timeout time.Duration // of one call; 10 seconds
	Renew   time.Duration // before the end of an authority's certificate a new stamp is demanded; 30 days
}

func (o Outside) withDefaults() Outside {
	if o.Stamp <= 0 {
		o.Stamp = time.Minute
	}
	if o.Witness <= 0 {
		o.Witness = 5 * time.Second
	}
	if o.Ask <= 0 {
		o.Ask = 5 * time.Second
	}
	return o
}

// openNotary wires time-stamps and revocation: what they know is read before
// the first file is judged, what they ask is asked in the background.
func (h *Hub) openNotary(ctx context.Context) error {
	h.cfg.Outside = h.cfg.Outside.withDefaults()
	own, err := strconv.Atoi(h.LogKey.Origin()[strings.LastIndexByte(h.LogKey.Origin(), '/')+1:])
	if err != nil {
		return fmt.Errorf("hub: the log's number: %w", err)
	}
	client := outbound.New(h.cfg.Outside.Timeout)
	h.Stamper, err = notary.NewStamper(notary.StamperDeps{Ledger: h.Slices.Ledger, Stamps: h.Slices.Stamps, Services: h.Slices.Services,
		Authority: tsa.New(client), Clock: h.cfg.Clock, Logger: h.cfg.Logger}, notary.StamperConfig{Own: own, Renew: h.cfg.Outside.Renew})
	if err != nil {
		return err
	}
	h.Checker, err = notary.NewChecker(notary.CheckerDeps{Store: h.Slices.Revocations, Services: h.Slices.Services,
		Responder: revocation.New(client), Clock: h.cfg.Clock, Logger: h.cfg.Logger})
	if err != nil {
		return err
	}
	if err := h.Checker.Load(ctx); err != nil {
		return err
	}
	h.Trust.Consult(h.Checker)
	return h.metrics.Registry.Register(&outsideMetrics{h})
}

// outsideMetrics shows the operator what of the outside is late.
type outsideMetrics struct{ hub *Hub }

var (
	stampBehind = prometheus.NewDesc("lienthong_stamp_unstamped_leaves", "Leaves behind the newest time-stamped checkpoint.", []string{"log"}, nil)
	stampAt     = prometheus.NewDesc("lienthong_stamp_time_seconds", "Time the newest time-stamp proves, Unix; 0: none yet.", []string{"log"}, nil)
	stampLate   = prometheus.NewDesc("lienthong_stamp_late_seconds", "How long a time-stamp has been demanded in vain.", []string{"log"}, nil)
	stampFailed = prometheus.NewDesc("lienthong_stamp_failed_attempts", "Attempts that failed since a time-stamp is late.", []string{"log", "code"}, nil)
	stampRenew  = prometheus.NewDesc("lienthong_stamp_renewal_due", "1: the authority's certificate of the newest time-stamp ends soon.", []string{"log"}, nil)
	certsKnown  = prometheus.NewDesc("lienthong_signers_known", "Signers' certificates with an answer about their revocation, by state.", []string{"state"}, nil)
	certsFailed = prometheus.NewDesc("lienthong_signers_failing", "Signers' certificates whose last asking failed.", nil, nil)
	certsLate   = prometheus.NewDesc("lienthong_signers_late_seconds", "How long the longest due certificate has waited for an answer.", nil, nil)
	annotated   = prometheus.NewDesc("lienthong_seals_annotated_total", "Records whose seal turned out revoked or disputed, since the start.", nil, nil)
)

// Describe and Collect implement prometheus.Collector.
func (m *outsideMetrics) Describe(out chan<- *prometheus.Desc) {
	prometheus.DescribeByCollect(m, out)
}

// Collect gives the figures of this moment.
func (m *outsideMetrics) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	since := func(t time.Time) float64 {
		if t.IsZero() {
			return 0
		}
		return max(0, m.hub.cfg.Clock.Now().Sub(t).Seconds())
	}
	for _, s := range m.hub.Stamper.Status() {
		log, at, renew := strconv.Itoa(s.Log), 0.0, 0.0
		if !s.At.IsZero() {
			at = float64(s.At.Unix())
		}
		if s.RenewalDue {
			renew = 1
		}
		gauge(stampBehind, float64(s.Size-min(s.Covered, s.Size)), log)
		gauge(stampAt, at, log)
		gauge(stampLate, since(s.Late), log)
		gauge(stampFailed, float64(s.Attempts), log, s.Code)
		gauge(stampRenew, renew, log)
	}
	c := m.hub.Checker.Progress()
	gauge(certsKnown, float64(c.Known-c.Revoked), "good")
	gauge(certsKnown, float64(c.Revoked), "revoked")
	gauge(certsFailed, float64(c.Failing))
	gauge(certsLate, since(c.Late))
	out <- prometheus.MustNewConstMetric(annotated, prometheus.CounterValue, float64(c.Annotated))
}
