// Package looks measures what stands between a record and its reader: how long a
// decision takes, how soon a revocation acts, whether any look is missing from the
// log, and what is told to whom who has no basis. It works on a hub in the same
// process, or, where processes are killed, on one of its own.
//
// It asserts nothing; the caller starts the hub, sends the dossiers and prints.
package looks

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"lienthong/internal/bench"
	"lienthong/internal/care"
	"lienthong/internal/choice"
	"lienthong/internal/consent"
	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/matter"
	"lienthong/internal/policy"
	"lienthong/internal/reading"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// Hub is the hub that is looked at, and the facility that looks: one that wrote
// nothing itself.
type Hub struct {
	Slices   *store.Slices
	Disclose *disclose.Discloser
	Reading  *reading.Desk
	Choices  *choice.Desk
	URL      string
	System   System
	Number   string // of a temporary identity, which emergencies of this run are opened for
	Closed   bool   // Patients takes HIV patients
}

// isClosed reports whether a record is of a closed class, or has a table of one.
func isClosed(documents uint32) bool {
	return care.ClassesOf(documents) != 0 || documents&(1<<6|1<<15) != 0
}

// System is the software of the facility that looks.
type System struct {
	Facility care.FacilityCode
	Client   string
	KeyID    string
	Key      *ecdsa.PrivateKey
	Token    func(ctx context.Context) (string, error)
}

// Patient is somebody of whom other facilities wrote.
type Patient struct {
	Person  store.PersonID
	Records []dossier.ID // newest first
	Closed  []dossier.ID // those of them that are HIV patients', where they were asked for
	Number  string       // SO_CCCD
	Name    string
	Birth   string // as the dossier has it
}

// Patients returns grown people with at least least records among the newest scanned
// ones that can be opened, at most want of them.
func (h *Hub) Patients(ctx context.Context, scanned, want, least int) ([]Patient, error) {
	by, order := map[store.PersonID]*Patient{}, []store.PersonID{}
	f := store.Filter{Limit: 1000}
	for seen := 0; seen < scanned; {
		rows, more, err := h.Slices.Records.List(ctx, role.Scope{All: true}, f)
		if err != nil {
			return nil, err
		}
		for i := range rows {
			r := &rows[i]
			seen++
			f.Before = store.Cursor{At: r.Received, ID: r.ID}
			if !r.State().IsAccepted() || r.Person == (store.PersonID{}) || r.ID.Facility == h.System.Facility || r.Verdict.Pack == bench.FillPack || !h.Closed && isClosed(r.Documents) {
				continue
			}
			p := by[r.Person]
			if p == nil {
				p = &Patient{Person: r.Person}
				by[r.Person], order = p, append(order, r.Person)
			}
			p.Records = append(p.Records, r.ID)
			if care.ClassesOf(r.Documents)&care.HIV != 0 || r.Documents&(1<<6) != 0 {
				p.Closed = append(p.Closed, r.ID)
			}
		}
		if !more || len(rows) == 0 {
			break
		}
	}
	var out []Patient
	for _, id := range order {
		p := by[id]
		if len(p.Records) < least || h.Closed && len(p.Closed) == 0 {
			continue
		}
		if err := h.know(ctx, p); err != nil {
			return nil, err
		}
		if p.Number == "" || !p.grown(time.Now()) {
			continue
		}
		found, err := h.Reading.Find(ctx, reading.Who{Facility: h.System.Facility, Staff: staffOf(1<<20 + len(out))}, p.Number)
		if err != nil {
			return nil, err
		}
		if found.Person != p.Person { // two records of one number that the hub does not hold for one person
			continue
		}
		if out = append(out, *p); len(out) == want {
			return out, nil
		}
	}
	if len(out) == 0 {
		return nil, bench.ErrCorpus.Because(fmt.Errorf("nobody of %d people has %d records and a number", len(order), least))
	}
	return out, nil
}

// know reads who a person is out of their newest record, as its author reads it.
func (h *Hub) know(ctx context.Context, p *Patient) error {
	id := p.Records[0]
	o, err := h.Disclose.Open(ctx, disclose.Reader{Role: role.Role{Kind: role.Facility, ID: string(id.Facility)}, Name: "bench", Route: "bench"}, id)
	if err != nil {
		return err
	}
	p.Number, p.Name, p.Birth = o.Read.Patient.CitizenID, o.Read.Patient.Name, o.Read.Patient.Birth
	return nil
}

