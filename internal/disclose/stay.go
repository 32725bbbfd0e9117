package disclose

import (
	"context"
	"errors"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/role"
	"lienthong/internal/slip"
	"lienthong/internal/store"
)

// referrals are the records with a referral in them (store.Filter.Tag).
const referrals = "doc:XML13"

// slipsOf is how many of a person's newest slips, or own dossiers, are looked through.
const slipsOf = 50

// Referral is a slip by which another facility sent a person somewhere.
type Referral struct {
	Record   dossier.ID
	Validity slip.Validity
}

// Referred returns a person's referrals that other facilities addressed to one,
// newest first. It is a fact for package reading: who sent the person, whereto and
// until when is read by the hub itself and shown to nobody here, so no row is written.
func (d *Discloser) Referred(ctx context.Context, person store.PersonID, to care.FacilityCode) ([]Referral, error) {
	if person == (store.PersonID{}) {
		return nil, nil
	}
	list, _, err := d.Records.List(ctx, role.Scope{All: true}, store.Filter{Person: person, Tag: referrals, Limit: slipsOf})
	if err != nil {
		return nil, err
	}
	var out []Referral
	for i := range list {
		r := &list[i]
		if r.ID.Facility == to || !holdsTrue(r) {
			continue
		}
		o, err := d.open(ctx, r, everything)
		if errors.Is(err, store.ErrErased) || errors.Is(err, store.ErrAbsent) {
			continue
		} else if err != nil {
			return nil, err
		}
		if o.Read.Content == nil {
			continue
		}
		for _, t := range o.Read.Content.All {
			if t.Columns.Table == "XML13" && receiver(t) == string(to) {
				out = append(out, Referral{r.ID, slip.OfFields(slip.Referral, firstRow(t))})
			}
		}
	}
	return out, nil
}

// receiver is the facility a referral is addressed to, "" where it names none.
func receiver(t *dossier.Table) string {
	for _, field := range []string{"MA_CSKCB_DEN", "MA_NOI_DEN"} {
		if text := firstRow(t)(field); text != "" {
			return text
		}
	}
	return ""
}

// firstRow gives the fields of a table's first row, prescribed ones and others.
func firstRow(t *dossier.Table) func(field string) string {
	return func(field string) string {
		if text := strings.TrimSpace(t.Cell(0, field).Text); text != "" || len(t.Rows) == 0 {
			return text
		}
		for _, x := range t.Rows[0].Extra {
			if x.Name == field {
				return strings.TrimSpace(x.Cell.Text)
			}
		}
		return ""
	}
}

// Left returns when a person last left a facility, by its own dossiers that came
// in since; zero when none says so. It is a fact for package reading, as Referred.
func (d *Discloser) Left(ctx context.Context, at care.FacilityCode, person store.PersonID, since time.Time) (time.Time, error) {
	var last time.Time
	list, _, err := d.Records.List(ctx, role.Scope{Facility: at}, store.Filter{Person: person, Kind: "qd4750", Since: since, Limit: slipsOf})
	if err != nil {
		return last, err
	}
	for i := range list {
		if !holdsTrue(&list[i]) {
			continue
		}
		o, err := d.open(ctx, &list[i], everything)
		if errors.Is(err, store.ErrErased) || errors.Is(err, store.ErrAbsent) {
			continue
		} else if err != nil {
			return last, err
		}
		if o.Read.Content == nil {
			continue
		}
		m, err := care.ParseMoment(o.Read.Content.Field("XML1", 0, "NGAY_RA"))
		if err == nil && m.Precision() >= care.ByDay && m.Time().After(last) {
			last = m.Time()
		}
	}
	return last, nil
}
