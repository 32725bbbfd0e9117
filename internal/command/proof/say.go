package proof

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"errors"

	"lienthong/internal/bundle"
	"lienthong/internal/choice"
	"lienthong/internal/command"
	"lienthong/internal/fault"
	"lienthong/internal/ledger"
)

// errNoKey: nothing was given that says whose key signed a receipt of a choice.
var errNoKey = fault.New(fault.Invalid, "verify.no_key",
	"Chưa nêu --key cho biết biên nhận của ai: khóa công khai, hoặc một biên nhận của hub cùng --log-key.",
	"With no --key given nothing says whose receipt it is: a public key, or a receipt document of the hub with --log-key.")

// sayReport is what was found of a receipt of a citizen's choice.
type sayReport struct {
	OK      bool            `json:"ok"`
	Trusted bool            `json:"trusted"`
	Says    fault.Text      `json:"says"`
	Steps   []bundle.Step   `json:"steps"`
	Receipt *choice.Receipt `json:"receipt,omitempty"`
}

func (r *sayReport) step(name string, ok bool, good, bad fault.Text) bool {
	s := bundle.Step{Name: name, OK: ok, Text: bad}
	if ok {
		s.Text = good
	}
	r.Steps = append(r.Steps, s)
	r.OK = r.OK && ok
	return ok
}

// signingKey is a key that was given for receipts.
type signingKey struct {
	kid    string
	public *ecdsa.PublicKey
	// document is where it stands, if not alone in its file: its hub's words.
	document *ledger.Report
}

// say verifies a receipt of a citizen's choice.
func (c *VerifyCmd) say(s *command.Streams, jws []byte) error {
	keys, err := c.signingKeys()
	if err != nil {
		return err
	}
	r := &sayReport{OK: true}
	receipt, kid, err := choice.ReadReceipt(jws)
	if r.step("form", err == nil,
		fault.Text{VI: "Tệp là biên nhận của một lựa chọn.", EN: "The file is the receipt of a choice."}, choice.ErrReceipt.Text) {
		r.Receipt, r.Says = receipt, receipt.Says()
		checkSay(r, jws, kid, keys)
	}
	if !r.OK { // nobody's words, perhaps
		r.Receipt, r.Says = nil, choice.ErrReceipt.Text
	}
	err = c.show(s, r, r.Says, r.Steps, r.OK, r.Trusted)
	if errors.Is(err, errUntrusted) {
		return errNoKey
	}
	return err
}

func checkSay(r *sayReport, jws []byte, kid string, keys []signingKey) {
	if len(keys) == 0 {
		r.Steps = append(r.Steps, bundle.Step{Name: "signature", OK: true, Open: true, Text: fault.Text{
			VI: "Chưa kiểm tra chữ ký: không có khóa (--key).", EN: "The signature was not checked: no key was given (--key)."}})
		return
	}
	key := keys[0]
	for _, k := range keys {
		if k.kid == kid {
			key = k
		}
	}
	if !r.step("key", key.kid == kid,
		fault.Text{VI: "Khóa đã cho đúng là khóa mà biên nhận nêu.", EN: "The key given is the one the receipt names."},
		fault.Text{VI: "Khóa đã cho không phải là khóa mà biên nhận nêu.", EN: "The key given is not the one the receipt names."}) {
		return
	}
	_, err := choice.VerifyReceipt(jws, func(string) (*ecdsa.PublicKey, error) { return key.public, nil })
	r.step("signature", err == nil,
		fault.Text{VI: "Chữ ký của hub trên biên nhận đúng.", EN: "The hub's signature on the receipt verifies."},
		fault.Text{VI: "Chữ ký của hub trên biên nhận sai: nội dung, chữ ký hoặc khóa đã bị thay đổi.", EN: "The hub's signature on the receipt does not verify: body, signature or key was changed."})
	r.Trusted = true
	if d := key.document; d != nil {
		r.Trusted = d.Trusted
		for _, x := range d.Steps {
			if !x.OK {
				r.step("key_"+x.Name, false, fault.Text{}, x.Text)
			}
		}
		r.step("key_document", d.OK && d.Body != nil && d.Body.Hub == r.Receipt.Issuer,
			fault.Text{VI: "Khóa nằm trong sổ nhật ký của hub đã cấp biên nhận.", EN: "The key is in the log of the hub that issued the receipt."},
			fault.Text{VI: "Không chứng minh được khóa là của hub đã cấp biên nhận.", EN: "It is not proved that the key is that of the hub that issued the receipt."})
	}
}

// signingKeys reads the files of --key: a key, or a receipt document that holds one.
func (c *VerifyCmd) signingKeys() ([]signingKey, error) {
	var out []signingKey
	for _, path := range c.Key {
		file, err := readUpTo(path, ledger.MaxDocument)
		if err != nil {
			return nil, err
		}
		k, err := c.signingKey(bytes.TrimSpace(file))
		if err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	return out, nil
}

func (c *VerifyCmd) signingKey(file []byte) (k signingKey, err error) {
	d, err := ledger.ParseDocument(file)
	if err != nil {
		k.kid, k.public, err = choice.ParseKey(file)
		return k, err
	}
	report, err := ledger.Verify(file, ledger.VerifyOptions{LogKeys: c.LogKey, RequireWitness: c.MustWitness})
	if err != nil {
		return k, err
	}
	public, err := x509.ParsePKIXPublicKey(d.Key.SPKI)
	key, ok := public.(*ecdsa.PublicKey)
	if err != nil || !ok {
		return k, choice.ErrKey.Because(err)
	}
	return signingKey{kid: ledger.KeyID(d.Key.SPKI), public: key, document: &report}, nil
}
