package bucket_test

import (
	"strconv"
	"testing"
	"time"

	"lienthong/internal/web/bucket"
)

var noon = time.Date(2026, 11, 3, 5, 0, 0, 0, time.UTC)

func TestEachHasABucketOfItsOwn(t *testing.T) {
	t.Parallel()
	b := bucket.New(0.4, 2)
	for _, name := range []string{"79901", "79901", "24604"} {
		if wait := b.Take(name, noon); wait != 0 {
			t.Errorf("%s waits %s", name, wait)
		}
	}
	if !b.Empty("79901", noon) || b.Empty("24604", noon) || b.Empty("never came", noon) {
		t.Error("the wrong one is empty")
	}
	if wait := b.Take("79901", noon); wait != 3*time.Second { // 2.5 s, in whole seconds
		t.Errorf("an empty bucket says %s", wait)
	}
	if wait := b.Take("79901", noon.Add(3*time.Second)); wait != 0 {
		t.Errorf("after the time it was told it waits %s", wait)
	}
}

// Names are whatever a client says: they must not fill the memory.
func TestTooManyAreForgotten(t *testing.T) {
	t.Parallel()
	b := bucket.New(1, 1)
	if b.Take("79901", noon) != 0 || b.Take("79901", noon) == 0 {
		t.Fatal("the bucket does not hold one token")
	}
	for i := range 20_000 {
		b.Take(strconv.Itoa(i), noon)
	}
	if b.Empty("79901", noon) {
		t.Error("who came 20,000 names ago is still known")
	}
}
