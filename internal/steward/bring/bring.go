// Package bring takes the files that units bring into databases: a file is kept
// sealed, its columns are mapped to fields, every row is looked at before any is
// written, rows are written in batches that go on where they stopped, and a whole
// import can be undone. What a row must be package registry/declaration says;
// package steward writes entries.
package bring

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"path"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/ledger"
	"lienthong/internal/registry"
	"lienthong/internal/registry/table"
	"lienthong/internal/role"
	"lienthong/internal/steward"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// The states of an import.
const (
	Received = "received" // the file is whole; rows are being looked at
	Checked  = "checked"  // every row was looked at; nothing is written
	Applying = "applying"
	Done     = "done"
	Undoing  = "undoing"
	Undone   = "undone"
	Stopped  = "stopped" // the file could not be read on; Code says why
)

// The faults.
var (
	ErrState = fault.New(fault.Conflict, "import.state",
		"Lần nhập này đã sang bước khác, nên việc vừa chọn không làm nữa. Trang này cho biết nó đang ở bước nào và còn làm được gì.",
		"This import has gone on to another step, so what was chosen was not done. The page says where it is and what can still be done.")
	// ErrDeclared: what rows were looked at by is not what the database is now.
	ErrDeclared = fault.New(fault.Conflict, "import.declared",
		"Khai báo của cơ sở dữ liệu vừa đổi sau khi xem tệp này, nên chưa ghi gì. Các dòng đang được xem lại; xem kết quả rồi bấm ghi.",
		"The declaration of the database changed after this file was looked at, so nothing was written. The rows are being looked at again; see what comes of it, then write.")
	ErrMapping = fault.New(fault.Invalid, "import.mapping",
		"Cần chọn cột cho mọi trường trong khóa, và mỗi trường chỉ một cột.", "Every field of the key needs a column, and each field has one column only.")
	ErrEmpty   = fault.New(fault.Invalid, "import.empty", "Tệp không có dòng dữ liệu nào.", "The file has no rows.")
	ErrTooLate = fault.New(fault.Conflict, "import.too_late",
		"Đã quá 30 ngày kể từ khi nhập, không hoàn tác được.", "More than 30 days have passed since the import; it cannot be undone.")
	ErrElsewhere = fault.New(fault.Busy, "import.elsewhere",
		"Tệp của lần nhập này không còn ở máy chủ đang trả lời. Thử lại, hoặc gửi lại tệp.", "The file of this import is not with the server that answers. Try again, or send the file again.")
)

// mapped is the act of who says which column is which field.
const mapped = "database.import_map"

// UndoDays is how long an import can be undone.
const UndoDays = 30

// File is a file of the spool.
type File interface {
	table.Source
	io.Closer
}

// Files keeps files sealed; *importspool.Spool does.
type Files interface {
	Create(name string) (io.WriteCloser, error)
	Open(name string) (File, error)
	Remove(name string) error
	Sweep(before time.Time) error
}

// Deps is what a desk works with.
type Deps struct {
	Imports house.Imports
	Entries house.Entries
	Steward *steward.Steward
	Files   Files
	// History returns the versions of an entry with all their values, the newest
	// first, read on behalf of the steward; each look is written down.
	History func(ctx context.Context, steward string, id registry.ID, entry registry.EntryID) ([]registry.Entry, error)
	Clock   clock.Clock
	Logger  *slog.Logger
}

// Config says how.
type Config struct {
	Holder string // names this process among the hubs of a store
	Batch  int    // rows a commit; 0: 500
	Place  string // the machine of this process, as people know it
}

// Desk takes files.
type Desk struct {
	Deps
	conf Config
}

// New returns a desk.
func New(d Deps, c Config) (*Desk, error) {
	if d.Imports == nil || d.Entries == nil || d.Steward == nil || d.Files == nil || d.History == nil || d.Clock == nil || d.Logger == nil || c.Holder == "" {
		return nil, errors.New("bring: a part is missing")
	}
	if c.Batch == 0 {
		c.Batch = 500
	}
	return &Desk{d, c}, nil
}

// Cause is what is wrong with rows, by its code; no value is in it.
type Cause struct {
	Code     string     `json:"code"`
	Field    string     `json:"field,omitempty"`
	Word     string     `json:"word,omitempty"`
	Severity string     `json:"severity"`
	Text     fault.Text `json:"text"`
	N        int64      `json:"n"`
	Lines    []int64    `json:"lines"` // of the first five
}

// Summary is what is known of an import. Headings are not in it: of a file without
// any they would be values.
type Summary struct {
	Format    string    `json:"format"`
	Encoding  string    `json:"encoding"`
	Separator string    `json:"separator,omitempty"`
	Fields    []string  `json:"fields"` // by column; "" a column that is left out
	Rows      int64     `json:"rows"`
	Refused   int64     `json:"refused"` // rows that cannot be taken
	Causes    []Cause   `json:"causes,omitempty"`
	Done      int64     `json:"done"` // rows that were worked off, when applying
	Made      int64     `json:"made"`
	Changed   int64     `json:"changed"`
	Same      int64     `json:"same"`
	Twice     int64     `json:"twice"`
	Ended     int64     `json:"ended"`    // by undoing
	Restored  int64     `json:"restored"` // by undoing
	Applied   time.Time `json:"applied,omitzero"`
	Hub       string    `json:"hub,omitempty"`  // the machine that has its file
	Code      string    `json:"code,omitempty"` // Stopped
	Line      int64     `json:"line,omitempty"`
}

// Import is an import with what is known of it.
type Import struct {
	house.Import
	Summary Summary
}

