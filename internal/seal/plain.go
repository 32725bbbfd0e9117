package seal

import (
	"crypto/sha256"
	"hash"

	"lienthong/internal/xmltok"
)

// plain is the digest of a document without its signatures, taken while they
// are looked for. It is there for documents without attributes and processing
// instructions outside the signatures: their canonical form is the same by
// either method, and is the document's own bytes but for a few tokens. What the
// files of the field look like is such; for the rest there is Canonicalizer.
type plain struct {
	doc  []byte
	ok   bool
	from int    // of the bytes that are canonical as they are, -1 outside the root
	buf  []byte // canonical form not yet hashed
	sum  [sha256.Size]byte
}

// plainFlush is how much is gathered before it is hashed, and from where on
// bytes of the document are hashed without gathering.
const plainFlush = 4 << 10

func (p *plain) begin(h hash.Hash, doc []byte) {
	*p = plain{doc: doc, ok: true, from: -1, buf: p.buf[:0]}
	h.Reset()
}

// token takes in the present token, which is in no signature.
func (p *plain) token(h hash.Hash, t *xmltok.Tokenizer, k xmltok.Kind) {
	switch {
	case !p.ok:
		return
	case k == xmltok.ProcInst || k == xmltok.StartElement && len(t.Attrs()) > 0:
		p.ok = false
		return
	case p.from < 0:
		if k != xmltok.StartElement {
			return // a comment before or after the root
		}
		p.from = t.Offset()
	}
	if !t.Verbatim() {
		p.pause(h, t.Offset())
		if p.buf = t.AppendCanonical(p.buf); len(p.buf) >= plainFlush {
			p.flush(h)
		}
		p.from = t.End()
	}
	if k == xmltok.EndElement && t.Depth() == 1 {
		p.pause(h, t.End())
		p.from = -1
	}
}

// pause hashes the bytes that are canonical as they are, up to an offset.
func (p *plain) pause(h hash.Hash, to int) {
	if !p.ok || p.from < 0 {
		return
	}
	run := p.doc[p.from:to]
	if len(run) < plainFlush {
		p.buf = append(p.buf, run...)
		return
	}
	p.flush(h)
	h.Write(run)
}

func (p *plain) flush(h hash.Hash) {
	h.Write(p.buf)
	p.buf = p.buf[:0]
}

func (p *plain) end(h hash.Hash) {
	p.doc = nil
	if p.ok {
		p.flush(h)
		h.Sum(p.sum[:0])
	}
}
