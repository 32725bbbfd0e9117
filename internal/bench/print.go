package bench

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// row is one line of a table: what it is in Vietnamese and English, and the figure.
type row struct{ vi, en, value string }

func printTable(w io.Writer, vi, en string, rows []row) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s · %s\n", vi, en)
	width := 0
	for _, r := range rows {
		width = max(width, utf8.RuneCountInString(r.vi+" · "+r.en))
	}
	for _, r := range rows {
		label := r.vi + " · " + r.en
		fmt.Fprintf(&b, "  %s%s  %s\n", label, strings.Repeat(" ", width-utf8.RuneCountInString(label)), r.value)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (m Machine) row() row {
	return row{"máy", "machine", fmt.Sprintf("%d nhân · cores, GOMAXPROCS %d, %s, %s", m.Cores, m.GoMaxProcs, m.Platform, m.Go)}
}

func (l Latency) String() string {
	return fmt.Sprintf("p50 %.1f ms, p99 %.1f ms, max %.1f ms (%d)", l.P50, l.P99, l.Max, l.Count)
}

func (c Counts) row() row {
	return row{"kết quả", "outcomes", fmt.Sprintf("%d nhận · accepted, %d trả về · rejected, %d từ chối · refused, %d hoãn · deferred, %d gửi lại · replayed",
		c.Accepted, c.Rejected, c.Refused, c.Deferred, c.Replayed)}
}

// Print writes the result as a table for people.
func (r FloorResult) Print(w io.Writer) error {
	return printTable(w, "Sàn: phần việc không thể bỏ", "Floor: the unavoidable work", r.rows())
}

func (r FloorResult) rows() []row {
	return []row{
		{"tốc độ", "rate", fmt.Sprintf("%.0f hồ sơ/s · dossiers/s, %.1f MB/s", r.DossiersPerS, r.EnvelopeMBPerS)},
		{"đo trên", "measured on", fmt.Sprintf("%d tệp · files, %d nhân · cores, %.1f s", r.Files, r.Cores, r.Seconds)},
	}
}

// Print writes the result as a table for people.
func (r IntakeResult) Print(w io.Writer) error {
	rows := []row{
		r.Machine.row(),
		{"tốc độ", "rate", fmt.Sprintf("%.0f hồ sơ/s · dossiers/s", r.DossiersPerS)},
		{"dung lượng", "volume", fmt.Sprintf("%.1f MB/s tệp gốc · as signed, %.1f MB/s đường truyền · on the wire", r.EnvelopeMBPerS, r.WireMBPerS)},
		{"thời gian", "time", fmt.Sprintf("%.1f s, %d luồng gửi · workers", r.Seconds, r.Workers)},
		{"gói", "batches", fmt.Sprintf("%d × %.0f hồ sơ · dossiers", r.Batches, r.BatchMembers)},
		{"một gói", "one batch", r.Batch.String()},
		r.Counts.row(),
		{"bộ nhớ hub", "hub memory", r.memory()},
	}
	if r.HubCPUms > 0 {
		rows = append(rows, row{"bộ xử lý", "processor", fmt.Sprintf("hub %.3f ms, bộ gửi · sender %.3f ms mỗi hồ sơ · a dossier", r.HubCPUms, r.OwnCPUms)})
	}
	if r.Stored > 0 {
		rows = append(rows, row{"chỗ lưu", "stored", fmt.Sprintf("%.2f %% tệp gốc, tính đủ mọi thứ · of the files as signed, everything included", 100*r.Stored)})
	}
	if r.GroupMean > 0 {
		rows = append(rows, row{"mỗi lần ghi", "one commit", fmt.Sprintf("%.1f hồ sơ · dossiers", r.GroupMean)})
	}
	if r.TurnedAway > 0 {
		rows = append(rows, row{"bị mời quay lại", "turned away", fmt.Sprint(r.TurnedAway)})
	}
	if r.Exhausted {
		rows = append(rows, row{"ghi chú", "note", "hết bộ hồ sơ trước giờ · the corpus was used up"})
	}
	if r.Floor != nil {
		rows = append(rows,
			row{"sàn cùng máy, cùng tệp", "floor, same bytes", fmt.Sprintf("%.0f hồ sơ/s · dossiers/s", r.Floor.DossiersPerS)},
			row{"tỷ lệ so với sàn", "ratio to the floor", fmt.Sprintf("%.3f", r.Ratio)})
	}
	return printTable(w, "Nạp hồ sơ qua HTTP", "Intake over HTTP", rows)
}

func (r IntakeResult) memory() string {
	if r.RSSPeakMB == 0 {
		return "không đo được · not known"
	}
	text := fmt.Sprintf("%.0f MB, cao nhất · peak %.0f MB", r.RSSMB, r.RSSPeakMB)
	if r.InProcess {
		text += " (hub và bộ đo chung tiến trình · hub and bench in one process)"
	}
	return text
}

// Print writes the result as a table for people.
func (r AloneResult) Print(w io.Writer) error {
	return printTable(w, "Từng hồ sơ một", "One dossier alone", []row{
		r.Machine.row(),
		{"nhịp gửi", "rate", fmt.Sprintf("%.0f hồ sơ/s · dossiers/s, %.1f s", r.Rate, r.Seconds)},
		{"đến khi có biên nhận", "to the receipt", r.Latency.String()},
		r.Counts.row(),
		{"bị mời quay lại", "turned away", fmt.Sprint(r.TurnedAway)},
	})
}

// Print writes the result as a table for people.
func (r ReadResult) Print(w io.Writer) error {
	rows := []row{
		r.Machine.row(),
		{"nhịp đọc", "rate", fmt.Sprintf("%.0f lượt/s · requests/s, %d hồ sơ · records", r.Rate, r.Records)},
		{"một hồ sơ, lúc rảnh", "a record, idle", r.Idle.Record.String()},
		{"hồ sơ cùng người, lúc rảnh", "a person's records, idle", r.Idle.Related.String()},
	}
	if r.Busy != nil {
		rows = append(rows,
			row{"một hồ sơ, lúc nạp hết sức", "a record, intake saturated", r.Busy.Record.String()},
			row{"hồ sơ cùng người, lúc nạp hết sức", "a person's records, intake saturated", r.Busy.Related.String()})
	}
	if r.Load != nil {
		rows = append(rows, row{"lúc đó nạp", "intake meanwhile", r.Load.String()})
	}
	return printTable(w, "Đọc hồ sơ", "Reading", append(rows, row{"bị mời quay lại", "turned away", fmt.Sprint(r.TurnedAway)}))
}
