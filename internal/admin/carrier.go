package admin

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"lienthong/internal/care"
	"lienthong/internal/facility"
	"lienthong/internal/fault"
	"lienthong/internal/store"
)

var (
	// ErrCarrier: not an organisation that carries.
	ErrCarrier = fault.New(fault.Invalid, "carrier.unit",
		"Đơn vị chuyển hồ sơ cần mã (chữ thường, số, gạch nối, tối đa 32 ký tự), tên, và loại insurer, migration, province hoặc vendor.",
		"A carrier needs an id (lower-case letters, digits, hyphens, at most 32), a name, and the sort insurer, migration, province or vendor.")
	// ErrGrant: a grant that says too little or too much.
	ErrGrant = fault.New(fault.Invalid, "carrier.grant",
		"Quyền gửi thay cần một hệ thống (client hoặc đơn vị), cơ sở, lý do từ 3 đến 500 ký tự, và thời hạn có đầu trước cuối.",
		"A grant needs a system (client or unit), facilities, a reason of 3 to 500 characters, and a term whose beginning is before its end.")
	// ErrNoCarrier: no such credential or unit in use, or no grant to end.
	ErrNoCarrier = fault.New(fault.Absent, "carrier.unknown",
		"Không có hệ thống hoặc quyền gửi thay này.", "There is no such system or grant.")
)

// Carrier is an organisation that is no facility and carries files for some.
type Carrier struct {
	ID   string     `json:"id"`
	Sort string     `json:"sort"` // insurer, migration, province, vendor
	Name fault.Text `json:"name"`
}

// Grant lets systems send files for facilities: the seal must still be the
// facility's. One of Client and Of, one of Facility and AllOf.
type Grant struct {
	Client   string    `json:"client,omitempty"`
	Of       string    `json:"of,omitempty"`       // every credential in use of this unit or facility
	Facility string    `json:"facility,omitempty"` // MA_CSKCB
	AllOf    string    `json:"all_of,omitempty"`   // "province:79", "unit:ID", "vendor:NAME": the facilities of it at this moment
	Kinds    []string  `json:"kinds,omitempty"`    // none: all
	From     time.Time `json:"from,omitzero"`      // zero: now
	To       time.Time `json:"to,omitzero"`        // zero: open
	Reason   string    `json:"reason"`
}

// Granted is a grant as lists show it.
type Granted struct {
	Client   string     `json:"client"`
	Unit     string     `json:"unit"` // "" of a facility's own system
	Sort     string     `json:"sort"`
	Facility string     `json:"facility"`
	Kinds    []string   `json:"kinds"` // none: all
	From     time.Time  `json:"from"`
	To       *time.Time `json:"to"`
	Holds    bool       `json:"holds"` // now
}

var carrierID = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// AddCarrier registers an organisation that carries, or changes its name.
func (o *Office) AddCarrier(ctx context.Context, actor string, c Carrier) error {
	c.Name.VI, c.Name.EN = care.Clean(c.Name.VI), care.Clean(c.Name.EN)
	if !carrierID.MatchString(c.ID) || c.Name.VI == "" || c.Name.EN == "" ||
		!slices.Contains([]string{facility.SortInsurer, facility.SortMigration, facility.SortProvince, facility.SortVendor}, c.Sort) {
		return ErrCarrier
	}
	d, err := o.Facilities.Load(ctx)
	if err != nil {
		return err
	}
	if u, ok := d.Unit(c.ID); ok && u.Kind != c.Sort { // what it may send would change under its credentials
		return ErrCarrier
	}
	change := store.DirectoryChange{Units: []facility.Unit{{ID: c.ID, Name: c.Name, Kind: c.Sort}}}
	return o.change(ctx, change, actor, "carrier.register", c.ID, map[string]any{"sort": c.Sort})
}

// AddCarrierClient gives a carrier's system a credential, as AddClient does a facility's.
func (o *Office) AddCarrierClient(ctx context.Context, actor, unit string, spki []byte) (id, kid string, err error) {
	d, err := o.Facilities.Load(ctx)
	if err != nil {
		return "", "", err
	}
	if u, ok := d.Unit(unit); !ok || !carrierID.MatchString(u.ID) {
		return "", "", ErrNoCarrier
	}
	client, err := o.newClient(unit, spki)
	if err != nil {
		return "", "", err
	}
	client.Unit = unit
	change := store.DirectoryChange{Clients: []facility.Client{client}}
	return client.ID, client.KeyID, o.change(ctx, change, actor, "carrier.credential", unit, map[string]any{"client": client.ID, "kid": client.KeyID})
}

