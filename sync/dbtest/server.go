package dbtest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"milkrun/sync/sqldb"
)

var errAbsent = errors.New("not installed")

// startPostgres makes a cluster and serves it.
func startPostgres() (string, func(), error) {
	initdb, postgres := find("initdb"), find("postgres")
	if initdb == "" || postgres == "" {
		return "", nil, fmt.Errorf("postgresql: %w", errAbsent)
	}
	b, err := newBox("postgres")
	if err != nil {
		return "", nil, err
	}
	data := filepath.Join(b.dir, "data")
	err = b.run(initdb, "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
	if err == nil {
		err = b.serve(postgres, "-D", data, "-k", b.dir, "-c", "listen_addresses=", "-c", "fsync=off",
			"-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "shared_buffers=32MB")
	}
	dsn := "postgres://postgres@/postgres?host=" + b.dir
	return b.ready(dsn, err, func() error { return execute(sqldb.NewPostgres, dsn, "SELECT 1") })
}

// startMySQL makes a data directory and serves it, from MariaDB or MySQL.
func startMySQL() (string, func(), error) {
	install, server := find("mariadb-install-db"), find("mariadbd")
	prepare := []string{"--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"}
	if server == "" {
		server = find("mysqld")
		install, prepare = server, []string{"--no-defaults", "--initialize-insecure"}
	}
	if install == "" || server == "" {
		return "", nil, fmt.Errorf("mariadb-server or mysql-server: %w", errAbsent)
	}
	b, err := newBox("mysql")
	if err != nil {
		return "", nil, err
	}
	data, socket := filepath.Join(b.dir, "data"), filepath.Join(b.dir, "s")
	if err = b.run(install, append(prepare, "--datadir="+data)...); err == nil {
		err = b.serve(server, "--no-defaults", "--datadir="+data, "--socket="+socket, "--pid-file="+filepath.Join(b.dir, "pid"),
			"--skip-networking", "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=64M",
			"--character-set-server=utf8mb4")
	}
	dsn := "root@unix(" + socket + ")/mysql"
	return b.ready(dsn, err, func() error { return execute(sqldb.NewMySQL, dsn, "SELECT 1") })
}

// find returns the path of a server program; distributions keep them out of PATH.
func find(name string) string {
	if p, err := exec.LookPath(name); err == nil {
		return p
	}
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin/", "/usr/pgsql-*/bin/", "/usr/sbin/", "/usr/libexec/", "/usr/local/bin/"} {
		if all, _ := filepath.Glob(pattern + name); len(all) > 0 {
			slices.Sort(all)
			return all[len(all)-1]
		}
	}
	return ""
}

// box is a directory with a short path, as the path of a socket in it may have 107 bytes only, and the server in it.
type box struct {
	dir  string
	cred *syscall.Credential
	env  []string
	cmd  *exec.Cmd
	out  bytes.Buffer
	died chan struct{}
}

// newBox makes the directory. The servers refuse to run as root, so root hands it to their own user. Their temporary files
// stay in it too: a MariaDB that starts removes those of every other one in the same folder.
func newBox(account string) (*box, error) {
	dir, err := os.MkdirTemp("/tmp", "mr")
	if err != nil {
		return nil, err
	}
	b := &box{dir: dir, env: append(os.Environ(), "HOME="+dir, "TMPDIR="+dir)}
	if os.Getuid() != 0 {
		return b, nil
	}
	u, err := user.Lookup(account)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32)
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	b.cred = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return b, os.Chown(dir, int(uid), int(gid))
}

func (b *box) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...) //nolint:gosec,noctx // the servers that find found; stop ends them
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = b.dir, b.env, &b.out, &b.out
	// The server goes with the test process, however that ends.
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: b.cred, Pdeathsig: syscall.SIGTERM}
	return cmd
}

func (b *box) run(name string, args ...string) error {
	if err := b.command(name, args...).Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", filepath.Base(name), err, b.out.Bytes())
	}
	return nil
}

func (b *box) serve(name string, args ...string) error {
	b.cmd, b.died = b.command(name, args...), make(chan struct{})
	if err := b.cmd.Start(); err != nil {
		b.cmd = nil
		return err
	}
	go func() {
		_ = b.cmd.Wait()
		close(b.died)
	}()
	return nil
}

// ready waits until ping succeeds.
func (b *box) ready(dsn string, err error, ping func() error) (string, func(), error) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for try := 0; err == nil && ping() != nil; try++ {
		select {
		case <-b.died:
			err = fmt.Errorf("the server ended:\n%s", b.out.Bytes())
		case <-tick.C:
			if try > 600 {
				err = errors.New("the server does not answer")
			}
		}
	}
	if err != nil {
		b.stop()
		return "", nil, err
	}
	return dsn, b.stop, nil
}

// stop ends the server that was started here, by its process, and removes the directory.
func (b *box) stop() {
	if b.cmd != nil {
		_ = b.cmd.Process.Signal(syscall.SIGTERM)
		if b.cmd.Args[0] == find("postgres") {
			_ = b.cmd.Process.Signal(syscall.SIGQUIT) // at once, whoever is still connected
		}
		select {
		case <-b.died:
		case <-time.After(10 * time.Second):
			_ = b.cmd.Process.Kill()
			<-b.died
		}
	}
	_ = os.RemoveAll(b.dir)
}
