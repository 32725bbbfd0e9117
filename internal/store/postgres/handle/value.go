package handle

import (
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/vault"
)

// Micros is a moment as the columns keep it: microseconds UTC, 0 for the zero time.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Moment reads what Micros wrote.
func Moment(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// UUID is 16 bytes as a column of type uuid; all zero means none.
func UUID(b [16]byte) pgtype.UUID { return pgtype.UUID{Bytes: b, Valid: true} }

// ID names a record of the facility, the zero ID where serial is zero: a record
// points only at records of its own facility.
func ID(facility string, serial pgtype.UUID) dossier.ID {
	if serial.Bytes == [16]byte{} {
		return dossier.ID{}
	}
	return dossier.ID{Facility: care.FacilityCode(facility), Serial: serial.Bytes}
}

// Bytes is b for a column that is never NULL.
func Bytes(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// OrNil reads what Bytes wrote: no bytes are nil.
func OrNil(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

// Hash is a keyed hash as its column keeps it, empty for none.
func Hash(k vault.Keyed) []byte {
	if k.IsZero() {
		return []byte{}
	}
	return k.Bytes()
}

// Hashes lists keyed hashes for an array parameter.
func Hashes(keys []vault.Keyed) [][]byte { return Column(keys, Hash) }

// Keyed reads what Hash wrote.
func Keyed(b []byte) (vault.Keyed, error) {
	if len(b) == 0 {
		return vault.Keyed{}, nil
	}
	return vault.KeyedFrom(b)
}

// Column takes one column out of rows, for an array parameter.
func Column[R, V any](rows []R, of func(R) V) []V {
	column := make([]V, len(rows))
	for i, r := range rows {
		column[i] = of(r)
	}
	return column
}

// Digest reads 32 bytes.
func Digest(to *[32]byte, b []byte) error {
	if len(b) != len(to) {
		return ErrBroken.Because(fmt.Errorf("a digest of %d bytes", len(b)))
	}
	copy(to[:], b)
	return nil
}
