package looks

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"lienthong/internal/bench"
	"lienthong/internal/chart"
	"lienthong/internal/compartment"
	"lienthong/internal/consent"
	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/policy"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// ClosedConfig says whose closed records are asked for in every way.
type ClosedConfig struct {
	Hub            Hub // its Patients were taken with Closed
	Patients       []Patient
	Bundle         func(ctx context.Context, reader disclose.Reader, id dossier.ID) (zip []byte, redacted bool, err error)
	Events         func(ctx context.Context) ([]byte, error) // AuditEvents as an auditor reads them
	User, Password string                                    // at the gateway
	Progress       func(done, of int)
}

// ClosedResult is what was found in what readers were given.
type ClosedResult struct {
	Machine  bench.Machine    `json:"machine"`
	People   int              `json:"people"`
	Records  int              `json:"closed_records"`
	Answers  map[string]int64 `json:"answers_with_content"`
	Bytes    int64            `json:"bytes_searched"`
	Words    int              `json:"words"`
	Found    int64            `json:"found"` // asked: 0
	Where    map[string]int64 `json:"where"`
	Chance   int64            `json:"in_bytes_that_are_no_text"`         // of keys and signatures; looked at by people
	Named    int64            `json:"answers_that_name_a_closed_record"` // asked: 0
	Controls int              `json:"people_whose_own_reading_has_them"`
	Seconds  float64          `json:"seconds"`
}

// finder finds what the declared lists name of HIV: codes, medicines, tests and
// services, wherever text stands, as whole words.
type finder struct {
	words *regexp.Regexp
	n     int
	stems [][]byte // letters and digits of each word: where none of them stands, no word does
}

func newFinder() finder {
	var list []string
	var f finder
	add := func(pattern, stem string) {
		list = append(list, pattern)
		f.stems = append(f.stems, []byte(longestRun(stem)))
	}
	for _, e := range compartment.Entries() {
		if e.Compartment != compartment.HIV || e.What == "table" {
			continue
		}
		v, stem := strings.ReplaceAll(regexp.QuoteMeta(e.Value), " ", `[\s-]+`), e.Value
		switch {
		case e.What == "icd" && strings.Contains(e.Value, "-"):
			v, stem = `B2[0-4](?:\.?[0-9]{1,2})?`, "b2" // the one range of the list
		case e.What == "icd":
			v += `(?:\.?[0-9]{1,2})?`
		case e.Prefix:
			v += `[\pL\pN]*`
		}
		add(v, stem)
	}
	for _, v := range []string{"suy giảm miễn dịch mắc phải", "suy giảm miễn dịch ở người"} { // the lists have no marks
		add(v, v)
	}
	f.words, f.n = regexp.MustCompile(`(?i)(?:^|[^\pL\pN+/=_-])(?:`+strings.Join(list, "|")+`)(?:$|[^\pL\pN+/=_-])`), len(list)
	slices.SortFunc(f.stems, bytes.Compare)
	f.stems = slices.CompactFunc(f.stems, bytes.Equal)
	return f
}

// longestRun is the longest run of ASCII letters and digits, in small letters.
func longestRun(s string) (longest string) {
	for _, run := range strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') }) {
		if len(run) > len(longest) {
			longest = run
		}
	}
	return longest
}

// in returns where the first word stands, nil for none, and how many stand in bytes
// that are no text: of a key or a signature, three letters of chance in hundreds of
// megabytes. Text is looked through word by word only where a stem stands in it.
func (f *finder) in(text []byte) (at []int, chance int) {
	small := bytes.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
	if !slices.ContainsFunc(f.stems, func(stem []byte) bool { return bytes.Contains(small, stem) }) {
		return nil, 0
	}
	for _, at := range f.words.FindAllIndex(text, -1) {
		if utf8.Valid(around(text, at[0], at[1])) {
			return at, chance
		}
		chance++
	}
	return nil, chance
}

// around is text from a few characters before to a few after, not cut within one.
func around(text []byte, from, to int) []byte {
	const few = 16
	for from = max(0, from-few); from > 0 && from < to && !utf8.RuneStart(text[from]); {
		from++
	}
	for to = min(len(text), to+few); to < len(text) && to > from && !utf8.RuneStart(text[to]); {
		to--
	}
	return text[from:to]
}

// Closed asks for everybody in every way that does not have the compartment, and
// searches all that comes back; then, as the control, each person reads their own.
func Closed(ctx context.Context, c ClosedConfig) (ClosedResult, error) {
	began := time.Now()
	x := &closing{ClosedConfig: c, r: ClosedResult{Machine: bench.ThisMachine(), People: len(c.Patients), Answers: map[string]int64{}, Where: map[string]int64{}}}
	x.found = newFinder()
	x.r.Words = x.found.n
	x.gateway = &gatewayUser{hub: &c.Hub, user: c.User, password: c.Password}
	if err := x.gateway.login(ctx); err != nil {
		return x.r, err
	}
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for i := range c.Patients {
		group.Go(func() error {
			if c.Progress != nil && i%100 == 99 {
				c.Progress(i+1, len(c.Patients))
			}
			return x.person(inner, i)
		})
	}
	if err := group.Wait(); err != nil {
		return x.r, err
	}
	events, err := c.Events(ctx)
	if err != nil {
		return x.r, err
	}
	x.keep("AuditEvent", nil, events, nil)
	x.r.Seconds = time.Since(began).Seconds()
	if x.r.Controls == 0 {
		return x.r, bench.ErrHub.Because(errNone)
	}
	return x.r, nil
}

