package ledger

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/fault"
	"lienthong/internal/ledger/jcs"
)

// ErrAddCheckpoint: the bytes are no request to cosign (C2SP tlog-witness).
var ErrAddCheckpoint = fault.New(fault.Invalid, "witness.request",
	"Yêu cầu ký chứng kiến không đúng dạng.", "The request to cosign is not in its prescribed form.")

// ErrCosignature: a line is not the witness's cosignature of the checkpoint.
var ErrCosignature = fault.New(fault.Invalid, "witness.cosignature",
	"Chữ ký chứng kiến không phải của nhân chứng này cho điểm chốt này.", "The cosignature is not this witness's of this checkpoint.")

// MaxAddCheckpoint is the longest request to cosign, in bytes: a checkpoint and
// 64 lines of proof.
const MaxAddCheckpoint = MaxCheckpoint + 4<<10

// AddCheckpoint asks a witness to cosign (C2SP tlog-witness add-checkpoint):
// the log at size Old, which the witness knows, is a prefix of Checkpoint.
type AddCheckpoint struct {
	Old        uint64
	Proof      Proof
	Checkpoint []byte // signed note
}

// Marshal spells the request: "old <size>", a base64 hash a line, an empty
// line, and the checkpoint.
func (a *AddCheckpoint) Marshal() []byte {
	out := append([]byte("old "), strconv.FormatUint(a.Old, 10)...)
	out = append(out, '\n')
	for i := range a.Proof {
		out = append(base64.StdEncoding.AppendEncode(out, a.Proof[i][:]), '\n')
	}
	return append(append(out, '\n'), a.Checkpoint...)
}

