package page

import (
	"context"
	"net/http"
	"strconv"

	"lienthong/internal/agent/spool"
	"lienthong/internal/agent/station"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/finding"
	"lienthong/internal/intake"
)

const (
	rowsOnPage = 50
	mostAgain  = 1000 // files that are judged again with one press
)

// standing is one dossier that a cause stands against.
type standing struct {
	Ref      spool.Ref
	ID       int64
	File     string
	Episode  string
	Findings []finding.Finding // of this cause; of a refused file one with its sentence
	Kept     bool              // its bytes are here: it can be judged again
}

// causeView is "Cần sửa": the causes, and one of them opened.
type causeView struct {
	Causes []spool.Cause
	ToMend int
	Open   *spool.Cause
	Rows   []standing
	Next   string // id of the last file shown, "" at the end
	Again  *again // what became of judging again
}

// again is what judging again came to.
type again struct {
	Good, Bad int // would be taken now, would not
	Sent      int
	Gone      int // bytes not kept
	More      bool
}

func (p *Page) causeView(ctx context.Context, code string, after int64) (v causeView, err error) {
	if v.Causes, err = p.Station.Causes(ctx); err != nil {
		return v, err
	}
	for i, c := range v.Causes {
		v.ToMend += c.Dossiers
		if c.Code == code {
			v.Open = &v.Causes[i]
		}
	}
	if v.Open == nil {
		return v, nil
	}
	items, err := p.Station.Rejects(ctx, code, after, rowsOnPage)
	if err != nil {
		return v, err
	}
	for _, i := range items {
		rows, err := p.standing(ctx, i, code)
		if err != nil {
			return v, err
		}
		v.Rows = append(v.Rows, rows...)
	}
	if len(items) == rowsOnPage {
		v.Next = strconv.FormatInt(items[len(items)-1].ID, 10)
	}
	return v, nil
}

// standing reads what of a file a cause stands against.
func (p *Page) standing(ctx context.Context, i spool.Item, code string) (out []standing, err error) {
	entries, err := p.Station.Receipts(ctx, i.Ref)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		v := station.ReadVerdict(&e)
		s := standing{Ref: i.Ref, ID: i.ID, File: i.Name, Episode: v.Episode}
		if v.Refused && v.Code == code {
			s.Findings = []finding.Finding{{Code: v.Code, Severity: dossier.Error, Message: v.Message}}
		}
		for _, f := range v.Findings {
			if f.Code == code && f.Severity == dossier.Error {
				s.Findings = append(s.Findings, f)
			}
		}
		if len(s.Findings) > 0 && e.Outcome >= spool.WasRejected {
			out = append(out, s)
		}
	}
	return out, nil
}

func (p *Page) rejects(w http.ResponseWriter, r *http.Request, f frame) {
	f = f.titled("rejects", "agent.nav.rejects")
	v, err := p.causeView(r.Context(), r.URL.Query().Get("code"), id(r))
	if err != nil {
		p.fail(w, r, f, err)
		return
	}
	p.show(w, r, http.StatusOK, rejectsPage(f, v))
}

// id is the place in a list that a page begins after.
func id(r *http.Request) int64 {
	n, err := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// rejectsAgain judges the files of a cause again by the rules at hand, and with
// send has those sent once more that would be taken now.
func (p *Page) rejectsAgain(w http.ResponseWriter, r *http.Request, f frame) {
	ctx, code := r.Context(), field(r, "code", 200)
	f = f.titled("rejects", "agent.nav.rejects")
	a, err := p.judge(ctx, code, field(r, "do", 10) == "send")
	if err != nil {
		p.fail(w, r, f, err)
		return
	}
	v, err := p.causeView(ctx, code, 0)
	if err != nil {
		p.fail(w, r, f, err)
		return
	}
	v.Again = a
	p.show(w, r, http.StatusOK, rejectsPage(f, v))
}

func (p *Page) judge(ctx context.Context, code string, send bool) (*again, error) {
	a := &again{}
	after := int64(0)
	for n := 0; n < mostAgain; {
		items, err := p.Station.Rejects(ctx, code, after, rowsOnPage)
		if err != nil {
			return nil, err
		}
		for _, i := range items {
			n++
			after = i.ID
			checked, err := p.Station.Recheck(ctx, i.Ref)
			if err != nil {
				return nil, err
			}
			switch {
			case len(checked) == 0:
				a.Gone++
			case !checked[0].Good:
				a.Bad++
			default:
				a.Good++
				if !send {
					continue
				}
				sent, err := p.Station.Resend(ctx, false, i.Ref)
				if err != nil {
					return nil, err
				}
				a.Sent += sent
			}
		}
		if len(items) < rowsOnPage {
			return a, nil
		}
	}
	a.More = true
	return a, nil
}

// rejectsCSV lists every dossier of a cause, or of all causes, with the places.
func (p *Page) rejectsCSV(w http.ResponseWriter, r *http.Request, f frame) {
	ctx := r.Context()
	causes, err := p.Station.Causes(ctx)
	if err != nil {
		p.fail(w, r, f, err)
		return
	}
	code := r.URL.Query().Get("code")
	t := begin(w, "lienthong-can-sua", "tep", "ma_lk", "ma_loi", "bang", "dong", "truong", "noi_dung", "cach_sua", "error", "hint")
	for _, c := range causes {
		if code != "" && c.Code != code {
			continue
		}
		for after := int64(0); ; {
			items, err := p.Station.Rejects(ctx, c.Code, after, rowsOnPage)
			if err != nil {
				p.broken(ctx, err)
				return
			}
			for _, i := range items {
				after = i.ID
				rows, err := p.standing(ctx, i, c.Code)
				if err != nil {
					p.broken(ctx, err)
					return
				}
				t.standings(rows)
			}
			if len(items) < rowsOnPage {
				break
			}
		}
	}
	if err := t.end(); err != nil {
		p.Logger.InfoContext(ctx, "list not read to its end", "error", err)
	}
}

// checkForm is where a mended file is tried before it is sent.
func (p *Page) checkForm(w http.ResponseWriter, r *http.Request, f frame) {
	p.show(w, r, http.StatusOK, checkPage(f.titled("check", "agent.nav.check"), nil))
}

// tried is a file that was looked at.
type tried struct {
	Name    string
	Size    int64
	Refused *fault.Error
	Results []intake.Result
	Sent    spool.Ref
	Waits   bool // it is not sealed: the agent will, when it sends it
}

// Good reports that nothing would stand against it.
func (t tried) Good() bool {
	if t.Refused != nil {
		return false
	}
	for _, r := range t.Results {
		if r.State == dossier.Rejected {
			return false
		}
	}
	return true
}
