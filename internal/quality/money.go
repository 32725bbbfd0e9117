package quality

// costColumns are the places of the amounts in XML2 and XML3; -1 where the
// table has no such field.
type costColumns struct {
	quantity, price, insured, service, rate, level, cap int
	scope, supply, dv, fuel                             int
	ordered, done, result                               int
	amounts                                             [amountKinds]int
}

// The amounts a row has and XML1 adds up.
const (
	amountBV = iota
	amountBH
	amountOwn
	amountCopay
	amountPaid
	amountOther
	amountKinds
)

var rowAmounts = [amountKinds]string{"THANH_TIEN_BV", "THANH_TIEN_BH", "T_BNTT", "T_BNCCT", "T_BHTT", "T_NGUONKHAC"}

var summaryAmounts = [amountKinds]string{"T_TONGCHI_BV", "T_TONGCHI_BH", "T_BNTT", "T_BNCCT", "T_BHTT", "T_NGUONKHAC"}

func costsOf(p *tablePlan) *costColumns {
	if p.name != "XML2" && p.name != "XML3" {
		return nil
	}
	c := &costColumns{
		quantity: p.at("SO_LUONG"), price: p.at("DON_GIA"), insured: p.at("DON_GIA"), service: p.at("TYLE_TT_DV"),
		rate: p.at("TYLE_TT_BH"), level: p.at("MUC_HUONG"), cap: p.at("T_TRANTT"), scope: p.at("PHAM_VI"),
		supply: p.at("MA_VAT_TU"), dv: p.at("MA_DICH_VU"), fuel: p.at("MA_XANG_DAU"),
		ordered: p.at("NGAY_YL"), done: p.at("NGAY_TH_YL"), result: p.at("NGAY_KQ"),
	}
	if p.name == "XML3" {
		c.price, c.insured = p.at("DON_GIA_BV"), p.at("DON_GIA_BH")
	}
	for k, name := range rowAmounts {
		c.amounts[k] = p.at(name)
	}
	return c
}

// totals adds the rows of XML2 and XML3 up, in thousandths of a VND. A column
// with an amount that is not there or no number is broken: its sum says nothing.
type totals struct {
	rows     int
	sum      [amountKinds]int64
	broken   [amountKinds]bool
	drugs    [2]int64 // at hospital and at insurance price
	supplies [2]int64
	nDrugs   int
}

// tolerance is what rounding may do to one amount: 1 VND (a guess, as no
// source says; vietnam.md §1.5).
const tolerance = 1000

func (j *judge) number(i int) number {
	if i < 0 {
		return number{}
	}
	return j.nums[i]
}

func costRow(j *judge, r *row) {
	c := r.b.plan.costs
	drug := r.b.plan.name == "XML2"
	j.numbered(r)
	j.addUp(r, c, drug)
	j.products(r, c)
	j.shares(r, c)
	if !drug && r.empty(c.dv) && r.empty(c.supply) && r.empty(c.fuel) {
		j.problem(r.place("MA_DICH_VU"), "missing", none)
	}
	j.within(r, "NGAY_YL")
	ordered, done := j.moments[c.ordered], zeroMoment
	if c.done >= 0 {
		done = j.moments[c.done]
	}
	if done.Before(ordered) {
		j.problem(r.place("NGAY_TH_YL"), "order", none)
		done = zeroMoment
	}
	if c.result >= 0 && (j.moments[c.result].Before(done) || j.moments[c.result].Before(ordered)) {
		j.problem(r.place("NGAY_KQ"), "order", none)
	}
}

// empty reports whether a column of the row holds nothing.
func (r *row) empty(i int) bool { return i < 0 || i >= len(r.cells) || trim(r.cells[i].Text) == "" }

func (j *judge) addUp(r *row, c *costColumns, drug bool) {
	t := &j.totals
	t.rows++
	for k, i := range c.amounts {
		n := j.number(i)
		t.sum[k] += n.milli
		t.broken[k] = t.broken[k] || !n.stated && (k != amountOther || !r.empty(i))
	}
	bv, bh := j.number(c.amounts[amountBV]).milli, j.number(c.amounts[amountBH]).milli
	if drug {
		t.nDrugs++
		t.drugs[0] += bv
		t.drugs[1] += bh
	} else if !r.empty(c.supply) {
		t.supplies[0] += bv
		t.supplies[1] += bh
	}
}

