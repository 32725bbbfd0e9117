package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/ledger"
)

// The faults of Retention.
var (
	// ErrErased: the record was erased; of it there is a tombstone only.
	ErrErased = fault.New(fault.Absent, "record.erased",
		"Hồ sơ này đã xóa; hub chỉ còn giữ ngày xóa và lý do.", "This record was erased; the hub keeps the date and the reason only.")
	// ErrKeyInUse: something that is not erased is still sealed under the key.
	ErrKeyInUse = fault.New(fault.Conflict, "retention.key_in_use",
		"Còn dữ liệu chưa xóa được niêm bằng khóa tháng này.", "Something that is not erased is still sealed under this month key.")
)

// Retention destroys records and keeps their tombstones.
type Retention interface {
	// Erase destroys records in one transaction with the leaves of their
	// statements and the act. ErrAbsent and ErrErased (of one that was erased
	// before) mean that nothing was done. At most EraseAtOnce records, each once.
	//
	// Gone with a record: its data key, head and body, findings, tags, which
	// tables it had, its subject. A subject whose last record it was goes with its
	// link, the history of its links and its bars; the identifiers of a person
	// that no subject was ever linked to any more go too, and the words and keys of
	// what they stated of themselves (matter.OwnEntry). A file whose records
	// are all erased loses its data key, its skeleton and its plain digest.
	// What stays is in the row: facility, serial, kind, verdict, version and the
	// marks between records, when it came, the keyed hashes of file, episode and
	// content, the place of its leaf; and the file's keyed hash, sender, size and
	// seals. Counters lose what no row says any more (Forgotten). What is
	// returned is for Clean.
	Erase(ctx context.Context, records []Erasure, act Act) ([]Residue, error)
	// Clean takes out of the engine's files what was erased, and returns when
	// that is on disk: of SQLite every page that was used before, and the
	// write-ahead log; no byte of an erased key is left. PostgreSQL frees the dead
	// rows only: their bytes stay in free space until it is used again or VACUUM
	// FULL is run, and in its write-ahead log (doc/design/at-rest.md).
	Clean(ctx context.Context, erased []Residue) error
	// Due returns records of a class and month that are not erased, oldest first,
	// at most limit.
	Due(ctx context.Context, class string, month int, limit int) ([]Record, error)
	// Terms counts what is kept by class and month, with months whose key is
	// gone, by class and month.
	Terms(ctx context.Context) ([]Term, error)
	// DropMonth destroys the key of a class and month with its act. ErrAbsent
	// where there is none, ErrKeyInUse while a record, a file or a version of a
	// database's entry needs it. What is returned is for Clean.
	DropMonth(ctx context.Context, class string, month int, act Act) ([]Residue, error)
	// Archive moves the sealed bodies and skeletons of records and files received
	// before a moment out of the way of what is used every day, at most limit
	// parts of them (as the engine lays them: pieces or rows) in one call, and
	// returns how many; 0 means that nothing is left to move. Records read as
	// before, slower, and are erased as before. It may be ended at any point: what
	// is read is whole at each, and the next call goes on.
	Archive(ctx context.Context, before time.Time, limit int) (moved int, err error)
	// Tombstone returns what was said when a record was erased; ErrAbsent.
	Tombstone(ctx context.Context, id dossier.ID) (*Tombstone, error)
	// Tombstones gives every tombstone, for the re-verifier.
	Tombstones(ctx context.Context, fn func(*Tombstone) error) error
}

// EraseAtOnce is how many records one Erase takes at most.
const EraseAtOnce = 256

// Erasure is one record to be erased, with its tombstone.
type Erasure struct {
	Tombstone
	Leaf []byte // of the tombstone's statement
}

// Tombstone is what is kept of an erasure.
type Tombstone struct {
	Record dossier.ID
	At     time.Time
	Reason string // "retention", "court_order", "subject_request", "mistake"
	Case   string // number of the decision, "" without one; no personal data
	Actor  string
}

// Statement is what the erasure's leaf says: the log and leaf of the record's
// receipt, when and why.
func (t *Tombstone) Statement(origin string, index uint64) ledger.Erasure {
	return ledger.Erasure{Origin: origin, Index: index, At: t.At.Truncate(time.Microsecond), Reason: t.Reason}
}

// Remains is the digest of what stays of a record's row, and of the row of the
// file it came in, when it was erased: SHA-256 over JSON. What may change later
// (whether it is current, what supersedes or withdrew it) is not in it.
func (r *Record) Remains(f *File) [32]byte {
	certificates := make([][]byte, len(f.Certificates))
	for i := range f.Certificates {
		certificates[i] = f.Certificates[i].Hash[:]
	}
	b, err := json.Marshal([]any{r.ID.String(), r.Kind, r.FacilityVersion, r.Received.UnixMicro(), r.Verdict.State, r.Verdict.Pack, r.Verdict.TrustEpoch, r.Version,
		r.Supersedes.String(), r.Withdraws.String(), r.Lane, r.File[:], r.Index, r.Class, r.Month, r.Place.Log, r.Place.Index,
		f.Size, f.Received.UnixMicro(), f.Sender, f.Lane, f.Class, f.Month, certificates, f.Seals, f.Dossiers})
	if err != nil {
		panic(err) // texts, numbers and bytes always marshal
	}
	return sha256.Sum256(b)
}

// AllRemain is the digest of what remains of several records, in hexadecimal;
// their order does not count. The act of an erasure keeps it.
func AllRemain(rows [][32]byte) string {
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(a, b [32]byte) int { return bytes.Compare(a[:], b[:]) })
	h := sha256.New()
	for _, r := range rows {
		h.Write(r[:])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Residue are bytes that may be left where a row lay before: none that a row
// still has, but of a Subject that may be known again meanwhile.
type Residue struct {
	Bytes   []byte
	Subject SubjectOf // zero: the bytes are nobody's any more
}

// Term is what is kept of a class and month.
type Term struct {
	Class   string
	Month   int  // yyyymm in Hanoi
	Records int  // not erased
	Erased  int  // tombstones
	Files   int  // whose skeleton is sealed under the key
	Key     bool // the month key is there
}
