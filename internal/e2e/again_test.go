package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"lienthong/internal/admin"
)

// one sends a file of one dossier and returns its answer.
func (w *world) one(from string, data []byte, want string) answer {
	w.t.Helper()
	got, _ := w.send(from, data)
	if v := verdict(got, want); v != want {
		w.t.Fatalf("%s, want %s", v, want)
	}
	return got[0]
}

func identical(t *testing.T, what string, a, b answer) {
	t.Helper()
	if a.Record != b.Record || string(a.Receipt) != string(b.Receipt) || a.State != b.State || !b.Replay {
		t.Errorf("%s: not the first answer again: record %s then %s, replay %v", what, a.Record, b.Record, b.Replay)
	}
	if (a.Version == nil) != (b.Version == nil) || a.Version != nil && *a.Version != *b.Version || fmt.Sprint(a.Findings) != fmt.Sprint(b.Findings) {
		t.Errorf("%s: version or findings differ: %v %v, then %v %v", what, a.Version, a.Findings, b.Version, b.Findings)
	}
}

func version(a answer) int {
	if a.Version == nil {
		return 0
	}
	return *a.Version
}

func supersedes(a answer) string {
	if a.Supersedes == nil {
		return ""
	}
	return *a.Supersedes
}

// dated is a file of one visit with another NGAYLAP.
func dated(day string, v *visit) []byte {
	return ours(pairs().ec, enclosed("79901", day, "1", v.hoso()))
}

func TestTheSameFileAgainGivesTheFirstAnswer(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		k := pairs()
		pinned := ours(k.ec, envelope(newVisit(), newVisit().set("XML1", "GIOI_TINH", "7")))
		issued := k.chained(k.root, k.rootKey, oidUID, taxCode, nil)
		chained := ours(issued, strings.Replace(envelope(newVisit().of("79903")), "<MACSKCB>79901", "<MACSKCB>79903", 1))
		arrived := ours(k.ec, checkin(arrival(), arrival("GIOI_TINH", "8")))
		first, _ := w.send("79901", pinned)
		third, _ := w.send("79903", chained)
		came, _ := w.send("79901", arrived)
		again := func(what string) {
			t.Helper()
			got, status := w.send("79901", pinned)
			if status != http.StatusOK || len(got) != 2 {
				t.Fatalf("%s: HTTP %d, %+v", what, status, got)
			}
			identical(t, what, first[0], got[0])
			identical(t, what+", the rejected one", first[1], got[1])
			got, _ = w.send("79903", chained)
			identical(t, what+", by an issued certificate", third[0], got[0])
			got, status = w.send("79901", arrived)
			if status != http.StatusOK || len(got) != 2 {
				t.Fatalf("%s: a check-in was answered %d, %+v", what, status, got)
			}
			identical(t, what+", a check-in", came[0], got[0])
			identical(t, what+", a rejected check-in", came[1], got[1])
		}
		again("at once")
		w.facility(admin.Facility{Code: "79907", TaxCode: "0399999999"})
		again("after the directory changed")
		w.facility(admin.Facility{Code: "79901", Level: "central"})
		again("in another facility version")
		w.clock.Advance(10 * day)
		again("ten days later")
		w.revoke("79901", k.ec.Certificate)
		w.facility(admin.Facility{Code: "79903", Certificates: []string{pemOf(issued.Certificate)}}) // only what is pinned can be revoked here
		w.revoke("79903", issued.Certificate)
		again("after the certificate was revoked")
		if got, _ := w.send("79901", ours(k.ec, envelope(newVisit()))); verdict(got, "") != "refused seal.revoked" {
			t.Errorf("control: a new file by a revoked certificate: %s", verdict(got, ""))
		}
		w.clock.Advance(500 * day)
		again("after the certificate expired")
	})
}

