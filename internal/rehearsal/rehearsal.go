// Package rehearsal is the life of the rules that people write: a book is drafted,
// tried on the records of the last thirty days, announced, put into force by a second
// person, and retired. It keeps the pack that a hub judges by up to date with the
// books in force, and replays records through a draft to tell what it would find
// and where.
//
// What a rule means is package rulebook's; who may do what is the rooms'.
package rehearsal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/ledger"
	"lienthong/internal/rulebook"
	"lienthong/internal/staff"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// How a book stands.
const (
	Draft     = "draft"
	Rehearsed = "rehearsed" // tried as it is written now
	Warning   = "warning"   // its findings are shown as coming, and hold nothing back
	Active    = "active"
	Retired   = "retired"
)

// The faults.
var (
	ErrProblems = fault.New(fault.Invalid, "rulebook.problems",
		"Bộ quy tắc còn lỗi nên chưa đi tiếp được. Sửa các lỗi đã liệt kê rồi lưu lại.",
		"The book still has problems and goes no further. Mend those listed and save it again.")
	ErrUnrehearsed = fault.New(fault.Conflict, "rulebook.unrehearsed",
		"Chưa chạy thử bộ quy tắc như đang viết. Chạy thử xong rồi làm tiếp.",
		"The book was not rehearsed as it is written now. Rehearse it first.")
	ErrSecond = fault.New(fault.Conflict, "rulebook.second_person",
		"Người đưa vào áp dụng phải khác người đã soạn và người đã thông báo.",
		"Whoever puts a book into force must be another than who wrote it last and who announced it.")
	// ErrAccount: a step that two people must take, and somebody in it is nobody by name.
	ErrAccount = fault.New(fault.Withheld, "rulebook.account",
		"Cần hai người khác nhau: người soạn sau cùng, người thông báo và người đưa vào áp dụng đều phải đăng nhập bằng tài khoản của mình, không bằng đường dẫn.",
		"This takes two people: who wrote last, who announces and who puts into force must each log in with their own account, not by a link.")
	ErrReason = fault.New(fault.Invalid, "rulebook.reason", "Ghi lý do, ít nhất 10 ký tự.", "Give a reason of at least 10 characters.")
	ErrState  = fault.New(fault.Conflict, "rulebook.state",
		"Bộ quy tắc này không ở trạng thái cho phép việc đó.", "The book is not in a state that allows this.")
	ErrPlace = fault.New(fault.Conflict, "rulebook.place",
		"Đã có một bộ khác đang được thông báo. Cho bộ đó áp dụng hoặc ngừng trước.", "Another book is announced already. Put that into force or retire it first.")
	ErrDay = fault.New(fault.Invalid, "rulebook.day", "Ngày áp dụng phải sau hôm nay.", "The day it applies from must be after today.")
	// ErrEarly: what was announced for a day to come is put into force before it.
	ErrEarly = fault.New(fault.Conflict, "rulebook.early",
		"Chưa đến ngày áp dụng đã thông báo. Chờ đến ngày đó, hoặc chọn áp dụng sớm và ghi vì sao.",
		"The day announced has not come. Wait for it, or choose to apply the book early and say why.")
	ErrBase = fault.New(fault.Conflict, "rulebook.base", "Bộ đang áp dụng đã đổi từ khi soạn bản này. Soạn lại từ bộ mới.", "The book in force has changed since this was drawn from it. Draw it anew.")
	// ErrEverything: a rule that breaks most dossiers is mostly itself wrong.
	ErrEverything = fault.New(fault.Conflict, "rulebook.everything",
		"Có quy tắc giữ lại mà hơn một nửa số hồ sơ không đạt. Sửa quy tắc, hoặc để mức info và không giữ lại, rồi chạy thử lại.",
		"More than half of all dossiers break a rule that is a warning or holds something back. Mend it, or make it info without blocks, and rehearse again.")
	// ErrAbsent: there is no such book.
	ErrAbsent = fault.New(fault.Absent, "rulebook.absent", "Không có bộ quy tắc này. Xem danh sách bộ quy tắc.", "There is no such book of rules. See the list of books.")
	// ErrUnknown: a book has no step of that name.
	ErrUnknown = fault.New(fault.Invalid, "rulebook.step", "Không có thao tác này với bộ quy tắc. Mở lại trang rồi chọn lại.", "A book of rules has no such step. Open the page again and choose.")
	// ErrIdle: no rehearsal of the book runs.
	ErrIdle = fault.New(fault.Conflict, "rulebook.not_running", "Không có lần chạy thử nào đang chạy.", "No rehearsal of the book is running.")

	ErrEmpty = fault.New(fault.Invalid, "rulebook.empty", "Bộ quy tắc không có quy tắc nào.", "The book has no rules.")
)

