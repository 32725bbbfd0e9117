package kind_test

import (
	"testing"

	"lienthong/internal/kind"
)

func TestSubjectByNumber(t *testing.T) {
	t.Parallel()
	if got := kind.SubjectByNumber(" 0018 99000001 "); got != "cccd:001899000001" {
		t.Errorf("%q", got)
	}
	for _, none := range []string{"", "123456789", "00189900000a"} {
		if got := kind.SubjectByNumber(none); got != "" {
			t.Errorf("%q is %q", none, got)
		}
	}
}
