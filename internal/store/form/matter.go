package form

import (
	"encoding/json"
	"errors"
	"fmt"

	"lienthong/internal/care"
	"lienthong/internal/matter"
)

// matterRow is a matter as its row holds it.
type matterRow struct {
	Kind     string            `json:"kind"`
	Person   []byte            `json:"person,omitempty"`
	Facility care.FacilityCode `json:"facility,omitempty"`
	Opening  []byte            `json:"opening,omitempty"`
	Records  []string          `json:"records,omitempty"`
	Looks    []int64           `json:"looks,omitempty"`
	State    string            `json:"state"`
	Outcome  string            `json:"outcome,omitempty"`
	Owner    string            `json:"owner,omitempty"`
	Opened   int64             `json:"opened,omitempty"`
	Acked    int64             `json:"acked,omitempty"`
	Due      int64             `json:"due,omitempty"`
	Closed   int64             `json:"closed,omitempty"`
	Law      string            `json:"law,omitempty"`
}

// Matter is a matter, but for number, version and what is sealed, as JSON for
// its row. Fault: store.text.
func Matter(m *matter.Matter) (string, error) {
	if m.Number == "" || m.Version < 1 || m.Due.IsZero() {
		return "", errors.New("store: a matter without number, version or due day")
	}
	texts := append([]string{m.Number, m.Kind, string(m.Facility), m.State, m.Outcome, m.Owner, m.Law}, m.Records...)
	return written(matterRow{Kind: m.Kind, Person: some(m.Person[:]), Facility: m.Facility, Opening: some(m.Opening[:]), Records: m.Records,
		Looks: m.Looks, State: m.State, Outcome: m.Outcome, Owner: m.Owner, Opened: micros(m.Opened), Acked: micros(m.Acked), Due: micros(m.Due),
		Closed: micros(m.Closed), Law: m.Law}, texts...)
}

// ReadMatter reads what Matter wrote into m, which has the rest.
func ReadMatter(m *matter.Matter, text string) error {
	var r matterRow
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return fmt.Errorf("a matter: %w", err)
	}
	m.Kind, m.Facility, m.Records, m.Looks, m.State, m.Outcome, m.Owner, m.Law = r.Kind, r.Facility, r.Records, r.Looks, r.State, r.Outcome, r.Owner, r.Law
	m.Opened, m.Acked, m.Due, m.Closed = moment(r.Opened), moment(r.Acked), moment(r.Due), moment(r.Closed)
	return fills(pair{m.Person[:], r.Person}, pair{m.Opening[:], r.Opening})
}
