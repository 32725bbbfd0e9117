package agent

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"lienthong/internal/fault"
)

var (
	// ErrState (submit.state): the state file is damaged, cannot be written, or is not one.
	ErrState = fault.New(fault.Invalid, "submit.state",
		"Không dùng được tệp ghi nhớ lần gửi trước. Xóa tệp đó rồi chạy lại: gửi trùng không sao.",
		"The file that remembers earlier runs cannot be used. Delete it and run again: sending twice is safe.")
	// ErrStateOther (submit.state_other): it remembers another hub or facility.
	ErrStateOther = fault.New(fault.Conflict, "submit.state_other",
		"Tệp ghi nhớ này thuộc về hub hoặc cơ sở khác. Chọn tệp khác.",
		"This state file belongs to another hub or facility. Choose another.")
)

const stateForm = "submit/v1"

// stateHead is the first line of a state file, stateEntry every other.
type stateHead struct {
	Form     string `json:"lienthong"`
	Hub      string `json:"hub"`
	Facility string `json:"facility"`
}

type stateEntry struct {
	File    string            `json:"file"`
	Digest  string            `json:"sha256"` // of the bytes that were sent, hex
	Results []json.RawMessage `json:"results"`
}

// State is a file that remembers which files were answered whole, by name and
// SHA-256, with the answers as the hub gave them. It grows by one line for each
// file; a line half written in a crash is dropped when it is opened again. It
// holds receipts: its mode is 0600. One process may use it at a time.
type State struct {
	mu    sync.Mutex
	file  *os.File
	end   int64
	known map[string]span
	seen  *lastSeen
}

// span is where an entry lies, and what it is for.
type span struct {
	digest [sha256.Size]byte
	at     int64
	length int
}

// OpenState opens the state file at path for a client, or begins one.
// Faults: submit.state, submit.state_other.
func OpenState(path string, c *Client) (*State, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, ErrState.Because(err)
	}
	s := &State{file: f, known: map[string]span{}}
	if s.seen, err = openSeen(path + ".checkpoint"); err != nil {
		_ = f.Close() // nothing was written through it
		return nil, err
	}
	if err := s.read(stateHead{stateForm, c.Hub(), c.Facility()}); err != nil {
		_ = f.Close() // nothing was written through it
		return nil, err
	}
	return s, nil
}

// Close makes the file durable and closes it. Fault: submit.state.
func (s *State) Close() error {
	if err := errors.Join(s.file.Sync(), s.file.Close()); err != nil {
		return ErrState.Because(err)
	}
	return nil
}

// Len is how many files are remembered.
func (s *State) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.known)
}

func (s *State) read(want stateHead) error {
	from := bufio.NewReaderSize(s.file, 256<<10)
	for first := true; ; first = false {
		b, err := from.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			if s.end == 0 && !bytes.HasPrefix([]byte(`{"lienthong":"`+stateForm), b[:min(len(b), 20)]) {
				return ErrState.Because(errors.New("not a state file"))
			}
			if err := s.file.Truncate(s.end); err != nil { // half a line
				return ErrState.Because(err)
			}
			if s.end == 0 {
				return s.append(want)
			}
			return nil
		}
		if err != nil {
			return ErrState.Because(err)
		}
		if first {
			err = sameHead(b, want)
		} else {
			err = s.index(b)
		}
		if err != nil {
			return err
		}
		s.end += int64(len(b))
	}
}

func sameHead(b []byte, want stateHead) error {
	var head stateHead
	if err := json.Unmarshal(b, &head); err != nil || head.Form != stateForm {
		return ErrState.Because(errors.New("not a state file"))
	}
	if head != want {
		return ErrStateOther
	}
	return nil
}

func (s *State) index(b []byte) error {
	e, sum, err := parseEntry(b)
	if err != nil {
		return err
	}
	s.known[e.File] = span{digest: sum, at: s.end, length: len(b)}
	return nil
}

func parseEntry(b []byte) (stateEntry, [sha256.Size]byte, error) {
	var e stateEntry
	var sum [sha256.Size]byte
	if err := json.Unmarshal(b, &e); err != nil {
		return e, sum, ErrState.Because(err)
	}
	if n, err := hex.Decode(sum[:], []byte(e.Digest[:min(len(e.Digest), 2*len(sum))])); err != nil || n != len(sum) || len(e.Digest) != 2*len(sum) ||
		e.File == "" || len(e.Results) == 0 {
		return e, sum, ErrState.Because(errors.New("a damaged entry"))
	}
	return e, sum, nil
}

// knows reports whether a file of this name was answered, whatever was in it.
func (s *State) knows(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.known[name]
	return ok
}

// answers returns the answers of a file, none when its bytes were others.
func (s *State) answers(name string, digest [sha256.Size]byte) ([]Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.known[name]
	if !ok || at.digest != digest {
		return nil, nil
	}
	b := make([]byte, at.length)
	if _, err := s.file.ReadAt(b, at.at); err != nil {
		return nil, ErrState.Because(err)
	}
	e, _, err := parseEntry(b)
	if err != nil {
		return nil, err
	}
	out := make([]Answer, len(e.Results))
	for i, line := range e.Results {
		if out[i], err = ParseAnswer(line); err != nil {
			return nil, ErrState.Because(err)
		}
	}
	return out, nil
}

// keep remembers a file that was answered whole.
func (s *State) keep(name string, digest [sha256.Size]byte, lines [][]byte) error {
	e := stateEntry{File: name, Digest: hex.EncodeToString(digest[:]), Results: make([]json.RawMessage, len(lines))}
	for i, l := range lines {
		e.Results[i] = l
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.end
	if err := s.append(e); err != nil {
		return err
	}
	s.known[name] = span{digest: digest, at: at, length: int(s.end - at)}
	return nil
}

// append writes one line at the end; a line that was not written whole is
// written over by the next.
func (s *State) append(v any) error {
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false) // answers stay as the hub wrote them
	if err := enc.Encode(v); err != nil {
		return ErrState.Because(err)
	}
	if _, err := s.file.WriteAt(line.Bytes(), s.end); err != nil {
		return ErrState.Because(fmt.Errorf("writing: %w", err))
	}
	s.end += int64(line.Len())
	return nil
}
