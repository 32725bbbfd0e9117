package ledger

import (
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"lienthong/internal/fault"
	"lienthong/internal/ledger/jcs"
)

// ErrCheckpoint: the bytes are not a C2SP checkpoint in its one spelling.
var ErrCheckpoint = fault.New(fault.Invalid, "ledger.checkpoint",
	"Điểm chốt của sổ nhật ký không đúng dạng.", "The log's checkpoint is not in its prescribed form.")

// MaxCheckpoint is the longest checkpoint read, in bytes, cosignatures included.
const MaxCheckpoint = 16 << 10

// Checkpoint is a log's head: what a signed checkpoint says.
type Checkpoint struct {
	Origin string
	Size   uint64
	Root   Hash
}

// Text returns the note text: origin, decimal size and base64 root, a line each.
func (c Checkpoint) Text() string {
	return c.Origin + "\n" + strconv.FormatUint(c.Size, 10) + "\n" + base64.StdEncoding.EncodeToString(c.Root[:]) + "\n"
}

// Checkpoint signs the head of the key's own log. The same head gives the same
// bytes.
func (k *LogKey) Checkpoint(size uint64, root Hash) ([]byte, error) {
	cp := Checkpoint{Origin: k.Origin(), Size: size, Root: root}
	out, err := note.Sign(&note.Note{Text: cp.Text()}, k.signer)
	if err != nil {
		return nil, fmt.Errorf("ledger: sign checkpoint: %w", err)
	}
	return out, nil
}

// signatureLine is one line of a note's signature block.
type signatureLine struct {
	name      string
	hash      uint32
	signature []byte
}

// ParseCheckpoint reads a checkpoint without checking any signature. It refuses
// extension lines and every spelling but one; unknown signature lines are let
// through, as C2SP asks.
func ParseCheckpoint(data []byte) (Checkpoint, error) {
	cp, _, err := splitCheckpoint(data)
	return cp, err
}

// ParseCheckpointText reads what a checkpoint's signature covers: Text. Anything
// else is ErrCheckpoint.
func ParseCheckpointText(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[0] == "" || lines[3] != "" {
		return Checkpoint{}, ErrCheckpoint.Because(errors.New("not three lines"))
	}
	size, err := strconv.ParseUint(lines[1], 10, 64)
	root, err2 := tlog.ParseHash(lines[2])
	cp := Checkpoint{Origin: lines[0], Size: size, Root: root}
	if err != nil || err2 != nil || size > MaxSize || cp.Text() != text {
		return Checkpoint{}, ErrCheckpoint.Because(errors.New("size or root is not spelled right"))
	}
	return cp, nil
}

func splitCheckpoint(data []byte) (Checkpoint, []signatureLine, error) {
	if len(data) > MaxCheckpoint {
		return Checkpoint{}, nil, ErrCheckpoint
	}
	// note.Open checks the note's form and takes the signatures apart.
	_, err := note.Open(data, nil)
	var unverified *note.UnverifiedNoteError
	if !errors.As(err, &unverified) {
		return Checkpoint{}, nil, ErrCheckpoint.Because(err)
	}
	n := unverified.Note
	cp, err := ParseCheckpointText(n.Text)
	if err != nil {
		return Checkpoint{}, nil, err
	}
	var sigs []signatureLine
	rest := string(data[len(n.Text)+1:])
	for _, s := range n.UnverifiedSigs {
		raw, err := jcs.Base64(s.Base64)
		line := "— " + s.Name + " " + s.Base64 + "\n"
		if err != nil || !strings.HasPrefix(rest, line) {
			return Checkpoint{}, nil, ErrCheckpoint.Because(errors.New("a signature line is doubled or not spelled right"))
		}
		rest = rest[len(line):]
		sigs = append(sigs, signatureLine{name: s.Name, hash: s.Hash, signature: raw[4:]})
	}
	if rest != "" {
		return Checkpoint{}, nil, ErrCheckpoint.Because(errors.New("a signature line is doubled"))
	}
	return cp, sigs, nil
}

// OpenCheckpoint reads a checkpoint and checks that the log's own key signed
// it: vkey is the log's verifier line and must name the checkpoint's origin.
func OpenCheckpoint(data []byte, vkey string) (Checkpoint, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return Checkpoint{}, ErrKey.Because(err)
	}
	cp, err := ParseCheckpoint(data)
	if err != nil {
		return Checkpoint{}, err
	}
	if verifier.Name() != cp.Origin {
		return Checkpoint{}, ErrCheckpoint.Because(errors.New("the key is another log's"))
	}
	if _, err := note.Open(data, note.VerifierList(verifier)); err != nil {
		return Checkpoint{}, ErrCheckpoint.Because(err)
	}
	return cp, nil
}

