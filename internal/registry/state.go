package registry

import (
	"slices"
	"strings"

	"lienthong/internal/fault"
)

// The faults of steps.
var (
	ErrStep = fault.New(fault.Conflict, "database.step",
		"Cơ sở dữ liệu chỉ đi từng bước: khảo sát, xây dựng, đánh giá, nghiệm thu, vận hành; lùi cũng từng bước.",
		"A database goes one step at a time: surveyed, building, evaluated, accepted, operating; back one at a time too.")
	ErrEvidence = fault.New(fault.Invalid, "database.evidence",
		"Mỗi bước cần căn cứ (số văn bản, biên bản); lùi một bước cần lý do, ít nhất 10 ký tự.",
		"Each step needs its evidence (number of a paper, minutes), a step back its reason, of at least 10 characters.")
)

// Step says whether a database may go from one state to another on evidence, which
// for a step back is the reason. Faults: ErrStep, ErrEvidence.
func Step(from, to State, evidence string) error {
	a, b := slices.Index(States(), from), slices.Index(States(), to)
	if a < 0 || b < 0 || b-a != 1 && a-b != 1 {
		return ErrStep
	}
	if n := len([]rune(strings.TrimSpace(evidence))); n < 10 || n > 1000 {
		return ErrEvidence
	}
	return nil
}

// Title is what people call a state.
func (s State) Title() fault.Text {
	switch s {
	case Surveyed:
		return fault.Text{VI: "Đã khảo sát", EN: "Surveyed"}
	case Building:
		return fault.Text{VI: "Đang xây dựng", EN: "Building"}
	case Evaluated:
		return fault.Text{VI: "Đã đánh giá", EN: "Evaluated"}
	case Accepted:
		return fault.Text{VI: "Đã nghiệm thu", EN: "Accepted"}
	case Operating:
		return fault.Text{VI: "Đang vận hành", EN: "Operating"}
	}
	return fault.Text{}
}
