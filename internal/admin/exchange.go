package admin

import (
	"cmp"
	"context"
	"encoding/json"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/exchange"
	"lienthong/internal/fault"
	"lienthong/internal/store"
)

var (
	// ErrDestinationID: not a name of a destination.
	ErrDestinationID = fault.New(fault.Invalid, "destination.id",
		"Tên nơi nhận gồm 1 đến 32 chữ thường không dấu, chữ số hoặc gạch nối.",
		"A destination's name is 1 to 32 lower-case letters, digits or hyphens.")
	// ErrDestination: an entry that cannot be.
	ErrDestination = fault.New(fault.Invalid, "destination.entry",
		"Mục nơi nhận không hợp lệ: kiểm tra địa chỉ, mục đích, tốc độ, số việc cùng lúc (1 đến 64) và tùy chọn dạng JSON.",
		"The destination's entry is not valid: check address, purpose, pace, attempts at once (1 to 64) and options as a JSON object.")
	// ErrPrivate: an address that only an entry approved as private may have.
	ErrPrivate = fault.New(fault.Invalid, "destination.private",
		"Địa chỉ này nằm trong mạng nội bộ hoặc trên chính máy này. Nếu đúng là vậy, thêm --private.",
		"This address is of a private network or of this machine. If that is meant, add --private.")
	// ErrDestinationUnknown: no such destination in use.
	ErrDestinationUnknown = fault.New(fault.Absent, "destination.unknown", "Không có nơi nhận nào mang tên này.", "No destination has this name.")
	// ErrDestinationDo: no such act.
	ErrDestinationDo = fault.New(fault.Invalid, "destination.act",
		"Thao tác phải là end, pause hoặc resume.", "The act must be end, pause or resume.")
	// ErrRoute: a route that cannot be.
	ErrRoute = fault.New(fault.Invalid, "route.entry",
		"Tuyến không hợp lệ: kiểm tra cơ sở, loại hồ sơ và cách gửi (relay, direct, mirror, pull, via_insurer, off).",
		"The route is not valid: check facility, kind and mode (relay, direct, mirror, pull, via_insurer, off).")
	// ErrSecret: nothing sealed was handed over.
	ErrSecret = fault.New(fault.Invalid, "destination.secret", "Thiếu thông tin đăng nhập.", "There is no credential.")
	// ErrSecretForm: what was handed over cannot be a credential.
	ErrSecretForm = fault.New(fault.Invalid, "destination.secret_form",
		"Thông tin đăng nhập phải là một đối tượng JSON như cầu nối của nơi nhận yêu cầu; chưa lưu gì.",
		"A credential is a JSON object as the destination's bridge wants it; nothing was kept.")
)

// ExchangeDeps is what acts on the ways out of records work with.
type ExchangeDeps struct {
	Destinations store.Destinations
	Secrets      store.Secrets
	Legs         store.Legs
	Files        Files
	// Of a hub that runs; nil elsewhere.
	CheckDestination func(exchange.Destination) error // what its bridge says of an entry
	WholeFiles       func(destination string) bool    // it is sent files as they are
}

// Destination is an entry an operator approves: where records may go.
type Destination struct {
	ID        string          `json:"id"`
	Adapter   string          `json:"adapter"`
	Name      fault.Text      `json:"name"`
	URL       string          `json:"url"`
	Private   bool            `json:"private,omitempty"`
	Options   json.RawMessage `json:"options,omitempty"`
	Purpose   string          `json:"purpose,omitempty"`
	Closed    bool            `json:"closed,omitempty"`
	PerSecond float64         `json:"per_second,omitempty"`
	Parallel  int             `json:"parallel,omitempty"` // default 4
	// As listed.
	Since   time.Time                       `json:"since,omitzero"`
	Paused  time.Time                       `json:"paused,omitzero"`
	Ended   time.Time                       `json:"ended,omitzero"`
	Secrets map[care.FacilityCode]time.Time `json:"secrets,omitempty"` // whose credential is kept ("" the hub's), since when
}

