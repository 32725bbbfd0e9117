package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// errMissing: there is no PostgreSQL on this machine.
var errMissing = errors.New("no PostgreSQL server found (initdb and postgres)")

// cluster is a running server in a directory of its own.
type cluster struct {
	dir   string              // holds data, socket and server.log
	life  io.Closer           // closing it ends the watchdog and with it the server
	ended <-chan error        // its end
	owner *syscall.Credential // nil: the user that runs the tests
}

// The watchdog: a shell in a session of its own holds the server as its child
// and waits for the end of its standard input, which the kernel brings about
// when the test binary ends, however it ends. Then it stops the server at once
// (the data is thrown away) and removes the directory.
const watchdog = `
"$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= -c fsync=on -c synchronous_commit=on \
  -c shared_buffers=64MB -c max_connections=120 -c max_wal_size=1GB -c log_lock_waits=on \
  >"$2/server.log" 2>&1 </dev/null &
server=$!
cat >/dev/null
kill -QUIT $server 2>/dev/null
wait $server
cd /
rm -rf "$2"
`

func start() (*cluster, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	c := &cluster{}
	if c.owner, err = serverUser(); err != nil {
		return nil, err
	}
	if c.dir, err = os.MkdirTemp("", "pgtest-"); err != nil {
		return nil, err
	}
	if c.owner != nil {
		if err := os.Chown(c.dir, int(c.owner.Uid), int(c.owner.Gid)); err != nil {
			return nil, errors.Join(err, os.RemoveAll(c.dir))
		}
	}
	if err := os.Chmod(c.dir, 0o755); err != nil {
		return nil, errors.Join(err, os.RemoveAll(c.dir))
	}
	if err := c.initialise(bin); err != nil {
		return nil, errors.Join(err, os.RemoveAll(c.dir))
	}
	if err := c.launch(bin); err != nil {
		return nil, err
	}
	return c, nil
}

// binaries finds the directory of initdb and postgres: on PATH, else the
// newest version where Debian puts them.
func binaries() (string, error) {
	if initdb, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(initdb); err == nil {
			return filepath.Dir(real), nil
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errMissing
	}
	version := func(path string) int {
		n, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
		if err != nil {
			return 0 // not a number: the oldest
		}
		return n
	}
	return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })), nil
}

// serverUser returns who runs the server: PostgreSQL refuses root, so there it
// is the user postgres.
func serverUser() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("%w: as root the server runs as user postgres: %w", errMissing, err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

func (c *cluster) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = c.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.owner, Setsid: true}
	return cmd
}

func (c *cluster) initialise(bin string) error {
	common := []string{"-D", filepath.Join(c.dir, "data"), "-U", "postgres", "--auth=trust", "-E", "UTF8", "--no-sync", "--locale=C.UTF-8"}
	vietnamese := append(slices.Clone(common), "--locale-provider=icu", "--icu-locale=vi")
	if _, err := c.command(filepath.Join(bin, "initdb"), vietnamese...).CombinedOutput(); err == nil {
		return nil
	}
	if err := os.RemoveAll(filepath.Join(c.dir, "data")); err != nil {
		return err
	}
	if out, err := c.command(filepath.Join(bin, "initdb"), common...).CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

func (c *cluster) launch(bin string) error {
	cmd := c.command("/bin/sh", "-c", watchdog, "pgtest", bin, c.dir)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return errors.Join(err, os.RemoveAll(c.dir))
	}
	if err := cmd.Start(); err != nil {
		return errors.Join(err, os.RemoveAll(c.dir))
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	c.life, c.ended = stdin, ended
	if err := c.ready(); err != nil {
		log, _ := os.ReadFile(filepath.Join(c.dir, "server.log")) // absent: nothing to add
		return errors.Join(fmt.Errorf("server did not start: %w\n%s", err, log), c.stop())
	}
	return nil
}

// ready waits until the server answers.
func (c *cluster) ready() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, c.url("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop ends the watchdog, which stops the server and removes the directory.
func (c *cluster) stop() error {
	if err := c.life.Close(); err != nil {
		return err
	}
	select {
	case err := <-c.ended:
		return err
	case <-time.After(30 * time.Second):
		return errors.New("the server did not stop within 30 seconds")
	}
}

func (c *cluster) url(database string) string {
	u := url.URL{Scheme: "postgres", User: url.User("postgres"), Path: "/" + database,
		RawQuery: url.Values{"host": {c.dir}, "port": {"5432"}, "sslmode": {"disable"}}.Encode()}
	return u.String()
}
