package synth

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"lienthong/internal/kind/checkin"
	"lienthong/internal/kind/qd4750"
	"lienthong/internal/schema"
	"lienthong/internal/synth/country"
	"lienthong/internal/synth/world"
)

// container is where both kinds of file have their signature (vietnam.md §1.2).
const container = "CHUKYDONVI"

// At makes file i, from 0. It depends on the seed and i alone.
func (n *Nation) At(i int) (Submission, error) {
	if i < 0 {
		return Submission{}, fmt.Errorf("synth: no file %d", i)
	}
	slots := n.block(i / blockSize)
	return n.make(&slots[i%blockSize], i)
}

// make makes the file of a slot; number is for its name.
func (n *Nation) make(sl *slot, number int) (Submission, error) {
	if sl.part == partCheckIn {
		return n.checkIn(sl, number)
	}
	v := n.visitOf(sl, 0)
	v.write()
	visits := []*visit{v}
	if sl.part == partSeveral {
		visits = append(visits, n.more(sl)...)
	}
	s := Submission{Facility: v.f.Code, Kind: "qd4750", Dossiers: len(visits), Visit: v.kind, Quirk: v.quirk, Defect: sl.defect, At: sl.sent,
		Urgent: v.kind == Emergency || v.kind == Referral, FileName: fmt.Sprintf(v.f.Habit.File, v.f.Code, sl.sent.Format("20060102"), number)}
	if sl.part == partCorrection {
		v.correct()
	}
	d := defectOf(sl.defect)
	if d.dossier != nil {
		d.dossier(v)
	}
	e := qd4750.Envelope{Facility: v.f.Code, Created: created(sl.sent)}
	for _, x := range visits {
		if x.err != nil {
			return s, x.err
		}
		e.Dossiers = append(e.Dossiers, x.inner())
		if x.quirk != "" {
			s.Quirk = x.quirk
		}
	}
	if d.inner != nil {
		e.Dossiers[0] = d.inner(v, e.Dossiers[0])
	}
	style := v.f.Habit.Style
	if d.envelope != nil {
		style.Inline = false
	}
	var out bytes.Buffer
	if err := qd4750.Write(&out, e, style); err != nil {
		return s, fmt.Errorf("synth: %w", err)
	}
	var err error
	s.XML, err = n.sealed(v.f, out.Bytes(), d)
	return s, err
}

// sealed signs a file, unless its defect is in the envelope or the seal.
func (n *Nation) sealed(f *Facility, raw []byte, d defect) ([]byte, error) {
	if d.envelope != nil {
		raw = d.envelope(raw)
	}
	if d.unsigned {
		return raw, nil
	}
	pair := f.Pair
	if d.stranger {
		pair = n.Facilities()[(f.Number+1)%len(n.Facilities())].Pair
	}
	signed, err := pair.Sign(raw, container)
	if err != nil {
		return nil, fmt.Errorf("synth: %w", err)
	}
	if d.signed != nil {
		signed = d.signed(signed)
	}
	return signed, nil
}

// more makes the further visits of a file with several: other patients of the
// same afternoon.
func (n *Nation) more(sl *slot) []*visit {
	r := n.Stream("several", sl.id)
	var out []*visit
	for extra := range world.Between(r, 1, 4) {
		other := *sl
		other.part, other.visit = partDossier, Outpatient
		other.at = sl.at.Add(-time.Duration(world.Between(r, 5, 55)) * time.Minute)
		other.person, _ = n.patient(r, &other.story)
		v := n.visitOf(&other, extra+1)
		v.write()
		out = append(out, v)
	}
	return out
}

// correct is what the second version of a dossier says otherwise.
func (v *visit) correct() {
	v.summary.set("GHI_CHU", sentences("Bổ sung hồ sơ", v.say("advice")), "NGAY_TTOAN", stamp(v.out.Add(40*time.Minute)))
	if at := v.sheet("XML8"); at != nil {
		record{v, at.table, at.rows[0]}.set("TOMTAT_KQ", v.results+" "+sentences(v.say("outcome")))
	}
}

