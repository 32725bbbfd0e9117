// Package pairs_test runs every adapter against its simulator over a real line.
// The two were written by different hands from the same public notes: where they
// understand each other differently, this is where it shows.
package pairs_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"lienthong/internal/bridge/axis"
	axissim "lienthong/internal/bridge/axis/simulator"
	"lienthong/internal/bridge/insurer"
	insurersim "lienthong/internal/bridge/insurer/simulator"
	"lienthong/internal/bridge/outbound"
	"lienthong/internal/bridge/prescription"
	prescriptionsim "lienthong/internal/bridge/prescription/simulator"
	"lienthong/internal/bridge/tally"
	"lienthong/internal/bridge/vneid"
	vneidsim "lienthong/internal/bridge/vneid/simulator"
	"lienthong/internal/bridge/webhook"
	webhooksim "lienthong/internal/bridge/webhook/simulator"
	"lienthong/internal/clock"
	"lienthong/internal/courier"
	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/evidence"
	"lienthong/internal/exchange"
	"lienthong/internal/facility"
	"lienthong/internal/kind"
	"lienthong/internal/store"
)

// simulated is what every simulator is.
type simulated interface {
	http.Handler
	Counts() tally.Counts
}

// pair is one adapter and its simulator.
type pair struct {
	name    string
	path    string // of a hand-over
	good    exchange.Outcome
	life    time.Duration              // of a token, 0 without
	refused map[string]exchange.Answer // by fault: the outcome and code it must come to
	open    func(t *testing.T, at clock.Clock) (courier.Adapter, *courier.Parcel, simulated)
}

const gln = "8938500000012"

