package e2e_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"lienthong/internal/chart"
	"lienthong/internal/matter"
	entries "lienthong/internal/own"
	"lienthong/internal/store"
)

// entryForm is an own entry as a citizen types it.
func entryForm(allergies string) url.Values {
	return url.Values{"allergies": {"some"}, "allergy_lines": {allergies}, "blood": {"AB-"}, "implants": {"none"},
		"contact_name": {"Nguyễn Văn Gọi", ""}, "contact_who": {"con trai", ""}, "contact_phone": {"0900 000 111", ""}}
}

// TestWhatACitizenStatesIsThereInAnEmergency: stated in the book, changed, seen by
// who opens an emergency with its source, told in the log; taken back, it is gone.
func TestWhatACitizenStatesIsThereInAnEmergency(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		_, person := w.unnamed()
		me := w.citizen(person, w.clock.Now())
		if page := me.reads("/me/own", http.StatusOK); !strings.Contains(page, "Bạn chưa khai gì") {
			t.Errorf("before anything was stated\n%s", page)
		}
		w.badEntries(person)
		me.goes("/me/own/edit", entryForm("Tôm hùm đất"))
		me.goes("/me/own/edit", entryForm("Tôm hùm đất")) // the form sent twice
		w.clock.Advance(time.Hour)
		me = w.citizen(person, w.clock.Now())
		if page := me.reads("/me/own/edit", http.StatusOK); !strings.Contains(page, ">Tôm hùm đất</textarea>") || !strings.Contains(page, `value="Nguyễn Văn Gọi"`) {
			t.Errorf("the form does not say what stands\n%s", page)
		}
		me.goes("/me/own/edit", entryForm("Tôm hùm đất\nLamivudin"))
		page := me.reads("/me/own", http.StatusOK)
		for _, want := range []string{"Tôm hùm đất", "AB-", "Ghi nhận là không có", "Nguyễn Văn Gọi (con trai), 0900 000 111", "Các bản trước (1)"} {
			if !strings.Contains(page, want) {
				t.Errorf("my own page does not say %q\n%s", want, page)
			}
		}
		for _, m := range must(w.hub.Slices.Matters.Matters(w.ctx, matter.Filter{Person: person, Kind: entries.Kind})) {
			if m.State != matter.Closed || bytes.Contains(m.Sealed, []byte("Tôm")) || m.Version != 2 {
				t.Errorf("kept as %+v", m)
			}
		}

		anna := w.clinician("79901", 1)
		at, ref := anna.found(known)
		anna.reads(at+"/confirm?who="+ref, http.StatusOK)
		set := anna.goes(at+"/open", opens(ref))
		page = anna.reads(set, http.StatusOK)
		for _, want := range []string{"Tôm hùm đất", "Người dân tự khai", "Nguyễn Văn Gọi (con trai), 0900 000 111"} {
			if !strings.Contains(page, want) {
				t.Errorf("the emergency set does not say %q\n%s", want, page)
			}
		}
		if strings.Contains(page, "Lamivudin") {
			t.Error("the emergency set tells of a closed class")
		}
		if page := me.reads("/me/looks?only=emergency", http.StatusOK); !strings.Contains(page, "cấp cứu") {
			t.Errorf("the look is not told\n%s", page)
		}

		me.goes("/me/own/withdraw", nil)
		if status, _, _ := me.ask(http.MethodPost, "/me/own/withdraw", nil); status != http.StatusNotFound {
			t.Errorf("withdrawn twice: %d", status)
		}
		if page = anna.reads(set, http.StatusOK); strings.Contains(page, "Tôm hùm đất") {
			t.Error("what was taken back is shown")
		}
		if page = me.reads("/me/own", http.StatusOK); !strings.Contains(page, "Các bản trước (3)") || !strings.Contains(page, "đã rút lúc") {
			t.Errorf("the history\n%s", page)
		}
	})
}

// badEntries are refused, each with its sentence, and nothing is kept.
func (w *world) badEntries(person store.PersonID) {
	w.t.Helper()
	me := w.citizen(person, w.clock.Now())
	for say, change := range map[string]func(url.Values){
		"Đã chọn “không có”":    func(f url.Values) { f.Set("allergies", "none") },
		"không nói rõ là có gì": func(f url.Values) { f.Set("allergy_lines", "không biết") },
		"Chọn nhóm máu":         func(f url.Values) { f.Set("blood", "Z") },
		"cần có tên và số điện": func(f url.Values) { f.Set("contact_phone", "x") },
		"nhiều nhất 20 dòng":    func(f url.Values) { f.Set("allergy_lines", strings.Repeat("tôm ", 200)) },
		"Bản khai chưa có gì":   func(f url.Values) { clear(f) },
	} {
		f := entryForm("Tôm")
		change(f)
		if status, _, page := me.ask(http.MethodPost, "/me/own/edit", f); status != http.StatusUnprocessableEntity || !strings.Contains(page, say) {
			w.t.Errorf("%s: %d\n%s", say, status, page)
		}
	}
	if status, _, _ := w.citizen(person, time.Time{}).ask(http.MethodPost, "/me/own/edit", entryForm("Tôm")); status != http.StatusForbidden {
		w.t.Errorf("without a second factor: %d", status)
	}
	if status, _, _ := w.clinician("79901", 7).ask(http.MethodPost, "/me/own/edit", entryForm("Tôm")); status == http.StatusSeeOther || status == http.StatusOK {
		w.t.Errorf("a clinician writes one: %d", status)
	}
	if list := must(w.hub.Disclose.Own.Statements(w.ctx, person, 10)); len(list) != 0 {
		w.t.Errorf("%d entries were kept", len(list))
	}
}

