// Package law is the register of legal sources: what a purpose, a basis of
// reading, a policy or a deadline rests on, as data (sources.tsv, uses.tsv,
// deadlines.tsv) with who confirmed the reading. Nobody has where ConfirmedBy is
// empty, and whoever shows a source says so (Text does). It holds references,
// not texts of law, and gives no advice.
package law

import (
	"time"

	"lienthong/internal/fault"
)

// Source is one place in law.
type Source struct {
	ID          string // "law-91-2025-art-19"
	Kind        string // "law", "decree", "circular", "decision"; "rule": the hub's own, no law
	Title       fault.Text
	Article     string    // number; "" the whole
	Since       time.Time // midnight in Hanoi
	Until       time.Time // no longer from here; zero: in force
	ConfirmedBy string    // who compared the reading with the published text; "": nobody yet
	Note        string    // what is read in it
}

// Confirmed reports whether somebody confirmed the reading.
func (s Source) Confirmed() bool { return s.ConfirmedBy != "" }

// InForce reports whether it is in force at a moment.
func (s Source) InForce(at time.Time) bool {
	return !at.Before(s.Since) && (s.Until.IsZero() || at.Before(s.Until))
}

// Text names the source for people, with its article, and says so where its
// reading is not confirmed or where it is no law at all.
func (s Source) Text() fault.Text {
	t := s.Title
	if s.Article != "" {
		t.VI += ", Điều " + s.Article
		t.EN += ", Article " + s.Article
	}
	switch {
	case s.Kind == "rule":
		t.VI += " (không phải quy định của pháp luật)"
		t.EN += " (not a law)"
	case !s.Confirmed():
		t.VI += " (" + Unconfirmed.VI + ")"
		t.EN += " (" + Unconfirmed.EN + ")"
	}
	return t
}

// Unconfirmed is what is said of a reading that nobody has confirmed.
var Unconfirmed = fault.Text{VI: "chưa được xác nhận", EN: "not yet confirmed"}

// unknown is said of an id that is not in the register.
var unknown = fault.Text{VI: "Chưa có nguồn pháp lý trong danh mục", EN: "No legal source in the register"}

// Get returns a source by its id; false where the register has none.
func Get(id string) (Source, bool) {
	i, ok := register().byID[id]
	if !ok {
		return Source{}, false
	}
	return register().sources[i], true
}

// All lists the register in its order; callers may keep it.
func All() []Source { return append([]Source(nil), register().sources...) }

// Text names a source by its id, for people; see Source.Text.
func Text(id string) fault.Text {
	s, ok := Get(id)
	if !ok {
		return unknown
	}
	return s.Text()
}

// Use is what a purpose or a basis is called and rests on.
type Use struct {
	Name   string // as consent.Purpose and policy.Basis have it
	Source string
	Title  fault.Text
}

// Purpose returns the use of a purpose of consent; false for one not listed.
func Purpose(name string) (Use, bool) { u, ok := register().uses["purpose:"+name]; return u, ok }

// Basis returns the use of a basis of reading; false for one not listed.
func Basis(name string) (Use, bool) { u, ok := register().uses["basis:"+name]; return u, ok }

// Term is how long something owed to a citizen may take.
type Term struct {
	Days    int  // 0 where it is in hours
	Working bool // Days are working days
	Hours   int
	Longer  int // days at most, when prolonged with a reason; 0: it may not be
	Source  string
	Note    string
}

// Deadline returns the term of a kind: "request.acknowledge", "request.see",
// "request.correct", "request.restrict", "request.object", "request.erase",
// "consent.withdraw", "breach", "emergency.review", "look.unrecognised"; false
// for any other.
func Deadline(kind string) (Term, bool) { t, ok := register().terms[kind]; return t, ok }

// Deadlines lists the kinds that have a term, in the register's order.
func Deadlines() []string { return append([]string(nil), register().kinds...) }
