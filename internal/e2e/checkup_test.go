package e2e_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"strings"
	"testing"

	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/kind/checkup"
	"lienthong/internal/role"
	"lienthong/internal/seal"
	"lienthong/internal/store"
)

// check is an unsigned health check at 79901.
func check() string {
	n := serial.Add(1)
	person := []string{fmt.Sprintf("KSK-%06d", n), "79901", "", fmt.Sprintf("BN%06d", n), "TRẦN VĂN BÌNH", fmt.Sprintf("079880%06d", n), "198805060000", "1"}
	var b bytes.Buffer
	err := checkup.Write(&b, checkup.Envelope{Facility: "79901", GTIN: "8930000799016", Created: "20261121", Checks: []checkup.Check{{
		checkup.Person:     {person},
		checkup.Occasion:   {{person[0], "79901", "", "1", "1", "Đi làm", "202611210700"}},
		checkup.Vitals:     {{person[0], "170", "65", "22.5"}},
		checkup.Conclusion: {{person[0], "1", "", "", "Đủ sức khỏe", "", "202611210900", "1"}},
	}}})
	if err != nil {
		panic(err)
	}
	return b.String()
}

// doctor is the key of a person, under the trusted root.
func doctor() seal.KeyPair {
	k := pairs()
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	return seal.KeyPair{Key: key, Certificate: k.issue(key, k.root, k.rootKey, func(c *x509.Certificate) {
		c.Subject = pkix.Name{CommonName: "BS TRẦN THỊ HỒNG", SerialNumber: "079880999001"}
	})}
}

// concluded is the file signed by the first, then countersigned by the second.
func concluded(text string, person, unit seal.KeyPair) []byte {
	once := must(person.SignHolder([]byte(text), checkup.Container, checkup.ByPerson))
	return must(unit.SignHolder(once, checkup.Container, checkup.ByUnit))
}

func TestHealthChecks(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		k, person := pairs(), doctor()
		good := concluded(check(), person, k.ec)
		once := must(person.SignHolder([]byte(check()), checkup.Container, checkup.ByPerson))
		alone := must(k.ec.SignHolder([]byte(check()), checkup.Container, checkup.ByUnit))
		for _, c := range []struct {
			name string
			data []byte
			want string
		}{
			{"signed by both", good, "accepted"},
			{"a stranger who concludes", concluded(check(), k.stranger, k.ec), "accepted"},
			{"signatures exchanged", concluded(check(), k.ec, person), "refused seal.untrusted"},
			{"the facility in both places", concluded(check(), k.ec, k.ec), "refused seal.untrusted"},
			{"the person in both places", concluded(check(), person, person), "refused seal.untrusted"},
			{"by another facility", concluded(check(), person, k.other), "refused seal.untrusted"},
			{"the person only", once, "refused seal.malformed"},
			{"the facility only", alone, "refused seal.malformed"},
			{"nobody", []byte(check()), "refused seal.missing"},
			{"one in the container itself", ours(k.ec, check()), "refused seal.malformed"},
			{"changed after", []byte(strings.Replace(string(concluded(check(), person, k.ec)), ">170<", ">171<", 1)), "refused seal.broken"},
			{"of another facility", concluded(strings.Replace(check(), "<MA_CSKCB>79901</MA_CSKCB><MA_GTIN", "<MA_CSKCB>79902</MA_CSKCB><MA_GTIN", 1), person, k.ec), "refused sender.not_allowed"},
			{"another facility's person", concluded(strings.Replace(check(), "<MA_CSKCB>79901</MA_CSKCB>\r\n<MA_GTIN", "<MA_CSKCB>79902</MA_CSKCB>\r\n<MA_GTIN", 1), person, k.ec), "rejected facility.mismatch"},
			{"sex 7", concluded(strings.Replace(check(), "<GIOI_TINH>1<", "<GIOI_TINH>7<", 1), person, k.ec), "rejected subject.sex"},
			{"a height in metres", concluded(strings.Replace(check(), ">170<", ">1.7<", 1), person, k.ec),
				"accepted_with_warnings DANH_GIA_DAU_HIEU_SINH_TON.CHIEU_CAO.range DANH_GIA_DAU_HIEU_SINH_TON.CHI_SO_BMI.sum"},
			{"late", concluded(strings.NewReplacer("202611210700", "202611170700", "202611210900", "202611170900").Replace(check()), person, k.ec), "accepted KET_LUAN.NGAY_KET_LUAN.late"},
		} {
			got, _ := w.send("79901", c.data)
			if s := stateOf(got); s != c.want {
				t.Errorf("%s: %s, want %s", c.name, s, c.want)
			}
		}
		again := w.one("79901", good, fine)
		o := must(w.hub.Disclose.Open(w.ctx, disclose.Reader{Role: role.Role{Kind: role.Facility, ID: "79901"}, Name: "t", Route: "t"}, must(dossier.ParseID(again.Record))))
		if !again.Replay || again.Kind != "checkup" || len(o.Seals) != 2 || o.Seals[0].Role != store.RolePerson || o.Seals[1].Role != store.RoleFacility || !strings.Contains(o.Seals[0].Subject, "HỒNG") {
			t.Errorf("%s, replay %v, seals %+v", again.Kind, again.Replay, o.Seals)
		}
		if o.Read.Content.Field(checkup.Vitals, 0, "CHIEU_CAO") != "170" {
			t.Errorf("read again: %+v", o.Read.Content)
		}
		w.clean()
	})
}
