// Package keep ends what was kept long enough, or must not be kept: it decides
// whether a record may be erased, makes the statement that the ledger keeps of
// it, and destroys the keys of months whose term has ended. How rows and pages
// are emptied is the store's; how long what is kept, package retention's.
package keep

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/ledger"
	"lienthong/internal/retention"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// Why a record is erased.
const (
	Retention      = "retention"       // its term has ended
	CourtOrder     = "court_order"     // a court or an authority ordered it
	SubjectRequest = "subject_request" // the patient asked, and the term has ended
	Mistake        = "mistake"         // it should never have been sent
)

// The faults of this package.
var (
	// ErrReason: not one of the four reasons.
	ErrReason = fault.New(fault.Invalid, "erasure.reason",
		"Lý do xóa phải là retention, court_order, subject_request hoặc mistake.",
		"The reason must be retention, court_order, subject_request or mistake.")
	// ErrCase: the number of the decision is missing, or is no number of one.
	ErrCase = fault.New(fault.Invalid, "erasure.case",
		"Ghi số văn bản quyết định việc xóa (chữ, số và dấu - / . _ , tối đa 60 ký tự), không ghi tên người.",
		"Give the number of the decision to erase (letters, digits and - / . _ , at most 60 characters), not a person's name.")
	// ErrNotEnded: the term of the record, or of the month, has not ended.
	ErrNotEnded = fault.New(fault.Conflict, "retention.not_ended",
		"Chưa hết thời hạn lưu trữ.", "The term of retention has not ended.")
	// ErrClass: nothing is kept under such a class.
	ErrClass = fault.New(fault.Absent, "retention.class_unknown",
		"Không có nhóm lưu trữ và tháng này.", "There is no such class and month of retention.")
	// ErrNothing: no record is named.
	ErrNothing = fault.New(fault.Invalid, "erasure.nothing", "Ghi mã hồ sơ cần xóa, tối đa 128 hồ sơ mỗi lần.", "Name the records to erase, at most 128 at once.")
)

// AtOnce is how many records one request names at most; withdrawals go with
// what they withdraw.
const AtOnce = store.EraseAtOnce / 2

// Store is what a keeper needs of a store's slices.
type Store struct {
	Retention store.Retention
	Records   store.Records
	Ledger    store.Ledger
}

// Keeper erases.
type Keeper struct {
	store  Store
	clock  clock.Clock
	forget func(class string, month int)
}

// New returns a keeper. forget is told of every month key that is destroyed
// (vault.Forget of a running hub); it may be nil.
func New(s Store, c clock.Clock, forget func(class string, month int)) *Keeper {
	if forget == nil {
		forget = func(string, int) {}
	}
	return &Keeper{s, c, forget}
}

// Request names records to be erased.
type Request struct {
	Records []string `json:"records"`
	Reason  string   `json:"reason"`
	Case    string   `json:"case,omitempty"` // needed for court_order and mistake
}

// Erase erases the records, and the withdrawals of those that were withdrawn,
// all or none, and cleans the store's files of them. It returns how many.
// Faults: erasure.reason, erasure.case, erasure.nothing, retention.not_ended,
// record.absent, record.erased.
func (k *Keeper) Erase(ctx context.Context, actor string, q Request) (int, error) {
	if err := q.check(); err != nil {
		return 0, err
	}
	var list []store.Record
	seen := map[dossier.ID]bool{}
	for _, name := range q.Records {
		id, err := dossier.ParseID(name)
		if err != nil {
			return 0, err
		}
		r, err := k.may(ctx, id, q.Reason)
		if err != nil {
			return 0, err
		}
		for r != nil && !seen[r.ID] {
			seen[r.ID] = true
			list = append(list, *r)
			if r.WithdrawnBy.IsZero() {
				break
			}
			if r, err = k.store.Records.Get(ctx, role.Scope{All: true}, r.WithdrawnBy); err != nil {
				return 0, err
			}
			if !r.Erased.IsZero() {
				break
			}
		}
	}
	left, err := k.remains(ctx, list)
	if err != nil {
		return 0, err
	}
	act, err := k.act(actor, ActErase, q.Reason, Detail{Records: len(list), Case: q.Case, Remains: left})
	if err != nil {
		return 0, err
	}
	residue, err := k.erase(ctx, list, store.Tombstone{At: act.At, Reason: q.Reason, Case: q.Case, Actor: actor}, act)
	if err != nil {
		return 0, err
	}
	return len(list), k.store.Retention.Clean(ctx, residue)
}

