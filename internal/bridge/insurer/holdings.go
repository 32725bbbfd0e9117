package insurer

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"lienthong/internal/bridge/outbound"
	"lienthong/internal/bridge/verdict"
	"lienthong/internal/courier"
	"lienthong/internal/exchange"
)

// Held is one file the insurer holds for an episode. The listing it comes from
// is this project's proposal: the insurer's gateway has no public one. A
// destination whose options name no holdings_path has none.
type Held struct {
	Digest    [32]byte // SHA-256 of the bytes as the facility sent them
	Size      int64
	Kind      string // "qd4750" or "checkin"
	Facility  string
	Episode   string
	Received  time.Time
	Day       string // yyyy-mm-dd in Hanoi
	Reference string // maGiaoDich
	Verdict   string // "accepted", "rejected", "pending"
	Code      string // the insurer's own, of a rejection
}

// Page is a part of the listing; Next asks for what follows.
type Page struct {
	Items []Held
	Next  string
	More  bool
}

const (
	pageLimit = 16 << 20
	fileLimit = 33 << 20
)

// Holdings lists what the insurer holds of a facility ("" all it may list) and
// day ("" all), behind since ("" from the beginning). The answer is
// exchange.Finalized with a page.
func (a *Adapter) Holdings(ctx context.Context, p *courier.Parcel, facility, day, since string) (*Page, exchange.Answer) {
	q := url.Values{}
	for name, value := range map[string]string{"facility": facility, "day": day, "since": since} {
		if value != "" {
			q.Set(name, value)
		}
	}
	body, out := a.read(ctx, p, "?"+q.Encode(), pageLimit)
	if out.Outcome != exchange.Finalized {
		return nil, out
	}
	var doc struct {
		Items []held `json:"items"`
		Next  string `json:"next"`
		More  bool   `json:"more"`
	}
	if json.Unmarshal(body, &doc) != nil {
		return nil, speaker.Garbage()
	}
	if doc.Next != "" && (len(doc.Next) > longestCursor || !verdict.InHeader(doc.Next)) {
		return nil, speaker.Garbage() // it would be kept, and asked with again and again
	}
	page := &Page{Next: doc.Next, More: doc.More}
	for _, h := range doc.Items {
		item, ok := h.parse()
		if !ok {
			return nil, speaker.Garbage()
		}
		page.Items = append(page.Items, item)
	}
	return page, out
}

// longestCursor is the longest place in a list that is kept.
const longestCursor = 200

// Bytes gives a held file as its facility sent it; who asks holds the digest
// against it.
func (a *Adapter) Bytes(ctx context.Context, p *courier.Parcel, digest [32]byte) ([]byte, exchange.Answer) {
	return a.read(ctx, p, "/"+hex.EncodeToString(digest[:]), fileLimit)
}

// read makes one call of the listing.
func (a *Adapter) read(ctx context.Context, p *courier.Parcel, behind string, limit int64) ([]byte, exchange.Answer) {
	o, err := options(p.Destination)
	if err != nil {
		return nil, verdict.Refused(ErrOptions.Code)
	}
	if o.Holdings == "" {
		return nil, verdict.Refused(noHoldings)
	}
	for again := false; ; again = true {
		s, bad := a.session(ctx, p)
		if bad != nil {
			return nil, *bad
		}
		reply, err := a.client.Exchange(ctx, http.MethodGet, outbound.Call{URL: p.Destination.Base() + o.Holdings + behind, Private: p.Destination.Private,
			Limit: limit}, s.header())
		if err != nil {
			return nil, verdict.Failed(reply, err)
		}
		if reply.Status == http.StatusUnauthorized && !again {
			a.sessions.Drop(who(p, s.user), s)
			continue
		}
		if out, ok := speaker.Status(reply, http.StatusOK); !ok {
			return nil, out
		}
		return reply.Body, exchange.Answer{Outcome: exchange.Finalized, Sent: true, Code: "insurer.200"}
	}
}

// held is an item as it travels.
type held struct {
	Digest    string    `json:"digest"`
	Size      int64     `json:"size"`
	Kind      string    `json:"kind"`
	Facility  string    `json:"facility"`
	Episode   string    `json:"ma_lk"`
	Received  time.Time `json:"received_at"`
	Day       string    `json:"day"`
	Reference string    `json:"ma_giao_dich"`
	Verdict   struct {
		State string `json:"state"`
		Code  string `json:"code"`
	} `json:"verdict"`
}

func (h *held) parse() (Held, bool) {
	out := Held{Size: h.Size, Facility: h.Facility, Episode: h.Episode, Received: h.Received, Day: h.Day, Reference: verdict.Reference(h.Reference),
		Verdict: h.Verdict.State}
	if verdict.Plain(h.Verdict.Code) {
		out.Code = h.Verdict.Code
	}
	switch h.Kind {
	case "dossier":
		out.Kind = "qd4750"
	case "checkin":
		out.Kind = "checkin"
	}
	n, err := hex.Decode(out.Digest[:], []byte(h.Digest))
	ok := err == nil && n == len(out.Digest) && len(h.Digest) == 2*n && out.Kind != "" && len(h.Facility) == 5
	return out, ok && (out.Verdict == Accepted || out.Verdict == Rejected || out.Verdict == Pending)
}