func TestAnUnchangedDossierInANewEnvelopeIsTheFirstRecord(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		a, b := newVisit(), newVisit()
		file := ours(pairs().ec, envelope(a, b))
		first, _ := w.send("79901", file)
		forms := map[string]string{
			"another NGAYLAP":     enclosed("79901", "20261121", "2", a.hoso(), b.hoso()),
			"white space":         strings.ReplaceAll(envelope(a, b), "><", ">\r\n  <"),
			"lines of base64":     enclosed("79901", "20261120", "2", content(a, func(x string) string { return wrap(b64(x), 76, "\r\n") }), content(b, b64)),
			"a declaration":       "<?xml version=\"1.0\"?>" + enclosed("79901", "20261119", "2", a.hoso(), b.hoso()),
			"comments around it":  strings.Replace(envelope(a, b), "<DANHSACHHOSO>", "<!-- x --><DANHSACHHOSO>", 1),
			"types in lower case": strings.ReplaceAll(envelope(a, b), "XML", "xml"),
			"an older NGAYLAP":    enclosed("79901", "20250101", "2", a.hoso(), b.hoso()),
		}
		for name, text := range forms {
			data := ours(pairs().rsa, text)
			got, _ := w.send("79901", data)
			for i := range first {
				identical(t, name, first[i], got[i])
				if !got[i].Current || version(got[i]) != 1 {
					t.Errorf("%s: current %v, version %d", name, got[i].Current, version(got[i]))
				}
			}
		}
		got, _ := w.send("79901", ours(pairs().ec, envelope(b, a)))
		identical(t, "the other order", first[0], got[1])
		identical(t, "the other order", first[1], got[0])
		if got[0].Index != 0 || got[1].Index != 1 {
			t.Errorf("indexes %d, %d", got[0].Index, got[1].Index)
		}
		fresh := newVisit()
		mixed := ours(pairs().ec, enclosed("79901", "20261121", "3", content(a, func(x string) string { return wrap(b64(x), 64, "\n") }), fresh.hoso(), b.hoso()))
		got, _ = w.send("79901", mixed)
		identical(t, "beside a new one", first[0], got[0])
		identical(t, "beside a new one", first[1], got[2])
		if got[1].Replay || got[1].State != "accepted" && got[1].State != "accepted_with_warnings" {
			t.Errorf("the new one: %+v", got[1])
		}
		if status, raw := w.get("79901", "/api/v1/records/"+got[1].Record+"/original"); status != 200 || string(raw) != string(mixed) {
			t.Errorf("HTTP %d: a file with known dossiers in another form does not come back byte for byte", status)
		}
		if status, raw := w.get("79901", "/api/v1/records/"+first[0].Record+"/original"); status != 200 || string(raw) != string(file) {
			t.Errorf("HTTP %d: the first file does not come back byte for byte", status)
		}
		twice := newVisit()
		got, _ = w.send("79901", ours(pairs().ec, envelope(twice, twice)))
		if verdict(got, "accepted; accepted") != "accepted; accepted" || got[0].Record != got[1].Record || version(got[1]) != 1 {
			t.Errorf("one dossier twice in a file: %s and %s", got[0].Record, got[1].Record)
		}
	})
}

func TestVersionsFollowNGAYLAP(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		v := newVisit()
		edition := func(day, said string) []byte { return dated(day, v.set("XML1", "LY_DO_VV", said)) }
		one, two, late, three, same := edition("20261101", "một"), edition("20261105", "hai"), edition("20261103", "muộn"), edition("20261110", "ba"), edition("20261110", "bốn")
		check := func(name string, a answer, number int, current bool, old string) {
			t.Helper()
			if version(a) != number || a.Current != current || supersedes(a) != old {
				t.Errorf("%s: version %d, current %v, supersedes %q; want %d, %v, %q", name, version(a), a.Current, supersedes(a), number, current, old)
			}
		}
		a := w.one("79901", one, fine)
		check("the first", a, 1, true, "")
		b := w.one("79901", two, fine)
		check("a newer one", b, 2, true, a.Record)
		c := w.one("79901", late, fine)
		check("an older one that arrives late", c, 3, false, "")
		d := w.one("79901", three, fine)
		check("the newest", d, 4, true, b.Record)
		e := w.one("79901", same, fine)
		check("one of the same day", e, 5, true, d.Record)
		for name, x := range map[string]struct {
			data  []byte
			first answer
		}{"the first": {one, a}, "the second": {two, b}, "the late one": {late, c}, "the third": {three, d}} {
			got := w.one("79901", x.data, fine)
			identical(t, name+", sent again", x.first, got)
			if got.Current {
				t.Errorf("%s, sent again, is current", name)
			}
		}
		if got := w.one("79901", same, fine); !got.Current {
			t.Error("the newest is no longer current")
		}
		bad := edition("20261120", "sai")
		r := w.one("79901", []byte(bad), fine)
		check("the last", r, 6, true, e.Record)
		v.set("XML1", "GIOI_TINH", "8")
		rejected := w.one("79901", edition("20261121", "bị từ chối"), "rejected subject.sex")
		check("a rejected one", rejected, 0, false, "")
		if got := w.one("79901", bad, fine); !got.Current {
			t.Error("a rejection superseded what was accepted")
		}
	})
}

