package demo

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/bridge/eid"
	"lienthong/internal/bridge/eid/simulator"
	"lienthong/internal/fault"
	"lienthong/internal/roster"
)

// logins are the two providers of identities that the demo plays: one stands for
// VNeID, one for the provider of staff.
type logins struct {
	servers []*http.Server
	last    string // issuer opened last
}

// doctor works at the visitor's own facility.
const doctor = "0012345/DEMO-CCHN"

// openLogins starts the providers, has them approved, and puts a doctor on the roster.
func openLogins(ctx context.Context, d Deps, own string) (*logins, error) {
	l := &logins{}
	err := errors.Join(
		l.open(ctx, d, "vneid", fault.Text{VI: "VNeID (giả lập)", EN: "VNeID (simulated)"}, eid.Options{For: "citizens", ClientID: "hub", Scopes: []string{"profile", "citizen"}, Push: true,
			Levels: map[string]int{simulator.Level1: 1, simulator.Level2: 2}}, []simulator.Person{
			{Name: "Nguyễn Thị Lan", Birth: "1985-03-12", Number: "079985000011"}, {Name: "Trần Văn Bình", Birth: "1972-11-02", Number: "001872000025"}}),
		l.open(ctx, d, "nhan-vien", fault.Text{VI: "Danh tính nhân viên (giả lập)", EN: "Staff identities (simulated)"}, eid.Options{For: "staff", ClientID: "hub", Scopes: []string{"profile", "staff"}},
			[]simulator.Person{{Subject: "bs-ha", Name: "Phạm Thu Hà", Licence: doctor, Facility: own}}),
	)
	if err == nil {
		_, err = d.Acts.AddStaff(ctx, Actor, roster.Addition{Facility: own, Roles: []string{"clinician:" + own, "counter:" + own, "privacy:" + own}, Name: "Phạm Thu Hà", Licence: doctor,
			Issuer: l.last, Subject: "bs-ha"}) // the provider has another address each time
	}
	if err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

func (l *logins) open(ctx context.Context, d Deps, id string, name fault.Text, o eid.Options, people []simulator.Person) error {
	p, err := simulator.New(simulator.Config{People: people, Title: name.VI + " · " + name.EN})
	if err != nil {
		return err
	}
	at, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: p, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	l.servers = append(l.servers, srv)
	go func() { _ = srv.Serve(at) }() // ends with close
	l.last = "http://" + at.Addr().String()
	options, err := json.Marshal(o)
	if err != nil {
		return err
	}
	if err := d.Acts.PutDestination(ctx, Actor, admin.Destination{ID: id, Adapter: eid.AdapterName, Name: name, URL: l.last, Private: true, Options: options}); err != nil {
		return err
	}
	return keepSecret(ctx, d, id, "", eid.Secret{Secret: "demo"})
}

func (l *logins) close() error {
	var errs []error
	for _, s := range l.servers {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}
