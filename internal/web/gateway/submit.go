package gateway

import (
	"context"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"

	"lienthong/internal/fault"
	"lienthong/internal/web/inbound"
	"lienthong/internal/xmltok"
)

var (
	errFacility = fault.New(fault.Withheld, "gateway.facility",
		"maCSKCB không phải cơ sở của tài khoản này. Kiểm tra mã cơ sở trong cấu hình gửi.",
		"maCSKCB is not the facility of this account. Check the code in the sender's settings.")
	errBase64 = fault.New(fault.Invalid, "file.unreadable",
		"fileHSBase64 không phải base64 chuẩn của tệp. Mã hóa base64 lại cả tệp rồi gửi.",
		"fileHSBase64 is not the file in standard base64. Encode the whole file again and send it.")
	errSlow = fault.New(fault.Busy, "request.slow",
		"Yêu cầu gửi quá chậm nên đã ngắt. Chưa ghi gì. Gửi lại.", "The body came too slowly and was cut off. Nothing was kept. Send again.")
	errCut = fault.New(fault.Busy, "request.cut",
		"Đường truyền bị ngắt giữa chừng. Chưa ghi gì. Gửi lại.", "The body broke off on its way. Nothing was kept. Send again.")
)

// slow says of a body that did not arrive that nothing was decided.
func slow(err error) error {
	switch f := fault.Of(err); {
	case f.Code == "request.slow":
		return errSlow.Because(err)
	case f.Code == "file.unreadable" || f.Kind == fault.Broken: // the connection, not the hub
		return errCut.Because(err)
	}
	return err
}

func (g *Gateway) dossiers(w http.ResponseWriter, r *http.Request) error {
	return g.submit(w, r, false)
}

func (g *Gateway) checkIn(w http.ResponseWriter, r *http.Request) error {
	return g.submit(w, r, true)
}

// submit answers POST /api/qd130/...: the answer comes when what it says is
// durable.
func (g *Gateway) submit(w http.ResponseWriter, r *http.Request, checkIn bool) error {
	who, err := g.session(r, byHeader(r))
	if err != nil {
		return err
	}
	if err := g.paced(w, g.by, who.User); err != nil {
		return err
	}
	r = r.WithContext(g.Submitter.Arrive(r.Context(), who))
	file, leave, err := g.file(w, r, who, checkIn)
	defer leave()
	if err != nil {
		return err
	}
	out, err := g.Submitter.Submit(r.Context(), who, file, checkIn)
	if err != nil {
		return err
	}
	a, f := answerOf(out)
	if f != nil {
		g.deferred(w, f)
	}
	g.write(w, http.StatusOK, a)
	return nil
}

// file reads the body of a submission and returns the file in it. leave is
// called when its bytes are no longer needed.
func (g *Gateway) file(w http.ResponseWriter, r *http.Request, who Sender, checkIn bool) (file []byte, leave func(), err error) {
	room := inbound.NewRoom(func(n int64) (func(), error) { return g.Submitter.Reserve(r.Context(), n) })
	hold := func(n int64) error { return room.Hold(2 * n) } // the body, and what is taken out of it
	limit := g.cfg.FileLimit/2*3 + smallBody
	if err := hold(inbound.Size(r.ContentLength, limit)); err != nil {
		return nil, room.Leave, err
	}
	if r.ContentLength > limit {
		return nil, room.Leave, g.refuse(r.Context(), who, r.ContentLength, xmltok.ErrLimits)
	}
	body, done, err := g.bodies.Open(w, r, who.Name(), limit)
	if err != nil {
		return nil, room.Leave, err
	}
	defer done()
	raw, err := inbound.ReadAll(body, r.ContentLength, hold)
	if err != nil {
		if fault.KindOf(err) == fault.TooLarge {
			err = g.refuse(r.Context(), who, int64(len(raw)), fault.Of(err))
		}
		return nil, room.Leave, slow(err)
	}
	f, err := parseFields(raw, r.Header.Get("Content-Type"))
	if err != nil {
		return nil, room.Leave, err
	}
	if err := fit(f, who, checkIn); err != nil {
		return nil, room.Leave, err
	}
	if file, err = g.decode(f.text("fileHSBase64")); err != nil {
		return nil, room.Leave, g.refuse(r.Context(), who, int64(len(f.text("fileHSBase64"))), fault.Of(err))
	}
	return file, room.Leave, nil
}

// fit holds what a body says beside its file against the session.
func fit(f fields, who Sender, checkIn bool) error {
	if u := strings.TrimSpace(f.text("username")); u != "" && u != who.User {
		return errSession
	}
	kinds := []string{"130", "3176", "4750"}
	if checkIn {
		kinds = []string{"0"}
	}
	if !slices.Contains(kinds, strings.TrimSpace(f.text("loaiHoSo"))) {
		return errField("loaiHoSo")
	}
	code := strings.TrimSpace(f.text("maCSKCB"))
	if code == "" {
		return errField("maCSKCB")
	}
	if !strings.EqualFold(code, string(who.Facility)) {
		return errFacility
	}
	if f.text("fileHSBase64") == "" {
		return errField("fileHSBase64")
	}
	return nil
}

// decode takes the file out of its base64; line breaks are allowed, nothing else.
func (g *Gateway) decode(text string) ([]byte, error) {
	file, err := base64.StdEncoding.Strict().DecodeString(text)
	switch {
	case err != nil || len(file) == 0:
		return nil, errBase64
	case int64(len(file)) > g.cfg.FileLimit:
		return nil, xmltok.ErrLimits
	}
	return file, nil
}

// refuse keeps that a file was refused here, and returns why; or that this
// could not be kept, and then nothing was decided.
func (g *Gateway) refuse(ctx context.Context, who Sender, size int64, why *fault.Error) error {
	if err := g.Submitter.Refuse(context.WithoutCancel(ctx), who, size, why); err != nil {
		return err
	}
	return why
}

// status answers GET /api/kcb/tra-cuu-trang-thai/{maGiaoDich}.
func (g *Gateway) status(w http.ResponseWriter, r *http.Request) error {
	who, err := g.session(r, byHeader(r))
	if err != nil {
		return err
	}
	if err := g.paced(w, g.by, who.User); err != nil {
		return err
	}
	reference := r.URL.Path[len(statusPath):]
	if len(reference) > 200 {
		return errField("maGiaoDich")
	}
	out, err := g.Submitter.Status(r.Context(), who, reference)
	if err != nil {
		return err
	}
	a, f := answerOf(out)
	if f != nil {
		g.deferred(w, f)
	}
	a.State = a.state(out)
	g.write(w, http.StatusOK, a)
	return nil
}
