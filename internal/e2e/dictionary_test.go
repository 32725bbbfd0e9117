package e2e_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"lienthong/internal/body"
	"lienthong/internal/dictionary"
	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/evidence"
	"lienthong/internal/role"
)

// TestAStoreLearnsItsOwnDictionary: trained on what it holds, kept sealed, used
// by the running hub a minute later, and old and new bodies are read back.
func TestAStoreLearnsItsOwnDictionary(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		k := pairs()
		secret := "Bệnh án chỉ một người có 8812"
		before := w.one("79901", ours(k.ec, envelope(newVisit().set("XML1", "LY_DO_VV", secret))), fine)
		for i := range 9 {
			w.one("79901", ours(k.ec, envelope(newVisit())), fine)
			if i < 8 { // enough patients, but of a closed compartment
				v := newVisit().set("XML1", "CHAN_DOAN_VAO", "Chẩn đoán kín nhiều người có")
				v.add("XML6", "MA_LK", v.lk, "MA_THE_BHYT", "x")
				w.send("79901", ours(k.ec, envelope(v)))
			}
		}
		codec := must(body.NewCodec())
		lesson := dictionary.Lesson{Least: 8}
		content, bodies, patients, err := dictionary.Learn(w.ctx, w.hub.Slices.Records, w.hub.Vault, codec, lesson)
		w.check(err)
		if bodies != 10 || patients != 10 || !bytes.Contains(content, []byte("Viêm họng cấp")) {
			t.Errorf("%d bodies of %d patients", bodies, patients)
		}
		for _, never := range []string{secret, "Chẩn đoán kín", before.Episode} {
			if bytes.Contains(content, []byte(never)) {
				t.Errorf("learnt %q", never)
			}
		}
		lesson.Least = 11
		if _, _, _, err := dictionary.Learn(w.ctx, w.hub.Slices.Records, w.hub.Vault, codec, lesson); !errors.Is(err, body.ErrTooFew) {
			t.Errorf("of fewer patients than asked: %v", err)
		}
		id, from, err := dictionary.NewShelf(w.hub.Slices.Keys, w.hub.Vault, codec, w.clock).Put(w.ctx, content)
		w.check(err)
		if id != 2 || !from.Equal(now.Add(time.Minute)) {
			t.Errorf("dictionary %d from %v", id, from)
		}
		if fact := must(w.hub.Slices.Keys.Fact(w.ctx, "dictionary.2")); bytes.Contains(fact, []byte("họng")) {
			t.Error("the dictionary lies in the clear")
		}
		w.clock.Advance(2 * time.Minute)
		after := w.untilUsed(id)
		reader := disclose.Reader{Role: role.Role{Kind: role.Facility, ID: "79901"}, Name: "test", Route: "test"}
		for _, a := range []answer{before, after} {
			raw, _, err := w.hub.Disclose.Original(w.ctx, reader, must(dossier.ParseID(a.Record)))
			if err != nil || !strings.Contains(string(raw), "GIAMDINHHS") {
				t.Errorf("%d bytes back, %v", len(raw), err)
			}
		}
	})
}

// untilUsed sends dossiers until one is stored with the dictionary: hubs look
// for new ones every other second.
func (w *world) untilUsed(id uint32) answer {
	w.t.Helper()
	for range 200 {
		a := w.one("79901", ours(pairs().ec, envelope(newVisit())), fine)
		name := must(dossier.ParseID(a.Record))
		r := must(w.hub.Slices.Records.Get(w.ctx, role.Scope{All: true}, name))
		packed := must(w.hub.Vault.Open(evidence.RecordName(name), r.Wrapped, evidence.PartBody, must(w.hub.Slices.Records.Body(w.ctx, name))))
		if packed[0] == 3 && uint32(packed[1]) == id { // form 3: a dossier in tokens
			return a
		}
		time.Sleep(100 * time.Millisecond)
	}
	w.t.Fatal("the hub does not use the new dictionary")
	return answer{}
}
