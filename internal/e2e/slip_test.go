package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"lienthong/internal/body"
	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/ledger"
	"lienthong/internal/masked"
	"lienthong/internal/reverify"
	"lienthong/internal/role"
	"lienthong/internal/seal"
	"lienthong/internal/store"
)

// referral is an unsigned referral slip of a visit at 79901, with changes.
func referral(v *visit, pairs ...string) string {
	return slipOf("XML13", row("MA_LK", v.lk, "SO_HOSO", "1", "SO_CHUYENTUYEN", "1", "GIAY_CHUYEN_TUYEN", "1", "MA_CSKCB", "79901", "MA_CSKCB_DI", "79901", "MA_CSKCB_DEN", "79902",
		"HO_TEN", "NGUYỄN THỊ ĐÀO", "NGAY_SINH", "199002030000", "GIOI_TINH", "2", "NGAY_VAO", "202611200800", "NGAY_RA", "202611200930", "DAU_HIEU_LS", "Sốt", "QT_BENHLY", "Sốt",
		"CHAN_DOAN_RV", "Viêm họng cấp", "MA_BENH_CHINH", "J02.9", "MA_LYDO_CT", "1", "HUONG_DIEU_TRI", "Chuyển", "PHUONGTIEN_VC", "Xe", "MA_BAC_SI", "1", "MA_TTDV", "1"), pairs)
}

// appointment is an unsigned appointment slip of a visit at 79901.
func appointment(v *visit, pairs ...string) string {
	return slipOf("XML14", row("MA_LK", v.lk, "SO_GIAYHEN_KL", "1", "MA_CSKCB", "79901", "HO_TEN", "NGUYỄN THỊ ĐÀO", "NGAY_SINH", "199002030000", "GIOI_TINH", "2",
		"NGAY_VAO", "202611200800", "NGAY_RA", "202611200930", "NGAY_HEN_KL", "20261204", "MA_BENH_CHINH", "J02.9", "MA_BAC_SI", "1", "MA_TTDV", "1", "NGAY_CT", "20261120"), pairs)
}

func slipOf(kind string, fields []field, pairs []string) string {
	for i := 0; i+1 < len(pairs); i += 2 {
		for k := range fields {
			if fields[k].name == pairs[i] {
				fields[k].text = pairs[i+1]
			}
		}
	}
	xml := (&table{kind: kind, rows: [][]field{fields}}).xml()
	root := spec.Table(kind).Root
	return strings.Replace(xml, "</"+root+">", "<CHUKYDONVI></CHUKYDONVI></"+root+">", 1)
}

// codes are the findings of an answer, each once.
func codes(a answer) []string {
	out := []string{}
	for _, f := range a.Findings {
		if !slices.Contains(out, f.Code) {
			out = append(out, f.Code)
		}
	}
	return out
}

// stateOf says how a file of one dossier was answered, with its findings.
func stateOf(list []answer) string {
	if len(list) != 1 {
		return fmt.Sprint(len(list), " answers")
	}
	if list[0].Refused {
		return "refused " + list[0].Code
	}
	return strings.TrimSpace(list[0].State + " " + strings.Join(codes(list[0]), " "))
}

// clean runs the re-verifier over the whole store.
func (w *world) clean() {
	w.t.Helper()
	h := w.hub
	x := must(reverify.New(reverify.Deps{Slices: h.Slices, Vault: h.Vault, Codec: must(body.NewCodec()), Kinds: h.Kinds, Seals: must(seal.NewVerifier(seal.Config{})), Clock: w.clock,
		LogKey: func(origin string) (string, error) {
			k, err := ledger.LogKeyFromSeed(origin, w.keys.LogSeed)
			if err != nil {
				return "", err
			}
			return k.Verifier(), nil
		}}))
	_, err := h.Slices.Counters.Fold(w.ctx)
	w.check(err)
	w.check(h.Disclose.Count(w.ctx))
	report := must(x.Run(context.Background(), reverify.Options{}))
	// world.revoke writes to directory and acts beside the office: that is found, rightly.
	wrong := slices.DeleteFunc(report.Differences, func(d reverify.Difference) bool { return d.Table == "directory" || d.Table == "act" })
	if len(wrong) > 0 || report.More > 0 || report.Whole == 0 {
		w.t.Errorf("re-verified %d records, %d whole: %+v", report.Records, report.Whole, wrong)
	}
}

