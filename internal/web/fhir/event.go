package fhir

import (
	"encoding/hex"
	"net/url"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

type object = map[string]any

// bundle is a page of looks as a searchset.
func (d *Doors) bundle(asked url.Values, list []store.Disclosure, more, citizen bool) object {
	entries := make([]object, len(list))
	for i := range list {
		e := d.event(&list[i], citizen)
		entries[i] = object{"fullUrl": "/fhir/AuditEvent/" + e["id"].(string), "resource": e, "search": object{"mode": "match"}}
	}
	out := object{"resourceType": "Bundle", "type": "searchset", "timestamp": d.Clock.Now().UTC().Format(time.RFC3339), "entry": entries}
	if more && len(list) > 0 {
		asked.Set("_before", strconv.FormatInt(list[len(list)-1].ID, 10))
		out["link"] = []object{{"relation": "next", "url": "/fhir/AuditEvent?" + asked.Encode()}}
	}
	return out
}

func coding(system, code, display string) object {
	return object{"system": system, "code": code, "display": display}
}

const (
	auditType  = "http://terminology.hl7.org/CodeSystem/audit-event-type"
	dicom      = "http://dicom.nema.org/resources/ontology/DCM"
	entityType = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
	objectRole = "http://terminology.hl7.org/CodeSystem/object-role"
)

// event is one look: who (role, facility, member of staff by mark), when, what, and
// why it was allowed.
func (d *Doors) event(l *store.Disclosure, citizen bool) object {
	kind, sub := coding(auditType, "rest", "RESTful Operation"), coding("http://hl7.org/fhir/restful-interaction", "read", "read")
	if strings.HasPrefix(l.Role, string(role.Destination)) {
		kind, sub = coding(dicom, "110106", "Export"), coding("http://hl7.org/fhir/restful-interaction", "create", "create")
	}
	outcome := "0"
	if l.Count == 0 { // a refusal
		outcome = "4"
	}
	who := object{"value": l.Reader}
	if l.Staff != (care.Staff{}) {
		who = object{"system": "urn:lienthong:staff", "value": hex.EncodeToString(l.Staff[:])}
	}
	agent := object{"type": object{"coding": []object{coding(dicom, "110153", "Source Role ID")}}, "who": object{"identifier": who}, "requestor": true,
		"role": []object{{"coding": []object{coding("urn:lienthong:role", l.Role, l.Role)}}}, "policy": []string{"urn:lienthong:policy:" + l.Policy}}
	if l.Purpose != "" {
		agent["purposeOfUse"] = []object{{"coding": []object{coding("urn:lienthong:purpose", l.Purpose, l.Purpose)}}}
	}
	patient := "Patient/" + d.Reference(l.Facility, l.Person)
	if citizen {
		patient = "Patient/me"
	}
	entities := []object{}
	if l.Person != (store.PersonID{}) {
		entities = append(entities, object{"what": object{"reference": patient}, "type": coding(entityType, "1", "Person"), "role": coding(objectRole, "1", "Patient")})
	}
	if !l.Record.IsZero() {
		entities = append(entities, object{"what": object{"reference": "DocumentReference/" + l.Record.String()}, "type": coding(entityType, "2", "System Object"), "role": coding(objectRole, "4", "Domain Resource")})
	}
	e := object{"resourceType": "AuditEvent", "id": strconv.FormatInt(l.ID, 10), "type": kind, "subtype": []object{sub}, "action": "R", "recorded": l.At.UTC().Format(time.RFC3339Nano), "outcome": outcome,
		"purposeOfEvent": []object{{"coding": []object{coding("urn:lienthong:basis", l.Basis, l.Basis)}}},
		"agent":          []object{agent, {"type": object{"coding": []object{coding(dicom, "110152", "Destination Role ID")}}, "who": object{"display": d.Hub}, "requestor": false}},
		"source":         object{"observer": object{"display": d.Hub}, "type": []object{coding("http://terminology.hl7.org/CodeSystem/security-source-type", "4", "Application Server")}}, "entity": entities}
	if l.Reason != "" && !citizen {
		e["outcomeDesc"] = l.Reason
	}
	return e
}
