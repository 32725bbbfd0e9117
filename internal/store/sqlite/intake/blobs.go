package intake

import "sync"

// blobs remembers public blobs that are surely stored: they are never taken
// away, and nearly every file of a facility brings the same certificate.
type blobs struct {
	mu    sync.Mutex
	known map[[32]byte]struct{}
}

// mostBlobs bounds what is remembered: some for every facility of the nation,
// 1 MB in all.
const mostBlobs = 20_000

func (b *blobs) has(hash [32]byte) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, ok := b.known[hash]
	return ok
}

func (b *blobs) remember(hashes [][32]byte) {
	if len(hashes) == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.known == nil || len(b.known) > mostBlobs {
		b.known = map[[32]byte]struct{}{}
	}
	for _, h := range hashes {
		b.known[h] = struct{}{}
	}
}

// notes remembers the addresses of notes on seals that are surely stored.
type notes struct {
	mu    sync.Mutex
	known map[string]int64
}

// noted is a note and its address.
type noted struct {
	note string
	id   int64
}

func (n *notes) id(note string) (int64, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	id, ok := n.known[note]
	return id, ok
}

func (n *notes) remember(all []noted) {
	if len(all) == 0 {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.known == nil || len(n.known) > mostBlobs {
		n.known = map[string]int64{}
	}
	for _, x := range all {
		n.known[x.note] = x.id
	}
}
