package identity

import (
	"fmt"
	"io"
	"sync"
)

// Names makes names of new persons. Persons named one after the other, 256 of
// them, share the first half of their names, so that indexes by person are
// written in one place for all of a commit: names scattered one by one cost three
// pages each. Both halves are random: a name tells neither when nor what. It is
// safe for concurrent use.
type Names struct {
	random io.Reader

	mu    sync.Mutex
	first [8]byte
	left  int // names that the first half is good for still
}

const namesOfRun = 256

// NewNames returns a maker of names from random.
func NewNames(random io.Reader) *Names { return &Names{random: random} }

// New names a person. Its error is random's.
func (n *Names) New() (p Person, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.left == 0 {
		if _, err := io.ReadFull(n.random, n.first[:]); err != nil {
			return Person{}, fmt.Errorf("identity: naming persons: %w", err)
		}
		n.left = namesOfRun
	}
	n.left--
	copy(p[:], n.first[:])
	if _, err := io.ReadFull(n.random, p[len(n.first):]); err != nil {
		return Person{}, fmt.Errorf("identity: naming a person: %w", err)
	}
	return p, nil
}
