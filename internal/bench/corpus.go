package bench

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"
)

// Dossier is one signed file of one facility.
type Dossier struct {
	Facility string
	Name     string
	XML      []byte
}

// Batch is a pack made ahead: a zstd-compressed tar of one facility's files.
type Batch struct {
	File     string `json:"file"`
	Facility string `json:"facility"`
	Dossiers int    `json:"dossiers"`
	Bytes    int64  `json:"bytes"` // of the files as they were signed
	Wire     int64  `json:"wire"`  // of the pack
}

// Corpus is batches on disk, all different, each to be sent once. A hub that
// has seen them before would only replay.
type Corpus struct {
	Label   string  `json:"label"` // what it was made of, for the caller to compare
	Batches []Batch `json:"batches"`

	dir  string
	next atomic.Int64
}

const corpusIndex = "corpus.json"

// BuildConfig says what a corpus is made of.
type BuildConfig struct {
	Dir      string // made when absent
	Label    string
	Dossiers int
	Members  int // files in a batch; default 64
	Workers  int // default: GOMAXPROCS
	// Make returns the ith dossier; called from several goroutines, once for each i.
	Make     func(i int) (Dossier, error)
	Progress func(done, of int) // may be nil; one call at a time
}

// gatherLimit bounds the dossiers kept until their batch is full.
const gatherLimit = 256 << 20