// GrantCarrier lets systems send for facilities and returns the grants made.
func (o *Office) GrantCarrier(ctx context.Context, actor string, g Grant) (int, error) {
	now := o.Clock.Now()
	if g.From.IsZero() {
		g.From = now
	}
	if !g.To.IsZero() && !g.To.After(g.From) || slices.Contains(g.Kinds, "") {
		return 0, ErrGrant
	}
	change, err := o.grants(ctx, &g, g.From, g.To)
	if err != nil {
		return 0, err
	}
	for i := range change.Carriers {
		change.Carriers[i].Kinds = g.Kinds
	}
	return len(change.Carriers), o.change(ctx, change, actor, "carrier.grant", g.object(), g.detail())
}

// EndCarrier ends what systems may send for facilities, from now on. It returns
// how many grants ended.
func (o *Office) EndCarrier(ctx context.Context, actor string, g Grant) (int, error) {
	now := o.Clock.Now()
	change, err := o.grants(ctx, &g, now, now)
	if err != nil {
		return 0, err
	}
	d, err := o.Facilities.Load(ctx)
	if err != nil {
		return 0, err
	}
	ended := 0
	change.Carriers = slices.DeleteFunc(change.Carriers, func(c facility.Carrier) bool {
		n := 0
		for _, held := range d.Carriers(c.Facility) {
			if held.Client == c.Client && (held.To.IsZero() || held.To.After(now)) {
				n++
			}
		}
		ended += n
		return n == 0
	})
	if ended == 0 {
		return 0, ErrNoCarrier
	}
	return ended, o.change(ctx, change, actor, "carrier.end", g.object(), g.detail())
}

// Granted lists grants: of a facility, of all for "".
func (o *Office) Granted(ctx context.Context, code string) ([]Granted, error) {
	d, err := o.Facilities.Load(ctx)
	if err != nil {
		return nil, err
	}
	return GrantsOf(d, care.FacilityCode(code), o.Clock.Now()), nil
}

// GrantsOf lists the grants of a facility, all for "", as of now.
func GrantsOf(d *facility.Directory, code care.FacilityCode, now time.Time) []Granted {
	list := []Granted{}
	for _, r := range d.Carriers(code) {
		g := Granted{Client: r.Client, Sort: d.Sort(r.Client), Facility: string(r.Facility), Kinds: append([]string{}, r.Kinds...), From: r.From}
		c, inUse := d.Client(r.Client)
		g.Unit, g.Holds = c.Unit, inUse && r.At(now)
		if !r.To.IsZero() {
			g.To = &r.To
		}
		list = append(list, g)
	}
	return list
}

func (g *Grant) object() string { return g.Client + g.Of + " " + g.Facility + g.AllOf }

func (g *Grant) detail() map[string]any {
	return map[string]any{"kinds": g.Kinds, "from": g.From, "to": g.To, "reason": g.Reason}
}

// grants are the rows of a grant: each client for each facility.
func (o *Office) grants(ctx context.Context, g *Grant, from, to time.Time) (store.DirectoryChange, error) {
	var change store.DirectoryChange
	g.Reason = strings.TrimSpace(g.Reason)
	if n := utf8.RuneCountInString(g.Reason); n < 3 || n > 500 || (g.Client == "") == (g.Of == "") || (g.Facility == "") == (g.AllOf == "") {
		return change, ErrGrant
	}
	d, err := o.Facilities.Load(ctx)
	if err != nil {
		return change, err
	}
	clients, codes := g.clients(d), g.facilities(d)
	if len(clients) == 0 {
		return change, ErrNoCarrier
	}
	if len(codes) == 0 {
		return change, ErrUnknown
	}
	for _, id := range clients {
		for _, code := range codes {
			if c, _ := d.Client(id); c.Facility != code {
				change.Carriers = append(change.Carriers, facility.Carrier{Client: id, Facility: code, From: from, To: to})
			}
		}
	}
	return change, nil
}

func (g *Grant) clients(d *facility.Directory) []string {
	var ids []string
	for _, c := range d.Contents().Clients {
		if _, inUse := d.Client(c.ID); inUse && (c.ID == g.Client || g.Of != "" && (c.Unit == g.Of || string(c.Facility) == g.Of)) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

func (g *Grant) facilities(d *facility.Directory) []care.FacilityCode {
	var codes []care.FacilityCode
	sort, id, _ := strings.Cut(g.AllOf, ":")
	for _, v := range d.All() {
		fits := string(v.Code) == g.Facility
		switch {
		case id == "":
		case sort == "province":
			fits = v.Province == id
		case sort == "unit":
			fits = v.Unit == id
		case sort == "vendor":
			fits = v.Vendor == id
		}
		if fits {
			codes = append(codes, v.Code)
		}
	}
	return codes
}