// manages returns a database that somebody may bring a file to, and its source.
func (d *Desk) manages(who steward.Who, id registry.ID) (*steward.Live, string, error) {
	l, err := d.Steward.Get(id)
	if err != nil {
		return nil, "", err
	}
	if who.Role.Kind != role.Operator && (who.Role.Kind != role.Unit || who.Role.ID != l.Steward) {
		return nil, "", steward.ErrSteward
	}
	for i := range l.Sources {
		if l.Sources[i].Kind == registry.FromImport {
			return l, l.Sources[i].ID, nil
		}
	}
	return nil, "", steward.ErrSource
}

// Receive takes a file. Columns are mapped by their headings. Faults: those of
// package table; database.steward, database.source.
func (d *Desk) Receive(ctx context.Context, who steward.Who, id registry.ID, name string, in io.Reader) (*Import, error) {
	l, source, err := d.manages(who, id)
	if err != nil {
		return nil, err
	}
	now := d.Clock.Now().Truncate(time.Microsecond)
	i := &Import{Import: house.Import{Database: id, ID: "nhap-" + now.In(clock.Hanoi).Format("20060102") + "-" + strings.ToLower(rand.Text()[:10]),
		Declared: l.Taken.Version, Source: source, State: Received, Name: clip(path.Base(strings.ReplaceAll(name, "\\", "/"))), By: who.Name, At: now}}
	if err := d.keep(i, in); err != nil {
		return nil, errors.Join(err, d.Files.Remove(i.ID))
	}
	err = d.reading(i.ID, func(r *table.Reader) error {
		i.Summary = Summary{Hub: d.conf.Place, Format: string(r.Format), Encoding: r.Encoding, Fields: fieldsOf(l, source, r.Header)}
		if r.Separator != 0 {
			i.Summary.Separator = string(r.Separator)
		}
		if _, err := r.Next(); errors.Is(err, io.EOF) {
			return ErrEmpty
		}
		return nil
	})
	if err == nil {
		err = d.put(ctx, i, who.Name, "database.import_received")
	}
	if err != nil {
		return nil, errors.Join(err, d.Files.Remove(i.ID))
	}
	return i, nil
}

// clip cuts a name to what is kept of it.
func clip(name string) string {
	if r := []rune(strings.ToValidUTF8(name, "")); len(r) > 100 {
		return string(r[:100])
	}
	return strings.ToValidUTF8(name, "")
}

func (d *Desk) keep(i *Import, in io.Reader) error {
	out, err := d.Files.Create(i.ID)
	if err != nil {
		return err
	}
	sum := sha256.New()
	i.Size, err = io.Copy(io.MultiWriter(out, sum), io.LimitReader(in, table.MaxSize+1))
	if err == nil && i.Size > table.MaxSize {
		err = table.ErrTooLarge
	}
	sum.Sum(i.Digest[:0])
	return errors.Join(err, out.Close())
}

// reading opens the file of an import as a table.
func (d *Desk) reading(name string, do func(*table.Reader) error) error {
	f, err := d.Files.Open(name)
	if err != nil {
		return ErrElsewhere.Because(err)
	}
	r, err := table.Open(f)
	if err == nil {
		err = do(r)
	}
	return errors.Join(err, f.Close())
}

// fieldsOf maps headings to fields, each field once.
func fieldsOf(l *steward.Live, source string, header []string) []string {
	names, taken := l.Headers(source), map[string]bool{}
	out := make([]string, len(header))
	for i, h := range header {
		if f := names[care.Fold(h)]; f != "" && !taken[f] {
			out[i], taken[f] = f, true
		}
	}
	return out
}

// put keeps an import's next version, with its act where somebody did something.
func (d *Desk) put(ctx context.Context, i *Import, actor, action string) error {
	summary, err := json.Marshal(i.Summary)
	if err != nil {
		return err
	}
	counts, err := json.Marshal(map[string]int64{"rows": i.Summary.Rows, "refused": i.Summary.Refused, "made": i.Summary.Made, "changed": i.Summary.Changed, "same": i.Summary.Same})
	if err != nil {
		return err
	}
	next := i.Import
	next.Version++
	next.Changed, next.Summary, next.Counts = d.Clock.Now().Truncate(time.Microsecond), string(summary), string(counts)
	var act *store.Act
	if action != "" {
		detail := counts
		if action == mapped { // no heading: of a file without any they would be values
			if detail, err = json.Marshal(map[string][]string{"columns": i.Summary.Fields}); err != nil {
				return err
			}
		}
		act = &store.Act{At: next.Changed, Actor: actor, Action: action, Object: string(i.Database) + "/" + i.ID, Detail: string(detail)}
		act.Leaf = ledger.StatementLeaf(ledger.LeafAdmin, act.Statement())
	}
	if err := d.Imports.PutImport(ctx, next, act); err != nil {
		return err
	}
	i.Import = next
	return nil
}

// Get returns an import for whoever may bring files to its database.
func (d *Desk) Get(ctx context.Context, who steward.Who, id registry.ID, name string) (*Import, error) {
	if _, _, err := d.manages(who, id); err != nil {
		return nil, err
	}
	kept, err := d.Imports.Import(ctx, id, name)
	if err != nil {
		return nil, err
	}
	return read(kept)
}

// List returns the imports of a database, the newest first.
func (d *Desk) List(ctx context.Context, who steward.Who, id registry.ID, limit int) ([]Import, error) {
	if _, _, err := d.manages(who, id); err != nil {
		return nil, err
	}
	kept, err := d.Imports.Imports(ctx, id, limit)
	if err != nil {
		return nil, err
	}
	var out []Import
	for _, k := range kept {
		i, err := read(k)
		if err != nil {
			return nil, err
		}
		out = append(out, *i)
	}
	return out, nil
}

func read(kept house.Import) (*Import, error) {
	i := &Import{Import: kept}
	return i, json.Unmarshal([]byte(kept.Summary), &i.Summary)
}
