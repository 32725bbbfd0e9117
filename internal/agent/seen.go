package agent

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"lienthong/internal/fault"
	"lienthong/internal/ledger"
)

var (
	// ErrFork (ledger.fork): the hub's log does not hold what this sender saw of it.
	ErrFork = fault.New(fault.Conflict, "ledger.fork",
		"Sổ nhật ký của hub không còn chứa điểm chốt mà cơ sở đã thấy: hub đã bị đưa về bản cũ hoặc sổ bị rẽ nhánh. Giữ lại các biên nhận và báo ngay cho đơn vị vận hành hub.",
		"The hub's log does not hold the checkpoint this sender saw: it was put back to an old copy, or has forked. Keep the receipts and tell the hub's operator at once.")
	// ErrUnproved (ledger.unproved): the hub did not prove that its log goes on.
	ErrUnproved = fault.New(fault.Conflict, "ledger.unproved",
		"Hub không chứng minh được sổ nhật ký nối tiếp điểm chốt mà cơ sở đã thấy. Thử lại; nếu còn, báo cho đơn vị vận hành hub.",
		"The hub did not prove that its log continues the checkpoint this sender saw. Try again; if it persists, tell the hub's operator.")
)

const (
	headerCheckpoint = "Ledger-Checkpoint"
	headerLast       = "Last-Checkpoint"
	maxLogs          = 64 // of one hub
)

// lastSeen is what a sender remembers of a hub's logs: with it the sender is a
// witness (DESIGN §5). A state file has one beside it, FILE.checkpoint: a line
// "<origin> <size> <root>" for each log, the last one seen last.
type lastSeen struct {
	path string // "" in memory only

	mu     sync.Mutex
	kept   []ledger.Checkpoint          // proved to follow one another
	newest map[string]ledger.Checkpoint // of this run, by origin; nothing is proved of it yet
	last   string                       // origin heard last
}

// openSeen reads what was kept at path. Fault: submit.state.
func openSeen(path string) (*lastSeen, error) {
	l := &lastSeen{path: path, newest: map[string]ledger.Checkpoint{}}
	if path == "" {
		return l, nil
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return nil, ErrState.Because(err)
	}
	lines := bufio.NewScanner(bytes.NewReader(b))
	for lines.Scan() {
		cp, err := ledger.ParseSeen(lines.Text())
		if err != nil || len(l.kept) == maxLogs {
			return nil, ErrState.Because(fmt.Errorf("%s: %w", path, err))
		}
		l.kept = append(l.kept, cp)
	}
	return l, nil
}

// header is what the next request says it saw last, "" at first.
func (l *lastSeen) header() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.kept) == 0 {
		return ""
	}
	return l.kept[len(l.kept)-1].Line()
}

// heard takes note of what an answer says; what cannot be read says nothing.
func (l *lastSeen) heard(text string) {
	cp, err := ledger.ParseSeen(text)
	if err != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if known, ok := l.newest[cp.Origin]; (!ok || cp.Size > known.Size) && (ok || len(l.newest) < maxLogs) {
		l.newest[cp.Origin] = cp
	}
	l.last = cp.Origin
}

// settle has the hub prove that what was heard continues what was kept, and
// keeps it. A hub that is away leaves what was kept as it is. Faults:
// ledger.fork, ledger.unproved, submit.state.
func (c *Client) settle(ctx context.Context, l *lastSeen) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for origin, heard := range l.newest {
		at := l.find(origin)
		if at < 0 {
			l.kept = append(l.kept, heard) // the first time: it is believed
			continue
		}
		older, newer := l.kept[at], heard
		if older.Size > newer.Size { // an answer that was under way meanwhile
			older, newer = newer, older
		}
		switch err := c.proves(ctx, older, newer); {
		case fault.KindOf(err) == fault.Busy || ctx.Err() != nil:
			delete(l.newest, origin)
		case err != nil:
			return err
		default:
			l.kept[at] = newer
		}
	}
	if at := l.find(l.last); at >= 0 {
		l.kept = append(append(l.kept[:at:at], l.kept[at+1:]...), l.kept[at])
	}
	return l.write()
}

func (l *lastSeen) find(origin string) int {
	for i := range l.kept {
		if l.kept[i].Origin == origin {
			return i
		}
	}
	return -1
}

// proves asks for the proof that older is a prefix of newer, and checks it.
func (c *Client) proves(ctx context.Context, older, newer ledger.Checkpoint) error {
	if older.Size == newer.Size {
		if older.Root != newer.Root {
			return ErrFork
		}
		return nil
	}
	number := older.Origin[strings.LastIndexByte(older.Origin, '/')+1:]
	if strings.Trim(number, "0123456789") != "" || number == "" {
		return ErrUnproved.Because(errors.New("no number of a log"))
	}
	status, body, err := c.Get(ctx, fmt.Sprintf("/ledger/%s/consistency?from=%d&to=%d", number, older.Size, newer.Size), 16<<10)
	switch {
	case err != nil:
		return err
	case status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests:
		return ErrUnreachable
	case status != http.StatusOK:
		return ErrUnproved.Because(fmt.Errorf("status %d", status))
	}
	p, err := ledger.ParseConsistency(body)
	if err != nil || p.From != older.Size || p.To != newer.Size {
		return ErrUnproved.Because(err)
	}
	if !ledger.CheckConsistency(p.Proof, older, newer) {
		return ErrFork
	}
	return nil
}

// write replaces the file with what is kept now, whole or not at all.
func (l *lastSeen) write() error {
	if l.path == "" || len(l.kept) == 0 {
		return nil
	}
	var b bytes.Buffer
	for _, cp := range l.kept {
		b.WriteString(cp.Line() + "\n")
	}
	f, err := os.CreateTemp(filepath.Dir(l.path), filepath.Base(l.path)+".*")
	if err != nil {
		return ErrState.Because(err)
	}
	_, err = f.Write(b.Bytes())
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), l.path)
	}
	if err != nil {
		return ErrState.Because(errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}
