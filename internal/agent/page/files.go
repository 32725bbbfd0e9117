package page

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"time"

	"lienthong/internal/agent/spool"
	"lienthong/internal/agent/station"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
)

// openStates are the lists of what has no answer yet, in the order of the tabs.
var openStates = []spool.State{spool.Ready, spool.Taken, spool.Sent, spool.Unsealed, spool.Held, spool.Carried}

// filesView is what waits in one state.
type filesView struct {
	State  spool.State
	Counts map[spool.State]int
	Oldest time.Time
	Rows   []spool.Item
	Next   string
	Sent   int // files that were just let go
	Did    bool
}

func (p *Page) filesView(ctx context.Context, state string, after int64) (v filesView, err error) {
	waits, err := p.Station.Waiting(ctx)
	if err != nil {
		return v, err
	}
	v.Counts, v.Oldest = map[spool.State]int{}, waits.Oldest
	for _, q := range waits.Queues {
		v.Counts[q.State] += q.Items
	}
	for _, s := range openStates {
		if state == s.String() || state == "" && v.State == 0 && v.Counts[s] > 0 {
			v.State = s
		}
	}
	if v.State == 0 {
		v.State = spool.Ready
	}
	v.Rows, err = p.Station.Spool.List(ctx, v.State, after, rowsOnPage)
	if err != nil {
		return v, err
	}
	if len(v.Rows) == rowsOnPage {
		v.Next = strconv.FormatInt(v.Rows[len(v.Rows)-1].ID, 10)
	}
	return v, p.Station.Explain(ctx, v.Rows)
}

func (p *Page) files(w http.ResponseWriter, r *http.Request, f frame) {
	f = f.titled("files", "agent.nav.files")
	v, err := p.filesView(r.Context(), r.URL.Query().Get("state"), id(r))
	if err != nil {
		p.fail(w, r, f, err)
		return
	}
	p.show(w, r, http.StatusOK, filesPage(f, v))
}

// filesAgain lets go of what was held back: judged again, or sent as it is.
func (p *Page) filesAgain(w http.ResponseWriter, r *http.Request, f frame) {
	f = f.titled("files", "agent.nav.files")
	ctx, anyway := r.Context(), field(r, "do", 10) == "anyway"
	sent := 0
	for after, n := int64(0), 0; n < mostAgain; {
		list, err := p.Station.Spool.List(ctx, spool.Held, after, rowsOnPage)
		if err != nil {
			p.fail(w, r, f, err)
			return
		}
		var refs []spool.Ref
		for _, i := range list {
			after = i.ID
			n++
			if !anyway {
				checked, err := p.Station.Recheck(ctx, i.Ref)
				if err != nil {
					p.fail(w, r, f, err)
					return
				}
				if len(checked) == 0 || !checked[0].Good {
					continue
				}
			}
			refs = append(refs, i.Ref)
		}
		more, err := p.Station.Resend(ctx, anyway, refs...)
		if err != nil {
			p.fail(w, r, f, err)
			return
		}
		if sent += more; len(list) < rowsOnPage {
			break
		}
	}
	v, err := p.filesView(ctx, spool.Held.String(), 0)
	if err != nil {
		p.fail(w, r, f, err)
		return
	}
	v.Sent, v.Did = sent, true
	p.show(w, r, http.StatusOK, filesPage(f, v))
}

// leg is a record's way to one destination, as the feed says it.
type leg struct {
	Destination string    `json:"destination"`
	State       string    `json:"state"`
	Created     time.Time `json:"created"`
	Sent        time.Time `json:"sent"`
	Received    time.Time `json:"received"`
	Finalized   time.Time `json:"finalized"`
	Opened      time.Time `json:"opened"`
	Code        string    `json:"code"`
	Reference   string    `json:"reference"`
	Attempts    int       `json:"attempts"`
}

// step is a moment of a leg with its word.
type step struct {
	Key string
	At  time.Time
}

func (l leg) steps() (out []step) {
	for _, s := range []step{{"created", l.Created}, {"sent", l.Sent}, {"received", l.Received}, {"finalized", l.Finalized}, {"opened", l.Opened}} {
		if !s.At.IsZero() {
			out = append(out, s)
		}
	}
	return out
}

// look is the mark of a leg's state (LOOK §3).
func (l leg) look() (tone, mark string) {
	switch l.State {
	case "done":
		return "ok", "ok"
	case "waiting":
		return "wait", "wait"
	case "held":
		return "warn", "hold"
	case "parked":
		return "bad", "hold"
	}
	return "off", "dash"
}

// answered is one dossier of a file.
type answered struct {
	Entry   spool.Entry
	Verdict station.Verdict
	Legs    []leg
}

// fileView is one file.
type fileView struct {
	Item     spool.Item
	Answers  []answered
	Checked  *station.Checked // after judging again
	Sent     bool
	Absent   bool // its bytes are not kept: there is nothing to judge
	CanAgain bool
}

func (p *Page) fileView(ctx context.Context, ref spool.Ref) (v fileView, err error) {
	if v.Item, err = p.Station.Spool.Get(ctx, ref); err != nil {
		return v, err
	}
	entries, err := p.Station.Receipts(ctx, ref)
	if err != nil {
		return v, err
	}
	for _, e := range entries {
		a := answered{Entry: e, Verdict: station.ReadVerdict(&e)}
		if a.Legs, err = p.legs(ctx, e.Record); err != nil {
			return v, err
		}
		v.Answers = append(v.Answers, a)
	}
	switch v.Item.State {
	case spool.Held, spool.Unsealed, spool.Rejected, spool.Refused:
		v.CanAgain = true
	}
	return v, nil
}

