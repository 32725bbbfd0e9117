package command

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"lienthong/internal/fault"
)

// longestSecret is how many bytes of a secret are read.
const longestSecret = 4 << 10

// ReadSecret reads one line from the standard input: a password or PIN that may
// stand in no argument. On a terminal it asks, and does not show what is typed.
func ReadSecret(s *Streams, ask string) (string, error) {
	typed := false
	if f, ok := s.In.(*os.File); ok {
		if restore, ok := hideTyping(f); ok {
			typed = true
			fmt.Fprint(s.Err, ask)
			defer func() { restore(); fmt.Fprintln(s.Err) }()
		}
	}
	in := bufio.NewReader(io.LimitReader(s.In, longestSecret))
	line, err := in.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	if !typed && strings.TrimSpace(line) == "{" { // a JSON file over several lines, such as a hub's credential
		rest, err := io.ReadAll(in)
		if err != nil {
			return "", err
		}
		line += string(rest)
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", errNoSecret
	}
	return line, nil
}

var errNoSecret = fault.New(fault.Invalid, "usage.secret_missing",
	"Chưa có mật khẩu hoặc bí mật nào trên stdin.",
	"There was no password or secret on the standard input.")
