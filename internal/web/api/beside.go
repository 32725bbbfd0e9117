package api

import (
	"path"
	"strings"

	"lienthong/internal/intake"
)

// What may lie beside a file NAME in a tar: its detached seal NAME.jws, and for
// some kinds a paper NAME.pdf (or, the extension replaced, x.pdf beside x.xml)
// with a seal of its own. They may come in any order; what waits is bounded, so
// they should lie next to each other.
const (
	sealSuffix  = ".jws"
	paperSuffix = ".pdf"

	maxSeal    = 64 << 10 // bytes of one seal
	sealPlace  = 256      // bytes that keeping one costs beside its own and its name's
	maxWaiting = 16 << 20 // bytes of members and seals that wait; beyond it the oldest goes as it is
)

func isSeal(name string) bool  { return strings.HasSuffix(name, sealSuffix) }
func isPaper(name string) bool { return strings.HasSuffix(strings.ToLower(name), paperSuffix) }

// waits is what a member waits for.
type waits struct {
	sealed bool // a detached seal
	papers bool // papers beside it
	paper  bool // it is a paper and waits for its file
}

// beside holds members until what lies beside them has come.
type beside struct {
	held  []*held
	seals map[string]stray // by name of what they seal, before it came
	size  int64
}

// stray is a seal whose file has not come.
type stray struct {
	token   string
	size    int64
	release func() // of the room kept for it
}

type held struct {
	*member
	waits
	papers []*held // of a file; the seals of papers stand in their own member
}

// arrived takes a member in and returns those that wait no longer, in order.
func (b *beside) arrived(m *member, w waits) []*member {
	if !w.sealed && !w.papers && !w.paper && len(b.held) == 0 {
		return []*member{m}
	}
	h := &held{member: m, waits: w}
	if s, ok := b.seals[m.file.Name]; ok {
		delete(b.seals, m.file.Name)
		b.size -= s.size
		m.file.Seal = s.token
		m.release = append(m.release, s.release)
	}
	if w.paper {
		if of := b.fileOf(m.file.Name); of != nil {
			of.papers = append(of.papers, h)
			b.size += m.size
			return b.over()
		}
	} else {
		b.adopt(h)
	}
	var ready []*member
	if !w.paper { // another file begins: those that only waited for papers have them all
		ready = b.let(func(x *held) bool { return !x.paper && x.whole() })
	}
	b.held = append(b.held, h)
	b.size += m.size
	ready = append(ready, b.let(func(x *held) bool { return x == h && !w.paper && !w.papers && x.whole() })...)
	return append(ready, b.over()...)
}

// sealed takes the seal of a member in, with the room that is kept for it.
func (b *beside) sealed(name, token string, size int64, release func()) []*member {
	for _, h := range b.held {
		if h.file.Name == name {
			h.file.Seal, h.release = token, append(h.release, release)
			return b.let(func(x *held) bool { return x == h && !x.paper && !x.waits.papers })
		}
		for _, p := range h.papers {
			if p.file.Name == name {
				p.file.Seal, p.release = token, append(p.release, release)
				return nil
			}
		}
	}
	if b.seals == nil {
		b.seals = map[string]stray{}
	}
	if s, twice := b.seals[name]; twice {
		b.size -= s.size
		s.release()
	}
	if b.size+size > maxWaiting {
		delete(b.seals, name)
		release()
		return nil
	}
	b.seals[name] = stray{token, size, release}
	b.size += size
	return nil
}

// forget gives back the room of seals whose files never came.
func (b *beside) forget() {
	for _, s := range b.seals {
		b.size -= s.size
		s.release()
	}
	b.seals = nil
}

// whole reports whether a file and its papers have the seals they need.
func (h *held) whole() bool { return !h.waits.sealed || h.file.Seal != "" }

// fileOf is the file a paper lies beside, nil when it has not come.
func (b *beside) fileOf(paper string) *held {
	for _, h := range b.held {
		if h.waits.papers && isBeside(h.file.Name, paper) {
			return h
		}
	}
	return nil
}

func isBeside(file, paper string) bool {
	stem := paper[:len(paper)-len(paperSuffix)]
	return stem == file || stem == strings.TrimSuffix(file, path.Ext(file))
}

// adopt gives a file the papers that came before it.
func (b *beside) adopt(file *held) {
	if !file.waits.papers {
		return
	}
	kept := b.held[:0]
	for _, h := range b.held {
		if h.paper && isBeside(file.file.Name, h.file.Name) {
			file.papers = append(file.papers, h)
			continue
		}
		kept = append(kept, h)
	}
	b.held = kept
}

// let returns the held members that are ready, and holds them no longer.
func (b *beside) let(ready func(*held) bool) []*member {
	var out []*member
	kept := b.held[:0]
	for _, h := range b.held {
		if ready(h) {
			out = append(out, b.joined(h))
			continue
		}
		kept = append(kept, h)
	}
	b.held = kept
	return out
}

// joined is a member with its papers.
func (b *beside) joined(h *held) *member {
	m := h.member
	b.size -= m.size
	for _, p := range h.papers {
		m.file.Beside = append(m.file.Beside, intake.Paper{Name: p.file.Name, Bytes: p.file.Bytes, Seal: p.file.Seal})
		m.release = append(m.release, p.release...)
		m.size += p.size
		b.size -= p.size
	}
	return m
}

// over lets go of the oldest while too much waits.
func (b *beside) over() []*member {
	var out []*member
	for b.size > maxWaiting && len(b.held) > 0 {
		oldest := b.held[0]
		out = append(out, b.let(func(h *held) bool { return h == oldest })...)
	}
	return out
}

// empty lets go of all.
func (b *beside) empty() []*member { return b.let(func(*held) bool { return true }) }
