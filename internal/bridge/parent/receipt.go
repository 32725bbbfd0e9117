package parent

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"lienthong/internal/agent"
	"lienthong/internal/courier"
	"lienthong/internal/dossier"
	"lienthong/internal/exchange"
	"lienthong/internal/intake"
	"lienthong/internal/ledger"
	"lienthong/internal/store"
)

// proves checks the parent's receipt of a result against this hub's own receipt of
// the record. same: it is about the same file too, not only the same dossier.
func proves(r *result, ours []byte, logKeys []string) (same bool, err error) {
	b, mine, err := bodies(r, ours, logKeys)
	if err != nil {
		return false, err
	}
	same = b.FileSHA256 == mine.FileSHA256
	switch {
	case b.Kind != mine.Kind || b.Episode != mine.Episode || b.ContentSHA256 != mine.ContentSHA256:
		return false, errors.New("it is about another dossier")
	case !same && !r.Replay: // what the parent had before may have come in another envelope
		return false, errors.New("it is about another file")
	}
	return same, nil
}

// takesBack checks the parent's receipt of a withdrawal.
func takesBack(r *result, ours []byte, logKeys []string, target string) error {
	b, mine, err := bodies(r, ours, logKeys)
	if err != nil {
		return err
	}
	if b.Kind != mine.Kind || b.Kind != intake.KindWithdrawal || b.Episode != mine.Episode || b.Supersedes != target {
		return errors.New("it is about another withdrawal")
	}
	return nil
}

// bodies verifies a receipt and reads it, and our own beside it.
func bodies(r *result, ours []byte, logKeys []string) (theirs, mine *ledger.Body, err error) {
	report, err := ledger.Verify(r.Receipt, ledger.VerifyOptions{LogKeys: logKeys})
	switch {
	case err != nil:
		return nil, nil, err
	case !report.OK, len(logKeys) > 0 && !report.Trusted:
		return nil, nil, errors.New("it does not verify")
	}
	if theirs, err = bodyOf(r.Receipt); err != nil {
		return nil, nil, err
	}
	if mine, err = bodyOf(ours); err != nil {
		return nil, nil, fmt.Errorf("our own: %w", err)
	}
	if theirs.Record != r.Record || theirs.State != r.State || theirs.Facility != mine.Facility || theirs.Hub == mine.Hub {
		return nil, nil, errors.New("it is about another record")
	}
	return theirs, mine, nil
}

func bodyOf(doc []byte) (*ledger.Body, error) {
	d, err := ledger.ParseDocument(doc)
	if err != nil {
		return nil, err
	}
	return ledger.ParseBody(d.Body)
}

// unproved parks a leg whose receipt does not prove what it should, and says so aloud.
func (a *Adapter) unproved(ctx context.Context, p *courier.Parcel, r *result, why error) exchange.Answer {
	origin := p.Destination.URL
	if d, err := ledger.ParseDocument(r.Receipt); err == nil {
		origin = d.Origin
	}
	sum := sha256.Sum256(r.Receipt)
	a.alarm(ctx, p.Destination, store.LogAlarm{Origin: origin, Kind: store.AlarmReceipt,
		Known: []byte(p.Legs[0].Record.String()), Seen: []byte(ledger.HexSHA256(sum))}, why)
	return exchange.Answer{Outcome: exchange.Refused, Sent: true, Code: CodeReceipt}
}

// maxResult is far more than one result needs.
const maxResult = 8 << 20

// withdraw takes a record back at the parent. Asked again it gives the first answer.
func (a *Adapter) withdraw(ctx context.Context, s *agent.Session, p *courier.Parcel, o Options) (out exchange.Answer, login bool) {
	target, err := dossier.ParseID(p.Withdraws.Reference)
	if p.Withdraws.State != exchange.Done || err != nil {
		return exchange.Answer{Outcome: exchange.Refused, Code: exchange.ParkedBehind}, false
	}
	body, err := json.Marshal(map[string]string{"reason": p.Reason})
	if err != nil {
		return speaker.Unmade(), false
	}
	said, err := s.Client().Ask(ctx, http.MethodPost, "/api/v1/records/"+target.String()+"/withdraw",
		http.Header{"Content-Type": {"application/json"}, "Lane": {p.Legs[0].Lane.String()}}, body, maxResult)
	if err != nil {
		return failed(err, true), errors.Is(err, agent.ErrLogin)
	}
	if said.Status == http.StatusUnauthorized {
		return failed(agent.ErrLogin, true), true
	}
	if out, ok := problem(said); !ok {
		return out, false
	}
	r := &result{}
	if err := json.Unmarshal(said.Body, r); err != nil {
		return speaker.Garbage(), false
	}
	if err := takesBack(r, p.Own[0].Receipt, o.LogKeys, target.String()); err != nil {
		return a.unproved(ctx, p, r, err), false
	}
	return exchange.Answer{Outcome: exchange.Finalized, Sent: true, Reference: r.Record, Receipt: r.Receipt}, false
}
