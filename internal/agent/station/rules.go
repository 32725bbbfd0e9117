package station

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"net/http"
	"strings"
	"time"

	"lienthong/internal/agent/home"
	"lienthong/internal/care"
	"lienthong/internal/facility"
	"lienthong/internal/fault"
	"lienthong/internal/quality"
	"lienthong/internal/rehearsal"
	"lienthong/internal/rulepack"
	"lienthong/internal/score"
	"lienthong/internal/trust"
)

var (
	// ErrRules (agent.rules): what the hub gave out as its rules does not hold.
	ErrRules = fault.New(fault.Conflict, "agent.rules",
		"Bộ quy tắc nhận từ hub không đúng chữ ký nên không dùng. Hồ sơ vẫn được gửi bình thường; báo cho đơn vị vận hành hub.",
		"The rules received from the hub are not signed as they should be and are not used. Files still go out as usual; tell the hub's operator.")
	// ErrNewer (agent.rules_newer): the hub judges by rules this program does not have.
	ErrNewer = fault.New(fault.Conflict, "agent.rules_newer",
		"Hub đã dùng bộ quy tắc mới hơn phần mềm này. Kết quả kiểm tra trước khi gửi có thể khác; hãy cập nhật agent.",
		"The hub judges by rules newer than this program's. The check before sending may differ; update the agent.")
	// ErrStale (agent.rules_stale): the rules at hand are old, or there are none.
	ErrStale = fault.New(fault.Busy, "agent.rules_stale",
		"Chưa có bộ quy tắc mới của hub (hơn 7 ngày). Hồ sơ vẫn được kiểm tra bằng bản đang có và gửi đi bình thường.",
		"There are no recent rules of the hub (more than 7 days). Files are checked with those at hand and still go out.")
)

const (
	rulesPath  = "/api/v1/rules"
	factRules  = "rules"      // the token as it was received
	factTag    = "rules-etag" // and its tag
	rulesStale = 7 * 24 * time.Hour
)

// rulePack is the hub's signed rules, arranged for judging by them.
type rulePack struct {
	rulepack.Pack
	view   *trust.View
	judges map[string]*score.Judge // by kind, of the sheets this program can read
	rules  *quality.Pack           // this program's, joined with the books; nil: they cannot be read here
}

// FetchRules asks for the hub's rules, checks whose they are, and keeps them.
// Faults: hub.unreachable, hub.answer, agent.rules; the spool's.
func (s *Station) FetchRules(ctx context.Context) error {
	defer s.tellOfRules()
	header := http.Header{}
	if tag, err := s.Spool.Fact(ctx, factTag); err != nil {
		return err
	} else if tag != nil {
		header.Set("If-None-Match", string(tag))
	}
	said, err := s.ask(ctx, http.MethodGet, rulesPath, header, nil, rulepack.MaxBytes)
	if err != nil || said.Status == http.StatusNotModified {
		return err
	}
	token := bytes.TrimSpace(said.Body)
	p, err := s.openRules(token)
	if err != nil {
		s.note(ErrRules.Code, ErrRules.Text, 1)
		return err
	}
	s.clear(ErrRules.Code)
	if err := s.Spool.Remember(ctx, factRules, token); err != nil {
		return err
	}
	if err := s.Spool.Remember(ctx, factTag, []byte(said.Header.Get("ETag"))); err != nil {
		return err
	}
	s.mu.Lock()
	s.pack = p
	s.mu.Unlock()
	return s.learnKeys(p)
}

// restore takes up the rules of an earlier run.
func (s *Station) restore(ctx context.Context) error {
	token, err := s.Spool.Fact(ctx, factRules)
	if err != nil || token == nil {
		return err
	}
	p, err := s.openRules(token)
	if err != nil { // the key they were signed with is not known any more: they are fetched anew
		return s.Spool.Remember(ctx, factTag, nil)
	}
	s.mu.Lock()
	s.pack = p
	s.mu.Unlock()
	return nil
}