// ParseAddCheckpoint reads what Marshal writes; it checks no signature and no
// proof. Anything else is ErrAddCheckpoint.
func ParseAddCheckpoint(data []byte) (*AddCheckpoint, error) {
	if len(data) > MaxAddCheckpoint {
		return nil, ErrAddCheckpoint.Because(errors.New("too long"))
	}
	head, checkpoint, ok := bytes.Cut(data, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	size, isOld := strings.CutPrefix(lines[0], "old ")
	old, err := strconv.ParseUint(size, 10, 64)
	if !ok || !isOld || err != nil || strconv.FormatUint(old, 10) != size || old > MaxSize || len(lines) > 64 {
		return nil, ErrAddCheckpoint
	}
	a := &AddCheckpoint{Old: old, Checkpoint: checkpoint}
	for _, line := range lines[1:] {
		raw, err := jcs.Base64(line)
		if err != nil || len(raw) != len(Hash{}) {
			return nil, ErrAddCheckpoint.Because(errors.New("a proof line is no hash"))
		}
		a.Proof = append(a.Proof, Hash(raw))
	}
	if _, err := ParseCheckpoint(checkpoint); err != nil {
		return nil, ErrAddCheckpoint.Because(err)
	}
	return a, nil
}

// DeriveCosigner makes the witness key of a hub from the seed of its log keys:
// another key (RFC 5869, HKDF-SHA256), so that no signature of the one can be
// read as one of the other.
func DeriveCosigner(name string, logSeed []byte) (*Cosigner, error) {
	seed, err := WitnessSeed(logSeed)
	if err != nil {
		return nil, err
	}
	return NewCosigner(name, seed)
}

// WitnessSeed is the Ed25519 seed that DeriveCosigner uses.
func WitnessSeed(logSeed []byte) ([]byte, error) {
	seed, err := hkdf.Key(sha256.New, logSeed, nil, "lienthong witness cosignature/v1", 32)
	if err != nil {
		return nil, ErrKey.Because(err)
	}
	return seed, nil
}

// Line returns the cosignature of a checkpoint as a line of its own, "— name
// base64\n"; see Cosign.
func (c *Cosigner) Line(checkpoint []byte, at time.Time) (string, error) {
	whole, err := c.Cosign(checkpoint, at)
	if err != nil {
		return "", err
	}
	return string(whole[len(checkpoint):]), nil
}

// WitnessName returns the name in a witness's verifier line; ErrKey when the
// line is none.
func WitnessName(vkey string) (string, error) {
	w, err := parseWitness(vkey)
	return w.name, err
}

// CheckCosignature checks that line is the cosignature of checkpoint by the
// witness of vkey, and returns its time. ErrCosignature, ErrCheckpoint, ErrKey.
func CheckCosignature(checkpoint []byte, line, vkey string) (time.Time, error) {
	w, err := parseWitness(vkey)
	if err != nil {
		return time.Time{}, err
	}
	cp, _, err := splitCheckpoint(checkpoint)
	if err != nil {
		return time.Time{}, err
	}
	_, lines, err := splitCheckpoint([]byte(cp.Text() + "\n" + line))
	if err != nil || len(lines) != 1 {
		return time.Time{}, ErrCosignature.Because(err)
	}
	at, ok := w.cosignedBy(cp, lines)
	if !ok {
		return time.Time{}, ErrCosignature
	}
	return at, nil
}

// CosignedBy returns when each of the witnesses cosigned the checkpoint, by
// their verifier lines; those that did not are left out.
func CosignedBy(checkpoint []byte, vkeys []string) (map[string]time.Time, error) {
	cp, lines, err := splitCheckpoint(checkpoint)
	if err != nil {
		return nil, err
	}
	out := map[string]time.Time{}
	for _, vkey := range vkeys {
		w, err := parseWitness(vkey)
		if err != nil {
			return nil, err
		}
		if at, ok := w.cosignedBy(cp, lines); ok {
			out[vkey] = at
		}
	}
	return out, nil
}

// WithCosignatures returns the checkpoint with signature lines added behind its
// own. Lines that would make it no checkpoint are ErrCheckpoint.
func WithCosignatures(checkpoint []byte, lines ...string) ([]byte, error) {
	out := bytes.Clone(checkpoint)
	for _, l := range lines {
		out = append(out, l...)
	}
	if _, err := ParseCheckpoint(out); err != nil {
		return nil, err
	}
	return out, nil
}

// ErrConsistency: the bytes are no consistency document.
var ErrConsistency = fault.New(fault.Invalid, "ledger.consistency",
	"Bằng chứng nối tiếp của sổ nhật ký không đúng dạng.", "The log's consistency proof is not in its prescribed form.")

// Consistency is the proof that a log's tree of size From is a prefix of the
// one of size To.
type Consistency struct {
	From, To uint64
	Proof    Proof
}

// Marshal returns {"from","proof","to"} as RFC 8785 JSON.
func (c *Consistency) Marshal() []byte {
	dst := strconv.AppendUint([]byte(`{"from":`), c.From, 10)
	dst = appendProof(append(dst, `,"proof":`...), c.Proof)
	dst = strconv.AppendUint(append(dst, `,"to":`...), c.To, 10)
	return append(dst, '}')
}

// ParseConsistency reads what Marshal writes, members in any order; ErrConsistency.
func ParseConsistency(data []byte) (*Consistency, error) {
	if len(data) > 16<<10 {
		return nil, ErrConsistency
	}
	v, err := jcs.Parse(data)
	if err != nil {
		return nil, ErrConsistency.Because(err)
	}
	m := jcs.Object(v)
	from, to, proof := m.Int("from"), m.Int("to"), proofOf(m)
	if err := m.Close(); err != nil {
		return nil, ErrConsistency.Because(err)
	}
	if from < 0 || to < from {
		return nil, ErrConsistency.Because(fmt.Errorf("from %d to %d", from, to))
	}
	return &Consistency{From: uint64(from), To: uint64(to), Proof: proof}, nil
}

// ErrSeen: not "<origin> <size> <root>".
var ErrSeen = fault.New(fault.Invalid, "ledger.seen",
	"Điểm chốt ghi nhớ phải có dạng: tên sổ, cỡ sổ, mã gốc.", "A remembered checkpoint must be: name of the log, size, root.")

// Line spells a checkpoint in one line: "<origin> <size> <root in base64>".
func (c Checkpoint) Line() string {
	return c.Origin + " " + strconv.FormatUint(c.Size, 10) + " " + base64.StdEncoding.EncodeToString(c.Root[:])
}

// ParseSeen reads Line's spelling; ErrSeen.
func ParseSeen(text string) (Checkpoint, error) {
	parts := strings.Split(text, " ")
	if len(parts) != 3 || len(text) > 512 || parts[0] == "" {
		return Checkpoint{}, ErrSeen
	}
	size, err := strconv.ParseUint(parts[1], 10, 64)
	raw, err2 := jcs.Base64(parts[2])
	if err != nil || err2 != nil || size > MaxSize || len(raw) != len(Hash{}) {
		return Checkpoint{}, ErrSeen
	}
	c := Checkpoint{Origin: parts[0], Size: size, Root: Hash(raw)}
	if c.Line() != text {
		return Checkpoint{}, ErrSeen
	}
	return c, nil
}
