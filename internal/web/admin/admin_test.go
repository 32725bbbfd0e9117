package admin_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"testing"

	"lienthong/internal/admin"
	"lienthong/internal/fault"
	"lienthong/internal/identity"
	"lienthong/internal/keep"
	"lienthong/internal/traits"
	webadmin "lienthong/internal/web/admin"
)

// office remembers what it was asked to do.
type office struct{ did []string }

func (o *office) AddFacility(_ context.Context, actor string, list ...admin.Facility) error {
	for _, f := range list {
		if f.Code == "00000" {
			return fault.New(fault.Invalid, "facility.province", "Mã tỉnh sai.", "No such province.")
		}
		o.did = append(o.did, actor+" adds "+f.Code+" "+f.Name)
	}
	return nil
}

func (o *office) AddAnchor(_ context.Context, actor, pem string) error {
	o.did = append(o.did, actor+" trusts "+pem)
	return errors.New("disk sda1 failed")
}

func (o *office) AddClient(_ context.Context, _, code string, spki []byte) (string, string, error) {
	return code + "-1", string(spki), nil
}

func (o *office) RevokeCertificate(_ context.Context, actor, code, pem string) error {
	o.did = append(o.did, actor+" revokes "+pem+" of "+code)
	return nil
}

func (o *office) Keep(_ context.Context, actor string, n admin.Note) error {
	o.did = append(o.did, actor+" keeps "+n.Action+" "+n.Object+" "+string(n.Detail))
	return nil
}

func (o *office) AddService(_ context.Context, actor string, s admin.Service) error {
	o.did = append(o.did, fmt.Sprintf("%s approves %+v", actor, s))
	return nil
}

func (o *office) EndService(_ context.Context, actor, kind, url string) error {
	o.did = append(o.did, actor+" ends "+kind+" "+url)
	return nil
}

func (o *office) Erase(_ context.Context, actor string, q keep.Request) (int, error) {
	o.did = append(o.did, fmt.Sprintf("%s erases %+v", actor, q))
	return len(q.Records), nil
}

func (o *office) Terms(context.Context) ([]keep.Term, error) {
	return []keep.Term{{Class: "y10", Month: 202611, Records: 3, Key: true}}, nil
}

func (o *office) Expire(_ context.Context, actor, class string, month int) (int, error) {
	o.did = append(o.did, fmt.Sprintf("%s expires %s %d", actor, class, month))
	return 7, nil
}

func (o *office) Witness(_ context.Context, actor string, c admin.WitnessChange) error {
	o.did = append(o.did, fmt.Sprintf("%s says %+v", actor, c))
	return nil
}

func (o *office) RevokeClient(_ context.Context, actor, id string) error {
	o.did = append(o.did, actor+" revokes "+id)
	return nil
}

func (o *office) Unlink(_ context.Context, actor, record, reason string) ([]admin.Look, error) {
	o.did = append(o.did, actor+" unlinks "+record+": "+reason)
	return []admin.Look{{ID: 7, Reader: "session:79902", Record: record}}, nil
}

func (o *office) MakeLink(_ context.Context, _, role, next string) (string, error) {
	return role + next, nil
}

func (o *office) FillFeatures(_ context.Context, actor string, limit int) (traits.Done, error) {
	if actor != "me" {
		return traits.Done{}, errors.New("who?")
	}
	return traits.Done{Filled: limit, More: true}, nil
}

func (o *office) VerifyPerson(_ context.Context, actor, record string) (*identity.Verified, error) {
	o.did = append(o.did, actor+" verifies "+record)
	return &identity.Verified{By: "residents", Answer: "differs", Differs: []string{"name"}}, nil
}

// TestVerifyOverTheSocket: an answer comes through as it is.
func TestVerifyOverTheSocket(t *testing.T) {
	t.Parallel()
	o := &office{}
	c := dial(t, o)
	if done, err := c.FillFeatures(t.Context(), "me", 7); err != nil || done != (traits.Done{Filled: 7, More: true}) {
		t.Errorf("%+v, %v", done, err)
	}
	if done, err := c.FillFeatures(t.Context(), "nobody", 7); err == nil {
		t.Errorf("%+v", done)
	}
	v, err := c.VerifyPerson(t.Context(), "me", "24604-x")
	if err != nil || v.Answer != "differs" || len(v.Differs) != 1 || o.did[0] != "me verifies 24604-x" {
		t.Errorf("%+v %v %v", v, err, o.did)
	}
}

