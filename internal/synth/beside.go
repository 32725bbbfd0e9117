package synth

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"slices"
	"time"

	"lienthong/internal/kind/checkup"
	"lienthong/internal/kind/qd4750"
	"lienthong/internal/kind/slip"
	"lienthong/internal/schema"
	"lienthong/internal/synth/folder"
	"lienthong/internal/synth/world"
)

// What Beside makes, in this order, again and again.
const (
	ReferralSlip    = "referral_slip"    // before the dossier it belongs to
	ReferredDossier = "referral"         // that dossier
	AppointmentSlip = "appointment_slip" // before its dossier
	FollowedDossier = "followup"
	HealthCheck     = "checkup"
	ClosedHIV       = "hiv_by_content" // no XML6: diagnosis and medicines tell
	ClosedTB        = "tb_by_content"  // no XML15: the diagnosis tells
	besideKinds     = 10               // with Prescribed, RecordXML and RecordJSON
)

// besideFrom is the number of the first story of Beside, behind those of a
// nation's days and before those of Outpatients.
const besideFrom = 1 << 32

// Prescription is the ith of the prescriptions among the files Beside makes, all
// of them different.
func (n *Nation) Prescription(i int) (Submission, error) {
	return n.Beside(i*besideKinds + besideKinds - 3)
}

// Beside makes file i, from 0, of what the days of At do not hold: slips that go
// before their dossier, health checks with the signatures of a doctor and of the
// facility, and dossiers of closed compartments that only their content tells.
// It depends on the seed and i alone, and none has a defect.
func (n *Nation) Beside(i int) (Submission, error) {
	if i < 0 {
		return Submission{}, fmt.Errorf("synth: no file %d beside", i)
	}
	visits := [besideKinds]string{Referral, Referral, FollowUp, FollowUp, Outpatient, HIV, TB, Outpatient, Outpatient, Inpatient}
	what := i % besideKinds
	number := i
	if what == 1 || what == 3 { // the dossier of the slip before
		number--
	}
	sl := n.besideSlot(number, visits[what])
	switch what {
	case 0:
		return n.slipOf(&sl, "XML13", ReferralSlip, i)
	case 2:
		return n.slipOf(&sl, "XML14", AppointmentSlip, i)
	case 4:
		return n.checkup(&sl, i)
	case 5:
		return n.told(&sl, "XML6", ClosedHIV, i)
	case 6:
		return n.told(&sl, "XML15", ClosedTB, i)
	case 7:
		return n.prescribed(&sl, i)
	case 8:
		return n.recorded(&sl, RecordXML, i)
	case 9:
		return n.recorded(&sl, RecordJSON, i)
	}
	return n.make(&sl, i)
}

func (n *Nation) besideSlot(number int, visit string) slot {
	r := n.Stream("beside", number)
	f := n.Sender(r)
	for f.Level == "central" || f.Level == "commune" {
		f = n.Sender(r)
	}
	sl := slot{story: story{id: besideFrom/64 + number, visit: visit, facility: f, drugs: true, at: n.moment(r, number)}, part: partDossier}
	sl.sent = sl.at
	if visit == Referral {
		sl.to = n.Nearest(r, map[string]string{"regional": "provincial", "provincial": "central"}[f.Level], f.Province)
	}
	var found bool
	if sl.person, found = n.patient(r, &sl.story); !found && visit == FollowUp {
		sl.visit = Referral // the same papers but another slip: nobody here has a lasting disease
		sl.to = n.Nearest(r, "central", f.Province)
	}
	return sl
}

// slipOf makes the slip that the dossier of a slot holds, on its own.
func (n *Nation) slipOf(sl *slot, table, visit string, number int) (Submission, error) {
	v := n.visitOf(sl, 0)
	v.write()
	at := v.sheet(table)
	if at == nil {
		at, visit = v.sheet("XML13"), ReferralSlip
	}
	sent := sl.sent.Add(-10 * time.Minute)
	if out := v.out.Add(time.Minute); sent.Before(out) {
		sent = out
	}
	s := Submission{Facility: v.f.Code, Kind: slip.Name, Dossiers: 1, Visit: visit, Quirk: v.quirk, Urgent: true, At: sent,
		FileName: fmt.Sprintf("Giay_%s_%s_%d.xml", v.f.Code, sent.Format("20060102"), number)}
	if v.err != nil {
		return s, v.err
	}
	var out bytes.Buffer
	if err := slip.Write(&out, at.table, at.rows[0], true); err != nil {
		return s, fmt.Errorf("synth: %w", err)
	}
	var err error
	s.XML, err = n.sealed(v.f, out.Bytes(), defect{})
	return s, err
}

// told makes a dossier without the table that would close it.
func (n *Nation) told(sl *slot, without, visit string, number int) (Submission, error) {
	v := n.visitOf(sl, 0)
	v.write()
	v.tables = slices.DeleteFunc(v.tables, func(s *sheet) bool { return s.table.Name == without })
	s := Submission{Facility: v.f.Code, Kind: "qd4750", Dossiers: 1, Visit: visit, Quirk: v.quirk, At: sl.sent,
		FileName: fmt.Sprintf(v.f.Habit.File, v.f.Code, sl.sent.Format("20060102"), number)}
	if v.err != nil {
		return s, v.err
	}
	var out bytes.Buffer
	if err := qd4750.Write(&out, qd4750.Envelope{Facility: v.f.Code, Created: created(sl.sent), Dossiers: [][]qd4750.Inner{v.inner()}}, v.f.Habit.Style); err != nil {
		return s, fmt.Errorf("synth: %w", err)
	}
	var err error
	s.XML, err = n.sealed(v.f, out.Bytes(), defect{})
	return s, err
}

