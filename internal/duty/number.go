package duty

import (
	"lienthong/internal/care"
	"lienthong/internal/fault"
)

// ErrNumber: what was typed is no number of a task.
var ErrNumber = fault.New(fault.Invalid, "task.number",
	"Số nhiệm vụ không đúng. Xem lại từng chữ số, dạng NV-2026-000123-7.",
	"This is no number of a task. Check each digit; its form is NV-2026-000123-7.")

// numbers are how they are counted.
const numbers = care.Numbered("NV")

// Number writes the number of the seq-th task of a year (in Hanoi), as care.Numbered does.
func Number(year int, seq int64) string { return numbers.Number(year, seq) }

// ParseNumber reads a number as people type it and returns the form of Number; ErrNumber.
func ParseNumber(s string) (string, error) {
	if number, ok := numbers.Parse(s); ok {
		return number, nil
	}
	return "", ErrNumber
}
