// Package rekey turns the keys that what is stored is wrapped by, while the hub
// works: the master key, which wraps month keys and secrets, and the month keys,
// which wrap the data keys of records. No content is opened. Making a new master
// key is its holder's, files or a signing process; see package vault for what
// wraps what.
package rekey

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/evidence"
	"lienthong/internal/fault"
	"lienthong/internal/ledger"
	"lienthong/internal/retention"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// ErrSame (keys.same): everything is wrapped by the key in use already, so that
// nothing turned.
var ErrSame = fault.New(fault.Conflict, "keys.same",
	"Khóa chủ đang dùng không đổi. Tạo khóa mới trước rồi chạy lại.", "The master key in use is the one everything is wrapped by. Make a new one first.")

// ErrClass (keys.class): the keys of this class wrap what a turn does not move, as
// those of dictionaries; without them nothing could be read.
var ErrClass = fault.New(fault.Invalid, "keys.class",
	"Nhóm này không phải nhóm lưu trữ của hồ sơ nên không đổi khóa tháng.", "This is no class that records are kept under: its month keys do not turn.")

// turns reports whether everything that is sealed under a class is moved.
func turns(class string) bool {
	return class == retention.Former || slices.ContainsFunc(retention.Classes(), func(c retention.Class) bool { return c.Name == class })
}

// Store is what a turn needs of a store's slices.
type Store struct {
	Keys    store.Keys
	Rekeys  store.Rekeys
	Records store.Records
	Clean   func(context.Context, []store.Residue) error // store.Retention.Clean
}

// Namer returns what a row's sealed parts are bound to, by its key.
type Namer func(key []string) ([]byte, error)

// Turner turns keys.
type Turner struct {
	store   Store
	vault   *vault.Vault
	clock   clock.Clock
	names   map[string]Namer
	secrets map[string]func(key []string) string
}

// Names say what rows are bound to that this package does not know by itself:
// by table of store.RekeyTables, those with data keys and those with secrets.
type Names struct {
	Tables  map[string]Namer
	Secrets map[string]func(key []string) string
}

// New returns a turner.
func New(s Store, v *vault.Vault, clk clock.Clock, names Names) (*Turner, error) {
	if s.Keys == nil || s.Rekeys == nil || s.Records == nil || s.Clean == nil || v == nil || clk == nil {
		return nil, errors.New("rekey: a part is missing")
	}
	t := &Turner{store: s, vault: v, clock: clk, secrets: names.Secrets, names: map[string]Namer{"record": recordName, "leg_receipt": legName}}
	for table, name := range names.Tables {
		t.names[table] = name
	}
	for name, table := range store.RekeyTables {
		if table.Secret && t.secrets[name] == nil || !table.Secret && t.names[name] == nil && name != "file" {
			return nil, fmt.Errorf("rekey: nothing says what rows of %s are bound to", name)
		}
	}
	return t, nil
}

// FactOf names the fact that says that a store was turned to a master key; its
// value is the fact "master": the key the store was made with.
func FactOf(master string) string { return "master." + master }

// Turned is what a turn did.
type Turned struct {
	Master  string `json:"master"`
	Months  int    `json:"months"`  // month keys wrapped anew, or made
	Secrets int    `json:"secrets"` // credentials sealed anew
	Rows    int    `json:"rows"`    // data keys wrapped anew
	More    bool   `json:"more"`    // a month is not done yet: ask again
	// Kept is until when the older key of a month is kept; zero: it is destroyed.
	Kept time.Time `json:"kept,omitzero"`
}

