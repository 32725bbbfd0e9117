package demo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/pquerna/otp/totp"

	"lienthong/internal/admin"
	"lienthong/internal/bridge/eid"
	"lienthong/internal/bridge/eid/simulator"
	"lienthong/internal/care"
	"lienthong/internal/choice"
	"lienthong/internal/consent"
	"lienthong/internal/fault"
	"lienthong/internal/roster"
	"lienthong/internal/store"
)

// Roster is what the demo needs of the hub's: package roster's Desk.
type Roster interface {
	Citizen(ctx context.Context, c roster.Comer) (store.PersonID, error)
	Enrol(ctx context.Context, id care.Staff) (seed, address string, err error)
	Confirm(ctx context.Context, id care.Staff, code string) error
}

// Delegate keeps that somebody acts for another: package choice's Desk.
type Delegate func(ctx context.Context, s choice.Speaker, d consent.Delegation) (*consent.Delegation, error)

// worker is one of the staff of the cast.
type worker struct {
	key, name, licence string
	at                 string   // code of the facility, "" at none
	roles              []string // kinds
	work               fault.Text

	id care.Staff
}

// The keys of staff that the demo itself needs.
const clerk = "quay-trinh"

func workers(p places) []worker {
	say := func(vi, en string) fault.Text { return fault.Text{VI: vi, EN: en} }
	one, two, three := p.first.Code, p.second.Code, p.station.Code
	doctor, officer, counter := say("bác sĩ", "physician"), say("cán bộ bảo vệ dữ liệu", "privacy officer"), say("nhân viên quầy", "counter clerk")
	return []worker{
		{key: "bs-minh", name: "Đỗ Quang Minh", licence: "0010001/DEMO-CCHN", at: one, roles: []string{"clinician"}, work: doctor},
		{key: "bs-van", name: "Phạm Khánh Vân", licence: "0010002/DEMO-CCHN", at: one, roles: []string{"clinician"}, work: doctor},
		{key: "dpo-tam", name: "Lý Thanh Tâm", licence: "0010003/DEMO-CCHN", at: one, roles: []string{"privacy"}, work: officer},
		{key: clerk, name: "Hồ Ngọc Trinh", licence: "0010004/DEMO-CCHN", at: one, roles: []string{"counter"}, work: counter},
		{key: "bs-duong", name: "Trịnh Thùy Dương", licence: "0020001/DEMO-CCHN", at: two, roles: []string{"clinician"}, work: doctor},
		{key: "dpo-thang", name: "Vũ Đức Thắng", licence: "0020002/DEMO-CCHN", at: two, roles: []string{"privacy"}, work: officer},
		{key: "ys-bich", name: "Nông Thị Bích", licence: "0030001/DEMO-CCHN", at: three, roles: []string{"clinician", "counter"}, work: say("y sĩ", "assistant doctor")},
		{key: "kt-thu", name: "Kim Anh Thư", licence: "0090001/DEMO-CCHN", roles: []string{"auditor"}, work: say("kiểm toán", "auditor")},
	}
}

// kept is what a demo that is kept remembers of its cast.
type kept struct {
	Began time.Time         `json:"began"` // the stories are told from here
	Seeds map[string]string `json:"seeds"` // of second factors, by worker: of a demo only
	Sent  bool              `json:"sent"`
	Child bool              `json:"child"` // the delegation is there
}

// logins are the two providers of identities that the demo plays, one that
// stands for VNeID and one for the provider of staff, and the cast that they know.
type logins struct {
	servers []*http.Server
	vneid   string // issuers
	staff   string
	dir     string
	kept    kept
	places  places
	people  []citizen
	workers []worker
}

