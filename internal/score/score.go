// Package score counts what data are worth, in eight words: correct, sufficient,
// clean, alive, unified, shared, synchronous, consistent. A word is measured by
// checks; a sheet is the ordered list of the checks of one subject, which is a kind
// of dossier or a specialised database; marks say of one record or entry which
// checks applied and which of them it passed; a tally adds marks up. Shared and
// synchronous have no checks: they are ratios of things counted elsewhere.
//
// A check holds for a record or not, however many rows of the record break it.
// Rules find what is wrong (package quality); this package only says under which
// word, table and field a finding is counted, and looks itself at what is absent,
// untidy or late. It asks no store and has no clock.
package score

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"lienthong/internal/fault"
	"lienthong/internal/score/tally"
)

// Word is one of the eight.
type Word string

// The eight words.
const (
	Correct     Word = "correct"
	Sufficient  Word = "sufficient"
	Clean       Word = "clean"
	Alive       Word = "alive"
	Unified     Word = "unified"
	Shared      Word = "shared"
	Synchronous Word = "synchronous"
	Consistent  Word = "consistent"
)

// Words lists the eight in the order of the ministry's sentence.
func Words() []Word {
	return []Word{Correct, Sufficient, Clean, Alive, Unified, Shared, Synchronous, Consistent}
}

// IsWord reports whether w is one of the eight.
func (w Word) IsWord() bool { return slices.Contains(Words(), w) }

// Counted reports whether a word is counted by checks; the other two, Shared and
// Synchronous, are ratios of things counted elsewhere.
func (w Word) Counted() bool { return w.IsWord() && w != Shared && w != Synchronous }

// Title returns the word as people read it.
func (w Word) Title() fault.Text { return titles()[w] }

func titles() map[Word]fault.Text {
	return map[Word]fault.Text{
		Correct: {VI: "Đúng", EN: "Correct"}, Sufficient: {VI: "Đủ", EN: "Sufficient"}, Clean: {VI: "Sạch", EN: "Clean"},
		Alive: {VI: "Sống", EN: "Alive"}, Unified: {VI: "Thống nhất", EN: "Unified"}, Shared: {VI: "Dùng chung", EN: "Shared"},
		Synchronous: {VI: "Đồng bộ", EN: "Synchronous"}, Consistent: {VI: "Nhất quán", EN: "Consistent"},
	}
}

// Check is one thing looked at.
type Check struct {
	ID       string     `json:"id"` // "sufficient.XML1.HO_TEN", "correct.XML2", "clean"
	Word     Word       `json:"word"`
	Table    string     `json:"table,omitempty"` // "" the whole dossier or entry
	Field    string     `json:"field,omitempty"` // "" the whole table
	Priority int        `json:"priority,omitempty"`
	When     string     `json:"when,omitempty"`  // see Condition; "" always
	Hours    int        `json:"hours,omitempty"` // Alive: how soon after the moment in Field
	Text     fault.Text `json:"text"`
}

// nameOf is the id of a check.
func nameOf(w Word, table, field string) string {
	id := string(w)
	for _, part := range []string{table, field} {
		if part != "" {
			id += "." + part
		}
	}
	return id
}

// How marks and counts are written; see package tally.
type (
	ID    = tally.ID
	Mark  = tally.Mark
	Marks = tally.Marks
	Tally = tally.Tally
	Count = tally.Count
)

// The marks.
const (
	NotApplicable = tally.NotApplicable
	Passed        = tally.Passed
	Failed        = tally.Failed
)

// MaxChecks bounds a sheet.
const MaxChecks = tally.MaxChecks

// NewMarks returns marks of a sheet, none applicable yet. Finish with Trim.
func NewMarks(s *Sheet) Marks { return tally.NewMarks(s.id, len(s.Checks)) }

// Sheet is one version of the checks of a subject. It never changes; another list
// is another sheet.
type Sheet struct {
	Subject string  `json:"subject"` // "qd4750", "db:vaccination"
	Checks  []Check `json:"checks"`

	id    ID
	index map[string]int
}

// ErrSheet (score.sheet): not a sheet of checks.
var ErrSheet = fault.New(fault.Invalid, "score.sheet",
	"Bảng phép kiểm chất lượng không đúng dạng.", "This is no sheet of quality checks.")

// NewSheet fixes a list of checks. Fault: score.sheet.
func NewSheet(subject string, checks []Check) (*Sheet, error) {
	s := &Sheet{Subject: subject, Checks: checks, index: make(map[string]int, len(checks))}
	if subject == "" || len(subject) > 60 || len(checks) == 0 || len(checks) > MaxChecks {
		return nil, ErrSheet
	}
	for i := range checks {
		c := &checks[i]
		if c.ID == "" {
			c.ID = nameOf(c.Word, c.Table, c.Field)
		}
		if _, twice := s.index[c.ID]; twice || !c.Word.Counted() || c.ID != nameOf(c.Word, c.Table, c.Field) || c.Priority < 0 || c.Priority > 3 || c.Hours < 0 {
			return nil, ErrSheet
		}
		if _, err := ParseCondition(c.When); err != nil {
			return nil, ErrSheet
		}
		s.index[c.ID] = i
	}
	sum := sha256.Sum256(s.Marshal())
	copy(s.id[:], sum[:])
	return s, nil
}

