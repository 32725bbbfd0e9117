package simulator

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"regexp"
	"slices"

	"lienthong/internal/bridge/envelope"
	"lienthong/internal/bridge/faulty"
	"lienthong/internal/bridge/tally"
	"lienthong/internal/bridge/ticket"
	"lienthong/internal/fault"
	"lienthong/internal/seal"
)

var (
	facilityCode = regexp.MustCompile(`^[0-9A-Za-z]{5}$`)
	province     = regexp.MustCompile(`^[0-9]{2}$`)
)

// submit takes a file: headers accessToken, tokenId, passwordHash, body
// {username, loaiHoSo, maTinh, maCSKCB, fileHSBase64}. Answers, in this order:
// 205 for a body that cannot be read, 401, 205 for parameters, 403 for a
// facility that is not the account's, then those of open, 500 when it cannot be
// written down, else 200.
func (s *Simulator) submit(loaiHoSo, kind string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, known := s.tokens.Holder(r.Header.Get("accessToken")); known != ticket.Valid {
			s.refuse(w, r, Unauthorised) // before the file is read
			return
		}
		fields, err := fieldsOf(w, r, MostBody)
		if err != nil {
			s.refuse(w, r, BadParameter)
			return
		}
		account, ok := s.session(r, byHeader(r, fields["username"]))
		if !ok || fields["username"] == "" {
			s.refuse(w, r, Unauthorised)
			return
		}
		doc, err := base64.StdEncoding.DecodeString(fields["fileHSBase64"])
		if err != nil || len(doc) == 0 || fields["loaiHoSo"] != loaiHoSo ||
			!province.MatchString(fields["maTinh"]) || !facilityCode.MatchString(fields["maCSKCB"]) {
			s.refuse(w, r, BadParameter)
			return
		}
		if !account.may(fields["maCSKCB"]) {
			s.refuse(w, r, Forbidden)
			return
		}
		file, code := s.open(doc, fields["maCSKCB"], kind)
		if code != OK {
			s.refuse(w, r, code)
			return
		}
		reference := ticket.Random()
		if !faulty.Forgets(r.Context()) {
			if err := s.record(tally.Entry{Kind: kind, Route: tally.Pattern(r.Pattern), Account: account.User, Reference: reference}, file, doc); err != nil {
				s.refuse(w, r, Broken)
				return
			}
			if kind == "dossier" {
				s.handOn(r.Context(), file.Facility, doc)
			}
		}
		s.answer(w, r, OK, result{OK, reference, s.stamp(), sentence(OK)})
	}
}

// Hold records a dossier file or a check-in list as if its facility had sent it;
// the error says with which code it would have been refused.
func (s *Simulator) Hold(doc []byte) error {
	kind := "dossier"
	file, code := s.open(doc, "", kind)
	if code == BadParameter {
		kind = "checkin"
		file, code = s.open(doc, "", kind)
	}
	if code != OK {
		return errors.New("simulator: the file is refused with " + code)
	}
	return s.record(tally.Entry{Kind: kind, Route: "hold", Reference: ticket.Random()}, file, doc)
}

// open opens a file and returns OK; 205 when it is no file of this kind or holds
// too many dossiers, 125 when its facility's certificates are known and none of
// them signed it as it is, 403 when it is another facility's.
func (s *Simulator) open(doc []byte, facility, kind string) (*envelope.File, string) {
	file, err := envelope.Open(doc)
	if err != nil {
		return nil, BadParameter
	}
	if known := s.c.Certificates[file.Facility]; len(known) > 0 && !s.signed(doc, file.Facility) {
		return nil, BadSignature
	}
	switch {
	case facility != "" && file.Facility != facility:
		return nil, Forbidden
	case kind == "checkin":
		if file.Root != envelope.Checkins && (file.Root != envelope.Dossiers || !all(file, "XML0")) {
			return nil, BadParameter
		}
	case file.Root != envelope.Dossiers || len(file.Dossiers) > s.c.PerFile || !all(file, "XML1"):
		return nil, BadParameter
	}
	seen := map[string]bool{}
	for _, d := range file.Dossiers {
		if d.Episode == "" || seen[d.Episode] {
			return nil, BadParameter
		}
		seen[d.Episode] = true
	}
	return file, OK
}

// signed reports whether a certificate known for the facility signed the file.
func (s *Simulator) signed(doc []byte, facility string) bool {
	verdict, err := s.verifier.Verify(doc, seal.Expect{Container: envelope.Seal})
	if err != nil {
		return false
	}
	for _, c := range s.c.Certificates[facility] {
		if slices.ContainsFunc(verdict.Signatures, func(g seal.Signature) bool { return g.Certificate.Equal(c) }) {
			return true
		}
	}
	return false
}

// record writes down each dossier of a file, and holds it from now on.
func (s *Simulator) record(e tally.Entry, file *envelope.File, doc []byte) error {
	sum := sha256.Sum256(doc)
	e.Facility, e.SHA256, e.Size, e.Code = file.Facility, hex.EncodeToString(sum[:]), len(doc), OK
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range file.Dossiers {
		e.Episode = d.Episode
		written, err := s.book.Record(e)
		if err != nil {
			return err
		}
		f := s.held.put(written, d, doc)
		f.Verdict = s.c.Judge(*f)
	}
	return nil
}

// passing is a dossier on its way to the health book.
type passing struct {
	facility string
	doc      []byte
}

// handOn hands a dossier on, behind those that wait already.
func (s *Simulator) handOn(ctx context.Context, facility string, doc []byte) {
	if s.c.PassOn == nil {
		return
	}
	s.mu.Lock()
	s.waiting = append(s.waiting, passing{facility, doc})
	s.mu.Unlock()
	_ = s.PassOn(context.WithoutCancel(ctx)) // what waits is counted and tried again
}

// PassOn hands on what waits, in order, until one is refused for now; what the
// health book will never take (a fault.Invalid) is dropped.
func (s *Simulator) PassOn(ctx context.Context) error {
	s.passing.Lock()
	defer s.passing.Unlock()
	for {
		s.mu.Lock()
		if len(s.waiting) == 0 {
			s.mu.Unlock()
			return nil
		}
		next := s.waiting[0]
		s.mu.Unlock()
		err := s.c.PassOn(ctx, next.facility, next.doc)
		if err != nil && fault.KindOf(err) != fault.Invalid {
			return err
		}
		s.mu.Lock()
		s.waiting = s.waiting[1:]
		if err == nil {
			s.passed++
		}
		s.mu.Unlock()
	}
}

// all reports whether every dossier of the file has the table.
func all(file *envelope.File, table string) bool {
	return !slices.ContainsFunc(file.Dossiers, func(d envelope.Dossier) bool { return len(d.Table(table)) == 0 })
}
