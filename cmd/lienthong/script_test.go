package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"lienthong/internal/clock"
	"lienthong/internal/store/postgres"
	"lienthong/internal/store/postgres/pgtest"
)

func TestMain(m *testing.M) {
	testscript.Main(pgM{m}, map[string]func(){"lienthong": main})
}

// pgM stops the private PostgreSQL, if one was started, when the scripts are done.
type pgM struct{ m *testing.M }

// Run runs the tests.
func (p pgM) Run() int { return pgtest.Main(p.m) }

func TestScripts(t *testing.T) { runScripts(t, "") }

// TestScriptsOnPostgres runs the same scripts with the hub's rows in PostgreSQL.
func TestScriptsOnPostgres(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED, NOT TESTED: -short leaves PostgreSQL out")
	}
	pgtest.Database(t) // skips loudly where there is none
	runScripts(t, "postgres")
}

func runScripts(t *testing.T, engine string) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			for _, name := range []string{"PORT", "OPS", "AGENT"} {
				port, err := freePort()
				if err != nil {
					return err
				}
				e.Setenv(name, port)
			}
			guide, err := filepath.Abs("../../doc/guide")
			if err != nil {
				return err
			}
			e.Setenv("GUIDE", guide)
			e.Setenv("LIENTHONG_LANG", "en")
			e.Setenv("TODAY", time.Now().In(clock.Hanoi).Format(time.DateOnly))
			e.Setenv("MONTH", time.Now().In(clock.Hanoi).Format("200601"))
			if engine == "" {
				return nil
			}
			e.Setenv("DATABASE", e.WorkDir+"/database.url")
			return os.WriteFile(e.WorkDir+"/database.url", []byte(pgtest.Copy(e.T().(testing.TB), postgres.Migrate)+"\n"), 0o600)
		},
		Condition: func(c string) (bool, error) {
			if c == "sqlite" {
				return engine == "", nil
			}
			_, err := exec.LookPath(c)
			return err == nil, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"mkhub": mkhub, "mkcert": mkcert, "await": await, "json": field, "pick": pick, "fetch": fetch, "until": until,
		},
	})
}

// mkhub DIR: init, on the engine the scripts run on.
func mkhub(ts *testscript.TestScript, neg bool, args []string) {
	flags := []string{"init", "--data", args[0]}
	if file := ts.Getenv("DATABASE"); file != "" {
		flags = append(flags, "--database", file)
	}
	ts.Check(ts.Exec("lienthong", flags...))
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return fmt.Sprint(l.Addr().(*net.TCPAddr).Port), nil
}

// mkcert PREFIX TAX [CA]: writes PREFIX.key and PREFIX.crt, issued by CA.key and CA.crt where one is named.
func mkcert(ts *testscript.TestScript, neg bool, args []string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	subject := pkix.Name{CommonName: args[0], ExtraNames: []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{2, 5, 4, 5}, Value: "MST-" + args[1]}}}
	c := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: subject, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(24 * time.Hour), IsCA: len(args) == 2, BasicConstraintsValid: true}
	parent, signer := c, key
	if len(args) == 3 {
		block, _ := pem.Decode([]byte(ts.ReadFile(args[2] + ".crt")))
		parent, err = x509.ParseCertificate(block.Bytes)
		ts.Check(err)
		block, _ = pem.Decode([]byte(ts.ReadFile(args[2] + ".key")))
		k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		ts.Check(err)
		signer = k.(*ecdsa.PrivateKey)
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	ts.Check(err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600))
}

// await PORT: waits until something listens there.
func await(ts *testscript.TestScript, neg bool, args []string) {
	for range 300 {
		c, err := net.Dial("tcp", "127.0.0.1:"+args[0])
		if err == nil {
			ts.Check(c.Close())
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	ts.Fatalf("nothing listens at port %s", args[0])
}

// until PATTERN COMMAND ARGS...: runs a command again and again until it prints
// what is looked for, whether it succeeds or not; at most for half a minute.
func until(ts *testscript.TestScript, neg bool, args []string) {
	re, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		failed := ts.Exec(args[1], args[2:]...)
		if said := ts.ReadFile("stdout"); re.MatchString(said) {
			return
		} else if time.Now().After(end) {
			ts.Fatalf("%q did not come; last: %s%s, %v", args[0], said, ts.ReadFile("stderr"), failed)
		}
	}
}

// json FILE MEMBER NAME: puts a member of the first JSON document of FILE into the
// environment, and writes one that is an object to the file NAME.
func field(ts *testscript.TestScript, neg bool, args []string) {
	var doc map[string]json.RawMessage
	ts.Check(json.NewDecoder(strings.NewReader(ts.ReadFile(args[0]))).Decode(&doc))
	value := doc[args[1]]
	if len(value) > 0 && value[0] == '{' {
		ts.Check(os.WriteFile(ts.MkAbs(args[2]), value, 0o600))
		return
	}
	var text any
	ts.Check(json.Unmarshal(value, &text))
	ts.Setenv(args[2], fmt.Sprint(text))
}

// pick FILE PREFIX NAME: puts what follows PREFIX on its line into the environment.
func pick(ts *testscript.TestScript, neg bool, args []string) {
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		if rest, ok := strings.CutPrefix(line, args[1]); ok {
			ts.Setenv(args[2], strings.TrimSpace(rest))
			return
		}
	}
	ts.Fatalf("%s has no line that begins with %q", args[0], args[1])
}

// fetch URL FILE: writes what a GET answers.
func fetch(ts *testscript.TestScript, neg bool, args []string) {
	r, err := http.Get(args[0])
	ts.Check(err)
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	ts.Check(err)
	if (r.StatusCode == http.StatusOK) == neg {
		ts.Fatalf("%s answers %s", args[0], r.Status)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), b, 0o600))
}
