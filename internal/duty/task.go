// Package duty is who owes which work: units and what each does for a database,
// the programmes that tasks come from, and tasks with owner, day due, state and
// every step. It says which step may follow which; it keeps nothing, asks
// nobody's rights and has no clock.
package duty

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
)

// Party is who owns a task or holds it up: "unit:khcn", "facility:79901".
type Party string

// UnitParty and FacilityParty make parties.
func UnitParty(id string) Party                  { return Party("unit:" + id) }
func FacilityParty(code care.FacilityCode) Party { return Party("facility:" + string(code)) }
func (p Party) Unit() string {
	id, _ := strings.CutPrefix(string(p), "unit:")
	return only(p, "unit:", id)
}
func (p Party) Facility() care.FacilityCode {
	return care.FacilityCode(only(p, "facility:", strings.TrimPrefix(string(p), "facility:")))
}
func only(p Party, prefix, rest string) string {
	if !strings.HasPrefix(string(p), prefix) {
		return ""
	}
	return rest
}

// ErrParty: no such owner can be.
var ErrParty = fault.New(fault.Invalid, "task.party",
	"Ghi đơn vị là unit:MÃ hoặc cơ sở là facility:MÃ.", "Write a unit as unit:ID or a facility as facility:CODE.")

// ParseParty reads "unit:khcn" or "facility:79901"; ErrParty.
func ParseParty(s string) (Party, error) {
	p := Party(s)
	if id := p.Unit(); unitID.MatchString(id) {
		return p, nil
	}
	if code, err := care.ParseFacilityCode(string(p.Facility())); err == nil && FacilityParty(code) == p {
		return p, nil
	}
	return "", ErrParty
}

// State is how a task stands.
type State string

// The states.
const (
	Open       State = "open"
	InProgress State = "in_progress"
	Blocked    State = "blocked" // BlockedBy says by whom
	Done       State = "done"
	Cancelled  State = "cancelled"
)

// Ended reports whether nobody has to do anything any more.
func (s State) Ended() bool { return s == Done || s == Cancelled }

// Source is why there is a task.
type Source struct {
	Kind string `json:"kind"`          // FromProgramme and so on
	Ref  string `json:"ref,omitempty"` // id of the programme, day of the meeting, cause of the alarm
}

// The kinds of sources.
const (
	FromProgramme = "programme"
	FromMeeting   = "meeting"
	FromDebt      = "debt"  // a number is not right
	FromAlarm     = "alarm" // somebody must look
	FromOther     = "other"
)

// Sources lists the kinds that people choose from; debts and alarms are the hub's own.
func Sources() []string { return []string{FromProgramme, FromMeeting, FromOther} }

// Evidence is what shows that something was done.
type Evidence struct {
	Text   string `json:"text,omitempty"`
	Kind   string `json:"kind,omitempty"` // of Ref: EvidenceKinds, "" none
	Ref    string `json:"ref,omitempty"`  // id of a record, a figure with its statement, SHA-256 of a file in hexadecimal
	Passed int64  `json:"passed,omitempty"`
	Of     int64  `json:"of,omitempty"` // with Passed: the number when it was looked at; 0: no number
}

// EvidenceKinds lists what Ref can be.
func EvidenceKinds() []string { return []string{"record", "figure", "file", "task"} }

// None reports whether there is no evidence.
func (e Evidence) None() bool { return e == Evidence{} }

// Task is one piece of work somebody owes by a day, as it stands.
type Task struct {
	ID        string            `json:"id"`      // "NV-2026-000123-7"
	Version   int               `json:"version"` // one for each step
	Unit      string            `json:"unit,omitempty"`
	Facility  care.FacilityCode `json:"facility,omitempty"` // who owns it: a unit or a facility
	Title     fault.Text        `json:"title"`
	Source    Source            `json:"source"`
	Database  string            `json:"database,omitempty"` // id of the database it is about
	Check     string            `json:"check,omitempty"`    // the check that fails
	Debt      string            `json:"debt,omitempty"`     // what is wrong, as who counts names it: one task for each
	Opened    time.Time         `json:"opened"`
	By        string            `json:"by"`  // who opened it, as acts name people
	Due       int               `json:"due"` // yyyyMMdd in Hanoi: the last day that is not late
	State     State             `json:"state"`
	BlockedBy Party             `json:"blocked_by,omitempty"`
	Why       string            `json:"why,omitempty"` // Blocked and Cancelled: the reason
	Since     time.Time         `json:"since"`         // of the state
	Closed    time.Time         `json:"closed,omitzero"`
	Evidence  Evidence          `json:"evidence,omitzero"`
	Reopened  int               `json:"reopened,omitempty"` // how often it came back
	Reminded  time.Time         `json:"reminded,omitzero"`
}

// Owner is who has to do it.
func (t *Task) Owner() Party {
	if t.Unit != "" {
		return UnitParty(t.Unit)
	}
	return FacilityParty(t.Facility)
}

// Own gives the task to a party.
func (t *Task) Own(p Party) { t.Unit, t.Facility = p.Unit(), p.Facility() }

// Late reports whether it is not done and its day is over, on a day.
func (t *Task) Late(day int) bool { return !t.State.Ended() && t.Due < day }

// LateBy is how many days it is late on a day, 0 where it is not.
func (t *Task) LateBy(day int) int {
	if !t.Late(day) {
		return 0
	}
	return DaysBetween(t.Due, day)
}

