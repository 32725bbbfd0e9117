// Package axis speaks to the ministry's data axis (QĐ 1551/2026 annex 2): log
// in, push one message with a signed header, read its answer. A message's
// number is made from the record, so that a push sent again is the same message.
//
// It decides nothing about when and how often: package courier does.
package axis

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"strings"

	"lienthong/internal/bridge/login"
	"lienthong/internal/bridge/outbound"
	"lienthong/internal/bridge/verdict"
	"lienthong/internal/clock"
	"lienthong/internal/courier"
	"lienthong/internal/exchange"
	"lienthong/internal/fault"
	"lienthong/internal/jsondoc"
	"lienthong/internal/store"
)

// ErrOptions (axis.options): a destination's options are not this adapter's.
var ErrOptions = fault.New(fault.Invalid, "axis.options",
	"Tùy chọn của trục dữ liệu không đúng: cần sender (mã GLN 13 chữ số hoặc bảng theo cơ sở), receiver và transactions (loại hồ sơ -> txn_type); receiver_key là khóa công khai RSA (PEM) của trục.",
	"The axis's options are not valid: sender (a GLN of 13 digits, or one for each facility), receiver and transactions (kind -> txn_type) are needed; receiver_key is the axis's public RSA key (PEM).")

// Options are a destination's own settings.
type Options struct {
	Version      string            `json:"version,omitempty"`      // of the protocol; "1.0.6"
	Receiver     string            `json:"receiver,omitempty"`     // "TDLBYT"
	Sender       string            `json:"sender,omitempty"`       // GLN of 13 digits, of facilities without one of their own
	Senders      map[string]string `json:"senders,omitempty"`      // by MA_CSKCB
	Transactions map[string]string `json:"transactions,omitempty"` // kind -> txn_type; {"checkup":"sync_checkup"}
	ReceiverKey  string            `json:"receiver_key,omitempty"` // PEM of the RSA key that signs answers; "": they are not checked

	key *rsa.PublicKey
}

func options(d exchange.Destination) (Options, error) {
	o := Options{Version: "1.0.6", Receiver: "TDLBYT"}
	if len(d.Options) > 0 {
		dec := json.NewDecoder(strings.NewReader(string(d.Options)))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&o); err != nil {
			return o, ErrOptions.Because(err)
		}
	}
	if o.Transactions == nil {
		o.Transactions = map[string]string{"checkup": "sync_checkup"}
	}
	for code, gln := range o.Senders {
		if len(code) != 5 || !isGLN(gln) {
			return o, ErrOptions
		}
	}
	if o.Sender != "" && !isGLN(o.Sender) || o.Receiver == "" || o.Sender == "" && len(o.Senders) == 0 {
		return o, ErrOptions
	}
	if o.ReceiverKey == "" {
		return o, nil
	}
	var err error
	o.key, err = parseKey(o.ReceiverKey)
	return o, err
}

// parseKey reads an RSA public key of at least 2048 bits. Fault: axis.options.
func parseKey(text string) (*rsa.PublicKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, ErrOptions
	}
	k, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, ErrOptions.Because(err)
	}
	key, ok := k.(*rsa.PublicKey)
	if !ok || key.N.BitLen() < 2048 {
		return nil, ErrOptions
	}
	return key, nil
}

func isGLN(s string) bool { return len(s) == 13 && strings.Trim(s, "0123456789") == "" }

// sender is the GLN a facility sends under, "" without one.
func (o Options) sender(code string) string {
	if g := o.Senders[code]; g != "" {
		return g
	}
	return o.Sender
}

// Adapter is the courier's way to the axis.
type Adapter struct {
	client   *outbound.Client
	sessions *login.Keeper[string]
}

// speaker begins this bridge's codes.
const speaker verdict.Speaker = "axis"

var _ courier.Adapter = (*Adapter)(nil)

// New returns an adapter over client.
func New(client *outbound.Client, clk clock.Clock) *Adapter {
	return &Adapter{client, login.New[string](speaker, clk)}
}

// Wants says that the axis gets files as they are.
func (a *Adapter) Wants() courier.Wants { return courier.Wants{Original: true} }

// Check says what is wrong with a destination. Fault: axis.options.
func (a *Adapter) Check(d exchange.Destination) error {
	_, err := options(d)
	return err
}

// answerLimit is the most bytes of an answer that are read.
const answerLimit = 1 << 20

// Deliver pushes one message.
func (a *Adapter) Deliver(ctx context.Context, p *courier.Parcel) exchange.Answer {
	if p.Withdraws != nil {
		return verdict.Refused("leg.withdrawal_by_hand") // its interface knows none
	}
	o, err := options(p.Destination)
	if err != nil {
		return verdict.Refused(ErrOptions.Code)
	}
	sort, gln := o.Transactions[p.Legs[0].Kind], o.sender(string(p.Facility.Code))
	switch {
	case sort == "":
		return verdict.Refused("leg.kind_unsupported")
	case gln == "":
		return verdict.Refused("axis.sender_unknown")
	case p.Sent == nil:
		return verdict.Refused("leg.original_missing")
	}
	secret, err := parseSecret(p.Secret)
	if err != nil {
		return verdict.Refused("leg.secret_missing")
	}
	message, err := compose(o, sort, gln, p, secret.key)
	if err != nil {
		return speaker.Unmade()
	}
	for again := false; ; again = true {
		token, bad := a.session(ctx, p, secret)
		if bad != nil {
			return *bad
		}
		reply, err := a.client.Exchange(ctx, http.MethodPost, outbound.Call{URL: p.Destination.Base() + "/api/platform/data-sync/push",
			Private: p.Destination.Private, Type: "application/json; charset=utf-8", Body: message.body, Limit: answerLimit},
			http.Header{"Authorization": {"Bearer " + *token}, "service-type": {"100"}})
		if err != nil {
			return verdict.Failed(reply, err)
		}
		out, code := answered(reply, message.id, o.key)
		// CM_AUTH_PERMISSION is also what an axis says of a token it forgot.
		if (code == "CM_AUTH_EXPIRED" || code == "CM_AUTH_PERMISSION" || reply.Status == http.StatusUnauthorized) && !again {
			a.sessions.Drop(who(p, secret.User), token)
			continue
		}
		return out
	}
}

