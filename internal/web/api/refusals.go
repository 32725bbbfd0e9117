package api

import (
	"encoding/hex"
	"net/http"
	"time"

	"lienthong/internal/fault"
	"lienthong/internal/intake"
	"lienthong/internal/store"
	"lienthong/internal/web/page"
)

// Refusal is a file refused whole, as its sender finds it again: by its digest.
type Refusal struct {
	Facility   string     `json:"facility"`
	ReceivedAt time.Time  `json:"received_at"`
	Sender     string     `json:"sender"`
	Size       int64      `json:"size"`
	SHA256     string     `json:"sha256"`
	Code       string     `json:"code"`
	Message    fault.Text `json:"message"`
}

// refusals answers GET /api/v1/refusals?facility=&day=&since=&province=&cursor=&limit=.
func (a *API) refusals(w http.ResponseWriter, r *http.Request, who Caller) error {
	f, err := a.filter(r, who)
	if err != nil {
		return err
	}
	list, more, err := a.Slices.Records.Refusals(r.Context(), who.Role.Scope(), store.Filter{Facility: f.Facility, Province: f.Province,
		Day: f.Day, Since: f.Since, Before: f.Before, Limit: f.Limit})
	if err != nil {
		return err
	}
	items := make([]Refusal, len(list))
	for i, x := range list {
		items[i] = Refusal{Facility: string(x.ID.Facility), ReceivedAt: x.At, Sender: x.Sender, Size: x.Size,
			SHA256: hex.EncodeToString(x.Digest[:]), Code: x.Code, Message: sentence(x.Code)}
	}
	var next *string
	if more {
		last := list[len(list)-1]
		c := page.Write(store.Cursor{At: last.At, ID: last.ID})
		next = &c
	}
	return give(w, map[string]any{"items": items, "next": next})
}

// sentence says what a refusal's code means.
func sentence(code string) fault.Text {
	for _, f := range intake.Refusals() {
		if f.Code == code {
			return f.Text
		}
	}
	return fault.Text{VI: "Tệp không được nhận.", EN: "The file was not taken."}
}
