package update

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/mod/semver"
	"golang.org/x/mod/sumdb/note"

	"lienthong/internal/fault"
)

var (
	// ErrKey (update.key): no key to check updates with, or not one.
	ErrKey = fault.New(fault.Invalid, "update.key",
		"Chưa có khóa kiểm tra bản cập nhật, hoặc khóa sai dạng. Đặt khóa bằng agent setup --update-key, hoặc mục update trong agent.json.",
		"There is no key to check updates with, or it is not of its form. Set one with agent setup --update-key, or update in agent.json.")
	// ErrManifest (update.manifest): not signed by the key, or not of its form.
	ErrManifest = fault.New(fault.Invalid, "update.manifest",
		"Danh mục cập nhật không do khóa đã biết ký, hoặc không đúng dạng. Không cài gì cả.",
		"The update's manifest is not signed by the known key, or not of its form. Nothing was installed.")
	// ErrOlder (update.older): a version older than the one that runs.
	ErrOlder = fault.New(fault.Conflict, "update.older",
		"Bản này cũ hơn bản đang chạy. Chỉ cài khi thật cần, với --allow-older.",
		"This version is older than the one that runs. Install it only where it is needed, with --allow-older.")
	// ErrNoProgram (update.no_program): nothing for this kind of machine.
	ErrNoProgram = fault.New(fault.Absent, "update.no_program",
		"Bản cập nhật không có chương trình cho loại máy này.", "The update has no program for this kind of machine.")
	// ErrProgram (update.program): the program is not the one that was signed for.
	ErrProgram = fault.New(fault.Invalid, "update.program",
		"Chương trình tải về không đúng với danh mục đã ký: bị cắt hoặc bị sửa. Không cài gì cả; thử lại.",
		"The program that was fetched is not the one signed for: cut or changed. Nothing was installed; try again.")
	// ErrFetch (update.fetch): manifest or program could not be had.
	ErrFetch = fault.New(fault.Busy, "update.fetch",
		"Không lấy được bản cập nhật. Kiểm tra địa chỉ, đường truyền hoặc tệp rồi thử lại.",
		"The update could not be fetched. Check address, line or file and try again.")
	// ErrPlace (update.place): the program could not be put in its place.
	ErrPlace = fault.New(fault.Withheld, "update.place",
		"Không thay được tệp chương trình. Chạy bằng quyền quản trị; bản cũ vẫn còn nguyên.",
		"The program's file could not be replaced. Run as administrator; the old version is as it was.")
	// ErrSick (update.sick): the new version does not work; the old one was put back.
	ErrSick = fault.New(fault.Conflict, "update.sick",
		"Bản mới không chạy được nên đã trở về bản trước.", "The new version does not work, so the previous one was put back.")
	// ErrNoPrevious (update.no_previous): nothing to go back to.
	ErrNoPrevious = fault.New(fault.Absent, "update.no_previous",
		"Không có bản trước để trở về.", "There is no previous version to go back to.")
)

const (
	header      = "lienthong/update/v1"
	maxManifest = 64 << 10
	maxProgram  = 512 << 20
	maxPrograms = 64
)

// Manifest says what a release is. Its bytes are a C2SP signed note whose text is
//
//	lienthong/update/v1
//	version 1.4.0
//	issued 2026-11-22T08:00:00Z
//	linux/amd64 lienthong-linux-amd64 23068672 9f86...0a08
//
// with one line for each program: platform, file name beside the manifest, bytes,
// SHA-256. Nothing else is a manifest.
type Manifest struct {
	Version  string // semantic version without v
	Issued   time.Time
	Programs []Program
}

// Program is the program for one kind of machine.
type Program struct {
	Platform string // GOOS/GOARCH
	Name     string // of the file, beside the manifest
	Size     int64
	Sum      [sha256.Size]byte
}

var (
	platform = regexp.MustCompile(`^[a-z0-9]{1,16}/[a-z0-9]{1,16}$`)
	fileName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)
)

// CheckKey refuses what is no verifier key. Fault: update.key.
func CheckKey(key string) error {
	if _, err := note.NewVerifier(strings.TrimSpace(key)); err != nil {
		return ErrKey.Because(err)
	}
	return nil
}

