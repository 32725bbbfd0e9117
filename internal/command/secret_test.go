package command_test

import (
	"strings"
	"testing"

	"lienthong/internal/command"
)

// TestASecretIsALineOrAWholeCredentialFile: a JSON object over several lines is one.
func TestASecretIsALineOrAWholeCredentialFile(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"mật khẩu\r\nnext":             "mật khẩu",
		"{abc\nnext":                   "{abc",
		"{\n  \"hub\": \"h\"\n}\n":     "{\n  \"hub\": \"h\"\n}",
		"{\"key\":\"x\"}\nnext line\n": "{\"key\":\"x\"}",
	} {
		if got, err := command.ReadSecret(&command.Streams{In: strings.NewReader(in)}, ""); err != nil || got != want {
			t.Errorf("%q gives %q, %v", in, got, err)
		}
	}
	if _, err := command.ReadSecret(&command.Streams{In: strings.NewReader("\n")}, ""); err == nil {
		t.Error("nothing is a secret")
	}
}
