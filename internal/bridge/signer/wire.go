// Package signer keeps a hub's most valuable keys in a process of their own: the
// master key, and what signs receipts, checkpoints and cosignatures. The hub asks
// over a Unix socket and never holds them; whoever breaks into the hub cannot
// carry them away, and opens records only as fast as the signer's budget allows.
// It holds nothing of a record: data keys pass through, contents do not.
package signer

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"lienthong/internal/fault"
	"lienthong/internal/vault"
)

// MaxMessage is the longest request or answer, in bytes.
const MaxMessage = 256 << 10

// The verbs.
const (
	verbHello        = "hello"
	verbNewMonth     = "new_month"
	verbRewrapMonth  = "rewrap_month"
	verbLoadMonths   = "load_months"
	verbForgetMonth  = "forget_month"
	verbWrap         = "wrap"
	verbUnwrap       = "unwrap"
	verbSealSecret   = "seal_secret"
	verbOpenSecret   = "open_secret"
	verbRewrapSecret = "rewrap_secret"
	verbSign         = "sign"
)

// The keys that sign.
const (
	KeyReceipt = "receipt"
	KeyLog     = "log"
	KeyWitness = "witness"
)

var (
	// ErrRequest (signer.request): what came is no request.
	ErrRequest = fault.New(fault.Invalid, "signer.request",
		"Yêu cầu gửi tới tiến trình ký không đúng dạng.", "The request to the signing process is not in its form.")
	// ErrRefused (signer.refused): not what this key signs.
	ErrRefused = fault.New(fault.Broken, "signer.refused",
		"Tiến trình ký từ chối: nội dung không phải loại mà khóa này được ký.", "The signing process refused: this is not what the key signs.")
	// ErrAway (signer.away): the signing process does not answer.
	ErrAway = fault.New(fault.Busy, "signer.away",
		"Tiến trình ký không trả lời. Hub tạm dừng nhận và mở hồ sơ; thử lại sau.", "The signing process does not answer. The hub neither takes nor opens records meanwhile; try again later.")
)

// request is one question; fields that the verb does not need are absent.
type request struct {
	Verb    string                  `json:"verb"`
	Class   string                  `json:"class,omitempty"`
	Month   int                     `json:"month,omitempty"`
	Turn    int                     `json:"generation,omitempty"`
	Months  []vault.WrappedMonthKey `json:"months,omitempty"`
	ID      []byte                  `json:"id,omitempty"`
	Name    string                  `json:"name,omitempty"`
	Data    []byte                  `json:"data,omitempty"`
	Bound   []byte                  `json:"bound,omitempty"`
	Key     string                  `json:"key,omitempty"`
	Version int                     `json:"version,omitempty"`
}

// answer is one answer: Code, or what was asked for.
type answer struct {
	Code   string                  `json:"code,omitempty"`
	Why    string                  `json:"why,omitempty"` // for the log, never a key
	Master string                  `json:"master,omitempty"`
	Months []vault.WrappedMonthKey `json:"months,omitempty"`
	IDs    []vault.MonthID         `json:"ids,omitempty"`
	Data   []byte                  `json:"data,omitempty"`
	Keys   map[string][]byte       `json:"keys,omitempty"` // public halves, DER SubjectPublicKeyInfo
}

// write sends one message: its length as 4 bytes, then JSON.
func write(w *bufio.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(b) > MaxMessage {
		return ErrRequest.Because(fmt.Errorf("a message of %d bytes", len(b)))
	}
	var size [4]byte
	binary.BigEndian.PutUint32(size[:], uint32(len(b)))
	if _, err := w.Write(size[:]); err != nil {
		return err
	}
	if _, err := w.Write(b); err != nil {
		return err
	}
	return w.Flush()
}

// read reads one message into v; io.EOF where the other side closed between two.
func read(r *bufio.Reader, v any) error {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > MaxMessage {
		return ErrRequest.Because(fmt.Errorf("a message of %d bytes", n))
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return ErrRequest.Because(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return ErrRequest.Because(errors.New("not the JSON of a message"))
	}
	return nil
}
