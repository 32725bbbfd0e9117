// Package form is what both engines do alike in Go: checks of what is about to
// be kept, and the documents that rows hold besides the columns they are found
// by. It holds no SQL, and decides nothing that readers see.
package form

import (
	"encoding/json"
	"fmt"
	"time"

	"lienthong/internal/store"
)

// micros is a moment as a document holds it: 0 for none.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func moment(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// some is b, nil where all of it is zero: none.
func some(b []byte) []byte {
	for _, x := range b {
		if x != 0 {
			return b
		}
	}
	return nil
}

// fill copies what some wrote.
func fill(to, from []byte) error {
	if len(from) != 0 && copy(to, from) != len(to) || len(from) > len(to) {
		return fmt.Errorf("%d bytes of a document, not %d", len(from), len(to))
	}
	return nil
}

type pair struct{ to, from []byte }

func fills(pairs ...pair) error {
	for _, p := range pairs {
		if err := fill(p.to, p.from); err != nil {
			return err
		}
	}
	return nil
}

// written is a document as text, its own texts checked before: JSON would mend
// what is not UTF-8.
func written(document any, texts ...string) (string, error) {
	if err := store.CheckText(texts...); err != nil {
		return "", err
	}
	b, err := json.Marshal(document)
	return string(b), err
}
