// Package footprint keeps the agent small on a machine that is not its own: a
// bound for Go's heap, and pages of the program that only its start needed given
// back to the system. The same program is a hub too, so most of it is never used
// by an agent; yet starting touches nearly all of it.
//
// It bounds nothing hard: an agent that needs more for a moment gets it.
package footprint

import (
	"context"
	"runtime/debug"
	"time"

	"lienthong/internal/clock"
)

// Config says how small; zero values are defaults.
type Config struct {
	Heap    int64                                            // bytes of Go's memory, a soft bound; default 16 MiB
	Percent int                                              // how much garbage there may be beside what lives, in per cent of it; default 30
	Every   time.Duration                                    // between two times pages are given back; default 5 s
	Sleep   func(ctx context.Context, d time.Duration) error // returns ctx's error when cut short
	Trimmed func(bytes int64, err error)                     // told each time how much of the program was given back; may be nil
}

// Bound sets the bounds of the heap, before anything is allocated.
func Bound(c Config) {
	c = c.withDefaults()
	debug.SetMemoryLimit(c.Heap)
	debug.SetGCPercent(c.Percent)
}

// Keep gives back pages of the program, now and again and again until ctx ends. What is
// used still comes back by itself, at the cost of a fault without disk. It
// does nothing where the system has no such call.
func Keep(ctx context.Context, c Config) error {
	c = c.withDefaults()
	for ctx.Err() == nil {
		n, err := trim()
		if c.Trimmed != nil {
			c.Trimmed(n, err)
		}
		if err := c.Sleep(ctx, c.Every); err != nil {
			return nil
		}
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.Heap <= 0 {
		c.Heap = 16 << 20
	}
	if c.Percent <= 0 {
		c.Percent = 30
	}
	if c.Every <= 0 {
		c.Every = 5 * time.Second
	}
	if c.Sleep == nil {
		c.Sleep = clock.Sleep
	}
	return c
}
