package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"milkrun/sync/config"
)

// write puts a file into the folder with exactly this mode.
func write(t *testing.T, folder, name, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t *testing.T, opt config.Options, ref string, mode os.FileMode, folder string) (*platform, string) {
	t.Helper()
	path := write(t, folder, "jobs.toml", strings.Replace(good, "env:PASSWORD", ref, 1), mode)
	c, problems := config.Load(path, opt)
	out := strings.ReplaceAll(printed(problems), folder, "DIR")
	if c == nil {
		return nil, out
	}
	return c.Connections["in"].Settings.(*platform), out
}

func TestSecretFiles(t *testing.T) {
	for _, c := range []struct {
		name, ref string
		mode      os.FileMode
		secret    string
		want      string // of the output; "" is none
	}{
		{"beside the file", "file:pw", 0o600, "s3cret\r\n", ""},
		{"others may read it", "file:pw", 0o640, "s3cret", "DIR/pw holds a secret and others may read it (mode 0640) (chmod 600 DIR/pw)"},
		{"empty", "file:pw", 0o600, "\n", "file:pw is empty"},
		{"a folder", "file:.", 0o600, "", "it is no file"},
		{"too large", "file:pw", 0o600, strings.Repeat("x", 70_000), "more than 65536 bytes"},
		{"credential", "credential:pw", 0o644, "s3cret\n", ""},
		{"no credential", "credential:pvv", 0o600, "s3cret", "add LoadCredential=pvv:PATH"},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := t.TempDir()
			write(t, folder, "pw", c.secret, c.mode)
			opt := options()
			opt.CredentialsDir = folder
			p, out := load(t, opt, c.ref, 0o644, folder)
			if (c.want == "") != (out == "") || !strings.Contains(out, c.want) {
				t.Errorf("got %q, want %q", out, c.want)
			}
			if p != nil && p.password.Reveal() != "s3cret" {
				t.Errorf("the secret is %q", p.password.Reveal())
			}
		})
	}
}

func TestLiteralInReadableFile(t *testing.T) {
	folder := t.TempDir()
	_, out := load(t, options(), "hunter2", 0o644, folder)
	if !strings.Contains(out, "DIR/jobs.toml holds a secret and others may read it") || !strings.Contains(out, "chmod 600") {
		t.Errorf("got %s", out)
	}
	if strings.Contains(out, "hunter2") {
		t.Errorf("the secret is printed: %s", out)
	}
	p, out := load(t, options(), "hunter2", 0o600, folder)
	if p.password.Reveal() != "hunter2" || strings.Contains(out, "others may read") {
		t.Errorf("got %s", out)
	}
}

func TestNoFile(t *testing.T) {
	for path, want := range map[string]string{
		filepath.Join(t.TempDir(), "jobs.toml"): "there is no such file (give the path with --config)",
		t.TempDir():                             "the file cannot be read: is a directory",
	} {
		c, problems := config.Load(path, options())
		if c != nil || !strings.Contains(printed(problems), want) {
			t.Errorf("%v: %v, want %s", path, problems, want)
		}
	}
}

func TestReference(t *testing.T) {
	for lang, want := range map[string][]string{
		"en": {"# Configuration reference", "| `catch_up` | text | `\"latest\"` |", "one of `none`, `latest`, `all`", "| `retry.initial` | duration | `\"1s\"` |",
			"## type = \"platform\"", "| `password` | secret | **required** | its password |", "1 … 5 (B.2: five at most)",
			"page_size: default 1000, at most 1000 (A.3: pagesize at most 1000)", "### As a sink"},
		"zh": {"# 配置参考", "| `password` | 密钥 | **必填** | 密码 |", "### 作为目标", "batch_size: 默认 500，最多 2000"},
	} {
		var b strings.Builder
		if err := config.Reference(&b, registry(), lang); err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(b.String(), w) {
				t.Errorf("%s: no %q in\n%s", lang, w, b.String())
			}
		}
	}
}
