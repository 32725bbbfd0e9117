package emr

import (
	"bytes"
	"slices"
)

// encoders are the filters, long and short (ISO 32000 tables 6 and 92), that
// write the names in a stream in other letters.
var encoders = []string{"LZWDecode", "ASCIIHexDecode", "ASCII85Decode", "RunLengthDecode", "Crypt", "LZW", "AHx", "A85", "RL"}

// packedUnseen reports whether a document may hold a stream whose names are
// written in other letters: an encoder is named anywhere, or a filter or its
// parameters stand somewhere else than in the stream's own dictionary. Only of
// documents with streams of objects: in others such a stream shows a page.
func packedUnseen(doc []byte) bool {
	for at := 0; ; at++ {
		i := bytes.IndexByte(doc[at:], '/')
		if i < 0 {
			return false
		}
		at += i
		switch name := nameAt(doc[at+1:]); {
		case slices.Contains(encoders, name) && amongText(doc, at):
			return true
		case name == "Filter" && !namesHere(valueAt(doc, at)):
			return true
		case name == "DecodeParms" && !parametersHere(valueAt(doc, at)):
			return true
		}
	}
}

// valueAt is what stands behind the name at the slash at, blanks passed over.
func valueAt(b []byte, at int) []byte {
	end := at + 1
	for end < len(b) && b[end] > ' ' && b[end] < 0x7F && bytes.IndexByte([]byte("()<>[]{}/%"), b[end]) < 0 {
		end++
	}
	return bytes.TrimLeft(b[end:], "\x00\t\n\f\r ")
}

// namesHere reports a name, or a list of nothing but names.
func namesHere(value []byte) bool {
	if !bytes.HasPrefix(value, []byte("[")) {
		return bytes.HasPrefix(value, []byte("/")) || bytes.HasPrefix(value, []byte("null")) || bytes.HasPrefix(value, []byte("<<"))
	}
	list, _, closed := bytes.Cut(value[1:], []byte("]"))
	inName := false
	for _, c := range list {
		switch {
		case c == '/':
			inName = true
		case c <= ' ':
			inName = false
		case !inName:
			return false
		}
	}
	return closed && !bytes.Contains(list, []byte("%"))
}

// parametersHere reports dictionaries or null, alone or in a list, and no
// reference.
func parametersHere(value []byte) bool {
	if !bytes.HasPrefix(value, []byte("[")) {
		return bytes.HasPrefix(value, []byte("<<")) || bytes.HasPrefix(value, []byte("null"))
	}
	list, _, closed := bytes.Cut(value[1:], []byte("]"))
	deep := 0
	for _, c := range list {
		switch {
		case c == '<':
			deep++
		case c == '>':
			deep--
		case deep == 0 && (c >= '0' && c <= '9' || c == '%'):
			return false
		}
	}
	return closed
}
