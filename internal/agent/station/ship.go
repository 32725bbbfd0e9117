package station

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"lienthong/internal/agent"
	"lienthong/internal/agent/proof"
	"lienthong/internal/agent/spool"
	"lienthong/internal/body"
	"lienthong/internal/fault"
	"lienthong/internal/store"
)

// paperMark is added to the position of a paper a hub refused: its file's
// dossiers are counted from 0.
const paperMark = 100_000

// shipment is one batch on its way.
type shipment struct {
	*Station
	ctx    context.Context
	by     map[string]*parcel // by name of its file and of its papers
	list   []*parcel
	coded  bool
	keys   proof.Keys // the hub's, none where none are known
	status int

	answers  []spool.Answer // not written down yet
	written  time.Time
	answered int64 // bytes of items that were decided
	news     int   // answers that came
	stop     error // of the spool: nothing may be sent that cannot be noted
}

// parcel is an item in a shipment.
type parcel struct {
	spool.Item
	name  string
	got   map[int]bool
	late  time.Duration // it was deferred for so long
	done  bool
	lost  error
	paper map[string]int
}

// ship sends items in one request and writes down every answer. Every item is
// afterwards decided, or ready again.
func (s *Station) ship(ctx context.Context, lane store.Lane, items []spool.Item) (x *shipment, h agent.Heard, err error) {
	x = &shipment{Station: s, ctx: ctx, by: map[string]*parcel{}, written: s.cfg.Clock.Now(), coded: s.rebuilds()}
	ids := make([]int64, len(items))
	for n, i := range items {
		ids[n] = i.ID
	}
	if ids, err = s.Spool.Sending(ctx, ids...); err != nil || len(ids) == 0 {
		return x, agent.Heard{Ended: true}, err
	}
	for _, i := range items {
		if !slices.Contains(ids, i.ID) {
			continue
		}
		p := &parcel{Item: i, name: string(i.Ref), got: map[int]bool{}, paper: map[string]int{}}
		x.list = append(x.list, p)
	}
	if x.keys, err = s.keys(); err != nil {
		return x, h, err
	}
	header, err := s.header(ctx, lane, x.coded)
	if err != nil {
		return x, h, err
	}
	began := s.cfg.Clock.Now()
	h, err = s.session.Ship(ctx, agent.Shipment{Header: header, Body: x.pack, Level: s.compress, Each: x.each, Heard: x.heard})
	whole := h.Ended && err == nil && x.stop == nil
	if wrong := x.settle(whole); wrong != nil { // also when ctx has ended: what is known is kept
		return x, h, wrong
	}
	if whole {
		s.line.went(x.answered, s.cfg.Clock.Now().Sub(began))
	} else if h.Wait == 0 {
		s.line.cut(x.answered)
	}
	return x, h, errors.Join(x.stop, err)
}

// header says what goes, for whom and after what.
func (s *Station) header(ctx context.Context, lane store.Lane, coded bool) (http.Header, error) {
	h := http.Header{"Content-Type": {"application/x-tar"}, "Lane": {lane.String()}, "User-Agent": {"lienthong-agent/" + s.cfg.Version}}
	if s.cfg.Software != "" {
		h.Set("Software", s.cfg.Software)
	}
	if coded {
		h.Set(headerCoding, codingUnwrapped)
	}
	n, err := s.sequence(ctx)
	if err != nil {
		return nil, err
	}
	h.Set(headerSequence, n.String())
	return h, nil
}

// compress packs at zstd's second level: the third takes a tenth off what goes up
// and 3 MB more of memory. One window of 1 MiB lets a batch say once what its files
// have in common. There is one compressor, as there is one batch on its way at a time.
func (s *Station) compress(w io.Writer) (io.WriteCloser, error) {
	if s.packer == nil {
		z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderConcurrency(1),
			zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true))
		if err != nil {
			return nil, fmt.Errorf("station: %w", err)
		}
		s.packer = z
	}
	s.packer.Reset(w)
	return s.packer, nil
}

// pack writes the tar, one item in memory at a time.
func (x *shipment) pack(w io.Writer) error {
	t := tar.NewWriter(w)
	for _, p := range x.list {
		payload, err := x.Spool.Payload(x.ctx, p.ID)
		if errors.Is(err, spool.ErrDamaged) || errors.Is(err, spool.ErrAbsent) {
			p.lost = spool.ErrDamaged.Because(err)
			continue
		}
		if err != nil {
			return err
		}
		if err := x.member(t, p.name+suffix(payload.File.Bytes), payload.File); err != nil {
			return err
		}
		for n, paper := range payload.Papers {
			name := p.name + suffix(payload.File.Bytes) + ".pdf"
			if n > 0 {
				name = p.name + ".pdf"
			}
			if err := x.member(t, name, paper); err != nil {
				return err
			}
		}
	}
	return t.Close()
}