func TestSlipsAndTheirDossierAreVersionedApartAndJoined(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		k, v := pairs(), newVisit()
		before := w.one("79901", ours(k.ec, referral(v)), fine)
		whole := w.one("79901", ours(k.ec, envelope(v)), fine)
		again := w.one("79901", ours(k.ec, referral(v, "MA_CSKCB_DEN", "79903")), fine)
		other := w.one("79901", ours(k.ec, appointment(v)), fine)
		replay := w.one("79901", ours(k.ec, referral(v)), fine)
		if before.Kind != "slip" || version(before) != 1 || version(whole) != 1 || supersedes(whole) != "" {
			t.Errorf("slip %s version %d, dossier %s version %d superseding %q", before.Kind, version(before), whole.Kind, version(whole), supersedes(whole))
		}
		if version(again) != 2 || supersedes(again) != before.Record || version(other) != 1 || supersedes(other) != "" {
			t.Errorf("a new referral: version %d superseding %q; an appointment: version %d", version(again), supersedes(again), version(other))
		}
		if !replay.Replay || replay.Record != before.Record {
			t.Errorf("the first referral again is %s", replay.Record)
		}
		_, data := w.get("79901", "/api/v1/records?episode="+v.lk)
		var list struct {
			Items []struct{ Record, Kind string } `json:"items"`
		}
		w.check(json.Unmarshal(data, &list))
		var got []string
		for _, i := range list.Items {
			got = append(got, i.Kind)
		}
		if slices.Sort(got); !slices.Equal(got, []string{"qd4750", "slip", "slip", "slip"}) {
			t.Errorf("records of the episode: %v", got)
		}
		w.clean()
	})
}

func TestSlips(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		k := pairs()
		slip := func(pairs ...string) string { return referral(newVisit(), pairs...) }
		for name, c := range map[string]struct{ text, want string }{
			"a referral":                  {slip(), "accepted"},
			"an appointment":              {appointment(newVisit()), "accepted"},
			"to an unknown receiver":      {slip("MA_CSKCB_DEN", "99999"), "accepted_with_warnings SLIP.RECEIVER.unknown"},
			"to nobody":                   {slip("MA_CSKCB_DEN", ""), "accepted_with_warnings SLIP.RECEIVER.missing"},
			"expired at birth":            {slip("NGAY_VAO", "202610010800", "NGAY_RA", "202610010900"), "accepted_with_warnings SLIP.VALIDITY.expired"},
			"for a day before its own":    {appointment(newVisit(), "NGAY_HEN_KL", "20261119"), "accepted_with_warnings SLIP.VALIDITY.order"},
			"without a diagnosis":         {slip("MA_BENH_CHINH", "", "CHAN_DOAN_RV", ""), "accepted_with_warnings SLIP.DIAGNOSIS.missing"},
			"of another facility":         {slip("MA_CSKCB_DI", "79902"), "rejected facility.mismatch"},
			"of another facility's visit": {slip("MA_CSKCB", "79902"), "rejected facility.mismatch"},
			"sex 9":                       {slip("GIOI_TINH", "9"), "rejected subject.sex"},
			"out before in":               {slip("NGAY_RA", "202611200700"), "rejected time.order"},
			"no episode":                  {slip("MA_LK", " "), "rejected episode.missing"},
		} {
			got, _ := w.send("79901", ours(k.ec, c.text))
			if s := stateOf(got); s != c.want {
				t.Errorf("%s: %s, want %s", name, s, c.want)
			}
		}
		for name, c := range map[string]struct {
			data []byte
			seal string
			want string
		}{
			"no seal at all":         {[]byte(slip()), "", "refused seal.missing"},
			"another's seal":         {ours(k.other, slip()), "", "refused sender.not_allowed"},
			"a stranger's seal":      {ours(k.stranger, slip()), "", "refused seal.untrusted"},
			"changed after":          {[]byte(strings.Replace(string(ours(k.ec, slip())), "79902", "79903", 1)), "", "refused seal.broken"},
			"the signature anywhere": {[]byte(strings.NewReplacer("<CHUKYDONVI>", "<X>", "</CHUKYDONVI>", "</X>").Replace(string(ours(k.ec, slip())))), "", "refused seal.malformed"},
		} {
			got, _ := w.send("79901", c.data)
			if s := stateOf(got); s != c.want {
				t.Errorf("%s: %s, want %s", name, s, c.want)
			}
		}
		plain := []byte(slip())
		_, _, data := w.do("79901", "POST", "/api/v1/submissions", "application/xml", plain, "Seal", must(k.ec.SignDetached(plain)))
		if s := stateOf(w.plain(data)); s != "accepted" {
			t.Errorf("beside its seal: %s", s)
		}
		_, _, data = w.do("79901", "POST", "/api/v1/submissions", "application/xml", append(plain, '\n'), "Seal", must(k.ec.SignDetached(plain)))
		if s := stateOf(w.plain(data)); s != "refused seal.broken" {
			t.Errorf("beside a seal over other bytes: %s", s)
		}
		w.clean()
	})
}

