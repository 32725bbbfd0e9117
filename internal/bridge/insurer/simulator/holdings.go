package simulator

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"lienthong/internal/bridge/envelope"
	"lienthong/internal/bridge/tally"
)

// Held is one file as the insurer holds it for one episode: an item of the
// listing, which is a proposal of this project. No public interface gives such
// a list.
type Held struct {
	Seq        int       `json:"seq"`    // of its last change: it came, or its verdict did
	Digest     string    `json:"digest"` // lower hex SHA-256 of the bytes
	Size       int       `json:"size"`
	Kind       string    `json:"kind"` // dossier or checkin
	Facility   string    `json:"facility"`
	Episode    string    `json:"ma_lk"`
	ReceivedAt time.Time `json:"received_at"`
	Day        string    `json:"day"` // yyyy-mm-dd in Hanoi
	Reference  string    `json:"ma_giao_dich"`
	Verdict    Verdict   `json:"verdict"`

	visit  visit
	number int // in the book
}

// visit is what the card look-up tells of an episode.
type visit struct {
	numbers                       []string // insurance and citizen numbers
	card, name, born, sex         string
	address, registered, from, to string
	in, out, illness              string
	leaving, outcome, reason      string
	paid                          float64
}

type episode struct{ kind, facility, episode string }

// holdings are the files held at present, one for each episode, their bytes
// compressed, each once, the newest of them. Its user locks it.
type holdings struct {
	files   map[episode]*Held
	bodies  map[string]*body // by digest
	people  map[string]map[episode]bool
	changes int
	newest  *tally.Newest
	pack    *zstd.Encoder
	unpack  *zstd.Decoder
}

// body is a file's bytes, with how many episodes of each facility hold it.
type body struct {
	packed []byte // nil: let go for newer ones
	uses   map[string]int
}

func newHoldings(keep int64) (holdings, error) {
	pack, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return holdings{}, err
	}
	unpack, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	return holdings{map[episode]*Held{}, map[string]*body{}, map[string]map[episode]bool{}, 0, tally.NewNewest(keep), pack, unpack}, err
}

// put holds a file for an episode instead of what was held for it.
func (h *holdings) put(e tally.Entry, d envelope.Dossier, doc []byte) *Held {
	key := episode{e.Kind, e.Facility, e.Episode}
	b := h.bodies[e.SHA256]
	if b == nil {
		b = &body{uses: map[string]int{}}
		h.bodies[e.SHA256] = b
	}
	if b.packed == nil {
		b.packed = h.pack.EncodeAll(doc, nil)
		h.newest.Add(len(b.packed), func() { b.packed = nil })
	}
	b.uses[e.Facility]++
	if old := h.files[key]; old != nil {
		h.letGo(old.Digest, old.Facility)
		for _, n := range old.visit.numbers {
			delete(h.people[n], key)
		}
	}
	h.changes++
	file := &Held{Seq: h.changes, number: e.Seq, Digest: e.SHA256, Size: e.Size, Kind: e.Kind, Facility: e.Facility, Episode: e.Episode,
		ReceivedAt: e.At, Day: e.Day, Reference: e.Reference, visit: visitOf(d.Summary())}
	h.files[key] = file
	for _, n := range file.visit.numbers {
		if h.people[n] == nil {
			h.people[n] = map[episode]bool{}
		}
		h.people[n][key] = true
	}
	return file
}

// letGo forgets a file's bytes when no episode holds them any more.
func (h *holdings) letGo(digest, facility string) {
	b := h.bodies[digest]
	if b.uses[facility]--; b.uses[facility] == 0 {
		delete(b.uses, facility)
	}
	if len(b.uses) == 0 {
		delete(h.bodies, digest)
	}
}

func visitOf(x envelope.Row) visit {
	if x == nil {
		return visit{}
	}
	card, _, _ := strings.Cut(x["MA_THE_BHYT"], ";")
	v := visit{card: card, name: x["HO_TEN"], born: date(x["NGAY_SINH"]), sex: x["GIOI_TINH"], address: x["DIA_CHI"],
		registered: first(x["MA_DKBD"]), from: date(first(x["GT_THE_TU"])), to: date(first(x["GT_THE_DEN"])),
		in: x["NGAY_VAO"], out: x["NGAY_RA"], illness: x["CHAN_DOAN_RV"],
		leaving: x["MA_LOAI_RV"], outcome: x["KET_QUA_DTRI"], reason: x["LY_DO_VV"]}
	v.paid, _ = strconv.ParseFloat(x["T_BNCCT"], 64)
	for _, n := range []string{insuranceNumber(card), x["SO_CCCD"]} {
		if n != "" {
			v.numbers = append(v.numbers, n)
		}
	}
	return v
}

func first(s string) string {
	s, _, _ = strings.Cut(s, ";")
	return s
}

// date turns yyyyMMdd.. into dd/MM/yyyy, MM/yyyy or yyyy, as much as is known.
func date(s string) string {
	if len(s) < 8 {
		return ""
	}
	y, m, d := s[:4], s[4:6], s[6:8]
	switch {
	case m == "00":
		return y
	case d == "00":
		return m + "/" + y
	}
	return d + "/" + m + "/" + y
}

