package admission_test

import (
	"testing"
	"time"

	"lienthong/internal/admission"
)

func TestWhoFloodsIsWhoHasMostWhileOthersHaveSome(t *testing.T) {
	t.Parallel()
	r := admission.NewRecent()
	r.Note("a", 1000, noon)
	if r.Floods("a", noon) {
		t.Error("who is alone floods nobody")
	}
	r.Note("b", 10, noon)
	if !r.Floods("a", noon) || r.Floods("b", noon) {
		t.Error("a floods, and b does not")
	}
	if !r.Floods("a", noon.Add(600*time.Millisecond)) {
		t.Error("a moment later it is forgotten")
	}
	if r.Floods("a", noon.Add(2*time.Second)) {
		t.Error("two seconds later it is not forgotten")
	}
	for range 10 {
		r.Note("a", 10, noon.Add(3*time.Second))
		r.Note("b", 10, noon.Add(3*time.Second))
	}
	if r.Floods("a", noon.Add(3*time.Second)) || r.Floods("b", noon.Add(3*time.Second)) {
		t.Error("two that share evenly do not flood")
	}
}
