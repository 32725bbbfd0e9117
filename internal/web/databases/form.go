package databases

import (
	"time"

	"lienthong/internal/disclose/register"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/registry"
	"lienthong/internal/steward"
)

// text is a text in both languages.
type text struct {
	VI string `json:"vi"`
	EN string `json:"en"`
}

func textOf(t fault.Text) text { return text{t.VI, t.EN} }

// summary is a database in a list.
type summary struct {
	ID      string `json:"id"`
	Name    text   `json:"name"`
	Steward string `json:"steward"`
	State   string `json:"state"`
	Version int    `json:"version"`
	Access  string `json:"access"` // steward, shared, own
	// Dissolved: its steward is no unit any more; it is read, and nothing of it changes.
	Dissolved bool `json:"dissolved,omitempty"`
}

func summaryOf(v *register.View) summary {
	access := "own"
	if v.Shared {
		if access = "shared"; v.Sight.By == "steward" {
			access = "steward"
		}
	}
	return summary{string(v.ID), textOf(v.Name), v.Steward, string(v.State()), v.Taken.Version, access, v.Dissolved}
}

// field is a field that the caller sees.
type field struct {
	Name     string `json:"name"`
	Label    text   `json:"label"`
	Type     string `json:"type"`
	Class    string `json:"class"`
	Priority int    `json:"priority,omitempty"`
	List     string `json:"list,omitempty"`
	Search   bool   `json:"search,omitempty"`
}

// detail is a database by itself.
type detail struct {
	summary
	Entry   text     `json:"entry"`
	Legal   []string `json:"legal"`
	Fields  []field  `json:"fields"`
	Key     []string `json:"key"`
	Purpose string   `json:"purpose,omitempty"` // for which it is shared
	By      string   `json:"by,omitempty"`      // the share or grant that decides
	Every   string   `json:"every,omitempty"`   // how often entries are expected to be confirmed
}

func detailOf(v *register.View) detail {
	names := v.Sight.Fields
	if v.Own && !v.Shared {
		names = v.Names()
	}
	d := detail{summary: summaryOf(v), Entry: textOf(v.Entry), Legal: v.Legal, Fields: []field{}, Key: v.Declaration.Key, Purpose: v.Sight.Purpose, By: v.Sight.By}
	if v.Refresh.Every > 0 {
		d.Every = v.Refresh.Every.String()
	}
	for _, name := range names {
		for i := range v.Fields {
			if f := &v.Fields[i]; f.Name == name {
				d.Fields = append(d.Fields, field{f.Name, textOf(f.Label), string(f.Type), string(f.Class), f.Priority, f.List, f.Search})
			}
		}
	}
	return d
}

// item is an entry.
type item struct {
	ID        string          `json:"id"`
	Version   int             `json:"version"`
	State     string          `json:"state"`
	Into      string          `json:"into,omitempty"`
	Declared  int             `json:"declared"`
	Values    registry.Values `json:"values"`
	Source    string          `json:"source"`
	Record    string          `json:"record,omitempty"`
	Facility  string          `json:"facility,omitempty"`
	ValidFrom string          `json:"valid_from,omitempty"`
	ValidTo   string          `json:"valid_to,omitempty"`
	At        string          `json:"at"`
	Confirmed string          `json:"confirmed"`
	// Unreadable: what of it lies sealed does not open; values are those in the clear.
	Unreadable bool `json:"unreadable,omitempty"`
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func itemOf(e *registry.Entry) item {
	i := item{ID: steward.EntryText(e.ID), Version: e.Version, State: string(e.State), Declared: e.Declared, Values: e.Values, Source: e.Origin.Source,
		Facility: string(e.Origin.Facility), ValidFrom: moment(e.ValidFrom), ValidTo: moment(e.ValidTo), At: moment(e.At), Confirmed: moment(e.Confirmed), Unreadable: e.Unreadable}
	if e.Into != (registry.EntryID{}) {
		i.Into = steward.EntryText(e.Into)
	}
	if e.Origin.Record != (registry.RecordID{}) {
		i.Record = dossier.ID(e.Origin.Record).String()
	}
	return i
}

func itemsOf(all []registry.Entry) []item {
	out := make([]item, len(all))
	for i := range all {
		out[i] = itemOf(&all[i])
	}
	return out
}

// finding is something wrong with what was typed in; never a value.
type finding struct {
	Code     string `json:"code"`
	Field    string `json:"field,omitempty"`
	Severity string `json:"severity"`
	Text     text   `json:"text"`
}

func findingsOf(all []registry.Finding) []finding {
	out := make([]finding, len(all))
	for i, f := range all {
		out[i] = finding{f.Code, f.Field, f.Severity, textOf(f.Text)}
	}
	return out
}
