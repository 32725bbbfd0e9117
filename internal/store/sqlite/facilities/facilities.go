// Package facilities is the embedded engine's side of store.Facilities: the
// directory as rows that are added and never changed, but for their end.
package facilities

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/facility"
	"lienthong/internal/fault"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite/duties"
	"lienthong/internal/store/sqlite/file"
)

// Facilities implements store.Facilities.
type Facilities struct{ db *file.DB }

var _ store.Facilities = (*Facilities)(nil)

// New returns the slice of an open file.
func New(db *file.DB) *Facilities { return &Facilities{db: db} }

// ErrClient: a credential of this name is there; names are not given twice.
var ErrClient = fault.New(fault.Conflict, "client.exists",
	"Đã có chứng danh mang tên này.", "A credential of this name exists.")

// Epoch returns the directory's epoch.
func (x *Facilities) Epoch(ctx context.Context) (epoch int64, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		return s.Row(`SELECT epoch FROM directory WHERE id = 1`).Scan(&epoch)
	})
	return epoch, err
}

// Change applies a change with its act and moves the epoch.
func (x *Facilities) Change(ctx context.Context, change store.DirectoryChange, act store.Act) error {
	if err := check(change, act); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		if err := duties.Put(tx, change.Items); err != nil {
			return err
		}
		for _, add := range []func(*file.Tx, *store.DirectoryChange) error{anchors, units, versions, certificates, carriers, clients} {
			if err := add(tx, &change); err != nil {
				return err
			}
		}
		if err := revoke(tx, &change, act.At); err != nil {
			return err
		}
		if _, err := tx.Exec(`UPDATE directory SET epoch = epoch + 1 WHERE id = 1`); err != nil {
			return err
		}
		return tx.Act(act)
	})
}

func check(c store.DirectoryChange, act store.Act) error {
	texts := []string{c.RevokeClient}
	for _, u := range c.Units {
		texts = append(texts, u.ID, u.Name.VI, u.Name.EN, u.Kind)
	}
	for _, v := range c.Versions {
		texts = append(texts, string(v.Code), v.Name, string(v.Level), v.Type, v.Province, v.Ward, v.Unit, v.Vendor, v.TaxCode)
		for _, p := range v.Predecessors {
			texts = append(texts, string(p))
		}
	}
	for _, r := range c.Carriers {
		texts = append(append(texts, r.Client, string(r.Facility)), r.Kinds...)
	}
	for _, l := range c.Clients {
		texts = append(texts, l.ID, string(l.Facility), l.Unit, l.KeyID)
	}
	for _, r := range c.Certificates {
		texts = append(texts, string(r.Facility))
	}
	if err := errors.Join(store.CheckText(texts...), duties.CheckItems(c.Items)); err != nil {
		return err
	}
	return file.CheckAct(act)
}

func anchors(tx *file.Tx, c *store.DirectoryChange) error {
	for _, der := range c.Anchors {
		hash := sha256.Sum256(der)
		if _, err := tx.Exec(`INSERT INTO anchor (hash, der) VALUES (?, ?) ON CONFLICT DO NOTHING`, hash[:], der); err != nil {
			return err
		}
	}
	return nil
}

func units(tx *file.Tx, c *store.DirectoryChange) error {
	for _, u := range c.Units {
		if _, err := tx.Exec(`INSERT INTO unit (id, vi, en, kind) VALUES (?, ?, ?, ?)
 ON CONFLICT (id) DO UPDATE SET vi = excluded.vi, en = excluded.en, kind = excluded.kind`, u.ID, u.Name.VI, u.Name.EN, u.Kind); err != nil {
			return err
		}
	}
	return nil
}