// openLogins starts the providers, has them approved, and puts the cast's staff
// on the roster, each with a second factor whose codes the demo shows.
func openLogins(ctx context.Context, d Deps, dir string, c cast) (*logins, error) {
	l := &logins{dir: dir, places: placesOf(d.Nation, c)}
	if l.places.first == nil || l.places.second == nil || l.places.station == nil {
		return nil, errors.New("demo: no facilities for the cast in this nation")
	}
	if err := l.remember(); err != nil {
		return nil, err
	}
	l.people, l.workers = citizens(l.kept.Began), workers(l.places)
	var err error
	if l.vneid, err = l.open(ctx, d, "vneid", fault.Text{VI: "VNeID (giả lập)", EN: "VNeID (simulated)"}, eid.Options{For: "citizens", ClientID: "hub", Scopes: []string{"profile", "citizen"}, Push: true,
		Levels: map[string]int{simulator.Level1: 1, simulator.Level2: 2}}, l.accounts()); err == nil {
		l.staff, err = l.open(ctx, d, "nhan-vien", fault.Text{VI: "Danh tính nhân viên (giả lập)", EN: "Staff identities (simulated)"},
			eid.Options{For: "staff", ClientID: "hub", Scopes: []string{"profile", "staff"}}, l.badges())
	}
	if err == nil {
		err = l.hire(ctx, d)
	}
	if err == nil {
		err = l.introduce(ctx, d)
	}
	if err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

// accounts are the citizens as the provider that stands for VNeID knows them.
func (l *logins) accounts() (out []simulator.Person) {
	for _, c := range l.people {
		if c.account {
			out = append(out, simulator.Person{Subject: c.key, Name: c.name, Birth: c.day(), Number: c.number})
		}
	}
	return out
}

// badges are the staff as their provider knows them.
func (l *logins) badges() (out []simulator.Person) {
	for _, w := range l.workers {
		out = append(out, simulator.Person{Subject: w.key, Name: w.name, Licence: w.licence, Facility: w.at, Roles: w.roles})
	}
	return out
}

// hire puts the staff on the roster. A demo that is kept has them already: the
// provider has another address each time, so that they are bound anew.
func (l *logins) hire(ctx context.Context, d Deps) error {
	for i := range l.workers {
		w := &l.workers[i]
		n := roster.Addition{Facility: w.at, Name: w.name, Licence: w.licence, Issuer: l.staff, Subject: w.key}
		for _, kind := range w.roles {
			if w.at != "" {
				kind += ":" + w.at
			}
			n.Roles = append(n.Roles, kind)
		}
		id, err := d.Acts.AddStaff(ctx, Actor, n)
		if err != nil {
			return fmt.Errorf("demo: %s: %w", w.key, err)
		}
		if _, err := hex.Decode(w.id[:], []byte(id)); err != nil {
			return err
		}
		if l.kept.Seeds[w.key] != "" {
			continue
		}
		seed, _, err := d.Roster.Enrol(ctx, w.id)
		if err != nil {
			return err
		}
		code, err := totp.GenerateCode(seed, time.Now().Add(-30*time.Second)) // the code of now is the visitor's
		if err != nil {
			return err
		}
		if err := d.Roster.Confirm(ctx, w.id, code); err != nil {
			return err
		}
		l.kept.Seeds[w.key] = seed
	}
	return l.write()
}

// introduce tells the hub under which name the provider knows each citizen, so
// that a phone rings before its owner ever logged in, and who acts for the child.
func (l *logins) introduce(ctx context.Context, d Deps) error {
	persons := map[string]store.PersonID{}
	for _, c := range l.people {
		id, err := d.Roster.Citizen(ctx, roster.Comer{Provider: "vneid", Subject: c.key, Number: c.number, Name: c.name, Birth: c.day()})
		if err != nil {
			return fmt.Errorf("demo: %s: %w", c.key, err)
		}
		persons[c.key] = id
	}
	if l.kept.Child {
		return nil
	}
	w := l.worker(clerk)
	paper := sha256.Sum256([]byte("a birth certificate that nobody has"))
	g := consent.Delegation{Person: persons[khoi], Delegate: persons[lan], Kind: consent.GuardianUnder7, From: time.Now(), Until: l.citizen(khoi).birth.AddDate(7, 0, 0), Proof: paper}
	if _, err := d.Delegate(ctx, choice.Speaker{Person: persons[khoi], Channel: "counter_paper", Proof: paper, Staff: w.id, At: care.FacilityCode(w.at), Actor: "staff:" + hex.EncodeToString(w.id[:4])}, g); err != nil {
		return fmt.Errorf("demo: the child's mother: %w", err)
	}
	l.kept.Child = true
	return l.write()
}

func (l *logins) worker(key string) *worker {
	for i := range l.workers {
		if l.workers[i].key == key {
			return &l.workers[i]
		}
	}
	return nil
}

func (l *logins) citizen(key string) *citizen {
	for i := range l.people {
		if l.people[i].key == key {
			return &l.people[i]
		}
	}
	return nil
}

func (l *logins) file() string { return filepath.Join(l.dir, "cast.json") }

// remember reads what an earlier run of a demo that was kept wrote.
func (l *logins) remember() error {
	l.kept = kept{Began: time.Now(), Seeds: map[string]string{}}
	b, err := os.ReadFile(l.file())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(b, &l.kept)
	}
	return err
}

func (l *logins) write() error {
	b, err := json.Marshal(l.kept)
	if err != nil {
		return err
	}
	return os.WriteFile(l.file(), b, 0o600)
}

// open starts a provider and has it approved; it returns its issuer.
func (l *logins) open(ctx context.Context, d Deps, id string, name fault.Text, o eid.Options, people []simulator.Person) (string, error) {
	p, err := simulator.New(simulator.Config{People: people, Title: name.VI + " · " + name.EN})
	if err != nil {
		return "", err
	}
	at, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	srv := &http.Server{Handler: p, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	l.servers = append(l.servers, srv)
	go func() { _ = srv.Serve(at) }() // ends with close
	issuer := "http://" + at.Addr().String()
	options, err := json.Marshal(o)
	if err != nil {
		return "", err
	}
	if err := d.Acts.PutDestination(ctx, Actor, admin.Destination{ID: id, Adapter: eid.AdapterName, Name: name, URL: issuer, Private: true, Options: options}); err != nil {
		return "", err
	}
	return issuer, keepSecret(ctx, d, id, "", eid.Secret{Secret: "demo"})
}

func (l *logins) close() error {
	var errs []error
	for _, s := range l.servers {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}
