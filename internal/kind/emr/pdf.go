package emr

import (
	"bytes"
	"compress/zlib"
	"errors"
	"io"
	"slices"

	"lienthong/internal/kind"
	"lienthong/internal/xmltok"
)

// Limits of a paper: its bytes, the bytes of all its streams inflated, and those of
// one picture that are looked at.
const (
	maxPaper    = 32 << 20
	maxInflated = 128 << 20
	maxPicture  = 4 << 20
	maxName     = 127 // ISO 32000, annex C
	maxOpens    = 16  // OpenActions, one for each time the document was changed
)

// active are names no paper of a record needs; short are those of them so short
// that packed data holds them by chance.
var (
	active = []string{"JavaScript", "Launch", "EmbeddedFile", "EmbeddedFiles", "RichMedia", "XFA", "SubmitForm", "ImportData", "GoToR", "GoToE", "Rendition"}
	short  = []string{"JS", "AA"}
)

// Paper looks whether raw is a PDF that only shows pages. It is a scanner, not a
// reader of PDF: it looks for names (ISO 32000 7.3.5, escapes undone) in the bytes
// as they lie and in every stream that inflates, whatever is around them, so that
// a file made to be read in two ways gains nothing. An OpenAction that only goes
// to a page is let through. Faults: file.limits, paper.unreadable, paper.active.
func (*Reader) Paper(raw []byte) error {
	if len(raw) > maxPaper {
		return xmltok.ErrLimits
	}
	if !bytes.HasPrefix(raw, []byte("%PDF-")) || !bytes.Contains(raw[max(0, len(raw)-1024):], []byte("%%EOF")) ||
		!bytes.Contains(raw, []byte("startxref")) {
		return kind.ErrPaper.Because(errors.New("no PDF from beginning to end"))
	}
	s := &scan{doc: raw}
	in := s.inStream()
	if err := s.names(raw, func(at int) bool { return !in(at) || amongText(raw, at) }); err != nil {
		return err
	}
	if err := s.streams(); err != nil {
		return err
	}
	if s.hidden && s.address {
		return kind.ErrPaperActive.Because(errors.New("/OpenAction may open an address"))
	}
	return nil
}

// scan is the look at one paper.
type scan struct {
	doc      []byte
	starts   []int // where the data of streams begins
	inflated int
	read     int  // bytes of streams read: those of a sound document do not overlap
	opens    int  // OpenActions met
	hidden   bool // an OpenAction refers to what lies in a stream of objects
	address  bool // some action opens an address
}

// inStream finds the streams and returns a test whether a place lies in one.
func (s *scan) inStream() func(at int) bool {
	var ends []int
	for at := 0; ; {
		i := bytes.Index(s.doc[at:], []byte("stream"))
		if i < 0 {
			break
		}
		i += at
		at = i + len("stream")
		if bytes.HasSuffix(s.doc[:i], []byte("end")) {
			ends = append(ends, i)
			continue
		}
		s.starts = append(s.starts, afterLineEnd(s.doc, at))
	}
	return func(at int) bool {
		i, _ := slices.BinarySearch(s.starts, at+1) // streams that began before at
		if i == 0 {
			return false
		}
		k, _ := slices.BinarySearch(ends, s.starts[i-1])
		return k < len(ends) && at < ends[k]
	}
}

// afterLineEnd is where the data of a stream begins behind its keyword: readers
// pass over blanks before the line end, and do without one.
func afterLineEnd(b []byte, at int) int {
	for at < len(b) && (b[at] == ' ' || b[at] == '\t' || b[at] == '\f' || b[at] == 0) {
		at++
	}
	if at < len(b) && b[at] == '\r' {
		at++
	}
	if at < len(b) && b[at] == '\n' {
		at++
	}
	return at
}

// names looks for the names in bytes, for short ones only where they count: in
// packed data they stand by chance, and on pages as text.
func (s *scan) names(b []byte, counts func(at int) bool) error {
	for at := 0; ; at++ {
		i := bytes.IndexByte(b[at:], '/')
		if i < 0 {
			return nil
		}
		at += i
		name := nameAt(b[at+1:])
		switch {
		case slices.Contains(active, name),
			slices.Contains(short, name) && counts(at),
			name == "OpenAction" && !s.goesToPage(b, at+1+len("OpenAction")):
			return kind.ErrPaperActive.Because(errors.New("/" + name))
		case name == "URI":
			s.address = true
		case name == "Encrypt":
			return kind.ErrPaper.Because(errors.New("encrypted"))
		}
	}
}

// nameAt reads a name behind its slash, #xx undone.
func nameAt(b []byte) string {
	var name []byte
	for i := 0; i < len(b) && len(name) <= maxName; i++ {
		c := b[i]
		if c <= ' ' || c >= 0x7F || bytes.IndexByte([]byte("()<>[]{}/%"), c) >= 0 {
			break
		}
		if c == '#' && i+2 < len(b) {
			hi, ok1 := hex(b[i+1])
			lo, ok2 := hex(b[i+2])
			if ok1 && ok2 {
				c = hi<<4 | lo
				i += 2
			}
		}
		name = append(name, c)
	}
	return string(name)
}

