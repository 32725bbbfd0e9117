// Package asset holds the files browsers load: our own style sheet and script,
// and what `make assets` copied out of npm packages into dist. dist is not
// committed; the program builds and every page works without it, in system
// fonts and without scripts. It is not for pages: those are package view's.
package asset

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
)

// dist may be missing, so both are embedded by one pattern: own/
// always exists, dist/ comes along when it does.
//
//go:embed [do]*
var files embed.FS

// Set is the assets of one build.
type Set struct {
	tag    string
	body   map[string][]byte
	packed map[string][]byte // gzip, of text that gains by it
}

// Load reads the embedded files: own/ and, where built, dist/. It does so
// once; the set is shared.
func Load() (*Set, error) { return loaded() }

var loaded = sync.OnceValues(func() (*Set, error) { return LoadFrom(files) })

// LoadFrom reads own/ and dist/ of a file system.
func LoadFrom(root fs.FS) (*Set, error) {
	s := &Set{body: make(map[string][]byte), packed: make(map[string][]byte)}
	sum := sha256.New()
	for _, dir := range []string{"dist", "own"} {
		if _, err := fs.Stat(root, dir); err != nil {
			continue
		}
		err := fs.WalkDir(root, dir, func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := fs.ReadFile(root, p)
			if err != nil {
				return err
			}
			name := strings.TrimPrefix(p, dir+"/")
			s.body[name] = data
			if packed, err := pack(data); err != nil {
				return err
			} else if path.Ext(p) != ".woff2" && len(packed) < len(data)*9/10 {
				s.packed[name] = packed
			}
			sum.Write([]byte(p))
			sum.Write(data)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	s.tag = hex.EncodeToString(sum.Sum(nil)[:6])
	return s, nil
}

// Has reports whether a file was built.
func (s *Set) Has(name string) bool { _, ok := s.body[name]; return ok }

// URL returns the address of a file; it changes with the content of the set.
func (s *Set) URL(name string) string { return "/assets/" + s.tag + "/" + name }

// ServeHTTP serves /assets/TAG/NAME. What is addressed by its tag never
// changes and may be kept for a year; another tag is absent.
func (s *Set) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rest, ok := strings.CutPrefix(r.URL.Path, "/assets/"+s.tag+"/")
	data, found := s.body[rest]
	if !ok || !found {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", contentType(rest))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	if packed, ok := s.packed[rest]; ok {
		w.Header().Set("Vary", "Accept-Encoding")
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			w.Header().Set("Content-Encoding", "gzip")
			data = packed
		}
	}
	if r.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(data) // the reader is gone: nobody to tell
}

func pack(data []byte) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(data); err != nil {
		return nil, err
	}
	err := z.Close()
	return b.Bytes(), err
}

func contentType(name string) string {
	switch path.Ext(name) {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".woff2":
		return "font/woff2"
	}
	return "text/plain; charset=utf-8"
}
