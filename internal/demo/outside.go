package demo

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/bridge/axis"
	axissim "lienthong/internal/bridge/axis/simulator"
	"lienthong/internal/bridge/faulty"
	"lienthong/internal/bridge/insurer"
	insurersim "lienthong/internal/bridge/insurer/simulator"
	"lienthong/internal/bridge/prescription"
	prescriptionsim "lienthong/internal/bridge/prescription/simulator"
	"lienthong/internal/bridge/tally"
	"lienthong/internal/bridge/vneid"
	vneidsim "lienthong/internal/bridge/vneid/simulator"
	"lienthong/internal/bridge/webhook"
	webhooksim "lienthong/internal/bridge/webhook/simulator"
	"lienthong/internal/care"
	"lienthong/internal/courier"
	"lienthong/internal/exchange"
	"lienthong/internal/fault"
	"lienthong/internal/synth"
)

// The destinations of the demo.
const (
	toInsurer      = "bhxh"
	toBook         = "so-suc-khoe"
	toPrescription = "don-thuoc"
	toAxis         = "truc-du-lieu"
	toReceiver     = "thong-bao"
)

// Trouble that goes on: now and then an error, once a signature that is not
// taken, some slow answers.
const (
	insurerTrouble  = "500:p=0.02,slow=300ms:p=0.05"
	insurerOnce     = "125:after=20:count=1,"
	bookTrouble     = "LOI_HE_THONG:p=0.02"
	receiverTrouble = "500:p=0.02"
)

// keep is how many bytes of contents a service outside holds: a demo that runs for
// days must not fill the machine.
const keep = 64 << 20

// simulated is a service outside.
type simulated interface {
	http.Handler
	Counts() tally.Counts
}

// service is one of them, as it runs and as the hub knows it.
type service struct {
	admin.Destination
	secret  any
	sim     simulated
	server  *http.Server
	journal *os.File
}

// outside is everything the demo plays beside hub and facilities.
type outside struct {
	services []*service
	insurer  *insurersim.Simulator
	dir      string
}

// openOutside starts the services, each on a free port of this machine. What
// they recorded in an earlier run of a demo that was kept is counted on.
func openOutside(dir string) (*outside, error) {
	o := &outside{dir: filepath.Join(dir, "outside")}
	if err := os.MkdirAll(o.dir, 0o700); err != nil {
		return nil, err
	}
	for _, open := range []func() (*service, error){o.openBook, o.openInsurer, o.openPrescription, o.openAxis, o.openReceiver} {
		s, err := open()
		if err == nil {
			o.services = append(o.services, s)
			err = s.listen()
		}
		if err != nil {
			return nil, errors.Join(err, o.close())
		}
	}
	return o, nil
}

// listen serves on a free port.
func (s *service) listen() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.URL, s.Private = "http://"+l.Addr().String(), true
	s.server = &http.Server{Handler: s.sim, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	go func() { _ = s.server.Serve(l) }() // ends with close
	return nil
}

func (o *outside) close() error {
	var errs []error
	for _, s := range o.services {
		if s.server != nil {
			errs = append(errs, s.server.Close())
		}
		if s.journal != nil {
			errs = append(errs, s.journal.Close())
		}
	}
	return errors.Join(errs...)
}

// journal opens a service's journal: what is in it, in whole lines, and where to
// write on.
func (o *outside) journal(id string) (earlier io.Reader, f *os.File, err error) {
	path := filepath.Join(o.dir, id+".ndjson")
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, nil, err
	}
	b = b[:bytes.LastIndexByte(b, '\n')+1]
	f, err = os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, nil, err
	}
	if err := f.Truncate(int64(len(b))); err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return bytes.NewReader(b), f, nil
}

// serviceOf is a service that is not open yet.
func (o *outside) serviceOf(id, adapter, vi, en string) (*service, io.Reader, error) {
	earlier, f, err := o.journal(id)
	if err != nil {
		return nil, nil, err
	}
	return &service{Destination: admin.Destination{ID: id, Adapter: adapter, Name: fault.Text{VI: vi, EN: en}, PerSecond: pace, Parallel: 4}, journal: f}, earlier, nil
}

