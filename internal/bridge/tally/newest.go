package tally

// Newest keeps contents up to a number of bytes and lets the oldest go, so that a
// simulated service that runs for days does not take the machine's memory. What was
// counted stays counted. Its user locks it.
type Newest struct {
	limit, held int64 // bytes; a limit of 0 keeps everything
	contents    []content
}

type content struct {
	size   int64
	forget func()
}

// NewNewest keeps up to limit bytes; 0 keeps everything.
func NewNewest(limit int64) *Newest { return &Newest{limit: limit} }

// Add counts a content of size bytes; forget lets it go when newer ones need its
// place. It is called once, even where the content is gone already, and the newest
// is never let go.
func (n *Newest) Add(size int, forget func()) {
	if n.limit == 0 {
		return
	}
	n.held += int64(size)
	n.contents = append(n.contents, content{int64(size), forget})
	for n.held > n.limit && len(n.contents) > 1 {
		oldest := n.contents[0]
		n.contents[0] = content{}
		n.contents = n.contents[1:]
		n.held -= oldest.size
		oldest.forget()
	}
}
