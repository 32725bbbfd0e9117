package own

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"lienthong/internal/care"
	"lienthong/internal/chart"
	"lienthong/internal/clock"
	"lienthong/internal/compartment"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
)

// The bounds of an entry.
const (
	MostItems   = 20  // of allergies, implants or contacts
	LongestText = 200 // characters of one of them
)

// The faults of what is typed.
var (
	ErrEmpty   = fault.New(fault.Invalid, "own.empty", "Bản khai chưa có gì. Ghi ít nhất một mục, hoặc rút bản khai.", "The entry says nothing. Fill in at least one part, or withdraw it.")
	ErrText    = fault.New(fault.Invalid, "own.text", "Mỗi dòng một mục, nhiều nhất 20 dòng, mỗi dòng không quá 200 chữ cái.", "One item on each line, at most 20 lines of 200 characters.")
	ErrBoth    = fault.New(fault.Invalid, "own.both", "Đã chọn “không có” thì không ghi thêm mục nào; chọn lại một trong hai.", "“None” was chosen and items were written too; keep one of the two.")
	ErrUnclear = fault.New(fault.Invalid, "own.unclear", "Có dòng không nói rõ là có gì. Nếu không có, chọn “Tôi không có”; nếu chưa biết, chọn “Chưa khai”.", "A line does not say what there is. For none choose “I have none”; for not known choose “Not stated”.")
	ErrBlood   = fault.New(fault.Invalid, "own.blood", "Chọn nhóm máu trong danh sách.", "Choose the blood group from the list.")
	ErrContact = fault.New(fault.Invalid, "own.contact", "Người cần gọi cần có tên và số điện thoại (8 đến 15 chữ số).", "Whom to call needs a name and a telephone number (8 to 15 digits).")
)

// Answer is what is stated of one thing: items, or that there is none; neither:
// nothing is stated.
type Answer struct {
	None  bool     `json:"none,omitempty"`
	Items []string `json:"items,omitempty"`
}

// Contact is somebody to call.
type Contact struct {
	Name  string `json:"name"`
	Who   string `json:"who,omitempty"` // "con trai"
	Phone string `json:"phone"`
}

// Entry is what a person states of themself.
type Entry struct {
	Allergies Answer    `json:"allergies,omitzero"`
	Blood     string    `json:"blood,omitempty"` // one of Bloods
	Implants  Answer    `json:"implants,omitzero"`
	Contacts  []Contact `json:"contacts,omitempty"`
}

// Bloods lists the groups that can be stated; without a sign the Rhesus factor is
// not known.
func Bloods() []string {
	return []string{"O+", "A+", "B+", "AB+", "O-", "A-", "B-", "AB-", "O", "A", "B", "AB"}
}

// Typed is an entry as a form has it.
type Typed struct {
	Allergies, Implants         string // "some", "none" or "": not stated
	AllergyLines, ImplantLines  string // one item on each line
	Blood                       string
	ContactName, Who, Telephone []string
}

// Parse reads an entry that was typed. Faults: own.text, own.both, own.unclear,
// own.blood, own.contact, own.empty.
func Parse(t Typed) (Entry, error) {
	var e Entry
	var err error
	if e.Allergies, err = answer(t.Allergies, t.AllergyLines); err != nil {
		return Entry{}, err
	}
	if e.Implants, err = answer(t.Implants, t.ImplantLines); err != nil {
		return Entry{}, err
	}
	if e.Blood = strings.TrimSpace(t.Blood); e.Blood != "" && !slices.Contains(Bloods(), e.Blood) {
		return Entry{}, ErrBlood
	}
	if e.Contacts, err = contacts(t); err != nil {
		return Entry{}, err
	}
	if e.Empty() {
		return Entry{}, ErrEmpty
	}
	return e, e.legible()
}

func answer(say, lines string) (Answer, error) {
	a := Answer{None: say == "none"}
	for line := range strings.Lines(lines) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if !plain(line) || len(a.Items) == MostItems {
			return a, ErrText
		}
		if !slices.ContainsFunc(a.Items, func(had string) bool { return care.Fold(had) == care.Fold(line) }) {
			a.Items = append(a.Items, line)
		}
	}
	switch {
	case say != "none" && say != "some" && say != "":
		return a, ErrText
	case a.None && len(a.Items) > 0, say == "" && len(a.Items) > 0:
		return a, ErrBoth
	case say == "some" && len(a.Items) == 0:
		return a, ErrUnclear
	}
	return a, nil
}

// plain reports whether a line can be kept and shown as it is.
func plain(s string) bool {
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= LongestText && !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError || unicode.Is(unicode.Cf, r) })
}