// Master wraps every month key and every credential by the master key in use.
// Faults: keys.same, vault.key_missing.
func (t *Turner) Master(ctx context.Context, actor string) (Turned, error) {
	out := Turned{Master: t.vault.MasterID()}
	months, err := t.store.Keys.Months(ctx)
	if err != nil {
		return out, err
	}
	if !slices.ContainsFunc(months, func(w store.MonthKey) bool { return w.Master != out.Master }) {
		return out, ErrSame
	}
	// Before the first row is wrapped by it: a hub that starts now knows the key.
	first, err := t.store.Keys.Fact(ctx, "master")
	if err != nil && !errors.Is(err, store.ErrAbsent) {
		return out, err
	}
	if _, err := t.store.Keys.PutFact(ctx, FactOf(out.Master), first); err != nil {
		return out, err
	}
	// Month keys last: whoever was cut off finds by them what is left to do.
	for name, table := range store.RekeyTables {
		if !table.Secret {
			continue
		}
		for _, mark := range olderMarks(months, out.Master) {
			if err := t.reseal(ctx, name, mark, &out); err != nil {
				return out, err
			}
		}
	}
	for _, was := range months {
		if was.Master == out.Master {
			continue
		}
		is, err := t.vault.Rewrap(was)
		if err != nil {
			return out, err
		}
		if err := t.store.Rekeys.ReplaceMonth(ctx, was, is); err != nil && !errors.Is(err, store.ErrChanged) { // another hub was first
			return out, err
		}
		out.Months++
	}
	act, err := t.act(actor, "keys.turn_master", out.Master, out)
	if err != nil {
		return out, err
	}
	return out, t.store.Keys.Act(ctx, act)
}

// atOnce is how many rows are moved in one transaction.
const atOnce = 256

// olderMarks are how secrets begin that are sealed by a master key which still
// wraps a month key: the form, and the key's mark.
func olderMarks(months []store.MonthKey, master string) (marks [][]byte) {
	for _, w := range months {
		mark, err := hex.DecodeString("01" + w.Master)
		if w.Master != master && err == nil && !slices.ContainsFunc(marks, func(m []byte) bool { return bytes.Equal(m, mark) }) {
			marks = append(marks, mark)
		}
	}
	return marks
}

// reseal seals the secrets of a table by the master key in use.
func (t *Turner) reseal(ctx context.Context, table string, mark []byte, out *Turned) error {
	for after := []string(nil); ; {
		rows, err := t.store.Rekeys.Wrapped(ctx, table, mark, after, atOnce)
		if err != nil || len(rows) == 0 {
			return err
		}
		after = rows[len(rows)-1].Key
		moved := rows[:0]
		for _, r := range rows {
			if r.Is, err = t.vault.RewrapSecret(t.secrets[table](r.Key), r.Was); err != nil {
				return fmt.Errorf("rekey: %s: %w", table, err)
			}
			moved = append(moved, r)
		}
		n, err := t.store.Rekeys.Rewrap(ctx, moved)
		if err != nil {
			return err
		}
		out.Secrets += n
	}
}

// Settle is how long a new month key is to be known before data keys are moved to
// it: every hub on the store has loaded it by then.
const Settle = 5 * time.Second

// Grace is how long an older month key is kept once there is a newer one: whatever
// was sealed under it and is still on its way to the store has arrived by then.
const Grace = 10 * time.Minute

// generationFact names the fact that says when a month key was made.
func generationFact(class string, month, generation int) string {
	return fmt.Sprintf("month_key.%s.%d.%d", class, month, generation)
}

// Month gives a class and month a new key; called again, after Settle, it moves
// at most limit data keys to it. When none is left and Grace is over
// the older keys are destroyed: Kept says until when they are not.
// Faults: keys.class, vault.key_missing.
func (t *Turner) Month(ctx context.Context, actor, class string, month, limit int) (Turned, error) {
	out := Turned{Master: t.vault.MasterID()}
	if !turns(class) {
		return out, ErrClass
	}
	if len(t.vault.Prefix(class, month)) == 0 {
		w, err := t.vault.NextMonthKey(class, month)
		if err != nil {
			return out, err
		}
		kept, err := t.store.Keys.PutMonth(ctx, w)
		if err != nil {
			return out, err
		}
		if err := t.vault.Load([]store.MonthKey{kept}); err != nil {
			return out, err
		}
		out.Months, out.More = 1, true
		_, err = t.made(ctx, generationFact(class, month, kept.Generation))
		return out, err
	}
	for _, prefix := range t.vault.Prefix(class, month) {
		for name, table := range store.RekeyTables {
			if table.Secret {
				continue
			}
			if err := t.table(ctx, name, prefix, limit, &out); err != nil || out.More {
				return out, err
			}
		}
	}
	err := t.drop(ctx, actor, class, month, &out)
	return out, err
}

