package packaging

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestInstalledWithoutSystemd installs, upgrades and removes the .deb where no systemd runs, as in the making of an
// image.
func TestInstalledWithoutSystemd(t *testing.T) {
	need(t, true, "dpkg", "dpkg-deb")
	m := newMachine(t)
	must := func(command string) string {
		t.Helper()
		said, err := m.chroot("sh", "-euc", command)
		if err != nil {
			t.Fatalf("%s: %v\n%s", command, err, said)
		}
		return said
	}
	must("mkdir -p /var/lib/milkrun && echo state >/var/lib/milkrun/milkrun.db") // of an earlier life
	for _, version := range []string{older, newer} {
		deb, _ := files(version)
		text, err := os.ReadFile(filepath.Join(packages.get(t, version), deb))
		if err != nil {
			t.Fatal(err)
		}
		opt := filepath.Join(m.dir, "upper", "opt")
		if err := os.MkdirAll(opt, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(opt, deb), text, 0o600); err != nil {
			t.Fatal(err)
		}
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
