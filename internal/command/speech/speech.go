// Package speech is how the command line speaks to a person: in which language,
// its pages of help, and what is wrong with a command as it was typed. The
// English texts are the tags of the commands themselves; their Vietnamese ones
// are in vi.json, by the English. It runs nothing, and what a command prints
// when it has run is the command's own.
package speech

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
)

//go:embed vi.json
var vietnamese []byte

// Lexicon gives the Vietnamese of an English text.
type Lexicon map[string]string

// Read returns the texts of this build.
func Read() (Lexicon, error) {
	var l Lexicon
	if err := json.Unmarshal(vietnamese, &l); err != nil {
		return nil, fmt.Errorf("vi.json: %w", err)
	}
	return l, nil
}

// In returns an English text in lang: itself where it has no other form.
func (l Lexicon) In(lang, text string) string {
	if said, ok := l[text]; ok && lang == "vi" {
		return said
	}
	return text
}

// Language is the one a command line asks for, "vi" or "en": by --lang, else by
// LIENTHONG_LANG, else by the first of LC_ALL, LC_MESSAGES and LANG that says
// anything, else by machine, which is what the system itself is set to; English
// where none of them says Vietnamese.
func Language(args []string, getenv func(string) string, machine func() string) string {
	for i, a := range args {
		if a == "--" {
			break
		}
		value, found := strings.CutPrefix(a, "--lang=")
		if a == "--lang" && i+1 < len(args) {
			value, found = args[i+1], true
		}
		if found && (value == "vi" || value == "en") {
			return value
		}
	}
	if set := getenv("LIENTHONG_LANG"); set == "vi" || set == "en" {
		return set
	}
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if set := getenv(name); set != "" {
			return spoken(set)
		}
	}
	return spoken(machine())
}

// spoken is the language of a locale such as vi_VN.UTF-8, vi-VN or C.
func spoken(locale string) string {
	name := strings.ToLower(locale)
	if name == "vi" || strings.HasPrefix(name, "vi_") || strings.HasPrefix(name, "vi-") || strings.HasPrefix(name, "vi.") {
		return "vi"
	}
	return "en"
}

// Bare reports whether a command line names nothing but a language.
func Bare(args []string) bool {
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == "--lang" && i+1 < len(args):
			i++
		case !strings.HasPrefix(args[i], "--lang="):
			return false
		}
	}
	return true
}
