package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"lienthong/internal/agent"
	"lienthong/internal/clock"
	"lienthong/internal/command"
	"lienthong/internal/fault"
	"lienthong/internal/finding"
	"lienthong/internal/grade"
	"lienthong/internal/hub"
	"lienthong/internal/intake"
	"lienthong/internal/kind"
	"lienthong/internal/quality/catalogue"
	"lienthong/internal/rehearsal"
	"lienthong/internal/score/told"
	"lienthong/internal/seal"
	"lienthong/internal/trust"
)

type dossierCmd struct {
	Check checkCmd `cmd:"" help:"Judge files as the hub would, offline."`
	Sign  signCmd  `cmd:"" help:"Sign a file with an enveloped XML signature, as the insurer expects it."`
	Rules rulesCmd `cmd:"" help:"Print the catalogue of rules."`
}

type checkCmd struct {
	JSON  bool     `name:"json" help:"One JSON line for each dossier or refused file."`
	Data  string   `help:"Directory of a hub whose facilities and trust to judge by; without it trust is unknown." type:"path"`
	Files []string `arg:"" name:"file" help:"Files to judge." type:"existingfile"`
}

// Run judges each file. The answer is no when one is refused or rejected.
func (c *checkCmd) Run(ctx context.Context, s *command.Streams) error {
	checker, err := c.checker(ctx)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(s.Out)
	defer out.Flush()
	no := false
	for _, path := range c.Files {
		if len(c.Files) > 1 && agent.LiesBeside(path) {
			continue // judged with the file it lies beside
		}
		raw, err := command.ReadLimited(path)
		var p *intake.Preview
		if err == nil {
			f := intake.File{Name: path, Bytes: raw}
			if err = beside(&f, path); err == nil {
				p, err = checker.Check(ctx, f, clock.System{}.Now())
			}
		}
		if err != nil && fault.KindOf(err) == fault.Broken {
			return err
		}
		if err != nil {
			no = true
			if err := c.refused(s, out, path, err); err != nil {
				return err
			}
			continue
		}
		for _, x := range p.Papers {
			no = true
			if err := c.refused(s, out, x.File, fault.New(fault.Invalid, x.Code, x.Message.VI, x.Message.EN)); err != nil {
				return err
			}
		}
		for i := range p.Results {
			no = no || !p.Results[i].State.IsAccepted()
			if err := c.judged(s, out, p, &p.Results[i]); err != nil {
				return err
			}
		}
	}
	if no {
		return command.ErrNo
	}
	return nil
}

func (c *checkCmd) checker(ctx context.Context) (*intake.Checker, error) {
	seals, err := seal.NewVerifier(seal.Config{})
	if err != nil {
		return nil, err
	}
	checker := &intake.Checker{Kinds: hub.Kinds(), Seals: seals, Rules: hub.Rules}
	if c.Data == "" {
		return checker, nil
	}
	p, err := command.OpenPlace(c.Data)
	if err != nil {
		return nil, err
	}
	open, err := p.Open(command.Quiet().Logger)
	if err != nil {
		return nil, err
	}
	slices, err := open(ctx, nil)
	if err != nil {
		return nil, err
	}
	d, err := slices.Facilities.Load(ctx)
	live := rehearsal.NewLive(hub.Rules(), hub.RuleCompiler(), slices.House.Rules, command.Quiet().Logger)
	checker.Rules = live.Pack
	var graded error
	if checker.Scores, graded = grade.Read(ctx, slices.House.Scores); graded != nil {
		err = errors.Join(err, graded)
	}
	if err := errors.Join(err, live.Refresh(ctx), slices.Close()); err != nil {
		return nil, err
	}
	checker.Trust, err = trust.NewView(d)
	return checker, err
}

func (c *checkCmd) refused(s *command.Streams, out *bufio.Writer, path string, why error) error {
	f := fault.Of(why)
	if c.JSON {
		return writeLine(out, intake.Refused{File: path, Refused: true, Code: f.Code, Message: f.Text})
	}
	_, err := fmt.Fprintf(out, "%s: refused %s: %s\n", path, f.Code, f.Text.In(s.Lang))
	return err
}

