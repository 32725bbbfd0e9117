package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"

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
	var path *fs.PathError
	if f == nil && errors.As(err, &path) {
		for cause, known := range map[error]*fault.Error{fs.ErrNotExist: errAbsent, fs.ErrExist: errThere, fs.ErrPermission: errDenied} {
			if errors.Is(path, cause) {
				fmt.Fprintf(w, "lienthong: %s (%s)\n  %v\n", known.Text.In(lang), known.Code, err)
				return
			}
		}
	}
	fmt.Fprintln(w, "lienthong:", err)
}

// WriteJSON writes a value as indented JSON.
func WriteJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// What a system says of a file that a command was given.
var (
	errAbsent = fault.New(fault.Absent, "usage.file_absent", "Không có tệp hoặc thư mục này.", "There is no such file or directory.")
	errThere  = fault.New(fault.Conflict, "usage.file_present", "Tệp này đã có; nó không bị ghi đè.", "This file is there already; it is not overwritten.")
	errDenied = fault.New(fault.Invalid, "usage.file_denied", "Không có quyền đọc hoặc ghi tệp này.", "This file may not be read or written by whom runs the command.")
)
