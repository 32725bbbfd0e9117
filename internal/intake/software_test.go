package intake_test

import (
	"strings"
	"testing"

	"lienthong/internal/intake"
)

func TestWhatASenderSaysOfItsProgram(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		"": "", "HIS/3.2": "HIS/3.2", "  HIS Ánh/1 ": "HIS Ánh/1", strings.Repeat("á", 100): strings.Repeat("á", 100),
		strings.Repeat("a", 101): "", "a\x00b": "", "a\nb": "", "\xff": "",
	} {
		if got := intake.Software(said); got != want {
			t.Errorf("%q: %q", said, got)
		}
	}
}