func (q *Request) check() error {
	if len(q.Records) == 0 || len(q.Records) > AtOnce {
		return ErrNothing
	}
	plain := func(r rune) bool {
		return !(unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-/._,", r))
	}
	if utf8.RuneCountInString(q.Case) > 60 || strings.ContainsFunc(q.Case, plain) {
		return ErrCase
	}
	switch q.Reason {
	case Retention, SubjectRequest:
	case CourtOrder, Mistake:
		if q.Case == "" {
			return ErrCase
		}
	default:
		return ErrReason
	}
	return nil
}

// may returns a record that may be erased for the reason.
func (k *Keeper) may(ctx context.Context, id dossier.ID, reason string) (*store.Record, error) {
	r, err := k.store.Records.Get(ctx, role.Scope{All: true}, id)
	switch {
	case err != nil:
		return nil, err
	case !r.Erased.IsZero():
		return nil, store.ErrErased
	case reason != CourtOrder && reason != Mistake && k.clock.Now().Before(Ends(r.Class, r.Month)):
		return nil, ErrNotEnded
	}
	return r, nil
}

// Ends is the first moment at which what was received in a month (yyyymm in
// Hanoi) under a class may be destroyed.
func Ends(class string, month int) time.Time {
	return retention.ByName(class).Ends(month, clock.Hanoi)
}

// erase makes the statements and has the store do it.
func (k *Keeper) erase(ctx context.Context, list []store.Record, t store.Tombstone, act store.Act) ([]store.Residue, error) {
	origins := map[int]string{}
	all := make([]store.Erasure, len(list))
	for i := range list {
		p := list[i].Place
		if origins[p.Log] == "" {
			head, err := k.store.Ledger.Head(ctx, p.Log)
			if err != nil {
				return nil, err
			}
			origins[p.Log] = head.Origin
		}
		e := &all[i]
		e.Tombstone = t
		e.Record = list[i].ID
		statement, err := e.Statement(origins[p.Log], p.Index).Canonical()
		if err != nil {
			return nil, err
		}
		e.Leaf = ledger.StatementLeaf(ledger.LeafErasure, statement)
	}
	return k.store.Retention.Erase(ctx, all, act)
}

// ActErase is the action of the act that goes with an erasure.
const ActErase = "record.erase"

// Detail is what the act of an erasure says. With the moment and the actor of
// the act it stands for what no statement of a single record tells.
type Detail struct {
	Records int    `json:"records"`
	Case    string `json:"case,omitempty"`
	Remains string `json:"remains,omitempty"` // store.AllRemain of the records' rows
}

func (k *Keeper) remains(ctx context.Context, list []store.Record) (string, error) {
	rows := make([][32]byte, len(list))
	for i := range list {
		f, _, err := k.store.Records.File(ctx, list[i].ID.Facility, list[i].File)
		if err != nil {
			return "", err
		}
		rows[i] = list[i].Remains(f)
	}
	return store.AllRemain(rows), nil
}

func (k *Keeper) act(actor, action, object string, detail Detail) (store.Act, error) {
	b, err := json.Marshal(detail)
	act := store.Act{At: k.clock.Now().Truncate(time.Microsecond), Actor: actor, Action: action, Object: object, Detail: string(b)}
	act.Leaf = ledger.StatementLeaf(ledger.LeafAdmin, act.Statement())
	return act, err
}

// Term is what is kept under a class and month, and until when.
type Term struct {
	Class       string     `json:"class"`
	Month       int        `json:"month"`
	Records     int        `json:"records"`
	Erased      int        `json:"erased"`
	Files       int        `json:"files"`
	Ends        time.Time  `json:"ends"`
	Ended       bool       `json:"ended"`
	Key         bool       `json:"key"`
	What        fault.Text `json:"what"`
	Source      string     `json:"source"`
	ConfirmedBy string     `json:"confirmed_by"` // "" while nobody compared the term with the signed text
}

// Terms lists what is kept by class and month.
func (k *Keeper) Terms(ctx context.Context) ([]Term, error) {
	terms, err := k.store.Retention.Terms(ctx)
	if err != nil {
		return nil, err
	}
	var out []Term
	for _, t := range terms {
		if !known(t.Class) {
			continue // a compression dictionary's: nothing erases it
		}
		c, ends := retention.ByName(t.Class), Ends(t.Class, t.Month)
		out = append(out, Term{t.Class, t.Month, t.Records, t.Erased, t.Files, ends, !k.clock.Now().Before(ends), t.Key, c.What, c.Source, c.ConfirmedBy})
	}
	return out, nil
}

func known(class string) bool {
	return class == retention.Former || retention.ByName(class).Name == class
}

// residueMost is how many residues of one month are kept in memory for Clean:
// beyond, the wrapped keys among them are dead with their month key.
const residueMost = 1 << 18

// Expire erases every record of a class and month whose term has ended, then
// destroys the month's key. A month half done is gone on with when it is called
// again. It returns how many records were erased now. Faults:
// retention.class_unknown, retention.not_ended; retention.key_in_use when a file
// of that month still holds records of another month, or entries of databases are
// sealed under the key: run it again when those have ended or were wiped.
func (k *Keeper) Expire(ctx context.Context, actor, class string, month int) (int, error) {
	if !known(class) || month < 200001 || month > 999912 || month%100 < 1 || month%100 > 12 {
		return 0, ErrClass
	}
	if k.clock.Now().Before(Ends(class, month)) {
		return 0, ErrNotEnded
	}
	name := class + "/" + strconv.Itoa(month)
	erased := 0
	var residue []store.Residue
	for {
		due, err := k.store.Retention.Due(ctx, class, month, store.EraseAtOnce)
		if err != nil {
			return erased, err
		}
		if len(due) == 0 {
			break
		}
		rows, err := k.remains(ctx, due)
		if err != nil {
			return erased, err
		}
		act, err := k.act(actor, ActErase, name, Detail{Records: len(due), Remains: rows})
		if err != nil {
			return erased, err
		}
		left, err := k.erase(ctx, due, store.Tombstone{At: act.At, Reason: Retention, Actor: actor}, act)
		if err != nil {
			return erased, err
		}
		if erased += len(due); len(residue) < residueMost {
			residue = append(residue, left...)
		}
	}
	act, err := k.act(actor, "retention.expire", name, Detail{Records: erased})
	if err != nil {
		return erased, err
	}
	left, err := k.store.Retention.DropMonth(ctx, class, month, act)
	switch {
	case errors.Is(err, store.ErrAbsent) && erased == 0:
		err = ErrClass
	case errors.Is(err, store.ErrAbsent):
		err = nil
	case err == nil:
		k.forget(class, month)
	}
	return erased, errors.Join(err, k.store.Retention.Clean(ctx, append(residue, left...)))
}