// TestCompartmentsByContentAreClosed: a dossier that tells of HIV or tuberculosis
// by what stands in it is shown to its own facility and to nobody else.
func TestCompartmentsByContentAreClosed(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		k := pairs()
		visits := map[string]*visit{
			"a main diagnosis":   newVisit().set("XML1", "MA_BENH_CHINH", "B20"),
			"another diagnosis":  newVisit().set("XML1", "MA_BENH_KT", "I10;Z21"),
			"a medicine":         newVisit().set("XML2", "TEN_THUOC", "Tenofovir + Lamivudin + Dolutegravir"),
			"tuberculosis":       newVisit().set("XML1", "MA_BENH_CHINH", "A15.0"),
			"a test":             newVisit().add("XML3", "MA_LK", "", "STT", "1", "TEN_DICH_VU", "HIV Ab test nhanh"),
			"the table and more": newVisit().set("XML1", "MA_BENH_CHINH", "B24").add("XML6", "MA_LK", "", "MA_THE_BHYT", "x"),
		}
		operator := disclose.Reader{Role: role.Role{Kind: role.Operator}, Name: "op", Route: "test", Reason: "tìm nguyên nhân sự cố"}
		own := disclose.Reader{Role: role.Role{Kind: role.Facility, ID: "79901"}, Name: "own", Route: "test"}
		foreign := disclose.Reader{Role: role.Role{Kind: role.Facility, ID: "79902"}, Name: "other", Route: "test"}
		ministry := disclose.Reader{Role: role.Role{Kind: role.Ministry}, Name: "ministry", Route: "test"}
		shown := masked.Metadata{Records: w.hub.Slices.Records}
		for name, v := range visits {
			a := w.one("79901", ours(k.ec, envelope(v.episode(v.lk))), fine)
			id := must(dossier.ParseID(a.Record))
			if _, err := w.hub.Disclose.Open(w.ctx, own, id); err != nil {
				t.Errorf("%s: its own facility: %v", name, err)
			}
			if _, err := w.hub.Disclose.Open(w.ctx, operator, id); !errors.Is(err, disclose.ErrCompartment) {
				t.Errorf("%s: the operator opens it: %v", name, err)
			}
			if _, _, err := w.hub.Disclose.Original(w.ctx, operator, id); !errors.Is(err, disclose.ErrCompartment) {
				t.Errorf("%s: the operator takes the original: %v", name, err)
			}
			if _, err := w.hub.Disclose.Receipt(w.ctx, operator, id); !errors.Is(err, disclose.ErrCompartment) {
				t.Errorf("%s: the operator takes the receipt: %v", name, err)
			}
			if _, err := w.hub.Disclose.Open(w.ctx, ministry, id); !errors.Is(err, disclose.ErrWithheld) {
				t.Errorf("%s: the ministry: %v", name, err)
			}
			if _, err := w.hub.Disclose.Open(w.ctx, foreign, id); !errors.Is(err, store.ErrAbsent) {
				t.Errorf("%s: another facility: %v", name, err)
			}
			for _, scope := range []role.Scope{operator.Role.Scope(), ministry.Role.Scope()} {
				r := must(shown.Get(w.ctx, scope, id))
				if r.Documents>>16 != 0 || r.Documents&(1<<6) != 0 {
					t.Errorf("%s: others see %b", name, r.Documents)
				}
			}
			related, err := w.hub.Disclose.Related(w.ctx, operator, id, 50)
			if err != nil || len(related) != 0 {
				t.Errorf("%s: %d records related to it, %v", name, len(related), err)
			}
			status, _ := w.get("79902", "/api/v1/records/"+a.Record)
			if status != 404 {
				t.Errorf("%s: another facility's look gives %d", name, status)
			}
		}
		for _, tag := range []string{"doc:XML28", "doc:XML29", "doc:XML6"} {
			list, _, err := shown.List(w.ctx, operator.Role.Scope(), store.Filter{Tag: tag})
			if err != nil || len(list) != 0 {
				t.Errorf("a search for %s gives %d, %v", tag, len(list), err)
			}
		}
		open := w.one("79901", ours(k.ec, envelope(newVisit())), fine)
		if _, err := w.hub.Disclose.Open(w.ctx, operator, must(dossier.ParseID(open.Record))); err != nil {
			t.Errorf("control: an ordinary visit: %v", err)
		}
		w.clean()
	})
}