// Desk is where books are made and moved.
type Desk struct {
	store    house.Rules
	compiler *rulebook.Compiler
	clock    clock.Clock
}

// NewDesk returns a desk.
func NewDesk(s house.Rules, compiler *rulebook.Compiler, c clock.Clock) *Desk {
	return &Desk{store: s, compiler: compiler, clock: c}
}

// Compiler returns what books are compiled with.
func (d *Desk) Compiler() *rulebook.Compiler { return d.compiler }

// Shown is a book with its text as it stands.
type Shown struct {
	house.Book
	Text string
	By   string // who wrote this text
}

// Books lists all books, newest first.
func (d *Desk) Books(ctx context.Context) ([]house.Book, error) { return d.store.Books(ctx) }

// Book returns a book with its newest text. Fault: rulebook.absent.
func (d *Desk) Book(ctx context.Context, id int) (*Shown, error) {
	b, err := d.book(ctx, id)
	if err != nil {
		return nil, err
	}
	return d.At(ctx, b, b.Edition)
}

func (d *Desk) book(ctx context.Context, id int) (house.Book, error) {
	b, err := d.store.Book(ctx, id)
	if errors.Is(err, store.ErrAbsent) {
		return b, ErrAbsent.Because(err)
	}
	return b, err
}

// At returns a book with one of its texts.
func (d *Desk) At(ctx context.Context, b house.Book, edition int) (*Shown, error) {
	e, err := d.store.Edition(ctx, b.ID, edition)
	if err != nil {
		return nil, err
	}
	return &Shown{Book: b, Text: e.Text, By: e.By}, nil
}

// InForce returns the book that applies, nil where none does.
func (d *Desk) InForce(ctx context.Context) (*Shown, error) {
	list, err := d.store.In(ctx, Active)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return d.At(ctx, list[0], list[0].Edition)
}

// Draw begins a book from the one in force, or from text where that is not "". It
// returns its number.
func (d *Desk) Draw(ctx context.Context, actor, text string) (int, error) {
	base := 0
	active, err := d.InForce(ctx)
	if err != nil {
		return 0, err
	}
	if active != nil {
		base = active.ID
		if text == "" {
			text = active.Text
		}
	}
	if text == "" {
		text = "rules:\n"
	}
	if err := fits(text); err != nil {
		return 0, err
	}
	for range 5 { // somebody else may take the number
		all, err := d.store.Books(ctx)
		if err != nil {
			return 0, err
		}
		id := 1
		if len(all) > 0 {
			id = all[0].ID + 1
		}
		b := house.Book{ID: id, State: Draft, Base: base, Created: d.clock.Now(), CreatedBy: actor}
		act, err := d.act(actor, "rules.draw", id, map[string]any{"base": base, "sha256": digest(text)})
		if err != nil {
			return 0, err
		}
		if err := d.store.Draw(ctx, b, text, act); !errors.Is(err, store.ErrTaken) {
			return id, err
		}
	}
	return 0, store.ErrChanged
}

