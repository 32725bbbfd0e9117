package staff

import (
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Person is who an actor is, where acts name one as "role/who": the account of who
// logged in by name, in whatever role, or the name given at the command line, however
// it is written large, spaced or composed. It is "" of whoever came by a login link:
// the mark of a session (10 hexadecimal digits) tells nobody from anybody.
func Person(actor string) string {
	i := strings.LastIndexByte(actor, '/')
	if i < 0 {
		return ""
	}
	who := strings.Join(strings.Fields(strings.ToLower(norm.NFC.String(actor[i+1:]))), " ")
	if len(who) == 10 && strings.Trim(who, "0123456789abcdef") == "" {
		return ""
	}
	return who
}

// Named reports whether each actor is somebody.
func Named(actors ...string) bool {
	return !slices.ContainsFunc(actors, func(a string) bool { return Person(a) == "" })
}

// Another reports whether who is somebody, and none of the others, each of whom is
// somebody too: what a rule that needs two people asks.
func Another(who string, others ...string) bool {
	return Named(who) && Named(others...) && !slices.ContainsFunc(others, func(o string) bool { return Person(o) == Person(who) })
}
