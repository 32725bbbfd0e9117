package hub

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lienthong/internal/admin"
	"lienthong/internal/alarm"
	"lienthong/internal/bridge/axis"
	"lienthong/internal/bridge/eid"
	"lienthong/internal/bridge/feed"
	"lienthong/internal/bridge/insurer"
	"lienthong/internal/bridge/outbound"
	"lienthong/internal/bridge/parent"
	"lienthong/internal/bridge/prescription"
	"lienthong/internal/bridge/vneid"
	"lienthong/internal/bridge/webhook"
	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/courier"
	"lienthong/internal/exchange"
	"lienthong/internal/facility"
	"lienthong/internal/hub/rooms"
)

// Delivery is how legs are carried out.
type Delivery struct {
	Adapters map[string]courier.Adapter // beside, or in place of, those of this release
	Courier  courier.Config
	Timeout  time.Duration // of one call outside; default 45 seconds
}

// delivery is the hub's side of legs: the plan of this moment and who carries it out.
type delivery struct {
	plan     atomic.Pointer[exchange.Plan]
	reading  sync.Mutex // held while the plan is read: by the second, and by acts
	epoch    int64
	adapters map[string]courier.Adapter
	all      []exchange.Destination
	rates    *alarm.Rates // of attempts, for alarms
}

// openPlan reads where records go, before the first one is taken in.
func (h *Hub) openPlan(ctx context.Context) error {
	d := h.cfg.Delivery
	if d.Timeout <= 0 {
		d.Timeout = 45 * time.Second
	}
	client := outbound.New(d.Timeout)
	h.delivery.adapters = map[string]courier.Adapter{
		"insurer": insurer.New(client, h.cfg.Clock), "vneid": vneid.New(client, h.cfg.Clock), "prescription": prescription.New(client, h.cfg.Clock),
		"axis": axis.New(client, h.cfg.Clock), "webhook": webhook.New(client, h.cfg.Clock),
		eid.AdapterName: rooms.Identities{}, rooms.Residents: rooms.Register{}, feed.AdapterName: rooms.Register{}, // providers of identities, feeds: approved entries without legs
		"parent": parent.New(client, h.cfg.Clock, h.cfg.Logger, h.Slices.Witness),
	}
	maps.Copy(h.delivery.adapters, d.Adapters)
	h.delivery.plan.Store(exchange.NewPlan(nil, nil))
	h.delivery.epoch = -1
	return h.readPlan(ctx)
}

// readPlan takes over what changed of destinations and routes. It is asked every
// second, and by acts that change them before they answer: where nothing changed
// it costs one small question.
func (h *Hub) readPlan(ctx context.Context) error {
	h.delivery.reading.Lock()
	defer h.delivery.reading.Unlock()
	epoch, err := h.Slices.Destinations.Epoch(ctx)
	if err != nil || epoch == h.delivery.epoch {
		return err
	}
	destinations, routes, err := h.Slices.Destinations.Destinations(ctx)
	if err != nil {
		return err
	}
	var originals, histories []string
	for name, a := range h.delivery.adapters {
		wants := a.Wants()
		if wants.Original {
			originals = append(originals, name)
		}
		if wants.History {
			histories = append(histories, name)
		}
	}
	h.delivery.plan.Store(exchange.NewPlan(destinations, routes, originals...).Keeping(histories...))
	h.delivery.epoch, h.delivery.all = epoch, destinations
	if h.Courier != nil {
		h.Courier.Set(destinations)
	}
	return nil
}

// openCourier wires who carries legs out; it begins with the hub.
func (h *Hub) openCourier() error {
	counts := newDelivered()
	h.delivery.rates = alarm.NewRates()
	counts.rates, counts.clock = h.delivery.rates, h.cfg.Clock
	var err error
	h.Courier, err = courier.New(courier.Deps{
		Legs: h.Slices.Legs, Records: h.Slices.Records, Secrets: h.Slices.Secrets, Disclose: h.Disclose, Vault: h.Vault,
		Facility: func(code care.FacilityCode) (facility.Version, bool) {
			return h.Trust.Current().Directory.Current(code)
		},
		Adapters: h.delivery.adapters, Clock: h.cfg.Clock, Logger: h.cfg.Logger, Observer: counts,
	}, h.cfg.Delivery.Courier)
	if err != nil {
		return err
	}
	h.metrics.Registry.MustRegister(counts.attempts, counts.seconds, counts.secrets)
	return h.metrics.Registry.Register(&legMetrics{h})
}