func fits(text string) error {
	if len(text) > rulebook.MaxBytes {
		return rulebook.ErrLimits
	}
	if !utf8.ValidString(text) {
		return rulebook.ErrText
	}
	return nil
}

// Write keeps a new text of a draft, that was written over edition. A book that was
// rehearsed is a draft again. Who comes second is given Conflict. Faults:
// rulebook.state, rulebook.limits, store.changed.
func (d *Desk) Write(ctx context.Context, actor string, id, edition int, text string) error {
	if err := fits(text); err != nil {
		return err
	}
	b, err := d.book(ctx, id)
	if err != nil {
		return err
	}
	if b.State != Draft && b.State != Rehearsed {
		return ErrState
	}
	act, err := d.act(actor, "rules.write", id, map[string]any{"edition": edition + 1, "sha256": digest(text)})
	if err != nil {
		return err
	}
	err = d.store.Write(ctx, house.Edition{Book: id, Edition: edition + 1, At: d.clock.Now(), By: actor, Text: text}, []string{Draft, Rehearsed}, Draft, act)
	if !errors.Is(err, store.ErrChanged) {
		return err
	}
	return d.conflict(ctx, b, edition, err)
}

// Conflict is what another wrote meanwhile. Unwrap gives store.changed.
type Conflict struct {
	By    string
	Lines []rulebook.Line // from the text both began with to the other's
	cause error
}

// Error is for logs.
func (c *Conflict) Error() string {
	return fmt.Sprintf("rehearsal: %d lines changed by another", len(c.Lines))
}

// Unwrap returns store.changed.
func (c *Conflict) Unwrap() error { return c.cause }

func (d *Desk) conflict(ctx context.Context, b house.Book, edition int, cause error) error {
	began, err := d.store.Edition(ctx, b.ID, edition)
	if err != nil {
		return cause // no text both began with
	}
	now, err := d.Book(ctx, b.ID)
	if err != nil {
		return err
	}
	return &Conflict{By: now.By, Lines: rulebook.Lines(began.Text, now.Text), cause: cause}
}

// Check compiles a text as it would be judged by.
func (d *Desk) Check(text string) (*rulebook.Book, []rulebook.Problem) {
	return d.compiler.Read([]byte(text))
}

// sound is a book's compiled text, ErrProblems or ErrEmpty where it is not.
func (d *Desk) sound(ctx context.Context, id int) (*Shown, error) {
	b, err := d.Book(ctx, id)
	if err != nil {
		return nil, err
	}
	book, problems := d.Check(b.Text)
	switch {
	case len(problems) > 0:
		return nil, ErrProblems.Because(problems[0])
	case len(book.Rules()) == 0 && b.Base == 0: // an empty one may end all rules of another
		return nil, ErrEmpty
	}
	return b, nil
}

// Announce begins the warning period of a book that was rehearsed as it is: it will
// apply from day (yyyyMMdd). Who wrote it and who announces it are named (staff.Person):
// a second person has to be another than both.
func (d *Desk) Announce(ctx context.Context, actor string, id, day int, reason string) error {
	b, err := d.sound(ctx, id)
	if err != nil {
		return err
	}
	switch {
	case b.State == Draft:
		return ErrUnrehearsed
	case b.State != Rehearsed:
		return ErrState
	case day <= clock.Day(d.clock.Now()) || day > 99991231:
		return ErrDay
	case !staff.Named(actor, b.By):
		return ErrAccount
	}
	if err := d.everything(ctx, b); err != nil {
		return err
	}
	others, err := d.store.In(ctx, Warning)
	if err != nil {
		return err
	}
	if len(others) > 0 {
		return ErrPlace
	}
	return d.move(ctx, house.Move{Book: id, Edition: b.Edition, From: Rehearsed, To: Warning, Day: day, By: actor, Reason: reason})
}