// OpenManifest checks the signature of a manifest with a verifier key
// ("name+hash+base64") and reads it. Faults: update.key, update.manifest.
func OpenManifest(b []byte, key string) (Manifest, error) {
	v, err := note.NewVerifier(strings.TrimSpace(key))
	if err != nil {
		return Manifest{}, ErrKey.Because(err)
	}
	if len(b) > maxManifest {
		return Manifest{}, ErrManifest.Because(errors.New("too long"))
	}
	n, err := note.Open(b, note.VerifierList(v))
	if err != nil {
		return Manifest{}, ErrManifest.Because(err)
	}
	m, err := parse(n.Text)
	if err != nil {
		return Manifest{}, ErrManifest.Because(err)
	}
	return m, nil
}

func parse(text string) (Manifest, error) {
	lines := strings.Split(text, "\n")
	if !utf8.ValidString(text) || len(lines) < 5 || lines[0] != header || lines[len(lines)-1] != "" {
		return Manifest{}, errors.New("not a manifest")
	}
	var m Manifest
	version, ok := strings.CutPrefix(lines[1], "version ")
	if !ok || !ValidVersion(version) {
		return m, errors.New("no version")
	}
	issued, ok := strings.CutPrefix(lines[2], "issued ")
	at, err := time.Parse(time.RFC3339, issued)
	if !ok || err != nil {
		return m, errors.New("no time of issue")
	}
	m.Version, m.Issued = version, at
	for _, line := range lines[3 : len(lines)-1] {
		p, err := parseProgram(line)
		if err != nil {
			return m, err
		}
		if _, twice := m.For(p.Platform); twice || len(m.Programs) == maxPrograms {
			return m, errors.New("a platform twice, or too many")
		}
		m.Programs = append(m.Programs, p)
	}
	return m, nil
}

func parseProgram(line string) (Program, error) {
	f := strings.Split(line, " ")
	if len(f) != 4 || !platform.MatchString(f[0]) || !fileName.MatchString(f[1]) {
		return Program{}, errors.New("a program's line is not of its form")
	}
	size, err := strconv.ParseInt(f[2], 10, 64)
	if err != nil || size <= 0 || size > maxProgram || strconv.FormatInt(size, 10) != f[2] {
		return Program{}, errors.New("a program's size")
	}
	p := Program{Platform: f[0], Name: f[1], Size: size}
	sum, err := hex.DecodeString(f[3])
	if err != nil || len(sum) != sha256.Size || strings.ToLower(f[3]) != f[3] {
		return Program{}, errors.New("a program's SHA-256")
	}
	copy(p.Sum[:], sum)
	return p, nil
}

// For returns the program for a platform (GOOS/GOARCH).
func (m Manifest) For(platform string) (Program, bool) {
	i := slices.IndexFunc(m.Programs, func(p Program) bool { return p.Platform == platform })
	if i < 0 {
		return Program{}, false
	}
	return m.Programs[i], true
}

// Sign writes and signs a manifest: for whoever makes releases. Fault:
// update.manifest for one that OpenManifest would not take.
func (m Manifest) Sign(s note.Signer) ([]byte, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nversion %s\nissued %s\n", header, m.Version, m.Issued.UTC().Format(time.RFC3339))
	for _, p := range m.Programs {
		fmt.Fprintf(&b, "%s %s %d %x\n", p.Platform, p.Name, p.Size, p.Sum)
	}
	if _, err := parse(b.String()); err != nil {
		return nil, ErrManifest.Because(err)
	}
	out, err := note.Sign(&note.Note{Text: b.String()}, s)
	if err != nil {
		return nil, ErrKey.Because(err)
	}
	return out, nil
}

// ValidVersion reports whether a version is a full semantic version without v.
func ValidVersion(v string) bool {
	return semver.IsValid("v"+v) && semver.Canonical("v"+v) == "v"+v
}

// compare orders versions; what is no version is before all others.
func compare(a, b string) int { return semver.Compare("v"+a, "v"+b) }

// stamped is set when a release is linked (-X); otherwise it is what is worked on.
var stamped = "0.4.0"

// Version returns the version of this program.
func Version() string { return stamped }