// products holds amounts against quantity and price. Whether the service rate
// is in the amount is read differently: both are taken.
func (j *judge) products(r *row, c *costColumns) {
	q, p, ins := j.number(c.quantity), j.number(c.price), j.number(c.insured)
	service := 1.0
	if n := j.number(c.service); n.stated {
		service = float64(n.milli) / 100_000
	}
	if bv := j.number(c.amounts[amountBV]); q.exact() && p.exact() && bv.stated {
		want := float64(q.milli) * float64(p.milli) / 1000
		if !near(bv, want) && !near(bv, want*service) {
			j.problem(r.place(rowAmounts[amountBV]), "product", wanted(money(int64(want*service))))
		}
	}
	bh, rate := j.number(c.amounts[amountBH]), j.number(c.rate)
	if !q.exact() || !ins.exact() || !bh.stated || !rate.stated || rate.milli < 0 || rate.milli > 100_000 {
		return
	}
	if bh.milli == 0 && !r.empty(c.scope) && trim(r.cells[c.scope].Text) == "2" {
		return // outside insurance
	}
	want := float64(q.milli) * float64(ins.milli) / 1000 * float64(rate.milli) / 100_000
	if near(bh, want) || near(bh, want*service) {
		return
	}
	if limit := j.number(c.cap); limit.stated && limit.milli > 0 && float64(bh.milli) <= want+tolerance {
		return // a payment cap makes it less
	}
	j.problem(r.place(rowAmounts[amountBH]), "product", wanted(money(int64(want*service))))
}

func (n number) exact() bool { return n.stated && !n.finer }

func near(n number, want float64) bool {
	d := float64(n.milli) - want
	return d <= tolerance && d >= -tolerance
}

// shares holds who pays what. Other sources may take their part off any share.
func (j *judge) shares(r *row, c *costColumns) {
	var n [amountKinds]number
	for k, i := range c.amounts {
		n[k] = j.number(i)
	}
	other := max(n[amountOther].milli, 0)
	if n[amountBV].stated && n[amountBH].stated {
		j.share(r, amountOwn, n[amountOwn], n[amountBV].milli-n[amountBH].milli, other)
	}
	level := j.number(c.level)
	if !n[amountBH].stated {
		return
	}
	if level.stated && level.milli >= 0 && level.milli <= 100_000 {
		want := int64(float64(n[amountBH].milli) * float64(level.milli) / 100_000)
		j.share(r, amountPaid, n[amountPaid], want, other)
	}
	if n[amountPaid].stated {
		j.share(r, amountCopay, n[amountCopay], n[amountBH].milli-n[amountPaid].milli, other)
	}
}

func (j *judge) share(r *row, kind int, n number, want, other int64) {
	if n.stated && (n.milli > want+tolerance || n.milli < want-other-tolerance) {
		j.problem(r.place(rowAmounts[kind]), "sum", wanted(money(want)))
	}
}

// sums holds XML1's totals against the rows. Without XML2 and XML3 there is
// nothing to add up: visits without insurance may send XML1 and XML8 only.
func (j *judge) sums(r *row) {
	t := &j.totals
	if t.rows == 0 || j.in.unread("XML2") || j.in.unread("XML3") {
		return
	}
	slack := int64(t.rows) * tolerance
	for k, name := range summaryAmounts {
		if n := j.mainNumber(name); n.stated && !t.broken[k] && abs(n.milli-t.sum[k]) > slack {
			j.problem(r.place(name), "sum", wanted(money(t.sum[k])))
		}
	}
	if t.broken[amountBV] || t.broken[amountBH] {
		return
	}
	part := func(name string, sum [2]int64) {
		if n := j.mainNumber(name); n.stated && abs(n.milli-sum[0]) > slack && abs(n.milli-sum[1]) > slack {
			j.problem(r.place(name), "sum", wanted(money(sum[0])))
		}
	}
	part("T_THUOC", t.drugs)
	part("T_VTYT", t.supplies)
}
