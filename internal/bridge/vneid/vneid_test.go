package vneid_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"lienthong/internal/bridge/outbound"
	"lienthong/internal/bridge/vneid"
	"lienthong/internal/clock"
	"lienthong/internal/courier"
	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/exchange"
	"lienthong/internal/facility"
	"lienthong/internal/kind"
	"lienthong/internal/store"
)

func content() *dossier.Content {
	one := func(table string, names []string, rows ...[]string) *dossier.Table {
		t := &dossier.Table{Columns: dossier.NewColumns(table, names...)}
		for _, r := range rows {
			row := dossier.Row{}
			for _, v := range r {
				row.Cells = append(row.Cells, dossier.Cell{Text: v})
			}
			t.Rows = append(t.Rows, row)
		}
		return t
	}
	return &dossier.Content{All: []*dossier.Table{
		one("XML1", []string{"MA_LK", "HO_TEN", "SO_CCCD", "CHAN_DOAN_RV", "T_TONGCHI_BV", "NGAY_VAO"}, []string{"LK1", "Nguyễn Thị Lan", "079890000001", "Viêm họng", "120000", ""}),
		one("XML2", []string{"TEN_THUOC", "DON_GIA"}, []string{"Paracetamol", "500"}, []string{"", "700"}, []string{"Amoxicilin", ""}),
		one("XML6", []string{"MA_LK"}, []string{"LK1"}),
	}}
}

func parcel(url string) *courier.Parcel {
	id := dossier.ID{Facility: "79901"}
	id.Serial[0] = 1
	return &courier.Parcel{
		Destination: exchange.Destination{ID: "so", URL: url, Private: true}, Facility: facility.Version{Code: "79901"},
		Legs: []store.Leg{{Kind: "qd4750"}}, Secret: []byte(`{"client_id":"hub","client_secret":"s"}`),
		Opened: &disclose.Opened{Episode: "LK1", Record: store.Record{ID: id, Version: 2}, Read: kind.Dossier{Content: content()}},
	}
}

func TestAnEntryHoldsWhatTheBookMayHold(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal(vneid.Make("79901", "LK1", "rec", 2, content()))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"ma_cskcb":"79901","ma_lk":"LK1","phien_ban":2,"nguon":"rec","hanh_chinh":{"ho_ten":"Nguyễn Thị Lan","so_cccd":"079890000001"},` +
		`"dot_kham":{"chan_doan_rv":"Viêm họng"},"thuoc":[{"ten_thuoc":"Paracetamol"},{"ten_thuoc":"Amoxicilin"}]}`
	if string(b) != want {
		t.Errorf("%s\nwant %s", b, want)
	}
}

func TestWhatAnAnswerMakesOfALeg(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status  int
		body    string
		outcome exchange.Outcome
		code    string
	}{
		"new":           {200, `{"ma_muc":"M1","trang_thai":"moi"}`, exchange.Finalized, "vneid.moi"},
		"in an old one": {200, `{"ma_muc":"M1","trang_thai":"moi","so_da_co":true}`, exchange.Finalized, vneid.ReusedBook},
		"replaced":      {200, `{"ma_muc":"M1","trang_thai":"thay_the","so_da_co":true}`, exchange.Finalized, "vneid.thay_the"},
		"there before":  {200, `{"ma_muc":"M1","trang_thai":"da_co"}`, exchange.Finalized, "vneid.da_co"},
		"no number":     {200, `{"trang_thai":"moi"}`, exchange.Again, "vneid.answer"},
		"no state":      {200, `{"ma_muc":"M1"}`, exchange.Again, "vneid.answer"},
		"garbage":       {200, `<html>`, exchange.Again, "vneid.answer"},
		"refused":       {422, `{"ma_loi":"THIEU_DINH_DANH","thong_diep":"x"}`, exchange.Refused, "vneid.THIEU_DINH_DANH"},
		"refused, mute": {400, `Lỗi`, exchange.Refused, "vneid.http_400"},
		"out":           {503, ``, exchange.Again, "vneid.http_503"},
		"401 for ever":  {401, `{}`, exchange.Again, "vneid.http_401"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			logins, sent := 0, 0
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/api/token" {
					logins++
					_, _ = w.Write([]byte(`{"access_token":"T","token_type":"Bearer","expires_in":3600}`))
					return
				}
				sent++
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			}))
			defer s.Close()
			a := vneid.New(outbound.New(5*time.Second), clock.System{})
			got := a.Deliver(context.Background(), parcel(s.URL))
			if got.Outcome != c.outcome || got.Code != c.code || !got.Sent {
				t.Errorf("%+v", got)
			}
			if want := 1 + btoi(c.status == 401); logins != want || sent != want {
				t.Errorf("%d logins, %d sent", logins, sent)
			}
		})
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestAWithdrawalTakesTheEntryBack(t *testing.T) {
	t.Parallel()
	var body map[string]any
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/token" {
			_, _ = w.Write([]byte(`{"access_token":"T","expires_in":3600}`))
			return
		}
		_ = json.NewDecoder(r.Body).Decode(&body)
		_, _ = w.Write([]byte(`{"ma_muc":"M1","trang_thai":"thu_hoi"}`))
	}))
	defer s.Close()
	p := parcel(s.URL)
	p.Legs[0].Kind, p.Withdraws, p.Reason = "withdrawal", &store.Leg{}, "nhầm người bệnh"
	got := vneid.New(outbound.New(0), clock.System{}).Deliver(context.Background(), p)
	if got.Outcome != exchange.Finalized || body["ma_lk"] != "LK1" || len(body["hanh_chinh"].(map[string]any)) != 0 || body["thu_hoi"].(map[string]any)["ly_do"] != "nhầm người bệnh" {
		t.Errorf("%+v %v", got, body)
	}
}

func TestWhatIsNotSent(t *testing.T) {
	t.Parallel()
	a := vneid.New(outbound.New(0), clock.System{})
	for code, change := range map[string]func(p *courier.Parcel){
		"leg.kind_unsupported": func(p *courier.Parcel) { p.Legs = []store.Leg{{Kind: "checkin"}} },
		"leg.secret_missing":   func(p *courier.Parcel) { p.Secret = []byte(`{}`) },
		"leg.content_missing":  func(p *courier.Parcel) { p.Opened = nil },
		"outbound.address":     func(p *courier.Parcel) { p.Destination.Private = false },
	} {
		p := parcel("http://127.0.0.1:1")
		change(p)
		if got := a.Deliver(context.Background(), p); got.Outcome != exchange.Refused || got.Code != code {
			t.Errorf("%s: %+v", code, got)
		}
	}
	if err := a.Check(exchange.Destination{Options: []byte(`{"x":1}`)}); err == nil {
		t.Error("options are taken")
	}
}
