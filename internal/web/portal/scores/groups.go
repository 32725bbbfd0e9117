package scores

import (
	"net/http"
	"slices"
	"strings"

	"lienthong/internal/grade"
	"lienthong/internal/score"
	"lienthong/internal/web/portal/view"
)

// What the list of checks shows: those that something fails, or all.
const (
	showFailing = "failing"
	showAll     = "all"
)

// most is how many lines a page shows; the CSV has all.
const most = 200

func (l *list) cut() {
	if len(l.Lines) > most {
		l.More = len(l.Lines) - most
		l.Lines = l.Lines[:most]
	}
}

// group is the checks of one database, the worst first.
type group struct {
	Subject, Title string
	Lines          []grade.CheckLine
	Open           bool
}

// failing is how many checks of a group something fails.
func (g group) failing() (n int) {
	for _, c := range g.Lines {
		if c.Passed < c.Applied {
			n++
		}
	}
	return n
}

// checked is the page of checks, in groups.
type checked struct {
	list
	Show     string
	Groups   []group
	Subjects [][2]string // there are: id and title
	Passing  int         // left out, as all that they look at passes
}

// groupChecks puts checks under their databases, the one with the worst check first.
// Who asks for a database sees all of its checks, else those that something fails.
func (x *Room) groupChecks(r *http.Request, p view.Page, l list) (checked, error) {
	c := checked{Show: r.URL.Query().Get("show")}
	if c.Show == "" {
		if c.Show = showFailing; l.Subject != "" {
			c.Show = showAll
		}
	}
	if c.Show != showFailing && c.Show != showAll {
		return c, errQuery
	}
	for _, line := range l.Lines {
		if id := [2]string{line.Subject, x.title(p, line.Subject)}; !slices.Contains(c.Subjects, id) {
			c.Subjects = append(c.Subjects, id)
		}
	}
	if l.Subject != "" && len(c.Subjects) == 0 {
		c.Subjects = [][2]string{{l.Subject, x.title(p, l.Subject)}}
	}
	slices.SortFunc(c.Subjects, func(a, b [2]string) int { return strings.Compare(a[1], b[1]) })
	if c.Show == showFailing {
		all := len(l.Lines)
		l.Lines = slices.DeleteFunc(l.Lines, func(line grade.CheckLine) bool { return line.Passed == line.Applied })
		c.Passing = all - len(l.Lines)
	}
	l.cut()
	for _, line := range l.Lines {
		i := slices.IndexFunc(c.Groups, func(g group) bool { return g.Subject == line.Subject })
		if i < 0 {
			i = len(c.Groups)
			c.Groups = append(c.Groups, group{Subject: line.Subject, Title: x.title(p, line.Subject), Open: i == 0})
		}
		c.Groups[i].Lines = append(c.Groups[i].Lines, line)
	}
	c.list = l
	return c, nil
}

// fieldGroup is the priority fields of one table of a kind of records.
type fieldGroup struct {
	Subject, Table string
	Fields         []score.Field
}

// fieldGroups puts fields under their tables, in the order of the list.
func fieldGroups(list []score.Field) (out []fieldGroup) {
	for _, f := range list {
		if n := len(out); n == 0 || out[n-1].Subject != f.Subject || out[n-1].Table != f.Table {
			out = append(out, fieldGroup{Subject: f.Subject, Table: f.Table})
		}
		out[len(out)-1].Fields = append(out[len(out)-1].Fields, f)
	}
	return out
}

// tableOf is what a table is called, with its code.
func tableOf(p view.Page, f score.Field) string {
	title := p.W.Text(f.TableTitle())
	if title == f.Table {
		return title
	}
	return title + " (" + f.Table + ")"
}

// whenText says in words when a field is asked for: where another is there.
func whenText(p view.Page, f score.Field) string {
	other := score.Field{Subject: f.Subject, Table: f.Table, Name: f.When}.Label()
	if other.VI == f.When {
		return ""
	}
	return p.W.T("score.when.there", p.W.Text(other))
}