// unlinked passes who saw two people mixed.
func unlinked(t *testing.T, c *webadmin.Client) error {
	t.Helper()
	saw, err := c.Unlink(t.Context(), "me", "24604-x", "nhầm người")
	if len(saw) != 1 || saw[0].ID != 7 || saw[0].Record != "24604-x" {
		t.Errorf("%+v", saw)
	}
	return err
}

func dial(t *testing.T, o *office) *webadmin.Client {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: webadmin.Handler(o, "http://hub.test", slog.New(slog.DiscardHandler))}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	c, err := webadmin.Dial(path)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestActsPassTheSocket(t *testing.T) {
	t.Parallel()
	o := &office{}
	c := dial(t, o)
	if err := c.AddFacility(t.Context(), "me", admin.Facility{Code: "24604", Name: "Trạm Y tế"}); err != nil {
		t.Fatal(err)
	}
	if len(o.did) != 1 || o.did[0] != "me adds 24604 Trạm Y tế" {
		t.Errorf("%q", o.did)
	}
	if err := errors.Join(c.RevokeCertificate(t.Context(), "me", "24604", "PEM"), c.RevokeClient(t.Context(), "me", "24604-1"), unlinked(t, c)); err != nil {
		t.Fatal(err)
	}
	if len(o.did) != 4 || o.did[3] != "me unlinks 24604-x: nhầm người" || o.did[1] != "me revokes PEM of 24604" || o.did[2] != "me revokes 24604-1" {
		t.Errorf("%q", o.did)
	}
	if err := c.Keep(t.Context(), "me", admin.Note{Action: "backup.made", Object: "x", Detail: []byte(`{"seq":1}`)}); err != nil || o.did[len(o.did)-1] != `me keeps backup.made x {"seq":1}` {
		t.Errorf("%q, %v", o.did, err)
	}
	if err := errors.Join(c.AddService(t.Context(), "me", admin.Service{Kind: "tsa", URL: "https://t/", PEM: "P", Private: true}), c.EndService(t.Context(), "me", "ocsp", "http://o/")); err != nil ||
		o.did[len(o.did)-2] != "me approves {Kind:tsa URL:https://t/ PEM:P Private:true}" || o.did[len(o.did)-1] != "me ends ocsp http://o/" {
		t.Errorf("%q, %v", o.did, err)
	}
	if err := c.Witness(t.Context(), "me", admin.WitnessChange{Do: "add", Key: "k", URL: "u", Private: true}); err != nil || o.did[len(o.did)-1] != "me says {Do:add Key:k URL:u Private:true}" {
		t.Errorf("%q, %v", o.did, err)
	}
	if id, kid, err := c.AddClient(t.Context(), "me", "24604", []byte("key")); err != nil || id != "24604-1" || kid != "key" {
		t.Errorf("%s %s %v", id, kid, err)
	}
	if token, err := c.MakeLink(t.Context(), "me", "ministry", "/x"); err != nil || token != "ministry/x" || c.Base() != "http://hub.test" {
		t.Errorf("%s %s %v", token, c.Base(), err)
	}
}

func TestFaultsPassTheSocketAndCausesDoNot(t *testing.T) {
	t.Parallel()
	c := dial(t, &office{})
	err := c.AddFacility(t.Context(), "me", admin.Facility{Code: "00000"})
	if f := fault.Of(err); f.Code != "facility.province" || f.Text.VI != "Mã tỉnh sai." {
		t.Errorf("%v", err)
	}
	if err := c.AddAnchor(t.Context(), "me", "x"); err == nil || fault.Of(err).Code != "hub.broken" {
		t.Errorf("%v", err)
	}
}

func TestNobodyAtTheSocket(t *testing.T) {
	t.Parallel()
	if _, err := webadmin.Dial(filepath.Join(t.TempDir(), "s")); !errors.Is(err, webadmin.ErrNotRunning) {
		t.Errorf("%v", err)
	}
}

func TestErasingGoesThroughTheSocket(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	o := &office{}
	c := dial(t, o)
	if n, err := c.Erase(ctx, "operator", keep.Request{Records: []string{"a", "b"}, Reason: keep.CourtOrder, Case: "12"}); err != nil || n != 2 {
		t.Errorf("erased %d, %v", n, err)
	}
	if n, err := c.Expire(ctx, "operator", "y2", 202401); err != nil || n != 7 {
		t.Errorf("expired %d, %v", n, err)
	}
	if terms, err := c.Terms(ctx); err != nil || len(terms) != 1 || terms[0].Records != 3 || !terms[0].Key {
		t.Errorf("terms %+v, %v", terms, err)
	}
	if want := []string{"operator erases {Records:[a b] Reason:court_order Case:12}", "operator expires y2 202401"}; !slices.Equal(o.did, want) {
		t.Errorf("did %q", o.did)
	}
}
