package e2e_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"lienthong/internal/clock"
	"lienthong/internal/hub"
	"lienthong/internal/role"
	"lienthong/internal/roster"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite"
	"lienthong/internal/web/session"
)

// lines keeps what the hub logs.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// TestNothingOfTheNewDoorsIsFoundAtRest: what clinicians, citizens, clerks and a
// facility's system typed at the doors of looking, by value, in the files of the
// store and in the log of the hub: names, licences, numbers, phones, words.
func TestNothingOfTheNewDoorsIsFoundAtRest(t *testing.T) {
	t.Parallel()
	dir, said := t.TempDir(), &lines{}
	p := newCitizen()
	w := newWorld(t, func(c clock.Clock) hub.OpenStore {
		return func(ctx context.Context, open store.OpenLog) (*store.Slices, error) {
			return sqlite.Open(ctx, dir, sqlite.Config{Clock: c, OpenLog: open, HubName: hubName, Owner: "e2e"})
		}
	}, p.has, func(c *hub.Config) {
		c.Logger = slog.New(slog.NewTextHandler(said, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	objects, _ := w.objects(p)
	const (
		name, licence = "BS. Trịnh Kỳ Lạ", "774411/LẠ-CCHN"
		marks, found  = "bớt chàm sau gáy trái", "ven hồ Thiền Quang lúc khuya"
		words         = "Tôi chưa từng bị bệnh thủy đậu kỳ quặc"
		phone         = "0987001122"
		staffName     = "Đỗ Thị Quầy Giấy"
		sitting       = "Phan Ngồi Ghế Đá"
	)
	w.asserted("79901", licence)
	w.hisAsk("79901", "/api/v1/his/summary", "text/html", nil, func(m map[string]any) *ecdsa.PrivateKey {
		m["licence"], m["name"] = "885522/LẠ-CCHN", name
		return nil
	})
	must(w.hub.Login.Roster.Add(w.ctx, "test", roster.Addition{Facility: "79901", Roles: []string{"counter:79901"}, Name: staffName, Licence: "996633/LẠ-CCHN"}))
	anna := w.clinician("79901", 5)
	at := anna.goes("/emergency", url.Values{"sex": {"2"}, "marks": {marks}, "found": {found}})
	anna.goes(at+"/search", url.Values{"relative": {phone}, "name": {"Kỳ Lạ Hương"}, "year": {"1991"}})
	person := w.whoHolds(theirs)
	me := w.citizen(person, w.clock.Now())
	me.goes("/me/requests", url.Values{"kind": {"request.see"}, "text": {words}, "form": {"RESTFORM"}})
	w.sitting(session.Entry{Role: role.Role{Kind: role.Citizen}, Name: sitting, Person: person, Level: 2}).reads("/me", http.StatusOK)
	for _, o := range objects { // and what everybody opens once more
		anna.ask(http.MethodGet, strings.Replace(o.pattern, o.pattern[strings.LastIndex(o.pattern, "{"):strings.LastIndex(o.pattern, "}")+1], o.id, 1), nil)
	}
	values := []string{name, "Trịnh Kỳ Lạ", licence, "885522/LẠ-CCHN", "774411", "996633/LẠ-CCHN", marks, found, words, phone, staffName, sitting, "BS. Thử Nghiệm", "Người Thử",
		theirs, "079990888101", "TRẦN THỊ THU HÀ", "0912345318", "Thôn 3", "NGUYỄN THỊ ĐÀO", there, "Chẩn đoán chưa đúng", "Kỳ Lạ Hương"}
	looked, control := 0, false
	w.check(filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		looked += len(data)
		control = control || bytes.Contains(data, []byte("bất tỉnh, không có giấy tờ")) // a reason as typed lies in the clear: doc/design/at-rest.md
		for _, f := range formsOf(values) {
			if bytes.Contains(data, f.bytes) {
				t.Errorf("%s holds %q as %s", filepath.Base(path), f.value, f.form)
			}
		}
		return err
	}))
	said.mu.Lock()
	defer said.mu.Unlock()
	for _, f := range formsOf(values) {
		if bytes.Contains(said.b.Bytes(), f.bytes) {
			t.Errorf("the log of the hub holds %q as %s", f.value, f.form)
		}
	}
	if looked < 100_000 || !control {
		t.Errorf("only %d bytes of the store were looked at, what lies in the clear was found: %v", looked, control)
	}
}

type spelled struct {
	value, form string
	bytes       []byte
}

// formsOf are the forms in which a program may write a value.
func formsOf(values []string) (out []spelled) {
	for _, v := range values {
		out = append(out, spelled{v, "text", []byte(v)}, spelled{v, "capitals", []byte(strings.ToUpper(v))}, spelled{v, "hexadecimal", []byte(hex.EncodeToString([]byte(v)))},
			spelled{v, "an address", []byte(url.QueryEscape(v))}, spelled{v, "quoted", []byte(strings.Trim(fmt.Sprintf("%+q", v), `"`))})
		if len(v) > 6 {
			out = append(out, spelled{v, "base64", []byte(base64.StdEncoding.EncodeToString([]byte(v))[:len(v)])})
		}
	}
	return out
}
