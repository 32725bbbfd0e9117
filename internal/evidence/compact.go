package evidence

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
)

// A receipt body is canonical JSON of always the same members: kept as it is it
// would be most of a record's row. So its digests are kept as bytes and its
// phrases as one byte each. Control characters never stand in JSON text
// (RFC 8259 §7), which leaves them free for both.

// digestMark is followed by the 32 bytes of a digest that stood as 64 lower-case
// hexadecimal digits.
const digestMark = 0x01

// phrases is fixed for ever: stored heads say "the second phrase" and mean it. A
// new one goes to the end; there is room up to 0x1F. Longer ones that hold
// shorter ones stand first.
var phrases = [...]string{
	`{"content_sha256":"`,
	`","durability":"local","episode":"`,
	`","facility":"`,
	`","file_sha256":"`,
	`","findings":[`,
	`],"hub":"`,
	`","inner_sha256":["`,
	`"],"kid":"`,
	`","kind":"qd4750","pack":"v1/`,
	`","received_at":"`,
	`","record":"`,
	`","state":"accepted_with_warnings","supersedes":`,
	`","state":"accepted","supersedes":null,"trust_epoch":`,
	`","state":"`,
	`null,"trust_epoch":`,
	`,"v":1,"version":`,
	`{"blocks":[],"code":"`,
	`{"blocks":["payment"],"code":"`,
	`","field":"`,
	`,"severity":"warning","table":"XML`,
	`,"severity":"info","table":"XML`,
	`","row":`,
	`","`,
	`"},`,
	`.not_in_list`,
	`.missing`,
}

const firstPhrase = digestMark + 1

// compact packs a receipt body. What would not come back byte for byte is
// reported by ok false.
func compact(body []byte) (packed []byte, ok bool) {
	packed = make([]byte, 0, len(body)/2)
	for at := 0; at < len(body); {
		if body[at] < 0x20 {
			return nil, false
		}
		if n := digestAt(body[at:]); n > 0 {
			packed = append(packed, digestMark)
			packed, _ = hex.AppendDecode(packed, body[at:at+n]) // digestAt looked at every digit
			at += n
			continue
		}
		i := phraseAt(body[at:])
		if i < 0 {
			packed = append(packed, body[at])
			at++
			continue
		}
		packed = append(packed, byte(firstPhrase+i))
		at += len(phrases[i])
	}
	return packed, true
}

// digestAt returns 64 when b begins with 64 lower-case hexadecimal digits.
func digestAt(b []byte) int {
	if len(b) < 64 {
		return 0
	}
	for _, c := range b[:64] {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f') {
			return 0
		}
	}
	return 64
}

func phraseAt(b []byte) int {
	switch b[0] { // what every phrase begins with
	case '{', '"', ',', ']', 'n', '.':
	default:
		return -1
	}
	for i := range phrases {
		if len(b) >= len(phrases[i]) && string(b[:len(phrases[i])]) == phrases[i] {
			return i
		}
	}
	return -1
}

// expand gives a body back. Fault: record.head.
func expand(packed []byte) ([]byte, error) {
	body := make([]byte, 0, 2*len(packed)+256)
	for at := 0; at < len(packed); at++ {
		switch c := packed[at]; {
		case c == digestMark:
			if len(packed)-at < 33 {
				return nil, ErrHead.Because(errors.New("a digest cut short"))
			}
			body = hex.AppendEncode(body, packed[at+1:at+33])
			at += 32
		case c >= firstPhrase && int(c-firstPhrase) < len(phrases):
			body = append(body, phrases[c-firstPhrase]...)
		case c < 0x20:
			return nil, ErrHead.Because(errors.New("an unknown phrase"))
		default:
			body = append(body, c)
		}
	}
	return body, nil
}

// episodeIn reads the member "episode" out of a body's bytes, which are canonical:
// the next member is "facility".
func episodeIn(body []byte) (string, error) {
	_, rest, ok := bytes.Cut(body, []byte(`,"episode":`))
	text, _, ok2 := bytes.Cut(rest, []byte(`,"facility":"`))
	if !ok || !ok2 {
		return "", ErrHead.Because(errors.New("the body names no episode"))
	}
	var episode *string
	if err := json.Unmarshal(text, &episode); err != nil {
		return "", ErrHead.Because(err)
	}
	if episode == nil {
		return "", nil
	}
	return *episode, nil
}
