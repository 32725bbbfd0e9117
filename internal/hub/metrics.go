package hub

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// metrics watches intake for the operator. No label holds a facility or a
// person: cardinality and privacy both ask for it.
type metrics struct {
	registry *prometheus.Registry
	files    *prometheus.CounterVec
	dossiers *prometheus.CounterVec
	fileTime *prometheus.HistogramVec
	groups   prometheus.Histogram
	commits  prometheus.Histogram
	lost     prometheus.Gauge
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		files: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "lienthong_files_total",
			Help: "Files answered, by kind and by refusal or deferral code (empty: decided)."}, []string{"kind", "code"}),
		dossiers: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "lienthong_dossiers_total",
			Help: "Dossiers decided, by kind and verdict."}, []string{"kind", "state", "replay"}),
		fileTime: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "lienthong_file_seconds",
			Help: "From a file's last byte to its receipt.", Buckets: prometheus.ExponentialBuckets(0.001, 2, 14)}, []string{"kind"}),
		groups: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "lienthong_group_size",
			Help: "Dossiers committed together.", Buckets: []float64{1, 2, 4, 8, 16, 32, 64}}),
		commits: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "lienthong_commit_seconds",
			Help: "Time of one group's commit.", Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14)}),
	}
	m.lost = newLost(m.registry)
	m.registry.MustRegister(m.files, m.dossiers, m.fileTime, m.groups, m.commits,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// File counts a file's answer.
func (m *metrics) File(kind, code string, took time.Duration) {
	m.files.WithLabelValues(kind, code).Inc()
	m.fileTime.WithLabelValues(kind).Observe(took.Seconds())
}

// Dossier counts a verdict.
func (m *metrics) Dossier(kind, state string, replay bool) {
	again := "no"
	if replay {
		again = "yes"
	}
	m.dossiers.WithLabelValues(kind, state, again).Inc()
}

// Group counts a commit.
func (m *metrics) Group(size int, took time.Duration) {
	m.groups.Observe(float64(size))
	m.commits.Observe(took.Seconds())
}