type closing struct {
	ClosedConfig
	r       ClosedResult
	found   finder
	gateway *gatewayUser

	mu  sync.Mutex
	err error
}

// person asks for one person's records as everybody who may not have the class.
func (x *closing) person(ctx context.Context, i int) error {
	p, d := &x.Patients[i], x.Hub.Disclose
	present, err := x.Hub.begin(ctx, p.Person, policy.Presence, staffOf(1), consent.ID{})
	if err != nil {
		return err
	}
	glass, err := x.Hub.begin(ctx, p.Person, policy.BreakGlass, staffOf(1), consent.ID{})
	if err != nil {
		return err
	}
	x.mu.Lock()
	x.r.Records += len(p.Closed)
	x.mu.Unlock()
	citizen := disclose.Reader{Role: role.Role{Kind: role.Citizen}, Name: "bench:citizen", Route: "bench", Person: p.Person}
	for name, reader := range map[string]disclose.Reader{
		"presence": x.Hub.clinician(staffOf(1), present), "emergency": x.Hub.clinician(staffOf(1), glass), "citizen": citizen,
		"operator": {Role: role.Role{Kind: role.Operator}, Name: "bench:operator", Route: "bench", Reason: "bench"},
		"system":   {Role: role.Role{Kind: role.Facility, ID: string(x.Hub.System.Facility)}, Name: "bench:system", Route: "bench", Opening: present},
	} {
		if name != "operator" {
			list, err := d.Person(ctx, reader, p.Person, store.Filter{Limit: 100})
			x.keep(name+": list", p, recordsText(list), err)
			opened, err := d.Chart(ctx, reader, p.Person, 100)
			x.keep(name+": chart", p, chartText(opened), err)
		}
		for _, id := range p.Closed {
			x.record(ctx, name, reader, p, id)
		}
	}
	set, err := d.EmergencySet(ctx, x.Hub.clinician(staffOf(1), glass), p.Person)
	x.keep("emergency: set", p, chartText(set), err)
	linked, err := d.Linked(ctx, citizen, p.Person, p.Records)
	x.keep("share", p, fmt.Append(nil, linked), err)
	for _, id := range p.Closed {
		got, err := d.Deliver(ctx, disclose.Destination{ID: "bench"}, disclose.Reading, id)
		if err == nil && got.Opened != nil {
			x.keep("leg", p, chartText([]*disclose.Opened{got.Opened}), nil)
		} else {
			x.keep("leg", p, nil, err)
		}
	}
	body, _, err := x.gateway.history(ctx, p)
	x.keep("gateway", p, body, err)
	body, err = x.Hub.ask(ctx, fmt.Sprintf("%06d/KIN", i/100), p.Number)
	x.keep("HIS door", p, body, err)
	x.mu.Lock()
	err = x.err
	x.mu.Unlock()
	if err != nil {
		return err
	}
	return x.control(ctx, citizen, p)
}

// record asks for one closed record in every way that names it.
func (x *closing) record(ctx context.Context, name string, reader disclose.Reader, p *Patient, id dossier.ID) {
	d := x.Hub.Disclose
	o, err := d.Open(ctx, reader, id)
	if err == nil {
		x.keep(name+": record", p, chartText([]*disclose.Opened{o}), nil)
	} else {
		x.keep(name+": record", p, nil, err)
	}
	raw, _, err := d.Original(ctx, reader, id)
	x.keep(name+": original", p, raw, err)
	receipt, err := d.Receipt(ctx, reader, id)
	x.keep(name+": receipt", p, receipt, err)
	related, err := d.Related(ctx, reader, id, 50)
	x.keep(name+": related", p, recordsText(related), err)
	book, err := d.Book(ctx, reader, id, 50)
	x.keep(name+": book", p, chartText(book), err)
	bundle, _, err := x.Bundle(ctx, reader, id)
	x.keep(name+": evidence", p, bundle, err)
}

// control is the person, who proved again who they are.
func (x *closing) control(ctx context.Context, self disclose.Reader, p *Patient) error {
	self.SteppedUp = time.Now()
	own, err := x.Hub.Disclose.Chart(ctx, self, p.Person, 100)
	if err != nil {
		return err
	}
	if at, _ := x.found.in(chartText(own)); at != nil {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.r.Controls++
	}
	return nil
}

