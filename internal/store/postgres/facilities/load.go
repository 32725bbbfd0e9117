package facilities

import (
	"context"

	"github.com/jackc/pgx/v5"

	"lienthong/internal/care"
	"lienthong/internal/facility"
	"lienthong/internal/store/postgres/handle"
)

// Load returns the whole directory, of one snapshot.
func (x *Facilities) Load(ctx context.Context) (*facility.Directory, error) {
	var c facility.Contents
	err := x.db.Read(ctx, func(tx pgx.Tx) error {
		b := &pgx.Batch{}
		b.Queue(`SELECT epoch FROM directory WHERE one = 1`).QueryRow(func(row pgx.Row) error { return row.Scan(&c.Epoch) })
		queueTrust(b, &c)
		queuePlaces(b, &c)
		queueSenders(b, &c)
		return tx.SendBatch(ctx, b).Close()
	})
	if err != nil {
		return nil, err
	}
	return facility.NewDirectory(c), nil
}

// into appends every row that scan reads.
func into[T any](to *[]T, scan func(pgx.CollectableRow, *T) error) func(pgx.Rows) error {
	return func(rows pgx.Rows) (err error) {
		*to, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (t T, err error) {
			err = scan(row, &t)
			return t, err
		})
		return err
	}
}

func queueTrust(b *pgx.Batch, c *facility.Contents) {
	b.Queue(`SELECT der FROM anchor ORDER BY id`).Query(into(&c.Anchors, func(row pgx.CollectableRow, der *[]byte) error { return row.Scan(der) }))
	b.Queue(`SELECT facility, fingerprint, since, der, revoked FROM certificate ORDER BY facility, since, fingerprint`).Query(
		into(&c.Certificates, func(row pgx.CollectableRow, x *facility.Certificate) error {
			var print []byte
			var since, revoked int64
			if err := row.Scan(&x.Facility, &print, &since, &x.DER, &revoked); err != nil {
				return err
			}
			x.Since, x.Revoked = handle.Moment(since), handle.Moment(revoked)
			return handle.Digest(&x.Fingerprint, print)
		}))
}

func queuePlaces(b *pgx.Batch, c *facility.Contents) {
	b.Queue(`SELECT id, name_vi, name_en, kind FROM unit ORDER BY id`).Query(into(&c.Units, func(row pgx.CollectableRow, u *facility.Unit) error {
		return row.Scan(&u.ID, &u.Name.VI, &u.Name.EN, &u.Kind)
	}))
	b.Queue(`SELECT id, code, name, level, type, province, ward, unit, vendor, tax_code, migrating, predecessors, since FROM facility_version ORDER BY id`).Query(
		into(&c.Versions, func(row pgx.CollectableRow, v *facility.Version) error {
			var since int64
			var before []string
			err := row.Scan(&v.ID, &v.Code, &v.Name, &v.Level, &v.Type, &v.Province, &v.Ward, &v.Unit, &v.Vendor, &v.TaxCode, &v.Migrating, &before, &since)
			v.From = handle.Moment(since)
			for _, code := range before {
				v.Predecessors = append(v.Predecessors, care.FacilityCode(code))
			}
			return err
		}))
}

func queueSenders(b *pgx.Batch, c *facility.Contents) {
	b.Queue(`SELECT client, facility, kinds, since, until FROM carrier ORDER BY id`).Query(into(&c.Carriers, func(row pgx.CollectableRow, x *facility.Carrier) error {
		var since, until int64
		err := row.Scan(&x.Client, &x.Facility, &x.Kinds, &since, &until)
		x.From, x.To = handle.Moment(since), handle.Moment(until)
		return err
	}))
	b.Queue(`SELECT id, facility, unit, key_id, public_key, since, revoked FROM client ORDER BY id`).Query(into(&c.Clients, func(row pgx.CollectableRow, x *facility.Client) error {
		var since, revoked int64
		err := row.Scan(&x.ID, &x.Facility, &x.Unit, &x.KeyID, &x.PublicKey, &since, &revoked)
		x.Since, x.Revoked = handle.Moment(since), handle.Moment(revoked)
		return err
	}))
}
