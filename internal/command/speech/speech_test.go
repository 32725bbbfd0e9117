package speech_test

import (
	"errors"
	"testing"

	"lienthong/internal/command/speech"
	"lienthong/internal/fault"
)

func TestTheLanguageIsWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args    []string
		env     map[string]string
		machine string
		want    string
	}{
		"nothing":             {want: "en"},
		"flag":                {args: []string{"--lang", "vi"}, want: "vi"},
		"flag, one word":      {args: []string{"task", "--lang=vi"}, env: map[string]string{"LIENTHONG_LANG": "en"}, want: "vi"},
		"behind the flags":    {args: []string{"--", "--lang=vi"}, want: "en"},
		"a flag's own value":  {args: []string{"--lang"}, env: map[string]string{"LANG": "vi_VN"}, want: "vi"},
		"variable":            {env: map[string]string{"LIENTHONG_LANG": "vi", "LANG": "en_US.UTF-8"}, want: "vi"},
		"unknown variable":    {env: map[string]string{"LIENTHONG_LANG": "fr", "LANG": "vi_VN.UTF-8"}, want: "vi"},
		"locale":              {env: map[string]string{"LANG": "vi_VN.UTF-8"}, want: "vi"},
		"C before the locale": {env: map[string]string{"LC_ALL": "C", "LANG": "vi_VN.UTF-8"}, want: "en"},
		"another locale":      {env: map[string]string{"LANG": "viking"}, machine: "vi-VN", want: "en"},
		"the machine's":       {machine: "vi-VN", want: "vi"},
	} {
		got := speech.Language(c.args, func(name string) string { return c.env[name] }, func() string { return c.machine })
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestNothingButALanguageIsBare(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{}, {"--lang", "vi"}, {"--lang=vi"}} {
		if !speech.Bare(args) {
			t.Errorf("%q is not bare", args)
		}
	}
	for _, args := range [][]string{{"help"}, {"--lang", "vi", "help"}, {"--lang"}, {"--help"}} {
		if speech.Bare(args) {
			t.Errorf("%q is bare", args)
		}
	}
}

func TestASentenceNobodyKnowsKeepsItsCause(t *testing.T) {
	t.Parallel()
	p := &speech.Pages{Lang: "vi", Width: 80}
	err := errors.New("something new")
	if got := p.Wrong(err); fault.Of(got).Code != "usage.invalid" || !errors.Is(got, err) {
		t.Errorf("%v", got)
	}
}
