// Package audit re-verifies a stored log from nothing but its rows and the
// log's public key: it recomputes every leaf, tile, root and signature, and
// reports each row that was edited, lost, moved or added, the first one first.
//
// It shares no tree code with package ledger, which wrote the rows. It reads
// what it is given as a stream and keeps a few tiles in memory; it does no I/O,
// repairs nothing, and does not judge what the receipts say. What was cut off
// together with its head can only be seen against a checkpoint known from
// elsewhere (Options.Known): that is what witnesses are for.
package audit

import (
	"context"
	"iter"

	"lienthong/internal/fault"
	"lienthong/internal/ledger"
)

// Stored is one log as a store keeps it.
type Stored struct {
	Head   ledger.Head
	Source ledger.Source // a missing leaf row is a nil element
	// Checkpoints yields the note of every commit, by size.
	Checkpoints iter.Seq2[Checkpoint, error]
	// Entries yields the rows that leaves commit to, by leaf index. Every
	// receipt must be there; other kinds may be left out unless Options.Kinds
	// names them.
	Entries iter.Seq2[Entry, error]
}

// Checkpoint is a stored commit: its size and signed note.
type Checkpoint struct {
	Size uint64
	Note []byte
}

// Entry is a stored row with a leaf.
type Entry struct {
	Index  uint64 // of its leaf
	Commit uint64 // size of the checkpoint of its own commit; 0: not kept
	Name   string // for the report: a record's identifier, never a person's
	Kind   ledger.LeafKind
	// Receipt of a LeafReceipt; nil when the record was erased, which an
	// erasure statement in the same log must then say.
	Receipt *ledger.Receipt
	// Data of the other kinds: the statement, or a key's DER. Nil for a
	// LeafDisclosure, which has Rows.
	Data []byte
	Rows [][]byte
}

// Options of an audit. The zero value will do, but for LogKey.
type Options struct {
	LogKey string            // the log's verifier line
	Known  [][]byte          // signed checkpoints known from elsewhere
	Kinds  []ledger.LeafKind // kinds besides receipts whose every leaf must have an Entry
	Limit  int               // how many problems are listed; 0: 1,000
	// Sample n > 1 verifies the signatures of one receipt and of one checkpoint
	// in n, and of the last checkpoint, which covers all before it: leaf, tile
	// and root of every one are made again all the same. 0 and 1: of all.
	Sample uint64
}

// Problem is one thing that is not as it was written.
type Problem struct {
	Code  string     `json:"code"`
	Index uint64     `json:"index"`          // of the leaf, or a checkpoint's size
	Tile  string     `json:"tile,omitempty"` // path of the tile
	Name  string     `json:"name,omitempty"` // of the row
	Text  fault.Text `json:"message"`
}

// Report is what was read and what is wrong with it.
type Report struct {
	Origin      string    `json:"origin"`
	Size        uint64    `json:"size"`
	Leaves      uint64    `json:"leaves"`
	Tiles       uint64    `json:"tiles"`
	Checkpoints uint64    `json:"checkpoints"`
	Receipts    uint64    `json:"receipts"`
	Erased      uint64    `json:"erased"`
	Problems    []Problem `json:"problems"` // in the order found
	More        uint64    `json:"more"`     // problems not listed
	// Unanchored counts the checkpoints after the first whose root could not
	// be reproduced: what lies under them follows from that one.
	Unanchored uint64 `json:"unanchored"`
}

// OK reports whether nothing is wrong.
func (r *Report) OK() bool { return len(r.Problems) == 0 && r.More == 0 && r.Unanchored == 0 }

