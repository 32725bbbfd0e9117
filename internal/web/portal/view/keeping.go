package view

import (
	"fmt"
	"time"

	"lienthong/internal/fault"
)

// Keeping is how well the hub's data are kept: what an operator looks at daily.
type Keeping struct {
	Backup  *Kept // the last one; nil: never
	Restore *Kept // the last one proven; nil: never
	Disk    *Disk // nil: not on this machine (PostgreSQL's is its server's)
	Alarms  int   // about logs that fork or were put back, kept for ever
}

// Stale reports whether no restore was proven for a month and a bit (TRUST R15).
func (k Keeping) Stale(now time.Time) bool {
	return k.Restore == nil || now.Sub(k.Restore.At) > staleRestore
}

// Short reports whether the disk is full within a month.
func (k Keeping) Short() bool { return k.Disk != nil && k.Disk.Days >= 0 && k.Disk.Days < fewDays }

// Kept is a backup that was made, or a restore that was proven.
type Kept struct {
	At      time.Time
	Records int64
	Last    string // the newest record in it, "" for none
}

// Disk is the room the data have.
type Disk struct {
	Free   int64 // bytes
	Used   int64 // bytes, of the hub's own files
	PerDay int64 // bytes a day, by what was received in the last days
	Days   int   // until the disk is full at that rate; -1: nothing was received
}

// staleBackup and staleRestore are when the page begins to warn: a day and a
// bit without a backup, and a month and a bit without a proven restore (TRUST R15).
const (
	staleBackup  = 26 * time.Hour
	staleRestore = 35 * 24 * time.Hour
	fewDays      = 30
)

func stale(p Page, k *Kept, after time.Duration) bool { return k == nil || p.Now.Sub(k.At) > after }

var (
	textKeeping  = fault.Text{VI: "Giữ gìn dữ liệu", EN: "Keeping the data"}
	textBackup   = fault.Text{VI: "Sao lưu gần nhất", EN: "Last backup"}
	textProven   = fault.Text{VI: "Khôi phục đã kiểm chứng gần nhất", EN: "Last proven restore"}
	textFull     = fault.Text{VI: "Còn bao lâu thì đầy đĩa", EN: "Until the disk is full"}
	textAlarms   = fault.Text{VI: "Báo động về sổ nhật ký (rẽ nhánh, đưa về bản cũ)", EN: "Alarms about logs (forked, put back to an old copy)"}
	textNever    = fault.Text{VI: "chưa có", EN: "never"}
	textUpTo     = fault.Text{VI: "đến hồ sơ", EN: "up to record"}
	textNoGrowth = fault.Text{VI: "chưa nhận gì để ước tính", EN: "nothing was received to tell from"}
)

// keptLine says what a backup or a restore holds.
func keptLine(p Page, k *Kept) string {
	line := fmt.Sprintf("%s · %s", p.W.Time(k.At), p.W.Text(fault.Text{VI: fmt.Sprintf("%d hồ sơ", k.Records), EN: fmt.Sprintf("%d records", k.Records)}))
	if k.Last != "" {
		line += " · " + p.W.Text(textUpTo) + " " + k.Last
	}
	return line
}

// diskLine says how long the room lasts.
func diskLine(p Page, d *Disk) string {
	const gb = 1e9
	room := fault.Text{VI: fmt.Sprintf("còn %.1f GB, dùng %.1f GB", float64(d.Free)/gb, float64(d.Used)/gb), EN: fmt.Sprintf("%.1f GB free, %.1f GB used", float64(d.Free)/gb, float64(d.Used)/gb)}
	if d.Days < 0 {
		return p.W.Text(room) + " · " + p.W.Text(textNoGrowth)
	}
	days := fault.Text{VI: fmt.Sprintf("%d ngày (thêm %.2f GB mỗi ngày)", d.Days, float64(d.PerDay)/gb), EN: fmt.Sprintf("%d days (%.2f GB a day)", d.Days, float64(d.PerDay)/gb)}
	return p.W.Text(days) + " · " + p.W.Text(room)
}