// grown reports whether somebody decides alone about their records: a child does not.
func (p *Patient) grown(now time.Time) bool {
	born, err := care.ParseDate(p.Birth)
	return err == nil && born.Time().AddDate(18, 0, 1).Before(now)
}

// begin makes an opening of the facility that looks, as though its basis had been proved.
func (h *Hub) begin(ctx context.Context, person store.PersonID, basis policy.Basis, staff care.Staff, with consent.ID) (consent.OpeningID, error) {
	now := time.Now().UTC()
	o := consent.Opening{Person: person, Facility: h.System.Facility, Basis: string(basis), Purpose: consent.Treatment, Staff: staff, How: "phone_code",
		From: now, Until: now.Add(time.Hour), Consent: with}
	switch basis {
	case policy.BreakGlass:
		o.How, o.Reason = "break_glass", strings.TrimSpace(h.Number+" bench")
	case policy.ByConsent:
		o.How = "consent"
	}
	if _, err := rand.Read(o.ID[:]); err != nil {
		return o.ID, fmt.Errorf("bench: %w", err)
	}
	act := store.Act{At: now, Actor: "bench", Action: "opening.begin", Object: string(o.Facility), Detail: "{}"}
	return o.ID, h.Slices.Openings.Begin(ctx, o, matter.Notice{Person: person, At: now, Kind: "opening." + o.Basis, About: fmt.Sprintf("%x", o.ID), Detail: "{}"}, nil, act)
}

// clinician reads at the facility under an opening.
func (h *Hub) clinician(staff care.Staff, o consent.OpeningID) disclose.Reader {
	return disclose.Reader{Role: role.Role{Kind: role.Clinician, ID: string(h.System.Facility)}, Name: "bench:" + fmt.Sprintf("%x", staff[:4]), Route: "bench", Staff: staff, Opening: o}
}

// staffOf is a member of staff by number.
func staffOf(n int) care.Staff { return care.Staff{0xbe, byte(n >> 16), byte(n >> 8), byte(n), 1} }

const summaryPath = "/api/v1/his/summary"

// ask asks at the door of facilities' own systems for a person's summary.
func (h *Hub) ask(ctx context.Context, licence, number string) ([]byte, error) {
	now := time.Now()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: h.System.Key}, (&jose.SignerOptions{}).WithType("clinician+jwt").WithHeader("kid", h.System.KeyID))
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	word, err := jwt.Signed(signer).Claims(map[string]any{"iss": string(h.System.Facility), "aud": h.URL + summaryPath, "iat": now.Unix(), "exp": now.Add(50 * time.Second).Unix(),
		"jti": rand.Text(), "licence": licence, "name": "BS. Đo Thử", "patient": number, "purpose": "treatment"}).Serialize()
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	body, err := json.Marshal(map[string]string{"assertion": word})
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	return h.post(ctx, summaryPath, string(body))
}

// post sends JSON with the system's token and returns the body of an answer 200.
func (h *Hub) post(ctx context.Context, path, body string) ([]byte, error) {
	token, err := h.System.Token(ctx)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL+path, strings.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	return answered(http.DefaultClient.Do(req))
}

// answered is the body of an answer 200; of another ErrTurnedAway or bench.hub.
func answered(res *http.Response, err error) ([]byte, error) {
	if err != nil {
		return nil, bench.ErrHub.Because(err)
	}
	defer res.Body.Close() // read to its end
	b, err := io.ReadAll(io.LimitReader(res.Body, 32<<20))
	switch {
	case err != nil:
		return nil, bench.ErrHub.Because(err)
	case res.StatusCode == http.StatusTooManyRequests, res.StatusCode == http.StatusServiceUnavailable:
		return nil, bench.ErrTurnedAway
	case res.StatusCode != http.StatusOK:
		return nil, bench.ErrHub.Because(fmt.Errorf("status %d: %.200s", res.StatusCode, b))
	}
	return b, nil
}

// errNone: what was to be measured is not there.
var errNone = errors.New("the control shows nothing")