// suffix is what a file is called behind its reference: by its content.
func suffix(raw []byte) string {
	if b := bytes.TrimLeft(bytes.TrimPrefix(raw, []byte("\xEF\xBB\xBF")), " \t\r\n"); len(b) > 0 && b[0] == '{' {
		return ".json"
	}
	return ".xml"
}

// member writes a file, its seal before it.
func (x *shipment) member(t *tar.Writer, name string, p spool.Part) error {
	if p.Seal != nil {
		if err := member(t, name+".jws", p.Seal); err != nil {
			return err
		}
	}
	text := p.Bytes
	if x.coded {
		if u, ok := body.Unwrap(text); ok {
			text = u
		}
	}
	return member(t, name, text)
}

func member(t *tar.Writer, name string, b []byte) error {
	if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o600, Size: int64(len(b))}); err != nil {
		return err
	}
	_, err := t.Write(b)
	return err
}

// parcelOf finds the item an answer is for, and which of its papers; 0 its file.
func (x *shipment) parcelOf(name string) (*parcel, int) {
	if len(x.by) == 0 {
		for _, p := range x.list {
			x.by[p.name] = p
		}
	}
	paper := 0
	if stem, ok := strings.CutSuffix(name, ".pdf"); ok {
		if name, paper = stem, 2; path.Ext(stem) != "" {
			paper = 1
		}
	}
	return x.by[strings.TrimSuffix(name, path.Ext(name))], paper
}

// each takes one answer.
func (x *shipment) each(a agent.Answer) error {
	p, paper := x.parcelOf(a.File)
	if p == nil {
		if a.File == "" && (a.Outcome == agent.Refused || a.Outcome == agent.Deferred) {
			return nil // of the batch, not of a file: it is sent again, smaller
		}
		return agent.ErrAnswer.Because(errors.New("an answer for a file that was not sent"))
	}
	entry, said := answerOf(p.Item, a, x.hubNow())
	if a.Outcome == agent.Deferred {
		p.late = max(time.Duration(max(said.RetryAfter, 1))*time.Second, p.late)
		return nil
	}
	if a.Outcome != agent.Refused && !x.proves(p, a) { // no receipt is made of a refusal, and it frees nothing unseen
		x.note(proof.ErrUnproved.Code, proof.ErrUnproved.Text, 1)
		p.late = max(unprovedPause, p.late)
		return nil
	}
	x.news++
	if paper > 0 {
		entry.N = paperMark + paper
	} else {
		p.got[a.Index] = true
		if p.done = a.Outcome == agent.Refused || p.Dossiers > 0 && len(p.got) == p.Dossiers; p.done {
			x.answered += p.Size
		}
	}
	x.answers = append(x.answers, entry)
	if now := x.cfg.Clock.Now(); len(x.answers) >= 32 || now.Sub(x.written) > 200*time.Millisecond {
		x.stop = x.write(x.ctx)
		return x.stop
	}
	return nil
}

// unprovedPause is how long a file waits whose answer did not count: a new key
// of the hub is learned with its next rules, or somebody looks into it.
const unprovedPause = 5 * time.Minute

// proves reports whether an answer bears the hub's receipt for the very dossier:
// one that names the file, or of a replay its content. An agent that was given no
// keys believes the line.
func (x *shipment) proves(p *parcel, a agent.Answer) bool {
	if len(x.keys) == 0 {
		return true
	}
	r, err := x.keys.Read(a.JSON)
	if err == nil {
		x.clear(proof.ErrUnproved.Code)
	}
	if err != nil || r.Record != a.Record || (r.State == "rejected") != (a.Outcome == agent.Rejected) {
		return false
	}
	return r.Names(p.SHA) || a.Replay && x.holds(p, a.Index, r)
}

// holds reports whether a receipt is about the content of a dossier of an item.
func (x *shipment) holds(p *parcel, index int, r proof.Receipt) bool {
	payload, err := x.Spool.Payload(x.ctx, p.ID)
	if err != nil {
		return false
	}
	reader, err := x.Kinds.Pick(payload.File.Bytes)
	if err != nil {
		return false
	}
	f, err := reader.Open(payload.File.Bytes)
	return err == nil && index < f.Len() && r.Holds(f.Dossier(index))
}

