package ticket_test

import (
	"testing"
	"time"

	"lienthong/internal/bridge/ticket"
	"lienthong/internal/clock"
)

func TestTokensEnd(t *testing.T) {
	t.Parallel()
	c := clock.NewFake(time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC))
	o := ticket.New[string](c, 10*time.Minute)
	a, end := o.Issue("one")
	b, _ := o.Issue("two")
	if a == b || len(a) != 32 || !end.Equal(c.Now().Add(10*time.Minute)) {
		t.Fatalf("%q %q %v", a, b, end)
	}
	if to, known := o.Holder(a); to != "one" || known != ticket.Valid {
		t.Errorf("%q %v", to, known)
	}
	o.Revoke(b)
	if _, known := o.Holder(b); known != ticket.Unknown {
		t.Errorf("a token taken back is %v", known)
	}
	c.Advance(10 * time.Minute)
	if _, known := o.Holder(a); known != ticket.Expired {
		t.Errorf("an old token is %v", known)
	}
	if _, known := o.Holder("never"); known != ticket.Unknown {
		t.Errorf("a token of nobody is %v", known)
	}
}

func TestOldTokensAreSweptOut(t *testing.T) {
	t.Parallel()
	c := clock.NewFake(time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC))
	o := ticket.New[int](c, time.Minute)
	first, _ := o.Issue(0)
	for i := range 10_000 {
		o.Issue(i)
	}
	c.Advance(time.Hour)
	last, _ := o.Issue(1)
	if _, known := o.Holder(first); known != ticket.Unknown {
		t.Errorf("the first is %v after the sweep", known)
	}
	if _, known := o.Holder(last); known != ticket.Valid {
		t.Errorf("the last is %v", known)
	}
}
