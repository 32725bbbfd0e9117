// Package prescription speaks to the national e-prescription system: a facility
// logs in, a prescription goes over in the JSON it was sealed in. A code is
// never used again there, so that one sent twice is refused as known, which is
// as good as taken.
package prescription

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"lienthong/internal/bridge/login"
	"lienthong/internal/bridge/outbound"
	"lienthong/internal/bridge/verdict"
	"lienthong/internal/clock"
	"lienthong/internal/courier"
	"lienthong/internal/exchange"
	"lienthong/internal/fault"
	"lienthong/internal/jsondoc"
)

// ErrOptions (prescription.options): the destination has options, and this adapter knows none.
var ErrOptions = fault.New(fault.Invalid, "prescription.options",
	"Hệ thống đơn thuốc quốc gia không có tùy chọn nào.", "The national prescription system has no options.")

// Secret is a facility's credential there, as it is put: JSON.
type Secret struct {
	Facility string `json:"facility"` // ma_lien_thong_co_so_kham_chua_benh
	Password string `json:"password"`
}

// speaker begins this bridge's codes.
const speaker verdict.Speaker = "prescription"

// answerLimit is the most bytes of an answer that are read.
const answerLimit = 1 << 20

// Adapter is the courier's way to the system.
type Adapter struct {
	client   *outbound.Client
	sessions *login.Keeper[string]
}

var _ courier.Adapter = (*Adapter)(nil)

// New returns an adapter over client.
func New(client *outbound.Client, clk clock.Clock) *Adapter {
	return &Adapter{client, login.New[string](speaker, clk)}
}

// Wants says that the system gets prescriptions as they are.
func (a *Adapter) Wants() courier.Wants { return courier.Wants{Original: true} }

// Check says what is wrong with a destination. Fault: prescription.options.
func (a *Adapter) Check(d exchange.Destination) error {
	if !d.NoOptions() {
		return ErrOptions
	}
	return nil
}

// Deliver hands one prescription over.
func (a *Adapter) Deliver(ctx context.Context, p *courier.Parcel) exchange.Answer {
	switch {
	case p.Withdraws != nil:
		return verdict.Refused("leg.withdrawal_by_hand") // its interface knows none
	case p.Legs[0].Kind != "prescription":
		return verdict.Refused("leg.kind_unsupported")
	case p.Sent == nil:
		return verdict.Refused("leg.original_missing")
	}
	var secret Secret
	if len(p.Secret) == 0 || json.Unmarshal(p.Secret, &secret) != nil || secret.Facility == "" {
		return verdict.Refused("leg.secret_missing")
	}
	who := login.Who{Destination: p.Destination.ID, Facility: p.Facility.Code, User: secret.Facility}
	for again := false; ; again = true {
		token, bad := a.sessions.Get(ctx, who, func(ctx context.Context) (*string, time.Duration, *exchange.Answer, bool) {
			return a.login(ctx, p, secret)
		})
		if bad != nil {
			return *bad
		}
		reply, err := a.client.Exchange(ctx, http.MethodPost, outbound.Call{URL: p.Destination.Base() + "/api/v1/gui-don-thuoc",
			Private: p.Destination.Private, Type: "application/json; charset=utf-8", Body: p.Sent.Bytes, Limit: answerLimit},
			http.Header{"Authorization": {"Bearer " + *token}})
		if err != nil {
			return verdict.Failed(reply, err)
		}
		if reply.Status == http.StatusUnauthorized && !again {
			a.sessions.Drop(who, token)
			continue
		}
		return taken(reply, p)
	}
}

// taken reads the answer: the prescription's own code is its number there.
func taken(reply outbound.Reply, p *courier.Parcel) exchange.Answer {
	sent, err := jsondoc.Parse(p.Sent.Bytes, jsondoc.Limits{})
	if err != nil {
		return verdict.Refused("leg.original_missing")
	}
	code := verdict.Reference(sent.Get("ma_don_thuoc").String())
	done := exchange.Answer{Outcome: exchange.Finalized, Sent: true, Code: "prescription." + strconv.Itoa(reply.Status), Reference: code}
	doc, err := jsondoc.Parse(reply.Body, jsondoc.Limits{})
	why := ""
	if err == nil && doc.Type == jsondoc.Object {
		why = problem(doc)
	}
	if there := reply.Status == http.StatusConflict || reply.Status == http.StatusUnprocessableEntity && why == known; there && p.Repeated {
		return done // an earlier attempt arrived
	}
	if out, ok := speaker.Status(reply, http.StatusOK, http.StatusCreated); !ok {
		if why != "" && out.Outcome == exchange.Refused {
			out.Code = "prescription." + why
		}
		return out
	}
	if err != nil || doc.Type != jsondoc.Object {
		return speaker.Garbage()
	}
	if no := doc.Get("success"); why != "" || no != nil && no.String() == "false" { // 200 that says no
		return exchange.Answer{Outcome: exchange.Refused, Sent: true, Code: "prescription." + cmp.Or(why, "refused")}
	}
	return done
}

// known is the ma_loi of a code that was sent before.
const known = "DA_TON_TAI"

// problem is the first code in an answer's danh_sach_cac_loi, "" without one.
func problem(doc *jsondoc.Value) string {
	list := doc.Get("danh_sach_cac_loi")
	if list == nil || list.Type != jsondoc.Array {
		return ""
	}
	for _, item := range list.Items {
		if code := item.Get("ma_loi").String(); verdict.Plain(code) {
			return code
		}
	}
	return ""
}

// login takes a facility's token.
func (a *Adapter) login(ctx context.Context, p *courier.Parcel, secret Secret) (*string, time.Duration, *exchange.Answer, bool) {
	no := func(out exchange.Answer, denied bool) (*string, time.Duration, *exchange.Answer, bool) {
		return nil, 0, &out, denied
	}
	body, err := json.Marshal(map[string]string{"ma_lien_thong_co_so_kham_chua_benh": secret.Facility, "password": secret.Password})
	if err != nil {
		return no(speaker.Unmade(), false)
	}
	reply, err := a.client.Exchange(ctx, http.MethodPost, outbound.Call{URL: p.Destination.Base() + "/api/auth/dang-nhap-co-so-kham-chua-benh",
		Private: p.Destination.Private, Type: "application/json; charset=utf-8", Body: body, Limit: answerLimit}, nil)
	if err != nil {
		return no(verdict.Failed(reply, err), false)
	}
	switch reply.Status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity:
		return no(exchange.Answer{Outcome: exchange.Again, Code: "prescription.login_" + strconv.Itoa(reply.Status)}, true)
	}
	if out, ok := speaker.Status(reply, http.StatusOK, http.StatusCreated); !ok {
		return no(out, false)
	}
	doc, err := jsondoc.Parse(reply.Body, jsondoc.Limits{})
	if err != nil {
		return no(speaker.Garbage(), false)
	}
	for _, at := range []*jsondoc.Value{doc, doc.Get("data")} {
		for _, name := range []string{"token", "access_token"} {
			if token := at.Get(name).String(); verdict.InHeader(token) {
				return &token, life(at), nil, false
			}
		}
	}
	return no(speaker.Garbage(), false)
}

// life reads how long a token lives; half an hour where it says nothing. A 401
// ends it sooner.
func life(at *jsondoc.Value) time.Duration {
	if n, err := strconv.Atoi(at.Get("expires_in").String()); err == nil && n > 0 {
		return time.Duration(min(n, 24*3600)) * time.Second
	}
	return 30 * time.Minute
}
