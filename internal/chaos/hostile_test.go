//go:build linux

package chaos_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"lienthong/internal/chaos"
)

var updateGolden = flag.Bool("update-golden", false, "write testdata/hostile/bodies.golden anew, to be read before it is committed")

// What one hostile body may cost (TRUST R10).
const (
	mostCPU    = time.Second
	mostMemory = 64 << 20
)

// cost is what a body cost the hub.
type cost struct {
	cpu    time.Duration
	memory int64 // bytes the resident set grew by, at its highest
}

// meter reads what a process has used.
type meter struct{ pid int }

// begin forgets the highest resident set so far.
func (m meter) begin() (at cost, err error) {
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", m.pid), []byte("5"), 0); err != nil {
		return at, err
	}
	return m.read("VmRSS:")
}

func (m meter) read(field string) (at cost, err error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", m.pid))
	if err != nil {
		return at, err
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	cells := strings.Fields(rest) // from the state on: utime and stime are the 12th and 13th, in hundredths
	for _, c := range cells[11:13] {
		ticks, err := strconv.ParseInt(c, 10, 64)
		if err != nil {
			return at, err
		}
		at.cpu += time.Duration(ticks) * 10 * time.Millisecond
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", m.pid))
	if err != nil {
		return at, err
	}
	_, line, _ := strings.Cut(string(status), field)
	kib, err := strconv.ParseInt(strings.Fields(line)[0], 10, 64)
	at.memory = kib << 10
	return at, err
}

// end tells what was used since begin.
func (m meter) end(from cost) (cost, error) {
	to, err := m.read("VmHWM:")
	return cost{to.cpu - from.cpu, to.memory - from.memory}, err
}

// told is an answer in one line: status, then what was said of each dossier.
func told(status int, list []result) string {
	words := []string{"HTTP", strconv.Itoa(status)}
	for i, r := range list {
		switch {
		case i == 4:
			return strings.Join(append(words, "..."), " ")
		case r.Refused:
			words = append(words, "refused "+r.Code)
		case r.State != "":
			words = append(words, r.State)
		default:
			words = append(words, r.Code)
		}
	}
	return strings.Join(words, " ")
}

// hostilities sends every body to a hub and returns what was wrong, and what
// each was told.
func hostilities(t *testing.T, how string, list []hostile) (answers, wrong []string, worst cost) {
	t.Helper()
	n := nation(t, 4750)
	p := &patient{t: t, n: n, listen: port(t), at: t.TempDir(), how: how}
	p.f = found(t, p.at, "sqlite", n)
	p.sender = newSender(t, n, "http://"+p.listen, p.f)
	p.sender.http.Timeout = time.Minute
	p.hub = launch(t, p.at, p.listen, how)
	defer p.discharge()
	check(t, p.hub.await())
	token, err := p.sender.clients[list[0].facility].Token(context.Background())
	check(t, err)
	m := meter{p.hub.cmd.Process.Pid}
	for _, h := range list {
		from, err := m.begin()
		check(t, err)
		status, results, err := p.sender.send(context.Background(), token, h.body, append([]string{"Content-Type", "application/xml", "Accept", "application/json"}, h.header...)...)
		used, e := m.end(from)
		if e != nil {
			wrong = append(wrong, h.name+": the hub is gone: "+e.Error())
			break
		}
		worst.cpu, worst.memory = max(worst.cpu, used.cpu), max(worst.memory, used.memory)
		answers = append(answers, h.name+"\t"+told(status, results))
		switch {
		case err != nil:
			wrong = append(wrong, fmt.Sprintf("%s: %v", h.name, err))
		case used.cpu > mostCPU || used.memory > mostMemory:
			wrong = append(wrong, fmt.Sprintf("%s: %s of CPU, %d MiB", h.name, used.cpu, used.memory>>20))
		}
	}
	if said := p.hub.said.String(); strings.Contains(said, "panic") {
		wrong = append(wrong, "a panic: "+said)
	}
	return answers, wrong, worst
}

func TestR10HostileBodies(t *testing.T) { // alone: it measures
	run := chaos.Begin(t, chaos.Plan{Name: "R10 hostile bodies, sqlite", Quick: 1, All: 1})
	list := hostileBodies(t)
	if !run.Full() { // the largest cost seconds to make and to send
		list = smaller(list)
	}
	run.Rounds = len(list)
	answers, wrong, worst := hostilities(t, "", list)
	for _, w := range wrong {
		t.Error(w)
	}
	path := filepath.Join("..", "..", "testdata", "hostile", "bodies.golden")
	if *updateGolden {
		check(t, os.WriteFile(path, []byte(strings.Join(answers, "\n")+"\n"), 0o644))
	}
	golden, err := os.ReadFile(path)
	check(t, err)
	different := compare(answers, string(golden))
	for _, d := range different {
		t.Error(d)
	}
	_, found, _ := hostilities(t, brokenLax, list[:2])
	run.Control(len(found) >= 2, "a hub that wastes CPU and memory, and panics: %d complaints", len(found))
	run.Control(len(compare([]string{"a bomb\tHTTP 200 accepted"}, string(golden))) > 0, "an answer that is not the golden file's")
	run.End("%d bodies, 0 panics, answers as in the golden file, at most %d ms of CPU and %d MiB each", len(list), worst.cpu.Milliseconds(), worst.memory>>20)
}

// smaller leaves out the bodies of many megabytes.
func smaller(list []hostile) (out []hostile) {
	for _, h := range list {
		if len(h.body) < 8<<20 {
			out = append(out, h)
		}
	}
	return out
}

// compare tells which answers are not in the golden file as they are.
func compare(answers []string, golden string) (different []string) {
	want := map[string]bool{}
	for line := range strings.Lines(golden) {
		want[strings.TrimSuffix(line, "\n")] = true
	}
	for _, a := range answers {
		if !want[a] {
			different = append(different, "not in the golden file: "+a)
		}
	}
	return different
}
