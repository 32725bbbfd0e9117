// Package xmltok is the one XML entry point of the hub: a strict pull tokenizer
// over a whole document in memory, and the canonicaliser (C14N 1.0 and Exclusive
// C14N 1.0) that works over it. Names and texts are handed out as slices of the
// document; only what an entity or a line end changes is copied.
//
// It accepts exactly one well-formed, namespace-well-formed XML 1.0 document in
// UTF-8 without a DOCTYPE, within limits. It is not a general XML library: no
// DTD, no entity but the five predefined ones, no other encoding, no tree, no
// unmarshalling, no I/O.
package xmltok

import (
	"bytes"
	"errors"
	"fmt"

	"lienthong/internal/fault"
)

// Faults of this package, in order of precedence: a document that is malformed
// and has a DOCTYPE is ErrUnreadable, one with a DOCTYPE that is also over a
// limit is ErrDoctype. Compare with errors.Is; the cause names the byte.
var (
	// ErrUnreadable (file.unreadable): not one well-formed XML 1.0 document in UTF-8.
	ErrUnreadable = fault.New(fault.Invalid, "file.unreadable",
		"Không đọc được tệp: không phải một tài liệu XML 1.0 UTF-8 đúng cú pháp và trọn vẹn. Xuất lại tệp từ phần mềm rồi gửi lại.",
		"The file cannot be read: it is not one complete, well-formed XML 1.0 document in UTF-8. Export it again and send it again.")
	// ErrDoctype (file.doctype): well-formed as far as can be told, but with a DOCTYPE.
	ErrDoctype = fault.New(fault.Invalid, "file.doctype",
		"Tệp có khai báo DOCTYPE, không được phép vì an toàn. Bỏ khai báo này, ký lại rồi gửi lại.",
		"The file has a DOCTYPE declaration, which is not allowed for safety. Remove it, sign again and send again.")
	// ErrLimits (file.limits): well-formed, but too deep, too long or with too many parts.
	ErrLimits = fault.New(fault.TooLarge, "file.limits",
		"Tệp vượt giới hạn về dung lượng, độ sâu hoặc số phần tử. Chia nhỏ tệp rồi gửi lại.",
		"The file is over a limit of size, depth or number of elements. Split it and send it again.")
)

// Kind is the kind of a token.
type Kind uint8

// Kinds of tokens, in the order a reader meets them.
const (
	// EOF: the document ended well. It is also the kind beside an error.
	EOF Kind = iota
	// StartElement: Name and Attrs are set. An empty-element tag gives a start and an end.
	StartElement
	// EndElement: Name is set; the element is still in Depth and Space.
	EndElement
	// Text: character data or one CDATA section inside the root, decoded. Adjacent
	// pieces (text, CDATA, text) come as separate tokens.
	Text
	// Comment: Text is its content.
	Comment
	// ProcInst: Name is the target, Text the rest. The XML declaration is no token.
	ProcInst
)

// String returns the kind's name.
func (k Kind) String() string {
	names := [...]string{"EOF", "StartElement", "EndElement", "Text", "Comment", "ProcInst"}
	if int(k) >= len(names) {
		return "unknown"
	}
	return names[k]
}

// Limits bound one document. Zero fields take the defaults.
type Limits struct {
	Depth      int // open elements at once; default 64
	Attributes int // per element, namespace declarations included; default 64
	Elements   int // in the document; default 4,000,000
	Bytes      int // of the document; default 32 MiB, at most 1 GiB

	// Known: the same bytes were read whole before, or will be before anything is
	// done with what is read now. Whether they are characters XML allows is then
	// not looked at again, which is a pass over the document.
	Known bool
}

const (
	maxBindings  = 64        // namespace declarations and xml: attributes in scope at once
	maxNamespace = 2048      // bytes of a namespace name
	maxEffort    = 1 << 25   // declarations looked at to resolve all prefixes of a document
	maxDeep      = 1_000_000 // levels followed beyond Depth, only to tell malformed from too deep
	maxBytes     = 1 << 30
)

func (l Limits) withDefaults() Limits {
	set := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	set(&l.Depth, 64)
	set(&l.Attributes, 64)
	set(&l.Elements, 4_000_000)
	set(&l.Bytes, 32<<20)
	l.Bytes = min(l.Bytes, maxBytes)
	return l
}

// Attr is one attribute, namespace declarations included. Name is the qualified
// name as written, Value is decoded and normalised (XML 1.0 §3.3.3, CDATA).
type Attr struct{ Name, Value []byte }

// Prefix returns the part of the name before the colon, empty without one.
func (a Attr) Prefix() []byte { return prefixOf(a.Name) }

// Local returns the part of the name after the colon, all of it without one.
func (a Attr) Local() []byte { return localOf(a.Name) }