// TestTheHealthBookHoldsWhatItsReaderMay: slip, dossier and health check of one
// person; what is closed by its content is in the book of its own facility only.
func TestTheHealthBookHoldsWhatItsReaderMay(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		k, v := pairs(), newVisit()
		first := w.one("79901", ours(k.ec, envelope(v)), fine)
		closed := newVisit().set("XML1", "MA_BENH_CHINH", "B20")
		for _, t := range closed.tables {
			for _, r := range t.rows {
				for i := range r {
					switch r[i].name {
					case "MA_BN", "SO_CCCD":
						r[i].text = fieldOf(v, r[i].name)
					}
				}
			}
		}
		w.one("79901", ours(k.ec, envelope(closed)), fine)
		id := must(dossier.ParseID(first.Record))
		own := disclose.Reader{Role: role.Role{Kind: role.Facility, ID: "79901"}, Name: "own", Route: "book"}
		operator := disclose.Reader{Role: role.Role{Kind: role.Operator}, Name: "op", Route: "book", Reason: "tìm nguyên nhân sự cố"}
		for name, c := range map[string]struct {
			reader disclose.Reader
			want   int
		}{"its own facility": {own, 2}, "an operator": {operator, 1}} {
			book, err := w.hub.Disclose.Book(w.ctx, c.reader, id, 50)
			if err != nil || len(book) != c.want {
				t.Errorf("%s: %d records, want %d, %v", name, len(book), c.want, err)
			}
		}
		before := len(looks(w))
		w.looks.set(true)
		if book, err := w.hub.Disclose.Book(w.ctx, own, id, 50); err == nil || len(book) > 0 {
			t.Errorf("opened %d without a row", len(book))
		}
		w.looks.set(false)
		if rows := looks(w); len(rows) != before || before != 3 {
			t.Errorf("%d rows of looks, then %d", before, len(rows))
		}
	})
}

func fieldOf(v *visit, name string) string {
	for _, f := range v.at("XML1").rows[0] {
		if f.name == name {
			return f.text
		}
	}
	return ""
}

func looks(w *world) []store.Disclosure {
	w.t.Helper()
	list, _, err := w.hub.Slices.Disclosures.List(w.ctx, role.Scope{All: true}, store.DisclosureFilter{Limit: 1000})
	w.check(err)
	return list
}
