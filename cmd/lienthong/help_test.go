package main

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/alecthomas/kong"
	"golang.org/x/text/unicode/norm"

	"lienthong/internal/command/speech"
)

// model is the whole command line.
func model(t *testing.T) *kong.Node {
	t.Helper()
	parser, err := kong.New(&cli{}, kong.Name("lienthong"), kong.Description(speech.About))
	if err != nil {
		t.Fatal(err)
	}
	return parser.Model.Node
}

// every calls do for a command and all under it.
func every(n *kong.Node, do func(*kong.Node)) {
	do(n)
	for _, c := range n.Children {
		every(c, do)
	}
}

// unsaid lists what of the command line has no text, or none in Vietnamese, and
// the texts that no command has any more.
func unsaid(root *kong.Node, words speech.Lexicon) (all []string) {
	used := map[string]bool{}
	look := func(where, text string) {
		vi, ok := words[text]
		used[text] = true
		switch {
		case text == "":
			all = append(all, where+": no text")
		case !ok || vi == "":
			all = append(all, where+": no Vietnamese")
		case vi == text:
			all = append(all, where+": the Vietnamese is the English")
		case !norm.NFC.IsNormalString(vi):
			all = append(all, where+": accents are not composed")
		}
	}
	every(root, func(n *kong.Node) {
		look(n.FullPath(), n.Help)
		for _, a := range n.Positional {
			look(n.FullPath()+" <"+a.Name+">", a.Help)
		}
		for _, f := range n.Flags {
			look(n.FullPath()+" --"+f.Name, f.Help)
		}
		if n.Detail != "" {
			look(n.FullPath()+" detail", n.Detail)
		}
	})
	for _, text := range speech.Texts() {
		look("a page", text)
	}
	for text := range maps.Keys(words) {
		if !used[text] {
			all = append(all, "nobody says "+text)
		}
	}
	return all
}

func TestEveryTextOfTheCommandLineIsVietnameseToo(t *testing.T) {
	t.Parallel()
	words, err := speech.Read()
	if err != nil {
		t.Fatal(err)
	}
	root := model(t)
	for _, fault := range unsaid(root, words) {
		t.Errorf("internal/command/speech/vi.json: %s", fault)
	}
	// The walk can fail: without a text, with an English one, with one too many.
	command, flag, argument := "Send files to a hub.", "Base URL of the hub.", "Files or folders to send."
	delete(words, command)
	words[flag], words[argument], words["Nothing says this."] = flag, norm.NFD.String("Tệp"), "Không ai nói."
	found := unsaid(root, words)
	for _, want := range []string{"lienthong submit: no Vietnamese", "lienthong submit --hub: the Vietnamese is the English",
		"lienthong submit <file>: accents are not composed", "nobody says Nothing says this."} {
		if !slices.Contains(found, want) {
			t.Errorf("not seen: %s", want)
		}
	}
}

func said(args ...string) (code int, out, errOut string) {
	var o, e bytes.Buffer
	code = run(args, strings.NewReader(""), &o, &e)
	return code, o.String(), e.String()
}

