package hub

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lienthong/internal/bridge/outbound"
	bridge "lienthong/internal/bridge/witness"
	"lienthong/internal/bundle"
	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/facility"
	"lienthong/internal/role"
	"lienthong/internal/seal"
	"lienthong/internal/store"
	"lienthong/internal/web/portal/desk"
	"lienthong/internal/web/portal/view"
	"lienthong/internal/witness"
)

// openWitness wires both sides of witnessing, and what evidence bundles are
// collected from.
func (h *Hub) openWitness(seals *seal.Verifier) error {
	cosigner, err := h.cfg.Keys.Cosigner(h.cfg.Name + "/witness")
	if err != nil {
		return err
	}
	if h.Watcher, err = witness.NewWatcher(h.Slices.Witness, cosigner, h.cfg.Clock, h.cfg.Logger); err != nil {
		return err
	}
	own, err := strconv.Atoi(h.LogKey.Origin()[strings.LastIndexByte(h.LogKey.Origin(), '/')+1:])
	if err != nil {
		return fmt.Errorf("hub: the log's number: %w", err)
	}
	h.Asker, err = witness.NewAsker(witness.AskerDeps{Ledger: h.Slices.Ledger, Store: h.Slices.Witness, Reader: h.Receipts.Reader,
		Witness: bridge.New(outbound.New(h.cfg.Outside.Timeout)), Clock: h.cfg.Clock, Logger: h.cfg.Logger}, own)
	if err != nil {
		return err
	}
	h.Bundles, err = bundle.NewCollector(bundle.Deps{Disclose: h.Disclose, Receipts: h.Receipts, Ledger: h.Slices.Ledger, Stamps: h.Slices.Stamps,
		Revocations: h.Slices.Revocations, Services: h.Slices.Services, Cosigned: h.Slices.Witness,
		Directory: func() *facility.Directory { return h.Trust.Current().Directory }, Kinds: h.Kinds, Seals: seals})
	if err != nil {
		return err
	}
	return h.metrics.Registry.Register(&witnessMetrics{h})
}

// Evidence collects a record's bundle for the operator of this machine, who
// says why.
func (h *Hub) Evidence(ctx context.Context, actor, record, reason string) (*bundle.Parts, error) {
	id, err := dossier.ParseID(record)
	if err != nil {
		return nil, err
	}
	return h.Bundles.Collect(ctx, disclose.Reader{Role: role.Role{Kind: role.Operator}, Name: actor, Route: "admin: evidence", Reason: reason}, id)
}

// witnessMetrics shows the operator who cosigns, and what does not fit.
type witnessMetrics struct{ hub *Hub }

var (
	witnessBehind  = prometheus.NewDesc("lienthong_witness_cosigned_size", "Size of the log's checkpoint a witness cosigned last.", []string{"witness", "log"}, nil)
	witnessFailing = prometheus.NewDesc("lienthong_witness_failed_attempts", "Askings of a witness that failed in a row.", []string{"witness", "log", "code"}, nil)
	witnessAlarms  = prometheus.NewDesc("lienthong_log_alarms", "Alarms about logs that are kept, by kind: fork, unproved, sender, witness.", []string{"kind"}, nil)
	witnessed      = prometheus.NewDesc("lienthong_witness_cosigned_total", "Checkpoints of others that were cosigned, since the start.", nil, nil)
	witnessRefused = prometheus.NewDesc("lienthong_witness_refused_total", "Requests to cosign that were refused, since the start.", nil, nil)
)

// Describe and Collect implement prometheus.Collector.
func (m *witnessMetrics) Describe(out chan<- *prometheus.Desc) {
	prometheus.DescribeByCollect(m, out)
}

// Collect gives the figures of this moment; what cannot be read is left out.
func (m *witnessMetrics) Collect(out chan<- prometheus.Metric) {
	ctx := context.Background()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	if states, err := m.hub.Slices.Witness.PeerStates(ctx); err == nil {
		for _, s := range states {
			name, _, _ := strings.Cut(s.Key, "+")
			gauge(witnessBehind, float64(s.Size), name, strconv.Itoa(s.Log))
			gauge(witnessFailing, float64(s.Failures), name, strconv.Itoa(s.Log), s.Code)
		}
	}
	if alarms, err := m.hub.Slices.Witness.Alarms(ctx, 1000); err == nil {
		by := map[string]int{}
		for _, a := range alarms {
			by[a.Kind]++
		}
		for kind, n := range by {
			gauge(witnessAlarms, float64(n), kind)
		}
	}
	cosigned, refused, _ := m.hub.Watcher.Figures()
	out <- prometheus.MustNewConstMetric(witnessed, prometheus.CounterValue, float64(cosigned))
	out <- prometheus.MustNewConstMetric(witnessRefused, prometheus.CounterValue, float64(refused))
}

// watched is the keeping panel with the alarms about logs.
type watched struct {
	*desk.Keeper
	logs store.Witness
}

// Keeping adds how many alarms about logs are kept.
func (w watched) Keeping(ctx context.Context, now time.Time) (view.Keeping, error) {
	k, err := w.Keeper.Keeping(ctx, now)
	if err != nil {
		return k, err
	}
	alarms, err := w.logs.Alarms(ctx, 1000)
	k.Alarms = len(alarms)
	return k, err
}