var key = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func encode(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func made[S any](t *testing.T) func(s S, err error) S {
	return func(s S, err error) S {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

// parcel is one of a record of a kind; its destination's address is set by run.
func parcel(kind string, at time.Time) *courier.Parcel {
	id := dossier.ID{Facility: "79901"}
	id.Serial[0] = 7
	return &courier.Parcel{Destination: exchange.Destination{ID: "noi-nhan", Private: true}, Facility: facility.Version{Code: "79901", Province: "79"},
		Legs: []store.Leg{{LegKey: store.LegKey{Record: id, Destination: "noi-nhan"}, Kind: kind, Created: at}}, Receipt: []byte(`{"body":"e30="}`)}
}

func dossierFile(episode string) []byte {
	inner := base64.StdEncoding.EncodeToString([]byte("<TONG_HOP><MA_LK>" + episode + "</MA_LK><HO_TEN>NGUYỄN VĂN THỬ</HO_TEN><SO_CCCD>079890000001</SO_CCCD><MA_CSKCB>79901</MA_CSKCB></TONG_HOP>"))
	return []byte(`<GIAMDINHHS><THONGTINDONVI><MACSKCB>79901</MACSKCB></THONGTINDONVI><THONGTINHOSO><NGAYLAP>20261122</NGAYLAP><SOLUONGHOSO>1</SOLUONGHOSO><DANHSACHHOSO><HOSO><FILEHOSO><LOAIHOSO>XML1</LOAIHOSO><NOIDUNGFILE>` +
		inner + `</NOIDUNGFILE></FILEHOSO></HOSO></DANHSACHHOSO></THONGTINHOSO><CHUKYDONVI></CHUKYDONVI></GIAMDINHHS>`)
}

func checkupFile() []byte {
	inner := base64.StdEncoding.EncodeToString([]byte("<THONG_TIN_HANH_CHINH><MA_LK>A1</MA_LK><X>1</X></THONG_TIN_HANH_CHINH>"))
	return []byte(`<KHAMSUCKHOE><THONGTINDONVI><MACSKCB>79901</MACSKCB></THONGTINDONVI><THONGTINHOSO><SOLUONGHOSO>1</SOLUONGHOSO><DANHSACHHOSO><HOSO><FILEHOSO><LOAIHOSO>XML1</LOAIHOSO><NOIDUNGFILE>` +
		inner + `</NOIDUNGFILE></FILEHOSO></HOSO></DANHSACHHOSO></THONGTINHOSO><CHUKYDONVI></CHUKYDONVI></KHAMSUCKHOE>`)
}

const script = `{"loai_don_thuoc":"c","ma_don_thuoc":"79901abc1234-C","ho_ten_benh_nhan":"TRẦN THỊ LAN","ngay_sinh_benh_nhan":"02/03/1985","gioi_tinh":3,` +
	`"chan_doan":[{"ma_chan_doan":"J02","ten_chan_doan":"Viêm họng"}],"dot_dung_thuoc":{"dot":1,"tu_ngay":"01/07/2026","den_ngay":"05/07/2026"},` +
	`"thong_tin_don_thuoc":[{"ma_thuoc":"40.1","ten_thuoc":"Paracetamol","don_vi_tinh":"Viên","so_luong":"10","cach_dung":"uống"}],"ngay_gio_ke_don":"2026-07-01 09:00:00"}`

// opened is a record as it may be shown, with an identified person.
func opened(episode string, version int) *disclose.Opened {
	table := func(name string, names, values []string) *dossier.Table {
		row := dossier.Row{}
		for _, v := range values {
			row.Cells = append(row.Cells, dossier.Cell{Text: v})
		}
		return &dossier.Table{Columns: dossier.NewColumns(name, names...), Rows: []dossier.Row{row}}
	}
	id := dossier.ID{Facility: "79901"}
	id.Serial[0] = 7
	return &disclose.Opened{Episode: episode, Record: store.Record{ID: id, Version: version}, Read: kind.Dossier{Content: &dossier.Content{All: []*dossier.Table{
		table("XML1", []string{"MA_LK", "HO_TEN", "SO_CCCD", "MA_THE_BHYT", "CHAN_DOAN_RV"},
			[]string{episode, "NGUYỄN VĂN THỬ", "079890000001", "DN4799900000001;GD4799900000002", "Viêm họng"}),
		table("XML2", []string{"TEN_THUOC"}, []string{"Paracetamol"}),
	}}}}
}

func pairs() []pair {
	line := outbound.New(5 * time.Second)
	again := func(code string, whole bool) exchange.Answer {
		return exchange.Answer{Outcome: exchange.Again, Code: code, Whole: whole}
	}
	never := func(code string) exchange.Answer { return exchange.Answer{Outcome: exchange.Refused, Code: code} }
	return []pair{
		{name: "insurer", path: "guiHoSoXmlQD3176", good: exchange.Finalized, life: 10 * time.Minute,
			refused: map[string]exchange.Answer{"125": never("insurer.125"), "205": never("insurer.205"), "403": never("insurer.403"),
				"500": again("insurer.500", false), "401": again("insurer.401", true), "http=500": again("insurer.http_500", true)},
			open: func(t *testing.T, at clock.Clock) (courier.Adapter, *courier.Parcel, simulated) {
				p := parcel("qd4750", at.Now())
				p.Sent, p.Secret = &evidence.Sent{Bytes: dossierFile("LK1")}, []byte(`{"user":"79901_BV","password":"p"}`)
				return insurer.New(line, at), p, made[*insurersim.Simulator](t)(insurersim.New(insurersim.Config{Clock: at}))
			}},
		{name: "vneid", path: "so-suc-khoe/muc", good: exchange.Finalized, life: time.Hour,
			refused: map[string]exchange.Answer{"SAI_CAU_TRUC": never("vneid.SAI_CAU_TRUC"), "SAI_DU_LIEU": never("vneid.SAI_DU_LIEU"),
				"KHONG_QUYEN": never("vneid.KHONG_QUYEN"), "HET_HAN": again("vneid.http_401", true), "XAC_THUC": again("vneid.http_401", true),
				"LOI_HE_THONG": again("vneid.http_500", true), "DANG_BAO_TRI": again("vneid.http_503", true)},
			open: func(t *testing.T, at clock.Clock) (courier.Adapter, *courier.Parcel, simulated) {
				p := parcel("qd4750", at.Now())
				p.Opened, p.Secret = opened("LK1", 1), []byte(`{"client_id":"hub","client_secret":"s"}`)
				return vneid.New(line, at), p, made[*vneidsim.Simulator](t)(vneidsim.New(vneidsim.Config{Clock: at}))
			}},
		{name: "prescription", path: "gui-don-thuoc", good: exchange.Finalized, life: 24 * time.Hour,
			refused: map[string]exchange.Answer{"400": never("prescription.400"), "403": never("prescription.403"), "422": never("prescription.422"),
				"404": never("prescription.404"), "DA_TON_TAI": never("prescription.DA_TON_TAI"), "401": again("prescription.http_401", true),
				"500": again("prescription.http_500", true)},
			open: func(t *testing.T, at clock.Clock) (courier.Adapter, *courier.Parcel, simulated) {
				p := parcel("prescription", at.Now())
				p.Sent, p.Secret = &evidence.Sent{Bytes: []byte(script)}, []byte(`{"facility":"79901","password":"p"}`)
				return prescription.New(line, at), p, made[*prescriptionsim.Simulator](t)(prescriptionsim.New(prescriptionsim.Config{Clock: at}))
			}},
		{name: "axis", path: "data-sync/push", good: exchange.Finalized, life: 6000 * time.Second,
			refused: map[string]exchange.Answer{"CM_INVALID_REQUEST": never("axis.CM_INVALID_REQUEST"), "CM_AUTH_PERMISSION": never("axis.CM_AUTH_PERMISSION"),
				"PS_SIGNATURE_INVALID": never("axis.PS_SIGNATURE_INVALID"), "PS_DS_CA_SIGNATURE_INVALID": never("axis.PS_DS_CA_SIGNATURE_INVALID"),
				"CM_SYSTEM_ERROR": again("axis.CM_SYSTEM_ERROR", false), "CM_AUTH_EXPIRED": again("axis.CM_AUTH_EXPIRED", true)},
			open: func(t *testing.T, at clock.Clock) (courier.Adapter, *courier.Parcel, simulated) {
				der := made[[]byte](t)(x509.MarshalPKCS8PrivateKey(key()))
				pub := made[[]byte](t)(x509.MarshalPKIXPublicKey(&key().PublicKey))
				p := parcel("checkup", at.Now())
				p.Sent = &evidence.Sent{Bytes: checkupFile()}
				p.Secret = encode(t, axis.Secret{User: "u", Password: "p", Key: string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))})
				p.Destination.Options = encode(t, axis.Options{Sender: gln, ReceiverKey: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pub}))})
				sim := made[*axissim.Simulator](t)(axissim.New(axissim.Config{Clock: at, Key: key(), Senders: []axissim.Sender{{GLN: gln, User: "u", Password: "p", Key: &key().PublicKey}}}))
				return axis.New(line, at), p, sim
			}},
		{name: "webhook", path: "/hook", good: exchange.Finalized,
			refused: map[string]exchange.Answer{"400": never("webhook.http_400"), "401": again("webhook.http_401", true), "500": again("webhook.http_500", true),
				"410": never("webhook.410"), "429": again("webhook.http_429", false)},
			open: func(t *testing.T, at clock.Clock) (courier.Adapter, *courier.Parcel, simulated) {
				secret := []byte("0123456789abcdef01234567")
				p := parcel("qd4750", at.Now())
				p.Secret = encode(t, webhook.Secret{Key: "whsec_" + base64.StdEncoding.EncodeToString(secret)})
				return webhook.New(line, at), p, made[*webhooksim.Simulator](t)(webhooksim.New(webhooksim.Config{Clock: at, Secret: secret}))
			}},
	}
}

