package admin_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/exchange"
	"lienthong/internal/facility"
	"lienthong/internal/fault"
	"lienthong/internal/store"
)

// ways keeps destinations, routes and secrets in memory, with their acts.
type ways struct {
	store.Facilities
	destinations []exchange.Destination
	routes       []exchange.Route
	secrets      map[string][]byte
	acts         []store.Act
}

func (w *ways) Load(context.Context) (*facility.Directory, error) {
	return facility.NewDirectory(facility.Contents{Versions: []facility.Version{{ID: 1, Code: "79901", Name: "A", Province: "79", From: time.Unix(0, 0)}}}), nil
}

func (w *ways) Destinations(context.Context) ([]exchange.Destination, []exchange.Route, error) {
	return slices.Clone(w.destinations), w.routes, nil
}

func (w *ways) PutDestination(_ context.Context, d exchange.Destination, act store.Act) error {
	w.destinations = append(slices.DeleteFunc(w.destinations, func(x exchange.Destination) bool { return x.ID == d.ID }), d)
	w.acts = append(w.acts, act)
	return nil
}

func (w *ways) PutRoute(_ context.Context, r exchange.Route, act store.Act) error {
	w.routes, w.acts = append(w.routes, r), append(w.acts, act)
	return nil
}

func (w *ways) PutSecret(_ context.Context, destination string, code care.FacilityCode, sealed []byte, act store.Act) error {
	w.secrets[destination+"/"+string(code)] = sealed
	w.acts = append(w.acts, act)
	return nil
}

func (w *ways) Secret(context.Context, string, care.FacilityCode) ([]byte, error) {
	return nil, errors.New("nobody here reads a secret")
}

func (w *ways) Secrets(_ context.Context, destination string) (map[care.FacilityCode]time.Time, error) {
	out := map[care.FacilityCode]time.Time{}
	for k := range w.secrets {
		if to, code, _ := strings.Cut(k, "/"); to == destination {
			out[care.FacilityCode(code)] = time.Unix(1, 0)
		}
	}
	return out, nil
}

// epochs gives ways the epoch of destinations, not of the directory.
type epochs struct{ *ways }

func (epochs) Epoch(context.Context) (int64, error) { return 0, nil }

func deliveryOffice(check func(exchange.Destination) error) (*admin.Office, *ways, *clock.Fake) {
	w, c := &ways{secrets: map[string][]byte{}}, clock.NewFake(time.Date(2026, 11, 21, 5, 0, 0, 0, time.UTC))
	return admin.New(admin.Deps{Facilities: w, Clock: c, ExchangeDeps: admin.ExchangeDeps{Destinations: epochs{w}, Secrets: w, CheckDestination: check}}), w, c
}

func book() admin.Destination {
	return admin.Destination{ID: "so", Adapter: "vneid", Name: fault.Text{VI: "Sổ", EN: "Book"}, URL: "https://example.vn/api", Options: json.RawMessage(`{"a":1}`), PerSecond: 5}
}

func TestDestinationsAreApprovedPausedAndEnded(t *testing.T) {
	t.Parallel()
	o, w, c := deliveryOffice(nil)
	ctx := t.Context()
	near := book() // approved as what it is
	near.ID, near.URL, near.Private = "near", "http://10.0.0.1/", true
	if err := o.PutDestination(ctx, "me", near); err != nil {
		t.Fatal(err)
	}
	o, w, c = deliveryOffice(nil)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(o.PutDestination(ctx, "me", book()))
	first := w.destinations[0]
	if first.Parallel != 4 || !first.Since.Equal(c.Now()) || len(w.acts[0].Leaf) == 0 || w.acts[0].Action != "destination.put" || !strings.Contains(w.acts[0].Detail, `"options":{"a":1}`) {
		t.Errorf("%+v %+v", first, w.acts[0])
	}
	c.Advance(time.Hour)
	must(o.DestinationDo(ctx, "me", "so", admin.DestinationPause))
	change := book()
	change.PerSecond = 9
	must(o.PutDestination(ctx, "me", change))
	if d := w.destinations[0]; !d.Since.Equal(first.Since) || d.Paused.IsZero() || d.PerSecond != 9 {
		t.Errorf("a change of settings: %+v", d)
	}
	must(o.DestinationDo(ctx, "me", "so", admin.DestinationResume))
	must(o.PutRoute(ctx, "me", admin.Route{Destination: "so", Facility: "79901", Kind: "qd4750", Mode: exchange.Direct}))
	must(o.PutSecret(ctx, "me", "so", "79901", []byte("niêm phong")))
	must(o.PutSecret(ctx, "me", "so", "", []byte("niêm phong")))
	x, err := o.Exchange(ctx)
	if err != nil || len(x.Destinations) != 1 || len(x.Destinations[0].Secrets) != 2 || len(x.Routes) != 1 || x.Routes[0].Facility != "79901" {
		t.Errorf("%+v, %v", x, err)
	}
	if b, err := json.Marshal(x); err != nil || strings.Contains(string(b), "niêm") {
		t.Errorf("a list shows a secret: %s, %v", b, err)
	}
	for _, a := range w.acts {
		if strings.Contains(a.Detail, "niêm") {
			t.Errorf("an act holds a secret: %s", a.Detail)
		}
	}
	must(o.DestinationDo(ctx, "me", "so", admin.DestinationEnd))
	if err := o.PutRoute(ctx, "me", admin.Route{Destination: "so", Mode: exchange.Off}); !errors.Is(err, admin.ErrDestinationUnknown) {
		t.Errorf("a route to one that has ended: %v", err)
	}
}

