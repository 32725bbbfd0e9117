package form_test

import (
	"testing"

	"lienthong/internal/store/form"
)

func TestOnlyWhatWasWrittenIsRead(t *testing.T) {
	t.Parallel()
	type note struct {
		Sender string
		Count  int
		Later  string `json:",omitempty"`
	}
	for text, read := range map[string]bool{
		`{"Sender":"a","Count":7}`:              true,
		`{"Sender":"a","Count":7,"Later":"b"}`:  true,
		`{"sender":"a","Count":7}`:              false, // other letters
		`{"Sendes":"a","Count":7}`:              false,
		`{"Sender":"a","Count":7,"count":7}`:    false, // twice
		`{"Sender":"a","Sender":"a","Count":7}`: false,
		`{"Count":7,"Sender":"a"}`:              false,
		`{"Sender":"a","Count":7.0}`:            false, // another way to write a number
		`{"Sender":"a","Count":7e0}`:            false,
		`{"Sender":"a", "Count":7}`:             false,
		`{"Sender":"\u0061","Count":7}`:         false,
		`{"Sender":"a","Count":7,"Other":1}`:    false,
		`{"Sender":"a","Count":7} `:             false,
		`{"Sender":"a"`:                         false,
		`null`:                                  false,
	} {
		var n note
		if err := form.Exact(text, &n); (err == nil) != read {
			t.Errorf("%s: %v", text, err)
		}
	}
}
