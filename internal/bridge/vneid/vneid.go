package vneid

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
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

// ErrOptions (vneid.options): the destination has options, and this adapter knows none.
var ErrOptions = fault.New(fault.Invalid, "vneid.options",
	"Sổ sức khỏe điện tử không có tùy chọn nào.", "The health book has no options.")

// Secret is the hub's credential at the book, as it is put: JSON.
type Secret struct {
	ID     string `json:"client_id"`
	Secret string `json:"client_secret"`
}

// speaker begins this bridge's codes.
const speaker verdict.Speaker = "vneid"

// answerLimit is the most bytes of an answer that are read.
const answerLimit = 1 << 20

// Adapter is the courier's way to the health book.
type Adapter struct {
	client   *outbound.Client
	sessions *login.Keeper[string]
}

var _ courier.Adapter = (*Adapter)(nil)

// New returns an adapter over client.
func New(client *outbound.Client, clk clock.Clock) *Adapter {
	return &Adapter{client, login.New[string](speaker, clk)}
}

// Wants says that an entry is made of the record as it may be shown.
func (a *Adapter) Wants() courier.Wants { return courier.Wants{Content: true} }

// Check says what is wrong with a destination. Fault: vneid.options.
func (a *Adapter) Check(d exchange.Destination) error {
	if !d.NoOptions() {
		return ErrOptions
	}
	return nil
}

// Deliver hands one entry over, or takes one back. The book names entries by
// facility and MA_LK and keeps the highest version: sending again changes nothing.
func (a *Adapter) Deliver(ctx context.Context, p *courier.Parcel) exchange.Answer {
	if p.Legs[0].Kind != "qd4750" && p.Withdraws == nil {
		return verdict.Refused("leg.kind_unsupported")
	}
	if p.Opened == nil {
		return verdict.Refused("leg.content_missing")
	}
	var secret Secret
	if len(p.Secret) == 0 || json.Unmarshal(p.Secret, &secret) != nil || secret.ID == "" {
		return verdict.Refused("leg.secret_missing")
	}
	body, err := json.Marshal(entryOf(p))
	if err != nil {
		return speaker.Unmade()
	}
	who := login.Who{Destination: p.Destination.ID, User: secret.ID} // one account for all facilities
	for again := false; ; again = true {
		token, bad := a.sessions.Get(ctx, who, func(ctx context.Context) (*string, time.Duration, *exchange.Answer, bool) {
			return a.login(ctx, p.Destination, secret)
		})
		if bad != nil {
			return *bad
		}
		reply, err := a.client.Exchange(ctx, http.MethodPost, outbound.Call{URL: p.Destination.Base() + "/api/so-suc-khoe/muc",
			Private: p.Destination.Private, Type: "application/json; charset=utf-8", Body: body, Limit: answerLimit},
			http.Header{"Authorization": {"Bearer " + *token}})
		if err != nil {
			return verdict.Failed(reply, err)
		}
		if reply.Status == http.StatusUnauthorized && !again {
			a.sessions.Drop(who, token)
			continue
		}
		return entered(reply)
	}
}

func entryOf(p *courier.Parcel) *Entry {
	o := p.Opened
	if p.Withdraws != nil {
		return &Entry{Facility: string(p.Facility.Code), Episode: o.Episode, Version: o.Record.Version, Record: o.Record.ID.String(),
			Person: fields{}, Visit: fields{}, Revoked: &Revoking{Reason: p.Reason}}
	}
	return Make(string(p.Facility.Code), o.Episode, o.Record.ID.String(), o.Record.Version, o.Read.Content)
}

// entered reads the answer: what became of the entry is its code, whether the
// book was there before says ReusedBook.
func entered(reply outbound.Reply) exchange.Answer {
	if out, ok := speaker.Status(reply, http.StatusOK, http.StatusCreated); !ok {
		if doc, err := jsondoc.Parse(reply.Body, jsondoc.Limits{}); err == nil && out.Outcome == exchange.Refused {
			if code := doc.Get("ma_loi").String(); verdict.Plain(code) {
				out.Code = "vneid." + code
			}
		}
		return out
	}
	doc, err := jsondoc.Parse(reply.Body, jsondoc.Limits{})
	if err != nil {
		return speaker.Garbage()
	}
	state, number := doc.Get("trang_thai").String(), doc.Get("ma_muc").String()
	if !slices.Contains([]string{"moi", "thay_the", "da_co", "thu_hoi"}, state) || number == "" {
		return speaker.Garbage()
	}
	code := "vneid." + state
	if doc.Get("so_da_co").String() == "true" && state == "moi" {
		code = ReusedBook
	}
	return exchange.Answer{Outcome: exchange.Finalized, Sent: true, Code: code, Reference: verdict.Reference(number)}
}

// ReusedBook is the code of an entry that went into a book that was there
// before: none was made again for its person.
const ReusedBook = "vneid.moi_so_da_co"

// login takes the hub's token.
func (a *Adapter) login(ctx context.Context, d exchange.Destination, secret Secret) (*string, time.Duration, *exchange.Answer, bool) {
	no := func(out exchange.Answer, denied bool) (*string, time.Duration, *exchange.Answer, bool) {
		return nil, 0, &out, denied
	}
	body, err := json.Marshal(secret)
	if err != nil {
		return no(speaker.Unmade(), false)
	}
	reply, err := a.client.Exchange(ctx, http.MethodPost, outbound.Call{URL: d.Base() + "/api/token", Private: d.Private,
		Type: "application/json; charset=utf-8", Body: body, Limit: answerLimit}, nil)
	if err != nil {
		return no(verdict.Failed(reply, err), false)
	}
	if reply.Status == http.StatusUnauthorized || reply.Status == http.StatusForbidden {
		return no(exchange.Answer{Outcome: exchange.Again, Code: "vneid.login_" + strconv.Itoa(reply.Status), Whole: true}, true)
	}
	if out, ok := speaker.Status(reply, http.StatusOK); !ok {
		return no(out, false)
	}
	doc, err := jsondoc.Parse(reply.Body, jsondoc.Limits{})
	if err != nil {
		return no(speaker.Garbage(), false)
	}
	token := doc.Get("access_token").String()
	seconds, err := strconv.Atoi(doc.Get("expires_in").String())
	if err != nil || seconds <= 0 || !verdict.InHeader(token) {
		return no(speaker.Garbage(), false)
	}
	return &token, time.Duration(min(seconds, 24*3600)) * time.Second, nil, false
}