// table moves rows of one table until limit.
func (t *Turner) table(ctx context.Context, table string, prefix []byte, limit int, out *Turned) error {
	for after := []string(nil); ; {
		if out.Rows >= limit {
			out.More = true
			return nil
		}
		rows, err := t.store.Rekeys.Wrapped(ctx, table, prefix, after, min(atOnce, limit-out.Rows))
		if err != nil || len(rows) == 0 {
			return err
		}
		after = rows[len(rows)-1].Key
		for i := range rows {
			name, err := t.name(ctx, table, rows[i].Key)
			if err != nil {
				return err
			}
			if rows[i].Is, err = t.vault.RewrapKey(name, rows[i].Was); err != nil {
				return fmt.Errorf("rekey: %s: %w", table, err)
			}
		}
		n, err := t.store.Rekeys.Rewrap(ctx, rows)
		if err != nil {
			return err
		}
		out.Rows += n
	}
}

// drop destroys the older keys once nothing is wrapped by them. A row that was
// written meanwhile by a hub that had not heard of the new key keeps them.
func (t *Turner) drop(ctx context.Context, actor, class string, month int, out *Turned) error {
	for _, prefix := range t.vault.Prefix(class, month) {
		for name, table := range store.RekeyTables {
			if table.Secret {
				continue
			}
			rows, err := t.store.Rekeys.Wrapped(ctx, name, prefix, nil, 1)
			if out.More = len(rows) > 0; err != nil || out.More {
				return err
			}
		}
	}
	newest := 0
	months, err := t.store.Keys.Months(ctx)
	if err != nil {
		return err
	}
	for _, w := range months {
		if w.Class == class && w.Month == month {
			newest = max(newest, w.Generation)
		}
	}
	if made, err := t.made(ctx, generationFact(class, month, newest)); err != nil {
		return err
	} else if out.Kept = made.Add(Grace); t.clock.Now().Before(out.Kept) {
		return nil
	}
	out.Kept = time.Time{}
	act, err := t.act(actor, "keys.turn_month", fmt.Sprintf("%s/%d", class, month), *out)
	if err != nil {
		return err
	}
	residue, err := t.store.Rekeys.DropGenerations(ctx, class, month, newest, act)
	if err != nil {
		return err
	}
	t.vault.ForgetOlder(class, month)
	return t.store.Clean(ctx, residue)
}

// made is when a month key was made; where nothing says so yet, now.
func (t *Turner) made(ctx context.Context, fact string) (time.Time, error) {
	kept, err := t.store.Keys.PutFact(ctx, fact, []byte(t.clock.Now().UTC().Format(time.RFC3339Nano)))
	if err != nil {
		return time.Time{}, err
	}
	return time.Parse(time.RFC3339Nano, string(kept))
}

// name is what a row is bound to.
func (t *Turner) name(ctx context.Context, table string, key []string) ([]byte, error) {
	if table != "file" {
		return t.names[table](key)
	}
	hash, err := hex.DecodeString(key[1])
	if err != nil {
		return nil, err
	}
	keyed, err := vault.KeyedFrom(hash)
	if err != nil {
		return nil, err
	}
	f, _, err := t.store.Records.File(ctx, care.FacilityCode(key[0]), keyed)
	if err != nil {
		return nil, err
	}
	return evidence.FileName(f), nil
}

func recordID(key []string) (dossier.ID, error) {
	serial, err := hex.DecodeString(key[1])
	if err != nil || len(serial) != 16 {
		return dossier.ID{}, fmt.Errorf("rekey: %q is no serial", key[1])
	}
	return dossier.ID{Facility: care.FacilityCode(key[0]), Serial: [16]byte(serial)}, nil
}

func recordName(key []string) ([]byte, error) {
	id, err := recordID(key)
	return evidence.RecordName(id), err
}

func legName(key []string) ([]byte, error) {
	id, err := recordID(key)
	return evidence.LegName(id, key[2]), err
}

func (t *Turner) act(actor, action, object string, out Turned) (store.Act, error) {
	b, err := json.Marshal(out)
	act := store.Act{At: t.clock.Now().Truncate(time.Microsecond), Actor: actor, Action: action, Object: object, Detail: string(b)}
	act.Leaf = ledger.StatementLeaf(ledger.LeafAdmin, act.Statement())
	return act, err
}