func TestACheckInIsAnsweredAgainWhenItsTaxCodeHasMoved(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		k := pairs()
		issued := k.chained(k.root, k.rootKey, oidUID, taxCode, nil)
		file := ours(issued, checkin(arrival("MA_CSKCB", "79903")))
		first := w.one("79903", file, fine)
		w.facility(admin.Facility{Code: "79903", TaxCode: "0399999998"})
		identical(t, "after the tax code moved", first, w.one("79903", file, fine))
		if got, _ := w.send("79901", file); verdict(got, "") != "refused seal.untrusted" {
			t.Errorf("sent by another facility: %s", verdict(got, ""))
		}
		if got, _ := w.send("79903", ours(issued, checkin(arrival("MA_CSKCB", "79903")))); verdict(got, "") != "refused seal.untrusted" {
			t.Errorf("control: a new file: %s", verdict(got, ""))
		}
	})
}

func TestManyVersionsInOneFileAreAllDecided(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		const n = 20
		first := newVisit()
		parts := make([]string, n)
		for i := range parts {
			parts[i] = first.set("XML1", "LY_DO_VV", fmt.Sprintf("lần %d", i)).hoso()
		}
		got, status := w.send("79901", ours(pairs().ec, enclosed("79901", "20261120", fmt.Sprint(n), parts...)))
		if status != http.StatusOK || len(got) != n {
			t.Fatalf("HTTP %d, %d answers", status, len(got))
		}
		versions := map[int]bool{}
		current := 0
		for i, a := range got {
			if a.Deferred || a.State == "" {
				t.Fatalf("dossier %d was not decided: %s", i, a.Code)
			}
			versions[version(a)] = true
			status, body := w.get("79901", "/api/v1/records/"+a.Record)
			if status == http.StatusOK && strings.Contains(string(body), `"current":true`) {
				current++
			}
		}
		if len(versions) != n || current != 1 {
			t.Errorf("%d versions of %d, %d current", len(versions), n, current)
		}
	})
}

func TestRejectedBytesAreJudgedAgain(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		k := pairs()
		good := newVisit()
		tomorrow := newVisit().set("XML1", "NGAY_RA", "202611231200")
		file := ours(k.ec, envelope(good, tomorrow))
		first, _ := w.send("79901", file)
		if v := verdict(first, ""); v != "accepted; rejected time.future" {
			t.Fatal(v)
		}
		second, _ := w.send("79901", file)
		identical(t, "still the future", first[1], second[1])
		w.clock.Advance(2 * day)
		third, _ := w.send("79901", file)
		identical(t, "the neighbour", first[0], third[0])
		if v := verdict(third, ""); v != "accepted; accepted" || third[1].Replay || supersedes(third[1]) != first[1].Record || version(third[1]) != 1 || third[1].Record == first[1].Record {
			t.Errorf("after the date has come: %s, %+v", v, third[1])
		}
		fourth, _ := w.send("79901", file)
		identical(t, "accepted is final", third[1], fourth[1])

		// refused bytes, judged again after the facility became known
		v := newVisit().of("79920")
		unknown := ours(k.ec, strings.Replace(envelope(v), "<MACSKCB>79901", "<MACSKCB>79920", 1))
		w.one("79901", unknown, "refused facility.unknown")
		w.facility(admin.Facility{Code: "79920"})
		w.one("79901", unknown, "refused sender.not_allowed")
		w.credential("79920")
		w.one("79920", unknown, "refused seal.untrusted")
		w.facility(admin.Facility{Code: "79920", Certificates: []string{pemOf(k.ec.Certificate)}})
		w.one("79920", unknown, fine)

		// a rejection whose reasons change is a new record that is rejected too
		two := newVisit().set("XML1", "GIOI_TINH", "9").set("XML1", "NGAY_RA", "202611251200")
		data := ours(k.ec, envelope(two))
		a := w.one("79901", data, "rejected subject.sex time.future")
		w.clock.Advance(5 * day)
		b := w.one("79901", data, "rejected subject.sex")
		if b.Replay || b.Record == a.Record || supersedes(b) != a.Record || version(b) != 0 {
			t.Errorf("a changed verdict: %+v", b)
		}
		identical(t, "the changed verdict again", b, w.one("79901", data, "rejected subject.sex"))
	})
}

