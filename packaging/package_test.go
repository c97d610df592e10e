package packaging

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// built are the packages of two versions, built once for all tests.
type built struct {
	dir  string
	once map[string]func() error // by version; none when they were built before this process began
}

const older, newer = "v1.0.0-rc1", "v1.0.0"

// files are how the packages of a version are named.
func files(version string) (deb, rpm string) {
	version = strings.ReplaceAll(strings.TrimPrefix(version, "v"), "-", "~")
	arch := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}
	return fmt.Sprintf("milkrun_%s_%s.deb", version, goarch()), fmt.Sprintf("milkrun-%s-1.%s.rpm", version, arch[goarch()])
}

// get returns the folder with the packages of a version.
func (b *built) get(t *testing.T, version string) string {
	t.Helper()
	need(t, false, "go", "gcc", "git", "gzip")
	if build := b.once[version]; build != nil {
		if err := build(); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(b.dir, version)
}

func newBuilt(dir string) *built {
	b := &built{dir: dir, once: map[string]func() error{}}
	for _, version := range []string{older, newer} {
		b.once[version] = sync.OnceValue(func() error { return buildIn("..", version, filepath.Join(dir, version)) })
	}
	return b
}

// buildIn builds the packages of the sources in a folder.
func buildIn(sources, version, out string) error {
	cmd := exec.Command(filepath.Join(sources, "packaging", "build.sh"), out)
	cmd.Env = append(os.Environ(), "VERSION="+version, "COMMIT=0123456789abcdef", "DATE=2026-03-01T08:00:00+08:00", "SOURCE_DATE_EPOCH=1772323200")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", version, err, text)
	}
	return nil
}

// TestPackagesAreReproducible: the same sources in another folder, and of another age, give the same bytes.
func TestPackagesAreReproducible(t *testing.T) {
	t.Parallel()
	first := packages.get(t, older)
	copied := t.TempDir()
	for _, name := range []string{"cmd", "docs", "packaging", "sinks", "sources", "state", "sync"} {
		if err := os.CopyFS(filepath.Join(copied, name), os.DirFS("../"+name)); err != nil {
			t.Fatal(err)
		}
	}
	output(t, "sh", "-c", "cp ../go.* ../*.md ../LICENSE ../jobs.toml "+copied)
	if err := os.Chmod(filepath.Join(copied, "docs", "guide.md"), 0o600); err != nil {
		t.Fatal(err)
	}
	second := t.TempDir()
	if err := buildIn(copied, older, second); err != nil {
		t.Fatal(err)
	}
	deb, rpm := files(older)
	for _, name := range []string{"milkrun", deb, rpm} {
		if a, b := sum(t, filepath.Join(first, name)), sum(t, filepath.Join(second, name)); a != b {
			t.Errorf("%s differs: %s and %s", name, a, b)
		}
	}
}

func sum(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(text))
}

func TestBinarySaysWhatItIs(t *testing.T) {
	said := output(t, filepath.Join(packages.get(t, newer), "milkrun"), "version")
	if !strings.HasPrefix(said, "milkrun v1.0.0 (commit 0123456789abcdef, 2026-03-01T08:00:00+08:00, go") {
		t.Error(said)
	}
	if said, err := attempt(t, "ldd", filepath.Join(packages.get(t, newer), "milkrun")); err == nil {
		t.Errorf("it is not static:\n%s", said)
	}
}