func versions(tx *file.Tx, c *store.DirectoryChange) error {
	for _, v := range c.Versions {
		before, err := json.Marshal(v.Predecessors)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(`INSERT INTO facility_version (code, name, level, type, province, ward, unit, vendor, tax_code, migrating, predecessors, since)
 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, string(v.Code), v.Name, string(v.Level), v.Type, v.Province, v.Ward, v.Unit, v.Vendor, v.TaxCode,
			v.Migrating, string(before), file.Micros(v.From)); err != nil {
			return err
		}
	}
	return nil
}

func certificates(tx *file.Tx, c *store.DirectoryChange) error {
	for _, r := range c.Certificates {
		if _, err := tx.Exec(`INSERT INTO certificate (facility, fingerprint, since, der, revoked) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			string(r.Facility), r.Fingerprint[:], file.Micros(r.Since), r.DER, file.MicrosOrNull(r.Revoked)); err != nil {
			return err
		}
	}
	return nil
}

func carriers(tx *file.Tx, c *store.DirectoryChange) error {
	for _, r := range c.Carriers {
		kinds, err := json.Marshal(r.Kinds)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(`INSERT INTO carrier (client, facility, kinds, since, until) VALUES (?, ?, ?, ?, ?)`,
			r.Client, string(r.Facility), string(kinds), file.Micros(r.From), file.MicrosOrNull(r.To)); err != nil {
			return err
		}
	}
	return nil
}