func TestWithdrawnAndSentAgain(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		v := newVisit()
		file := dated("20261101", v)
		a := w.one("79901", file, fine)
		path := "/api/v1/records/" + a.Record + "/withdraw"
		if status, _, _ := w.do("79902", "POST", path, "application/json", []byte(`{"reason":"không phải của tôi"}`)); status != http.StatusNotFound {
			t.Errorf("another facility withdraws: HTTP %d", status)
		}
		status, _, body := w.do("79901", "POST", path, "application/json", []byte(`{"reason":"gửi nhầm"}`))
		if status != http.StatusOK || !strings.Contains(string(body), `"receipt":{`) || !strings.Contains(string(body), `"kind":"withdrawal"`) ||
			!strings.Contains(string(body), `"supersedes":"`+a.Record+`"`) {
			t.Fatalf("HTTP %d: %s", status, body)
		}
		status, _, twice := w.do("79901", "POST", path, "application/json", []byte(`{"reason":"gửi nhầm lần nữa"}`))
		if status != http.StatusOK || receiptOf(t, twice) != receiptOf(t, body) {
			t.Errorf("withdrawn twice: HTTP %d, another receipt", status)
		}
		got := w.one("79901", file, fine)
		identical(t, "withdrawn, sent again", a, got)
		if got.Current {
			t.Error("a withdrawn record is current again")
		}
		b := w.one("79901", dated("20261102", v.set("XML1", "LY_DO_VV", "gửi lại")), fine)
		if version(b) != 2 || !b.Current {
			t.Errorf("a new version after the withdrawal: version %d, current %v", version(b), b.Current)
		}
	})
}

func receiptOf(t *testing.T, body []byte) string {
	t.Helper()
	s := string(body)
	_, r, ok := strings.Cut(s, `"receipt":{`)
	if !ok {
		t.Fatalf("no receipt: %s", s)
	}
	return r
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		w.token("79901")
		same := ours(pairs().ec, envelope(newVisit()))
		v := newVisit()
		var editions [][]byte
		for i := range 16 {
			editions = append(editions, dated(fmt.Sprintf("202611%02d", i+1), v.set("XML1", "LY_DO_VV", fmt.Sprint("lần ", i))))
		}
		var mu sync.Mutex
		var copies, versions []answer
		var wg sync.WaitGroup
		until := time.Now().Add(30 * time.Second)
		post := func(data []byte, into *[]answer) {
			wg.Go(func() {
				for {
					got, status := w.send("79901", data)
					if status == http.StatusServiceUnavailable && time.Now().Before(until) {
						continue // deferred: nothing was kept, send again
					}
					mu.Lock()
					*into = append(*into, got...)
					mu.Unlock()
					return
				}
			})
		}
		for range 32 {
			post(same, &copies)
		}
		for _, e := range editions {
			post(e, &versions)
		}
		wg.Wait()
		fresh := 0
		for _, a := range copies {
			if a.Record != copies[0].Record || string(a.Receipt) != string(copies[0].Receipt) {
				t.Errorf("one file sent 32 times at once: %s and %s", a.Record, copies[0].Record)
			}
			if !a.Replay {
				fresh++
			}
		}
		if fresh != 1 || len(copies) != 32 {
			t.Errorf("%d of %d were the first", fresh, len(copies))
		}
		seen := map[int]bool{}
		for _, a := range versions {
			seen[version(a)] = true
		}
		for n := 1; n <= 16; n++ {
			if !seen[n] {
				t.Errorf("version %d is missing: %v", n, seen)
			}
		}
		current := 0
		for i, e := range editions {
			if got := w.one("79901", e, fine); got.Current {
				if current++; i != 15 {
					t.Errorf("edition %d is current", i)
				}
			}
		}
		if current != 1 {
			t.Errorf("%d versions are current", current)
		}
	})
}