func (p *Page) legs(ctx context.Context, record string) (out []leg, err error) {
	if record == "" {
		return nil, nil
	}
	lines, err := p.Station.Spool.Legs(ctx, record)
	if err != nil {
		return nil, err
	}
	for name, line := range lines {
		var l leg
		if err := json.Unmarshal(line, &l); err != nil { // of a hub of another age: its name is all that is known
			l = leg{}
		}
		l.Destination = name
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b leg) int { return cmp.Compare(a.Destination, b.Destination) })
	return out, nil
}

func (p *Page) file(w http.ResponseWriter, r *http.Request, f frame) {
	f = f.titled("files", "agent.file.title")
	v, err := p.fileView(r.Context(), spool.Ref(r.PathValue("ref")))
	if err != nil {
		p.fail(w, r, f, err)
		return
	}
	switch v.Item.State { // whence a person comes, and goes back to
	case spool.Accepted:
		f.Nav = "receipts"
	case spool.Rejected, spool.Refused:
		f.Nav = "rejects"
	}
	p.show(w, r, http.StatusOK, filePage(f, v))
}

// fileAgain judges one file again, or sends it once more.
func (p *Page) fileAgain(w http.ResponseWriter, r *http.Request, f frame) {
	ctx, ref, do := r.Context(), spool.Ref(r.PathValue("ref")), field(r, "do", 10)
	f = f.titled("files", "agent.file.title")
	checked, err := p.Station.Recheck(ctx, ref)
	if err != nil {
		p.fail(w, r, f, err)
		return
	}
	sent := 0
	if do == "anyway" || do == "send" && len(checked) == 1 && checked[0].Good {
		if sent, err = p.Station.Resend(ctx, do == "anyway", ref); err != nil {
			p.fail(w, r, f, err)
			return
		}
	}
	v, err := p.fileView(ctx, ref)
	if err != nil {
		p.fail(w, r, f, err)
		return
	}
	v.Sent, v.Absent = sent > 0, len(checked) == 0
	if len(checked) == 1 {
		v.Checked = &checked[0]
	}
	p.show(w, r, http.StatusOK, filePage(f, v))
}

var errNoReceipt = fault.New(fault.Absent, "page.no_receipt", "Hồ sơ này chưa có biên nhận.", "There is no receipt for this dossier.")

var plainName = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// receipt is the receipt as the hub gave it, for `lienthong verify`.
func (p *Page) receipt(w http.ResponseWriter, r *http.Request, f frame) {
	entries, err := p.Station.Receipts(r.Context(), spool.Ref(r.PathValue("ref")))
	if err != nil {
		p.fail(w, r, f, err)
		return
	}
	for _, e := range entries {
		v := station.ReadVerdict(&e)
		if strconv.Itoa(e.N) != r.PathValue("n") || v.Receipt == nil {
			continue
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Disposition", `attachment; filename="bien-nhan-`+plainName.ReplaceAllString(e.Record, "_")+`.json"`)
		_, _ = w.Write(v.Receipt) // who has gone asks again
		return
	}
	p.fail(w, r, f, errNoReceipt)
}

// receiptsView is a day's answers.
type receiptsView struct {
	Day  int
	Rows []answered
	Next string // of the last one: its reference and place
}

func (p *Page) receipts(w http.ResponseWriter, r *http.Request, f frame) {
	f = f.titled("receipts", "agent.nav.receipts")
	v := receiptsView{Day: dayOf(r.URL.Query().Get("day"), f.Now)}
	var last *spool.Entry
	if ref := r.URL.Query().Get("after"); ref != "" {
		n, err := strconv.Atoi(r.URL.Query().Get("n"))
		if err != nil {
			n = 0
		}
		last = &spool.Entry{Ref: spool.Ref(ref), N: n}
	}
	list, err := p.Station.Spool.Journal(r.Context(), v.Day, last, rowsOnPage)
	if err != nil {
		p.fail(w, r, f, err)
		return
	}
	for _, e := range list {
		v.Rows = append(v.Rows, answered{Entry: e, Verdict: station.ReadVerdict(&e)})
	}
	if len(list) == rowsOnPage {
		end := list[len(list)-1]
		v.Next = f.link("/receipts", "day", strconv.Itoa(v.Day), "after", string(end.Ref), "n", strconv.Itoa(end.N))
	}
	p.show(w, r, http.StatusOK, receiptsPage(f, v))
}

func (p *Page) receiptsCSV(w http.ResponseWriter, r *http.Request, f frame) {
	day := dayOf(r.URL.Query().Get("day"), f.Now)
	attach(w, "lienthong-bien-nhan-"+strconv.Itoa(day))
	if err := p.Station.Export(r.Context(), w, day); err != nil {
		p.broken(r.Context(), err)
	}
}

// dayOf reads yyyy-mm-dd or yyyymmdd; today where it is neither.
func dayOf(text string, now time.Time) int {
	for _, form := range []string{time.DateOnly, "20060102"} {
		if t, err := time.Parse(form, text); err == nil {
			return t.Year()*10000 + int(t.Month())*100 + t.Day()
		}
	}
	return clock.Day(now)
}