func (c *checkCmd) judged(s *command.Streams, out *bufio.Writer, p *intake.Preview, r *intake.Result) error {
	if c.JSON {
		return writeLine(out, struct {
			*intake.Result
			Trust string `json:"trust"`
		}{r, p.Seal})
	}
	if _, err := fmt.Fprintf(out, "%s[%d] %s %s (seal %s)\n", r.File, r.Index, r.Episode, r.State, p.Seal); err != nil {
		return err
	}
	if err := showFindings(out, s.Lang, r.Findings); err != nil || r.Quality == nil {
		return err
	}
	return showQuality(out, s.Lang, r.Quality)
}

// showQuality prints the words with their numbers, and what fails.
func showQuality(out io.Writer, lang string, q *told.Report) error {
	line := "  " + q.Sheet
	for _, w := range q.Words {
		if w.Applicable() {
			line += fmt.Sprintf(" · %s %d/%d", w.Title.In(lang), w.Passed, w.Applied)
		}
	}
	for _, f := range q.Failed {
		line += fmt.Sprintf("\n  %-7s %s: %s", "quality", f.Check, f.Text.In(lang))
	}
	_, err := fmt.Fprintln(out, line)
	return err
}

// showFindings prints one line for each: what, where, and what to do.
func showFindings(out io.Writer, lang string, findings []finding.Finding) error {
	for _, f := range findings {
		place := f.Table
		if f.Row > 0 {
			place = fmt.Sprintf("%s %d", place, f.Row)
		}
		if _, err := fmt.Fprintf(out, "  %-7s %s %s %s: %s %s\n", f.Severity, f.Code, place, f.Field, f.Message.In(lang), f.Hint.In(lang)); err != nil {
			return err
		}
	}
	return nil
}

func writeLine(out *bufio.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = out.Write(append(b, '\n'))
	return err
}

type signCmd struct {
	Key  string `required:"" help:"Private key (PEM), or a PKCS#12 file with key and certificate." type:"existingfile"`
	Cert string `help:"Certificate (PEM), with its chain; not needed with PKCS#12." type:"existingfile"`
	Pass string `name:"password-file" help:"File with the PKCS#12 password." type:"existingfile"`
	As   string `help:"Who signs a file that a person and the facility sign." enum:"person,facility," default:""`
	Out  string `short:"o" required:"" help:"File to write." type:"path"`
	File string `arg:"" help:"File to sign." type:"existingfile"`

	Detached bool `help:"Write a detached seal (NAME.jws) even where the file has a place for a signature."`
}

// Run signs the file into its container, by the kind its root names.
func (c *signCmd) Run(s *command.Streams) error {
	pair, err := c.pair()
	if err != nil {
		return err
	}
	raw, err := command.ReadLimited(c.File)
	if err != nil {
		return err
	}
	if bytes.HasPrefix(raw, []byte("%PDF-")) { // a paper, to lie beside a file
		return c.detached(s, pair, raw)
	}
	sealing, err := sealingOf(hub.Kinds(), raw)
	if err != nil {
		return err
	}
	var signed []byte
	switch inside := sealing.Inside; {
	case inside == nil:
		// A slip has a place for a signature, or none: then the seal lies beside it.
		if signed, err = pair.Sign(raw, "CHUKYDONVI"); err != nil || c.Detached {
			return c.detached(s, pair, raw)
		}
	case len(inside.Holders) > 0:
		signed, err = c.held(pair, raw, sealing)
	default:
		if err = unsigned(raw, inside.Container); err == nil {
			signed, err = pair.Sign(raw, inside.Container)
		}
	}
	if err != nil {
		return err
	}
	if err := os.WriteFile(c.Out, signed, 0o600); err != nil {
		return err
	}
	fmt.Fprintln(s.Out, "signed:", c.Out)
	return nil
}

// held signs into the holder of whom --as names: the person first, then the
// facility, whose signature covers the person's.
func (c *signCmd) held(pair seal.KeyPair, raw []byte, sealing kind.Sealing) ([]byte, error) {
	for i, holder := range sealing.Inside.Holders {
		who := "facility"
		if sealing.Of(i) == kind.ByPerson {
			who = "person"
		}
		if who == c.As {
			return pair.SignHolder(raw, sealing.Inside.Container, holder)
		}
	}
	return nil, errHolder
}

