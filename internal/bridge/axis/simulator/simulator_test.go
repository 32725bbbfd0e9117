package simulator_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"lienthong/internal/bridge/axis/simulator"
	"lienthong/internal/bridge/tally"
	"lienthong/internal/clock"
	"lienthong/internal/seal"
)

// keys are made once: RSA keys take their time.
type keys struct{ axis, sender, other *rsa.PrivateKey }

func newKeys(t *testing.T) keys {
	t.Helper()
	var k keys
	for _, to := range []**rsa.PrivateKey{&k.axis, &k.sender, &k.other} {
		var err error
		if *to, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			t.Fatal(err)
		}
	}
	return k
}

type axis struct {
	t     *testing.T
	url   string
	clock *clock.Fake
	key   *rsa.PrivateKey
	axis  *rsa.PublicKey
	token string
}

const (
	gln   = "8930000000011"
	msgID = gln + "260701" + "0123456789abcdef0123456789abcdef"
)

func setup(t *testing.T, k keys, c simulator.Config) *axis {
	t.Helper()
	a := &axis{t: t, clock: clock.NewFake(time.Date(2026, 7, 1, 2, 0, 0, 0, time.UTC)), key: k.sender, axis: &k.axis.PublicKey}
	c.Clock, c.Key = a.clock, k.axis
	sim, err := simulator.New(c)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(sim)
	t.Cleanup(srv.Close)
	a.url = srv.URL
	status, raw := a.call("POST", "/api/auth/login", `{"username":"u","password":"p"}`, nil)
	var login struct {
		Token, Role string
		Refresh     string `json:"refresh_token"`
		Duration    int
	}
	if err := json.Unmarshal(raw, &login); err != nil || status != 200 || login.Duration != 6000 || login.Role == "" || login.Refresh == "" {
		t.Fatalf("%d %s %v", status, raw, err)
	}
	a.token = login.Token
	return a
}

