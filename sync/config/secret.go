package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"milkrun/sync/config/near"
	"milkrun/sync/secret"
)

// secretType is what package setting calls the type of a key that holds a secret.
const secretType = "secret"

// longest is the size in bytes that a secret in a file can have: more is no secret but the wrong file.
const longest = 64 << 10

func newSecret(text string) secret.Secret { return secret.New(text) }

// secret reads the value of a key that holds a secret, or a reference to one. It never repeats the value.
func (r *reader) secret(path string, e *entry) (secret.Secret, bool) {
	text, ok := e.value.(string)
	if !ok {
		r.report(Error, e.at, path, "a secret is written as a text", `write "env:NAME", "file:PATH" or "credential:NAME"`)
		return secret.Secret{}, false
	}
	scheme, rest, _ := strings.Cut(text, ":")
	if !slices.Contains(schemes(), scheme) {
		return r.literal(path, e, text)
	}
	if rest == "" || scheme == "env" && !variable.MatchString(rest) {
		r.report(Error, e.at, path, "no name stands behind "+scheme+":", "write "+scheme+":NAME")
		return secret.Secret{}, false
	}
	e.visible = true
	origin := r.origin(scheme, rest)
	if !r.opt.Resolve {
		return secret.New(text).From(origin), true
	}
	value, text, remedy := r.resolve(path, e, scheme, rest)
	if value = strings.TrimRight(value, "\r\n"); text == "" && value == "" {
		text, remedy = fmt.Sprintf("%s:%s is empty", scheme, rest), "put the secret there"
	}
	if text != "" {
		r.report(Error, e.at, path, text, remedy)
		return secret.Secret{}, false
	}
	r.secrets = append(r.secrets, value)
	return secret.New(value).From(origin), true
}

// origin is a reference with the whole path of its file.
func (r *reader) origin(scheme, rest string) string {
	if scheme == "file" && !filepath.IsAbs(rest) {
		rest = filepath.Join(r.folder, rest)
	}
	return scheme + ":" + rest
}

func schemes() []string { return []string{"env", "file", "credential"} }

// resolve looks a reference up. It returns the value, or what is wrong and what to do.
func (r *reader) resolve(path string, e *entry, scheme, rest string) (value, text, remedy string) {
	switch scheme {
	case "env":
		value, ok := r.opt.LookupEnv(rest)
		if !ok {
			return "", fmt.Sprintf("env:%s is not set in the environment", rest), "export " + rest + "=…, or put it into the unit's EnvironmentFile"
		}
		return value, "", ""
	case "file":
		return r.fromSecretFile(path, e, rest)
	}
	return r.credential(rest)
}

func (r *reader) credential(name string) (value, text, remedy string) {
	load := "add LoadCredential=" + name + ":PATH to the systemd unit"
	switch {
	case name != filepath.Base(name) || name == "." || name == "..":
		return "", fmt.Sprintf("credential:%s is no name of a credential", name), "write a name without slashes"
	case r.opt.CredentialsDir == "":
		return "", fmt.Sprintf("credential:%s cannot be found, because $CREDENTIALS_DIRECTORY is not set", name),
			load + ", or point CREDENTIALS_DIRECTORY to a folder with a file " + name
	}
	value, err := readSmall(filepath.Join(r.opt.CredentialsDir, name))
	if err != nil {
		return "", fmt.Sprintf("credential:%s is not in $CREDENTIALS_DIRECTORY: %s", name, cause(err)), load
	}
	return value, "", ""
}

func (r *reader) fromSecretFile(path string, e *entry, file string) (value, text, remedy string) {
	whole := file
	if !filepath.IsAbs(file) {
		whole = filepath.Join(r.folder, file)
	}
	value, err := readSmall(whole)
	if err != nil {
		return "", fmt.Sprintf("file:%s cannot be read: %s", file, cause(err)), "check that " + whole + " exists and that the user of the daemon may read it"
	}
	r.checkMode(e.at, path, whole)
	return value, "", ""
}

// readSmall reads a regular file.
func readSmall(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", errors.New("it is no file")
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(io.LimitReader(f, longest+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return "", err
	}
	if len(text) > longest {
		return "", fmt.Errorf("it holds more than %d bytes", longest)
	}
	return string(text), nil
}

// literal takes the value itself as the secret, with a warning.
func (r *reader) literal(path string, e *entry, text string) (secret.Secret, bool) {
	scheme, _, found := strings.Cut(text, ":")
	switch {
	case text == "":
		r.report(Error, e.at, path, "the secret is empty", `write "env:NAME", "file:PATH" or "credential:NAME"`)
		return secret.Secret{}, false
	case shellVariable.MatchString(text):
		r.report(Error, e.at, path, "variables are not expanded", `write "env:`+strings.Trim(text, "${}")+`"`)
		return secret.Secret{}, false
	}
	remedy := `write "env:NAME", "file:PATH" or "credential:NAME" instead`
	if meant := near.Near(scheme, schemes()); found && meant != "" {
		remedy = fmt.Sprintf(`did you mean "%s:…"?`, meant)
	}
	r.report(Warning, e.at, path, "the secret itself stands in the file", remedy)
	r.literals = true
	return secret.New(text), true
}

// variable is the name of an environment variable, shellVariable how a shell would write its value.
var (
	variable      = regexp.MustCompile(`^[A-Za-z_]\w*$`)
	shellVariable = regexp.MustCompile(`^\$(\w+|\{\w+\})$`)
)

// checkMode warns about a file with a secret that others may read.
func (r *reader) checkMode(at span, path, file string) {
	info, err := os.Stat(file)
	if err != nil || runtime.GOOS == "windows" || info.Mode().Perm()&0o077 == 0 {
		return
	}
	r.report(Warning, at, path, fmt.Sprintf("%s holds a secret and others may read it (mode %04o)", file, info.Mode().Perm()),
		"chmod 600 "+file)
}
