package speech

import (
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/alecthomas/kong"
)

// Pages prints help. Width is how many characters a line may hold.
type Pages struct {
	Words Lexicon
	Lang  string
	Width int
}

// Printer is what kong prints a command's help with.
func (p *Pages) Printer(_ kong.HelpOptions, ctx *kong.Context) error {
	node := ctx.Selected()
	if node == nil {
		node = ctx.Model.Node
	}
	return p.Command(ctx.Stdout, node)
}

func (p *Pages) say(text string) string { return p.Words.In(p.Lang, text) }

// Command prints a command's page; of the whole program, every command by subject.
func (p *Pages) Command(w io.Writer, node *kong.Node) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", p.say("Usage:"), p.usage(node))
	p.paragraph(&b, "\n", node.Help)
	p.paragraph(&b, "\n", node.Detail)
	p.rows(&b, p.say("Arguments:"), p.arguments(node))
	p.rows(&b, p.say("Flags:"), p.flags(node, false))
	p.children(&b, node)
	p.rows(&b, p.say("Flags of every command:"), p.flags(root(node), true))
	if len(node.Children) > 0 {
		fmt.Fprintf(&b, "\n%s lienthong help %s%s\n", p.say("Of one command:"), path(node), p.say("COMMAND"))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func root(n *kong.Node) *kong.Node {
	for n.Parent != nil {
		n = n.Parent
	}
	return n
}

// path is a command as it is typed behind the program's name, with a blank after it.
func path(n *kong.Node) string {
	if n.Parent == nil {
		return ""
	}
	return path(n.Parent) + n.Name + " "
}

// usage is one line: what must be said, then what may be.
func (p *Pages) usage(n *kong.Node) string {
	parts := []string{strings.TrimSpace("lienthong " + path(n))}
	if len(n.Children) > 0 {
		return parts[0] + " " + p.say("COMMAND") + " ..."
	}
	more := false
	for _, f := range n.Flags {
		if f.Required {
			parts = append(parts, p.flag(f))
		} else if !f.Hidden && f.Name != "help" {
			more = true
		}
	}
	if more {
		parts = append(parts, p.say("[flags]"))
	}
	for _, a := range n.Positional {
		parts = append(parts, argument(a))
	}
	return p.wrap(strings.Join(parts, " "), p.Width-utf8.RuneCountInString(p.say("Usage:"))-1, "\n    ")
}

func argument(a *kong.Positional) string {
	name := "<" + a.Name + ">"
	if a.IsCumulative() {
		name += "..."
	}
	if !a.Required {
		name = "[" + name + "]"
	}
	return name
}

// row is one line of two columns.
type row struct{ left, right string }

func (p *Pages) arguments(n *kong.Node) (rows []row) {
	for _, a := range n.Positional {
		rows = append(rows, row{argument(a), p.explained(a, p.say(a.Help))})
	}
	return rows
}

// flags are those of a command itself; general are the program's own.
func (p *Pages) flags(n *kong.Node, general bool) (rows []row) {
	if n.Parent == nil && !general {
		return nil
	}
	must := func(f *kong.Flag) int {
		if f.Required {
			return 0
		}
		return 1
	}
	all := slices.Clone(n.Flags)
	slices.SortStableFunc(all, func(a, b *kong.Flag) int { return must(a) - must(b) })
	for _, f := range all {
		if f.Hidden || f.Name == "help" && !general {
			continue
		}
		help := p.explained(f.Value, p.say(f.Help))
		if f.Required {
			help += " " + p.say("Required.")
		}
		rows = append(rows, row{p.flag(f), help})
	}
	return rows
}

func (p *Pages) flag(f *kong.Flag) string {
	name := "--" + f.Name
	if f.Name == "help" {
		return "-h, --help"
	}
	if f.IsBool() {
		return name
	}
	return name + "=" + p.placeholder(f)
}

// placeholder stands for a flag's value: what kind of thing it is.
func (p *Pages) placeholder(f *kong.Flag) string {
	listed := strings.Join(choices(f.Value), "|")
	kind := f.Target.Kind()
	many := ""
	if f.IsSlice() {
		kind, many = f.Target.Type().Elem().Kind(), ",..."
	}
	switch {
	case f.Tag.PlaceHolder != "":
		return f.Tag.PlaceHolder
	case listed != "" && len(listed) <= 24:
		return listed + many
	case f.Target.Type() == reflect.TypeFor[time.Duration]():
		return p.say("TIME")
	case strings.HasPrefix(f.Help, "Directory ") || f.Tag.Type == "path" && strings.Contains(f.Help, "irectory"):
		return p.say("DIR")
	case f.Tag.Type == "path" || f.Tag.Type == "existingfile":
		return p.say("FILE") + many
	case kind >= reflect.Int && kind <= reflect.Float64:
		return p.say("N")
	}
	return p.say("TEXT") + many
}

// choices are the values that may be said.
func choices(v *kong.Value) (all []string) {
	for _, c := range v.EnumSlice() {
		if c != "" {
			all = append(all, c)
		}
	}
	return all
}

// explained is a value's text with what it may be and what it is unless said.
func (p *Pages) explained(v *kong.Value, help string) string {
	if listed := strings.Join(choices(v), ", "); listed != "" && (v.Flag == nil || len(listed) > 24) && !mentions(help, choices(v)) {
		help += " " + p.say("One of:") + " " + listed + "."
	}
	if v.HasDefault && !strings.Contains(strings.ToLower(v.Help), "default") && v.Default != "" && v.Default != "0" && v.Default != "0s" && !v.IsBool() {
		help += " " + fmt.Sprintf(p.say("Default %s."), v.Default)
	}
	if v.Flag != nil && v.Name == "lang" {
		help += " ($LIENTHONG_LANG, $LANG)"
	}
	return strings.TrimSpace(help)
}

// mentions reports whether a text names every choice itself.
func mentions(help string, all []string) bool {
	return !slices.ContainsFunc(all, func(c string) bool { return !strings.Contains(help, c) })
}

// children lists what is under a command, by group where there are groups.
func (p *Pages) children(b *strings.Builder, n *kong.Node) {
	var groups []string
	rows := map[string][]row{}
	for _, c := range n.Children {
		if c.Hidden {
			continue
		}
		group := "Commands:"
		if c.Group != nil && n.Parent == nil {
			group = c.Group.Title
		}
		if _, ok := rows[group]; !ok {
			groups = append(groups, group)
		}
		rows[group] = append(rows[group], row{c.Name, p.say(c.Help)})
	}
	slices.SortStableFunc(groups, func(a, b string) int { return slices.Index(Groups, a) - slices.Index(Groups, b) })
	for _, g := range groups {
		p.rows(b, p.say(g), rows[g])
	}
}

// Groups are the subjects that the program's commands are listed under, in this order.
var Groups = []string{
	"Begin, and run a hub", "At a facility", "Who may send and look", "Databases, tasks and the operations centre",
	"Where records go", "Proof", "Keeping", "Trying and measuring",
}

func (p *Pages) paragraph(b *strings.Builder, before, text string) {
	if text != "" {
		b.WriteString(before + p.wrap(p.say(text), p.Width, "\n") + "\n")
	}
}

// rows prints two columns under a title. A left side that is too long has a line of its own.
func (p *Pages) rows(b *strings.Builder, title string, rows []row) {
	if len(rows) == 0 {
		return
	}
	wide := 0
	for _, r := range rows {
		if n := utf8.RuneCountInString(r.left); n > wide && n <= 26 {
			wide = n
		}
	}
	b.WriteString("\n" + title + "\n")
	for _, r := range rows {
		gap := wide - utf8.RuneCountInString(r.left) + 2
		b.WriteString("  " + r.left)
		if gap < 2 {
			b.WriteString("\n  ")
			gap = wide + 2
		}
		indent := "\n" + strings.Repeat(" ", wide+4)
		b.WriteString(strings.Repeat(" ", gap) + p.wrap(r.right, p.Width-wide-4, indent) + "\n")
	}
}

// wrap breaks a text at blanks into lines of width characters.
func (p *Pages) wrap(text string, width int, broken string) string {
	var b strings.Builder
	at := 0
	for i, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case at+1+n > width:
			b.WriteString(broken)
			at = 0
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += n
	}
	return b.String()
}