func TestWhatCannotBeADestination(t *testing.T) {
	t.Parallel()
	refused := fault.New(fault.Invalid, "vneid.options", "Sai.", "Wrong.")
	o, w, _ := deliveryOffice(func(d exchange.Destination) error {
		if d.Adapter != "vneid" {
			return refused
		}
		return nil
	})
	for name, c := range map[string]struct {
		change func(*admin.Destination)
		want   *fault.Error
	}{
		"no name":          {func(d *admin.Destination) { d.ID = "" }, admin.ErrDestinationID},
		"a name in words":  {func(d *admin.Destination) { d.ID = "Sổ" }, admin.ErrDestinationID},
		"a long name":      {func(d *admin.Destination) { d.ID = strings.Repeat("a", 33) }, admin.ErrDestinationID},
		"a login in it":    {func(d *admin.Destination) { d.URL = "https://a:b@example.vn/" }, admin.ErrDestination},
		"a query":          {func(d *admin.Destination) { d.URL = "https://example.vn/?key=1" }, admin.ErrDestination},
		"not HTTP":         {func(d *admin.Destination) { d.URL = "file:///etc" }, admin.ErrDestination},
		"this machine":     {func(d *admin.Destination) { d.URL = "http://127.0.0.1:9/" }, admin.ErrPrivate},
		"by its name":      {func(d *admin.Destination) { d.URL = "http://LOCALHOST./in" }, admin.ErrPrivate},
		"in six":           {func(d *admin.Destination) { d.URL = "http://[::ffff:10.0.0.1]/" }, admin.ErrPrivate},
		"of a cloud":       {func(d *admin.Destination) { d.URL = "http://169.254.169.254/" }, admin.ErrPrivate},
		"no people's name": {func(d *admin.Destination) { d.Name = fault.Text{} }, admin.ErrDestination},
		"options a list":   {func(d *admin.Destination) { d.Options = json.RawMessage(`[]`) }, admin.ErrDestination},
		"options null":     {func(d *admin.Destination) { d.Options = json.RawMessage(`null`) }, admin.ErrDestination},
		"other purpose":    {func(d *admin.Destination) { d.Purpose = "advertising" }, admin.ErrDestination},
		"a negative pace":  {func(d *admin.Destination) { d.PerSecond = -1 }, admin.ErrDestination},
		"too many":         {func(d *admin.Destination) { d.Parallel = 65 }, admin.ErrDestination},
		"its bridge says":  {func(d *admin.Destination) { d.Adapter = "axis" }, refused},
	} {
		d := book()
		c.change(&d)
		if err := o.PutDestination(t.Context(), "me", d); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if len(w.destinations)+len(w.acts) != 0 {
		t.Error("something was kept")
	}
	if err := o.PutDestination(t.Context(), "me", book()); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"destination.act":     o.DestinationDo(t.Context(), "me", "so", "explode"),
		"destination.unknown": o.DestinationDo(t.Context(), "me", "x", admin.DestinationEnd),
		"route.entry":         o.PutRoute(t.Context(), "me", admin.Route{Destination: "so", Mode: "x"}),
		"facility.unknown":    o.PutRoute(t.Context(), "me", admin.Route{Destination: "so", Facility: "79902", Mode: exchange.Off}),
		"destination.secret":  o.PutSecret(t.Context(), "me", "so", "", nil),
	} {
		if fault.Of(err).Code != name {
			t.Errorf("%v, want %s", err, name)
		}
	}
}
