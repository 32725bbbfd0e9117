package vault_test

import (
	"bytes"
	"testing"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/vault"
)

// turn rotates the month key of the class and month in v, as a hub does.
func turn(t *testing.T, v *vault.Vault) vault.WrappedMonthKey {
	t.Helper()
	w, err := v.NextMonthKey(class, month)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Load([]vault.WrappedMonthKey{w}); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestMonthKeysTurn(t *testing.T) {
	t.Parallel()
	v, first := setup(t)
	old := seal(t, v, []byte("old"), []byte("second part"))
	if len(v.Prefix(class, month)) != 0 {
		t.Error("there is something to rotate before a rotation")
	}
	second := turn(t, v)
	if second.Generation != 1 || first.Generation != 0 {
		t.Errorf("generations %d and %d", first.Generation, second.Generation)
	}
	fresh := seal(t, v, []byte("new"))
	older := v.Prefix(class, month)
	if len(older) != 1 || !bytes.HasPrefix(old.Wrapped, older[0]) || bytes.HasPrefix(fresh.Wrapped, older[0]) {
		t.Errorf("what is to be rotated is not found by its prefix: %d", len(older))
	}
	if got, err := v.Open(aad, old.Wrapped, 0, old.Parts[0]); err != nil || string(got) != "old" {
		t.Fatalf("an old record while the keys turn: %q, %v", got, err)
	}
	moved, err := v.RewrapKey(aad, old.Wrapped)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := v.RewrapKey(aad, moved); err != nil || !bytes.Equal(again, moved) {
		t.Errorf("what is moved already is moved again: %v", err)
	}
	_, err = v.RewrapKey([]byte("record-2"), old.Wrapped)
	wrong(t, "moved as another record's", err, vault.ErrOpenedWrong)

	// Another hub that loaded the first generation only asks for what it misses.
	other := newVault(t, nil)
	if err := other.Load([]vault.WrappedMonthKey{first}); err != nil {
		t.Fatal(err)
	}
	_, err = other.Open(aad, moved, 0, old.Parts[0])
	wrong(t, "a generation that is not loaded", err, vault.ErrKeyMissing)
	asked := 0
	other.Missing = func() error { asked++; return other.Load([]vault.WrappedMonthKey{second}) }
	if got, err := other.Open(aad, moved, 0, old.Parts[0]); err != nil || string(got) != "old" || asked != 1 {
		t.Errorf("after asking %d times: %q, %v", asked, got, err)
	}

	// With the old key gone, what was not moved is gone, and what was is there.
	v.ForgetOlder(class, month)
	_, err = v.Open(aad, old.Wrapped, 0, old.Parts[0])
	wrong(t, "a record that was not moved", err, vault.ErrKeyMissing)
	for i, want := range []string{"old", "second part"} {
		if got, err := v.Open(aad, moved, i, old.Parts[i]); err != nil || string(got) != want {
			t.Errorf("part %d after the rotation: %q, %v", i, got, err)
		}
	}
	posing := second
	posing.Generation = 2
	wrong(t, "a renamed generation", v.Load([]vault.WrappedMonthKey{posing}), vault.ErrOpenedWrong)
	v.Forget(class, month)
	if v.Have(class, month) {
		t.Error("a forgotten month is there")
	}
	_, err = v.NextMonthKey(class, month)
	wrong(t, "a generation after nothing", err, vault.ErrKeyMissing)
}

func TestTheMasterKeyTurnsInUse(t *testing.T) {
	t.Parallel()
	ring, err := vault.NewKeys(vault.RingConfig{Master: key(1)})
	if err != nil {
		t.Fatal(err)
	}
	v, err := vault.New(vault.Config{Ring: ring, Peppers: map[int][]byte{1: key(9)}, Current: 1})
	if err != nil {
		t.Fatal(err)
	}
	w := addMonth(t, v, class, month)
	kept := seal(t, v, []byte("kept"))
	secret, err := v.SealSecret("bhxh 79901", []byte("password"))
	if err != nil {
		t.Fatal(err)
	}
	before := v.MasterID()
	for range 2 { // the same key twice is one turn
		if err := ring.Turn(key(2)); err != nil {
			t.Fatal(err)
		}
	}
	wrong(t, "a short master key", ring.Turn(key(3)[:5]), vault.ErrConfig)
	if v.MasterID() == before {
		t.Fatal("the master key did not turn")
	}
	again, err := v.Rewrap(w)
	if err != nil {
		t.Fatal(err)
	}
	moved, err := v.RewrapSecret("bhxh 79901", secret)
	if err != nil {
		t.Fatal(err)
	}
	_, err = v.RewrapSecret("bhxh 79902", secret)
	wrong(t, "another's secret", err, vault.ErrOpenedWrong)

	only := newVault(t, func(c *vault.Config) { c.Master = key(2) })
	if err := only.Load([]vault.WrappedMonthKey{again}); err != nil {
		t.Fatal(err)
	}
	if got, err := only.Open(aad, kept.Wrapped, 0, kept.Parts[0]); err != nil || string(got) != "kept" {
		t.Errorf("with the new master key alone: %q, %v", got, err)
	}
	if got, err := only.OpenSecret("bhxh 79901", moved); err != nil || string(got) != "password" {
		t.Errorf("the secret with the new master key alone: %v", err)
	}
	_, err = only.OpenSecret("bhxh 79901", secret)
	wrong(t, "the secret as it was", err, vault.ErrKeyMissing)
}

func TestABudgetBrakes(t *testing.T) {
	t.Parallel()
	now := clock.NewFake(time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC))
	ring, err := vault.NewKeys(vault.RingConfig{Master: key(1), Unwraps: 60, Clock: now})
	if err != nil {
		t.Fatal(err)
	}
	v, err := vault.New(vault.Config{Ring: ring, Peppers: map[int][]byte{1: key(9)}, Current: 1})
	if err != nil {
		t.Fatal(err)
	}
	addMonth(t, v, class, month)
	s := seal(t, v, []byte("x"))
	open := func(n int) (opened int, last error) {
		for range n {
			if _, err := v.OpenKey(aad, s.Wrapped); err != nil {
				return opened, err
			}
			opened++
		}
		return opened, nil
	}
	if n, err := open(100); n != 60 || err == nil {
		t.Errorf("%d opened at once, %v", n, err)
	} else {
		wrong(t, "over the budget", err, vault.ErrBudget)
	}
	seal(t, v, []byte("sealing needs no budget"))
	now.Advance(10 * time.Second)
	if n, _ := open(100); n != 10 {
		t.Errorf("%d opened after ten seconds", n)
	}
	if _, err := vault.NewKeys(vault.RingConfig{Master: key(1), Unwraps: 1}); err == nil {
		t.Error("a budget without a clock")
	}
}
