package looks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"

	"lienthong/internal/bench"
	"lienthong/internal/brake"
	"lienthong/internal/consent"
	"lienthong/internal/disclose"
	"lienthong/internal/policy"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// ScrapeConfig says who is looked at by one account.
type ScrapeConfig struct {
	Hub      Hub
	Patients []Patient
}

// Scraped is one account that goes through everybody.
type Scraped struct {
	Name    string        `json:"name"`
	Tried   int           `json:"tried"`
	Persons int           `json:"persons_shown"`
	Records int           `json:"records_shown"` // the disclosures
	At      int           `json:"cut_off_at"`    // the try that was first turned away; 0: never
	Later   int           `json:"shown_after"`   // asked: 0
	Took    time.Duration `json:"-"`
}

// ScrapeResult is how far each account came.
type ScrapeResult struct {
	Machine  bench.Machine `json:"machine"`
	Accounts []Scraped     `json:"accounts"`
}

// openAll makes an opening of everybody, eight at a time.
func (h *Hub) openAll(ctx context.Context, patients []Patient, basis policy.Basis, staff int) ([]consent.OpeningID, error) {
	out := make([]consent.OpeningID, len(patients))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i := range patients {
		group.Go(func() (err error) {
			out[i], err = h.begin(ctx, patients[i].Person, basis, staffOf(staff), consent.ID{})
			return err
		})
	}
	return out, group.Wait()
}

// Scrape goes through all patients with one account after the other, as though
// each of them had been there: a clinician who opens charts, one who lists, a
// clinician's emergencies, and a facility's system.
func Scrape(ctx context.Context, c ScrapeConfig) (ScrapeResult, error) {
	r := ScrapeResult{Machine: bench.ThisMachine()}
	present, err := c.Hub.openAll(ctx, c.Patients, policy.Presence, 1)
	if err != nil {
		return r, err
	}
	const emergencies = 3
	glass, err := c.Hub.openAll(ctx, c.Patients, policy.BreakGlass, emergencies)
	if err != nil {
		return r, err
	}
	d := c.Hub.Disclose
	chart := func(reader disclose.Reader, p store.PersonID) (int, error) {
		list, err := d.Chart(ctx, reader, p, 1)
		return len(list), err
	}
	system := disclose.Reader{Role: role.Role{Kind: role.Facility, ID: string(c.Hub.System.Facility)}, Name: "bench:system", Route: "bench"}
	for _, x := range []struct {
		name   string
		reader disclose.Reader
		under  []consent.OpeningID
		look   func(disclose.Reader, store.PersonID) (int, error)
	}{
		{"clinician, charts", c.Hub.clinician(staffOf(1), consent.OpeningID{}), present, chart},
		{"clinician, lists", c.Hub.clinician(staffOf(2), consent.OpeningID{}), present, func(reader disclose.Reader, p store.PersonID) (int, error) {
			list, err := d.Person(ctx, reader, p, store.Filter{Limit: 1})
			return len(list), err
		}},
		{"clinician, emergencies", c.Hub.clinician(staffOf(emergencies), consent.OpeningID{}), glass, func(reader disclose.Reader, p store.PersonID) (int, error) {
			list, err := d.EmergencySet(ctx, reader, p)
			return len(list), err
		}},
		{"facility's system", system, present, chart},
	} {
		s := Scraped{Name: x.name}
		began := time.Now()
		for i := range c.Patients {
			x.reader.Opening = x.under[i]
			n, err := x.look(x.reader, c.Patients[i].Person)
			s.Tried++
			switch {
			case errors.Is(err, brake.ErrCutOff):
				if s.At == 0 {
					s.At = s.Tried
				}
			case err != nil:
				return r, fmt.Errorf("%s: %w", x.name, err)
			case n > 0:
				if s.At > 0 {
					s.Later += n
				}
				s.Persons, s.Records = s.Persons+1, s.Records+n
			}
		}
		s.Took = time.Since(began)
		if r.Accounts = append(r.Accounts, s); s.Records == 0 {
			return r, bench.ErrHub.Because(errNone)
		}
	}
	return r, nil
}

// Print writes the result as a table for people.
func (r ScrapeResult) Print(w io.Writer) error {
	var rows []bench.Row
	for _, s := range r.Accounts {
		cut := "không bị chặn · NEVER CUT OFF"
		if s.At > 0 {
			cut = fmt.Sprintf("bị chặn ở lần · cut off at %d", s.At)
		}
		rows = append(rows, bench.Row{VI: "tài khoản", EN: s.Name, Value: fmt.Sprintf("%d người · people, %d hồ sơ · records, %s, sau đó · afterwards %d (%d lần thử · tries, %.1f s)",
			s.Persons, s.Records, cut, s.Later, s.Tried, s.Took.Seconds())})
	}
	return bench.PrintTable(w, "Một tài khoản xem hàng loạt", "One account looks at everybody", r.Machine, rows)
}
