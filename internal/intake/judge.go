package intake

import (
	"crypto/sha256"
	"fmt"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/identity"
	"lienthong/internal/kind"
	"lienthong/internal/quality"
	"lienthong/internal/retention"
	"lienthong/internal/score"
	"lienthong/internal/seal"
	"lienthong/internal/store"
	"lienthong/internal/trust"
	"lienthong/internal/vault"
)

// judged is one dossier read, judged and hashed: all that does not depend on
// what the store holds.
type judged struct {
	read     kind.Dossier
	findings []dossier.Finding
	told     []dossier.Finding // findings and those that depend on the store, of the last time it was prepared
	verdict  dossier.Verdict
	class    string   // of retention
	content  [32]byte // see kind.ContentHash
	inner    [][32]byte
	query    store.Query
	replaces *store.Query // asks for the dossier it replaces; nil without one
	patient  identity.Patient
	name     []vault.Keyed // of the patient's name and birth date, under every live pepper
	birth    []vault.Keyed
}

// judge reads dossier i, judges it and makes the hashes it is known by.
func (t *task) judge(i int) *judged {
	j := &judged{read: t.opened.Dossier(i)}
	t.in.findings(j, t)
	j.verdict = quality.Verdict(j.findings, t.rules, t.trust.Epoch)
	j.inner = make([][32]byte, len(j.read.Inner))
	for k, doc := range j.read.Inner {
		j.inner[k] = sha256.Sum256(doc)
	}
	j.content = kind.ContentHash(j.inner)
	j.class = retention.ClassOf(t.reader.Name(), j.read.Content)
	t.name(j)
	return j
}

// findings judges what was read. Trust adds its own: a certificate in its grace.
func (in *Intake) findings(j *judged, t *task) {
	j.findings = t.rules.Judge(j.read.Content, quality.Input{
		Kind: t.reader.Name(), Facility: t.facility, Received: t.received, Created: t.opened.Created(),
		Day: j.specDay(t), Unreadable: j.read.Unreadable,
		Directory: t.knows(),
	})
	if t.grace {
		j.findings = append(j.findings, dossier.Finding{Code: seal.FindingExpired, Severity: dossier.Warning})
	}
	j.findings = append(j.findings, trust.WayFinding(t.via, t.carried)...)
}

// marks says which checks of quality a dossier passes, nil where there is no sheet
// for its kind.
func (in *Intake) marks(kind string, j *judged, findings []dossier.Finding, received time.Time) score.Marks {
	if in.Scores == nil || j.read.Content == nil {
		return nil
	}
	if judge := in.Scores(kind); judge != nil {
		return judge.Mark(j.read.Content, findings, received)
	}
	return nil
}

// knows tells rules which facilities there are; nil where no directory is at hand.
func (t *task) knows() func(code string) bool {
	if t.trust == nil {
		return nil
	}
	return func(code string) bool {
		_, ok := t.trust.Current(care.FacilityCode(code))
		return ok
	}
}

// specDay chooses the rules' version of the tables: the one they were read by.
func (j *judged) specDay(t *task) int {
	if j.read.Spec != nil {
		return j.read.Spec.From
	}
	return clock.Day(t.received)
}

// name fills in what the dossier is asked for by. A rejected dossier is about
// nobody: it touches neither subject nor person.
func (t *task) name(j *judged) {
	v, facility := t.in.Vault, []byte(t.facility)
	reader := t.reader.Name()
	j.query = store.Query{Facility: t.facility, Kind: reader,
		Episode: v.HashAll(vault.Episode, facility, kind.EpisodeKey(j.read.Episode, j.read.Line)),
		Content: v.HashAll(vault.Content, facility, []byte(reader), []byte(j.read.Episode), j.content[:]),
	}
	if !j.verdict.State.IsAccepted() {
		return
	}
	if j.read.Replaces != "" {
		j.replaces = &store.Query{Facility: t.facility, Kind: reader,
			Episode: v.HashAll(vault.Episode, facility, kind.EpisodeKey(j.read.Replaces, j.read.Line))}
	}
	p := j.read.Patient
	j.patient = identity.Parse(identity.Said{LocalID: p.LocalID, Name: p.Name, CitizenID: p.CitizenID, Card: p.Card, Birth: p.Birth, Sex: p.Sex})
	if j.patient.LocalID == "" {
		return
	}
	j.query.Subject = v.HashAll(vault.Subject, facility, []byte(j.patient.LocalID))
	if len(j.patient.IDs) == 0 {
		return
	}
	j.name = v.HashAll(vault.Name, []byte(j.patient.Name))
	j.birth = v.HashAll(birthDomain, []byte(fmt.Sprint(j.patient.Birth.Day())))
	for _, id := range j.patient.IDs {
		j.query.Claims = append(j.query.Claims, v.HashAll(claimDomain(id.Type), []byte(id.Value)))
	}
}
