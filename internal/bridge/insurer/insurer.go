// Package insurer speaks to the social insurance gateway as its vendors'
// documents describe it: log in, hand over a dossier or a check-in in its own
// bytes, ask for a card and the visits the insurer knows. Where a hub relays,
// the insurer gets byte for byte what the facility signed.
//
// It decides nothing about when and how often (package courier does) and keeps
// no credential longer than a session needs it.
package insurer

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"lienthong/internal/bridge/login"
	"lienthong/internal/bridge/outbound"
	"lienthong/internal/bridge/verdict"
	"lienthong/internal/clock"
	"lienthong/internal/courier"
	"lienthong/internal/exchange"
	"lienthong/internal/fault"
	"lienthong/internal/jsondoc"
)

// ErrOptions (insurer.options): a destination's options are not this adapter's.
var ErrOptions = fault.New(fault.Invalid, "insurer.options",
	"Tùy chọn của cổng BHXH không đúng: chỉ nhận dossier_path, checkin_path và holdings_path, mỗi mục là một đường dẫn bắt đầu bằng /.",
	"The insurer's options are not valid: only dossier_path, checkin_path and holdings_path, each a path that begins with /.")

// Options are a destination's own settings; empty ones take the gateway's paths
// of QĐ 3176/2024.
type Options struct {
	Dossier  string `json:"dossier_path,omitempty"`
	CheckIn  string `json:"checkin_path,omitempty"`
	Holdings string `json:"holdings_path,omitempty"` // where the insurer lists what it holds; "": it does not
}

func options(d exchange.Destination) (Options, error) {
	o := Options{Dossier: "/api/qd130/guiHoSoXmlQD3176", CheckIn: "/api/qd130/checkInKcbQd3176"}
	if len(d.Options) > 0 {
		dec := json.NewDecoder(strings.NewReader(string(d.Options)))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&o); err != nil {
			return o, ErrOptions.Because(err)
		}
	}
	for _, p := range []string{o.Dossier, o.CheckIn, o.Holdings} {
		if p != "" && (!strings.HasPrefix(p, "/") || strings.ContainsAny(p, "?# \r\n")) {
			return o, ErrOptions
		}
	}
	return o, nil
}

// Adapter is the courier's way to the insurer.
type Adapter struct {
	client   *outbound.Client
	clock    clock.Clock
	sessions *login.Keeper[session]
	verdicts *verdicts
}

// speaker begins this bridge's codes.
const speaker verdict.Speaker = "insurer"

var _ courier.Adapter = (*Adapter)(nil)

// New returns an adapter over client.
func New(client *outbound.Client, clk clock.Clock) *Adapter {
	return &Adapter{client, clk, login.New[session](speaker, clk), &verdicts{clock: clk, days: map[string]*listed{}}}
}

// Wants says that the insurer gets files as they are.
func (a *Adapter) Wants() courier.Wants { return courier.Wants{Original: true} }

// Check says what is wrong with a destination. Fault: insurer.options.
func (a *Adapter) Check(d exchange.Destination) error {
	_, err := options(d)
	return err
}

// answerLimit is the most bytes of an answer that are read.
const answerLimit = 1 << 20

// Deliver hands one file over. The insurer has no key against doubles of its
// own, but the same MA_LK takes the place of the one before: sending again
// after an unknown outcome leaves one dossier there.
func (a *Adapter) Deliver(ctx context.Context, p *courier.Parcel) exchange.Answer {
	if p.Withdraws != nil {
		return verdict.Refused("leg.withdrawal_by_hand") // its interface knows none
	}
	o, err := options(p.Destination)
	if err != nil {
		return verdict.Refused(ErrOptions.Code)
	}
	path, sort := "", ""
	switch p.Legs[0].Kind {
	case "qd4750":
		path, sort = o.Dossier, "130"
	case "checkin":
		path, sort = o.CheckIn, "0"
	default:
		return verdict.Refused("leg.kind_unsupported")
	}
	if p.Sent == nil {
		return verdict.Refused("leg.original_missing")
	}
	for again := false; ; again = true {
		s, bad := a.session(ctx, p)
		if bad != nil {
			return *bad
		}
		body, err := json.Marshal(submission{User: s.user, Sort: sort, Province: p.Facility.Province, Facility: string(p.Facility.Code),
			File: base64.StdEncoding.EncodeToString(p.Sent.Bytes)})
		if err != nil {
			return speaker.Unmade()
		}
		reply, err := a.client.Exchange(ctx, http.MethodPost, outbound.Call{URL: p.Destination.Base() + path, Private: p.Destination.Private,
			Type: "application/json; charset=utf-8", Body: body, Limit: answerLimit}, s.header())
		if err != nil {
			return verdict.Failed(reply, err)
		}
		out, code := submitted(reply)
		if code == "401" && !again {
			a.sessions.Drop(who(p, s.user), s)
			continue
		}
		return said(out, o)
	}
}

// submission is the body of a hand-over (vietnam.md §2.1).
type submission struct {
	User     string `json:"username"`
	Sort     string `json:"loaiHoSo"` // "130" a dossier, "0" a check-in
	Province string `json:"maTinh"`
	Facility string `json:"maCSKCB"`
	File     string `json:"fileHSBase64"`
}

// submitted reads the answer to a hand-over, and the insurer's own code.
func submitted(r outbound.Reply) (exchange.Answer, string) {
	if out, ok := speaker.Status(r, http.StatusOK); !ok {
		return out, strconv.Itoa(r.Status)
	}
	doc, err := jsondoc.Parse(r.Body, jsondoc.Limits{})
	if err != nil {
		return speaker.Garbage(), ""
	}
	code, reference := text(doc, "maKetQua"), text(doc, "maGiaoDich")
	switch code {
	case "200":
		if reference == "" {
			return speaker.Garbage(), code
		}
		return exchange.Answer{Outcome: exchange.Received, Sent: true, Code: "insurer.200", Reference: verdict.Reference(reference)}, code
	case "401":
		return exchange.Answer{Outcome: exchange.Again, Sent: true, Code: "insurer.401", Whole: true}, code
	case "500":
		return exchange.Answer{Outcome: exchange.Again, Sent: true, Code: "insurer.500", Wait: r.Wait}, code
	}
	if !verdict.Plain(code) {
		return speaker.Garbage(), ""
	}
	return exchange.Answer{Outcome: exchange.Refused, Sent: true, Code: "insurer." + code, Reference: verdict.Reference(reference)}, code
}

// text reads a member that is a text or a number; "" for any other.
func text(doc *jsondoc.Value, name string) string {
	v := doc.Get(name)
	if v == nil {
		return ""
	}
	return strings.TrimSpace(v.String())
}