// header is the signed head of a message.
type header struct {
	Version  string `json:"version"`
	Sender   string `json:"sender_id"`
	Receiver string `json:"receiver_id"`
	Sort     string `json:"txn_type"`
	ID       string `json:"msg_id"`
	Type     int    `json:"msg_type"`
	Data     string `json:"data_type"`
	At       int64  `json:"send_datetime"` // milliseconds
}

type message struct {
	id   string
	body []byte
}

// compose makes a message: the signature covers the header's bytes as they
// travel and the data as they travel. It is the same message, to the byte, at
// every attempt: send_datetime is when the leg was begun, since the axis refuses
// a number that comes again with another header.
func compose(o Options, sort, gln string, p *courier.Parcel, by *rsa.PrivateKey) (*message, error) {
	id := MessageID(gln, &p.Legs[0])
	format := "xml/base64"
	if jsondoc.IsJSON(p.Sent.Bytes) {
		format = "json/base64"
	}
	head, err := json.Marshal(header{Version: o.Version, Sender: gln, Receiver: o.Receiver, Sort: sort, ID: id, Type: 101, Data: format, At: p.Legs[0].Created.UnixMilli()})
	if err != nil {
		return nil, err
	}
	data := base64.StdEncoding.EncodeToString(p.Sent.Bytes)
	sum := sha256.Sum256(signed(head, []byte(data)))
	signature, err := rsa.SignPKCS1v15(rand.Reader, by, crypto.SHA256, sum[:])
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(struct {
		Header    json.RawMessage `json:"header"`
		Data      string          `json:"data"`
		Signature string          `json:"signature"`
	}{head, data, base64.StdEncoding.EncodeToString(signature)})
	return &message{id, body}, err
}

// signed is what a message's signature is over: hex(SHA-256(header)) "." hex(SHA-256(data)).
func signed(head, data []byte) []byte {
	h, d := sha256.Sum256(head), sha256.Sum256(data)
	return []byte(hex.EncodeToString(h[:]) + "." + hex.EncodeToString(d[:]))
}

// MessageID is the number of a record's message: the sender, the day the leg was
// begun, and 32 hexadecimal digits made from the record. The same at every attempt.
func MessageID(gln string, leg *store.Leg) string {
	sum := sha256.Sum256([]byte("lienthong/axis/v1\n" + leg.Record.String() + "\n" + leg.Destination))
	return gln + leg.Created.In(clock.Hanoi).Format("060102") + hex.EncodeToString(sum[:16])
}

// answered reads the answer to a push, and the axis's own code. With a key its
// signature must be good: whoever stands between must not say what was taken.
func answered(r outbound.Reply, id string, key *rsa.PublicKey) (exchange.Answer, string) {
	if out, ok := speaker.Status(r, http.StatusOK); !ok {
		return out, ""
	}
	doc, err := jsondoc.Parse(r.Body, jsondoc.Limits{})
	if err != nil {
		return speaker.Garbage(), ""
	}
	if key != nil {
		if doc, err = verified(r.Body, key); err != nil {
			return exchange.Answer{Outcome: exchange.Again, Sent: true, Code: "axis.answer_signature", Whole: true}, ""
		}
	}
	code, ref := find(doc, "res_code"), find(doc, "ref_msg_id")
	out := exchange.Answer{Sent: true, Code: "axis." + code, Reference: id}
	switch code {
	case "CM_SUCCESS":
		if ref != id { // an answer to another message proves nothing of this one
			return speaker.Garbage(), code
		}
		out.Outcome = exchange.Finalized
	case "CM_SYSTEM_ERROR":
		out.Outcome = exchange.Again
	case "CM_AUTH_EXPIRED":
		out.Outcome, out.Whole = exchange.Again, true
	case "CM_INVALID_REQUEST", "CM_AUTH_PERMISSION", "PS_SIGNATURE_INVALID", "PS_DS_CA_SIGNATURE_INVALID":
		out.Outcome = exchange.Refused
	default:
		if !verdict.Plain(code) {
			return speaker.Garbage(), ""
		}
		out.Outcome = exchange.Refused
	}
	return out, code
}

// verified returns an answer's header once its signature is good. It must say
// all that counts: what stands outside is not under the signature.
func verified(body []byte, key *rsa.PublicKey) (*jsondoc.Value, error) {
	var m struct {
		Header    json.RawMessage `json:"header"`
		Data      string          `json:"data"`
		Signature string          `json:"signature"`
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return nil, err
	}
	signature, err := base64.StdEncoding.DecodeString(m.Signature)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(signed(m.Header, []byte(m.Data)))
	if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature); err != nil {
		return nil, err
	}
	return jsondoc.Parse(m.Header, jsondoc.Limits{})
}

// find reads a member of the answer, or of its header.
func find(doc *jsondoc.Value, name string) string {
	if v := doc.Get(name); v != nil {
		return strings.TrimSpace(v.String())
	}
	return strings.TrimSpace(doc.Get("header").Get(name).String())
}
