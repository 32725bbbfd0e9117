package review

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"lienthong/internal/ledger"
	"lienthong/internal/store"
)

// Export is what a query found, for who checks it without the hub
// (format "lienthong-looks/1"). Row is the exact text that was hashed. To check a
// row: SHA-256 of a zero byte and Row is at Position among Leaf.Rows; the RFC 6962
// root over Rows is in the leaf ("lienthong/disclosure/v1\n" and the root); the
// leaf is at Index of the log whose signed checkpoint is beside it, by Proof.
type Export struct {
	Format string     `json:"format"`
	At     time.Time  `json:"at"`
	ID     string     `json:"id"`
	By     string     `json:"by"`
	Query  Query      `json:"query"`
	Rows   []Row      `json:"rows"`
	Logs   []LogProof `json:"logs"`
	Open   int        `json:"without_leaf"` // rows of the last minute, which no leaf covers yet

	Partial bool `json:"partial"` // the log is longer than what was read: ask for less time
}

// Row is one look.
type Row struct {
	ID     int64    `json:"id"`
	Record string   `json:"record,omitempty"`
	Row    string   `json:"row"`
	Leaf   *RowLeaf `json:"leaf,omitempty"`

	row store.Disclosure
}

// RowLeaf says which leaf covers a row.
type RowLeaf struct {
	Log      int    `json:"log"`
	Index    uint64 `json:"index"`
	Position int    `json:"position"`
}

// LogProof is a log's signed checkpoint with the leaves that cover rows.
type LogProof struct {
	Log        int         `json:"log"`
	Size       uint64      `json:"size"`
	Checkpoint string      `json:"checkpoint"`
	Leaves     []LeafProof `json:"leaves"`
}

// LeafProof shows that a leaf is in the log and which rows it covers.
type LeafProof struct {
	Index uint64   `json:"index"`
	Leaf  string   `json:"leaf"`  // base64
	Rows  []string `json:"rows"`  // hashes of all rows under it, hexadecimal, in order
	Proof []string `json:"proof"` // audit path, hexadecimal
}

// Export returns what a query found with its proof. It is an act of its own.
// Faults: review.absent.
func (d *Desk) Export(ctx context.Context, o Officer, id string) (*Export, error) {
	x, err := d.asked(ctx, o, id)
	if err != nil {
		return nil, err
	}
	f, err := d.filterOf(ctx, &x.Query)
	if err != nil {
		return nil, err
	}
	if err := d.Acts.Act(ctx, d.act(o, Exported, id, "{}")); err != nil {
		return nil, fmt.Errorf("review: keeping an export: %w", err)
	}
	e := &Export{Format: "lienthong-looks/1", At: d.Clock.Now().UTC(), ID: id, By: o.Actor(), Query: x.Query, Rows: []Row{}, Logs: []LogProof{}}
	wanted := map[int64]int{}
	last, err := d.walk(ctx, f, &x.Query, mostExported, func(row *store.Disclosure) bool {
		r := Row{ID: row.ID, Row: string(row.Canonical()), row: *row}
		if !row.Record.IsZero() {
			r.Record = row.Record.String()
		}
		wanted[row.ID] = len(e.Rows)
		e.Rows = append(e.Rows, r)
		return true
	})
	if err != nil {
		return nil, err
	}
	e.Partial = last > 0
	return e, d.root(ctx, e, wanted)
}

// group is the rows under one leaf.
type group struct {
	at     store.LeafPlace
	hashes []tlog.Hash
	has    map[int]int // row of the export: its place among them
}

// root finds the leaf of each row and proves it.
func (d *Desk) root(ctx context.Context, e *Export, wanted map[int64]int) error {
	var now *group
	logs := map[int][]*group{}
	end := func() {
		if now != nil && len(now.has) > 0 {
			logs[now.at.Log] = append(logs[now.at.Log], now)
		}
		now = nil
	}
	err := d.Trail.Disclosures(ctx, func(row *store.Disclosure, place *store.LeafPlace) error {
		if place == nil {
			return nil
		}
		if now == nil || now.at.Log != place.Log || now.at.Index != place.Index {
			end()
			now = &group{at: *place, has: map[int]int{}}
		}
		if i, ok := wanted[row.ID]; ok {
			now.has[i] = len(now.hashes)
		}
		now.hashes = append(now.hashes, tlog.RecordHash(row.Canonical()))
		return nil
	})
	if err != nil {
		return fmt.Errorf("review: reading the log of looks: %w", err)
	}
	end()
	for log, groups := range logs {
		p, err := d.prove(ctx, e, log, groups)
		if err != nil {
			return err
		}
		e.Logs = append(e.Logs, *p)
	}
	slices.SortFunc(e.Logs, func(a, b LogProof) int { return a.Log - b.Log })
	for i := range e.Rows {
		if e.Rows[i].Leaf == nil {
			e.Open++
		}
	}
	return nil
}

func (d *Desk) prove(ctx context.Context, e *Export, log int, groups []*group) (*LogProof, error) {
	head, err := d.Ledger.Head(ctx, log)
	if err != nil {
		return nil, fmt.Errorf("review: the head of a log: %w", err)
	}
	note, err := d.Ledger.Checkpoint(ctx, log, head.Size)
	if err != nil {
		return nil, fmt.Errorf("review: a checkpoint: %w", err)
	}
	p := &LogProof{Log: log, Size: head.Size, Checkpoint: note}
	source := d.Ledger.Source(log)
	reader := ledger.NewReader(source, 0)
	for _, g := range groups {
		proofs, err := reader.Prove(ctx, head.Size, g.at.Index)
		if err != nil {
			return nil, fmt.Errorf("review: proving a leaf: %w", err)
		}
		leaves, err := source.Leaves(ctx, g.at.Index, g.at.Index+1)
		if err == nil && (len(leaves) != 1 || leaves[0] == nil) {
			err = ledger.ErrDamaged
		}
		if err != nil {
			return nil, fmt.Errorf("review: reading leaf %d of log %d: %w", g.at.Index, log, err)
		}
		l := LeafProof{Index: g.at.Index, Leaf: base64.StdEncoding.EncodeToString(leaves[0]), Rows: []string{}, Proof: []string{}}
		for _, h := range g.hashes {
			l.Rows = append(l.Rows, hex.EncodeToString(h[:]))
		}
		for _, h := range proofs[0] {
			l.Proof = append(l.Proof, hex.EncodeToString(h[:]))
		}
		p.Leaves = append(p.Leaves, l)
		for row, at := range g.has {
			e.Rows[row].Leaf = &RowLeaf{Log: log, Index: g.at.Index, Position: at}
		}
	}
	return p, nil
}