func clients(tx *file.Tx, c *store.DirectoryChange) error {
	for _, l := range c.Clients {
		n, err := tx.Exec(`INSERT INTO client (id, facility, unit, key_id, public_key, since, revoked) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			l.ID, string(l.Facility), l.Unit, l.KeyID, l.PublicKey, file.Micros(l.Since), file.MicrosOrNull(l.Revoked))
		if err == nil && n == 0 {
			err = ErrClient
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// revoke ends a credential or a certificate; store.ErrAbsent when there is none in use.
func revoke(tx *file.Tx, c *store.DirectoryChange, at time.Time) error {
	if c.RevokeClient != "" {
		n, err := tx.Exec(`UPDATE client SET revoked = ? WHERE id = ? AND revoked IS NULL`, file.Micros(at), c.RevokeClient)
		if err == nil && n == 0 {
			err = store.ErrAbsent
		}
		if err != nil {
			return err
		}
	}
	if c.RevokeCertificate != ([32]byte{}) {
		n, err := tx.Exec(`UPDATE certificate SET revoked = ? WHERE fingerprint = ? AND revoked IS NULL`, file.Micros(at), c.RevokeCertificate[:])
		if err == nil && n == 0 {
			err = store.ErrAbsent
		}
		return err
	}
	return nil
}

// LastSeen returns when facilities of the scope last sent; a facility is where
// its newest version is.
func (x *Facilities) LastSeen(ctx context.Context, scope role.Scope) (map[care.FacilityCode]time.Time, error) {
	q, args := file.Select(`SELECT l.facility, l.at FROM last_seen l LEFT JOIN facility_version v ON v.id =
 (SELECT n.id FROM facility_version n WHERE n.code = l.facility ORDER BY n.since DESC, n.id DESC LIMIT 1)`).Within(scope, "l.facility", "v.id").End(``)
	out := map[care.FacilityCode]time.Time{}
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		rows, err := s.Select(q, args)
		return each(rows, err, func(rows *sql.Rows) error {
			var code string
			var at int64
			if err := rows.Scan(&code, &at); err != nil {
				return err
			}
			out[care.FacilityCode(code)] = file.Time(at)
			return nil
		})
	})
	return out, err
}

// Load returns the whole directory, of one state.
func (x *Facilities) Load(ctx context.Context) (*facility.Directory, error) {
	var c facility.Contents
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		c = facility.Contents{}
		if err := s.Row(`SELECT epoch FROM directory WHERE id = 1`).Scan(&c.Epoch); err != nil {
			return err
		}
		for _, load := range []func(*file.Snapshot, *facility.Contents) error{loadAnchors, loadUnits, loadVersions, loadCertificates, loadCarriers, loadClients} {
			if err := load(s, &c); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return facility.NewDirectory(c), nil
}

// each reads all rows and closes them.
func each(rows *sql.Rows, err error, fn func(*sql.Rows) error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func loadAnchors(s *file.Snapshot, c *facility.Contents) error {
	rows, err := s.Rows(`SELECT der FROM anchor ORDER BY rowid`)
	return each(rows, err, func(rows *sql.Rows) error {
		var der []byte
		err := rows.Scan(&der)
		c.Anchors = append(c.Anchors, der)
		return err
	})
}

func loadUnits(s *file.Snapshot, c *facility.Contents) error {
	rows, err := s.Rows(`SELECT id, vi, en, kind FROM unit ORDER BY id`)
	return each(rows, err, func(rows *sql.Rows) error {
		var u facility.Unit
		err := rows.Scan(&u.ID, &u.Name.VI, &u.Name.EN, &u.Kind)
		c.Units = append(c.Units, u)
		return err
	})
}

func loadVersions(s *file.Snapshot, c *facility.Contents) error {
	rows, err := s.Rows(`SELECT id, code, name, level, type, province, ward, unit, vendor, tax_code, migrating, predecessors, since FROM facility_version ORDER BY id`)
	return each(rows, err, func(rows *sql.Rows) error {
		var v facility.Version
		var since int64
		var before string
		if err := rows.Scan(&v.ID, &v.Code, &v.Name, &v.Level, &v.Type, &v.Province, &v.Ward, &v.Unit, &v.Vendor, &v.TaxCode, &v.Migrating, &before, &since); err != nil {
			return err
		}
		v.From = file.Time(since)
		c.Versions = append(c.Versions, v)
		return json.Unmarshal([]byte(before), &c.Versions[len(c.Versions)-1].Predecessors)
	})
}

func loadCertificates(s *file.Snapshot, c *facility.Contents) error {
	rows, err := s.Rows(`SELECT facility, fingerprint, since, der, revoked FROM certificate ORDER BY facility, since, fingerprint`)
	return each(rows, err, func(rows *sql.Rows) error {
		var r facility.Certificate
		var since int64
		var print []byte
		var revoked sql.NullInt64
		if err := rows.Scan(&r.Facility, &print, &since, &r.DER, &revoked); err != nil {
			return err
		}
		if copy(r.Fingerprint[:], print) != 32 {
			return fmt.Errorf("certificate: a fingerprint of %d bytes", len(print))
		}
		r.Since, r.Revoked = file.Time(since), file.TimeOrZero(revoked)
		c.Certificates = append(c.Certificates, r)
		return nil
	})
}

func loadCarriers(s *file.Snapshot, c *facility.Contents) error {
	rows, err := s.Rows(`SELECT client, facility, kinds, since, until FROM carrier ORDER BY id`)
	return each(rows, err, func(rows *sql.Rows) error {
		var r facility.Carrier
		var since int64
		var kinds string
		var until sql.NullInt64
		if err := rows.Scan(&r.Client, &r.Facility, &kinds, &since, &until); err != nil {
			return err
		}
		r.From, r.To = file.Time(since), file.TimeOrZero(until)
		c.Carriers = append(c.Carriers, r)
		return json.Unmarshal([]byte(kinds), &c.Carriers[len(c.Carriers)-1].Kinds)
	})
}

func loadClients(s *file.Snapshot, c *facility.Contents) error {
	rows, err := s.Rows(`SELECT id, facility, unit, key_id, public_key, since, revoked FROM client ORDER BY id`)
	return each(rows, err, func(rows *sql.Rows) error {
		var l facility.Client
		var since int64
		var revoked sql.NullInt64
		if err := rows.Scan(&l.ID, &l.Facility, &l.Unit, &l.KeyID, &l.PublicKey, &since, &revoked); err != nil {
			return err
		}
		l.Since, l.Revoked = file.Time(since), file.TimeOrZero(revoked)
		c.Clients = append(c.Clients, l)
		return nil
	})
}