// Route is how a facility's records of a kind reach a destination.
type Route struct {
	Destination string        `json:"destination"`
	Facility    string        `json:"facility,omitempty"` // "": all
	Kind        string        `json:"kind,omitempty"`     // "": all
	Mode        exchange.Mode `json:"mode"`
	Since       time.Time     `json:"since,omitzero"`
}

// Exchange is where records go, as it is set.
type Exchange struct {
	Destinations []Destination `json:"destinations"`
	Routes       []Route       `json:"routes"`
}

var (
	destinationID = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)
	word          = regexp.MustCompile(`^[a-z0-9_-]{1,32}$`)
)

// PutDestination approves an entry, or changes one. What a bridge says of its
// options holds where the hub runs; else the courier says so when it begins.
func (o *Office) PutDestination(ctx context.Context, actor string, d Destination) error {
	d.Parallel = cmp.Or(d.Parallel, 4)
	if len(d.Options) == 0 {
		d.Options = json.RawMessage("{}")
	}
	if err := d.check(); err != nil {
		return err
	}
	now := o.Clock.Now()
	kept := exchange.Destination{ID: d.ID, Adapter: d.Adapter, Name: d.Name, URL: d.URL, Private: d.Private, Options: d.Options, Purpose: d.Purpose,
		Closed: d.Closed, PerSecond: d.PerSecond, Parallel: d.Parallel, Since: now}
	if old, err := o.destination(ctx, d.ID); err == nil {
		kept.Since, kept.Paused = old.Since, old.Paused
	} else if fault.KindOf(err) != fault.Absent {
		return err
	}
	if o.CheckDestination != nil {
		if err := o.CheckDestination(kept); err != nil {
			return err
		}
	}
	act, err := serviceAct(now, actor, "destination.put", d.ID, map[string]any{"adapter": d.Adapter, "url": d.URL, "private": d.Private, "purpose": d.Purpose,
		"closed": d.Closed, "per_second": d.PerSecond, "parallel": d.Parallel, "options": d.Options})
	if err != nil {
		return err
	}
	return o.Destinations.PutDestination(ctx, kept, act)
}

func (d *Destination) check() error {
	if !destinationID.MatchString(d.ID) {
		return ErrDestinationID
	}
	u, err := url.Parse(d.URL)
	var options map[string]any
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Fragment != "" || u.RawQuery != "" || len(d.URL) > 400,
		!word.MatchString(d.Adapter), !slices.Contains([]string{"", "payment", "statistics"}, d.Purpose),
		d.PerSecond < 0, d.PerSecond > 10_000, d.Parallel < 1, d.Parallel > 64, len(d.Options) > 64<<10,
		json.Unmarshal(d.Options, &options) != nil || options == nil,
		d.Name.VI == "", len(d.Name.VI)+len(d.Name.EN) > 400, store.CheckText(d.Name.VI, d.Name.EN, d.URL, string(d.Options)) != nil:
		return ErrDestination.Because(err)
	case !d.Private && inside(u.Hostname()):
		return ErrPrivate
	}
	return nil
}

// inside reports whether a host says of itself that it is not of the public
// internet. What a name leads to is looked at on every call (bridge/outbound).
func inside(host string) bool {
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(name)
	if err != nil {
		return false
	}
	a = a.Unmap().WithZone("")
	return a.IsLoopback() || a.IsPrivate() || a.IsUnspecified() || a.IsLinkLocalUnicast() || a.IsMulticast()
}

func (o *Office) destination(ctx context.Context, id string) (exchange.Destination, error) {
	all, _, err := o.Destinations.Destinations(ctx)
	if err != nil {
		return exchange.Destination{}, err
	}
	for _, d := range all {
		if d.ID == id && d.Ended.IsZero() {
			return d, nil
		}
	}
	return exchange.Destination{}, ErrDestinationUnknown
}

// The acts on a destination in use.
const (
	DestinationEnd    = "end"
	DestinationPause  = "pause"
	DestinationResume = "resume"
)

