// Package fault gives every error of the hub a kind for the program, a stable
// code and a sentence in two languages for the person, and a cause for the
// operator. It knows nothing of HTTP: web/problem maps kinds to statuses.
//
// The sentence may be shown to whoever caused the error; the cause may not.
// An error without a Fault in its chain is Broken: people see only that.
package fault

import (
	"errors"
	"fmt"
)

// Kind says what the caller can do about an error.
type Kind int

const (
	// Broken is the zero value: a defect or failing machine part; nobody outside can mend it.
	Broken Kind = iota
	// Invalid input: sending the same again gives the same answer.
	Invalid
	// Unauthenticated: who asks is not known.
	Unauthenticated
	// Withheld: who asks is known and may not.
	Withheld
	// Absent: no such thing, or nothing this reader may know of.
	Absent
	// Conflict: true a moment ago, no longer; read again and decide again.
	Conflict
	// Busy: nothing was decided or kept; send again later.
	Busy
	// TooLarge: over a limit of size or count.
	TooLarge
	// TooMany: over this sender's rate; send again in its slot.
	TooMany
)

// String returns the kind's name as logs show it.
func (k Kind) String() string {
	names := [...]string{"broken", "invalid", "unauthenticated", "withheld", "absent", "conflict", "busy", "too_large", "too_many"}
	if k < 0 || int(k) >= len(names) {
		return "broken"
	}
	return names[k]
}

// Text is one sentence in Vietnamese and in English. It never holds a value
// out of a record.
type Text struct {
	VI string `json:"vi"`
	EN string `json:"en"`
}

// In returns the sentence in lang ("en"), Vietnamese for any other.
func (t Text) In(lang string) string {
	if lang == "en" {
		return t.EN
	}
	return t.VI
}

// Error is a fault with its stable code, for example "seal.broken".
type Error struct {
	Kind  Kind
	Code  string
	Text  Text
	Cause error // for the operator's log only
}

// New makes a fault without a cause.
func New(kind Kind, code, vi, en string) *Error {
	return &Error{Kind: kind, Code: code, Text: Text{VI: vi, EN: en}}
}

// Because returns a copy of e that carries cause for the operator.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.Cause = cause
	return &c
}

// Error gives code, English sentence and cause: for logs, never for people outside.
func (e *Error) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Text.EN, e.Cause)
	}
	return e.Code + ": " + e.Text.EN
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Is makes errors.Is compare faults by code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// Of returns the first fault in err's chain, or a Broken one with code
// "hub.broken" that hides err from people.
func Of(err error) *Error {
	var f *Error
	if errors.As(err, &f) {
		return f
	}
	return &Error{Kind: Broken, Code: "hub.broken", Cause: err, Text: Text{
		VI: "Chưa trả lời được. Thử lại sau; nếu còn, báo cho trực vận hành.",
		EN: "This could not be answered. Try again later; if it persists, tell the operator on duty.",
	}}
}

// KindOf returns the kind of the first fault in err's chain, Broken without one.
func KindOf(err error) Kind { return Of(err).Kind }
