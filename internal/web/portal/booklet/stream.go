package booklet

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"lienthong/internal/chart"
	"lienthong/internal/chart/readable"
)

// Entry is one record in a form that programs read.
type Entry struct {
	ID       string             `json:"id"`
	Kind     string             `json:"kind"`
	Facility string             `json:"facility"`
	Received time.Time          `json:"received"`
	Sections []readable.Section `json:"sections"`
}

// End follows the records: a file without it was cut short.
type End struct {
	Count    int            `json:"count"`
	Name     string         `json:"name"`
	Summed   int            `json:"summary_of_newest"`
	Summary  *chart.Summary `json:"summary"`
	Visits   []chart.Visit  `json:"visits"`
	Results  []chart.Series `json:"results"`
	Facts    map[string]any `json:"facts"`
	Complete bool           `json:"complete"`
}

// Stream writes a copy as one JSON document (lienthong-copy/1) while the records
// are opened.
type Stream struct {
	out   io.Writer
	at    time.Time
	begin func() // before the first byte
	Count int    // of records written
}

// NewStream returns a stream; begin is called before its first byte.
func NewStream(out io.Writer, at time.Time, begin func()) *Stream {
	return &Stream{out: out, at: at, begin: begin}
}

// Add writes a record.
func (s *Stream) Add(e *Entry) error {
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	before := ",\n"
	if s.Count == 0 {
		s.begin()
		before = fmt.Sprintf("{\"format\": \"lienthong-copy/1\",\n\"at\": %q,\n\"records\": [\n", s.at.UTC().Format(time.RFC3339))
	}
	s.Count++
	_, err = io.WriteString(s.out, before+string(b))
	return err
}

// End ends the document after at least one record.
func (s *Stream) End(e *End) error {
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	_, err = io.WriteString(s.out, "\n],\n"+string(b[1:])+"\n")
	return err
}