// algCosignature is the signature type of an Ed25519 cosignature/v1 (C2SP
// tlog-cosignature); log keys are type 1.
const algCosignature = 4

// Cosigner cosigns checkpoints as a witness.
type Cosigner struct {
	name string
	key  crypto.Signer // Ed25519
}

// NewCosigner makes a witness called name from an Ed25519 seed of 32 bytes. A
// seed must serve one witness only: what is signed does not hold the name.
func NewCosigner(name string, seed []byte) (*Cosigner, error) {
	if len(seed) != ed25519.SeedSize {
		return nil, ErrKey.Because(errors.New("the seed is not 32 bytes"))
	}
	return CosignerOf(name, ed25519.NewKeyFromSeed(seed))
}

// CosignerOf is NewCosigner with a key that may be held by another process.
func CosignerOf(name string, key crypto.Signer) (*Cosigner, error) {
	if _, ok := key.Public().(ed25519.PublicKey); !ok {
		return nil, ErrKey.Because(errors.New("not an Ed25519 key"))
	}
	c := &Cosigner{name: name, key: key}
	if _, err := parseWitness(c.Verifier()); err != nil {
		return nil, err
	}
	return c, nil
}

// Verifier returns the witness's "<name>+<hash>+<base64>" line.
func (c *Cosigner) Verifier() string {
	pub := append([]byte{algCosignature}, c.key.Public().(ed25519.PublicKey)...)
	return fmt.Sprintf("%s+%08x+%s", c.name, noteHash(c.name, pub), base64.StdEncoding.EncodeToString(pub))
}

// Cosign returns the checkpoint with the witness's signature line added. It is
// for the caller to have checked consistency with what the witness saw before.
func (c *Cosigner) Cosign(checkpoint []byte, at time.Time) ([]byte, error) {
	cp, err := ParseCheckpoint(checkpoint)
	if err != nil {
		return nil, err
	}
	if at.Unix() < 0 {
		return nil, ErrCheckpoint.Because(errors.New("a time before 1970"))
	}
	pub := append([]byte{algCosignature}, c.key.Public().(ed25519.PublicKey)...)
	raw := binary.BigEndian.AppendUint32(nil, noteHash(c.name, pub))
	raw = binary.BigEndian.AppendUint64(raw, uint64(at.Unix()))
	signature, err := c.key.Sign(nil, cosigned(cp, uint64(at.Unix())), crypto.Hash(0))
	if err != nil {
		return nil, fmt.Errorf("ledger: cosign: %w", err)
	}
	raw = append(raw, signature...)
	out := append([]byte(nil), checkpoint...)
	return append(out, "— "+c.name+" "+base64.StdEncoding.EncodeToString(raw)+"\n"...), nil
}

// cosigned is the message a cosignature/v1 signs.
func cosigned(cp Checkpoint, at uint64) []byte {
	return []byte("cosignature/v1\ntime " + strconv.FormatUint(at, 10) + "\n" + cp.Text())
}

func noteHash(name string, key []byte) uint32 {
	sum := sha256.Sum256(append([]byte(name+"\n"), key...))
	return binary.BigEndian.Uint32(sum[:])
}

// witness is a parsed witness verifier line.
type witness struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func parseWitness(vkey string) (witness, error) {
	name, rest, _ := strings.Cut(vkey, "+")
	hash16, key64, _ := strings.Cut(rest, "+")
	key, err := jcs.Base64(key64)
	if err != nil || len(key) != 1+ed25519.PublicKeySize || key[0] != algCosignature || name == "" || strings.ContainsAny(name, " \n\t") {
		return witness{}, ErrKey.Because(errors.New("not an Ed25519 cosignature/v1 key"))
	}
	w := witness{name: name, hash: noteHash(name, key), key: key[1:]}
	if fmt.Sprintf("%08x", w.hash) != hash16 {
		return witness{}, ErrKey.Because(errors.New("the key's hash is not its own"))
	}
	return w, nil
}

// cosignedBy returns the time of w's valid cosignature among lines.
func (w witness) cosignedBy(cp Checkpoint, lines []signatureLine) (time.Time, bool) {
	for _, l := range lines {
		if l.name != w.name || l.hash != w.hash || len(l.signature) != 8+ed25519.SignatureSize {
			continue
		}
		at := binary.BigEndian.Uint64(l.signature)
		if at <= 1<<63-1 && ed25519.Verify(w.key, cosigned(cp, at), l.signature[8:]) {
			return time.Unix(int64(at), 0).UTC(), true
		}
	}
	return time.Time{}, false
}