// Run audits one log. An error means that it could not be read to the end (or
// that LogKey or a known checkpoint is malformed), not that something is wrong
// with it: that is in the report.
func Run(ctx context.Context, stored Stored, opts Options) (*Report, error) {
	a, err := newAuditor(stored, opts)
	if err != nil {
		return nil, err
	}
	nextCheckpoint, stopCheckpoints := iter.Pull2(stored.Checkpoints)
	defer stopCheckpoints()
	nextEntry, stopEntries := iter.Pull2(stored.Entries)
	defer stopEntries()
	a.checkpoints = stream[Checkpoint]{next: nextCheckpoint}
	a.entries = stream[Entry]{next: nextEntry}
	if err := a.run(ctx); err != nil {
		return nil, err
	}
	return &a.report, nil
}

// stream is an iterator one can look into.
type stream[T any] struct {
	next func() (T, error, bool)
	head T
	full bool
	done bool
}

// peek returns the next element without taking it.
func (s *stream[T]) peek() (T, bool, error) {
	if !s.full && !s.done {
		v, err, ok := s.next()
		if ok && err != nil {
			return s.head, false, err
		}
		s.head, s.full, s.done = v, ok, !ok
	}
	return s.head, s.full, nil
}

func (s *stream[T]) take() { s.full = false }

// sentences says each problem for people.
var sentences = map[string]fault.Text{
	"leaf.missing":       {VI: "Mất một mục của sổ nhật ký.", EN: "An entry of the log is missing."},
	"leaf.edited":        {VI: "Một mục của sổ nhật ký đã bị sửa.", EN: "An entry of the log was edited."},
	"leaf.unknown":       {VI: "Một mục của sổ nhật ký không đúng dạng.", EN: "An entry of the log is not in a known form."},
	"leaf.spare":         {VI: "Có mục nằm ngoài phần đã ký của sổ nhật ký.", EN: "There is an entry beyond the signed part of the log."},
	"tile.missing":       {VI: "Mất một mảnh của cây băm.", EN: "A tile of the hash tree is missing."},
	"tile.edited":        {VI: "Một mảnh của cây băm đã bị sửa.", EN: "A tile of the hash tree was edited."},
	"checkpoint.missing": {VI: "Mất một điểm chốt.", EN: "A checkpoint is missing."},
	"checkpoint.edited":  {VI: "Một điểm chốt đã bị sửa hoặc không do khóa của sổ ký.", EN: "A checkpoint was edited or is not signed by the log's key."},
	"checkpoint.order":   {VI: "Một điểm chốt không ở đúng chỗ.", EN: "A checkpoint is not in its place."},
	"checkpoint.root":    {VI: "Không dựng lại được gốc đã ký của điểm chốt.", EN: "The checkpoint's signed root cannot be reproduced."},
	"record.missing":     {VI: "Mất dòng dữ liệu của một mục nhật ký.", EN: "The row behind an entry of the log is missing."},
	"record.edited":      {VI: "Dòng dữ liệu không còn khớp với mục nhật ký của nó.", EN: "A row no longer matches its entry of the log."},
	"record.signature":   {VI: "Biên nhận không do khóa đã công bố trong sổ ký.", EN: "A receipt is not signed by a key published in the log before it."},
	"record.place":       {VI: "Vị trí nhật ký của dòng dữ liệu đã bị sửa.", EN: "A row's place in the log was edited."},
	"record.spare":       {VI: "Dòng dữ liệu trỏ ra ngoài sổ nhật ký.", EN: "A row points beyond the log."},
	"erasure.unproved":   {VI: "Biên nhận đã mất mà không có biên bản xóa trong sổ.", EN: "A receipt is gone and no erasure of it is in the log."},
	"head.edited":        {VI: "Đầu sổ nhật ký không khớp với điểm chốt cuối.", EN: "The log's head does not match its last checkpoint."},
	"head.behind":        {VI: "Sổ nhật ký ngắn hơn điểm chốt đã biết: phần cuối đã bị cắt.", EN: "The log is shorter than a checkpoint known from it: its end was cut off."},
	"known.contradicted": {VI: "Sổ nhật ký khác với điểm chốt đã biết: lịch sử đã bị viết lại.", EN: "The log differs from a checkpoint known from it: its history was rewritten."},
}
