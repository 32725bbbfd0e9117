package bundle

import (
	"crypto/sha256"

	"lienthong/internal/fault"
	"lienthong/internal/ledger"
	"lienthong/internal/stamp"
)

// later checks the checkpoint of when the bundle was made.
func (c *check) later() {
	cp, err := ledger.ParseCheckpoint(c.p.Later.Checkpoint)
	ok := err == nil && ledger.CheckConsistency(c.p.Later.Consistency, c.own, cp)
	c.step("checkpoint", checkpointName, ok,
		fault.Text{VI: "Điểm chốt lúc lập bộ này nối tiếp điểm chốt trong biên nhận.", EN: "The later checkpoint continues the one in the receipt."},
		fault.Text{VI: "Điểm chốt lúc lập bộ này không nối tiếp điểm chốt trong biên nhận.", EN: "The later checkpoint does not continue the one in the receipt."})
	c.signedBy(checkpointName, c.p.Later.Checkpoint)
}

// signedBy checks the log's own signature on a checkpoint.
func (c *check) signedBy(name string, checkpoint []byte) {
	if len(c.o.LogKeys) == 0 {
		return
	}
	ok := false
	for _, k := range c.o.LogKeys {
		_, err := ledger.OpenCheckpoint(checkpoint, k)
		ok = ok || err == nil
	}
	c.step("log_key", name, ok,
		fault.Text{VI: "Điểm chốt do khóa sổ nhật ký được tin cậy ký.", EN: "The checkpoint is signed by the trusted log key."},
		fault.Text{VI: "Điểm chốt không do khóa sổ nhật ký được tin cậy ký.", EN: "The checkpoint is not signed by the trusted log key."})
}

func (c *check) witnesses() {
	if len(c.o.Witnesses) == 0 {
		return
	}
	by, err := ledger.CosignedBy(c.p.Later.Checkpoint, c.o.Witnesses)
	if err != nil || len(by) == 0 {
		c.open("witness", checkpointName, fault.Text{VI: "Chưa có nhân chứng nào trong số đã nêu ký vào điểm chốt này.", EN: "None of the witnesses named has cosigned this checkpoint."})
		return
	}
	for key, at := range by {
		name, _ := ledger.WitnessName(key) // it was parsed before
		c.step("witness", checkpointName, true, fault.Text{VI: "Nhân chứng " + name + " đã ký lúc " + at.In(hanoi).Format(timeForm) + ".",
			EN: "The witness " + name + " cosigned at " + at.In(hanoi).Format(timeForm) + " (Vietnam time)."}, fault.Text{})
	}
}

// stamp checks the time-stamp and that what it is over covers the receipt.
func (c *check) stamp() {
	s := c.p.Stamp
	if s == nil {
		none := fault.Text{VI: "Chưa có dấu thời gian phủ lên biên nhận này.", EN: "No time-stamp covers this receipt yet."}
		if c.o.RequireStamp {
			c.step("time_stamp", "", false, none, none)
		} else {
			c.open("time_stamp", "", none)
		}
		return
	}
	cp, err := ledger.ParseCheckpoint(s.Checkpoint)
	c.step("time_stamp_checkpoint", stampedName, err == nil && ledger.CheckConsistency(s.Consistency, c.own, cp),
		fault.Text{VI: "Điểm chốt được đóng dấu thời gian bao gồm biên nhận này.", EN: "The time-stamped checkpoint covers this receipt."},
		fault.Text{VI: "Không chứng minh được điểm chốt được đóng dấu thời gian bao gồm biên nhận này.", EN: "It is not proved that the time-stamped checkpoint covers this receipt."})
	c.signedBy(stampedName, s.Checkpoint)
	imprint, at, err := stamp.Imprint(s.Token)
	when := at.In(hanoi).Format(timeForm)
	if !c.step("time_stamp", stampName, err == nil && imprint == sha256.Sum256(s.Checkpoint),
		fault.Text{VI: "Dấu thời gian ghi " + when + " (giờ Việt Nam) là của điểm chốt đó.", EN: "The time-stamp of " + when + " (Vietnam time) is over that checkpoint."},
		fault.Text{VI: "Dấu thời gian không phải của điểm chốt đó.", EN: "The time-stamp is not over that checkpoint."}) {
		return
	}
	if len(c.o.TSARoots) == 0 {
		open := fault.Text{VI: "Chưa kiểm tra ai cấp dấu thời gian: thiếu --tsa-root.", EN: "Who gave the time-stamp was not checked: no --tsa-root."}
		if c.o.RequireStamp {
			c.step("time_stamp_root", stampName, false, open, open)
			return
		}
		c.open("time_stamp_root", stampName, open)
		return
	}
	proof, err := stamp.Verify(s.Token, imprint, stamp.Trust{Roots: c.o.TSARoots, Intermediates: s.Certificates})
	if c.step("time_stamp_root", stampName, err == nil,
		fault.Text{VI: "Dấu thời gian do tổ chức được tin cậy cấp.", EN: "The time-stamp is of a trusted authority."}, fault.Of(err).Text) {
		c.r.Stamped = &proof.Time
	}
}

// revocation checks each answer against the signer's issuer.
func (c *check) revocation() {
	about := map[int]bool{}
	for i, a := range c.p.Answers {
		about[a.Signer] = true
		if a.State == NotYetKnown {
			c.open("revocation", signerName(a.Signer), fault.Text{VI: "Chưa biết chứng thư đã bị thu hồi hay chưa.", EN: "Whether the certificate was revoked is not yet known."})
			continue
		}
		c.answer(answerName(i, a), a)
	}
	for i := range c.p.Signers {
		if !about[i] {
			c.open("revocation", signerName(i), fault.Text{VI: "Bộ này không có trả lời về thu hồi của chứng thư này.", EN: "The bundle has no answer about this certificate's revocation."})
		}
	}
}

func (c *check) answer(name string, a Answer) {
	chain := c.p.Signers[a.Signer]
	if len(chain) < 2 {
		c.open("revocation", name, fault.Text{VI: "Thiếu chứng thư của tổ chức cấp nên trả lời về thu hồi chưa kiểm tra được.", EN: "The issuer's certificate is not enclosed; the answer about revocation was not checked."})
		return
	}
	said, err := readAnswer(a, chain[0], chain[1])
	bad := fault.Text{VI: "Trả lời về thu hồi không phải của tổ chức cấp, không về chứng thư này hoặc nói khác bảng kê.", EN: "The answer about revocation is not the issuer's, not about this certificate, or says something else than the manifest."}
	if !c.step("revocation", name, err == nil && said.state == a.State, said.text(), bad) {
		return
	}
	if said.state == Good && !said.until.IsZero() && said.until.Before(c.body.ReceivedAt) {
		c.open("revocation", name, fault.Text{VI: "Trả lời về thu hồi đã hết hạn trước khi hub nhận hồ sơ, nên không nói gì về lúc đó.",
			EN: "The answer about revocation had run out before the hub received the record, and says nothing of that moment."})
	}
	if said.state == Revoked && said.since.Before(c.body.ReceivedAt) {
		early := fault.Text{VI: "Chứng thư đã bị thu hồi trước khi hub nhận hồ sơ.", EN: "The certificate had been revoked before the hub received the record."}
		c.step("revoked_before", name, false, early, early)
	}
}
