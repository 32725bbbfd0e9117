package handle

import (
	"encoding/json"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"lienthong/internal/dossier"
	"lienthong/internal/store"
	"lienthong/internal/store/form"
)

// RecordColumns are the columns ScanRecord reads, out of record r and RecordJoins.
const RecordColumns = `r.facility, r.serial, r.kind, r.facility_version, r.received, r.state, r.findings, r.pack, r.trust_epoch,
	r.version, r.current, r.supersedes, r.superseded_by, r.withdrawn_by, r.withdraws, r.erased, r.documents, r.lane,
	r.file, r.file_idx, r.subject, coalesce(s.person, '00000000-0000-0000-0000-000000000000'), r.episode, r.class, r.month, r.wrapped, r.head,
	coalesce(e.log, 0), coalesce(e.idx, 0), coalesce(e.size, 0)`

// RecordJoins joins a record r with its leaf e, its subject s and its facility's version v.
const RecordJoins = `
	LEFT JOIN entry e ON e.facility = r.facility AND e.serial = r.serial
	LEFT JOIN subject s ON s.facility = r.facility AND s.subject = r.subject
	LEFT JOIN facility_version v ON v.id = r.facility_version`

// ScanRecord reads RecordColumns, and then what extra points at.
func ScanRecord(row pgx.Row, extra ...any) (store.Record, error) {
	var (
		r                                                                 store.Record
		code, findings                                                    string
		serial, supersedes, supersededBy, withdrawnBy, withdraws, subject pgtype.UUID
		received, erased, documents, idx, size                            int64
		lane                                                              int16
		file, key, episode                                                []byte
	)
	dest := append([]any{&code, &serial, &r.Kind, &r.FacilityVersion, &received, &r.Verdict.State, &findings, &r.Verdict.Pack, &r.Verdict.TrustEpoch,
		&r.Version, &r.Current, &supersedes, &supersededBy, &withdrawnBy, &withdraws, &erased, &documents, &lane,
		&file, &r.Index, &key, &subject, &episode, &r.Class, &r.Month, &r.Wrapped, &r.Head, &r.Place.Log, &idx, &size}, extra...)
	if err := row.Scan(dest...); err != nil {
		return store.Record{}, err
	}
	var err error
	if r.Verdict.Findings, err = readFindings(findings); err != nil {
		return store.Record{}, err
	}
	if r.File, err = Keyed(file); err != nil {
		return store.Record{}, err
	}
	if r.Episode, err = Keyed(episode); err != nil {
		return store.Record{}, err
	}
	if r.Subject, err = Keyed(key); err != nil {
		return store.Record{}, err
	}
	r.ID, r.Person = ID(code, serial), subject.Bytes
	r.Supersedes, r.SupersededBy = ID(code, supersedes), ID(code, supersededBy)
	r.WithdrawnBy, r.Withdraws = ID(code, withdrawnBy), ID(code, withdraws)
	r.Received, r.Erased = Moment(received), Moment(erased)
	r.Documents, r.Lane = uint32(documents), store.Lane(lane)
	r.Wrapped, r.Head = OrNil(r.Wrapped), OrNil(r.Head)
	r.Place.Index, r.Place.Size = uint64(idx), uint64(size)
	return r, nil
}

// CollectRecords reads all rows of RecordColumns.
func CollectRecords(rows pgx.Rows) ([]store.Record, error) {
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (store.Record, error) { return ScanRecord(row) })
}

// WriteFindings gives the text of column findings, "" for none. Fault: store.text.
func WriteFindings(all []dossier.Finding) (string, error) {
	if len(all) == 0 {
		return "", nil
	}
	out := make([]form.NamedFinding, len(all))
	for i, f := range all {
		if err := store.CheckText(f.Code, string(f.Severity), f.Table, f.Field); err != nil {
			return "", err
		}
		out[i] = form.NamedFinding{Code: f.Code, Severity: f.Severity, Blocks: f.Blocks, Table: f.Table, Row: f.Row, Field: f.Field, Line: f.Line}
	}
	text, err := json.Marshal(out)
	return string(text), err
}

func readFindings(text string) ([]dossier.Finding, error) {
	if text == "" {
		return nil, nil
	}
	all, err := form.NamedFindings(text)
	if err != nil {
		return nil, ErrBroken.Because(err)
	}
	return all, nil
}

// Seal is a store.SealNote as column seals keeps it.
type Seal struct {
	Fingerprint string `json:"fingerprint"` // hexadecimal
	Subject     string `json:"subject"`
	Algorithm   string `json:"algorithm"`
	Bound       string `json:"bound"`
	Revocation  string `json:"revocation"`
	Expired     bool   `json:"expired,omitempty"`
	Role        string `json:"role,omitempty"`
	Covered     string `json:"covered,omitempty"`
	Serial      string `json:"serial,omitempty"`
	Issuer      string `json:"issuer,omitempty"`
}
