package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"lienthong/internal/fault"
)

// ErrNo is the error of a command whose answer is no: exit 1.
var ErrNo = errors.New("the answer is no")

// Exit codes (DESIGN §6).
const (
	ExitOK = iota
	ExitNo
	ExitUnanswered
)

// Streams are what a command speaks through.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	Lang     string
}

// Report tells a person what went wrong: the sentence and code of a fault, or
// the error itself, which only the operator of this machine sees.
func Report(w io.Writer, lang string, err error) {
	var f *fault.Error
	if errors.As(err, &f) && f.Kind != fault.Broken {
		fmt.Fprintf(w, "lienthong: %s (%s)\n", f.Text.In(lang), f.Code)
		if f.Cause != nil {
			fmt.Fprintf(w, "  %v\n", f.Cause)
		}
		return
	}
	fmt.Fprintln(w, "lienthong:", err)
}

// WriteJSON writes a value as indented JSON.
func WriteJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
