package file

import "lienthong/internal/store"

// CheckAct refuses an act with a text no engine keeps.
func CheckAct(a store.Act) error { return store.CheckText(a.Actor, a.Action, a.Object, a.Detail) }

// Act writes an act with its leaf; one without a leaf needs no log.
func (tx *Tx) Act(a store.Act) error {
	var log, leaf any
	if len(a.Leaf) > 0 {
		l, i, err := tx.Leaf(a.Leaf, nil)
		if err != nil {
			return err
		}
		log, leaf = l, int64(i)
	}
	_, err := tx.Exec(`INSERT INTO act (at, actor, action, object, detail, log, leaf) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		Micros(a.At), a.Actor, a.Action, a.Object, a.Detail, log, leaf)
	return err
}

// ActOf is Act; of the zero action nothing is written.
func (tx *Tx) ActOf(a store.Act) error {
	if a.Action == "" {
		return nil
	}
	return tx.Act(a)
}
