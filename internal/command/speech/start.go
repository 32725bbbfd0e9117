package speech

import (
	"fmt"
	"io"
	"strings"
)

// step is one first command, and what it does.
type step struct{ command, text string }

// first are the commands somebody begins with, by who they are.
var first = []struct {
	title string
	steps []step
}{
	{"To look around, with a synthetic nation that sends:", []step{
		{"lienthong demo", "Open the links it prints. It ends with Ctrl+C and leaves nothing."},
	}},
	{"To run a hub of your own:", []step{
		{"lienthong init --data hub", "Make its store and its keys."},
		{"lienthong hub --data hub", "Run it."},
		{"lienthong link --data hub --role operator", "Print a link to log in with; in a second window."},
		{"lienthong database list --data hub", "List the specialised databases."},
	}},
	{"At a facility:", []step{
		{"lienthong dossier check FILE", "Judge a file as the hub would; nothing is sent."},
		{"lienthong agent setup --hub URL", "Set up the agent that sends for a hospital system."},
	}},
	{"More:", []step{
		{"lienthong help all", "Every command, by subject."},
		{"lienthong help COMMAND", "One command with its flags: lienthong help database declare."},
		{"lienthong --lang vi help", "Trợ giúp bằng tiếng Việt."},
	}},
}

// About is what the program is.
const About = "Liên Thông: a health data coordination hub. Independent and open; not connected to any ministry, insurer or hospital."

// Texts are the texts that are in no command: what Pages says of its own.
func Texts() (all []string) {
	all = append([]string{About, "Usage:", "Arguments:", "Flags:", "Commands:", "Flags of every command:", "Of one command:", "COMMAND", "[flags]",
		"TIME", "DIR", "FILE", "N", "TEXT", "One of:", "Default %s.", "Required.", "The guide is in doc/guide, its beginning doc/guide/start.md.", "See:"}, Groups...)
	for _, part := range first {
		all = append(all, part.title)
		for _, s := range part.steps {
			all = append(all, s.text)
		}
	}
	return all
}

// Start prints what somebody reads who has typed the program's name alone.
func (p *Pages) Start(w io.Writer) error {
	var b strings.Builder
	p.paragraph(&b, "", About)
	for _, part := range first {
		b.WriteString("\n" + p.say(part.title) + "\n")
		for _, s := range part.steps {
			command := strings.NewReplacer("FILE", p.say("FILE"), "COMMAND", p.say("COMMAND")).Replace(s.command)
			text := s.text
			if p.Lang == "vi" && strings.HasSuffix(command, "--lang vi help") {
				command, text = "lienthong --lang en help", "Help in English."
			} else if text = p.say(text); len(command) > 30 {
				command += "\n  " + strings.Repeat(" ", 30)
			}
			fmt.Fprintf(&b, "  %-30s  %s\n", command, p.wrap(text, p.Width-34, "\n"+strings.Repeat(" ", 34)))
		}
	}
	p.paragraph(&b, "\n", "The guide is in doc/guide, its beginning doc/guide/start.md.")
	_, err := io.WriteString(w, b.String())
	return err
}