// Tokenizer reads one document. Everything it hands out is valid until the next
// call of Next, Skip, ElementText or Reset; what aliases the document (names,
// and texts without entity and CR) stays valid as long as the document.
// It is for one goroutine; Reset makes it ready for the next document with its
// buffers kept.
type Tokenizer struct {
	doc    []byte
	limits Limits
	pos    int

	kind       Kind
	start, end int
	name       []byte
	attrs      []Attr
	text       []byte
	plain      bool   // text is the token's bytes as they are
	unread     []byte // the text with line ends still to be joined; text is nil
	scratch    []byte
	gathered   []byte

	stack    [][]byte // names of the open elements
	deep     []uint32 // name offsets of elements beyond limits.Depth
	bindings []binding
	resolved []int32
	spaces   int32 // last namespace identity given
	elements int
	effort   int

	opened   bool
	rootSeen bool
	fragment bool
	closing  bool // an empty-element tag's EndElement is due
	popping  bool // the last token was an EndElement, which leaves scope now
	late     late
	err      error

	lineAt, line int
}

type late uint8

const (
	lateLimits late = 1 << iota
	lateDoctype
)

var errTooDeep = errors.New("deeper than is followed")

// New returns a tokenizer at the start of doc. doc must not change while it is in use.
func New(doc []byte, limits Limits) *Tokenizer {
	t := &Tokenizer{}
	t.Reset(doc, limits)
	return t
}

// Reset starts on another document, keeping the buffers.
func (t *Tokenizer) Reset(doc []byte, limits Limits) {
	*t = Tokenizer{
		doc: doc, limits: limits.withDefaults(),
		attrs: t.attrs[:0], scratch: t.scratch[:0], gathered: t.gathered[:0],
		stack: t.stack[:0], deep: t.deep[:0], bindings: t.bindings[:0], resolved: t.resolved[:0],
		line: 1,
	}
}

// Check reads doc to its end. It returns nil or ErrUnreadable, ErrDoctype, ErrLimits.
func Check(doc []byte, limits Limits) error {
	t := New(doc, limits)
	for {
		k, err := t.Next()
		if err != nil || k == EOF {
			return err
		}
	}
}

// Next reads the next token. After EOF it returns EOF again, after an error the
// same error. Meeting a DOCTYPE or passing a limit it first scans the rest, so
// that the code of the error does not depend on where in the file the fault is;
// in that rest prefixes are not resolved, nor entities after a DOCTYPE. Two
// limits end the reading at once: Bytes, and a million levels.
func (t *Tokenizer) Next() (Kind, error) {
	if t.err != nil {
		return EOF, t.err
	}
	if !t.opened {
		t.opened = true
		if err := t.begin(); err != nil {
			return t.fail(err)
		}
	}
	k, err := t.step()
	if err == nil && t.late != 0 {
		err = t.drain(k)
	}
	if err != nil {
		return t.fail(err)
	}
	t.kind = k
	return k, nil
}

func (t *Tokenizer) fail(err error) (Kind, error) {
	t.kind, t.err = EOF, err
	return EOF, err
}

// drain scans to the end after a DOCTYPE or a passed limit, keeping nothing.
func (t *Tokenizer) drain(k Kind) error {
	var err error
	for k != EOF && err == nil {
		k, err = t.step()
	}
	if err != nil && !errors.Is(err, errTooDeep) {
		return err
	}
	if t.late&lateDoctype != 0 {
		return ErrDoctype
	}
	return ErrLimits.Because(fmt.Errorf("at or before byte %d", t.pos))
}

func (t *Tokenizer) bad(at int, what string) error {
	return ErrUnreadable.Because(fmt.Errorf("byte %d: %s", at, what))
}

// Kind returns the kind of the present token.
func (t *Tokenizer) Kind() Kind { return t.kind }

// Name returns the qualified name of an element as written, or a target; on other
// tokens it is left over from before.
func (t *Tokenizer) Name() []byte { return t.name }

// Prefix returns the part of Name before the colon, empty without one.
func (t *Tokenizer) Prefix() []byte { return prefixOf(t.name) }

// Local returns the part of Name after the colon, all of it without one.
func (t *Tokenizer) Local() []byte { return localOf(t.name) }

// Attrs returns the attributes of a StartElement in document order.
func (t *Tokenizer) Attrs() []Attr { return t.attrs }

// Attr returns the value of the attribute with this qualified name.
func (t *Tokenizer) Attr(name string) (value []byte, ok bool) {
	for i := range t.attrs {
		if string(t.attrs[i].Name) == name {
			return t.attrs[i].Value, true
		}
	}
	return nil, false
}

// Text returns the decoded text of a Text, the content of a Comment or ProcInst.
func (t *Tokenizer) Text() []byte { return t.value() }

// Offset returns where the token begins in the document.
func (t *Tokenizer) Offset() int { return t.start }

// End returns where the token ends. The EndElement of an empty-element tag is
// empty: it begins and ends behind the tag.
func (t *Tokenizer) End() int { return t.end }

