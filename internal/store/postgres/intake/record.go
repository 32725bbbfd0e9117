package intake

import (
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"lienthong/internal/store"
	"lienthong/internal/store/form"
	"lienthong/internal/store/postgres/handle"
)

// writeRecords inserts the records, their bodies and tags.
func (g *group) writeRecords(b *pgx.Batch) {
	b.Queue(`INSERT INTO record (facility, serial, kind, facility_version, received, day, state, findings, pack, trust_epoch,
			version, current, late, ord, supersedes, withdraws, documents, lane, file, file_idx, episode, content, subject,
			class, month, wrapped, head, marks, superseded_by, withdrawn_by, erased)
		SELECT u.*, '00000000-0000-0000-0000-000000000000', '00000000-0000-0000-0000-000000000000', 0
		FROM unnest($1::text[], $2::uuid[], $3::text[], $4::bigint[], $5::bigint[], $6::integer[], $7::text[], $8::text[], $9::text[],
			$10::bigint[], $11::integer[], $12::boolean[], $13::boolean[], $14::text[], $15::uuid[], $16::uuid[], $17::bigint[],
			$18::smallint[], $19::bytea[], $20::integer[], $21::bytea[], $22::bytea[], $23::bytea[], $24::text[], $25::integer[],
			$26::bytea[], $27::bytea[], $28::bytea[]) AS u`, recordColumns(g.stored)...)
	var bodies, tagged []*store.Prepared
	var tags []string
	for _, p := range g.stored {
		if p.Body != nil {
			bodies = append(bodies, p)
		}
		for _, tag := range p.Tags {
			if form.CommonDocument(tag) == 0 { // the column documents says those
				tagged, tags = append(tagged, p), append(tags, tag)
			}
		}
	}
	if len(bodies) > 0 {
		b.Queue(`INSERT INTO body (facility, serial, data) SELECT * FROM unnest($1::text[], $2::uuid[], $3::bytea[])`,
			append(namesOf(bodies), handle.Column(bodies, func(p *store.Prepared) []byte { return p.Body }))...)
	}
	if len(tagged) > 0 {
		b.Queue(`INSERT INTO tag (facility, serial, tag, received) SELECT DISTINCT * FROM unnest($1::text[], $2::uuid[], $3::text[], $4::bigint[])`,
			append(namesOf(tagged), tags, handle.Column(tagged, func(p *store.Prepared) int64 { return handle.Micros(p.Received) }))...)
	}
}

func namesOf(ps []*store.Prepared) []any {
	return []any{
		handle.Column(ps, func(p *store.Prepared) string { return string(p.ID.Facility) }),
		handle.Column(ps, func(p *store.Prepared) pgtype.UUID { return handle.UUID(p.ID.Serial) }),
	}
}

func recordColumns(ps []*store.Prepared) []any {
	return append(namesOf(ps),
		handle.Column(ps, func(p *store.Prepared) string { return p.Kind }),
		handle.Column(ps, func(p *store.Prepared) int64 { return p.FacilityVersion }),
		handle.Column(ps, func(p *store.Prepared) int64 { return handle.Micros(p.Received) }),
		handle.Column(ps, dayOf),
		handle.Column(ps, func(p *store.Prepared) string { return string(p.Verdict.State) }),
		handle.Column(ps, findingsOf),
		handle.Column(ps, func(p *store.Prepared) string { return p.Verdict.Pack }),
		handle.Column(ps, func(p *store.Prepared) int64 { return p.Verdict.TrustEpoch }),
		handle.Column(ps, func(p *store.Prepared) int32 { return int32(p.Version) }),
		handle.Column(ps, func(p *store.Prepared) bool { return p.Current }),
		handle.Column(ps, func(p *store.Prepared) bool { return p.Version > 0 && !p.Current }),
		handle.Column(ps, func(p *store.Prepared) string { return p.Order }),
		handle.Column(ps, func(p *store.Prepared) pgtype.UUID { return handle.UUID(p.Supersedes.Serial) }),
		handle.Column(ps, func(p *store.Prepared) pgtype.UUID { return handle.UUID(p.Withdraws.Serial) }),
		handle.Column(ps, func(p *store.Prepared) int64 { return int64(p.Documents) }),
		handle.Column(ps, func(p *store.Prepared) int16 { return int16(p.File.Lane) }),
		handle.Column(ps, func(p *store.Prepared) []byte { return handle.Hash(p.File.Hash) }),
		handle.Column(ps, func(p *store.Prepared) int32 { return int32(p.Index) }),
		handle.Column(ps, func(p *store.Prepared) []byte { return handle.Hash(p.Episode) }),
		handle.Column(ps, func(p *store.Prepared) []byte { return handle.Hash(p.Content) }),
		handle.Column(ps, func(p *store.Prepared) []byte {
			if p.Subject == nil {
				return []byte{}
			}
			return handle.Hash(p.Subject.Key)
		}),
		handle.Column(ps, func(p *store.Prepared) string { return p.Class }),
		handle.Column(ps, func(p *store.Prepared) int32 { return int32(p.Month) }),
		handle.Column(ps, func(p *store.Prepared) []byte { return handle.Bytes(p.Wrapped) }),
		handle.Column(ps, func(p *store.Prepared) []byte { return handle.Bytes(p.Head) }),
		handle.Column(ps, func(p *store.Prepared) []byte { return handle.Bytes(p.Marks) }))
}

// findingsOf writes the findings; their texts were checked when the group was made.
func findingsOf(p *store.Prepared) string {
	text, err := handle.WriteFindings(p.Verdict.Findings)
	if err != nil {
		panic(fmt.Sprintf("intake: findings that passed the check cannot be written: %v", err))
	}
	return text
}
