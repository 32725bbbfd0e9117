package intake

import "time"

// Observer is told what intake does, for metrics. Its calls must not block.
type Observer interface {
	// File: a file was answered after that long; code is its refusal's or
	// deferral's, "" when its dossiers were decided.
	File(kind, code string, took time.Duration)
	// Dossier: one was decided.
	Dossier(kind, state string, replay bool)
	// Group: so many prepared dossiers were committed together, in that long.
	Group(size int, took time.Duration)
}

type unobserved struct{}

func (unobserved) File(string, string, time.Duration) {}
func (unobserved) Dossier(string, string, bool)       {}
func (unobserved) Group(int, time.Duration)           {}