// Depth returns the number of open elements: 1 from the root's start to its end, inclusive.
func (t *Tokenizer) Depth() int { return len(t.stack) + len(t.deep) }

// Line returns the line of Offset, from 1. It counts forward from the last call.
func (t *Tokenizer) Line() int {
	if t.start < t.lineAt {
		t.lineAt, t.line = 0, 1
	}
	t.line += bytes.Count(t.doc[t.lineAt:t.start], []byte{'\n'})
	t.lineAt = t.start
	return t.line
}

// NextTag is Next passing over everything but tags: the next StartElement or
// EndElement, or EOF.
func (t *Tokenizer) NextTag() (Kind, error) { return t.NextTagOf("") }

// NextTagOf is NextTag for who knows which start tag comes next most likely: the
// name must be one of ASCII letters, digits, '-', '.' and '_'.
func (t *Tokenizer) NextTagOf(likely string) (Kind, error) {
	if k, ok := t.tag(likely); ok {
		return k, nil
	}
	for {
		k, err := t.Next()
		if err != nil || k == StartElement || k == EndElement || k == EOF {
			return k, err
		}
	}
}

// AppendCanonical appends the canonical form (C14N, either method) of a start
// tag without attributes where no namespace is in scope, of an end tag or of a
// text; nothing for other tokens.
func (t *Tokenizer) AppendCanonical(dst []byte) []byte {
	switch t.kind {
	case StartElement:
		dst = append(append(append(dst, '<'), t.name...), '>')
	case EndElement:
		dst = append(append(append(dst, "</"...), t.name...), '>')
	case Text:
		dst = t.appendText(dst)
	}
	return dst
}

// Verbatim reports whether the token's canonical form (C14N, either method) is
// its bytes in the document: tags without attributes and white space that are
// not empty-element tags, texts without entity, CR, CDATA or '>'.
func (t *Tokenizer) Verbatim() bool {
	switch t.kind {
	case StartElement:
		return !t.closing && t.end-t.start == len(t.name)+2
	case EndElement:
		return t.end-t.start == len(t.name)+3
	case Text:
		return t.plain && bytes.IndexByte(t.text, '>') < 0
	default:
		return false
	}
}

// Skip reads to the end of the element whose StartElement is the present token.
// Afterwards that EndElement is the present token.
func (t *Tokenizer) Skip() error {
	depth := t.Depth()
	for {
		k, err := t.Next()
		if err != nil {
			return err
		}
		if k == EOF || k == EndElement && t.Depth() == depth {
			return nil
		}
	}
}

// ElementText reads to the end of the element whose StartElement is the present
// token and returns its own text: pieces joined, comments and child elements
// (with their text) left out; nested reports whether there were child elements.
// The text aliases the document when it is one piece that needed no decoding.
func (t *Tokenizer) ElementText() (text []byte, nested bool, err error) {
	if text, ok := t.leaf(); ok {
		return text, false, nil
	}
	depth := t.Depth()
	k, err := t.Next()
	if err != nil {
		return nil, false, err
	}
	return t.gather(k, depth, nil, 0)
}

// ElementBytes is ElementText, but an element that holds one text without an
// entity it returns as it stands in the document, CR and all, with literal
// true: for texts in which line ends mean nothing.
func (t *Tokenizer) ElementBytes() (text []byte, literal, nested bool, err error) {
	depth := t.Depth()
	k, err := t.Next()
	if err != nil || k == EndElement {
		return nil, err == nil, false, err
	}
	if k != Text || !t.plain && t.unread == nil {
		text, nested, err = t.gather(k, depth, nil, 0)
		return text, false, nested, err
	}
	raw := t.doc[t.start:t.end]
	if k, err = t.Next(); err != nil || k == EndElement {
		return raw, err == nil, false, err
	}
	t.gathered = appendLines(t.gathered[:0], raw)
	text, nested, err = t.gather(k, depth, t.gathered, 2)
	return text, false, nested, err
}

// gather reads on from token k to the end of the element at depth. Of its text
// so far there are pieces: 0, 1 that aliases the document, or more, in
// t.gathered.
func (t *Tokenizer) gather(k Kind, depth int, text []byte, pieces int) (_ []byte, nested bool, err error) {
	for {
		switch {
		case k == StartElement:
			nested = true
		case k == EndElement && t.Depth() == depth || k == EOF:
			return text, nested, nil
		case k != Text || t.Depth() != depth:
		case pieces == 0 && t.plain:
			pieces, text = 1, t.text
		default:
			switch pieces {
			case 0:
				t.gathered = t.gathered[:0]
			case 1:
				t.gathered = append(t.gathered[:0], text...)
			}
			pieces = 2
			t.gathered = append(t.gathered, t.value()...)
			text = t.gathered
		}
		if k, err = t.Next(); err != nil {
			return nil, nested, err
		}
	}
}
