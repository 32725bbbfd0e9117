// Package meter is what an operator's metrics know of a hub at work: the registry
// all parts register in, and what intake counts. It decides nothing.
package meter

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"lienthong/internal/admission"
	"lienthong/internal/insight"
)

// Meter watches intake for the operator. No label holds a facility or a
// person: cardinality and privacy both ask for it.
type Meter struct {
	Registry *prometheus.Registry
	files    *prometheus.CounterVec
	dossiers *prometheus.CounterVec
	fileTime *prometheus.HistogramVec
	groups   prometheus.Histogram
	commits  prometheus.Histogram
	lost     prometheus.Gauge
	took     [insight.Steps]atomic.Int64
}

// New makes a registry with what intake counts, the runtime and the process.
func New() *Meter {
	m := &Meter{
		Registry: prometheus.NewRegistry(),
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
	m.lost = prometheus.NewGauge(prometheus.GaugeOpts{Name: "lienthong_store_lost",
		Help: "1 when the data files were changed from outside and nothing more is received."})
	m.Registry.MustRegister(m.lost, m.files, m.dossiers, m.fileTime, m.groups, m.commits,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// File counts a file's answer.
func (m *Meter) File(kind, code string, took time.Duration) {
	m.files.WithLabelValues(kind, code).Inc()
	m.fileTime.WithLabelValues(kind).Observe(took.Seconds())
	if code == "" {
		m.took[insight.StepOf(took)].Add(1)
	}
}

// Took returns how long decided files took since it was asked last, by steps.
func (m *Meter) Took() (counts [insight.Steps]int64) {
	for i := range counts {
		counts[i] = m.took[i].Swap(0)
	}
	return counts
}

// Dossier counts a verdict.
func (m *Meter) Dossier(kind, state string, replay bool) {
	again := "no"
	if replay {
		again = "yes"
	}
	m.dossiers.WithLabelValues(kind, state, again).Inc()
}

// Group counts a commit.
func (m *Meter) Group(size int, took time.Duration) {
	m.groups.Observe(float64(size))
	m.commits.Observe(took.Seconds())
}

// Lost says that the data files were changed from outside.
func (m *Meter) Lost() { m.lost.Set(1) }

// Watch shows how dossiers flow in.
func (m *Meter) Watch(state func() admission.State) { m.Registry.MustRegister(newFlow(state)) }