func hex(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

// amongText reports whether the bytes around a place are all of a text.
func amongText(b []byte, at int) bool {
	for _, c := range b[max(0, at-8):min(len(b), at+11)] {
		if (c < ' ' || c >= 0x7F) && c != '\n' && c != '\r' && c != '\t' {
			return false
		}
	}
	return true
}

// goesToPage reports whether an OpenAction's value is a place in the document: an
// array, an action GoTo, or a reference to one of these. One that does not lie in
// the open has been looked at by its names but for addresses.
func (s *scan) goesToPage(b []byte, at int) bool {
	if s.opens++; s.opens > maxOpens {
		return false
	}
	rest := bytes.TrimLeft(b[min(at, len(b)):], "\x00\t\n\f\r ")
	if goTo(rest) {
		return true
	}
	var ref []byte
	for i, c := range rest {
		if c == 'R' && i < 24 {
			ref = bytes.Join(bytes.Fields(rest[:i]), []byte(" "))
			break
		}
		if (c < '0' || c > '9') && c != ' ' && c != '\n' && c != '\r' {
			return false
		}
	}
	if len(ref) == 0 {
		return false
	}
	found := false
	for _, before := range []string{"\n", "\r"} {
		mark := append(append([]byte(before), ref...), " obj"...)
		for from := s.doc; ; {
			i := bytes.Index(from, mark)
			if i < 0 {
				break
			}
			from = from[i+len(mark):]
			if found = true; !goTo(bytes.TrimLeft(from, "\x00\t\n\f\r ")) {
				return false
			}
		}
	}
	s.hidden = s.hidden || !found
	return true
}

// goTo reports an array, or a dictionary whose action is GoTo.
func goTo(b []byte) bool {
	if bytes.HasPrefix(b, []byte("[")) {
		return true
	}
	if !bytes.HasPrefix(b, []byte("<<")) {
		return false
	}
	end := bytes.Index(b, []byte(">>"))
	if end < 0 {
		return false
	}
	for i := range b[:end] {
		if b[i] == '/' && nameAt(b[i+1:]) == "S" {
			value := bytes.TrimLeft(b[i+2:end], "\x00\t\n\f\r ")
			return len(value) > 0 && value[0] == '/' && nameAt(value[1:]) == "GoTo"
		}
	}
	return false
}

// streams looks into what inflates. A stream of objects that is packed in another
// way cannot be looked into. What stands before a stream is its dictionary and
// may be more: where one begins cannot be told from keywords, which comments and
// strings hold too.
func (s *scan) streams() error {
	if hasName(s.doc, "ObjStm") && packedUnseen(s.doc) {
		return kind.ErrPaper.Because(errors.New("objects, and something packed in another way"))
	}
	before := 0
	for _, start := range s.starts {
		dict := s.doc[before:start]
		near := dict
		if i := bytes.LastIndex(dict, []byte("endstream")); i >= 0 {
			near = dict[i:]
		}
		objects := hasName(dict, "ObjStm")
		if objects && otherwisePacked(dict) {
			return kind.ErrPaper.Because(errors.New("objects packed in another way"))
		}
		if objects && !isZlib(s.doc[start:]) && (hasName(dict, "FlateDecode") || hasName(dict, "Fl")) {
			return kind.ErrPaper.Because(errors.New("objects that do not inflate"))
		}
		if err := s.inflate(s.doc[start:], objects, !objects && hasName(near, "Image")); err != nil {
			return err
		}
		before = start
	}
	return nil
}

func hasName(b []byte, name string) bool {
	for i := range b {
		if b[i] == '/' && nameAt(b[i+1:]) == name {
			return true
		}
	}
	return false
}

// otherwisePacked reports filters and predictors that change what names look like.
func otherwisePacked(dict []byte) bool {
	for _, filter := range []string{"LZWDecode", "ASCIIHexDecode", "ASCII85Decode", "RunLengthDecode", "Crypt", "LZW", "AHx", "A85", "RL", "DCTDecode",
		"JPXDecode", "JBIG2Decode", "CCITTFaxDecode", "Predictor", "FFilter"} {
		if hasName(dict, filter) {
			return true
		}
	}
	flates := 0
	for i := range dict {
		if name := nameAt(dict[i+1:]); dict[i] == '/' && (name == "FlateDecode" || name == "Fl") {
			flates++
		}
	}
	return flates > 1
}

// isZlib reports the two bytes that zlib data begins with (RFC 1950 §2.2).
func isZlib(data []byte) bool {
	return len(data) >= 2 && data[0]&0x0F == 8 && (int(data[0])<<8|int(data[1]))%31 == 0
}

// inflate looks at one stream, where it is zlib data at all.
func (s *scan) inflate(data []byte, objects, picture bool) error {
	if !isZlib(data) {
		return nil
	}
	in := bytes.NewReader(data)
	z, err := zlib.NewReader(in)
	if err != nil {
		return nil // not zlib data: its bytes were looked at as they lie
	}
	limit := maxInflated - s.inflated
	if picture {
		limit = min(limit, maxPicture)
	}
	// What comes before damage was shown by readers and is looked at.
	plain, err := io.ReadAll(io.LimitReader(z, int64(limit)+1))
	s.read += len(data) - in.Len()
	if len(plain) > limit && !picture || s.read > 2*len(s.doc) {
		return xmltok.ErrLimits
	}
	if err != nil && objects && len(plain) == 0 {
		return kind.ErrPaper.Because(err)
	}
	s.inflated += len(plain)
	return s.names(plain, func(int) bool { return objects })
}