// delivered counts attempts. Labels hold a destination and one of few words,
// never what a destination said.
type delivered struct {
	attempts *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	secrets  *prometheus.CounterVec
	rates    *alarm.Rates
	clock    clock.Clock
}

func newDelivered() *delivered {
	return &delivered{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "lienthong_leg_attempts_total",
			Help: "Attempts at deliveries, by outcome: finalized, received, refused, again, down."}, []string{"destination", "outcome"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "lienthong_leg_attempt_seconds",
			Help: "Time of one attempt.", Buckets: prometheus.ExponentialBuckets(0.005, 2, 14)}, []string{"destination"}),
		secrets: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "lienthong_leg_secrets_opened_total",
			Help: "Credentials for destinations that were opened."}, []string{"destination"}),
	}
}

// Attempted counts an attempt.
func (d *delivered) Attempted(destination, outcome string, took time.Duration) {
	d.attempts.WithLabelValues(destination, outcome).Inc()
	d.seconds.WithLabelValues(destination).Observe(took.Seconds())
	d.rates.Attempted(destination, outcome, d.clock.Now())
}

// SecretOpened counts an opening.
func (d *delivered) SecretOpened(destination string) { d.secrets.WithLabelValues(destination).Inc() }

// legMetrics shows the operator how the ways out stand.
type legMetrics struct{ hub *Hub }

var (
	legQueue   = prometheus.NewDesc("lienthong_leg_queue", "Legs by state: waiting, carried, held, parked.", []string{"destination", "state"}, nil)
	legOldest  = prometheus.NewDesc("lienthong_leg_oldest_seconds", "Age of the oldest leg that waits or is carried.", []string{"destination"}, nil)
	legBreaker = prometheus.NewDesc("lienthong_leg_breaker", "0: closed, 1: half open, 2: open.", []string{"destination"}, nil)
)

// Describe and Collect implement prometheus.Collector.
func (m *legMetrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{legQueue, legOldest, legBreaker} {
		out <- d
	}
}

// Collect gives the figures of this moment; what cannot be read is left out.
func (m *legMetrics) Collect(out chan<- prometheus.Metric) {
	states, err := m.hub.Courier.Status(context.Background())
	if err != nil {
		return
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	open := map[exchange.BreakerState]float64{exchange.HalfOpen: 1, exchange.Open: 2}
	for _, s := range states {
		gauge(legQueue, float64(s.Queue.Waiting), s.ID, "waiting")
		gauge(legQueue, float64(s.Queue.Carried), s.ID, "carried")
		gauge(legQueue, float64(s.Queue.Held), s.ID, "held")
		gauge(legQueue, float64(s.Queue.Parked), s.ID, "parked")
		age := 0.0
		if !s.Queue.Oldest.IsZero() {
			age = max(0, m.hub.cfg.Clock.Now().Sub(s.Queue.Oldest).Seconds())
		}
		gauge(legOldest, age, s.ID)
		gauge(legBreaker, open[s.Breaker], s.ID)
	}
}

// ways tells how the ways to destinations stand.
type ways struct{ courier *courier.Courier }

// Ways returns every destination in use with its queue.
func (w ways) Ways(ctx context.Context) ([]admin.Way, error) {
	states, err := w.courier.Status(ctx)
	if err != nil {
		return nil, err
	}
	moment := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	out := make([]admin.Way, len(states))
	for i := range states {
		s := &states[i]
		out[i] = admin.Way{Destination: s.ID, Adapter: s.Adapter, Name: s.Name, Paused: moment(s.Paused), Ended: moment(s.Ended), Breaker: s.Breaker,
			Since: moment(s.Since), Until: moment(s.Until), PerSecond: s.PerSecond, Parallel: s.Parallel, Running: s.Running, Waiting: s.Queue.Waiting,
			Carried: s.Queue.Carried, Held: s.Queue.Held, Parked: s.Queue.Parked, Sent24h: s.Queue.Sent24h, Oldest: moment(s.Queue.Oldest),
			Code: s.Code, CodeAt: moment(s.CodeAt), Answered: moment(s.Answered)}
	}
	return out, nil
}