// contents are what both packages hold, with their modes.
var contents = []string{
	"drwxr-xr-x /etc/milkrun",
	"drwx------ /etc/milkrun/credentials",
	"-rw-r--r-- /etc/milkrun/jobs.toml",
	"-rwxr-xr-x /usr/bin/milkrun",
	"-rw-r--r-- /usr/lib/systemd/system/milkrun.service",
	"-rw-r--r-- /usr/lib/systemd/system/milkrun.socket",
	"-rw-r--r-- /usr/lib/sysusers.d/milkrun.conf",
	"-rw-r--r-- /usr/share/bash-completion/completions/milkrun",
	"-rw-r--r-- /usr/share/doc/milkrun/CHANGELOG.md",
	"-rw-r--r-- /usr/share/doc/milkrun/copyright",
	"-rw-r--r-- /usr/share/doc/milkrun/examples/jobs.toml",
	"-rw-r--r-- /usr/share/doc/milkrun/guide.md",
	"-rw-r--r-- /usr/share/doc/milkrun/guide.zh-CN.md",
	"-rw-r--r-- /usr/share/doc/milkrun/licences",
	"-rw-r--r-- /usr/share/fish/vendor_completions.d/milkrun.fish",
	"-rw-r--r-- /usr/share/man/man1/milkrun.1.gz",
	"-rw-r--r-- /usr/share/man/zh_CN/man1/milkrun.1.gz",
	"-rw-r--r-- /usr/share/milkrun/prometheus/milkrun.rules.yml",
}

func TestDebHoldsWhatItShould(t *testing.T) {
	need(t, false, "dpkg-deb")
	deb, _ := files(newer)
	deb = filepath.Join(packages.get(t, newer), deb)
	held := listed(output(t, "dpkg-deb", "-c", deb), 5, "root/root")
	for _, want := range append([]string{"-rw-r--r-- /usr/share/zsh/vendor-completions/_milkrun"}, contents...) {
		if !slices.Contains(held, want) {
			t.Errorf("it lacks %s; it has\n%s", want, strings.Join(held, "\n"))
		}
	}
	unpacked := t.TempDir()
	output(t, "dpkg-deb", "-e", deb, unpacked)
	if text := output(t, "cat", unpacked+"/conffiles"); text != "/etc/milkrun/jobs.toml" {
		t.Errorf("conffiles: %s", text)
	}
	for _, script := range []string{"postinst", "prerm", "postrm"} {
		output(t, "sh", "-n", filepath.Join(unpacked, script))
	}
	if version := output(t, "dpkg-deb", "-f", deb, "Version"); version != "1.0.0" {
		t.Errorf("version %s", version)
	}
}

func TestRPMHoldsWhatItShould(t *testing.T) {
	need(t, false, "rpm")
	_, rpm := files(newer)
	rpm = filepath.Join(packages.get(t, newer), rpm)
	held := listed(output(t, "rpm", "-qlvp", rpm), 8, "root")
	for _, want := range append([]string{"-rw-r--r-- /usr/share/zsh/site-functions/_milkrun"}, contents...) {
		if !slices.Contains(held, want) {
			t.Errorf("it lacks %s; it has\n%s", want, strings.Join(held, "\n"))
		}
	}
	if text := output(t, "rpm", "-qp", "--configfiles", rpm); text != "/etc/milkrun/jobs.toml" {
		t.Errorf("configuration: %s", text)
	}
}

// listed turns the long form of a listing into "mode /path", of what belongs to an owner.
func listed(text string, pathAt int, owner string) []string {
	var out []string
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) > pathAt && slices.Contains(fields, owner) {
			out = append(out, fields[0]+" /"+strings.Trim(strings.TrimPrefix(fields[pathAt], "."), "/"))
		}
	}
	return out
}

// TestVersionsAreInOrder: packages sort them as people mean them.
func TestVersionsAreInOrder(t *testing.T) {
	need(t, false, "dpkg")
	script, err := os.ReadFile("build.sh")
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(script), "package_version() {")
	body, _, _ = strings.Cut(body, "\n}\n")
	inOrder := []string{"9936b14", "v0.9.0", "v1.0.0-rc1", "v1.0.0-rc2-3-gabcdef0", "v1.0.0", "v1.0.0-dirty", "v1.0.1", "v1.0.1-12-gabcdef0", "v1.1.0"}
	last := ""
	for _, version := range inOrder {
		got := output(t, "sh", "-euc", "VERSION="+version+" SOURCE_DATE_EPOCH=1772323200; f() {"+body+"\n}; f")
		if strings.Contains(got, "-") {
			t.Errorf("%s becomes %s, which has a revision", version, got)
		}
		if last != "" {
			output(t, "dpkg", "--compare-versions", last, "lt", got)
		}
		last = got
	}
}
