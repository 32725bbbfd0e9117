package insurer

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"lienthong/internal/bridge/outbound"
	"lienthong/internal/bridge/verdict"
	"lienthong/internal/courier"
	"lienthong/internal/exchange"
	"lienthong/internal/jsondoc"
)

// CardQuery asks for a card and the visits the insurer knows (vietnam.md §2.1,
// KQNhanLichSuKCB2024).
type CardQuery struct {
	Card  string `json:"maThe"`    // 10, 12 or 15 characters
	Name  string `json:"hoTen"`    // of the insured
	Birth string `json:"ngaySinh"` // dd/MM/yyyy, MM/yyyy or yyyy
	// Who asks, as the gateway wants it: name and citizen number of the member of staff.
	StaffName    string `json:"hoTenCb"`
	StaffCitizen string `json:"cccdCb"`
}

// Card is the insurer's answer: Code says what the card is ("000" valid, "010"
// expired, ...), Raw the answer as it came, for a HIS that knows its shape.
type Card struct {
	Code string
	Raw  []byte
}

// Card asks for a card. The answer is exchange.Finalized with a Card, or what
// kept it from coming. The query travels in the address, as the gateway wants
// it, with the session's tokens: no error made here tells it.
func (a *Adapter) Card(ctx context.Context, p *courier.Parcel, q CardQuery) (*Card, exchange.Answer) {
	var secret Secret
	if json.Unmarshal(p.Secret, &secret) == nil {
		q.StaffName, q.StaffCitizen = cmp.Or(q.StaffName, secret.Staff), cmp.Or(q.StaffCitizen, secret.Citizen)
	}
	body, err := json.Marshal(q)
	if err != nil {
		return nil, speaker.Unmade()
	}
	for again := false; ; again = true {
		s, bad := a.session(ctx, p)
		if bad != nil {
			return nil, *bad
		}
		with := url.Values{"token": {s.access}, "id_token": {s.id}, "username": {s.user}, "password": {s.hash}}
		reply, err := a.client.Exchange(ctx, http.MethodPost, outbound.Call{URL: p.Destination.Base() + "/api/egw/KQNhanLichSuKCB2024?" + with.Encode(),
			Private: p.Destination.Private, Type: "application/json; charset=utf-8", Body: body, Limit: answerLimit}, nil)
		if err != nil {
			return nil, verdict.Failed(reply, err)
		}
		if out, ok := speaker.Status(reply, http.StatusOK); !ok {
			if reply.Status == http.StatusUnauthorized && !again {
				a.sessions.Drop(who(p, s.user), s)
				continue
			}
			return nil, out
		}
		doc, err := jsondoc.Parse(reply.Body, jsondoc.Limits{})
		if err != nil {
			return nil, speaker.Garbage()
		}
		code := text(doc, "maKetQua")
		switch {
		case code == "401" && !again:
			a.sessions.Drop(who(p, s.user), s)
			continue
		case code == "401" || code == "500":
			return nil, exchange.Answer{Outcome: exchange.Again, Code: "insurer." + code, Whole: true}
		case !verdict.Plain(code):
			return nil, speaker.Garbage()
		}
		return &Card{Code: code, Raw: reply.Body}, exchange.Answer{Outcome: exchange.Finalized, Sent: true, Code: "insurer." + code}
	}
}