// ID returns the sheet's id.
func (s *Sheet) ID() ID { return s.id }

// Name returns subject and id: "qd4750/3f2a9c1b".
func (s *Sheet) Name() string { return s.Subject + "/" + s.id.String() }

// Index returns the position of a check, -1 without.
func (s *Sheet) Index(id string) int {
	if i, ok := s.index[id]; ok {
		return i
	}
	return -1
}

// Marshal returns the sheet as ParseSheet reads it, always the same bytes.
func (s *Sheet) Marshal() []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(err) // strings and numbers always marshal
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// maxSheet is more than the JSON of MaxChecks checks needs.
const maxSheet = 1 << 20

// ParseSheet reads what Marshal wrote. Fault: score.sheet.
func ParseSheet(b []byte) (*Sheet, error) {
	if len(b) > maxSheet {
		return nil, ErrSheet
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	var read Sheet
	if err := d.Decode(&read); err != nil {
		return nil, ErrSheet.Because(err)
	}
	if d.More() {
		return nil, ErrSheet
	}
	return NewSheet(read.Subject, read.Checks)
}

// Formula says how the number of a check is made, as a fraction in words.
func (c *Check) Formula() fault.Text {
	what, of := c.Text, fault.Text{VI: "hồ sơ hiện hành đã nhận", EN: "current accepted records"}
	switch {
	case c.Word == Alive && c.Hours > 0:
		of.VI += " có " + c.Table + "." + c.Field
		of.EN += " with " + c.Table + "." + c.Field
	case c.Table != "" && c.Field != "" && c.Word != Sufficient:
		of.VI += " có " + c.Table + "." + c.Field
		of.EN += " with " + c.Table + "." + c.Field
	case c.Table != "":
		of.VI += " có bảng " + c.Table
		of.EN += " with table " + c.Table
	}
	if c.When != "" {
		of.VI += " (khi " + c.When + ")"
		of.EN += " (when " + c.When + ")"
	}
	return fault.Text{VI: "số hồ sơ: " + what.VI + " ÷ số " + of.VI, EN: "records where: " + what.EN + " ÷ " + of.EN}
}

// Condition says of which rows a check speaks: those where Field has a text, or
// one of Values. The zero Condition speaks of all.
type Condition struct {
	Field  string
	Values []string // nil: any text
}

// ErrCondition (score.condition): a condition that cannot be read.
var ErrCondition = fault.New(fault.Invalid, "score.condition",
	"Điều kiện không đọc được. Viết TRƯỜNG hoặc TRƯỜNG=giá trị|giá trị.", "This condition cannot be read. Write FIELD or FIELD=value|value.")

// ParseCondition reads "", "MA_THE_BHYT" or "MA_LOAI_KCB=03|04". Fault: score.condition.
func ParseCondition(text string) (Condition, error) {
	if text == "" {
		return Condition{}, nil
	}
	field, values, has := strings.Cut(text, "=")
	if !isName(field) || len(text) > 200 {
		return Condition{}, ErrCondition
	}
	c := Condition{Field: field}
	if !has {
		return c, nil
	}
	for v := range strings.SplitSeq(values, "|") {
		if v == "" || strings.ContainsAny(v, " \t\r\n=") {
			return Condition{}, ErrCondition
		}
		c.Values = append(c.Values, v)
	}
	return c, nil
}

// isName reports a name of a table or field: letters, digits and "_".
func isName(s string) bool {
	if s == "" || len(s) > 60 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// Ratio is a number with what it is a part of. Of nothing it is not applicable.
type Ratio struct {
	Passed  int64 `json:"passed"`
	Applied int64 `json:"applied"`
}

// RatioOf returns a count as a number with what it is a part of.
func RatioOf(c Count) Ratio { return Ratio{Passed: c.Applied - c.Failed, Applied: c.Applied} }

// Applicable reports whether there was anything to look at.
func (r Ratio) Applicable() bool { return r.Applied > 0 }

// Permille returns tenths of a per cent, rounded down, so that 100.0 is said of
// nothing that has a failure; -1 where nothing applied.
func (r Ratio) Permille() int {
	if r.Applied <= 0 {
		return -1
	}
	return int(min(max(r.Passed, 0), r.Applied) * 1000 / r.Applied)
}

// Percent writes the ratio with one decimal in the manner of lang: "98,4" or
// "98.4"; "" where nothing applied.
func (r Ratio) Percent(lang string) string {
	n := r.Permille()
	if n < 0 {
		return ""
	}
	point := ","
	if lang == "en" {
		point = "."
	}
	return strconv.Itoa(n/10) + point + strconv.Itoa(n%10)
}

// Plus adds two ratios of the same thing.
func (r Ratio) Plus(o Ratio) Ratio { return Ratio{r.Passed + o.Passed, r.Applied + o.Applied} }
