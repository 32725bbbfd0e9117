package admin

import (
	"context"
	"net/url"
	"time"

	"golang.org/x/mod/sumdb/note"

	"lienthong/internal/fault"
	"lienthong/internal/ledger"
	"lienthong/internal/store"
)

var (
	// ErrWitnessKey: not a verifier line of the kind asked for.
	ErrWitnessKey = fault.New(fault.Invalid, "witness.key",
		"Khóa phải là một dòng tên+mã+khóa, đúng loại: khóa sổ nhật ký để làm chứng, khóa nhân chứng để nhờ ký.",
		"The key must be a line name+hash+key of the right kind: a log's to witness it, a witness's to ask it.")
	// ErrWitnessDo: no such act.
	ErrWitnessDo = fault.New(fault.Invalid, "witness.act",
		"Thao tác phải là trust, untrust, add hoặc end.", "The act must be trust, untrust, add or end.")
	// ErrWitnessUnknown: nothing in use has this key.
	ErrWitnessUnknown = fault.New(fault.Absent, "witness.unknown", "Không có mục nào đang dùng với khóa này.", "Nothing in use has this key.")
)

// Acts on witnesses.
const (
	WitnessTrust   = "trust"   // watch and cosign another hub's log
	WitnessUntrust = "untrust" // no longer
	WitnessAdd     = "add"     // ask another node to cosign this hub's log
	WitnessEnd     = "end"     // no longer
)

// WitnessChange is one act on witnesses.
type WitnessChange struct {
	Do      string `json:"do"`
	Key     string `json:"key"` // verifier line: of the log, or of the witness
	URL     string `json:"url,omitempty"`
	Private bool   `json:"private,omitempty"`
}

// Witness does one act on witnesses: what is trusted and asked from now on.
func (o *Office) Witness(ctx context.Context, actor string, c WitnessChange) error {
	now := o.Clock.Now()
	switch c.Do {
	case WitnessTrust, WitnessUntrust:
		return o.watch(ctx, actor, c, now)
	case WitnessAdd, WitnessEnd:
		return o.peer(ctx, actor, c, now)
	}
	return ErrWitnessDo
}

func (o *Office) watch(ctx context.Context, actor string, c WitnessChange, now time.Time) error {
	v, err := note.NewVerifier(c.Key)
	if err != nil {
		return ErrWitnessKey.Because(err)
	}
	l := store.WatchedLog{Origin: v.Name(), Key: c.Key, Since: now}
	if c.Do == WitnessUntrust {
		all, err := o.Watch.WatchedLogs(ctx)
		if err != nil {
			return err
		}
		known := false
		for _, x := range all {
			known = known || x.Key == c.Key && x.Ended.IsZero()
		}
		if !known {
			return ErrWitnessUnknown
		}
		l.Ended = now
	}
	act, err := serviceAct(now, actor, "witness."+c.Do, l.Origin, map[string]any{"key": c.Key})
	if err != nil {
		return err
	}
	return o.Watch.Watch(ctx, l, act)
}

func (o *Office) peer(ctx context.Context, actor string, c WitnessChange, now time.Time) error {
	name, err := ledger.WitnessName(c.Key)
	if err != nil {
		return ErrWitnessKey.Because(err)
	}
	p := store.Peer{Key: c.Key, URL: c.URL, Private: c.Private, Since: now}
	if c.Do == WitnessEnd {
		all, err := o.Watch.Peers(ctx)
		if err != nil {
			return err
		}
		known := false
		for _, x := range all {
			if x.Key == c.Key && x.Ended.IsZero() {
				p, known = x, true
			}
		}
		if !known {
			return ErrWitnessUnknown
		}
		p.Ended = now
	}
	u, err := url.Parse(p.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Fragment != "" || u.RawQuery != "" || len(p.URL) > 400 {
		return ErrServiceURL
	}
	act, err := serviceAct(now, actor, "witness."+c.Do, name, map[string]any{"key": c.Key, "url": p.URL, "private": p.Private})
	if err != nil {
		return err
	}
	return o.Watch.PutPeer(ctx, p, act)
}