// keys are the hub's receipt keys of this moment.
func (s *Station) keys() (proof.Keys, error) {
	if s.cfg.Keys == nil {
		return nil, nil
	}
	list, err := s.cfg.Keys()
	if err != nil {
		return nil, err
	}
	return proof.KeysOf(list)
}

// write makes durable what came since the last time.
func (x *shipment) write(ctx context.Context, whole ...int64) error {
	if len(x.answers) == 0 && len(whole) == 0 {
		return nil
	}
	_, err := x.Spool.Apply(ctx, x.answers, whole...)
	x.answers, x.written = x.answers[:0], x.cfg.Clock.Now()
	return err
}

// settle writes down the rest and gives back what was not decided. A stream that
// came to its end has said of every file all there is to say.
func (x *shipment) settle(ended bool) error {
	ctx := context.WithoutCancel(x.ctx)
	var whole []int64
	due := map[time.Duration][]int64{}
	for _, p := range x.list {
		switch {
		case p.lost != nil:
			if err := x.Station.lost(ctx, p.ID, p.lost); err != nil {
				return err
			}
		case p.done:
		case ended && p.late == 0 && len(p.got) > 0:
			x.answered += p.Size
			whole = append(whole, p.ID)
		default:
			late := p.late
			if late == 0 && x.hopeless(p) {
				late = min(time.Minute<<min(p.Attempts, 6), 10*time.Minute)
			}
			due[late] = append(due[late], p.ID)
		}
	}
	if err := x.write(ctx, whole...); err != nil {
		return err
	}
	for late, ids := range due {
		at := time.Time{}
		if late > 0 {
			at = x.cfg.Clock.Now().Add(late)
		}
		if err := x.Spool.Back(ctx, at, ids...); err != nil {
			return err
		}
	}
	return nil
}

// hopeless reports an item that went alone, several times, to a hub that is
// there, and had no answer: others shall not wait behind it for ever.
func (x *shipment) hopeless(p *parcel) bool {
	return len(x.list) == 1 && x.news == 0 && x.status == http.StatusOK && p.Attempts >= 3
}

// heard reads what the hub says of itself beside its answers.
func (x *shipment) heard(status int, h http.Header) {
	x.status = status
	x.listen(status, h)
	if next := h.Get(headerNext); next != "" && x.stop == nil {
		x.stop = x.followed(context.WithoutCancel(x.ctx), next)
	}
}

const (
	headerSequence  = "Agent-Sequence"
	headerNext      = "Agent-Sequence-Next"
	headerCoding    = "Member-Coding"
	headerCodings   = "Member-Codings"
	codingUnwrapped = "unwrapped"
)

// sequence is the place of a request among this agent's: which, and what the
// hub said to the one before.
type sequence struct {
	N    int64  `json:"n"`
	Prev string `json:"prev"`
}

// String is the header's form.
func (q sequence) String() string { return fmt.Sprintf("%d %s", q.N, q.Prev) }

const factSequence = "sequence"

// sequence returns the place of the next request: that of the last one while
// its answer did not come.
func (s *Station) sequence(ctx context.Context) (sequence, error) {
	q := sequence{N: 1, Prev: "-"}
	b, err := s.Spool.Fact(ctx, factSequence)
	if err != nil || b == nil {
		return q, err
	}
	if err := json.Unmarshal(b, &q); err != nil {
		return q, spool.ErrDamaged.Because(err)
	}
	return q, nil
}

// followed notes that the hub took a request and what it said for the next.
func (s *Station) followed(ctx context.Context, next string) error {
	if len(next) != 32 || strings.Trim(next, "0123456789abcdef") != "" {
		s.note(agent.ErrAnswer.Code, agent.ErrAnswer.Text, 1)
		return nil
	}
	q, err := s.sequence(ctx)
	if err != nil {
		return err
	}
	b, err := json.Marshal(sequence{q.N + 1, next})
	if err != nil {
		return fmt.Errorf("station: %w", err)
	}
	return s.Spool.Remember(ctx, factSequence, b)
}

// codeForked is what a hub answers to a request out of its place.
const codeForked = "sender.forked"

func isForked(err error) bool { return fault.Of(err).Code == codeForked }
