package databases

import (
	"strings"
	"time"

	"lienthong/internal/registry"
	"lienthong/internal/steward"
	"lienthong/internal/web/portal/view"
)

// weakest is the word of which the least holds, and how many are counted.
func weakest(words []Word) (least Word, counted int) {
	for _, w := range words {
		if w.Applied == 0 {
			continue
		}
		if counted == 0 || w.Passed*least.Applied < least.Passed*w.Applied {
			least = w
		}
		counted++
	}
	return least, counted
}

// checksOf is the list of checks behind a word of a database.
func checksOf(id registry.ID, word string) string {
	return "/quality/checks?subject=db%3A" + string(id) + "&word=" + word
}

func days(d time.Duration) int { return int(d / (24 * time.Hour)) }

// holding is how many grants that the reader may know of hold now.
func holding(p view.Page, s shown) (n int) {
	for _, g := range seenGrants(p, s) {
		if g.Holds(p.Now) {
			n++
		}
	}
	return n
}

// yours is what the reader sees of the database's entries, and why.
func yours(p view.Page, s shown) string {
	switch s.By {
	case "":
		return p.W.T("db.yours.none")
	case "steward":
		return p.W.T("db.yours.all")
	case "own":
		return p.W.T("db.yours.own")
	}
	by := "db.yours.granted"
	if strings.HasPrefix(s.By, "share-") { // the declaration's own
		by = "db.yours.declared"
	}
	return p.W.T(by, len(s.Sees), len(s.Live.Fields))
}

// recordsOf names the kinds of records a source reads, and their table.
func recordsOf(p view.Page, s registry.Source) string {
	var kinds []string
	for _, k := range s.Records {
		if key := "kind." + k; p.W.Has(key) {
			k = p.W.T(key)
		}
		kinds = append(kinds, k)
	}
	text := strings.Join(kinds, ", ")
	if s.Table != "" {
		text += " · " + p.W.T("db.source.table", s.Table)
	}
	return text
}

// sourceOf is how a source of a database brings entries; one that the declaration does
// not have is shown by its id.
func sourceOf(p view.Page, l *steward.Live, id string) string {
	for i := range l.Sources {
		if l.Sources[i].ID == id {
			return p.W.T("db.source." + string(l.Sources[i].Kind))
		}
	}
	if key := "db.origin." + id; p.W.Has(key) {
		return p.W.T(key)
	}
	return id
}
