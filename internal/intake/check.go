package intake

import (
	"context"
	"log/slog"
	"time"

	"lienthong/internal/finding"
	"lienthong/internal/kind"
	"lienthong/internal/quality"
	"lienthong/internal/score"
	"lienthong/internal/seal"
	"lienthong/internal/trust"
)

// Checker gives the hub's own judgement of a file without sending it anywhere:
// for `dossier check`, the upload room's preview and the agent.
type Checker struct {
	Kinds *kind.Registry
	Seals *seal.Verifier
	Rules func() *quality.Pack
	// Scores marks as the hub does; nil: by the sheets the program comes with.
	Scores func(kind string) *score.Judge
	// Trust is the directory to hold senders and seals against; nil: the seal is
	// verified and whom it binds is unknown.
	Trust *trust.View
}

// Preview is what would become of a file.
type Preview struct {
	Results []Result  // record, receipt and version are not given: nothing was kept
	Seal    string    // "verified", "unknown" when nobody says whom it binds
	Papers  []Refused // papers beside the file that would not be taken
}

// Check judges one file received at now. Its error is the refusal the hub would give.
func (c *Checker) Check(_ context.Context, f File, now time.Time) (*Preview, error) {
	in := &Intake{Deps: Deps{Kinds: c.Kinds, Seals: c.Seals, Rules: c.Rules, Scores: c.Scores, Logger: slog.New(slog.DiscardHandler)}}
	if in.Scores == nil {
		in.Scores = score.StandardJudge
	}
	t := &task{in: in, file: f, received: now, trust: c.Trust, rules: c.Rules()}
	var err error
	if t.reader, err = c.Kinds.Pick(f.Bytes); err != nil {
		return nil, err
	}
	if t.opened, err = t.reader.Open(f.Bytes); err != nil {
		return nil, err
	}
	sealed, err := t.checkSeal()
	if err != nil {
		return nil, err
	}
	p := &Preview{Seal: sealed}
	t.admitPapers()
	for _, x := range t.papers.refused {
		p.Papers = append(p.Papers, Refused{File: x.Name, Refused: true, Code: x.why.Code, Message: x.why.Text})
	}
	for i := range t.opened.Len() {
		j := &judged{read: t.opened.Dossier(i)}
		in.findings(j, t)
		epoch := int64(0)
		if t.trust != nil {
			epoch = t.trust.Epoch
		}
		v := quality.Verdict(j.findings, t.rules, epoch)
		r := Result{File: f.Name, Index: i, Facility: string(t.facility), Episode: j.read.Episode, Kind: t.reader.Name(),
			State: v.State, JudgedWith: Judged{Pack: v.Pack, TrustEpoch: epoch}, Findings: finding.Of(t.rules, v.Findings)}
		if v.State.IsAccepted() {
			if m := in.marks(r.Kind, j, v.Findings, now); m != nil {
				r.Quality = in.Scores(r.Kind).Report(m)
			}
		}
		p.Results = append(p.Results, r)
	}
	return p, nil
}

// checkSeal is admit without a sender and without a store.
func (t *task) checkSeal() (string, error) {
	t.facility = t.opened.Facility()
	if t.trust != nil && t.facility != "" {
		if _, known := t.trust.Current(t.facility); !known {
			return "", ErrFacility
		}
	}
	verdict, err := t.verify()
	if err != nil {
		return "", err
	}
	if t.trust == nil {
		if t.facility == "" {
			t.facility = trust.SaidFacility(t.opened)
		}
		return "unknown", nil
	}
	if t.facility == "" {
		if t.facility = t.owner(verdict); t.facility == "" {
			return "", seal.ErrUntrusted
		}
	}
	t.version, _ = t.trust.Current(t.facility)
	return "verified", t.bind(verdict)
}