// insuranceNumber returns the social insurance number of a card, of itself, "" of
// anything else.
func insuranceNumber(number string) string {
	switch len(number) {
	case 15:
		return number[5:]
	case 10:
		return number
	}
	return ""
}

// of returns the dossiers held of a person, the latest discharge first.
func (h *holdings) of(numbers ...string) []*Held {
	var found []*Held
	for _, n := range numbers {
		for key := range h.people[n] {
			if f := h.files[key]; key.kind == "dossier" && !slices.Contains(found, f) {
				found = append(found, f)
			}
		}
	}
	slices.SortFunc(found, func(a, b *Held) int { return cmp.Or(cmp.Compare(b.visit.out, a.visit.out), b.number-a.number) })
	return found
}

const (
	usualPage = 500
	mostPage  = 1000
)

// Judged gives the dossier of an episode another verdict: it is listed again. It
// reports whether there is one.
func (s *Simulator) Judged(facility, of string, v Verdict) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.held.files[episode{"dossier", facility, of}]
	if f == nil {
		return false
	}
	s.held.changes++
	f.Seq, f.Verdict = s.held.changes, v
	return true
}

// judge is PUT /simulator/verdicts?facility=&episode= with a Verdict: a door for
// tests, as the insurer's own assessment has none.
func (s *Simulator) judge(w http.ResponseWriter, r *http.Request) {
	var v Verdict
	q := r.URL.Query()
	switch err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&v); {
	case err != nil || !slices.Contains([]string{"accepted", "rejected", "pending"}, v.State):
		w.WriteHeader(http.StatusBadRequest)
	case !s.Judged(q.Get("facility"), q.Get("episode"), v):
		w.WriteHeader(http.StatusNotFound)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// list is GET /api/lienthong/holdings?facility=&day=&since=&limit=: the files
// held, in the order they came or were judged. since is an earlier answer's next;
// a file that was replaced is gone, and what replaced it comes later.
func (s *Simulator) list(w http.ResponseWriter, r *http.Request) {
	account, ok := s.session(r, byHeader(r, ""))
	if !ok {
		s.status(w, r, http.StatusUnauthorized)
		return
	}
	q := r.URL.Query()
	since, err := strconv.Atoi(cmp.Or(q.Get("since"), "0"))
	limit, err2 := strconv.Atoi(cmp.Or(q.Get("limit"), strconv.Itoa(usualPage)))
	if err != nil || err2 != nil || limit < 1 {
		s.status(w, r, http.StatusBadRequest)
		return
	}
	if f := q.Get("facility"); f != "" && !account.may(f) {
		s.status(w, r, http.StatusForbidden)
		return
	}
	items := []Held{}
	s.mu.Lock()
	for _, f := range s.held.files {
		if f.Seq > since && account.may(f.Facility) && (q.Get("facility") == "" || f.Facility == q.Get("facility")) &&
			(q.Get("day") == "" || f.Day == q.Get("day")) {
			items = append(items, *f)
		}
	}
	s.mu.Unlock()
	slices.SortFunc(items, func(a, b Held) int { return a.Seq - b.Seq })
	more := len(items) > min(limit, mostPage)
	items = items[:min(len(items), limit, mostPage)]
	next := since
	for _, f := range items {
		next = f.Seq
	}
	s.book.Answer(pathHeld, "200")
	tally.WriteJSON(w, http.StatusOK, struct {
		Proposal string `json:"proposal"`
		Items    []Held `json:"items"`
		Next     string `json:"next"`
		More     bool   `json:"more"`
	}{"A listing proposed by Liên Thông; the insurer's gateway has no public interface of this kind.", items, strconv.Itoa(next), more})
}

// bytes is GET /api/lienthong/holdings/{digest}: the bytes as the facility sent
// them, while any episode holds them; 410 where newer ones took their place
// (Config.Keep).
func (s *Simulator) bytes(w http.ResponseWriter, r *http.Request) {
	account, ok := s.session(r, byHeader(r, ""))
	if !ok {
		s.status(w, r, http.StatusUnauthorized)
		return
	}
	digest := r.PathValue("digest")
	s.mu.Lock()
	b := s.held.bodies[digest]
	may, packed := false, []byte(nil)
	if b != nil {
		packed = b.packed
		for facility := range b.uses {
			may = may || account.may(facility)
		}
	}
	s.mu.Unlock()
	if !may {
		s.status(w, r, http.StatusNotFound)
		return
	}
	if packed == nil {
		s.status(w, r, http.StatusGone)
		return
	}
	doc, err := s.held.unpack.DecodeAll(packed, nil)
	if err != nil {
		s.status(w, r, http.StatusInternalServerError)
		return
	}
	s.book.Answer(pathHeld, "200")
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("Content-Length", strconv.Itoa(len(doc)))
	_, _ = w.Write(doc)
}

// status answers a listing's call that is refused.
func (s *Simulator) status(w http.ResponseWriter, r *http.Request, n int) {
	code := strconv.Itoa(n)
	s.book.Answer(pathHeld, code)
	tally.WriteJSON(w, n, result{MaKetQua: code, ThoiGianTiepNhan: s.stamp(), ThongDiep: http.StatusText(n)})
}
