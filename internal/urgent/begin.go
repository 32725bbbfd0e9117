package urgent

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/identity"
	"lienthong/internal/store"
)

// class is the retention class that sheets are sealed under.
const class = "y10"

// Sheet is what is known of a patient without a name. It is kept sealed.
type Sheet struct {
	Sex     string   `json:"sex,omitempty"` // GIOI_TINH: "1", "2"
	Age     int      `json:"age,omitempty"` // about
	Marks   string   `json:"marks,omitempty"`
	Name    string   `json:"name,omitempty"` // or the part that is known
	Phones  []string `json:"phones,omitempty"`
	Birth   string   `json:"birth,omitempty"` // yyyyMMdd, where it is known
	Year    int      `json:"year,omitempty"`  // of birth, about
	Commune string   `json:"commune,omitempty"`
	Found   string   `json:"found,omitempty"` // where they were found, who brought them
	// Searched counts searches for this number.
	Searched int `json:"searched,omitempty"`
}

const (
	longWords = 300
	longField = 120
)

// Told is the sheet as package identity looks for people. A year not stated is
// reckoned from the age.
func (s *Sheet) Told(now time.Time) identity.Told {
	t := identity.Told{Name: cut(s.Name, longField), Year: s.Year, Commune: cut(s.Commune, longField)}
	for _, p := range s.Phones {
		if len(t.Phones) < 2 && p != "" {
			t.Phones = append(t.Phones, cut(p, 40))
		}
	}
	if m, err := care.ParseMoment(s.Birth); err == nil {
		t.Birth = m
	}
	if x, err := care.ParseSex(s.Sex); err == nil {
		t.Sex = x
	}
	if y := now.In(clock.Hanoi).Year(); t.Year == 0 && s.Age > 0 && s.Age < 130 {
		t.Year = y - s.Age
	} else if t.Year < 1880 || t.Year > y {
		t.Year = 0
	}
	return t
}

// tidy cuts what was typed to what is kept.
func (s Sheet) tidy() Sheet {
	s.Marks, s.Found = cut(s.Marks, longWords), cut(s.Found, longWords)
	s.Name, s.Commune = cut(s.Name, longField), cut(s.Commune, longField)
	var phones []string
	for _, p := range s.Phones {
		if p = cut(p, 40); p != "" && len(phones) < 2 {
			phones = append(phones, p)
		}
	}
	s.Phones = phones
	if _, err := care.ParseMoment(s.Birth); err != nil {
		s.Birth = ""
	}
	if _, err := care.ParseSex(s.Sex); err != nil {
		s.Sex = ""
	}
	return s
}

func cut(s string, most int) string {
	r := []rune(care.Clean(s))
	if len(r) > most {
		r = r[:most]
	}
	return string(r)
}

// Begin gives a patient without a name a number, with whatever is known of them,
// which may be nothing. Faults: emergency.absent, emergency.staff, temporary.too_many.
func (d *Desk) Begin(ctx context.Context, by Member, known Sheet) (*identity.Temporary, error) {
	if err := by.admit(); err != nil {
		return nil, err
	}
	waiting, err := d.Temporaries.Temporaries(ctx, by.at(), identity.Open, d.cfg.Begun)
	if err != nil {
		return nil, wrap("counting numbers", err)
	}
	if len(waiting) >= d.cfg.Begun {
		return nil, ErrMany
	}
	now := d.Clock.Now()
	known.Searched = 0
	t := &identity.Temporary{Facility: by.at(), Staff: by.Staff, Made: now, State: identity.Open, Version: 1}
	if _, err := io.ReadFull(d.Random, t.Person[:]); err != nil {
		return nil, wrap("naming a person", err)
	}
	for range 20 { // a serial that is given already is drawn again
		if t.Number, err = identity.DrawNumber(now, by.at(), d.Random); err != nil {
			return nil, err
		}
		if err = d.seal(ctx, t, known.tidy()); err != nil {
			return nil, err
		}
		err = d.Temporaries.PutTemporary(ctx, *t, d.act(by, "temporary.made", t.Number, ""))
		if !errors.Is(err, store.ErrChanged) {
			break
		}
	}
	return t, wrap("keeping a number", err)
}

// Temporary returns a number of the member's facility with its sheet. Another
// facility's number is absent.
func (d *Desk) Temporary(ctx context.Context, by Member, number string) (*identity.Temporary, *Sheet, error) {
	if err := by.admit(); err != nil {
		return nil, nil, err
	}
	n, err := identity.ParseNumber(number)
	if err != nil {
		return nil, nil, err
	}
	t, err := d.Temporaries.Temporary(ctx, n)
	if err != nil {
		return nil, nil, absent(err)
	}
	if t.Facility != by.at() {
		return nil, nil, ErrAbsent
	}
	s, err := d.sheet(t)
	return t, s, err
}

// Waiting is a number that is neither resolved nor released.
type Waiting struct {
	identity.Temporary
	Age time.Duration
}

// Worklist returns the numbers of the member's facility that wait, oldest first.
func (d *Desk) Worklist(ctx context.Context, by Member) ([]Waiting, error) {
	if by.at() == "" {
		return nil, ErrAbsent
	}
	now := d.Clock.Now()
	var out []Waiting
	for _, state := range []string{identity.Undone, identity.Open} {
		list, err := d.Temporaries.Temporaries(ctx, by.at(), state, d.cfg.Begun)
		if err != nil {
			return nil, wrap("listing numbers", err)
		}
		for _, t := range list {
			out = append(out, Waiting{t, max(0, now.Sub(t.Made))})
		}
	}
	return out, nil
}

// SheetName names the sheet of a number: what it is sealed under.
func SheetName(number string) []byte { return []byte("lienthong/temporary/v1\n" + number) }

// seal puts what is known into the identity.
func (d *Desk) seal(ctx context.Context, t *identity.Temporary, s Sheet) error {
	month := clock.Day(d.Clock.Now()) / 100
	if !d.Vault.Have(class, month) {
		fresh, err := d.Vault.NewMonthKey(class, month)
		if err != nil {
			return wrap("month key", err)
		}
		kept, err := d.Keys.PutMonth(ctx, fresh)
		if err != nil {
			return wrap("month key", err)
		}
		if err := d.Vault.Load([]store.MonthKey{kept}); err != nil {
			return wrap("month key", err)
		}
	}
	plain, err := json.Marshal(s)
	if err != nil {
		return wrap("writing a sheet", err)
	}
	sealed, err := d.Vault.Seal(class, month, SheetName(t.Number), plain)
	if err != nil {
		return wrap("sealing a sheet", err)
	}
	t.Wrapped, t.Sealed = sealed.Wrapped, sealed.Parts[0]
	return nil
}

// sheet opens what this package sealed of a patient without a name.
func (d *Desk) sheet(t *identity.Temporary) (*Sheet, error) {
	plain, err := d.Vault.Open(SheetName(t.Number), t.Wrapped, 0, t.Sealed)
	if err != nil {
		return nil, wrap("opening a sheet", err)
	}
	s := new(Sheet)
	if err := json.Unmarshal(plain, s); err != nil {
		return nil, wrap("reading a sheet", err)
	}
	return s, nil
}
