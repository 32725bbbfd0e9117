package portal

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"path"
	"strings"

	"lienthong/internal/fault"
	"lienthong/internal/web/portal/view"
	"lienthong/internal/web/problem"
)

// carried is the greatest file that a page carries to the second step; larger
// ones are chosen again, and compared by their digest.
const carried = 4 << 20

var (
	errNoFile = fault.New(fault.Invalid, "upload.empty", "Chưa chọn tệp nào.", "No file was chosen.")
	errLarge  = fault.New(fault.TooLarge, "file.limits",
		"Tệp lớn hơn 32 MB. Chia tệp rồi gửi.", "The file is larger than 32 MB. Split it and send it.")
	errChanged = fault.New(fault.Conflict, "upload.changed",
		"Tệp khác với tệp vừa kiểm tra. Kiểm tra lại từ đầu; chưa gửi gì.",
		"The file differs from the one that was checked. Check it again; nothing was sent.")
	errSending = fault.New(fault.Busy, "hub.busy",
		"Hub đang bận nhận tệp khác. Chưa ghi gì. Gửi lại sau ít giây.",
		"The hub is busy with other files. Nothing was kept. Send again in a few seconds.")
)

func (p *Portal) upload(w http.ResponseWriter, r *http.Request) {
	p.show(w, r, http.StatusOK, view.UploadPage(p.uploadPage(r), view.Upload{}))
}

func (p *Portal) uploadPage(r *http.Request) view.Page {
	page := p.page(r, "upload", "upload.title")
	page.Path = "/upload"
	return page
}

// checkUpload judges a file and keeps nothing of it: the page that answers
// carries it to the next step.
func (p *Portal) checkUpload(w http.ResponseWriter, r *http.Request) {
	p.uploading(w, r, func(f form) (view.Upload, error) {
		page := p.uploadPage(r)
		results, err := p.deps.Sender.Check(r.Context(), page.Reader.Role, f.name, f.data)
		if err != nil {
			return view.Upload{}, err
		}
		u := view.Upload{Step: "checked", Name: f.name, Size: int64(len(f.data)), Digest: digest(f.data), Results: results}
		if len(f.data) <= carried {
			u.Data = base64.StdEncoding.EncodeToString(f.data)
		}
		return u, nil
	})
}

// sendUpload sends the file that was checked.
func (p *Portal) sendUpload(w http.ResponseWriter, r *http.Request) {
	p.uploading(w, r, func(f form) (view.Upload, error) {
		if digest(f.data) != f.digest {
			return view.Upload{}, errChanged
		}
		page := p.uploadPage(r)
		results, err := p.deps.Sender.Submit(r.Context(), *page.Reader, f.name, f.data)
		if err != nil {
			return view.Upload{}, err
		}
		return view.Upload{Step: "sent", Name: f.name, Size: int64(len(f.data)), Results: results}, nil
	})
}

// uploading reads the form within a bounded number of files in memory and
// shows what do makes of it, or why not.
func (p *Portal) uploading(w http.ResponseWriter, r *http.Request, do func(form) (view.Upload, error)) {
	page := p.uploadPage(r)
	if p.deps.Sender == nil {
		p.absent(w, r)
		return
	}
	u, err := view.Upload{}, error(errSending)
	select {
	case p.sending <- struct{}{}:
		var f form
		if f, err = readForm(w, r); err == nil {
			u, err = do(f)
		}
		<-p.sending
	default:
	}
	if err != nil {
		f := fault.Of(err)
		if f.Kind == fault.Broken {
			p.fail(w, r, err)
			return
		}
		p.show(w, r, problem.Status(f), view.UploadPage(page, view.Upload{Problem: page.W.Text(f.Text)}))
		return
	}
	p.show(w, r, http.StatusOK, view.UploadPage(page, u))
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

type form struct {
	name, digest string
	data         []byte
}

// readForm reads a multipart form part by part, in memory only: the library's
// own ParseMultipartForm would write large files to disk.
func readForm(w http.ResponseWriter, r *http.Request) (form, error) {
	const limit = MaxFile/3*4 + 64<<10 // base64, and the form's own lines
	r.Body = http.MaxBytesReader(w, r.Body, limit)
	parts, err := r.MultipartReader()
	if err != nil {
		return form{}, errNoFile.Because(err)
	}
	var f form
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return form{}, tooLarge(err)
		}
		var b bytes.Buffer
		if _, err := b.ReadFrom(part); err != nil {
			return form{}, tooLarge(err)
		}
		switch part.FormName() {
		case "file":
			f.data = b.Bytes()
			if f.name == "" {
				f.name = fileName(part.FileName())
			}
		case "data":
			if f.data, err = base64.StdEncoding.DecodeString(b.String()); err != nil {
				return form{}, errChanged.Because(err)
			}
		case "name":
			f.name = fileName(b.String())
		case "digest":
			f.digest = b.String()
		}
	}
	if len(f.data) > MaxFile {
		return form{}, errLarge
	}
	if len(f.data) == 0 {
		return form{}, errNoFile
	}
	return f, nil
}

func tooLarge(err error) error {
	var max *http.MaxBytesError
	if errors.As(err, &max) {
		return errLarge
	}
	var f *fault.Error
	if errors.As(err, &f) { // too slow, and cut off
		return f
	}
	return errNoFile.Because(err)
}

// fileName keeps the last part of a name, short.
func fileName(s string) string {
	s = path.Base(strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\\", "/"))
	if r := []rune(s); len(r) > 100 {
		s = string(r[:100])
	}
	if s == "." || s == "/" {
		return "upload.xml"
	}
	return s
}
