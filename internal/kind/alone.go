package kind

import (
	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/schema"
)

// DossierOf is the dossier that the content a PartReader gave is of: as Dossier of the
// file gives it, but for its inner documents.
func DossierOf(c *dossier.Content) Dossier {
	d := Dossier{Content: c, Episode: EpisodeOf(c), Patient: PatientOf(c)}
	if ended, err := care.ParseMoment(c.Field("XML1", 0, "NGAY_RA")); err == nil && ended.Precision() >= care.ByDay {
		d.Spec = schema.For(ended.Day())
	}
	return d
}