// keep searches what a reader was given.
func (x *closing) keep(what string, p *Patient, got []byte, err error) {
	switch {
	case errors.Is(err, store.ErrAbsent), errors.Is(err, disclose.ErrCompartment), errors.Is(err, disclose.ErrWithheld):
		return
	case err != nil:
		x.mu.Lock()
		defer x.mu.Unlock()
		x.err = errors.Join(x.err, fmt.Errorf("%s: %w", what, err))
		return
	case len(got) == 0:
		return
	}
	text := plain(got)
	at, chance := x.found.in(text)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.r.Chance += int64(chance)
	x.r.Answers[what]++
	x.r.Bytes += int64(len(text))
	if at != nil {
		x.r.Found++
		x.r.Where[what+": "+strings.TrimSpace(string(text[at[0]:at[1]]))]++
	}
	if p == nil {
		return
	}
	for _, id := range p.Closed {
		if bytes.Contains(text, []byte(id.String())) {
			x.r.Named++
			x.r.Where[what+" names it"]++
			return
		}
	}
}

var encoded = regexp.MustCompile(`[A-Za-z0-9+/]{80,}={0,2}`)

// plain is the bytes with what is packed or encoded in them unpacked.
func plain(b []byte) []byte {
	if z, err := zip.NewReader(bytes.NewReader(b), int64(len(b))); err == nil {
		var out bytes.Buffer
		for _, f := range z.File {
			out.WriteString(f.Name + "\n")
			r, err := f.Open()
			if err != nil {
				continue
			}
			inner, err := io.ReadAll(io.LimitReader(r, 32<<20))
			if err = errors.Join(err, r.Close()); err == nil {
				out.Write(plain(inner))
			}
		}
		return out.Bytes()
	}
	out := b
	for _, text := range encoded.FindAll(b, -1) {
		if inner, err := base64.StdEncoding.DecodeString(string(text)); err == nil {
			out = append(append(bytes.Clone(out), '\n'), inner...)
		}
	}
	return out
}

func recordsText(list []store.Record) []byte {
	var b bytes.Buffer
	for _, r := range list {
		fmt.Fprintf(&b, "%s %s %+v\n", r.ID, r.Kind, r.Verdict)
	}
	return b.Bytes()
}

// chartText is all that is drawn of opened records: the summary, the readable
// sections, and every cell.
func chartText(list []*disclose.Opened) []byte {
	if len(list) == 0 {
		return nil
	}
	var b bytes.Buffer
	all := entries(list)
	enc := json.NewEncoder(&b)
	_ = enc.Encode(chart.MakeSummary(all, time.Now())) // a buffer takes everything
	for i, o := range list {
		fmt.Fprintf(&b, "%s %s %v\n", o.Record.ID, o.Episode, o.Papers)
		_ = enc.Encode(all[i].Sections())
		if o.Read.Content == nil {
			continue
		}
		for _, t := range o.Read.Content.Tables() {
			for _, r := range t.Rows {
				for _, c := range r.Cells {
					b.WriteString(c.Text + "\n")
				}
				for _, e := range r.Extra {
					b.WriteString(e.Name + " " + e.Cell.Text + "\n")
				}
			}
		}
	}
	return b.Bytes()
}

// Print writes the result as a table for people.
func (r ClosedResult) Print(w io.Writer) error {
	total := int64(0)
	for _, n := range r.Answers {
		total += n
	}
	return bench.PrintTable(w, "Người bệnh HIV: điều người không có quyền nhận được", "HIV patients: what readers without the compartment receive", r.Machine, []bench.Row{
		{VI: "người bệnh, hồ sơ kín", EN: "patients, closed records", Value: fmt.Sprintf("%d, %d", r.People, r.Records)},
		{VI: "câu trả lời có nội dung", EN: "answers with content", Value: fmt.Sprintf("%d, %.1f MB, %.0f s", total, float64(r.Bytes)/1e6, r.Seconds)},
		{VI: "từ được tìm", EN: "words searched for", Value: fmt.Sprint(r.Words)},
		{VI: "tìm thấy", EN: "found", Value: fmt.Sprintf("%d %v", r.Found, r.Where)},
		{VI: "trùng ngẫu nhiên trong byte không phải chữ", EN: "by chance, in bytes that are no text", Value: fmt.Sprint(r.Chance)},
		{VI: "câu trả lời nêu số hồ sơ kín", EN: "answers that name a closed record", Value: fmt.Sprint(r.Named)},
		{VI: "đối chứng: chính người bệnh đọc thấy", EN: "control: patients who find them in their own", Value: fmt.Sprint(r.Controls)},
		{VI: "theo cách đọc", EN: "by way of reading", Value: fmt.Sprint(r.Answers)},
	})
}

// NextPage is the address of the page after a FHIR Bundle; "" for the last.
func NextPage(bundle []byte) string {
	var b struct {
		Link []struct{ Relation, URL string } `json:"link"`
	}
	if json.Unmarshal(bundle, &b) != nil {
		return ""
	}
	for _, l := range b.Link {
		if l.Relation == "next" {
			return l.URL
		}
	}
	return ""
}
