package house

import (
	"encoding/json"
	"errors"
	"fmt"

	"lienthong/internal/duty"
	"lienthong/internal/store/base"
)

var errDutyForm = errors.New("house: a task without number, version, owner, day, or with a step that is not its own")

// TaskText checks a change and returns the texts that engines keep of its task and
// step. Fault: store.text.
func TaskText(c *duty.Change) (task, step string, err error) {
	t, s := &c.Task, &c.Step
	if t.ID == "" || t.Version < 1 || !duty.ValidDay(t.Due) || t.Opened.IsZero() || s.N != t.Version || s.At.IsZero() || s.What == "" || t.Owner() == "facility:" {
		return "", "", errDutyForm
	}
	if err := base.CheckText(t.ID, t.Unit, string(t.Facility), t.Title.VI, t.Title.EN, t.Source.Kind, t.Source.Ref, t.Database, t.Check, t.Debt, t.By, t.Why,
		string(t.BlockedBy), t.Evidence.Text, t.Evidence.Ref, s.Actor, s.What, s.Why, string(s.By), string(s.Owner), s.Evidence.Text, s.Evidence.Ref); err != nil {
		return "", "", err
	}
	a, err := json.Marshal(t)
	if err != nil {
		return "", "", err
	}
	b, err := json.Marshal(s)
	return string(a), string(b), err
}

// ReadTask reads what TaskText wrote.
func ReadTask(text string) (t duty.Task, err error) {
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return t, fmt.Errorf("house: a task: %w", err)
	}
	t.Opened, t.Since = t.Opened.UTC(), t.Since.UTC()
	return t, nil
}

// ReadStep reads what TaskText wrote.
func ReadStep(text string) (s duty.Step, err error) {
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return s, fmt.Errorf("house: a step of a task: %w", err)
	}
	return s, nil
}

// CheckItem reports why an item cannot be kept. Fault: store.text.
func CheckItem(i *Item) error {
	if i.Sort == "" || i.ID == "" || i.Version < 1 || i.At.IsZero() || !json.Valid([]byte(i.Said)) {
		return errors.New("house: an item without sort, id, version, moment or JSON")
	}
	return base.CheckText(i.Sort, i.ID, i.Actor, i.Said)
}

// OpenOf is 1 for a task somebody has to do something about, 0 for an ended one.
func OpenOf(t *duty.Task) int {
	if t.State.Ended() {
		return 0
	}
	return 1
}

// DutyLimit is how many tasks a list gives: 50 for 0, at most 1,000.
func DutyLimit(n int) int {
	if n <= 0 {
		return 50
	}
	return min(n, 1000)
}
