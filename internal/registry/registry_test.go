package registry_test

import (
	"errors"
	"testing"

	"lienthong/internal/registry"
)

// A database goes one step at a time, each with its evidence.
func TestSteps(t *testing.T) {
	t.Parallel()
	const paper = "Biên bản số 12/BB-CNTT"
	for _, c := range []struct {
		from, to registry.State
		evidence string
		want     error
	}{
		{registry.Surveyed, registry.Building, paper, nil},
		{registry.Accepted, registry.Operating, paper, nil},
		{registry.Operating, registry.Accepted, "Tạm dừng để sửa lỗi", nil},
		{registry.Surveyed, registry.Evaluated, paper, registry.ErrStep},
		{registry.Operating, registry.Building, paper, registry.ErrStep},
		{registry.Building, registry.Building, paper, registry.ErrStep},
		{registry.Operating, "closed", paper, registry.ErrStep},
		{"", registry.Building, paper, registry.ErrStep},
		{registry.Surveyed, registry.Building, "  xong     ", registry.ErrEvidence},
	} {
		if err := registry.Step(c.from, c.to, c.evidence); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s to %s: %v", c.from, c.to, err)
		}
	}
	for _, s := range registry.States() {
		if s.Title().VI == "" || s.Title().EN == "" {
			t.Errorf("%s has no title", s)
		}
	}
}

func TestOneProblemThatIsNoNoteBlocks(t *testing.T) {
	t.Parallel()
	if registry.Blocks([]registry.Problem{{Note: true}}) || !registry.Blocks([]registry.Problem{{Note: true}, {}}) {
		t.Error("notes block, or problems do not")
	}
}
