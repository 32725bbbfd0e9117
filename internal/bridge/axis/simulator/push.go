package simulator

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"lienthong/internal/bridge/envelope"
	"lienthong/internal/bridge/faulty"
	"lienthong/internal/bridge/tally"
	"lienthong/internal/bridge/ticket"
	"lienthong/internal/clock"
	"lienthong/internal/seal"
	"lienthong/internal/xmltok"
)

// Header of a message. The members below data_type are an answer's.
type Header struct {
	Version      string `json:"version"`
	SenderID     string `json:"sender_id"`
	ReceiverID   string `json:"receiver_id"`
	TxnType      string `json:"txn_type"`
	MsgID        string `json:"msg_id"`
	MsgType      int    `json:"msg_type"`
	DataType     string `json:"data_type"`
	SendDatetime int64  `json:"send_datetime"` // milliseconds

	RefMsgID   string `json:"ref_msg_id,omitempty"`
	DataState  string `json:"data_state,omitempty"` // RECEIVED, REPEATED or REFUSED
	ResCode    string `json:"res_code,omitempty"`
	ResMessage string `json:"res_message,omitempty"`
}

// Message is a push or its answer. What is signed is the header's very bytes.
type Message struct {
	Header    json.RawMessage `json:"header"`
	Data      string          `json:"data"`
	Signature string          `json:"signature"` // base64
}

// Signed is what the signature of a message is over: the lower-case hex SHA-256
// of the header's bytes, a point, and that of the data as it stands in the
// message.
func (m Message) Signed() []byte {
	h, d := sha256.Sum256(m.Header), sha256.Sum256([]byte(m.Data))
	return []byte(hex.EncodeToString(h[:]) + "." + hex.EncodeToString(d[:]))
}

// Verify checks a message's signature: RSA, PKCS #1 v1.5, SHA-256.
func (m Message) Verify(key *rsa.PublicKey) error {
	raw, err := base64.StdEncoding.DecodeString(m.Signature)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(m.Signed())
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], raw)
}

// Sign signs a message.
func (m *Message) Sign(key *rsa.PrivateKey) error {
	sum := sha256.Sum256(m.Signed())
	raw, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	m.Signature = base64.StdEncoding.EncodeToString(raw)
	return err
}

// reply answers, signed, with HTTP 200 whatever the code.
func (s *Simulator) reply(w http.ResponseWriter, to Header, code, state string) {
	now := s.c.Clock.Now()
	from := to.ReceiverID
	if from == "" {
		from = "TDLBYT"
	}
	raw, err := json.Marshal(Header{Version: "1.0.6", SenderID: from, ReceiverID: to.SenderID, TxnType: to.TxnType,
		MsgID: from + now.In(clock.Hanoi).Format("060102") + ticket.Random(), MsgType: 102, DataType: to.DataType, SendDatetime: now.UnixMilli(),
		RefMsgID: to.MsgID, DataState: state, ResCode: code, ResMessage: code})
	m := Message{Header: raw}
	if err == nil {
		err = m.Sign(s.c.Key)
	}
	if err != nil {
		http.Error(w, "500", http.StatusInternalServerError)
		return
	}
	tally.WriteJSON(w, http.StatusOK, m)
}

// push is POST /api/platform/data-sync/push.
func (s *Simulator) push(w http.ResponseWriter, r *http.Request) {
	h, code, state := s.take(w, r)
	s.book.Answer("/api/platform/data-sync/push", code)
	s.reply(w, h, code, state)
}

const refused = "REFUSED"

// take takes a push. In this order: CM_AUTH_*, CM_INVALID_REQUEST for the
// message, CM_AUTH_PERMISSION for a sender that is not the log-in's,
// PS_SIGNATURE_INVALID, CM_INVALID_REQUEST for the document,
// PS_DS_CA_SIGNATURE_INVALID, CM_INVALID_REQUEST for a msg_id that was used for
// something else, CM_SYSTEM_ERROR when it cannot be written down. The same
// message again is a success and not recorded again.
func (s *Simulator) take(w http.ResponseWriter, r *http.Request) (h Header, code, state string) {
	who, code := s.caller(r)
	if code != "" {
		return h, code, refused
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostBody))
	if err != nil || r.Header.Get("service-type") != "100" {
		return h, InvalidRequest, refused
	}
	m, h, err := ParsePush(body)
	switch {
	case err != nil:
		return h, InvalidRequest, refused
	case who.GLN != "" && who.GLN != h.SenderID:
		return h, AuthPermission, refused
	case who.Key != nil && m.Verify(who.Key) != nil:
		return h, SignatureInvalid, refused
	}
	doc, err := base64.StdEncoding.DecodeString(m.Data)
	if err != nil || len(doc) == 0 {
		return h, InvalidRequest, refused
	}
	entries, code := s.entries(who, h, doc)
	if code != "" {
		return h, code, refused
	}
	return s.keep(r, h, m, entries)
}

