package form

import (
	"encoding/json"
	"errors"
	"fmt"

	"lienthong/internal/care"
	"lienthong/internal/identity"
	"lienthong/internal/staff"
	"lienthong/internal/store"
)

// staffRow is a member of staff as the row holds them.
type staffRow struct {
	Roles       []string `json:"roles,omitempty"`
	Since       int64    `json:"since,omitempty"`
	Suspended   int64    `json:"suspended,omitempty"`
	NoEmergency int64    `json:"no_emergency,omitempty"`
	Factor      bool     `json:"factor,omitempty"`
}

// Staff is a member of staff, but for what has a column, as JSON for its row.
// Fault: store.text.
func Staff(s *staff.Staff) (string, error) {
	if s.ID == (care.Staff{}) || s.Version < 1 {
		return "", errors.New("store: staff without id or version")
	}
	return written(staffRow{s.Roles, micros(s.Since), micros(s.Suspended), micros(s.NoEmergency), s.Factor}, append([]string{string(s.Facility)}, s.Roles...)...)
}

// ReadStaff reads what Staff wrote into s, which has the rest.
func ReadStaff(s *staff.Staff, text string) error {
	var r staffRow
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return fmt.Errorf("staff: %w", err)
	}
	s.Roles, s.Factor = r.Roles, r.Factor
	s.Since, s.Suspended, s.NoEmergency = moment(r.Since), moment(r.Suspended), moment(r.NoEmergency)
	return nil
}

// temporaryRow is a temporary identity as its row holds it.
type temporaryRow struct {
	Staff []byte `json:"staff,omitempty"`
	To    []byte `json:"to,omitempty"`
	How   string `json:"how,omitempty"`
	By    []byte `json:"by,omitempty"`
	Ended int64  `json:"ended,omitempty"`
}

// Temporary is a temporary identity, but for what has a column, as JSON for its
// row. Fault: store.text.
func Temporary(t *identity.Temporary) (string, error) {
	if t.Number == "" || t.Person == (care.Person{}) || t.Version < 1 || t.Made.IsZero() {
		return "", errors.New("store: a temporary identity without number, person, version or moment")
	}
	return written(temporaryRow{some(t.Staff[:]), some(t.To[:]), t.How, some(t.By[:]), micros(t.Ended)}, t.Number, string(t.Facility), t.State, t.How)
}

// ReadTemporary reads what Temporary wrote into t, which has the rest.
func ReadTemporary(t *identity.Temporary, text string) error {
	var r temporaryRow
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return fmt.Errorf("a temporary identity: %w", err)
	}
	t.How, t.Ended = r.How, moment(r.Ended)
	return fills(pair{t.Staff[:], r.Staff}, pair{t.To[:], r.To}, pair{t.By[:], r.By})
}

// CheckFeatures refuses features no engine keeps. Fault: store.text.
func CheckFeatures(all ...identity.Feature) error {
	for _, f := range all {
		if f.Kind == "" || f.Hash == ([17]byte{}) {
			return errors.New("store: a feature without kind or hash")
		}
		if err := store.CheckText(f.Kind); err != nil {
			return err
		}
	}
	return nil
}

// MostCandidates is how many candidates a search gives at most.
const MostCandidates = 50

// Candidates is how many candidates a search for limit gives.
func Candidates(limit int) int {
	if limit <= 0 {
		return MostCandidates
	}
	return min(limit, MostCandidates)
}
