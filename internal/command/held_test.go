package command_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"lienthong/internal/command"
)

// TestAnActWaitsForALogThatIsHeld: a hub that starts holds its log before it
// can be spoken to; an act of that moment is done when it is given back.
func TestAnActWaitsForALogThatIsHeld(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "hub")
	p, err := command.MakePlace(dir, command.PlaceFile{Name: "held.test", Keys: dir + ".keys"})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	if _, err := p.Prepare(ctx); err != nil {
		t.Fatal(err)
	}
	_, first, err := p.Acts(ctx)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan error, 1)
	go func() {
		_, done, err := p.Acts(ctx)
		if err == nil {
			err = done()
		}
		got <- err
	}()
	select {
	case err := <-got:
		t.Fatalf("an act held by another was done: %v", err)
	case <-time.After(400 * time.Millisecond):
	}
	if err := first(); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Error(err)
	}
}

// TestAnActGivesUpWhenItsUserDoes: waiting ends with the context.
func TestAnActGivesUpWhenItsUserDoes(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "hub")
	p, err := command.MakePlace(dir, command.PlaceFile{Name: "held.test", Keys: dir + ".keys"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Prepare(context.Background()); err != nil {
		t.Fatal(err)
	}
	_, first, err := p.Acts(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = first() }()
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	if _, _, err := p.Acts(ctx); err == nil {
		t.Error("two hold one log")
	}
}