// running is a pair on a line.
type running struct {
	pair
	t     *testing.T
	clock *clock.Fake
	a     courier.Adapter
	p     *courier.Parcel
	sim   simulated
	url   string
}

func run(t *testing.T, c pair) *running {
	t.Helper()
	r := &running{pair: c, t: t, clock: clock.NewFake(time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC))}
	r.a, r.p, r.sim = c.open(t, r.clock)
	s := httptest.NewServer(r.sim)
	t.Cleanup(s.Close)
	r.url, r.p.Destination.URL = s.URL, s.URL
	if c.name == "webhook" {
		r.p.Destination.URL += "/hook"
	}
	if err := r.a.Check(r.p.Destination); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *running) faults(spec string) {
	r.t.Helper()
	q := made[*http.Request](r.t)(http.NewRequest(http.MethodPut, r.url+"/simulator/faults", strings.NewReader(spec)))
	res := made[*http.Response](r.t)(http.DefaultClient.Do(q))
	defer res.Body.Close()
	if res.StatusCode != http.StatusNoContent {
		r.t.Fatalf("%s: %d", spec, res.StatusCode)
	}
}

func (r *running) deliver(repeated bool) exchange.Answer {
	p := *r.p
	p.Repeated = repeated
	return r.a.Deliver(context.Background(), &p)
}

// arrives delivers and wants it taken.
func (r *running) arrives(repeated bool) exchange.Answer {
	r.t.Helper()
	got := r.deliver(repeated)
	if got.Outcome != r.good || got.Reference == "" || !got.Sent {
		r.t.Fatalf("%+v", got)
	}
	return got
}

