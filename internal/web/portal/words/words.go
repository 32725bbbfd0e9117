// Package words holds every sentence of the portal in Vietnamese and English,
// and writes numbers, dates and durations as people of either language read
// them. Sentences of faults and rules come with those; this is for pages.
package words

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/fault"
)

//go:embed vi.json en.json
var files embed.FS

// Catalogue is all sentences, by language and key.
type Catalogue struct {
	texts map[string]map[string]string
}

// Load returns the embedded catalogue, read once; an error means that the build is
// broken.
func Load() (*Catalogue, error) { return loaded() }

var loaded = sync.OnceValues(func() (*Catalogue, error) {
	c := &Catalogue{texts: map[string]map[string]string{}}
	for _, lang := range []string{"vi", "en"} {
		data, err := files.ReadFile(lang + ".json")
		if err != nil {
			return nil, err
		}
		m := map[string]string{}
		if err := json.Unmarshal(data, &m); err != nil {
			return nil, fmt.Errorf("words: %s: %w", lang, err)
		}
		c.texts[lang] = m
	}
	if len(c.texts["vi"]) != len(c.texts["en"]) {
		return nil, errors.New("words: the languages differ in their keys")
	}
	return c, nil
})

// Texts returns the sentences of a language by key, for tests.
func (c *Catalogue) Texts(lang string) map[string]string { return c.texts[lang] }

// In returns the speaker of a language; Vietnamese for an unknown one.
func (c *Catalogue) In(lang string) Speaker {
	if lang != "en" {
		lang = "vi"
	}
	return Speaker{Lang: lang, texts: c.texts[lang]}
}

// Speaker speaks one language.
type Speaker struct {
	Lang  string
	texts map[string]string
}

// T returns the sentence of a key with {0}, {1}... replaced. A key that is not
// there gives the key between guillemets, which tests look for.
func (s Speaker) T(key string, args ...any) string {
	text, ok := s.texts[key]
	if !ok {
		return "«" + key + "»"
	}
	for i, a := range args {
		text = strings.ReplaceAll(text, "{"+strconv.Itoa(i)+"}", s.arg(a))
	}
	return text
}

// Has reports whether a key is there.
func (s Speaker) Has(key string) bool { _, ok := s.texts[key]; return ok }

func (s Speaker) arg(a any) string {
	switch v := a.(type) {
	case int:
		return s.Num(int64(v))
	case int64:
		return s.Num(v)
	case time.Time:
		return s.Time(v)
	case fault.Text:
		return s.Text(v)
	}
	return fmt.Sprint(a)
}

// Text returns a sentence of two languages in this one.
func (s Speaker) Text(t fault.Text) string { return t.In(s.Lang) }

// Num writes 1.234.567 (Vietnamese) or 1,234,567, with U+2212 for minus.
func (s Speaker) Num(n int64) string {
	sep := "."
	if s.Lang == "en" {
		sep = ","
	}
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "\u2212", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + sep + digits[i:]
	}
	return sign + digits
}

// Int is Num of an int.
func (s Speaker) Int(n int) string { return s.Num(int64(n)) }

// Plus writes a change with its sign.
func (s Speaker) Plus(n int64) string {
	if n < 0 {
		return s.Num(n)
	}
	return "+" + s.Num(n)
}

// Percent writes part of whole to one decimal: 2,7 % or 2.7 %, with a narrow
// no-break space; a dash where whole is nothing. It is rounded down, as score.Ratio is:
// 100 is said only of the whole.
func (s Speaker) Percent(part, whole int64) string {
	if whole <= 0 {
		return "–"
	}
	return s.Decimal(float64(part*1000/whole)/10, 1) + "\u202f%"
}

// Decimal writes a number with the language's decimal mark.
func (s Speaker) Decimal(v float64, places int) string {
	text := strconv.FormatFloat(v, 'f', places, 64)
	if s.Lang != "en" {
		text = strings.ReplaceAll(text, ".", ",")
	}
	return strings.ReplaceAll(text, "-", "\u2212")
}

// Time writes dd/MM/yyyy HH:mm in Hanoi; "" for no time.
func (s Speaker) Time(t time.Time) string { return layout(t, "02/01/2006 15:04") }

// Date writes dd/MM/yyyy in Hanoi.
func (s Speaker) Date(t time.Time) string { return layout(t, "02/01/2006") }

// Clock writes HH:mm:ss in Hanoi.
func (s Speaker) Clock(t time.Time) string { return layout(t, "15:04:05") }

// Minute writes HH:mm in Hanoi.
func (s Speaker) Minute(t time.Time) string { return layout(t, "15:04") }

// Milli writes HH:mm:ss and thousandths in Hanoi.
func (s Speaker) Milli(t time.Time) string {
	if s.Lang == "en" {
		return layout(t, "15:04:05.000")
	}
	return layout(t, "15:04:05,000")
}

func layout(t time.Time, form string) string {
	if t.IsZero() {
		return ""
	}
	return t.In(clock.Hanoi).Format(form)
}

// Day writes a day yyyyMMdd as dd/MM/yyyy.
func (s Speaker) Day(day int) string {
	if day == 0 {
		return ""
	}
	return fmt.Sprintf("%02d/%02d/%04d", day%100, day/100%100, day/10000)
}

// Age writes how long ago, rounded down, in one unit.
func (s Speaker) Age(d time.Duration) string {
	switch {
	case d < 0:
		return s.T("age.seconds", 0)
	case d < time.Minute:
		return s.T("age.seconds", int(d/time.Second))
	case d < time.Hour:
		return s.T("age.minutes", int(d/time.Minute))
	case d < 48*time.Hour:
		return s.T("age.hours", int(d/time.Hour))
	}
	return s.T("age.days", int(d/(24*time.Hour)))
}

// Size writes a number of bytes.
func (s Speaker) Size(n int64) string {
	switch {
	case n < 1024:
		return s.Num(n) + " B"
	case n < 1<<20:
		return s.Num((n+1023)>>10) + " KB"
	case n < 1<<30:
		return s.Decimal(float64(n)/(1<<20), 1) + " MB"
	case n < 1<<40:
		return s.Decimal(float64(n)/(1<<30), 1) + " GB"
	}
	return s.Decimal(float64(n)/(1<<40), 1) + " TB"
}
