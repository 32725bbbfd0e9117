package simulator

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"

	"lienthong/internal/bridge/envelope"
	"lienthong/internal/fault"
)

// ErrUnreadable (simulator.unreadable): no JSON of an entry, no dossier file.
var ErrUnreadable = fault.New(fault.Invalid, "simulator.unreadable",
	"Không đọc được mục sổ sức khỏe.", "The health book entry cannot be read.")

// ErrData (simulator.data): readable, but it names no facility, episode or person.
var ErrData = fault.New(fault.Invalid, "simulator.data",
	"Mục sổ sức khỏe không nêu cơ sở, lượt khám hoặc người bệnh.", "The health book entry names no facility, episode or person.")

// Entry is one episode of one person at one facility.
type Entry struct {
	Facility  string // ma_cskcb
	Episode   string // ma_lk
	Version   int    // phien_ban; 0 where the insurer passed it on
	Citizen   string // 12 digits
	Insurance string // 10 digits
	Withdrawn bool   // thu_hoi
	Content   map[string]json.RawMessage
}

var (
	citizen   = regexp.MustCompile(`^[0-9]{12}$`)
	insurance = regexp.MustCompile(`^([A-Z]{2}[0-9A-Z][0-9]{2})?[0-9]{10}$`)
	facility  = regexp.MustCompile(`^[0-9A-Za-z]{5}$`)
)

// groups are the members an entry's content may have.
func groups() []string {
	return []string{"nguon", "hanh_chinh", "dot_kham", "thuoc", "dich_vu", "can_lam_sang", "tom_tat"}
}

// ParseEntry reads the body of POST /api/so-suc-khoe/muc: ma_cskcb, ma_lk,
// phien_ban, thu_hoi and the groups. The person is who hanh_chinh names with a
// member whose name holds "cccd" or "dinh_danh" (12 digits) or "bhyt" or "bhxh"
// (card or number). A withdrawal needs no person. Errors: ErrUnreadable, ErrData.
func ParseEntry(body []byte) (Entry, error) {
	var head struct {
		Facility  string          `json:"ma_cskcb"`
		Episode   string          `json:"ma_lk"`
		Version   int             `json:"phien_ban"`
		Withdrawn json.RawMessage `json:"thu_hoi"`
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &head) != nil || json.Unmarshal(body, &members) != nil || members == nil {
		return Entry{}, ErrUnreadable
	}
	e := Entry{Facility: head.Facility, Episode: head.Episode, Version: head.Version, Content: map[string]json.RawMessage{}}
	switch w := strings.TrimSpace(string(head.Withdrawn)); w { // a flag, or an object that says why and when
	case "", "false", "null", `""`:
	default:
		e.Withdrawn = true
	}
	for _, g := range groups() {
		if raw, ok := members[g]; ok {
			e.Content[g] = raw
		}
	}
	e.person(members["hanh_chinh"])
	return e, e.check()
}

// size is how many bytes of content there are.
func (e *Entry) size() int {
	n := 0
	for _, raw := range e.Content {
		n += len(raw)
	}
	return n
}

func (e *Entry) check() error {
	if !facility.MatchString(e.Facility) || e.Episode == "" || len(e.Episode) > 100 || e.Version < 0 {
		return ErrData
	}
	if !e.Withdrawn && e.Citizen == "" && e.Insurance == "" {
		return ErrData
	}
	return nil
}

// person finds whose episode it is.
func (e *Entry) person(administrative json.RawMessage) {
	var fields map[string]any
	if json.Unmarshal(administrative, &fields) != nil {
		return
	}
	for name, v := range fields {
		text, ok := v.(string)
		if !ok {
			continue
		}
		switch {
		case (strings.Contains(name, "cccd") || strings.Contains(name, "dinh_danh")) && citizen.MatchString(text):
			e.Citizen = text
		case (strings.Contains(name, "bhyt") || strings.Contains(name, "bhxh")) && insurance.MatchString(text):
			e.Insurance = text[len(text)-10:]
		}
	}
}

// FromDossiers builds the entries of a dossier file, from XML1, 2, 3, 4 and 8 of
// each dossier (QĐ 2733/2024, annex 2). Errors: ErrUnreadable, ErrData.
func FromDossiers(doc []byte) ([]Entry, error) {
	file, err := envelope.Open(doc)
	if err != nil || file.Root != envelope.Dossiers {
		return nil, ErrUnreadable.Because(err)
	}
	var entries []Entry
	for _, d := range file.Dossiers {
		e := Entry{Facility: file.Facility, Episode: d.Episode, Content: map[string]json.RawMessage{}}
		x := d.Summary()
		if citizen.MatchString(x["SO_CCCD"]) {
			e.Citizen = x["SO_CCCD"]
		}
		if card, _, _ := strings.Cut(x["MA_THE_BHYT"], ";"); insurance.MatchString(card) {
			e.Insurance = card[len(card)-10:]
		}
		if err := e.check(); err != nil {
			return nil, err
		}
		for group, rows := range map[string][]envelope.Row{"dot_kham": d.Table("XML1"), "thuoc": d.Table("XML2"), "dich_vu": d.Table("XML3"),
			"can_lam_sang": d.Table("XML4"), "tom_tat": d.Table("XML8")} {
			if len(rows) == 0 {
				continue
			}
			raw, err := json.Marshal(rows)
			if err != nil {
				return nil, errors.Join(ErrUnreadable, err)
			}
			e.Content[group] = raw
		}
		entries = append(entries, e)
	}
	return entries, nil
}
