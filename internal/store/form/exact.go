package form

import (
	"encoding/json"
	"errors"
)

// Exact reads what an engine wrote by package json out of the same type, and
// nothing else: a member of another name or in other letters, one that is there
// twice, another order, white space and a number written otherwise are all an
// error. Package json alone overlooks them, and a row edited so would pass for
// whole. A member that is added later must be left out where it says nothing.
func Exact(text string, to any) error {
	if err := json.Unmarshal([]byte(text), to); err != nil {
		return err
	}
	again, err := json.Marshal(to)
	if err != nil {
		return err
	}
	if string(again) != text {
		return errExact
	}
	return nil
}

var errExact = errors.New("not as it was written")
