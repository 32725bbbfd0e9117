package databases

import (
	"net/http"
	"time"

	"lienthong/internal/disclose/register"
	"lienthong/internal/registry"
	"lienthong/internal/steward"
	"lienthong/internal/steward/feeding"
)

// source is a feed of another body and the lines of it that were not taken: codes
// and fields, no value.
type source struct {
	Source  string      `json:"source"`
	Address string      `json:"address"`
	State   string      `json:"state"` // waiting, reading, standing
	At      *time.Time  `json:"at,omitempty"`
	Code    string      `json:"code,omitempty"` // why it stands still
	Read    int64       `json:"read"`
	Made    int64       `json:"made"`
	Ended   int64       `json:"ended"`
	Wrong   int64       `json:"wrong"`
	Lines   []wrongLine `json:"lines"`
}

type wrongLine struct {
	Line     int64   `json:"line"`
	Findings []found `json:"findings"`
}

type found struct {
	Code  string `json:"code"`
	Field string `json:"field,omitempty"`
	Text  *text  `json:"text,omitempty"`
}

func sourceOf(f *feeding.Feed) source {
	out := source{Source: f.Source, Address: f.Address, State: "reading", Code: f.Code, Read: f.Read, Made: f.Made, Ended: f.Ended, Wrong: f.Wrong, Lines: []wrongLine{}}
	switch {
	case f.Version == 0:
		out.State = "waiting"
	case f.Code != "":
		out.State = "standing"
	}
	if !f.At.IsZero() {
		at := f.At.UTC()
		out.At = &at
	}
	for _, l := range f.Last {
		w := wrongLine{Line: l.Line, Findings: []found{}}
		for _, x := range l.Found {
			one := found{Code: x.Code, Field: x.Field}
			if x.Text.VI != "" {
				t := textOf(x.Text)
				one.Text = &t
			}
			w.Findings = append(w.Findings, one)
		}
		out.Lines = append(out.Lines, w)
	}
	return out
}

// sources tells who answers for a database how its feeds stand.
func (d *Door) sources(w http.ResponseWriter, q *http.Request, who register.Reader) error {
	id := registry.ID(q.PathValue("database"))
	if _, err := d.Entries.Database(who, id); err != nil {
		return err
	}
	all, err := d.Feeds.Told(q.Context(), steward.Who{Role: who.Role, Name: who.Name}, id)
	if err != nil {
		return err
	}
	out := make([]source, len(all))
	for i := range all {
		out[i] = sourceOf(&all[i])
	}
	return answer(w, http.StatusOK, map[string]any{"sources": out})
}

// again has a feed read from its first line again.
func (d *Door) again(w http.ResponseWriter, q *http.Request, who register.Reader) error {
	id := registry.ID(q.PathValue("database"))
	if _, err := d.Entries.Database(who, id); err != nil {
		return err
	}
	if err := d.Feeds.Again(q.Context(), steward.Who{Role: who.Role, Name: who.Name}, id, q.PathValue("source")); err != nil {
		return err
	}
	return answer(w, http.StatusAccepted, map[string]any{"state": "waiting"})
}
