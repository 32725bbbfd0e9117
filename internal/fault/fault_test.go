package fault_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"lienthong/internal/fault"
)

func TestOfFindsTheFaultInAChain(t *testing.T) {
	t.Parallel()
	f := fault.New(fault.Invalid, "seal.broken", "Chữ ký sai.", "The seal does not verify.")
	err := fmt.Errorf("intake: %w", f.Because(io.ErrUnexpectedEOF))
	if got := fault.Of(err); got.Code != "seal.broken" || got.Kind != fault.Invalid {
		t.Fatalf("Of = %v", got)
	}
	if !errors.Is(err, f) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal("the chain lost the fault or its cause")
	}
}

func TestForeignErrorsAreBrokenAndHidden(t *testing.T) {
	t.Parallel()
	f := fault.Of(errors.New("disk sda1 failed"))
	if f.Kind != fault.Broken || f.Code != "hub.broken" {
		t.Fatalf("kind %v code %s", f.Kind, f.Code)
	}
	for _, lang := range []string{"vi", "en"} {
		if s := f.Text.In(lang); s == "" || strings.Contains(s, "sda1") {
			t.Errorf("%s sentence %q", lang, s)
		}
	}
}
