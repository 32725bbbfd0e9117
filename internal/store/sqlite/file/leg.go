package file

// LegSeq takes n numbers for changes of legs, in the order of commits, and
// returns the first. Only the committer takes them, so a reader who sees one
// sees all before it.
func (tx *Tx) LegSeq(n int) (int64, error) {
	var last int64
	err := tx.Row(`UPDATE exchange SET seq = seq + ? WHERE id = 1 RETURNING seq`, int64(n)).Scan(&last)
	return last - int64(n) + 1, err
}

// DoubtLegs marks every leg that is not done as one that may have arrived, and
// gives the order of changes another name: of a restored file nobody knows what
// was sent after the backup, nor which changes a facility has read.
func (tx *Tx) DoubtLegs() error {
	if _, err := tx.Exec(`UPDATE leg SET attempts = 1 WHERE attempts = 0 AND state <> 'done'`); err != nil {
		return err
	}
	_, err := tx.Exec(`UPDATE exchange SET generation = randomblob(8) WHERE id = 1`)
	return err
}