// pace lets a queue be seen at the beginning, and leaves the machine to the hub.
const pace = 20

func (o *outside) openInsurer() (*service, error) {
	s, earlier, err := o.serviceOf(toInsurer, "insurer", "Cổng BHXH (giả lập)", "Insurer's gateway (simulated)")
	if err != nil {
		return nil, err
	}
	s.Purpose, s.Closed, s.Options = "payment", true, json.RawMessage(`{"holdings_path":"/api/lienthong/holdings"}`)
	s.secret = insurer.Secret{User: "hub", Password: rand.Text()}
	book := o.services[0].sim.(*vneidsim.Simulator)
	o.insurer, err = insurersim.New(insurersim.Config{PerFile: 50, Keep: keep, PassOn: book.PassedOn, Faults: faulty.Config{Spec: insurerOnce + insurerTrouble},
		Journal: s.journal, Earlier: earlier})
	s.sim = o.insurer
	return s, err
}

func (o *outside) openBook() (*service, error) {
	s, earlier, err := o.serviceOf(toBook, "vneid", "Sổ sức khỏe điện tử (giả lập)", "Health book (simulated)")
	if err != nil {
		return nil, err
	}
	s.secret = vneid.Secret{ID: "hub", Secret: rand.Text()}
	s.sim, err = vneidsim.New(vneidsim.Config{Keep: keep, Faults: faulty.Config{Spec: bookTrouble}, Journal: s.journal, Earlier: earlier})
	return s, err
}

func (o *outside) openPrescription() (*service, error) {
	s, earlier, err := o.serviceOf(toPrescription, "prescription", "Đơn thuốc quốc gia (giả lập)", "National prescriptions (simulated)")
	if err != nil {
		return nil, err
	}
	s.Closed = true
	s.secret = prescription.Secret{Facility: "hub", Password: rand.Text()}
	s.sim, err = prescriptionsim.New(prescriptionsim.Config{Journal: s.journal, Earlier: earlier})
	return s, err
}

// demoGLN is the number the demo's hub has at the axis.
const demoGLN = "8930000000017"

func (o *outside) openAxis() (*service, error) {
	s, earlier, err := o.serviceOf(toAxis, "axis", "Trục dữ liệu Bộ Y tế (giả lập)", "Ministry's data axis (simulated)")
	if err != nil {
		return nil, err
	}
	second := make(chan *rsa.PrivateKey, 1) // two keys at once: they take a moment
	go func() {
		k, _ := rsa.GenerateKey(rand.Reader, 2048)
		second <- k
	}()
	ours, err := rsa.GenerateKey(rand.Reader, 2048)
	theirs := <-second
	if err != nil || theirs == nil {
		return nil, errors.Join(errors.New("demo: no keys for the axis"), err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(ours)
	if err != nil {
		return nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(&theirs.PublicKey)
	if err != nil {
		return nil, err
	}
	login := axis.Secret{User: "hub", Password: rand.Text(), Key: string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))}
	s.secret = login
	if s.Options, err = json.Marshal(axis.Options{Sender: demoGLN, ReceiverKey: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))}); err != nil {
		return nil, err
	}
	s.sim, err = axissim.New(axissim.Config{Key: theirs, Senders: []axissim.Sender{{GLN: demoGLN, User: login.User, Password: login.Password, Key: &ours.PublicKey}},
		Journal: s.journal, Earlier: earlier})
	return s, err
}

func (o *outside) openReceiver() (*service, error) {
	s, earlier, err := o.serviceOf(toReceiver, "webhook", "Phần mềm nhận thông báo (giả lập)", "Receiver of notices (simulated)")
	if err != nil {
		return nil, err
	}
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	s.secret = webhook.Secret{Key: "whsec_" + base64.StdEncoding.EncodeToString(key)}
	s.sim, err = webhooksim.New(webhooksim.Config{Secret: key, Faults: faulty.Config{Spec: receiverTrouble}, Journal: s.journal, Earlier: earlier})
	return s, err
}