// DestinationDo ends, pauses or resumes a destination. One that is paused still
// begins legs: they wait. One that has ended begins none, and none are carried.
func (o *Office) DestinationDo(ctx context.Context, actor, id, do string) error {
	d, err := o.destination(ctx, id)
	if err != nil {
		return err
	}
	now := o.Clock.Now()
	switch do {
	case DestinationEnd:
		d.Ended = now
	case DestinationPause:
		d.Paused = now
	case DestinationResume:
		d.Paused = time.Time{}
	default:
		return ErrDestinationDo
	}
	act, err := serviceAct(now, actor, "destination."+do, id, map[string]any{})
	if err != nil {
		return err
	}
	return o.Destinations.PutDestination(ctx, d, act)
}

// PutRoute sets how records reach a destination.
func (o *Office) PutRoute(ctx context.Context, actor string, r Route) error {
	d, err := o.destination(ctx, r.Destination)
	if err != nil {
		return err
	}
	kept := exchange.Route{Destination: r.Destination, Kind: r.Kind, Mode: r.Mode, Since: o.Clock.Now()}
	modes := []exchange.Mode{exchange.Relay, exchange.Direct, exchange.Mirror, exchange.Pull, exchange.ViaInsurer, exchange.Off}
	if !slices.Contains(modes, r.Mode) || r.Kind != "" && !word.MatchString(r.Kind) {
		return ErrRoute
	}
	if r.Facility != "" {
		_, code, err := o.known(ctx, r.Facility)
		if err != nil {
			return err
		}
		kept.Facility = code
	}
	if err := o.oneWay(ctx, d, kept); err != nil {
		return err
	}
	act, err := serviceAct(kept.Since, actor, "route.put", r.Destination, map[string]any{"facility": r.Facility, "kind": r.Kind, "mode": r.Mode})
	if err != nil {
		return err
	}
	return o.Destinations.PutRoute(ctx, kept, act)
}

// CheckSecret says whether a credential has the form of one, a JSON object that
// is not empty. Who hands it over asks before it is sealed: after that nobody
// can. The error never tells what was in it.
func CheckSecret(plain []byte) error {
	var fields map[string]json.RawMessage
	if json.Unmarshal(plain, &fields) != nil || len(fields) == 0 {
		return ErrSecretForm
	}
	return nil
}

// PutSecret keeps the credential of a facility ("" of the hub) for a
// destination, sealed by who hands it over: no act, page or socket ever holds
// it open, and nobody reads it back.
func (o *Office) PutSecret(ctx context.Context, actor, destination, code string, sealed []byte) error {
	if len(sealed) == 0 {
		return ErrSecret
	}
	if _, err := o.destination(ctx, destination); err != nil {
		return err
	}
	whose := care.FacilityCode("")
	if code != "" {
		var err error
		if _, whose, err = o.known(ctx, code); err != nil {
			return err
		}
	}
	act, err := serviceAct(o.Clock.Now(), actor, "destination.secret", destination, map[string]any{"facility": code})
	if err != nil {
		return err
	}
	return o.Secrets.PutSecret(ctx, destination, whose, sealed, act)
}

// Exchange lists destinations, ended ones too, and the routes that hold.
func (o *Office) Exchange(ctx context.Context) (Exchange, error) {
	all, routes, err := o.Destinations.Destinations(ctx)
	if err != nil {
		return Exchange{}, err
	}
	out := Exchange{Destinations: []Destination{}, Routes: []Route{}}
	for _, d := range all {
		s, err := o.Secrets.Secrets(ctx, d.ID)
		if err != nil {
			return Exchange{}, err
		}
		out.Destinations = append(out.Destinations, Destination{ID: d.ID, Adapter: d.Adapter, Name: d.Name, URL: d.URL, Private: d.Private, Options: d.Options,
			Purpose: d.Purpose, Closed: d.Closed, PerSecond: d.PerSecond, Parallel: d.Parallel, Since: d.Since, Paused: d.Paused, Ended: d.Ended, Secrets: s})
	}
	for _, r := range routes {
		out.Routes = append(out.Routes, Route{r.Destination, string(r.Facility), r.Kind, r.Mode, r.Since})
	}
	slices.SortFunc(out.Destinations, func(a, b Destination) int { return strings.Compare(a.ID, b.ID) })
	return out, nil
}