func TestHelpFitsATerminal(t *testing.T) {
	t.Parallel()
	root := model(t)
	words, err := speech.Read()
	if err != nil {
		t.Fatal(err)
	}
	for lang, foreign := range map[string][]string{
		"en": {"Cách dùng:", "Bắt buộc."}, "vi": {"Usage:", "Flags", "Commands", "Required.", "Show context"},
	} {
		check := func(page string, args ...string) {
			for line := range strings.Lines(page) {
				if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 80 {
					t.Errorf("%s %v: a line of %d: %s", lang, args, n, line)
				}
			}
			for _, word := range foreign {
				if strings.Contains(page, word) {
					t.Errorf("%s %v says %q", lang, args, word)
				}
			}
		}
		for _, args := range [][]string{{}, {"help"}, {"help", "all"}, {"--help"}} {
			code, out, errOut := said(append([]string{"--lang", lang}, args...)...)
			if code != 0 || errOut != "" || len(out) < 400 {
				t.Errorf("%s %v: exit %d, %d bytes, %s", lang, args, code, len(out), errOut)
			}
			check(out, args...)
		}
		pages := &speech.Pages{Words: words, Lang: lang, Width: 80}
		every(root, func(n *kong.Node) {
			var page bytes.Buffer
			if err := pages.Command(&page, n); err != nil {
				t.Error(err)
			}
			check(page.String(), n.FullPath())
		})
		_, asked, _ := said("--lang", lang, "help", "database", "declare")
		code, flagged, _ := said("database", "declare", "--lang", lang, "--help")
		if code != 0 || asked != flagged || !strings.Contains(asked, "lienthong database declare --data=") {
			t.Errorf("help of a command: exit %d, %s, and with the flag %s", code, asked, flagged)
		}
	}
	if _, out, _ := said("--lang", "en"); strings.Count(out, "\n") > 40 {
		t.Errorf("what a stranger reads first is %d lines long", strings.Count(out, "\n"))
	}
}

func TestWhatIsTypedWrongHasACode(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ typed, code, about string }{
		{"nothing", "usage.command_unknown", "nothing"},
		{"databse list", "usage.command_unknown", `"database"`},
		{"help databse", "usage.command_unknown", "databse"},
		{"database lst", "usage.command_unknown", `"list"`},
		{"database", "usage.command_missing", "declare"},
		{"database list", "usage.flag_missing", "--data="},
		{"database list --data x --colour", "usage.flag_unknown", "--colour"},
		{"database list --dta x", "usage.flag_unknown", `"--data"`},
		{"database list --data", "usage.value_missing", "--data"},
		{"database list --data x more", "usage.argument_unexpected", "more"},
		{"database show --data x", "usage.argument_missing", "<id>"},
		{"database entries --data x --limit many y", "usage.value_form", "many"},
		{"database entries --data --limit 1 y", "usage.value_missing", "--limit"},
		{"bench alone --for soon", "usage.value_form", "soon"},
		{"legs list --data x --json=perhaps", "usage.value_form", "perhaps"},
		{"task list --data . --state gone", "usage.value_unlisted", "in_progress"},
		{"submit --hub x --credential nowhere f", "usage.file_absent", "nowhere"},
		{"submit --hub x --credential . f", "usage.file_kind", "--credential"},
		{"agent trust --install --remove", "usage.flags_together", "--remove"},
		{"facility revoke --data x --code 24604", "usage.choice", "--client"},
		{"--lang fr database", "usage.value_unlisted", "fr"},
	} {
		for lang, see := range map[string]string{"vi": "Xem:", "en": "See:"} {
			args := append([]string{"--lang", lang}, strings.Fields(c.typed)...)
			if strings.HasPrefix(c.typed, "--lang") {
				args = strings.Fields(c.typed)
				see = ""
			}
			code, out, errOut := said(args...)
			if code != 2 || out != "" || !strings.Contains(errOut, "("+c.code+")") || !strings.Contains(errOut, c.about) {
				t.Errorf("%v: exit %d, %s%s; want %s", args, code, out, errOut, c.code)
			}
			if ran := c.code == "usage.choice" || strings.HasPrefix(c.typed, "help"); !ran && !strings.Contains(errOut, see) {
				t.Errorf("%v says nothing of its help: %s", args, errOut)
			}
			if vi := strings.ContainsAny(strings.ToLower(errOut), "ệđơưạịặ"); see != "" && vi != (lang == "vi") {
				t.Errorf("%v in another language: %s", args, errOut)
			}
		}
	}
}

func TestEveryCommandHasASubject(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range model(t).Children {
		if c.Group == nil || !slices.Contains(speech.Groups, c.Group.Title) {
			t.Errorf("%s is under no subject of speech.Groups", c.Name)
			continue
		}
		seen[c.Group.Title] = true
	}
	if len(seen) != len(speech.Groups) {
		t.Error(fmt.Sprint("a subject without a command: ", speech.Groups))
	}
}