// holds wants exactly one thing held at the far side.
func (r *running) holds(held int) {
	r.t.Helper()
	if c := r.sim.Counts(); c.Held != held || c.Distinct != held {
		r.t.Errorf("%d held, %d distinct, want %d: %+v", c.Held, c.Distinct, held, c)
	}
}

func each(t *testing.T, name string, test func(r *running)) {
	t.Helper()
	for _, c := range pairs() {
		t.Run(c.name+", "+name, func(t *testing.T) {
			t.Parallel()
			test(run(t, c))
		})
	}
}

func TestTheyUnderstandEachOther(t *testing.T) {
	t.Parallel()
	each(t, "taken once", func(r *running) {
		r.arrives(false)
		r.holds(1)
	})
	each(t, "the same again", func(r *running) {
		first := r.arrives(false)
		r.clock.Advance(time.Minute)
		if second := r.arrives(true); r.name != "insurer" && second.Reference != first.Reference {
			r.t.Errorf("%q, then %q", first.Reference, second.Reference)
		}
		r.holds(1)
	})
	each(t, "a token that ended", func(r *running) {
		r.arrives(false)
		r.clock.Advance(r.life + time.Second)
		r.arrives(true)
		r.holds(1)
	})
	each(t, "a slow line", func(r *running) {
		r.faults("drip=1ms:path=" + r.path)
		r.arrives(false)
		r.holds(1)
	})
}

func TestWhatIsLostOnTheWayArrivesOnce(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{"lost-answer", "half-answer"} {
		each(t, fault, func(r *running) {
			r.faults(fault + ":count=1:path=" + r.path)
			if got := r.deliver(false); got.Outcome != exchange.Again || !got.Sent || got.Reference != "" {
				r.t.Errorf("%+v", got)
			}
			r.clock.Advance(3 * time.Minute)
			r.arrives(true)
			r.holds(1)
		})
	}
	for fault, code := range map[string]string{"reset": "outbound.unreachable", "garbage": "", "redirect": ""} {
		each(t, fault, func(r *running) {
			r.faults(fault + ":count=1:path=" + r.path)
			got := r.deliver(false)
			if r.name == "webhook" && fault == "garbage" { // a subscriber says only a status: this one said 200
				if got.Outcome != exchange.Finalized {
					r.t.Errorf("%+v", got)
				}
				return
			}
			if got.Outcome != exchange.Again || code != "" && got.Code != code || !got.Whole {
				r.t.Errorf("%+v", got)
			}
			if c := r.sim.Counts(); c.Recorded != 0 || c.Paths["/simulator/elsewhere"].Requests != 0 {
				r.t.Errorf("%+v", c)
			}
			r.arrives(true)
			r.holds(1)
		})
	}
	each(t, "out", func(r *running) {
		r.faults("503:count=2:path=" + r.path)
		if got := r.deliver(false); got.Outcome != exchange.Again || got.Wait != time.Second || !got.Whole {
			r.t.Errorf("%+v", got)
		}
		r.deliver(true)
		r.arrives(true)
		r.holds(1)
	})
	each(t, "a success that was never recorded", func(r *running) {
		// Nobody can tell from the answer; what is compared with the far side's own
		// list (mirror) or sent again comes in then.
		r.faults("unrecorded-success:count=1:path=" + r.path)
		r.arrives(false)
		r.holds(0)
		r.arrives(true)
		r.holds(1)
	})
}

func TestEachRefusalHasItsOutcome(t *testing.T) {
	t.Parallel()
	for _, c := range pairs() {
		for spec, want := range c.refused {
			t.Run(c.name+" "+spec, func(t *testing.T) {
				t.Parallel()
				r := run(t, c)
				r.faults(spec + ":path=" + r.path)
				got := r.deliver(false)
				if got.Outcome != want.Outcome || got.Code != want.Code || got.Whole != want.Whole || !got.Sent {
					t.Errorf("%+v, want %+v", got, want)
				}
				r.holds(0)
			})
		}
		if c.life == 0 {
			continue
		}
		t.Run(c.name+", one 401 in the middle", func(t *testing.T) {
			t.Parallel()
			r := run(t, c)
			r.arrives(false)
			code := map[string]string{"vneid": "HET_HAN", "axis": "CM_AUTH_EXPIRED"}[c.name]
			if code == "" {
				code = "401"
			}
			r.faults(code + ":count=1:path=" + r.path)
			r.arrives(true)
			r.holds(1)
		})
	}
}