var (
	// ErrText: words are missing, or too many.
	ErrText = fault.New(fault.Invalid, "task.text",
		"Cần viết vài chữ, nhiều nhất 2.000 ký tự (tiêu đề 200).", "Some words are needed, at most 2,000 characters (a title 200).")
	// ErrPersonal: the words hold what may be a person's number.
	ErrPersonal = fault.New(fault.Invalid, "task.personal",
		"Không ghi số định danh, số thẻ hay số điện thoại của người dân vào nhiệm vụ. Ghi mã hồ sơ ở ô chứng cứ.",
		"No identity, card or phone number of a person belongs in a task. Name the record in the field for evidence.")
	// ErrDay: not a day, or one in an order that cannot be.
	ErrDay = fault.New(fault.Invalid, "task.day", "Ngày không đúng, dạng 2026-12-31.", "This is no day; its form is 2026-12-31.")
	// ErrPast: due before today.
	ErrPast = fault.New(fault.Invalid, "task.due_past",
		"Hạn phải từ hôm nay trở đi và trong vòng năm năm.", "The day due must be today or later, and within five years.")
	// ErrSource: not a source a task comes from.
	ErrSource = fault.New(fault.Invalid, "task.source",
		"Chọn nguồn của nhiệm vụ: một chương trình có trong danh sách, cuộc họp hoặc việc khác.",
		"Choose where the task comes from: a programme of the list, a meeting, or another.")
	// ErrDatabase: no id of a database.
	ErrDatabase = fault.New(fault.Invalid, "task.database", "Mã cơ sở dữ liệu không đúng.", "This is no id of a database.")
)

const (
	longTitle = 200
	longText  = 2000
)

// nineDigits finds what may be an identity number (9 or 12), a card or a phone
// (10), however it is spaced.
var nineDigits = regexp.MustCompile(`[0-9](?:[ .\x{a0}-]?[0-9]){8,}`)

// dates are runs of digits that are no number of a person: a task's number, days.
var dates = regexp.MustCompile(`NV-[0-9]{4}-[0-9]{6,}-[0-9]|\b[0-9]{4}-[0-9]{2}-[0-9]{2}\b|\b[0-9]{1,2}[./-][0-9]{1,2}[./-][0-9]{4}\b`)

// CheckText reports whether words may be kept: at most 2,000 characters, no
// number of a person.
func CheckText(s string) error { return checkWords(s, longText) }

// CheckLine is CheckText of a title: some words, at most 200 characters, one line.
func CheckLine(s string) error {
	if strings.TrimSpace(s) == "" || strings.ContainsFunc(s, unicode.IsControl) {
		return ErrText
	}
	return checkWords(s, longTitle)
}

func checkWords(s string, most int) error {
	if !utf8.ValidString(s) || strings.ContainsRune(s, 0) || utf8.RuneCountInString(s) > most {
		return ErrText
	}
	if nineDigits.MatchString(dates.ReplaceAllString(s, " ")) {
		return ErrPersonal
	}
	return nil
}

var (
	sha256Hex = regexp.MustCompile(`^[0-9a-f]{64}$`)
	reference = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/~-]{0,119}$`)
)

// ErrEvidence: a task is not done without evidence, or it cannot be read.
var ErrEvidence = fault.New(fault.Invalid, "task.evidence",
	"Ghi kết quả: vài chữ, hoặc mã hồ sơ, mã số liệu, SHA-256 của tệp.",
	"Say what came of it: some words, or the id of a record, of a figure, or the SHA-256 of a file.")

// Check reports why evidence cannot be kept.
func (e Evidence) Check() error {
	if err := CheckText(e.Text); err != nil {
		return err
	}
	if (e.Kind == "") != (e.Ref == "") || e.Kind != "" && !slices.Contains(EvidenceKinds(), e.Kind) || e.Ref != "" && !reference.MatchString(e.Ref) ||
		e.Kind == "file" && !sha256Hex.MatchString(e.Ref) || e.Passed < 0 || e.Of < e.Passed {
		return ErrEvidence
	}
	if e.Kind == "task" {
		if n, err := ParseNumber(e.Ref); err != nil || n != e.Ref {
			return ErrEvidence
		}
	}
	return nil
}

// ValidDay reports whether yyyyMMdd is a day of the calendar.
func ValidDay(day int) bool { _, ok := dayTime(day); return ok }

func dayTime(day int) (time.Time, bool) {
	t := time.Date(day/10000, time.Month(day/100%100), day%100, 0, 0, 0, 0, clock.Hanoi)
	return t, day > 19000000 && day < 99990000 && clock.Day(t) == day
}

// AddDays is the day n days after a day.
func AddDays(day, n int) int {
	t, _ := dayTime(day)
	return clock.Day(t.AddDate(0, 0, n))
}

// DaysBetween is how many days lie from one to the other.
func DaysBetween(from, to int) int {
	a, _ := dayTime(from)
	b, _ := dayTime(to)
	return int(b.Sub(a) / (24 * time.Hour))
}

// ParseDay reads "2026-12-31"; ErrDay.
func ParseDay(s string) (int, error) {
	t, err := time.ParseInLocation(time.DateOnly, strings.TrimSpace(s), clock.Hanoi)
	if err != nil || !ValidDay(clock.Day(t)) {
		return 0, ErrDay
	}
	return clock.Day(t), nil
}

// DayText writes a day as ParseDay reads it, "" for none.
func DayText(day int) string {
	t, ok := dayTime(day)
	if !ok {
		return ""
	}
	return t.Format(time.DateOnly)
}

// DayTime is midnight in Hanoi at the beginning of a day.
func DayTime(day int) time.Time { t, _ := dayTime(day); return t }

// checkDue refuses days that are over, and ones nobody will see.
func checkDue(due, today int) error {
	switch {
	case !ValidDay(due):
		return ErrDay
	case due < today || due > today+50000:
		return ErrPast
	}
	return nil
}