func (a *axis) call(method, path, body string, change func(*http.Request)) (int, []byte) {
	a.t.Helper()
	r, err := http.NewRequest(method, a.url+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+a.token)
	r.Header.Set("service-type", "100")
	if change != nil {
		change(r)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	if err != nil {
		return 0, nil
	}
	defer res.Body.Close()
	raw, _ := io.ReadAll(res.Body)
	return res.StatusCode, raw
}

type head struct {
	SenderID, ReceiverID, MsgID, RefMsgID, DataState, ResCode string
	MsgType                                                   int
}

// push sends a message and returns the answer's header, once its signature is good.
func (a *axis) push(body string, change func(*http.Request)) head {
	a.t.Helper()
	status, raw := a.call("POST", "/api/platform/data-sync/push", body, change)
	var m simulator.Message
	var h struct {
		SenderID   string `json:"sender_id"`
		ReceiverID string `json:"receiver_id"`
		MsgID      string `json:"msg_id"`
		MsgType    int    `json:"msg_type"`
		RefMsgID   string `json:"ref_msg_id"`
		DataState  string `json:"data_state"`
		ResCode    string `json:"res_code"`
	}
	if err := json.Unmarshal(raw, &m); err != nil || status != 200 {
		a.t.Fatalf("%d %s %v", status, raw, err)
	}
	if err := m.Verify(a.axis); err != nil {
		a.t.Errorf("the answer's signature: %v", err)
	}
	if err := json.Unmarshal(m.Header, &h); err != nil || h.MsgType != 102 || len(h.MsgID) < 38 {
		a.t.Errorf("%s %v", m.Header, err)
	}
	return head{h.SenderID, h.ReceiverID, h.MsgID, h.RefMsgID, h.DataState, h.ResCode, h.MsgType}
}

// message builds a signed push; from and to change its header.
func (a *axis) message(doc string, change ...string) string {
	a.t.Helper()
	header := fmt.Sprintf(`{"version":"1.0.6","sender_id":%q,"receiver_id":"TDLBYT","txn_type":"sync_checkup","msg_id":%q,"msg_type":101,"data_type":"xml/base64","send_datetime":1782871200000}`, gln, msgID)
	for i := 0; i < len(change); i += 2 {
		if !strings.Contains(header, change[i]) {
			a.t.Fatalf("%s is not there", change[i])
		}
		header = strings.Replace(header, change[i], change[i+1], 1)
	}
	m := simulator.Message{Header: json.RawMessage(header), Data: base64.StdEncoding.EncodeToString([]byte(doc))}
	if err := m.Sign(a.key); err != nil {
		a.t.Fatal(err)
	}
	raw, err := json.Marshal(m)
	if err != nil {
		a.t.Fatal(err)
	}
	return string(raw)
}

func checkup(episode string) string {
	inner := base64.StdEncoding.EncodeToString([]byte("<THONG_TIN_HANH_CHINH><MA_LK>" + episode + "</MA_LK><X>1</X></THONG_TIN_HANH_CHINH>"))
	return `<KHAMSUCKHOE><THONGTINDONVI><MACSKCB>79901</MACSKCB></THONGTINDONVI><THONGTINHOSO><SOLUONGHOSO>1</SOLUONGHOSO><DANHSACHHOSO><HOSO><FILEHOSO><LOAIHOSO>XML1</LOAIHOSO><NOIDUNGFILE>` +
		inner + `</NOIDUNGFILE></FILEHOSO></HOSO></DANHSACHHOSO></THONGTINHOSO><CHUKYDONVI></CHUKYDONVI></KHAMSUCKHOE>`
}

func (a *axis) counts() tally.Counts {
	a.t.Helper()
	_, raw := a.call("GET", "/simulator/counts", "", nil)
	var c tally.Counts
	if err := json.Unmarshal(raw, &c); err != nil {
		a.t.Fatal(err)
	}
	return c
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no room") }

func TestTheAxis(t *testing.T) {
	t.Parallel()
	k := newKeys(t)
	known := simulator.Config{Senders: []simulator.Sender{{GLN: gln, User: "u", Password: "p", Key: &k.sender.PublicKey}}}
	t.Run("a message is taken once", func(t *testing.T) {
		t.Parallel()
		a := setup(t, k, known)
		h := a.push(a.message(checkup("A1")), nil)
		if h.ResCode != "CM_SUCCESS" || h.RefMsgID != msgID || h.SenderID != "TDLBYT" || h.ReceiverID != gln || h.DataState != "RECEIVED" {
			t.Fatalf("%+v", h)
		}
		if h := a.push(a.message(checkup("A1")), nil); h.ResCode != "CM_SUCCESS" || h.DataState != "REPEATED" {
			t.Errorf("the same again: %+v", h)
		}
		if h := a.push(a.message(checkup("A2")), nil); h.ResCode != "CM_INVALID_REQUEST" {
			t.Errorf("another under the same msg_id: %+v", h)
		}
		if h := a.push(a.message("%PDF", `xml/base64`, `pdf/base64`, "0123456789abcdef0", "ffffffffffffffff0"), nil); h.ResCode != "CM_SUCCESS" {
			t.Errorf("a PDF: %+v", h)
		}
		if h := a.push(a.message("<HoSoBenhAn/>", "0123456789abcdef0", "eeeeeeeeeeeeeeee0"), nil); h.ResCode != "CM_SUCCESS" {
			t.Errorf("another document: %+v", h)
		}
		if c := a.counts(); c.Recorded != 3 || c.Held != 3 || c.Extra["messages_repeated"] != 1 || c.Answers["CM_SUCCESS"] != 5 {
			t.Errorf("%+v", c)
		}
		_, raw := a.call("GET", "/simulator/records?facility=79901&episode=A1", "", nil)
		if !bytes.Contains(raw, []byte(msgID)) {
			t.Errorf("%s", raw)
		}
		_, raw = a.call("GET", "/simulator/key", "", nil)
		block, _ := pem.Decode(raw)
		if key, err := x509.ParsePKIXPublicKey(block.Bytes); err != nil || !k.axis.PublicKey.Equal(key) {
			t.Errorf("%v", err)
		}
	})
	t.Run("codes", func(t *testing.T) { t.Parallel(); everyCode(t, k, known) })
	t.Run("faults", func(t *testing.T) { t.Parallel(); everyFault(t, k, known) })
	t.Run("seals", func(t *testing.T) { t.Parallel(); seals(t, k) })
}

func everyCode(t *testing.T, k keys, known simulator.Config) {
	for name, c := range map[string]struct {
		config simulator.Config
		body   func(a *axis) string
		change func(*http.Request)
		want   string
	}{
		"right":          {known, func(a *axis) string { return a.message(checkup("A1")) }, nil, "CM_SUCCESS"},
		"nobody known":   {simulator.Config{}, func(a *axis) string { a.key = k.other; return a.message(checkup("A1")) }, nil, "CM_SUCCESS"},
		"no token":       {known, func(a *axis) string { a.token = "x"; return a.message(checkup("A1")) }, nil, "CM_AUTH_PERMISSION"},
		"no bearer":      {known, func(a *axis) string { return "" }, func(r *http.Request) { r.Header.Del("Authorization") }, "CM_AUTH_PERMISSION"},
		"late":           {known, func(a *axis) string { a.clock.Advance(6000 * time.Second); return a.message(checkup("A1")) }, nil, "CM_AUTH_EXPIRED"},
		"another sender": {known, func(a *axis) string { return a.message(checkup("A1"), gln, "8930000000028", gln, "8930000000028") }, nil, "CM_AUTH_PERMISSION"},
		"another key":    {known, func(a *axis) string { a.key = k.other; return a.message(checkup("A1")) }, nil, "PS_SIGNATURE_INVALID"},
		"header edited": {known, func(a *axis) string {
			return strings.Replace(a.message(checkup("A1")), "1782871200000", "1782871200001", 1)
		}, nil, "PS_SIGNATURE_INVALID"},
		"no base64": {known, func(a *axis) string {
			return strings.Replace(a.message(checkup("A1")), `"signature":"`, `"signature":"*`, 1)
		}, nil, "PS_SIGNATURE_INVALID"},
		"no service":        {known, func(a *axis) string { return a.message(checkup("A1")) }, func(r *http.Request) { r.Header.Del("service-type") }, "CM_INVALID_REQUEST"},
		"no JSON":           {known, func(*axis) string { return "{" }, nil, "CM_INVALID_REQUEST"},
		"no header":         {known, func(*axis) string { return "{}" }, nil, "CM_INVALID_REQUEST"},
		"no version":        {known, func(a *axis) string { return a.message(checkup("A1"), "1.0.6", "") }, nil, "CM_INVALID_REQUEST"},
		"another receiver":  {known, func(a *axis) string { return a.message(checkup("A1"), "TDLBYT", "x") }, nil, "CM_INVALID_REQUEST"},
		"an answer":         {known, func(a *axis) string { return a.message(checkup("A1"), `"msg_type":101`, `"msg_type":102`) }, nil, "CM_INVALID_REQUEST"},
		"another data type": {known, func(a *axis) string { return a.message(checkup("A1"), "xml/base64", "xml") }, nil, "CM_INVALID_REQUEST"},
		"short id":          {known, func(a *axis) string { return a.message(checkup("A1"), "260701", "26070") }, nil, "CM_INVALID_REQUEST"},
		"no hex":            {known, func(a *axis) string { return a.message(checkup("A1"), "0123456789abcdef0", "x123456789abcdef0") }, nil, "CM_INVALID_REQUEST"},
		"no time":           {known, func(a *axis) string { return a.message(checkup("A1"), "1782871200000", "0") }, nil, "CM_INVALID_REQUEST"},
		"no XML":            {known, func(a *axis) string { return a.message("x") }, nil, "CM_INVALID_REQUEST"},
		"no data":           {known, func(a *axis) string { return a.message("") }, nil, "CM_INVALID_REQUEST"},
		"broken dossier":    {known, func(a *axis) string { return a.message("<KHAMSUCKHOE><MACSKCB>1</MACSKCB></KHAMSUCKHOE>") }, nil, "CM_INVALID_REQUEST"},
		"journal full":      {simulator.Config{Journal: full{}}, func(a *axis) string { return a.message(checkup("A1")) }, nil, "CM_SYSTEM_ERROR"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := setup(t, k, c.config)
			if h := a.push(c.body(a), c.change); h.ResCode != c.want {
				t.Errorf("%+v", h)
			}
			held := map[bool]int{true: 1}[c.want == "CM_SUCCESS"]
			if got := a.counts(); got.Held != held || got.Answers[c.want] < 1 {
				t.Errorf("%+v", got)
			}
		})
	}
	a := setup(t, k, known)
	for _, body := range []string{`{"username":"u","password":"x"}`, `{"username":"u"}`, `x`} {
		if status, raw := a.call("POST", "/api/auth/login", body, nil); status != 401 || !bytes.Contains(raw, []byte("CM_AUTH_PERMISSION")) {
			t.Errorf("%s: %d %s", body, status, raw)
		}
	}
}

func everyFault(t *testing.T, k keys, known simulator.Config) {
	for spec, c := range map[string]struct {
		status, held int
		code         string
	}{
		"CM_INVALID_REQUEST": {200, 0, "CM_INVALID_REQUEST"}, "CM_SYSTEM_ERROR": {200, 0, "CM_SYSTEM_ERROR"}, "CM_AUTH_PERMISSION": {200, 0, "CM_AUTH_PERMISSION"},
		"CM_AUTH_EXPIRED": {200, 0, "CM_AUTH_EXPIRED"}, "PS_SIGNATURE_INVALID": {200, 0, "PS_SIGNATURE_INVALID"}, "PS_DS_CA_SIGNATURE_INVALID": {200, 0, "PS_DS_CA_SIGNATURE_INVALID"},
		"500": {500, 0, ""}, "503": {503, 0, ""}, "unrecorded-success": {200, 0, "CM_SUCCESS"}, "lost-answer": {0, 1, ""}, "half-answer": {200, 1, ""}, "reset": {0, 0, ""},
		"down": {0, 0, ""}, "garbage": {200, 0, ""}, "redirect": {307, 0, ""}, "slow=1ms": {200, 1, "CM_SUCCESS"}, "drip=1us": {200, 1, "CM_SUCCESS"},
	} {
		t.Run(spec, func(t *testing.T) {
			t.Parallel()
			a := setup(t, k, known)
			a.call("PUT", "/simulator/faults", spec, nil)
			status, raw := a.call("POST", "/api/platform/data-sync/push", a.message(checkup("A1")), nil)
			if status != c.status || c.code != "" && !bytes.Contains(raw, []byte(`"res_code":"`+c.code+`"`)) {
				t.Errorf("%d %s", status, raw)
			}
			if got := a.counts(); got.Held != c.held {
				t.Errorf("%+v", got)
			}
		})
	}
}

func seals(t *testing.T, k keys) {
	pair := func() (*ecdsa.PrivateKey, *x509.Certificate) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "x"}, NotAfter: time.Date(2036, 1, 1, 0, 0, 0, 0, time.UTC)}
		der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return key, cert
	}
	key, cert := pair()
	doctor, doctorCert := pair()
	a := setup(t, k, simulator.Config{Senders: []simulator.Sender{{GLN: gln, User: "u", Password: "p", Certificates: []*x509.Certificate{cert}}}})
	sealed, err := seal.Sign([]byte(checkup("A1")), "CHUKYDONVI", key, cert)
	if err != nil {
		t.Fatal(err)
	}
	two := []byte(strings.Replace(checkup("A2"), "<CHUKYDONVI>", "<CHUKYDONVI><CKS_NGUOI_KET_LUAN></CKS_NGUOI_KET_LUAN><CKS_BENH_VIEN></CKS_BENH_VIEN>", 1))
	if two, err = (seal.KeyPair{Key: doctor, Certificate: doctorCert}).SignHolder(two, "CHUKYDONVI", "CKS_NGUOI_KET_LUAN"); err != nil {
		t.Fatal(err)
	}
	if two, err = (seal.KeyPair{Key: key, Certificate: cert}).SignHolder(two, "CHUKYDONVI", "CKS_BENH_VIEN"); err != nil {
		t.Fatal(err)
	}
	other, err := seal.Sign([]byte(checkup("A3")), "CHUKYDONVI", doctor, doctorCert)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct{ doc, want string }{
		{string(sealed), "CM_SUCCESS"}, {string(two), "CM_SUCCESS"}, {checkup("A4"), "PS_DS_CA_SIGNATURE_INVALID"}, {string(other), "PS_DS_CA_SIGNATURE_INVALID"},
		{strings.Replace(string(sealed), "79901", "79902", 1), "PS_DS_CA_SIGNATURE_INVALID"},
	} {
		if h := a.push(a.message(c.doc, "0123456789abcdef0", fmt.Sprintf("%016x0", i)), nil); h.ResCode != c.want {
			t.Errorf("%d: %+v, want %s", i, h, c.want)
		}
	}
}

func FuzzParsePush(f *testing.F) {
	f.Add([]byte(`{"header":{"version":"1.0.6","sender_id":"` + gln + `","receiver_id":"TDLBYT","txn_type":"sync_checkup","msg_id":"` + msgID + `","msg_type":101,"data_type":"xml/base64","send_datetime":1},"data":"PGE+","signature":"AA=="}`))
	f.Add([]byte(`{"header":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		m, h, err := simulator.ParsePush(body)
		if err == nil && (len(h.MsgID) != 51 || len(h.SenderID) != 13 || m.Signature == "") {
			t.Fatalf("%+v", h)
		}
	})
}