func contacts(t Typed) ([]Contact, error) {
	at := func(list []string, i int) string {
		if i < len(list) {
			return strings.TrimSpace(list[i])
		}
		return ""
	}
	var out []Contact
	for i := range max(len(t.ContactName), len(t.Who), len(t.Telephone)) {
		c := Contact{at(t.ContactName, i), at(t.Who, i), at(t.Telephone, i)}
		if c == (Contact{}) {
			continue
		}
		digits := strings.NewReplacer(" ", "", ".", "", "-", "", "(", "", ")", "", "+", "").Replace(c.Phone)
		switch {
		case !plain(c.Name) || !plain(c.Who) || !plain(c.Phone) || len(out) == MostItems:
			return nil, ErrText
		case c.Name == "" || len(digits) < 8 || len(digits) > 15 || strings.Trim(digits, "0123456789") != "" || strings.Trim(digits, "0") == "":
			return nil, ErrContact
		}
		out = append(out, c)
	}
	return out, nil
}

// Empty reports whether nothing is stated.
func (e *Entry) Empty() bool {
	return !e.Allergies.said() && !e.Implants.said() && e.Blood == "" && len(e.Contacts) == 0
}

func (a *Answer) said() bool { return a.None || len(a.Items) > 0 }

// legible makes sure that what is stated is read as it was meant: "không biết"
// among allergies would be read as nothing.
func (e *Entry) legible() error {
	c := ChartOf(*e)
	for _, x := range []struct {
		fact chart.Fact
		n    int
	}{{c.Allergies, len(e.Allergies.Items)}, {c.Implants, len(e.Implants.Items)}} {
		n := 0
		for _, i := range x.fact.Items {
			if i.Says == chart.Recorded {
				n++
			}
		}
		if n != x.n {
			return ErrUnclear
		}
	}
	return nil
}

// ChartOf is what an entry says, as a page shows it.
func ChartOf(e Entry) *chart.Chart {
	return chart.Read([]chart.Entry{{Kind: chart.Own, Read: readOf(&e, time.Unix(0, 0))}}, time.Unix(0, 0))
}

// rows are the entry as package chart reads it: one row for each item, each with
// the time it was written.
func (e *Entry) rows(at time.Time) []map[string]string {
	var out []map[string]string
	day := at.In(clock.Hanoi).Format("200601021504")
	add := func(field, text string) {
		out = append(out, map[string]string{"NGAY_GHI": day, field: text})
	}
	list := func(field string, a Answer) {
		if a.None {
			add(field, "Không")
		}
		for _, item := range a.Items {
			add(field, item)
		}
	}
	list("DI_UNG", e.Allergies)
	if e.Blood != "" {
		add("NHOM_MAU", e.Blood)
	}
	list("CAY_GHEP", e.Implants)
	for _, c := range e.Contacts {
		add("LIEN_HE", c.text())
	}
	return out
}

func (c *Contact) text() string {
	if c.Who == "" {
		return c.Name + ", " + c.Phone
	}
	return c.Name + " (" + c.Who + "), " + c.Phone
}

// EntryOf is the entry that content says: of what a reader was shown, the part
// they were shown.
func EntryOf(c *dossier.Content) Entry {
	var e Entry
	if c == nil {
		return e
	}
	for _, t := range c.Tables() {
		for row := range t.Rows {
			take := func(field string, a *Answer) {
				switch s := t.Cell(row, field).Text; s {
				case "":
				case "Không":
					a.None = true
				default:
					a.Items = append(a.Items, s)
				}
			}
			take("DI_UNG", &e.Allergies)
			take("CAY_GHEP", &e.Implants)
			if s := t.Cell(row, "NHOM_MAU").Text; s != "" {
				e.Blood = s
			}
			if s := t.Cell(row, "LIEN_HE").Text; s != "" {
				e.Contacts = append(e.Contacts, contactOf(s))
			}
		}
	}
	return e
}

// contactOf reads what text wrote.
func contactOf(s string) Contact {
	i := strings.LastIndex(s, ", ")
	if i < 0 {
		return Contact{Name: s}
	}
	c := Contact{Name: s[:i], Phone: s[i+2:]}
	if k := strings.LastIndex(c.Name, " ("); k > 0 && strings.HasSuffix(c.Name, ")") {
		c.Name, c.Who = c.Name[:k], c.Name[k+2:len(c.Name)-1]
	}
	return c
}

// carried puts into an entry what the one before says of sensitive classes: who
// could not see it cannot have meant to take it away.
func carried(e, before Entry) Entry {
	carry := func(a *Answer, had []string) {
		for _, item := range had {
			if compartment.Text(item) != 0 && !slices.Contains(a.Items, item) && len(a.Items) < MostItems {
				a.None, a.Items = false, append(slices.Clip(a.Items), item)
			}
		}
	}
	carry(&e.Allergies, before.Allergies.Items)
	carry(&e.Implants, before.Implants.Items)
	return e
}
