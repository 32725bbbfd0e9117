package care

// Person names a person inside the hub; the zero Person is nobody. It never
// leaves it: readers see a reference scoped to them.
type Person [16]byte

// Staff names a member of staff inside the hub; the zero Staff is nobody.
type Staff [16]byte
