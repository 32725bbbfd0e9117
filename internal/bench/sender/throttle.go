package sender

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// Throttle is a bad line between a sender and a hub: so many bits a second each
// way, a delay, and connections that are reset again and again.
type Throttle struct {
	BitsPerS int           // each way
	Delay    time.Duration // of what the hub answers
	Reset    time.Duration // mean time between resets of all connections; 0 none

	listen   net.Listener
	to       string
	up, down *rate.Limiter
	sent     atomic.Int64
	received atomic.Int64
	resets   atomic.Int64

	mu   sync.Mutex
	open map[net.Conn]bool
}

// burst is how many bytes go at once: one packet.
const burst = 1460

// Start begins to pass on what comes to a free port to the address to.
func (t *Throttle) Start(ctx context.Context, to string) (address string, err error) {
	if t.listen, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return "", err
	}
	t.to, t.open = to, map[net.Conn]bool{}
	t.up, t.down = rate.NewLimiter(rate.Limit(t.BitsPerS/8), burst), rate.NewLimiter(rate.Limit(t.BitsPerS/8), burst)
	go t.accept(ctx)
	if t.Reset > 0 {
		go t.resetting(ctx)
	}
	context.AfterFunc(ctx, func() { _ = t.listen.Close(); t.cut() })
	return t.listen.Addr().String(), nil
}

// Sent is how many bytes went to the hub, Received how many came back, Resets
// how often the line broke.
func (t *Throttle) Sent() int64     { return t.sent.Load() }
func (t *Throttle) Received() int64 { return t.received.Load() }
func (t *Throttle) Resets() int64   { return t.resets.Load() }

func (t *Throttle) accept(ctx context.Context) {
	for {
		c, err := t.listen.Accept()
		if err != nil {
			return
		}
		go t.pass(ctx, c)
	}
}

// resetting resets whatever is open, at moments nobody can foresee.
func (t *Throttle) resetting(ctx context.Context) {
	for {
		select {
		case <-time.After(t.Reset/2 + rand.N(t.Reset)):
		case <-ctx.Done():
			return
		}
		if t.cut() > 0 {
			t.resets.Add(1)
		}
	}
}

// cut resets every connection.
func (t *Throttle) cut() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(t.open)
	for c := range t.open {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // an RST, not an end
		}
		_ = c.Close()
	}
	clear(t.open)
	return n
}

func (t *Throttle) keep(c net.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open[c] = true
}

func (t *Throttle) drop(c net.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.open, c)
	_ = c.Close()
}

// pass carries one connection.
func (t *Throttle) pass(ctx context.Context, c net.Conn) {
	t.keep(c)
	defer t.drop(c)
	hub, err := net.Dial("tcp", t.to)
	if err != nil {
		return
	}
	t.keep(hub)
	defer t.drop(hub)
	both := make(chan struct{}, 2)
	go func() { t.flow(ctx, hub, c, t.up, &t.sent, 0); both <- struct{}{} }()
	go func() { t.flow(ctx, c, hub, t.down, &t.received, t.Delay); both <- struct{}{} }()
	<-both
	<-both
}

// piece is bytes on their way, and when they arrive.
type piece struct {
	b  []byte
	at time.Time
}

// flow carries one direction: bytes are counted when they leave, and arrive later.
func (t *Throttle) flow(ctx context.Context, to, from net.Conn, pace *rate.Limiter, n *atomic.Int64, delay time.Duration) {
	onWay := make(chan piece, 1024) // as much as the line holds
	arrived := make(chan struct{})
	go func() {
		defer close(arrived)
		for p := range onWay {
			time.Sleep(time.Until(p.at))
			if _, err := to.Write(p.b); err != nil {
				_ = from.Close()
			}
		}
	}()
	for {
		b := make([]byte, burst)
		read, err := from.Read(b)
		if read > 0 {
			if pace.WaitN(ctx, read) != nil {
				break
			}
			n.Add(int64(read))
			onWay <- piece{b[:read], time.Now().Add(delay)}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				_ = to.Close()
			}
			break
		}
	}
	close(onWay)
	<-arrived
	if tcp, ok := to.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
	}
}
