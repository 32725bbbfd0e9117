package care_test

import (
	"testing"

	"lienthong/internal/care"
)

func TestClassesGoIntoDocumentsAndBack(t *testing.T) {
	t.Parallel()
	for c := range care.AllClasses + 1 {
		if got := care.ClassesOf(c.Documents() | 1<<7 | 1); got != c {
			t.Errorf("%s came back as %s", c, got)
		}
		var back care.Classes
		for _, name := range c.Names() {
			back |= care.ParseClass(name)
		}
		if back != c {
			t.Errorf("%q read as %q", c, back)
		}
	}
	if care.ParseClass("flu") != 0 {
		t.Error("flu is no sensitive class")
	}
}