// checkIn makes the file a facility sends when a patient arrives, at times with
// others who arrived by then.
func (n *Nation) checkIn(sl *slot, number int) (Submission, error) {
	v := n.visitOf(sl, 0)
	list := []*visit{v}
	if r := n.Stream("arrivals", sl.id); world.Chance(r, 0.3) {
		list = append(list, n.more(sl)...)
	}
	spec := schema.For(day(v.in))
	t := spec.Table("XML0")
	sent := v.in.Add(12 * time.Minute)
	var rows [][]string
	for i, x := range list {
		r := record{x, t, make([]string, len(t.Fields))}
		if x.in.After(v.in) || x.in.Before(v.in.AddDate(0, 0, -1)) {
			x.in = v.in.Add(-time.Duration(i) * time.Minute)
		}
		x.who(r)
		r.set("MA_LK", x.lk, "STT", itoa(i+1), "NGAY_YL", stamp(x.in.Add(8*time.Minute)))
		if x.admission {
			r.set("NGAY_VAO_NOI_TRU", stamp(x.admitted))
		}
		exam := examOf(n.World.Services["exam"], x.main.System, x.p.Age(x.out))
		r.set("MA_DICH_VU", exam.Code, "TEN_DICH_VU", exam.Name)
		rows = append(rows, r.cells)
		if x.err != nil {
			return Submission{}, x.err
		}
		if x.quirk != "" && v.quirk == "" {
			v.quirk = x.quirk
		}
	}
	s := Submission{Facility: v.f.Code, Kind: "checkin", Dossiers: len(rows), Visit: v.kind, Quirk: v.quirk, Defect: sl.defect, At: sent, Urgent: true,
		FileName: fmt.Sprintf("CheckIn_%s_%s_%d.xml", v.f.Code, sent.Format("20060102"), number)}
	var out bytes.Buffer
	if err := checkin.Write(&out, spec, rows); err != nil {
		return s, fmt.Errorf("synth: %w", err)
	}
	var err error
	s.XML, err = n.sealed(v.f, out.Bytes(), defectOf(sl.defect))
	return s, err
}

// outpatientsFrom is the number of the first story of Outpatients, far behind
// those of any nation's days.
const outpatientsFrom = 1 << 40

// Outpatients makes count distinct signed outpatient dossiers without defects
// on all cores, of facilities with P-256 keys, each near 5 drugs, 6 services and
// 15 results: what benchmarks of intake send.
func (n *Nation) Outpatients(count int) ([]Submission, error) {
	out := make([]Submission, count)
	errs := make([]error, runtime.GOMAXPROCS(0))
	var next atomic.Int64
	var wg sync.WaitGroup
	for w := range errs {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < count && errs[w] == nil; i = int(next.Add(1)) - 1 {
				out[i], errs[w] = n.Outpatient(i)
			}
		})
	}
	wg.Wait()
	return out, errors.Join(errs...)
}

// Outpatient is the ith of Outpatients, for callers who keep few at a time.
func (n *Nation) Outpatient(i int) (Submission, error) { return n.single(i, Outpatient, 0) }

// Mixed is the ith dossier of the national mix: 9 in 100 are inpatient dossiers
// of some 470 KB, the others outpatient ones.
func (n *Nation) Mixed(i int) (Submission, error) {
	if i%100 >= 9 {
		return n.single(i, Outpatient, 0)
	}
	return n.single(i, Inpatient, inpatientRows)
}

// inpatientRows makes a stay of about 60 drugs, 90 services and 150 results.
const inpatientRows = 238

// single makes a dossier without defects, of a facility with a P-256 key.
func (n *Nation) single(i int, visit string, rows int) (Submission, error) {
	r := n.Stream("outpatient", i)
	f := n.Sender(r)
	for country.RSAAt(f.Number) || f.Level == "commune" {
		f = n.Sender(r)
	}
	sl := slot{story: story{id: outpatientsFrom/64 + i, visit: visit, bed: rows, facility: f, drugs: true, at: n.moment(r, i)}, part: partDossier}
	sl.sent = sl.at
	sl.person, _ = n.patient(r, &sl.story)
	return n.make(&sl, i)
}