// keep writes a push down, unless its message is known.
func (s *Simulator) keep(r *http.Request, h Header, m Message, entries []tally.Entry) (_ Header, code, state string) {
	sum := sha256.Sum256(append(append([]byte(m.Header), 0), m.Data...))
	digest := hex.EncodeToString(sum[:])
	s.mu.Lock()
	defer s.mu.Unlock()
	if had := s.messages[h.MsgID]; had != "" {
		if had != digest {
			return h, InvalidRequest, refused
		}
		s.repeated++
		return h, Success, "REPEATED"
	}
	if !faulty.Forgets(r.Context()) {
		for _, e := range entries {
			if _, err := s.book.Record(e); err != nil {
				return h, SystemError, refused
			}
		}
		s.messages[h.MsgID] = digest
	}
	return h, Success, "RECEIVED"
}

// entries returns what is recorded of a document: each dossier of an XML file,
// any other document as one under its msg_id.
func (s *Simulator) entries(who Sender, h Header, doc []byte) ([]tally.Entry, string) {
	sum := sha256.Sum256(doc)
	e := tally.Entry{Kind: "push", Facility: h.SenderID, Episode: h.MsgID, SHA256: hex.EncodeToString(sum[:]), Size: len(doc), Route: h.TxnType,
		Account: who.User, Code: Success, Reference: h.MsgID}
	if !strings.HasPrefix(h.DataType, "xml/") {
		return []tally.Entry{e}, ""
	}
	if err := xmltok.Check(doc, xmltok.Limits{}); err != nil {
		return nil, InvalidRequest
	}
	if len(who.Certificates) > 0 && !s.sealed(doc, who.Certificates) {
		return nil, SealInvalid
	}
	file, err := envelope.Open(doc)
	if err != nil {
		if bytes.Contains(doc, []byte("<"+envelope.Checkup)) || bytes.Contains(doc, []byte("<"+envelope.Dossiers)) {
			return nil, InvalidRequest
		}
		return []tally.Entry{e}, "" // a document of another shape
	}
	e.Facility = file.Facility
	var all []tally.Entry
	for _, d := range file.Dossiers {
		if d.Episode != "" {
			e.Episode = d.Episode
		}
		all = append(all, e)
	}
	return all, ""
}

// sealed reports whether one of the certificates sealed the document: the whole
// of it under CHUKYDONVI, or as the facility behind who concluded.
func (s *Simulator) sealed(doc []byte, known []*x509.Certificate) bool {
	for _, expect := range []seal.Expect{{Container: envelope.Seal},
		{Container: envelope.Seal, Countersigned: true, Holders: []string{"CKS_NGUOI_KET_LUAN", "CKS_BENH_VIEN"}}} {
		verdict, err := s.verifier.Verify(doc, expect)
		if err != nil {
			continue
		}
		last := verdict.Signatures[len(verdict.Signatures)-1]
		return slices.ContainsFunc(known, last.Certificate.Equal)
	}
	return false
}

var (
	gln      = regexp.MustCompile(`^[0-9]{13}$`)
	dataType = regexp.MustCompile(`^[a-z0-9]+/base64$`)
	errPush  = errors.New("simulator: no push message")
)

// ParsePush reads a push and checks its header: msg_id is sender_id, YYMMDD and
// 32 hex digits. It is exported for its fuzz target.
func ParsePush(body []byte) (Message, Header, error) {
	var m Message
	var h Header
	if json.Unmarshal(body, &m) != nil || json.Unmarshal(m.Header, &h) != nil {
		return m, h, errPush
	}
	day, random := "", ""
	if rest, ok := strings.CutPrefix(h.MsgID, h.SenderID); ok && len(rest) == 38 {
		day, random = rest[:6], rest[6:]
	}
	_, err := hex.DecodeString(random)
	switch {
	case h.Version == "", !gln.MatchString(h.SenderID), !slices.Contains([]string{"TDLBYT", "emrhub", "TTYQG"}, h.ReceiverID), h.TxnType == "",
		h.MsgType != 101, !dataType.MatchString(h.DataType), h.SendDatetime <= 0, strings.Trim(day, "0123456789") != "", random == "", err != nil,
		m.Signature == "":
		return m, h, errPush
	}
	return m, h, nil
}