// Build makes a corpus ahead of the measurement and writes it to disk in the
// form in which it travels.
func Build(ctx context.Context, c BuildConfig) (*Corpus, error) {
	if c.Members <= 0 {
		c.Members = 64
	}
	if c.Workers <= 0 {
		c.Workers = machine().GoMaxProcs
	}
	if c.Dossiers <= 0 || c.Make == nil {
		return nil, ErrCorpus.Because(errors.New("nothing to make"))
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, ErrCorpus.Because(err)
	}
	b := &builder{BuildConfig: c, corpus: &Corpus{Label: c.Label, dir: c.Dir}, gathered: map[string]*gathering{}}
	group, inner := errgroup.WithContext(ctx)
	for range c.Workers {
		group.Go(func() error { return b.work(inner) })
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for _, g := range b.gathered {
		if err := b.write(g); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(b.corpus.Batches, func(x, y Batch) int { return bytes.Compare([]byte(x.File), []byte(y.File)) })
	index, err := json.Marshal(b.corpus)
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	return b.corpus, settle(filepath.Join(c.Dir, corpusIndex), index)
}

type builder struct {
	BuildConfig
	from atomic.Int64

	mu       sync.Mutex
	gathered map[string]*gathering // by facility
	held     int64
	done     int
	corpus   *Corpus
}

// gathering is dossiers of one facility on their way into a batch.
type gathering struct {
	facility string
	list     []Dossier
	bytes    int64
}

func (b *builder) work(ctx context.Context) error {
	for {
		i := int(b.from.Add(1) - 1)
		if i >= b.Dossiers {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		d, err := b.Make(i)
		if err != nil {
			return err
		}
		if full := b.gather(d); full != nil {
			if err := b.write(full); err != nil {
				return err
			}
		}
	}
}

// gather puts a dossier to its facility's and returns what is ready to be written.
func (b *builder) gather(d Dossier) *gathering {
	b.mu.Lock()
	defer b.mu.Unlock()
	g := b.gathered[d.Facility]
	if g == nil {
		g = &gathering{facility: d.Facility}
		b.gathered[d.Facility] = g
	}
	g.list, g.bytes, b.held = append(g.list, d), g.bytes+int64(len(d.XML)), b.held+int64(len(d.XML))
	if b.done++; b.Progress != nil {
		b.Progress(b.done, b.Dossiers)
	}
	if b.held > gatherLimit {
		for _, other := range b.gathered {
			if other.bytes > g.bytes {
				g = other
			}
		}
	} else if len(g.list) < b.Members {
		return nil
	}
	delete(b.gathered, g.facility)
	b.held -= g.bytes
	return g
}

func (b *builder) write(g *gathering) error {
	var out bytes.Buffer
	z, err := zstd.NewWriter(&out, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	t := tar.NewWriter(z)
	for _, d := range g.list {
		if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: d.Name, Mode: 0o600, Size: int64(len(d.XML))}); err != nil {
			return fmt.Errorf("bench: %w", err)
		}
		if _, err := t.Write(d.XML); err != nil {
			return fmt.Errorf("bench: %w", err)
		}
	}
	if err := errors.Join(t.Close(), z.Close()); err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	batch := Batch{Facility: g.facility, Dossiers: len(g.list), Bytes: g.bytes, Wire: int64(out.Len())}
	b.mu.Lock()
	batch.File = fmt.Sprintf("%06d.tar.zst", len(b.corpus.Batches))
	b.corpus.Batches = append(b.corpus.Batches, batch)
	b.mu.Unlock()
	return settle(filepath.Join(b.Dir, batch.File), out.Bytes())
}

// settle writes a file through to the disk: what is still on its way there when
// the measurement begins would be paid for by the hub's first commits.
func settle(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return ErrCorpus.Because(err)
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return ErrCorpus.Because(err)
	}
	return nil
}

// OpenCorpus reads a corpus made earlier. Fault: bench.corpus.
func OpenCorpus(dir string) (*Corpus, error) {
	b, err := os.ReadFile(filepath.Join(dir, corpusIndex))
	if err != nil {
		return nil, ErrCorpus.Because(err)
	}
	c := &Corpus{dir: dir}
	if err := json.Unmarshal(b, c); err != nil {
		return nil, ErrCorpus.Because(err)
	}
	for _, x := range c.Batches {
		if x.File != filepath.Base(x.File) || x.Dossiers <= 0 || x.Facility == "" {
			return nil, ErrCorpus.Because(errors.New("a damaged index"))
		}
	}
	return c, nil
}

// Dossiers is how many dossiers are left to be sent.
func (c *Corpus) Dossiers() (n int) {
	for _, b := range c.Batches[min(int(c.next.Load()), len(c.Batches)):] {
		n += b.Dossiers
	}
	return n
}

// Sent is how many bytes of files, as signed, were taken so far.
func (c *Corpus) Sent() (n int64) {
	for _, b := range c.Batches[:min(int(c.next.Load()), len(c.Batches))] {
		n += b.Bytes
	}
	return n
}

// Facilities lists whose dossiers are in it.
func (c *Corpus) Facilities() []string {
	var codes []string
	for _, b := range c.Batches {
		codes = append(codes, b.Facility)
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

// take returns a batch that was not taken before with its pack, false when all were.
func (c *Corpus) take() (Batch, []byte, bool, error) {
	i := int(c.next.Add(1) - 1)
	if i >= len(c.Batches) {
		return Batch{}, nil, false, nil
	}
	b := c.Batches[i]
	pack, err := os.ReadFile(filepath.Join(c.dir, b.File))
	if err != nil {
		return b, nil, false, ErrCorpus.Because(err)
	}
	return b, pack, true, nil
}

// sample returns the first n dossiers' bytes, sent or not: for the floor.
func (c *Corpus) sample(n int) ([][]byte, error) {
	var out [][]byte
	for _, b := range c.Batches {
		pack, err := os.ReadFile(filepath.Join(c.dir, b.File))
		if err != nil {
			return nil, ErrCorpus.Because(err)
		}
		list, err := unpack(b, pack)
		if err != nil {
			return nil, err
		}
		for _, d := range list {
			if out = append(out, d.XML); len(out) == n {
				return out, nil
			}
		}
	}
	return out, nil
}

// single takes batches until n dossiers are at hand and returns them, with
// neighbours from different batches.
func (c *Corpus) single(n int) ([]Dossier, error) {
	var lists [][]Dossier
	for have := 0; have < n; {
		b, pack, ok, err := c.take()
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, ErrCorpus.Because(fmt.Errorf("%d dossiers are needed, %d are left", n, have))
		}
		list, err := unpack(b, pack)
		if err != nil {
			return nil, err
		}
		lists, have = append(lists, list), have+len(list)
	}
	var out []Dossier
	for i := 0; len(out) < n; i++ {
		for _, l := range lists {
			if i < len(l) && len(out) < n {
				out = append(out, l[i])
			}
		}
	}
	return out, nil
}

func unpack(b Batch, pack []byte) ([]Dossier, error) {
	z, err := zstd.NewReader(bytes.NewReader(pack), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, ErrCorpus.Because(err)
	}
	defer z.Close()
	var out []Dossier
	for t := tar.NewReader(z); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, ErrCorpus.Because(err)
		}
		doc, err := io.ReadAll(t)
		if err != nil {
			return nil, ErrCorpus.Because(err)
		}
		out = append(out, Dossier{b.Facility, h.Name, doc})
	}
}
