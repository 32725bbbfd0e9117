package share

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/go-jose/go-jose/v4"

	"lienthong/internal/care"
	"lienthong/internal/chart"
	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
)

// payload writes each record as a FHIR document and seals it under the key.
func (d *Desk) payload(ctx context.Context, reader disclose.Reader, key []byte, ids []dossier.ID) ([]byte, error) {
	encrypter, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.DIRECT, Key: key},
		(&jose.EncrypterOptions{Compression: jose.DEFLATE}).WithContentType(FHIRDocument))
	if err != nil {
		return nil, fmt.Errorf("share: %w", err)
	}
	var pieces []piece
	met := map[dossier.ID]bool{}
	for _, id := range ids {
		if met[id] {
			continue
		}
		met[id] = true
		o, err := d.Opener.Open(ctx, reader, id)
		if err != nil {
			return nil, err
		}
		document, err := Document(o, d.Names(id.Facility), d.Clock.Now())
		if err != nil {
			return nil, err
		}
		sealed, err := encrypter.Encrypt(document)
		if err != nil {
			return nil, fmt.Errorf("share: encrypting: %w", err)
		}
		compact, err := sealed.CompactSerialize()
		if err != nil {
			return nil, fmt.Errorf("share: encrypting: %w", err)
		}
		pieces = append(pieces, piece{Record: id.String(), Type: FHIRDocument, JWE: compact})
	}
	b, err := json.Marshal(pieces)
	if err != nil {
		return nil, fmt.Errorf("share: %w", err)
	}
	if len(b) > mostPayload {
		return nil, ErrLarge
	}
	return b, nil
}

// obj is a JSON object.
type obj map[string]any

// Document writes an opened record as a FHIR R4 document (a Bundle that begins
// with a Composition): whose it is, who wrote it, and the problems, medicines,
// results and allergies it states. What a record does not state is not there; no
// number of a person is in it.
func Document(o *disclose.Opened, facility string, now time.Time) ([]byte, error) {
	r := &o.Record
	c := chart.Read([]chart.Entry{{ID: r.ID, Kind: r.Kind, Received: r.Received, Version: r.Version, State: r.State(), Read: o.Read, View: o.View}}, now)
	b := &bundle{id: r.ID.String()}
	author := obj{"resourceType": "Organization", "identifier": []obj{{"value": string(r.ID.Facility)}}, "name": named(facility, string(r.ID.Facility))}
	patient := obj{"resourceType": "Patient"}
	if p := o.Read.Patient; p.Name != "" {
		patient["name"] = []obj{{"text": care.Clean(p.Name)}}
	}
	if m, err := care.ParseMoment(o.Read.Patient.Birth); err == nil && m.Precision() >= care.ByYear {
		patient["birthDate"] = date(chart.When{Moment: m})
	}
	if x, err := care.ParseSex(o.Read.Patient.Sex); err == nil {
		patient["gender"] = gender(x)
	}
	subject, by := b.add(patient), b.add(author)
	title := r.Kind
	var when = r.Received.UTC().Format(time.RFC3339)
	if len(c.Visits) > 0 {
		v := &c.Visits[0]
		if len(v.Documents) > 0 && v.Documents[0].Title.VI != "" {
			title = v.Documents[0].Title.VI
		}
	}
	sections := b.sections(c, subject)
	composition := obj{"resourceType": "Composition", "status": "final", "type": obj{"coding": []obj{{"system": "http://loinc.org", "code": "34133-9"}}, "text": title},
		"subject": subject, "date": when, "author": []obj{by}, "title": title}
	if len(sections) > 0 {
		composition["section"] = sections
	}
	b.first(composition)
	out, err := json.Marshal(obj{"resourceType": "Bundle", "type": "document", "timestamp": now.UTC().Format(time.RFC3339),
		"identifier": obj{"system": "urn:lienthong:record", "value": r.ID.String()}, "entry": b.entries})
	if err != nil {
		return nil, fmt.Errorf("share: writing a document: %w", err)
	}
	return out, nil
}

