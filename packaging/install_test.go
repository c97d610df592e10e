package packaging

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestInstalledWithoutSystemd installs, upgrades and removes the .deb where no systemd runs, as in the making of an
// image.
func TestInstalledWithoutSystemd(t *testing.T) {
	t.Parallel()
	need(t, true, "dpkg", "dpkg-deb")
	m := newMachine(t)
	must := m.shell
	must("mkdir -p /var/lib/milkrun && echo state >/var/lib/milkrun/milkrun.db") // of an earlier life
	for _, version := range []string{older, newer} {
		deb, _ := files(version)
		m.brings(version, deb)
		said := must("dpkg -i /opt/" + deb)
		if first := strings.Contains(said, "systemctl enable --now milkrun"); first != (version == older) {
			t.Errorf("installing %s says\n%s", version, said)
		}
		if version == older {
			must("getent group milkrun-operators; test ! -e /etc/systemd/system/multi-user.target.wants/milkrun.service")
			must("milkrun check --config /etc/milkrun/jobs.toml; echo '# mine' >>/etc/milkrun/jobs.toml")
			must("echo secret >/etc/milkrun/credentials/credit-password; ln -s /nowhere /etc/systemd/system/multi-user.target.wants/milkrun.service")
		}
	}
	if said := must("milkrun version"); !strings.HasPrefix(said, "milkrun "+newer) {
		t.Errorf("after the upgrade: %s", said)
	}
	const kept = "grep -qx state /var/lib/milkrun/milkrun.db; grep -qx secret /etc/milkrun/credentials/credit-password"
	must("tail -1 /etc/milkrun/jobs.toml | grep -x '# mine'; " + kept)
	must("dpkg -r milkrun; test ! -e /usr/bin/milkrun; test ! -e /usr/lib/systemd/system/milkrun.service")
	must("tail -1 /etc/milkrun/jobs.toml | grep -x '# mine'; " + kept)
	must("dpkg -P milkrun; test ! -e /etc/milkrun/jobs.toml; test ! -h /etc/systemd/system/multi-user.target.wants/milkrun.service; " + kept)
}

// TestRPMInstalledWithoutSystemd does the same with the .rpm. The machine is a Debian, whose packages rpm does not know, hence
// --nodeps; a changed configuration is kept under the name that rpm gives it.
func TestRPMInstalledWithoutSystemd(t *testing.T) {
	t.Parallel()
	need(t, true, "rpm")
	m := newMachine(t)
	const kept = "grep -qx state /var/lib/milkrun/milkrun.db; grep -qx secret /etc/milkrun/credentials/credit-password"
	m.shell("mkdir -p /var/lib/milkrun && echo state >/var/lib/milkrun/milkrun.db")
	for _, version := range []string{older, newer} {
		_, rpm := files(version)
		m.brings(version, rpm)
		said := m.shell("rpm -U --nodeps /opt/" + rpm)
		if first := strings.Contains(said, "systemctl enable --now milkrun"); first != (version == older) {
			t.Errorf("installing %s says\n%s", version, said)
		}
		if version == older {
			m.shell("getent group milkrun-operators; milkrun check --config /etc/milkrun/jobs.toml; echo '# mine' >>/etc/milkrun/jobs.toml")
			m.shell("echo secret >/etc/milkrun/credentials/credit-password")
		}
	}
	if said := m.shell("milkrun version"); !strings.HasPrefix(said, "milkrun "+newer) {
		t.Errorf("after the upgrade: %s", said)
	}
	m.shell("tail -1 /etc/milkrun/jobs.toml | grep -x '# mine'; rpm -V --nodeps --noconfig milkrun; " + kept)
	m.shell("rpm -e milkrun; test ! -e /usr/bin/milkrun; test ! -e /usr/lib/systemd/system/milkrun.service")
	m.shell("tail -1 /etc/milkrun/jobs.toml.rpmsave | grep -x '# mine'; " + kept)
}

// shell runs a command in the machine, which must succeed, and returns what it says.
func (m *machine) shell(command string) string {
	m.t.Helper()
	said, err := m.chroot("sh", "-euc", command)
	if err != nil {
		m.t.Fatalf("%s: %v\n%s", command, err, said)
	}
	return said
}

// brings puts a package of a version into the machine's /opt.
func (m *machine) brings(version, name string) {
	m.t.Helper()
	text, err := os.ReadFile(filepath.Join(packages.get(m.t, version), name))
	if err != nil {
		m.t.Fatal(err)
	}
	opt := filepath.Join(m.dir, "upper", "opt")
	if err := errors.Join(os.MkdirAll(opt, 0o755), os.WriteFile(filepath.Join(opt, name), text, 0o600)); err != nil {
		m.t.Fatal(err)
	}
}
