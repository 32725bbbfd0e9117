package hub_test

import (
	"strings"
	"testing"

	"lienthong/internal/web/api"
	"lienthong/internal/web/databases"
	"lienthong/internal/web/fhir"
	"lienthong/internal/web/gateway"
	"lienthong/internal/web/his"
	"lienthong/internal/web/portal"
	"lienthong/internal/web/tlog"
)

// harmless are the routes by which no clinical content and no list of a person's
// records leaves, by why. A route that is neither here nor marked as one that
// discloses fails the walk: whoever adds it says which it is.
var harmless = map[string]string{
	"quality as counts, and ids of records that fail a check, as lists of messages have them": `GET /quality; GET /quality.csv; GET /quality/checks; GET /quality/checks.csv;
		GET /quality/check; GET /quality/check.csv; GET /quality/records; GET /quality/fields; POST /quality/fields`,
	"the frame of the site, open to all: no record is read": `GET /{$}; GET /login; POST /login; POST /logout; POST /language; POST /theme; GET /try; GET /how; GET /check; POST /check;
		GET /openapi.json; POST /api/token/take`,
	"logging in and what one's own account is: nothing of a patient": `GET /login/vneid; GET /login/staff; GET /oidc/callback; POST /login/role; GET /account; POST /account/end;
		GET /account/step-up; POST /account/step-up; GET /account/step-up/vneid; GET /account/factor; POST /account/factor; GET /his/{token}; POST /his/{token}`,
	"how everybody takes part, as counts (masked.Sums); systems by open fields; public numbers by whole months, none below ten": `GET /province; POST /province/targets;
		POST /province/enrolments/{client}/{what}; GET /league; GET /league.csv; GET /statement; GET /statement.csv; GET /benefit; GET /systems; GET /public; GET /public.csv; GET /public.json`,
	"counts, masked below ten": `GET /overview; GET /overview/live; GET /provinces; GET /facilities; GET /facilities.csv; GET /software; GET /software.csv;
		GET /api/v1/stats/counts; GET /api/v1/stats/books; GET /api/v1/carriers; GET /api/v1/mirror`,
	"what was received and found by place and code, within the rows of the role, closed classes masked (masked.Metadata)": `POST /search; GET /messages; GET /messages.csv;
		GET /refused; GET /refused.csv; GET /rejects; GET /rejects.csv; GET /api/v1/records; GET /api/v1/records/{id}; GET /api/v1/records/{id}/timeline; GET /api/v1/refusals`,
	"a receipt: verdict, places and digests, no content": `GET /records/{id}/receipt; GET /records/{id}/print; GET /api/v1/records/{id}/receipt; GET /api/v1/records/{id}/legs/{destination}/receipt`,
	"a facility's own sending, answered to itself by place and code": `GET /today; GET /upload; POST /upload; POST /upload/send; POST /api/v1/submissions; POST /api/v1/records/{id}/withdraw;
		GET /api/v1/rules; GET /api/v1/feed; PUT /api/v1/manifests/{date}; GET /api/v1/manifests; POST /api/qd130/guiHoSoXmlQD4750; POST /api/qd130/guiHoSoXmlQD3176; POST /api/qd130/guiHoSoXmlQD130;
		POST /api/qd130/checkInKcbQD4750; POST /api/qd130/checkInKcbQD3176; POST /api/qd130/checkInKcbQD130; GET /api/kcb/tra-cuu-trang-thai/{ref}; POST /api/v1/enrolments`,
	"where records go and how it stands, closed ones left out (masked.Legs)": `GET /legs; POST /legs/act; GET /legs/acts; GET /legs/acts/{move}; POST /legs/acts/{move}/cancel;
		POST /records/{id}/legs/{destination}/send; GET /reconciliation; GET /enrolments; POST /enrolments/{client}/approve; POST /enrolments/{client}/dismiss; GET /alarms; POST /alarms/{alarm}/acknowledge;
		GET /api/v1/legs; GET /api/v1/legs/actions; POST /api/v1/legs/actions; GET /api/v1/legs/actions/{action}; POST /api/v1/legs/actions/{action}/cancel; GET /api/v1/destinations;
		GET /api/v1/records/{id}/legs; POST /api/v1/records/{id}/legs/{destination}/send`,
	"who did and who looked, no content": `GET /access; GET /acts; GET /api/v1/disclosures; GET /me/looks; GET /me/looks/{look}; POST /me/looks/{look}; GET /counter/{visit}/looks; GET /fhir/AuditEvent; GET /fhir/metadata`,
	"a form, or the step before a basis stands: nothing is known of a person yet": `GET /patients; POST /patients/presence; POST /patients/presence/shown; POST /patients/presence/chip; POST /patients/presence/code;
		POST /patients/presence/told; POST /patients/referral; POST /patients/consent; POST /patients/consent/asked; GET /openings/{opening}/why; POST /openings/{opening}/end; POST /api/v1/his/openings;
		GET /emergency; POST /emergency; GET /emergency/at/{ref}; GET /emergency/at/{ref}/wristband; POST /emergency/at/{ref}/search; POST /emergency/at/{ref}/open; POST /emergency/at/{ref}/card;
		POST /emergency/at/{ref}/propose; POST /emergency/at/{ref}/second; POST /emergency/at/{ref}/release; POST /emergency/at/{ref}/undo; POST /emergency/set/{id}/renew; GET /counter; POST /counter; POST /counter/{visit}/end`,
	"what a citizen says and asks for, in their own words: no record is opened": `POST /me/for; POST /me/large; POST /me/download; GET /me/choices/history/{say}; POST /counter/{visit}/code; GET /counter/{visit}/people; POST /counter/{visit}/people; POST /me/notices/seen; POST /me/choices/preview; POST /me/choices/close; POST /me/choices/open; POST /me/choices/end;
		POST /me/choices/withdraw; GET /me/choices/answer/{say}; POST /me/choices/answer/{say}; GET /me/choices/receipt/{say}; POST /me/choices/people/end; POST /me/share/end; GET /me/download; GET /me/requests; POST /me/requests;
		GET /me/requests/{number}; POST /me/requests/{number}/withdraw; GET /counter/{visit}; POST /counter/{visit}/say; GET /counter/{visit}/receipt/{say};
		POST /me/own/edit; POST /me/own/withdraw; GET /counter/{visit}/own; POST /counter/{visit}/own`,
	"what officers answer and auditors ask: who looked, kinds and dates, no content": `GET /privacy; GET /privacy/cases/{number}; POST /privacy/cases/{number}; POST /privacy/lift; POST /privacy/unlock;
		GET /privacy/breaches; POST /privacy/breaches; GET /privacy/breaches/{number}; POST /privacy/breaches/{number}; GET /privacy/breaches/{number}/report; GET /privacy/breaches/{number}/report.json;
		GET /privacy/breaches/{number}/report.pdf; GET /audit; POST /audit; GET /audit/{query}; POST /audit/{query}/export.json; POST /audit/{query}/export.csv`,
	"rules: texts, places, codes, counts and ids of records; what replays records is logged by package replay": `GET /rulebook; POST /rulebook; GET /rulebook/{book}; POST /rulebook/{book};
		POST /rulebook/{book}/do; GET /rulebook/{book}/rehearsal; GET /rulebook/{book}/diff`,
	"what databases there are, and entries typed in": `GET /api/v1/databases; GET /api/v1/databases/openapi.json; GET /api/v1/databases/{database}; POST /api/v1/databases/{database}/entries;
		GET /api/v1/databases/{database}/sources; POST /api/v1/databases/{database}/sources/{source}/again`,
	"what cleaning proposes: fields in the clear that the reader sees, sealed ones as the same or other; what ran at night": `GET /cleaning; POST /cleaning; GET /cleaning/{id}; GET /night`,
	"databases as declared, their states, grants and imports as counts, and acts on them that answer with a way on": `GET /databases; GET /databases/new; POST /databases/new; GET /databases/{id};
		GET /databases/{id}/declaration.yaml; POST /databases/{id}/grants; POST /databases/{id}/grants/{grant}/end; GET /databases/{id}/imports; POST /databases/{id}/imports;
		POST /databases/{id}/steps; GET /databases/{id}/feeds; POST /databases/{id}/feeds; GET /databases/{id}/feeds.csv`,
	"figures: counts with how they are made, pinned as statements": `GET /figures; GET /figures/{id}; POST /figures/{id}/pin; GET /statements/{id}; GET /statements/{id}/json; GET /statements/{id}/csv; POST /statements/{id}/recompute;
		POST /league/pin; GET /public/{statement}; GET /wall; GET /overview/use`,
	"units, their tasks and programmes: titles, days and counts, digits of a person refused": `GET /tasks; GET /tasks.csv; POST /tasks/bulk; POST /tasks/limits; GET /tasks/new; POST /tasks/new; GET /tasks/report;
		GET /tasks/report.csv; GET /tasks/report.pdf; GET /tasks/{number}; POST /tasks/{number}; GET /units; POST /units; GET /units.csv; GET /units/{id}; POST /units/{id};
		GET /programmes; POST /programmes; GET /programmes.csv`,
	"hashes and signatures of the log": `GET /ledger/{log}/checkpoint; GET /ledger/{log}/cosigned; GET /ledger/{log}/consistency; GET /ledger/{log}/tile/{path...}; GET /ledger/{log}/stamps; GET /ledger/{log}/stamp/{size};
		POST /witness/add-checkpoint`,
}

