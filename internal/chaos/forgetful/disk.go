//go:build linux

// Package forgetful is a disk that forgets. It is mounted by FUSE, keeps what
// it is given in memory, and remembers what was made durable; when its power
// goes, everything else is gone, or (torn) a random part of it is kept, in
// pieces of a sector and in any order.
//
// It promises what POSIX promises and no more, which is less than ext4 gives:
// the content of a file is durable after fsync or fdatasync of that file; a
// name (made, renamed, removed) after fsync of its directory. It is not fast,
// knows no permissions, and is for tests only.
package forgetful

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
)

// sector is the smallest piece that is written whole or not at all.
const sector = 512

// Disk outlives its mounts and its power cuts.
type Disk struct {
	mu     sync.Mutex
	root   *node
	nodes  uint64
	off    bool // power is gone
	lie    func(name string) bool
	trap   func(op Op) syscall.Errno
	synced int // times something was made durable
}

// Op is one call that reaches the disk.
type Op struct {
	Call string // "create", "write", "fsync", "truncate", "unlink", "rename", "mkdir", "open", "read", "flush" (a close)
	Name string // of the file in its directory
}

// node is a file or a directory.
type node struct {
	id   uint64
	mode uint32 // with its type
	name string // as it was last named, for Op

	data    []byte // as processes see it
	durable []byte // as it would be read after a power cut
	pending []change

	entries map[string]*node
	kept    map[string]*node // the entries after a power cut
	renamed []entryChange
}

// change is a write, or a truncation to off, not yet durable.
type change struct {
	off  int64
	data []byte
	cut  bool
}

// entryChange is what one call did to the names of a directory; nil removes.
type entryChange map[string]*node

// New returns an empty disk.
func New() *Disk {
	d := &Disk{}
	d.root = d.node(syscall.S_IFDIR|0o700, "/")
	return d
}

func (d *Disk) node(mode uint32, name string) *node {
	d.nodes++
	n := &node{id: d.nodes, mode: mode, name: name}
	if n.dir() {
		n.entries, n.kept = map[string]*node{}, map[string]*node{}
	}
	return n
}

func (n *node) dir() bool { return n.mode&syscall.S_IFMT == syscall.S_IFDIR }

// Lie makes the disk answer fsync of some files without doing it; nil: of none.
func (d *Disk) Lie(of func(name string) bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lie = of
}

// Trap is asked before each call, and the call fails with what it returns; nil
// ends that. It runs with the disk held: it may not call the disk.
func (d *Disk) Trap(trap func(op Op) syscall.Errno) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.trap = trap
}

// PowerOff makes every call fail from now on. What was durable at this moment
// is what there will be.
func (d *Disk) PowerOff() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.off = true
}

// PowerOn forgets what was not durable and works again. With r the cut is
// torn: of what was not durable a random part is there, each sector of a write
// and each change of names by itself. It returns how many bytes and changes of
// names had not been durable. Nothing may be mounted.
func (d *Disk) PowerOn(r *rand.Rand) (lost int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.off, d.lie, d.trap = false, nil, nil
	d.root.forget(r, &lost, map[*node]bool{})
	return lost
}

// Synced is how often something was made durable.
func (d *Disk) Synced() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.synced
}

// enter is called with mu held before anything is done.
func (d *Disk) enter(call string, n *node) syscall.Errno {
	if d.off {
		return syscall.EIO
	}
	if d.trap != nil {
		return d.trap(Op{Call: call, Name: n.name})
	}
	return 0
}

// write is one write as a process sees it.
func (n *node) write(off int64, data []byte) {
	n.pending = append(n.pending, change{off: off, data: bytes.Clone(data)})
	n.data = apply(n.data, n.pending[len(n.pending)-1])
}

func (n *node) truncate(size int64) {
	n.pending = append(n.pending, change{off: size, cut: true})
	n.data = apply(n.data, n.pending[len(n.pending)-1])
}

// apply gives data with a change done to it.
func apply(data []byte, c change) []byte {
	end := c.off + int64(len(c.data))
	if n := int64(len(data)); n < end {
		if int64(cap(data)) < end {
			data = slices.Grow(data, int(end-n)+int(end)/4)
		}
		data = data[:end]
		clear(data[n:])
	}
	if c.cut {
		return data[:c.off]
	}
	copy(data[c.off:], c.data)
	return data
}

// sync makes a file's content, or a directory's names, durable.
func (d *Disk) sync(n *node) {
	if d.lie != nil && d.lie(n.name) {
		return
	}
	d.synced++
	for _, c := range n.pending {
		n.durable = apply(n.durable, c)
	}
	n.pending = nil
	if n.dir() {
		n.kept, n.renamed = maps.Clone(n.entries), nil
	}
}

// rename changes names; several at once are changed together.
func (n *node) rename(c entryChange) {
	n.renamed = append(n.renamed, c)
	applyNames(n.entries, c)
}

func applyNames(entries map[string]*node, c entryChange) {
	for name, to := range c {
		if to == nil {
			delete(entries, name)
			continue
		}
		entries[name] = to
	}
}

// forget goes back to what was durable, or to a random mixture.
func (n *node) forget(r *rand.Rand, lost *int64, seen map[*node]bool) {
	if seen[n] {
		return
	}
	seen[n] = true
	for _, c := range n.pending {
		*lost += int64(len(c.data))
		if r != nil {
			n.durable = tear(r, n.durable, c)
		}
	}
	*lost += int64(len(n.renamed))
	for _, c := range n.renamed {
		if r != nil && r.IntN(2) == 0 {
			applyNames(n.kept, c)
		}
	}
	n.pending, n.renamed = nil, nil
	n.data = bytes.Clone(n.durable)
	if !n.dir() {
		return
	}
	n.entries = maps.Clone(n.kept)
	for _, name := range slices.Sorted(maps.Keys(n.entries)) { // in order: chance must repeat
		n.entries[name].name = name
		n.entries[name].forget(r, lost, seen)
	}
}

// tear does a random part of a change.
func tear(r *rand.Rand, data []byte, c change) []byte {
	if c.cut {
		if r.IntN(2) == 0 {
			return data
		}
		return apply(data, c)
	}
	for at := 0; at < len(c.data); {
		next := min(len(c.data), at+sector-int((c.off+int64(at))%sector))
		if r.IntN(2) == 0 {
			data = apply(data, change{off: c.off + int64(at), data: c.data[at:next]})
		}
		at = next
	}
	return data
}