// everything stops a book with a rule that most dossiers break, unless it is mere
// information.
func (d *Desk) everything(ctx context.Context, b *Shown) error {
	r, err := d.Result(ctx, b.Book)
	switch {
	case errors.Is(err, store.ErrAbsent):
		return ErrUnrehearsed
	case err != nil:
		return err
	case r.State != house.Done || r.Stale:
		return ErrUnrehearsed
	}
	rules, _ := rulebook.Parse([]byte(b.Text)) // sound by now
	for _, f := range r.Found.Rules {
		for i := range rules {
			if rules[i].Code == f.Code && f.Everything() && (rules[i].Severity != dossier.Info || len(rules[i].Blocks) > 0) {
				return ErrEverything.Because(fmt.Errorf("%s: %.0f %% of %d", f.Code, f.Share(), f.Judged))
			}
		}
	}
	return nil
}

// Activate puts an announced book into force, in the place of the one it was drawn
// from. Its actor is another person than who wrote its text and who announced it.
// Before the day announced that is ErrEarly, unless early is said: then the book's
// reason begins with both days.
func (d *Desk) Activate(ctx context.Context, actor string, id int, reason string, early bool) error {
	b, err := d.sound(ctx, id)
	if err != nil {
		return err
	}
	active, err := d.InForce(ctx)
	switch {
	case err != nil:
		return err
	case b.State != Warning:
		return ErrState
	case !staff.Named(actor, b.By, b.MovedBy):
		return ErrAccount
	case !staff.Another(actor, b.By, b.MovedBy):
		return ErrSecond
	case active != nil && active.ID != b.Base:
		return ErrBase
	}
	today := clock.Day(d.clock.Now()) // the day it applies from is this one, whichever was announced
	if today < b.Day {
		if !early {
			return ErrEarly
		}
		if err := reasoned(&reason); err != nil {
			return err
		}
		reason = written(b.Day) + " → " + written(today) + ": " + reason
	}
	return d.move(ctx, house.Move{Book: id, Edition: b.Edition, From: Warning, To: Active, Day: today, By: actor, Reason: reason, Base: b.Base, Ended: Retired})
}

// Retire ends a book, whatever it is at: nothing is judged by it any more.
func (d *Desk) Retire(ctx context.Context, actor string, id int, reason string) error {
	b, err := d.book(ctx, id)
	if err != nil {
		return err
	}
	if b.State == Retired {
		return ErrState
	}
	return d.move(ctx, house.Move{Book: id, Edition: b.Edition, From: b.State, To: Retired, By: actor, Reason: reason})
}

// reasoned trims a reason and refuses one that is none.
func reasoned(reason *string) error {
	if *reason = strings.TrimSpace(*reason); utf8.RuneCountInString(*reason) < 10 || len(*reason) > 2000 {
		return ErrReason
	}
	return nil
}

// written is a day as any reader reads it: 2026-12-01.
func written(day int) string {
	return fmt.Sprintf("%04d-%02d-%02d", day/10000, day/100%100, day%100)
}

func (d *Desk) move(ctx context.Context, m house.Move) error {
	if err := reasoned(&m.Reason); err != nil {
		return err
	}
	m.At = d.clock.Now()
	act, err := d.act(m.By, "rules."+m.To, m.Book, map[string]any{"edition": m.Edition, "from": m.From, "day": m.Day, "reason": m.Reason})
	if err != nil {
		return err
	}
	return d.store.Move(ctx, m, act)
}

func (d *Desk) act(actor, action string, book int, detail map[string]any) (store.Act, error) {
	b, err := json.Marshal(detail)
	if err != nil {
		return store.Act{}, fmt.Errorf("rehearsal: %w", err)
	}
	act := store.Act{At: d.clock.Now(), Actor: actor, Action: action, Object: Name(book), Detail: string(b)}
	act.Leaf = ledger.StatementLeaf(ledger.LeafAdmin, act.Statement())
	return act, nil
}

// Name is a book's name: "r7".
func Name(book int) string { return fmt.Sprintf("r%d", book) }

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