var errSigned = fault.New(fault.Conflict, "seal.present",
	"Tệp đã có chữ ký số; ký thêm sẽ bị hub trả lại. Ký từ bản chưa ký.",
	"The file is signed already; a second signature would be refused. Sign the unsigned file.")

// unsigned tells that no signature is in the file: a second one would spoil it.
func unsigned(raw []byte, container string) error {
	v, err := seal.NewVerifier(seal.Config{})
	if err != nil {
		return err
	}
	_, err = v.Verify(raw, seal.Expect{Container: container, Count: 1})
	switch {
	case errors.Is(err, seal.ErrMissing):
		return nil
	case err == nil:
		return errSigned
	}
	return err
}

func (c *signCmd) pair() (seal.KeyPair, error) {
	key, err := os.ReadFile(c.Key)
	if err != nil {
		return seal.KeyPair{}, err
	}
	if c.Cert == "" && bytes.Contains(key, []byte("-----BEGIN ")) {
		return seal.KeyPair{}, errPair
	}
	if c.Cert == "" {
		password := ""
		if c.Pass != "" {
			b, err := os.ReadFile(c.Pass)
			if err != nil {
				return seal.KeyPair{}, err
			}
			password = string(command.TrimNewline(b))
		}
		return seal.LoadPKCS12(key, password)
	}
	cert, err := os.ReadFile(c.Cert)
	if err != nil {
		return seal.KeyPair{}, err
	}
	return seal.LoadPEM(key, cert)
}

// sealingOf opens the file to learn where its kind wants the signature.
func sealingOf(kinds *kind.Registry, raw []byte) (kind.Sealing, error) {
	reader, err := kinds.Pick(raw)
	if err != nil {
		return kind.Sealing{}, err
	}
	f, err := reader.Open(raw)
	if err != nil {
		return kind.Sealing{}, err
	}
	return f.Sealing(), nil
}

// detached writes the detached seal of the file: OUT is to lie beside it, named
// as the file with .jws behind.
func (c *signCmd) detached(s *command.Streams, pair seal.KeyPair, raw []byte) error {
	token, err := pair.SignDetached(raw)
	if err != nil {
		return err
	}
	if err := os.WriteFile(c.Out, []byte(token), 0o600); err != nil {
		return err
	}
	words := map[bool]string{true: "detached seal: %s; it goes with the file as %s\n", false: "chữ ký tách rời: %s; gửi kèm tệp với tên %s\n"}
	_, err = fmt.Fprintf(s.Out, words[s.Lang == "en"], c.Out, c.File+".jws")
	return err
}

type rulesCmd struct {
	JSON     bool `name:"json" help:"As JSON."`
	Markdown bool `help:"As the page doc/guide/error-catalogue.md."`
}

// Run prints the catalogue.
func (c *rulesCmd) Run(s *command.Streams) error {
	p := hub.Rules()
	switch {
	case c.JSON:
		return catalogue.JSON(s.Out, p, intake.Refusals())
	case c.Markdown:
		return catalogue.Markdown(s.Out, p, intake.Refusals(), "vi", "en")
	}
	for _, f := range intake.Refusals() {
		fmt.Fprintf(s.Out, "%-34s %-8s %s\n", f.Code, "refuses", f.Text.In(s.Lang))
	}
	for _, r := range p.Rules() {
		weight := string(r.Severity)
		if r.Rejects {
			weight = "rejects"
		}
		fmt.Fprintf(s.Out, "%-34s %-8s %s\n", r.Code, weight, r.Text.In(s.Lang))
	}
	return nil
}

var (
	errHolder = fault.New(fault.Invalid, "usage.flag_missing",
		"Tệp này do cá nhân rồi đến cơ sở ký: chạy với --as person, sau đó với --as facility.",
		"A person and then the facility sign this file: run it with --as person, then with --as facility.")
	errPair = fault.New(fault.Invalid, "usage.flag_missing",
		"Khóa PEM cần kèm chứng thư: thêm --cert.", "A PEM key needs its certificate too: add --cert.")
)
