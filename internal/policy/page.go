package policy

import (
	"fmt"
	"strings"

	"lienthong/internal/law"
)

// Page writes the policies in Markdown for people who read no Cedar: what each
// says in both languages, by which source, and the rule itself below.
func (s *Set) Page() string {
	var b strings.Builder
	b.WriteString("# Who may look: the policies in words\n\n" +
		"Made from `policies/*.cedar` by `go test ./internal/policy -run TestThePage -args -write`; do not edit. Version `" + s.version + "`.\n\n" +
		"What no policy permits is refused; one that forbids is stronger than all that permit; what is refused looks as if it were not there.\n\n" +
		"| | policy | basis | says |\n|---|---|---|---|\n")
	for _, r := range s.rules {
		fmt.Fprintf(&b, "| %s | [`%s`](#%s) | %s | %s<br>%s |\n", effect(r), r.ID, r.ID, basisOf(r), r.Says.VI, r.Says.EN)
	}
	file := ""
	for _, r := range s.rules {
		if r.File != file {
			file = r.File
			fmt.Fprintf(&b, "\n## policies/%s\n", file)
		}
		source := law.Text(r.Law)
		fmt.Fprintf(&b, "\n### %s\n\n%s\n\n%s\n\n%s<br>%s\n\n```cedar\n%s\n```\n", r.ID, r.Says.VI, r.Says.EN, source.VI, source.EN, withoutNotes(r.Text))
	}
	return b.String()
}

func effect(r Rule) string {
	if r.Forbid {
		return "forbids"
	}
	return "permits"
}

func basisOf(r Rule) string {
	if r.Forbid {
		return ""
	}
	return "`" + string(r.Basis) + "`"
}

// withoutNotes leaves the annotations out of a policy's text.
func withoutNotes(text string) string {
	var out []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "@") {
			out = append(out, line)
		}
	}
	return strings.TrimSpace(strings.Join(out, ""))
}
