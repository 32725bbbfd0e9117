// Package facilities keeps the directory in PostgreSQL as rows that are added
// and never changed, but for their end.
package facilities

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lienthong/internal/care"
	"lienthong/internal/fault"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres/duties"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/postgres/ledger"
)

// Facilities is the store.Facilities of a hub.
type Facilities struct {
	db     *handle.DB
	writer *ledger.Writer
}

var _ store.Facilities = (*Facilities)(nil)

// New returns the slice; writer nil: changes whose act has a leaf are ErrNoLog.
func New(db *handle.DB, writer *ledger.Writer) *Facilities {
	return &Facilities{db: db, writer: writer}
}

// ErrClient: a credential of this name is there; names are not given twice.
var ErrClient = fault.New(fault.Conflict, "client.exists",
	"Đã có chứng danh mang tên này.", "A credential of this name exists.")

// Epoch returns the directory's epoch.
func (x *Facilities) Epoch(ctx context.Context) (int64, error) {
	var epoch int64
	err := x.db.Pool.QueryRow(ctx, `SELECT epoch FROM directory WHERE one = 1`).Scan(&epoch)
	return epoch, handle.Fault(err)
}

// Change applies a change with its act and moves the epoch. Changes follow one
// another: each takes the directory's row first.
func (x *Facilities) Change(ctx context.Context, change store.DirectoryChange, act store.Act) error {
	if err := check(change, act); err != nil {
		return err
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.End()
	b := tx.Batch()
	b.Queue(`UPDATE directory SET epoch = epoch + 1 WHERE one = 1`)
	for _, der := range change.Anchors {
		hash := sha256.Sum256(der)
		b.Queue(`INSERT INTO anchor (hash, der) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING`, hash[:], handle.Bytes(der))
	}
	for _, u := range change.Units {
		b.Queue(`INSERT INTO unit (id, name_vi, name_en, kind) VALUES ($1, $2, $3, $4)
			ON CONFLICT (id) DO UPDATE SET name_vi = excluded.name_vi, name_en = excluded.name_en, kind = excluded.kind`, u.ID, u.Name.VI, u.Name.EN, u.Kind)
	}
	for _, v := range change.Versions {
		b.Queue(`INSERT INTO facility_version (code, name, level, type, province, ward, unit, vendor, tax_code, migrating, predecessors, since)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`, string(v.Code), v.Name, string(v.Level), v.Type, v.Province, v.Ward,
			v.Unit, v.Vendor, v.TaxCode, v.Migrating, handle.Column(v.Predecessors, func(c care.FacilityCode) string { return string(c) }), handle.Micros(v.From))
	}
	duties.Queue(b, change.Items)
	queueCredentials(b, change)
	queueEnds(b, change, act.At)
	return x.writer.CommitAct(ctx, tx, b, act)
}

func queueCredentials(b *pgx.Batch, change store.DirectoryChange) {
	for _, c := range change.Certificates {
		b.Queue(`INSERT INTO certificate (facility, fingerprint, der, since, revoked) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (facility, fingerprint, since) DO NOTHING`,
			string(c.Facility), c.Fingerprint[:], handle.Bytes(c.DER), handle.Micros(c.Since), handle.Micros(c.Revoked))
	}
	for _, c := range change.Carriers {
		b.Queue(`INSERT INTO carrier (client, facility, kinds, since, until) VALUES ($1, $2, $3, $4, $5)`,
			c.Client, string(c.Facility), append([]string{}, c.Kinds...), handle.Micros(c.From), handle.Micros(c.To))
	}
	for _, c := range change.Clients {
		b.Queue(`INSERT INTO client (id, facility, unit, key_id, public_key, since, revoked) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING`,
			c.ID, string(c.Facility), c.Unit, c.KeyID, handle.Bytes(c.PublicKey), handle.Micros(c.Since), handle.Micros(c.Revoked)).Exec(orElse(ErrClient))
	}
}

// queueEnds ends a credential or a certificate; ErrAbsent when there is none in use.
func queueEnds(b *pgx.Batch, change store.DirectoryChange, at time.Time) {
	if change.RevokeClient != "" {
		b.Queue(`UPDATE client SET revoked = $2 WHERE id = $1 AND revoked = 0`, change.RevokeClient, handle.Micros(at)).Exec(orElse(store.ErrAbsent))
	}
	if change.RevokeCertificate != ([32]byte{}) {
		b.Queue(`UPDATE certificate SET revoked = $2 WHERE fingerprint = $1 AND revoked = 0`, change.RevokeCertificate[:], handle.Micros(at)).Exec(orElse(store.ErrAbsent))
	}
}

// orElse is the fault of a statement that touched no row.
func orElse(none error) func(pgconn.CommandTag) error {
	return func(tag pgconn.CommandTag) error {
		if tag.RowsAffected() == 0 {
			return none
		}
		return nil
	}
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
	return ledger.CheckAct(act)
}

// LastSeen returns when facilities of the scope last sent; a facility is where
// its newest version is. What is not folded yet counts too.
func (x *Facilities) LastSeen(ctx context.Context, scope role.Scope) (map[care.FacilityCode]time.Time, error) {
	var w handle.Where
	w.Scope(scope, "l.facility", "v")
	rows, err := x.db.Pool.Query(ctx, `SELECT l.facility, max(l.at) FROM (
			SELECT facility, at FROM last_seen UNION ALL SELECT facility, n FROM delta WHERE minute = -1) l
		LEFT JOIN LATERAL (SELECT n.* FROM facility_version n WHERE n.code = l.facility ORDER BY n.since DESC, n.id DESC LIMIT 1) v ON true`+
		w.String()+` GROUP BY l.facility`, w.Args...)
	if err != nil {
		return nil, handle.Fault(err)
	}
	seen := map[care.FacilityCode]time.Time{}
	var code care.FacilityCode
	var at int64
	_, err = pgx.ForEachRow(rows, []any{&code, &at}, func() error {
		seen[code] = handle.Moment(at)
		return nil
	})
	return seen, handle.Fault(err)
}
