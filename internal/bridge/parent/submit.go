package parent

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"lienthong/internal/agent"
	"lienthong/internal/courier"
	"lienthong/internal/dossier"
	"lienthong/internal/evidence"
	"lienthong/internal/exchange"
	"lienthong/internal/fault"
	"lienthong/internal/jsondoc"
)

// sealSuffix names a detached seal beside its member (DESIGN §6).
const sealSuffix = ".jws"

// shipment is a file on its way and what came back of it.
type shipment struct {
	name    string
	results map[int]*result // by dossier
	refused string          // the code of the file's refusal
	late    *exchange.Answer
	paper   string // the code of a paper's refusal
}

// result is the parent's answer for a dossier, as far as it is looked at.
type result struct {
	Record  string          `json:"record"`
	State   string          `json:"state"`
	Replay  bool            `json:"replay"`
	Person  *string         `json:"person"`
	Receipt json.RawMessage `json:"receipt"`
}

// submit hands over a file. login: the parent no longer takes the session.
func (a *Adapter) submit(ctx context.Context, s *agent.Session, p *courier.Parcel, o Options) (out exchange.Answer, login bool) {
	if p.Sent == nil {
		return speaker.Unmade(), false
	}
	x := &shipment{name: nameOf(p.Sent), results: map[int]*result{}}
	h, err := s.Ship(ctx, agent.Shipment{Header: x.header(p), Body: func(w io.Writer) error { return x.write(w, p.Sent) }, Each: x.take})
	sent := h.Sent > 0
	switch {
	case ctx.Err() != nil:
		return exchange.Answer{Outcome: exchange.Again, Sent: true, Code: "outbound.unreachable", Whole: true}, false
	case errors.Is(err, agent.ErrLogin):
		return failed(err, sent), true
	case err != nil:
		switch fault.KindOf(err) {
		case fault.Broken, fault.Busy, fault.Unauthenticated:
			return failed(err, sent), false
		}
		return exchange.Answer{Outcome: exchange.Refused, Sent: true, Code: own(fault.Of(err).Code)}, false
	case x.refused != "":
		return exchange.Answer{Outcome: exchange.Refused, Sent: true, Code: own(x.refused)}, false
	case x.late != nil:
		x.late.Wait = max(x.late.Wait, h.Wait)
		return *x.late, false
	case !h.Ended:
		out := failed(h.Cause, sent)
		out.Wait = h.Wait
		return out, false
	}
	return a.each(ctx, x, p, o), false
}

// paperSuffix ends the name of a paper, which begins with its file's (DESIGN §6).
const paperSuffix = ".pdf"

// nameOf names the file. With papers it is the name that theirs begin with:
// "a.xml.pdf" and "a.pdf" lie beside "a.xml".
func nameOf(sent *evidence.Sent) string {
	name := ""
	for _, p := range sent.Papers {
		if stem := strings.TrimSuffix(p.Name, paperSuffix); len(stem) > len(name) {
			name = stem
		}
	}
	switch {
	case name != "":
		return name
	case jsondoc.IsJSON(sent.Bytes):
		return "ho-so.json"
	}
	return "ho-so.xml"
}

func (x *shipment) header(p *courier.Parcel) http.Header {
	h := http.Header{"Lane": {p.Legs[0].Lane.String()}}
	if len(p.Sent.Papers) > 0 {
		h.Set("Content-Type", "application/x-tar")
		return h
	}
	kind := "application/xml"
	if jsondoc.IsJSON(p.Sent.Bytes) {
		kind = "application/json"
	}
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": x.name}))
	if p.Sent.Seal != "" {
		h.Set("Seal", p.Sent.Seal)
	}
	return h
}

// write gives the body: the bytes alone, or a tar with what lay beside them.
func (x *shipment) write(w io.Writer, sent *evidence.Sent) error {
	if len(sent.Papers) == 0 {
		_, err := w.Write(sent.Bytes)
		return err
	}
	t := tar.NewWriter(w)
	put := func(name string, b []byte, seal string) error {
		if seal != "" {
			if err := member(t, name+sealSuffix, []byte(seal)); err != nil {
				return err
			}
		}
		return member(t, name, b)
	}
	if err := put(x.name, sent.Bytes, sent.Seal); err != nil {
		return err
	}
	for _, paper := range sent.Papers {
		if err := put(paper.Name, paper.Bytes, paper.Seal); err != nil {
			return err
		}
	}
	return t.Close()
}

func member(t *tar.Writer, name string, b []byte) error {
	if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o600, Size: int64(len(b))}); err != nil {
		return err
	}
	_, err := t.Write(b)
	return err
}

// take notes one line of the answer.
func (x *shipment) take(a agent.Answer) error {
	mine := a.File == x.name || a.File == ""
	switch {
	case !mine && a.Outcome == agent.Refused:
		x.paper = a.Code
	case a.Outcome == agent.Deferred:
		var l struct {
			Wait int `json:"retry_after"`
		}
		if err := json.Unmarshal(a.JSON, &l); err != nil {
			return agent.ErrAnswer.Because(err)
		}
		x.late = &exchange.Answer{Outcome: exchange.Again, Sent: true, Code: own(a.Code), Whole: true, Wait: time.Duration(max(l.Wait, 0)) * time.Second}
	case !mine:
		return agent.ErrAnswer.Because(errors.New("an answer for a file that was not sent"))
	case a.Outcome == agent.Refused:
		x.refused = a.Code
	default:
		r := &result{}
		if err := json.Unmarshal(a.JSON, r); err != nil {
			return agent.ErrAnswer.Because(err)
		}
		x.results[a.Index] = r
	}
	return nil
}

// each answers leg by leg.
func (a *Adapter) each(ctx context.Context, x *shipment, p *courier.Parcel, o Options) exchange.Answer {
	out := exchange.Answer{Outcome: exchange.Finalized, Sent: true, Each: make([]exchange.Answer, len(p.Legs))}
	refused := 0
	for i := range p.Legs {
		out.Each[i] = a.one(ctx, x, p, o, i)
		if out.Each[i].Outcome == exchange.Refused {
			refused++
			out.Code = out.Each[i].Code
		}
	}
	if refused == len(p.Legs) {
		out.Outcome = exchange.Refused
	}
	return out
}

func (a *Adapter) one(ctx context.Context, x *shipment, p *courier.Parcel, o Options, i int) exchange.Answer {
	r := x.results[p.Own[i].Record.Index]
	if r == nil {
		return exchange.Answer{Outcome: exchange.Again, Sent: true, Code: string(speaker) + ".answer"}
	}
	if r.State == string(dossier.Erased) {
		return exchange.Answer{Outcome: exchange.Refused, Sent: true, Code: CodeErased, Reference: r.Record}
	}
	same, err := proves(r, p.Own[i].Receipt, o.LogKeys)
	if err != nil {
		return a.unproved(ctx, p, r, err)
	}
	out := exchange.Answer{Outcome: exchange.Finalized, Sent: true, Reference: r.Record, Receipt: r.Receipt}
	if r.Person != nil {
		out.Person = *r.Person
	}
	switch {
	case !dossier.State(r.State).IsAccepted():
		out.Outcome, out.Code = exchange.Refused, CodeRejected
	case x.paper != "":
		out.Code = CodePaper
	case !same:
		out.Code = CodeOtherFile
	}
	return out
}
