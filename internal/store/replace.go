package store

import "lienthong/internal/dossier"

// Replaces is the record of another episode that an accepted member replaces,
// zero for all but such: a prescription is followed by one under another code.
// It must be accepted, standing and not replaced yet, also by members before in
// the group: else the member's outcome is StatusConflict. The head of its
// episode goes on naming it; only its mark says that it was replaced.
func (p *Prepared) Replaces() dossier.ID {
	if p.Version == 0 || !p.Verdict.State.IsAccepted() || p.Supersedes == p.ExpectSame || p.Supersedes == p.ExpectHead.Current {
		return dossier.ID{}
	}
	return p.Supersedes
}