// openRules verifies the hub's signature and arranges what is in it. Fault: agent.rules.
func (s *Station) openRules(token []byte) (*rulePack, error) {
	var known []rulepack.Key
	if s.cfg.Keys != nil {
		keys, err := s.cfg.Keys()
		if err != nil {
			return nil, err
		}
		for _, k := range keys {
			known = append(known, rulepack.Key{KID: k.ID, SPKI: k.SPKI})
		}
	}
	opened, err := rulepack.Open(string(token), known)
	if err != nil {
		return nil, ErrRules.Because(err)
	}
	p := rulePack{Pack: opened}
	if care.FacilityCode(p.Facility.Code) != s.cfg.Facility {
		return nil, ErrRules.Because(errors.New("of another facility"))
	}
	code := s.cfg.Facility
	c := facility.Contents{Anchors: p.Anchors, Versions: []facility.Version{{Code: code, Name: p.Facility.Name, TaxCode: p.Facility.TaxCode}}}
	for _, der := range p.Facility.Certificates {
		if _, err := x509.ParseCertificate(der); err != nil {
			return nil, ErrRules.Because(err)
		}
		c.Certificates = append(c.Certificates, facility.Certificate{Facility: code, Fingerprint: sha256.Sum256(der), DER: der})
	}
	view, err := trust.NewView(facility.NewDirectory(c))
	if err != nil {
		return nil, ErrRules.Because(err)
	}
	p.view = view
	s.join(&p)
	s.readSheets(&p)
	return &p, nil
}

// join compiles the books, so that files are judged here as the hub does. Books this
// program cannot read leave its own rules, and tellOfRules says so.
func (s *Station) join(p *rulePack) {
	if s.Checker == nil || s.Checker.Rules == nil || s.Compiler == nil && len(p.Books) > 0 {
		return
	}
	pack, err := rehearsal.Join(s.Checker.Rules(), s.Compiler, p.Books)
	if err != nil {
		s.Logger.Warn("the hub's books of rules are not for this program", "error", err)
		return
	}
	p.rules = pack
}

// rules is what files are judged by before they go.
func (s *Station) rules() *quality.Pack {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pack != nil && s.pack.rules != nil {
		return s.pack.rules
	}
	return s.Checker.Rules()
}

// readSheets takes the hub's sheets of quality. For a kind whose sheet this program
// cannot read it marks by its own.
func (s *Station) readSheets(p *rulePack) {
	p.judges = map[string]*score.Judge{}
	for _, text := range p.Sheets {
		sheet, err := score.ParseSheet([]byte(text))
		if err != nil {
			s.Logger.Warn("a sheet of quality of the hub is not for this program", "error", err)
			continue
		}
		p.judges[sheet.Subject] = score.NewJudge(sheet, rehearsal.Words(s.Compiler, p.Books))
	}
}

// scores marks dossiers of a kind before they go, by the hub's sheet where it is at
// hand.
func (s *Station) scores(kind string) *score.Judge {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pack != nil && s.pack.judges[kind] != nil {
		return s.pack.judges[kind]
	}
	if s.Checker.Scores != nil {
		return s.Checker.Scores(kind)
	}
	return score.StandardJudge(kind)
}

// learnKeys keeps keys the hub names beside those known: it vouches for them
// with one that is.
func (s *Station) learnKeys(p *rulePack) error {
	if s.cfg.Keys == nil || s.cfg.SaveKeys == nil {
		return nil
	}
	keys, err := s.cfg.Keys()
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, k := range keys {
		known[k.ID] = true
	}
	n := len(keys)
	for _, k := range p.ReceiptKeys {
		key := home.ReceiptKey{ID: k.KID, SPKI: k.SPKI}
		if _, err := key.Public(); err != nil || k.KID == "" || known[k.KID] {
			continue
		}
		keys, known[k.KID] = append(keys, key), true
	}
	if len(keys) == n {
		return nil
	}
	return s.cfg.SaveKeys(keys)
}

// trust is whom certificates speak for as the hub said last; nil while it has
// said nothing: then a seal is verified and whom it binds is not known.
func (s *Station) trust() *trust.View {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pack == nil {
		return nil
	}
	return s.pack.view
}

// Rules names the hub's rules at hand, and since when they are.
func (s *Station) Rules() (pack string, issued time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pack == nil {
		return "", time.Time{}
	}
	return s.pack.Pack.Pack, s.pack.IssuedAt
}

// tellOfRules shows rules that are old, missing, or newer than this program.
func (s *Station) tellOfRules() {
	pack, issued := s.Rules()
	now := s.hubNow()
	switch {
	case pack == "" || now.Sub(issued) > rulesStale:
		s.note(ErrStale.Code, ErrStale.Text, 1)
	default:
		s.clear(ErrStale.Code)
	}
	base, _, _ := strings.Cut(strings.ReplaceAll(pack, "~", "+"), "+") // what is built in, without books
	if pack != "" && s.Checker != nil && s.Checker.Rules != nil && (s.Checker.Rules().String() < base || base != pack && s.rules().String() != pack) {
		s.note(ErrNewer.Code, ErrNewer.Text, 1)
	} else {
		s.clear(ErrNewer.Code)
	}
}