// checkup makes a health check, signed by a doctor and then by the facility.
func (n *Nation) checkup(sl *slot, number int) (Submission, error) {
	v := n.visitOf(sl, 0)
	v.write()
	s := Submission{Facility: v.f.Code, Kind: checkup.Name, Dossiers: 1, Visit: HealthCheck, Quirk: v.quirk, At: sl.sent,
		FileName: fmt.Sprintf("KSK_%s_%s_%d.xml", v.f.Code, sl.sent.Format("20060102"), number)}
	if v.err != nil {
		return s, v.err
	}
	key := fmt.Sprintf("KSK-%s-%d", v.f.Code, number)
	r := v.r
	height, weight := world.Between(r, 150, 180), world.Between(r, 45, 80)
	table := func(name string, pairs ...string) [][]string {
		return [][]string{cells(checkup.Spec().Table(name), pairs...)}
	}
	e := checkup.Envelope{Facility: v.f.Code, GTIN: fmt.Sprintf("893%010d", v.f.Number), Created: date(v.out), Checks: []checkup.Check{{
		checkup.Person: table(checkup.Person, "MA_LK", key, "MA_CSKCB", v.f.Code, "MA_BN", v.f.Local(v.p), "HO_TEN", v.f.Written(v.p.Name), "SO_CCCD", v.citizen,
			"NGAY_SINH", v.birth, "GIOI_TINH", itoa(v.p.Sex), "MA_QUOCTICH", "000", "MA_DANTOC", v.p.Ethnic, "DIA_CHI", v.p.Address, "MATINH_CU_TRU", v.p.Province,
			"MAXA_CU_TRU", v.p.Ward.Code),
		checkup.Occasion: table(checkup.Occasion, "MA_LK", key, "MA_CSKCB", v.f.Code, "SO_GIAY_KSK", fmt.Sprintf("%05d/GKSK", r.IntN(1e5)), "LY_DO_KHAM", "Khám sức khỏe định kỳ",
			"NGAY_KHAM", stamp(v.in), "NGAY_KET_LUAN", stamp(v.out)),
		checkup.Vitals: table(checkup.Vitals, "MA_LK", key, "CHIEU_CAO", itoa(height), "CAN_NANG", itoa(weight), "CHI_SO_BMI",
			fmt.Sprintf("%.1f", float64(weight)*10000/float64(height*height)), "MACH", itoa(world.Between(r, 62, 90)), "HUYET_AP_TAM_THU", itoa(world.Between(r, 105, 135)),
			"HUYET_AP_TAM_TRUONG", itoa(world.Between(r, 62, 85)), "NHIET_DO", "36.7", "SPO2", itoa(world.Between(r, 96, 99))),
		checkup.Conclusion: table(checkup.Conclusion, "MA_LK", key, "PHAN_LOAI_SUC_KHOE", itoa(world.Between(r, 1, 3)), "NOI_DUNG_KET_LUAN", "Đủ sức khỏe học tập, làm việc",
			"DE_NGHI", v.advice, "NGAY_KET_LUAN", stamp(v.out), "MA_BAC_SI", v.doctor.Code, "NGUOI_KET_LUAN", v.doctor.Name),
	}}}
	if v.told.own != nil && v.told.own.Allergies != "" {
		e.Checks[0][history] = table(history, "MA_LK", key, "TIEN_SU_DI_UNG", v.told.own.Allergies)
	}
	var out bytes.Buffer
	if err := checkup.Write(&out, e); err != nil {
		return s, fmt.Errorf("synth: %w", err)
	}
	pair, err := n.Doctor(v.f)
	if err != nil {
		return s, err
	}
	once, err := pair.SignHolder(out.Bytes(), checkup.Container, checkup.ByPerson)
	if err == nil {
		s.XML, err = v.f.Pair.SignHolder(once, checkup.Container, checkup.ByUnit)
	}
	return s, err
}

// history is a health check's table of what was before.
const history = "TIEN_SU_BENH"

// cells fills a row of a table in.
func cells(t *schema.Table, pairs ...string) []string {
	row := make([]string, len(t.Fields))
	for i := 0; i+1 < len(pairs); i += 2 {
		row[t.Columns.Index(pairs[i])] = pairs[i+1]
	}
	return row
}

// withBeside is a nation whose files go on with those of Beside.
type withBeside struct {
	*Nation
	days int
}

// File makes file i of the days, then those beside.
func (w withBeside) File(i int) (folder.Entry, []byte, error) {
	if i < w.days {
		return w.Nation.File(i)
	}
	x, err := w.Beside(i - w.days)
	if err != nil {
		return folder.Entry{}, nil, err
	}
	return folder.Entry{File: path.Join("files", x.Facility, date(x.At), x.FileName), Facility: x.Facility, Kind: x.Kind, Visit: x.Visit,
		Dossiers: x.Dossiers, Quirk: x.Quirk, Beside: x.beside()}, x.XML, nil
}

// WriteBeside is Write with so many files of Beside behind those of the days.
func (n *Nation) WriteBeside(ctx context.Context, dir string, count, beside int, progress func(done, of int)) (folder.Written, error) {
	if count <= 0 {
		count = n.Len()
	}
	return folder.Write(ctx, withBeside{n, count}, dir, count+max(0, beside), progress)
}