// TestWhatACitizenStatesIsInTheSummary: of who is there and proved it, in charts and
// at the door of the HIS; without a basis it is not, and a choice closes it.
func TestWhatACitizenStatesIsInTheSummary(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		person, _ := w.wroteElsewhere()
		w.citizen(person, w.clock.Now()).goes("/me/own/edit", entryForm("Nhựa cao su tự nhiên"))
		summary := func() (a struct {
			Own     int            `json:"own_records"`
			Others  int            `json:"other_records"`
			Summary *chart.Summary `json:"-"`
			Raw     struct {
				Allergies struct {
					State string
					Items []struct {
						Text   string
						How    string
						Source struct{ Kind, Record string }
					}
				}
			} `json:"summary"`
		}) {
			t.Helper()
			status, data := w.hisAsk("79901", "/api/v1/his/summary", "application/json", nil, nil)
			if status != http.StatusOK {
				t.Fatalf("%d %s", status, data)
			}
			w.check(json.Unmarshal(data, &a))
			return a
		}
		if a := summary(); len(a.Raw.Allergies.Items) != 0 {
			t.Errorf("without a basis: %+v", a)
		}
		o := w.opening(person, "79901", nil)
		a := summary()
		if len(a.Raw.Allergies.Items) != 1 || a.Raw.Allergies.Items[0].Text != "Nhựa cao su tự nhiên" || a.Raw.Allergies.Items[0].How != "own" || a.Raw.Allergies.Items[0].Source.Kind != chart.Own {
			t.Errorf("at the door: %+v", a)
		}
		if a.Others != 1 || a.Own != 1 {
			t.Errorf("counted as a record: %d, %d", a.Own, a.Others)
		}
		reader := clinicianAt("79901", o)
		stated := func() (n int) {
			for _, x := range must(w.hub.Disclose.Chart(w.ctx, reader, person, 10)) {
				if x.Record.ID.IsZero() {
					n++
				}
			}
			return n
		}
		if n := stated(); n != 1 {
			t.Errorf("%d in the chart", n)
		}
		told := false
		for _, row := range w.rowsOf(store.DisclosureFilter{Person: person}) { // of no record
			told = told || row.Record.IsZero() && row.Basis == "presence" && strings.Contains(row.Facts, `"kind":"own"`)
		}
		if !told {
			t.Error("no row says that the entry was shown")
		}
		w.check(w.hub.Disclose.Count(w.ctx))
		if effect := must(w.hub.Disclose.Would(w.ctx, reader, person, nil)); effect.Records != 2 {
			t.Errorf("the simulator counts %+v", effect)
		}
		me := w.citizen(person, w.clock.Now())
		_, _, page := me.ask(http.MethodPost, "/me/choices/preview", url.Values{"what": {"place"}, "place": {"79901"}})
		me.goes("/me/choices/close", url.Values{"what": {"place"}, "place": {"79901"}, "form": {first(t, formOf, page)}})
		if n := stated(); n != 0 {
			t.Error("shown to whom the person closed everything")
		}
	})
}

// TestAtACounterAnEntryIsWrittenOnPaper: for who stands there; what was stated
// before is not shown, what tells of a closed class stays, and the person is told.
func TestAtACounterAnEntryIsWrittenOnPaper(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		const number = "079990888347"
		person, _, _ := w.treated(number)
		me := w.citizen(person, w.clock.Now())
		me.goes("/me/own/edit", entryForm("Lamivudin\nĐậu phộng"))
		clerk := w.teller()
		at := clerk.goes("/counter", url.Values{"card": {cardOf(number, "TRẦN THỊ THU HÀ", "03021990")}, "sight": {"yes"}})
		if page := clerk.reads(at+"/own", http.StatusOK); strings.Contains(page, "Đậu phộng") || strings.Contains(page, "Nguyễn Văn Gọi") {
			t.Errorf("the counter shows what was stated\n%s", page)
		}
		fields := map[string]string{"allergies": "some", "allergy_lines": "Sữa bò", "implants": "none"}
		if status, _ := clerk.upload(at+"/own", fields, []byte("no scan")); status != http.StatusUnprocessableEntity {
			t.Errorf("without a paper: %d", status)
		}
		if status, next := clerk.upload(at+"/own", fields, signedPaper); status != http.StatusSeeOther || next != at {
			t.Fatalf("%d to %q", status, next)
		}
		list := must(w.hub.Disclose.Own.Statements(w.ctx, person, 10))
		if len(list) != 2 || list[0].Channel != "counter_paper" || list[0].Facility != "79901" {
			t.Fatalf("%+v", list)
		}
		if e := entries.EntryOf(list[0].Read.Content); strings.Join(e.Allergies.Items, ",") != "Sữa bò,Lamivudin" {
			t.Errorf("stated: %+v", e)
		}
		if n := w.noticed(person, entries.NoticeChanged); n != 1 {
			t.Errorf("told %d times", n)
		}
		seen := w.citizen(person, time.Time{}).reads("/me/own", http.StatusOK)
		if strings.Contains(seen, "Lamivudin") || !strings.Contains(seen, "Sữa bò") {
			t.Errorf("without a second factor the page shows\n%s", seen)
		}
		stranger, _, _ := w.treated("079990888348")
		if page := w.citizen(stranger, w.clock.Now()).reads("/me/own", http.StatusOK); strings.Contains(page, "Sữa bò") {
			t.Error("shown to a stranger")
		}
	})
}
