// Package declaration reads the files that declare specialised databases (YAML, with
// the JSON Schema doc/schema/database.schema.json), says what is wrong with them and
// where, and makes of one that is right a Database: what canonicalises and checks
// values, works out rules, and makes entries out of the rows of records.
//
// It opens no record and keeps nothing; package steward does.
package declaration

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"lienthong/internal/fault"
	"lienthong/internal/registry"
)

// MaxSize is how many bytes a declaration may have.
const MaxSize = 256 << 10

// The faults of a file as a whole.
var (
	ErrInvalid = fault.New(fault.Invalid, "declaration.invalid",
		"Khai báo chưa đúng: xem từng dòng được nêu. Chưa có gì thay đổi.",
		"The declaration is not right: see each line that is named. Nothing was changed.")
	ErrTooLarge = fault.New(fault.TooLarge, "declaration.too_large",
		"Khai báo lớn hơn 256 KiB.", "The declaration is larger than 256 KiB.")
	ErrChanged = fault.New(fault.Conflict, "declaration.changed",
		"Người khác vừa đổi khai báo này. Mở bản mới nhất, xem khác gì, rồi sửa lại.",
		"Somebody else has changed this declaration. Open the newest version, see what is different, then edit again.")
)

// Parse reads a declaration. The error is ErrTooLarge, or ErrInvalid where a problem
// stands in the way; problems that are notes come with a nil error. Version is what
// the file says it becomes, 0 where it does not say. What needs other databases
// (lists, sources) is looked at by Compile and Cycles.
func Parse(text []byte) (*registry.Declaration, []registry.Problem, error) {
	if len(text) > MaxSize {
		return nil, nil, ErrTooLarge
	}
	root, problem := load(text)
	if problem != nil {
		return nil, []registry.Problem{*problem}, ErrInvalid
	}
	w := &walk{at: map[string]place{}}
	w.look(root, fileShape, "")
	if len(w.problems) > 0 {
		return nil, w.problems, ErrInvalid
	}
	d := read(root)
	d.Text = bytes.Clone(text)
	j := &judge{d: d, at: w.at}
	j.all()
	if registry.Blocks(j.problems) {
		return nil, j.problems, ErrInvalid
	}
	return d, j.problems, nil
}

// load reads YAML into one mapping without aliases.
func load(text []byte) (*yaml.Node, *registry.Problem) {
	bad := func(line int, vi, en string) *registry.Problem {
		return &registry.Problem{Code: "declaration.yaml", Line: line, Text: fault.Text{VI: vi, EN: en}}
	}
	if !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0 {
		return nil, bad(0, "Tệp không phải chữ UTF-8: trong trình soạn thảo chọn Lưu thành…, mã hóa UTF-8.", "The file is not UTF-8 text: save it again with the encoding UTF-8.")
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, next yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, bad(0, "Tệp trống.", "The file is empty.")
	} else if err != nil {
		return nil, bad(lineOf(err), "Tệp không đúng dạng YAML ở đây: kiểm tra thụt dòng, dấu hai chấm và dấu nháy.", "The file is not YAML here: check the indentation, colons and quotes.")
	}
	if err := dec.Decode(&next); !errors.Is(err, io.EOF) {
		return nil, bad(next.Line, "Tệp có nhiều hơn một khai báo.", "The file holds more than one declaration.")
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, bad(1, "Tệp phải là các cặp “khóa: giá trị”.", "The file must be made of \"key: value\" pairs.")
	}
	if n := reference(doc.Content[0]); n != nil {
		return nil, bad(n.Line, "Không dùng neo và tham chiếu (& và *) trong khai báo.", "Anchors and aliases (& and *) are not used in declarations.")
	}
	return doc.Content[0], nil
}

// reference finds an anchor, an alias, a merge key or a tag of somebody's own.
func reference(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode || n.Anchor != "" || n.Tag == "!!merge" || n.Style&yaml.TaggedStyle != 0 {
		return n
	}
	for _, c := range n.Content {
		if found := reference(c); found != nil {
			return found
		}
	}
	return nil
}

// lineOf finds "line N" in what the YAML library says.
func lineOf(err error) int {
	_, rest, ok := strings.Cut(err.Error(), "line ")
	n := 0
	for _, c := range rest {
		if !ok || c < '0' || c > '9' || n > MaxSize {
			break
		}
		n = n*10 + int(c-'0')
	}
	return n
}
