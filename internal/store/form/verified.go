package form

import (
	"errors"
	"slices"
	"strings"

	"lienthong/internal/identity"
	"lienthong/internal/store"
)

// Verified checks an answer of the population register, and gives its list as a row has it.
func Verified(v *identity.Verified) (differs string, err error) {
	if v.Person == (store.PersonID{}) || v.At.IsZero() || v.By == "" || !slices.Contains([]string{"match", "differs", "unknown", "cancelled", "replaced"}, v.Answer) {
		return "", errors.New("store: an answer without person, moment, register or a known word")
	}
	for _, d := range v.Differs {
		if !slices.Contains([]string{"name", "birth", "sex"}, d) {
			return "", errors.New("store: an answer differs in something unknown")
		}
	}
	return strings.Join(v.Differs, ","), store.CheckText(v.By)
}

// Differs reads the list back.
func Differs(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}
