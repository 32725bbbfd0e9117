// Package page writes the place where one page of a list ends, for whoever asks
// for the next. It says nothing about a record but its id and a time.
package page

import (
	"encoding/base64"
	"strconv"
	"time"

	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/store"
)

// ErrFilter: a filter, or a place, that is not one.
var ErrFilter = fault.New(fault.Invalid, "request.filter",
	"Điều kiện lọc không đúng dạng.", "A filter is not in its prescribed form.")

// Write returns a place as text.
func Write(c store.Cursor) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(c.At.UnixMicro(), 36) + " " + c.ID.String()))
}

// Read reads a place; "" is the newest end. Fault: request.filter.
func Read(s string) (store.Cursor, error) {
	if s == "" {
		return store.Cursor{}, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return store.Cursor{}, ErrFilter.Because(err)
	}
	at, id, _ := cutSpace(string(b))
	micro, err := strconv.ParseInt(at, 36, 64)
	if err != nil {
		return store.Cursor{}, ErrFilter.Because(err)
	}
	rec, err := dossier.ParseID(id)
	if err != nil {
		return store.Cursor{}, ErrFilter.Because(err)
	}
	return store.Cursor{At: time.UnixMicro(micro).UTC(), ID: rec}, nil
}

func cutSpace(s string) (before, after string, ok bool) {
	for i := range s {
		if s[i] == ' ' {
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

// Words checks texts that go to the store as they are.
func Words(texts ...string) error {
	for _, s := range texts {
		if len(s) > 100 {
			return ErrFilter
		}
	}
	if err := store.CheckText(texts...); err != nil {
		return ErrFilter.Because(err)
	}
	return nil
}

// Number reads a number from low to high, 0 for "".
func Number(s string, low, high int) (int, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < low || n > high {
		return 0, ErrFilter.Because(err)
	}
	return n, nil
}
