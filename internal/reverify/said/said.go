// Package said holds the sentence for each difference that re-verifying finds.
// What an audit of a log finds has its sentences in package ledger/audit.
package said

import "lienthong/internal/fault"

// Of is the sentence for a code.
func Of(code string) fault.Text { return sentences[code] }

var sentences = map[string]fault.Text{
	"row.unreadable":     {VI: "Không đọc được dòng dữ liệu: giá trị không đúng dạng.", EN: "A row cannot be read: a value is not in its form."},
	"row.stray":          {VI: "Dòng dữ liệu không khớp với dòng mà nó thuộc về.", EN: "A row does not go with the row it belongs to."},
	"fact.edited":        {VI: "Thông tin riêng của hub đã bị sửa hoặc mất.", EN: "A fact of the hub itself was edited or lost."},
	"month_key.edited":   {VI: "Khóa tháng đã bị sửa hoặc không phải của khóa chủ này.", EN: "A month key was edited or is not of this master key."},
	"log.unreadable":     {VI: "Không đọc được sổ nhật ký đến hết.", EN: "A log cannot be read to its end."},
	"key.edited":         {VI: "Khóa biên nhận không khớp với mục công bố trong sổ.", EN: "A receipt key does not match its entry of the log."},
	"act.edited":         {VI: "Việc quản trị không có mục tương ứng trong sổ: đã bị sửa hoặc thêm vào.", EN: "An administrative act has no entry in the log: it was edited or added."},
	"act.missing":        {VI: "Mất dòng của một việc quản trị đã ghi sổ.", EN: "The row of an administrative act in the log is missing."},
	"directory.edited":   {VI: "Danh bạ có dòng mà không việc quản trị nào tạo ra: đã bị sửa hoặc thêm vào.", EN: "The directory says what no administrative act made true: it was edited or added."},
	"directory.missing":  {VI: "Danh bạ thiếu điều mà một việc quản trị đã ghi.", EN: "The directory lacks what an administrative act made true."},
	"service.edited":     {VI: "Dịch vụ được duyệt không khớp với việc quản trị nào: đã bị sửa hoặc thêm vào.", EN: "An approved service matches no administrative act: it was edited or added."},
	"stamp.edited":       {VI: "Dấu thời gian không phải của điểm chốt này: đã bị sửa hoặc thay.", EN: "A time-stamp is not over its checkpoint: it was edited or replaced."},
	"annotation.edited":  {VI: "Ghi chú hoặc dấu thời gian không có mục tương ứng trong sổ: đã bị sửa hoặc thêm vào.", EN: "An annotation or time-stamp has no entry in the log: it was edited or added."},
	"annotation.missing": {VI: "Mất dòng của một ghi chú hoặc dấu thời gian đã ghi sổ.", EN: "The row of an annotation or time-stamp in the log is missing."},
	"disclosure.edited":  {VI: "Các lượt xem không khớp với gốc đã ghi sổ: có dòng bị sửa, mất hoặc thêm.", EN: "Looks do not match their root in the log: one was edited, lost or added."},
	"disclosure.missing": {VI: "Mất các lượt xem của một gốc đã ghi sổ.", EN: "The looks under a root in the log are missing."},
	"disclosure.fewer":   {VI: "Số lượt xem ít hơn số đã đếm: có dòng bị xóa.", EN: "There are fewer looks than were counted: one was deleted."},
	"disclosure.stray":   {VI: "Lượt xem trỏ tới hồ sơ không có.", EN: "A look points at a record that is not there."},
	"record.unopened":    {VI: "Không mở được hồ sơ lưu: khóa hoặc nội dung đã bị sửa.", EN: "The stored record cannot be opened: its key or content was edited."},
	"record.row":         {VI: "Dòng hồ sơ khác với biên nhận của nó.", EN: "The record's row differs from its receipt."},
	"record.hash":        {VI: "Khóa tra cứu của hồ sơ không phải của nội dung nó.", EN: "A key the record is found by is not its content's."},
	"record.content":     {VI: "Nội dung hồ sơ khác với biên nhận của nó.", EN: "The record's content differs from its receipt."},
	"record.link":        {VI: "Liên kết giữa các hồ sơ không khớp hai phía.", EN: "A link between records does not hold from both sides."},
	"record.tag":         {VI: "Thiếu mục tra cứu theo lỗi hoặc tài liệu.", EN: "A tag the record is found by is missing."},
	"record.place":       {VI: "Hồ sơ không đứng đúng chỗ của nó trong tệp.", EN: "The record does not stand in its place of the file."},
	"record.timeline":    {VI: "Diễn biến của hồ sơ không khớp với trạng thái.", EN: "What happened to the record does not match its state."},
	"record.person":      {VI: "Định danh người bệnh không khớp với nội dung hồ sơ.", EN: "An identifier kept of the patient does not match the record's content."},
	"file.missing":       {VI: "Mất tệp của một hồ sơ.", EN: "The file of a record is missing."},
	"file.unopened":      {VI: "Không mở được khung của tệp: khóa hoặc nội dung đã bị sửa.", EN: "A file's skeleton cannot be opened: its key or content was edited."},
	"file.bytes":         {VI: "Không dựng lại được đúng từng byte của tệp.", EN: "The file's exact bytes cannot be given back."},
	"file.row":           {VI: "Dòng của tệp khác với nội dung tệp.", EN: "The file's row differs from its bytes."},
	"file.place":         {VI: "Một chỗ trong tệp được gán cho hồ sơ khác.", EN: "A place in the file is given to another record."},
	"episode.versions":   {VI: "Các phiên bản của đợt điều trị không liền nhau.", EN: "The versions of an episode are not without gaps."},
	"episode.head":       {VI: "Bản hiện hành của đợt điều trị không đúng.", EN: "The episode's current record is not the right one."},
	"refusal.edited":     {VI: "Dòng tệp bị từ chối đã bị sửa.", EN: "The row of a refused file was edited."},
	"counter.edited":     {VI: "Số đếm khác với đếm lại từ hồ sơ.", EN: "A count differs from counting anew from the records."},
	"minute.edited":      {VI: "Số đếm theo phút khác với đếm lại từ hồ sơ.", EN: "A count by the minute differs from counting anew."},
	"restore.edited":     {VI: "Điểm chốt cuối của sổ đã đóng không khớp với mục mở sổ mới.", EN: "The last known checkpoint of a closed log does not match the entry its successor begins with."},
	"erasure.edited":     {VI: "Dấu tích xóa không khớp với biên bản hoặc việc quản trị đã ghi sổ.", EN: "A tombstone does not match its statement or its act in the log."},
	"erasure.missing":    {VI: "Mất dấu tích của một lần xóa đã ghi sổ.", EN: "The tombstone of an erasure in the log is missing."},
	"erasure.incomplete": {VI: "Hồ sơ ghi là đã xóa mà nội dung hoặc dấu vết vẫn còn.", EN: "A record is said to be erased, and something of it is still there."},
	"seen.edited":        {VI: "Lần gửi gần nhất của cơ sở không đúng.", EN: "When a facility last sent is not right."},
}
