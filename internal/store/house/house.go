// Package house is the part of the store's contract that the ministry's house
// needs: specialised databases and their entries, scores, rule packs, units and
// tasks, figures, proposals. It follows the rules of package store, which hands it
// out: what is personal reaches it sealed or as a keyed hash, every engine passes
// store/storetest, and there are no rules here.
package house

// Slices is what an engine hands out of it.
type Slices struct {
	Rules     Rules // that people write
	Databases Databases
	Entries   Entries
	Grants    Grants
	Imports   Imports
	Flow      Flow

	Scores    Scores
	Duties    Duties
	DutyItems DutyItems
	Figures   Figures // as pinned
	Boards    Boards
	Nights    Nights
	Proposals Proposals
	Alike     Alike

	Targets  Targets  // of provinces
	Benefits Benefits // counted from the rows
	Looks    Looks    // counted from the log of access
}