// approve tells the hub of the services, and what goes where.
func (o *outside) approve(ctx context.Context, d Deps, c cast) error {
	for _, s := range o.services {
		if err := d.Acts.PutDestination(ctx, Actor, s.Destination); err != nil {
			return err
		}
		if err := keepSecret(ctx, d, s.ID, "", s.secret); err != nil {
			return err
		}
	}
	if err := keepSecret(ctx, d, toInsurer, c.pull, insurer.Secret{User: c.pull + "_BV", Password: rand.Text()}); err != nil {
		return err
	}
	for _, r := range c.routes() {
		if err := d.Acts.PutRoute(ctx, Actor, r); err != nil {
			return err
		}
	}
	last := o.services[len(o.services)-1] // the last change of all: by it known sees that the hub has read every one
	last.Parallel++
	return d.Acts.PutDestination(ctx, Actor, last.Destination)
}

// keepSecret seals a credential as the command does, and has it kept.
func keepSecret(ctx context.Context, d Deps, destination, code string, secret any) error {
	plain, err := json.Marshal(secret)
	if err != nil {
		return err
	}
	sealed, err := d.Seal(courier.SecretName(destination, care.FacilityCode(code)), plain)
	if err != nil {
		return err
	}
	return d.Acts.PutSecret(ctx, Actor, destination, code, sealed)
}

// known waits until the hub goes by the routes: what was sent before would go nowhere.
func (o *outside) known(ctx context.Context, ways func(context.Context) ([]courier.Status, error)) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		states, err := ways(ctx)
		if err != nil {
			return err
		}
		last := o.services[len(o.services)-1]
		for _, s := range states {
			if s.ID == last.ID && s.URL == last.URL && s.Parallel == last.Parallel {
				return nil
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// The insurer is away for a short time, first soon and then every so often.
const (
	firstOutage = 90 * time.Second
	nextOutage  = 10 * time.Minute
	outage      = 25 * time.Second
)

// trouble lets the insurer go and come back until ctx ends.
func (o *outside) trouble(ctx context.Context) {
	for wait := firstOutage; ; wait = nextOutage {
		for _, step := range []struct {
			after time.Duration
			spec  string
		}{{wait, faulty.Down}, {outage, insurerTrouble}} {
			timer := time.NewTimer(step.after)
			select {
			case <-ctx.Done():
				timer.Stop()
				return
			case <-timer.C:
			}
			if err := o.faults(ctx, toInsurer, step.spec); err != nil {
				return
			}
		}
	}
}

// hold is a facility sending a file to the insurer by itself, and not caring
// what is refused.
func (o *outside) hold(sub synth.Submission) {
	if sub.Kind == "qd4750" || sub.Kind == "checkin" {
		_ = o.insurer.Hold(sub.XML)
	}
}

// faults sets what fails at a service, by its own door.
func (o *outside) faults(ctx context.Context, id, spec string) error {
	q, err := http.NewRequestWithContext(ctx, http.MethodPut, o.of(id).URL+"/simulator/faults", strings.NewReader(spec))
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusNoContent {
		err = fmt.Errorf("demo: faults: %s", res.Status)
	}
	return errors.Join(err, res.Body.Close())
}

func (o *outside) of(id string) *service {
	for _, s := range o.services {
		if s.ID == id {
			return s
		}
	}
	return nil
}

// The ways of the demo, of all facilities but those of the cast.
func (c cast) routes() []admin.Route {
	list := []admin.Route{
		{Destination: toInsurer, Kind: "qd4750", Mode: exchange.Relay}, {Destination: toInsurer, Kind: "checkin", Mode: exchange.Relay},
		{Destination: toBook, Kind: "qd4750", Mode: exchange.ViaInsurer}, {Destination: toPrescription, Kind: "prescription", Mode: exchange.Relay},
		{Destination: toAxis, Kind: "checkup", Mode: exchange.Relay}, {Destination: toReceiver, Kind: "qd4750", Mode: exchange.Direct},
		{Destination: toInsurer, Facility: c.mirror, Mode: exchange.Mirror}, {Destination: toInsurer, Facility: c.pull, Mode: exchange.Pull},
	}
	for _, code := range c.direct {
		list = append(list, admin.Route{Destination: toInsurer, Facility: code, Mode: exchange.Off}, admin.Route{Destination: toBook, Facility: code, Kind: "qd4750", Mode: exchange.Direct})
	}
	return list
}
