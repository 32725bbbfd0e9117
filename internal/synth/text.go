package synth

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"lienthong/internal/synth/world"
)

// say draws a phrase and fills its numbers in.
func (v *visit) say(part string) string {
	list := v.n.World.Phrases[part]
	if len(list) == 0 {
		return ""
	}
	text := world.Pick(v.r, list)
	if !strings.Contains(text, "{") {
		return text
	}
	return strings.NewReplacer("{n}", itoa(world.Between(v.r, 2, 6)), "{t}", fmt.Sprintf("%d,%d", world.Between(v.r, 38, 39), v.r.IntN(10)),
		"{r}", itoa(world.Between(v.r, 18, 28)), "{p}", itoa(world.Between(v.r, 62, 98)), "{e}", itoa(world.Between(v.r, 52, 68))).Replace(text)
}

// sentences joins parts as sentences, each said once.
func sentences(parts ...string) string {
	var b strings.Builder
	for i, p := range parts {
		if p == "" || slices.Contains(parts[:i], p) {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(capital(p))
		b.WriteByte('.')
	}
	return b.String()
}

func capital(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}

// vitals as they are noted at every bedside.
func (v *visit) vitals() string {
	if v.p.Age(v.out) < 6 {
		return fmt.Sprintf("Mạch %d lần/phút, nhiệt độ %d,%d °C, nhịp thở %d lần/phút", world.Between(v.r, 96, 138), world.Between(v.r, 36, 38), v.r.IntN(10), world.Between(v.r, 24, 42))
	}
	return fmt.Sprintf("Huyết áp %d/%d mmHg, mạch %d lần/phút, nhiệt độ %d,%d °C", world.Between(v.r, 10, 16)*10, world.Between(v.r, 6, 9)*10,
		world.Between(v.r, 64, 98), world.Between(v.r, 36, 37), v.r.IntN(10))
}

// tell makes the texts that several tables share.
func (v *visit) tell() {
	system := v.main.System
	v.complaint = capital(v.say("symptom." + system))
	v.story = sentences(v.say("onset")+", "+v.say("symptom."+system), v.say("history"), v.say("state"), v.say("exam."+system), v.vitals())
	v.results = sentences(v.say("outcome"), v.say("outcome"), v.say("exam."+system))
	v.plan = sentences(v.say("plan."+system), v.say("plan"))
	v.advice = sentences(v.say("advice"), v.say("advice"))
}
