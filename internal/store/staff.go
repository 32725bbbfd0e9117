package store

import (
	"context"

	"lienthong/internal/care"
	"lienthong/internal/staff"
	"lienthong/internal/vault"
)

// Staffs keeps staff.
type Staffs interface {
	// PutStaff keeps a new member of staff or the next version (ErrChanged), with the act.
	PutStaff(ctx context.Context, s staff.Staff, act Act) error
	Staff(ctx context.Context, id care.Staff) (*staff.Staff, error)
	// StaffBy finds by login or by licence (under every live pepper); ErrAbsent.
	StaffByLogin(ctx context.Context, login []vault.Keyed) (*staff.Staff, error)
	StaffByLicence(ctx context.Context, facility care.FacilityCode, licence []vault.Keyed) (*staff.Staff, error)
	StaffOf(ctx context.Context, facility care.FacilityCode, limit int) ([]staff.Staff, error)
}
