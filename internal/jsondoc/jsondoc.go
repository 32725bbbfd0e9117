// Package jsondoc is the one entry for JSON documents that facilities send: a
// strict reader that keeps the order of members and the line of every value. It
// refuses what RFC 8259 leaves open and readers take differently: a member name
// twice, bytes that are no UTF-8, half surrogates, NUL, anything behind the
// document. It knows no kind of dossier; kind/ does. Receipts are canonical JSON
// and package ledger/jcs's matter.
package jsondoc

import (
	"bytes"
	"unicode/utf8"

	"lienthong/internal/fault"
)

// Faults of this package. They have the codes every unreadable file has.
var (
	// ErrUnreadable (file.unreadable): not one well-formed JSON document in UTF-8,
	// or one in which an object has a name twice.
	ErrUnreadable = fault.New(fault.Invalid, "file.unreadable",
		"Tệp JSON không đọc được: hỏng, bị cắt, sai mã UTF-8 hoặc có tên trường lặp lại. Xuất lại tệp rồi gửi.",
		"The JSON file cannot be read: damaged, cut short, not UTF-8, or with a member name twice. Export it again and send it.")
	// ErrLimits (file.limits): larger, deeper or with more values than Limits allow.
	ErrLimits = fault.New(fault.TooLarge, "file.limits",
		"Tệp vượt giới hạn về dung lượng, độ sâu hoặc số phần tử.",
		"The file is over a limit of size, depth or number of elements.")
)

// Type is the type of a value.
type Type byte

// The types.
const (
	Null Type = iota
	Bool
	Number
	String
	Array
	Object
)

// Value is one value with its place.
type Value struct {
	Type    Type
	Text    string // of a string decoded; of a number and a bool as written
	Line    int    // from 1
	Members []Member
	Items   []Value // of an array
}

// Member is one member of an object, in the order sent.
type Member struct {
	Name  string
	Value Value
}

// Get returns the member of that name, nil without one or where v is no object.
func (v *Value) Get(name string) *Value {
	if v == nil {
		return nil
	}
	for i := range v.Members {
		if v.Members[i].Name == name {
			return &v.Members[i].Value
		}
	}
	return nil
}

// String returns the text of a string, number or bool, "" for null, an object,
// an array and a nil value.
func (v *Value) String() string {
	if v == nil {
		return ""
	}
	return v.Text
}

// Limits bound a document. Zero fields have the defaults named.
type Limits struct {
	Bytes  int // 32 MiB
	Depth  int // 32
	Values int // 1,000,000
}

func (l Limits) withDefaults() Limits {
	if l.Bytes == 0 {
		l.Bytes = 32 << 20
	}
	if l.Depth == 0 {
		l.Depth = 32
	}
	if l.Values == 0 {
		l.Values = 1_000_000
	}
	return l
}

// Parse reads doc, which may begin with a byte order mark. Faults: file.limits,
// file.unreadable.
func Parse(doc []byte, limits Limits) (*Value, error) {
	limits = limits.withDefaults()
	if len(doc) > limits.Bytes {
		return nil, ErrLimits
	}
	if !utf8.Valid(doc) {
		return nil, because("not UTF-8")
	}
	p := &parser{doc: bytes.TrimPrefix(doc, []byte(bom)), line: 1, values: limits.Values, depth: limits.Depth}
	v, err := p.value()
	if err != nil {
		return nil, err
	}
	if p.space(); p.at != len(p.doc) {
		return nil, because("bytes behind the document")
	}
	return &v, nil
}

const bom = "\xEF\xBB\xBF"

// IsJSON reports whether a document begins like a JSON object: nothing before
// the brace but white space and a byte order mark.
func IsJSON(doc []byte) bool {
	doc = bytes.TrimLeft(bytes.TrimPrefix(doc, []byte(bom)), " \t\r\n")
	return len(doc) > 0 && doc[0] == '{'
}

// Names returns the names of the outermost object's members as far as the
// document can be followed, at most 256: enough to tell its kind. It validates
// nothing; Parse does.
func Names(doc []byte) []string {
	var names []string
	depth, expect := 0, false
	for i := 0; i < len(doc) && len(names) < 256; i++ {
		switch doc[i] {
		case '{', '[':
			depth++
			expect = depth == 1
		case '}', ']':
			depth--
		case ',':
			expect = depth == 1
		case '"':
			end := i + 1
			for end < len(doc) && doc[end] != '"' {
				if doc[end] == '\\' {
					end++
				}
				end++
			}
			if expect && depth == 1 && end < len(doc) {
				names = append(names, string(doc[i+1:end]))
			}
			i, expect = end, false
		}
	}
	return names
}
