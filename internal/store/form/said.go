package form

import (
	"encoding/base64"
	"strings"

	"lienthong/internal/care"
	"lienthong/internal/consent"
)

// plain reads what json.Marshal writes of a said: its fields in order, each at
// most once, without blanks, its texts printable ASCII without escapes. A look
// reads every say that stands of a person, and this is most of the time a
// decision takes. What it does not know is not an error: ReadSaid asks package
// json then.
type plain struct {
	text string // what is left
	ok   bool
}

// readPlain reads text into c; false, with c in parts as before, where it is
// written otherwise.
func readPlain(c *consent.Consent, text string) bool {
	p := plain{text, true}
	p.word(`{"v":`)
	c.Version = int(p.number())
	p.word(`,"effect":`)
	c.Effect = consent.Effect(p.string())
	p.word(`,"state":`)
	c.State = consent.State(p.string())
	c.Purpose = consent.Purpose(p.optional(`,"purpose":`))
	c.Scope = consent.Scope{}
	p.scope(&c.Scope)
	c.Emergency = p.is(`,"emergency":true`)
	c.Since = moment(p.count(`,"since":`))
	c.Until = moment(p.count(`,"until":`))
	c.Asked = moment(p.count(`,"asked":`))
	c.Decided = moment(p.count(`,"decided":`))
	c.Ended = moment(p.count(`,"ended":`))
	c.Asker = care.FacilityCode(p.optional(`,"asker":`))
	p.bytes(`,"staff":`, c.Staff[:])
	p.word(`,"signer":`)
	c.Signer = consent.Signer(p.string())
	p.bytes(`,"by":`, c.By[:])
	c.Channel = p.optional(`,"channel":`)
	p.bytes(`,"proof":`, c.Proof[:])
	c.Law = p.optional(`,"law":`)
	return p.ok && p.text == "}"
}

func (p *plain) scope(s *consent.Scope) {
	s.Readers = list[care.FacilityCode](p, `,"readers":[`)
	s.Authors = list[care.FacilityCode](p, `,"authors":[`)
	s.Kinds = list[string](p, `,"kinds":[`)
	for on := p.is(`,"visits":[`); on && p.ok; {
		p.word(`{"facility":`)
		v := consent.Visit{Facility: care.FacilityCode(p.string())}
		p.bytes(`,"episode":`, v.Episode[:])
		p.word(`}`)
		s.Visits = append(s.Visits, v)
		if on = p.is(`,`); !on {
			p.word(`]`)
		}
	}
	s.From = moment(p.count(`,"from":`))
	s.To = moment(p.count(`,"to":`))
	classes := p.count(`,"classes":`)
	p.ok = p.ok && classes >= 0 && classes <= 255
	s.Classes = care.Classes(classes)
}

// is takes a word that may stand next.
func (p *plain) is(word string) (there bool) {
	p.text, there = strings.CutPrefix(p.text, word)
	return there
}

// word takes one that must.
func (p *plain) word(word string) { p.ok = p.is(word) && p.ok }

// number takes a whole number of at most 18 digits.
func (p *plain) number() (n int64) {
	minus, i := p.is(`-`), 0
	for ; i < len(p.text) && i < 19 && p.text[i] >= '0' && p.text[i] <= '9'; i++ {
		n = n*10 + int64(p.text[i]-'0')
	}
	p.ok = p.ok && i > 0 && i < 19 && (p.text[0] != '0' || i == 1 && !minus)
	p.text = p.text[i:]
	if minus {
		return -n
	}
	return n
}

// count is a number that may be there, 0 without one.
func (p *plain) count(lead string) int64 {
	if !p.is(lead) {
		return 0
	}
	return p.number()
}

// string takes a text in quotes.
func (p *plain) string() string {
	if !p.is(`"`) {
		p.ok = false
		return ""
	}
	for i := range len(p.text) {
		switch c := p.text[i]; {
		case c == '"':
			s := p.text[:i]
			p.text = p.text[i+1:]
			return s
		case c < ' ' || c > '~' || c == '\\':
			p.ok = false
			return ""
		}
	}
	p.ok = false
	return ""
}

func (p *plain) optional(lead string) string {
	if !p.is(lead) {
		return ""
	}
	return p.string()
}

// bytes takes base64 of as many bytes as to has; without the lead to stays zero.
func (p *plain) bytes(lead string, to []byte) {
	clear(to)
	if !p.is(lead) {
		return
	}
	s := p.string()
	if base64.StdEncoding.EncodedLen(len(to)) != len(s) {
		p.ok = false
		return
	}
	var wide [36]byte // 32 bytes and what base64 may write behind them
	n, err := base64.StdEncoding.Decode(wide[:], []byte(s))
	p.ok = p.ok && err == nil && n == len(to)
	copy(to, wide[:n])
}

// list takes texts up to the closing bracket, at least one.
func list[T ~string](p *plain, lead string) (all []T) {
	for on := p.is(lead); on && p.ok; {
		all = append(all, T(p.string()))
		if on = p.is(`,`); !on {
			p.word(`]`)
		}
	}
	return all
}
