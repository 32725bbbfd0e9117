package demo

import (
	"context"
	"html/template"
	"net/http"
	"time"

	"lienthong/internal/bridge/tally"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/exchange"
	"lienthong/internal/fault"
	"lienthong/internal/masked"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

var everything = role.Scope{All: true}

// ways are the stops of the tour that show records on their way out.
func (t *Tour) ways(ctx context.Context) []stop {
	show := t.show.Load()
	if show == nil {
		return nil
	}
	say := func(vi, en string) fault.Text { return fault.Text{VI: vi, EN: en} }
	open := say("Mở trang", "Open")
	legs := masked.Legs{Legs: show.Legs}
	var list []stop
	record := func(id dossier.ID, title, text fault.Text) {
		list = append(list, stop{"facility:" + string(id.Facility), "/records/" + id.String(), title, text, open})
	}
	if id, ok := arrived(ctx, legs); ok {
		record(id, say("Gửi một lần, tới mọi nơi", "Sent once, arrived everywhere"),
			say("Từng nơi nhận: tạo lúc nào, gửi lúc nào, nơi nhận ghi nhận lúc nào, mã giao dịch nào.", "For each destination: when it was created, sent and received, and under which number."))
	}
	if id, ok := first(ctx, legs, store.LegFilter{State: exchange.Parked, Destination: toInsurer}); ok {
		record(id, say("Dừng lại chờ người xem", "Parked until somebody looks"),
			say("Nơi nhận từ chối vĩnh viễn. Hồ sơ vẫn ở hub, biên nhận vẫn đúng; người vận hành gửi lại sau khi sửa.", "The destination refused for good. The record stays, its receipt holds; an operator sends it again once mended."))
	}
	if id, ok := first(ctx, legs, store.LegFilter{State: exchange.Held, Destination: toInsurer}); ok {
		record(id, say("Giữ lại vì cảnh báo", "Held back by a finding"),
			say("Cảnh báo chặn thanh toán chỉ giữ nhánh tới BHXH; các nơi khác vẫn nhận. Cơ sở có thể vẫn gửi.", "A finding that blocks payment holds back the insurer's leg only; others go on. The facility may send anyway."))
	}
	return append(list, stop{"operator", "/legs", say("Hàng đợi tới từng nơi nhận", "Queues to every destination"),
		say("Bao nhiêu chờ, bao nhiêu dừng, cầu dao nào đang ngắt. Vài phút một lần cổng BHXH giả lập ngừng 25 giây.", "What waits, what is parked, which breaker is open. Every few minutes the simulated insurer is away for 25 seconds."), open},
		stop{"operator", countsPath, say("Đếm ở hai đầu", "Counted at both ends"),
			say("Số nhánh hub đã giao và số bản ghi nằm ở từng dịch vụ giả lập.", "What the hub has delivered, and what lies at each simulated service."), open})
}

// first returns the newest record with a leg like that.
func first(ctx context.Context, legs masked.Legs, f store.LegFilter) (dossier.ID, bool) {
	f.Limit = 1
	list, _, err := legs.List(ctx, everything, f)
	if err != nil || len(list) == 0 {
		return dossier.ID{}, false
	}
	return list[0].Record, true
}

// arrived returns a record that has legs to several destinations, all done.
func arrived(ctx context.Context, legs masked.Legs) (dossier.ID, bool) {
	list, _, err := legs.List(ctx, everything, store.LegFilter{State: exchange.Done, Destination: toInsurer, Limit: 20})
	if err != nil {
		return dossier.ID{}, false
	}
	for i := range list {
		of, err := legs.Of(ctx, list[i].Record)
		done := 0
		for j := range of {
			if of[j].State == exchange.Done {
				done++
			}
		}
		if err == nil && done > 1 && done == len(of) {
			return list[i].Record, true
		}
	}
	return dossier.ID{}, false
}

// countsPath is the demo's own page.
const countsPath = "/try/counts"

// row is one destination on it.
type row struct {
	ID      string
	Name    fault.Text
	URL     string
	Hub     store.LegQueue
	Done    int
	Breaker exchange.BreakerState
	There   tally.Counts
}

// counts shows what the hub says it delivered beside what lies at the far ends.
func (s *Show) counts(w http.ResponseWriter, r *http.Request) {
	rows, err := s.rows(r.Context())
	if err != nil {
		http.Error(w, "500", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	_ = countsPage.Execute(w, map[string]any{"Rows": rows, "At": time.Now().In(clock.Hanoi).Format(time.TimeOnly)}) // the reader went away
}

func (s *Show) rows(ctx context.Context) ([]row, error) {
	states, err := s.Ways(ctx)
	if err != nil {
		return nil, err
	}
	var rows []row
	for i := range states {
		x := s.far.of(states[i].ID)
		if x == nil {
			continue
		}
		done, err := s.Legs.Count(ctx, everything, store.LegFilter{Destination: x.ID, State: exchange.Done})
		if err != nil {
			return nil, err
		}
		rows = append(rows, row{ID: x.ID, Name: x.Name, URL: x.URL, Hub: states[i].Queue, Done: done, Breaker: states[i].Breaker, There: x.sim.Counts()})
	}
	return rows, nil
}

var countsPage = template.Must(template.New("counts").Parse(`<!DOCTYPE html>
<html lang="vi"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Đếm ở hai đầu · Liên Thông</title>
<style>
:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem;margin:0}p{max-width:46rem}table{border-collapse:collapse;width:100%;margin:1.5rem 0}
th,td{padding:.5rem .6rem;border-bottom:1px solid color-mix(in srgb,currentColor 18%,transparent);text-align:right;vertical-align:top}
th:first-child,td:first-child{text-align:left}thead th{font-weight:600;font-size:.85rem}td{font-variant-numeric:tabular-nums}small{opacity:.75}.wide{overflow-x:auto}
</style></head><body>
<p><a href="/try">← Dùng thử · Try</a></p>
<h1>Đếm ở hai đầu · <span lang="en">Counted at both ends</span></h1>
<p>Lúc {{.At}}. Bên trái là điều hub nói; bên phải là điều từng dịch vụ giả lập ghi sổ. Một bản ghi đến hai lần được đếm ở cột “lặp”. “Chờ” gồm cả nhánh đã tới nơi nhưng còn chờ nơi nhận kết luận.<br>
<span lang="en">Left what the hub says, right what each simulated service wrote down. What came twice is counted under “again”. “Waiting” includes legs that arrived and wait for a verdict.</span></p>
<div class="wide"><table><thead><tr><th>Nơi nhận<br><small lang="en">destination</small></th><th>đã giao<br><small lang="en">done</small></th><th>chờ<br><small lang="en">waiting</small></th><th>giữ<br><small lang="en">held</small></th><th>dừng<br><small lang="en">parked</small></th><th>cầu dao<br><small lang="en">breaker</small></th>
<th>ở đó: khác nhau<br><small lang="en">there: distinct</small></th><th>hiện giữ<br><small lang="en">kept now</small></th><th>lặp<br><small lang="en">again</small></th><th>yêu cầu<br><small lang="en">requests</small></th></tr></thead><tbody>
{{range .Rows}}<tr><td>{{.Name.VI}}<br><small lang="en">{{.Name.EN}}</small><br><small><a href="{{.URL}}/simulator/counts">{{.ID}}</a></small></td><td>{{.Done}}</td><td>{{.Hub.Waiting}}</td><td>{{.Hub.Held}}</td><td>{{.Hub.Parked}}</td><td>{{if eq .Breaker "closed"}}đóng<br><small lang="en">closed</small>{{else}}ngắt<br><small lang="en">{{.Breaker}}</small>{{end}}</td>
<td>{{.There.Distinct}}</td><td>{{.There.Held}}</td><td>{{.There.Duplicates}}</td><td>{{.There.Requests}}</td></tr>
{{end}}</tbody></table></div>
<p>Cổng BHXH còn giữ hồ sơ của cơ sở tự gửi (không qua hub), và chuyển tiếp vào sổ sức khỏe: hai số ở đó vì vậy lớn hơn.<br>
<span lang="en">The insurer also holds what facilities sent it by themselves, and passes dossiers on into the health book: these two counts are larger for it.</span></p>
</body></html>`))
