package command

import (
	"os"

	"golang.org/x/sys/windows"
)

// hideTyping turns the echo of a console off; false when f is none.
func hideTyping(f *os.File) (restore func(), ok bool) {
	h := windows.Handle(f.Fd())
	var was uint32
	if err := windows.GetConsoleMode(h, &was); err != nil {
		return nil, false
	}
	if err := windows.SetConsoleMode(h, was&^windows.ENABLE_ECHO_INPUT); err != nil {
		return nil, false
	}
	return func() { _ = windows.SetConsoleMode(h, was) }, true // a console that has gone needs no echo
}
