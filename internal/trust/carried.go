package trust

import (
	"context"
	"errors"
	"slices"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/facility"
	"lienthong/internal/kind"
	"lienthong/internal/seal"
	"lienthong/internal/store"
)

// The findings of what a carrier handed on. The first two say that the seal is
// whole and that nobody has bound its certificate to the facility yet; the last
// two only which way a dossier came whose seal binds.
const (
	SealViaInsurer   = "SEAL.VIA_INSURER"
	SealViaMigration = "SEAL.VIA_MIGRATION"
	SentViaInsurer   = "SENDER.VIA_INSURER"
	SentViaMigration = "SENDER.VIA_MIGRATION"
)

// Way says whether a credential is of a carrier that hands on what facilities
// sent to it: "insurer", "migration", "" of any other.
func (t *View) Way(client string) string {
	if sort := t.Sort(client); sort == facility.SortInsurer || sort == facility.SortMigration {
		return sort
	}
	return ""
}

// WayFinding is what is told of a dossier that came by a way; unbound: its
// certificate speaks for nobody yet. Nil for no way.
func WayFinding(via string, unbound bool) []dossier.Finding {
	switch {
	case via == facility.SortInsurer && unbound:
		return []dossier.Finding{{Code: SealViaInsurer, Severity: dossier.Warning}}
	case via == facility.SortMigration && unbound:
		return []dossier.Finding{{Code: SealViaMigration, Severity: dossier.Warning}}
	case via == facility.SortInsurer:
		return []dossier.Finding{{Code: SentViaInsurer, Severity: dossier.Info}}
	case via == facility.SortMigration:
		return []dossier.Finding{{Code: SentViaMigration, Severity: dossier.Info}}
	}
	return nil
}

// Via says which carrier handed a record on, by its findings: "insurer",
// "migration", "" none of them.
func Via(findings []dossier.Finding) string {
	for _, f := range findings {
		switch f.Code {
		case SealViaInsurer, SentViaInsurer:
			return facility.SortInsurer
		case SealViaMigration, SentViaMigration:
			return facility.SortMigration
		}
	}
	return ""
}

// Unbound reports whether a record was taken with a seal that bound nobody.
func Unbound(findings []dossier.Finding) bool {
	for _, f := range findings {
		if f.Code == SealViaInsurer || f.Code == SealViaMigration {
			return true
		}
	}
	return false
}

// Carried is how a signature is noted whose certificate nobody bound to the
// facility: a carrier handed the file on before its facility came itself.
const Carried seal.Way = "carried"

// Carried takes a verified signature whose certificate binds nobody, of a file
// that a carrier hands on, where nothing here speaks against it: the facility
// has registered no certificate and no tax code, and the certificate is no
// other facility's. Faults: seal.untrusted, seal.expired, seal.revoked.
func (t *View) Carried(ctx context.Context, s seal.Signature, v facility.Version, at time.Time) (store.SealNote, error) {
	c := s.Certificate
	if c == nil || len(t.Certificates(v.Code)) > 0 || v.TaxCode != "" || len(t.Owners(s)) > 0 {
		return store.SealNote{}, seal.ErrUntrusted
	}
	if at.Before(c.NotBefore) || at.After(c.NotAfter.Add(seal.Grace)) && !v.Migrating {
		return store.SealNote{}, seal.ErrExpired
	}
	t.sealed(s)
	answer, err := seal.CheckRevocation(ctx, t, s.Fingerprint)
	if err != nil {
		return store.SealNote{}, err
	}
	return note(s, store.RoleFacility, Carried, at.After(c.NotAfter), answer), nil
}

// SaidFacility is the facility a check-in says it is of, where no certificate
// can say.
func SaidFacility(f kind.File) care.FacilityCode {
	for i := range f.Len() {
		for _, table := range f.Dossier(i).Content.Tables() {
			if code, err := care.ParseFacilityCode(table.Cell(0, "MA_CSKCB").Text); err == nil {
				return code
			}
		}
	}
	return ""
}

// BindVia is Bind for a file that came by a carrier ("" none): where the
// certificate binds nobody it is Carried, and unbound says so.
func (t *View) BindVia(ctx context.Context, s seal.Signature, v facility.Version, at time.Time, via string) (n store.SealNote, unbound bool, err error) {
	if n, err = t.Bind(ctx, s, v, at); via == "" || !errors.Is(err, seal.ErrUntrusted) {
		return n, false, err
	}
	n, err = t.Carried(ctx, s, v, at)
	return n, err == nil, err
}

// Notes keeps what is learned later about records; store.Revocations does.
type Notes interface {
	Annotate(ctx context.Context, list []store.Annotation) (int, error)
}

// Bound notes on records that came by a carrier, sealed with a certificate of
// nobody's, that their own facility has sent the same bytes since: the seal
// binds now. The verdict stays as it was given. A hub without a log notes
// nothing; it says so elsewhere.
func Bound(ctx context.Context, keep Notes, records []store.Stored, seals []store.SealNote, at time.Time, by string) error {
	k := slices.IndexFunc(seals, func(n store.SealNote) bool { return n.Role == store.RoleFacility && n.Bound != string(Carried) })
	var list []store.Annotation
	for i := range records {
		if r := &records[i].Record; k >= 0 && Unbound(r.Verdict.Findings) && r.Erased.IsZero() {
			list = append(list, store.Annotation{Record: r.ID, What: store.SealBound, Fingerprint: seals[k].Fingerprint, At: at, Since: at, Source: by})
		}
	}
	if keep == nil || len(list) == 0 {
		return nil
	}
	if _, err := keep.Annotate(ctx, list); !errors.Is(err, store.ErrNoLog) {
		return err
	}
	return nil
}
