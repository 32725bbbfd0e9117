package meter

import (
	"github.com/prometheus/client_golang/prometheus"

	"lienthong/internal/admission"
)

// flow shows how dossiers flow in, asked for at each look. Lanes are labels,
// facilities are not: who sends most is told to the operator, not to metrics.
type flow struct {
	state func() admission.State

	waiting, commit, age, held, room, capacity, given, ahead *prometheus.Desc
}

func newFlow(state func() admission.State) *flow {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("lienthong_"+name, help, labels, nil)
	}
	return &flow{
		state:    state,
		waiting:  desc("waiting_files", "Files and handovers of tars held back at the door or before the work.", "lane"),
		commit:   desc("waiting_commit", "Dossiers that wait to be committed.", "lane"),
		age:      desc("waiting_age_seconds", "How long the one that waited longest has waited.", "lane"),
		held:     desc("in_flight_bytes", "Bytes of files held."),
		room:     desc("in_flight_bytes_limit", "Most bytes of files that may be held."),
		capacity: desc("capacity_bytes_per_second", "Bytes decided a second when there was most to do, as measured."),
		given:    desc("slots_given_total", "Slots given to senders that were turned away."),
		ahead:    desc("slots_ahead", "Slots given that are still to come."),
	}
}

// Describe is prometheus.Collector's.
func (f *flow) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{f.waiting, f.commit, f.age, f.held, f.room, f.capacity, f.given, f.ahead} {
		to <- d
	}
}

// Collect is prometheus.Collector's.
func (f *flow) Collect(to chan<- prometheus.Metric) {
	s := f.state()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, l := range s.Lanes {
		gauge(f.waiting, float64(l.Waiting), l.Lane)
		gauge(f.commit, float64(l.Commit), l.Lane)
		gauge(f.age, l.Age.Seconds(), l.Lane)
	}
	gauge(f.held, float64(s.InFlight))
	gauge(f.room, float64(s.Room))
	gauge(f.capacity, float64(s.Capacity))
	gauge(f.ahead, float64(s.Slots.Ahead))
	to <- prometheus.MustNewConstMetric(f.given, prometheus.CounterValue, float64(s.Slots.Given))
}