type bundle struct {
	id      string
	n       int
	entries []obj
}

// add adds a resource and returns a reference to it.
func (b *bundle) add(resource obj) obj {
	b.n++
	address := "urn:lienthong:" + b.id + ":" + strconv.Itoa(b.n)
	b.entries = append(b.entries, obj{"fullUrl": address, "resource": resource})
	return obj{"reference": address}
}

func (b *bundle) first(resource obj) {
	b.add(resource)
	last := len(b.entries) - 1
	b.entries = append([]obj{b.entries[last]}, b.entries[:last]...)
}

// sections writes what the record states, one section a sort (LOINC codes of the IPS).
func (b *bundle) sections(c *chart.Chart, subject obj) []obj {
	var out []obj
	section := func(code, title string, refs []obj) {
		if len(refs) > 0 {
			out = append(out, obj{"title": title, "code": obj{"coding": []obj{{"system": "http://loinc.org", "code": code}}}, "entry": refs})
		}
	}
	var refs []obj
	for _, p := range c.Problems {
		x := obj{"resourceType": "Condition", "subject": subject, "code": concept("http://hl7.org/fhir/sid/icd-10", p.Code, p.Name)}
		if s := p.First.String(); s != "" {
			x["recordedDate"] = s
		}
		refs = append(refs, b.add(x))
	}
	section("11450-4", "Chẩn đoán", refs)
	refs = nil
	for _, m := range c.Medicines(36500) { // all that the record orders
		for _, line := range m.Lines {
			x := obj{"resourceType": "MedicationRequest", "status": "unknown", "intent": "order", "subject": subject,
				"medicationCodeableConcept": obj{"text": joined(line.Name, line.Strength)}}
			if use := joined(line.Dose, line.Use); use != "" {
				x["dosageInstruction"] = []obj{{"text": use}}
			}
			if s := line.From.String(); s != "" {
				x["authoredOn"] = s
			}
			refs = append(refs, b.add(x))
		}
	}
	section("10160-0", "Thuốc", refs)
	refs = nil
	for _, series := range c.Results {
		for i := range series.Points {
			refs = append(refs, b.add(observation(&series.Points[i], subject)))
		}
	}
	section("30954-2", "Kết quả", refs)
	refs = nil
	for _, item := range c.Allergies.Items {
		if item.Says == chart.Recorded {
			refs = append(refs, b.add(obj{"resourceType": "AllergyIntolerance", "patient": subject, "code": obj{"text": joined(item.Text, item.Label.VI)}}))
		}
	}
	section("48765-2", "Dị ứng", refs)
	return out
}

func observation(r *chart.Result, subject obj) obj {
	x := obj{"resourceType": "Observation", "status": "final", "subject": subject, "code": concept("", r.Code, r.Name)}
	if s := r.Source.At.String(); s != "" {
		x["effectiveDateTime"] = s
	}
	switch {
	case r.Number != nil && r.Unit != "":
		x["valueQuantity"] = obj{"value": *r.Number, "unit": r.Unit}
	case r.Value != "":
		x["valueString"] = joined(r.Value, r.Unit)
	default:
		x["dataAbsentReason"] = obj{"text": "not stated"}
	}
	if r.Note != "" {
		x["note"] = []obj{{"text": r.Note}}
	}
	return x
}

func concept(system, code, text string) obj {
	x := obj{}
	if code != "" {
		coding := obj{"code": code}
		if system != "" {
			coding["system"] = system
		}
		x["coding"] = []obj{coding}
	}
	if text != "" || code == "" {
		x["text"] = named(text, "?")
	}
	return x
}

func named(name, otherwise string) string {
	if name == "" {
		return otherwise
	}
	return name
}

func joined(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + " " + b
}

// date is a FHIR date: a day at most.
func date(w chart.When) string {
	s := w.String()
	return s[:min(len(s), len(time.DateOnly))]
}

func gender(x care.Sex) string {
	switch x {
	case care.Male:
		return "male"
	case care.Female:
		return "female"
	}
	return "unknown"
}