// discloses walks every table of routes of the hub.
func discloses() map[string]bool {
	out := map[string]bool{}
	for _, r := range portal.Routes() {
		out[r.Method+" "+r.Pattern] = r.Discloses
	}
	for _, r := range api.Routes() {
		out[r.Method+" "+r.Pattern] = r.Discloses()
	}
	for _, r := range his.Routes() {
		out[r.Method+" "+r.Pattern] = r.Discloses
	}
	for _, r := range tlog.Routes() {
		out[r.Method+" "+r.Pattern] = false
	}
	for _, r := range fhir.Routes() {
		out[r.Method+" "+r.Pattern] = false
	}
	for _, r := range databases.Routes() {
		out[r.Method+" "+r.Pattern] = r.Discloses
	}
	for r, d := range gateway.Doors() {
		out[r] = d
	}
	return out
}

// TestEveryRouteDisclosesOrIsHarmless: a new route fails until somebody says
// which it is; one that is said to be both, or is gone, fails too.
func TestEveryRouteDisclosesOrIsHarmless(t *testing.T) {
	t.Parallel()
	all, said := discloses(), map[string]bool{}
	for why, list := range harmless {
		for _, r := range strings.Split(list, ";") {
			r = strings.TrimSpace(r)
			does, there := all[r]
			if said[r] || does || !there {
				t.Errorf("%q (%s): said twice %v, discloses %v, is a route %v", r, why, said[r], does, there)
			}
			said[r] = true
		}
	}
	n := 0
	for r, does := range all {
		if does {
			n++
		} else if !said[r] {
			t.Errorf("%q is neither marked as one that discloses nor said to be harmless", r)
		}
	}
	if n < 20 {
		t.Errorf("only %d routes disclose: the marks are gone", n)
	}
}

// The rule must be able to fail: what is known to show content is marked.
func TestWhatShowsContentIsMarked(t *testing.T) {
	t.Parallel()
	all := discloses()
	for _, r := range []string{"GET /records/{id}", "POST /records/{id}/open", "GET /records/{id}/original", "GET /openings/{opening}", "GET /openings/{opening}/records/{id}", "GET /emergency/set/{id}",
		"GET /me/health", "GET /me/records/{id}", "GET /me/download/lienthong.json", "GET /api/v1/records/{id}/content", "GET /api/v1/records/{id}/evidence", "GET /api/v1/records/{id}/papers/{n}", "POST /api/v1/his/summary",
		"POST /api/egw/KQNhanLichSuKCB2024"} {
		if !all[r] {
			t.Errorf("%s is not marked", r)
		}
	}
}
