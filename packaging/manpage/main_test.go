package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// standIn is a program with the commands run, dead and dead list, which completes the names of jobs after "run".
const standIn = `#!/bin/sh
case $*:$LANG in
version:*) echo "milkrun 1.2.3-rc1 (commit x)" ;;
"__completeNoDesc :"*) printf 'dead\nrun\nhelp\n:4\n' ;;
"__completeNoDesc dead :"*) printf 'list\n:4\n' ;;
"__completeNoDesc run :"*) printf 'affairs\n:4\n' ;;
__completeNoDesc*) echo :4 ;;
--help:zh*) printf '说明\n\nCommands:\n  dead   死信\n  run    运行\n' ;;
--help:*) printf 'About\n\nCommands:\n  dead   letters\n  run    it\n\nUse "milkrun [command] --help"\n' ;;
"dead --help:"*) printf '.begins with a dot\n  list   all\n\nGlobal Flags:\n  --lang\n' ;;
*) printf 'a\\b affairs\n' ;;
esac
`

func program1(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "milkrun")
	if err := os.WriteFile(path, []byte(standIn), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPage(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1795326085")
	path := program1(t)
	for lang, wants := range map[string][]string{
		"en":    {`.TH MILKRUN 1 "2026-11-22" "milkrun 1.2.3\-rc1"`, "About\n", "letters\n"},
		"zh_CN": {`.TH MILKRUN 1 "2026-11-22" "milkrun 1.2.3\-rc1"`, "说明\n", "死信\n"},
	} {
		var out strings.Builder
		if err := run(t.Context(), []string{path, lang}, &out); err != nil {
			t.Fatal(err)
		}
		wants = append(wants, ".SS milkrun\n.nf\n", ".SS milkrun dead\n.nf\n\\&.begins with a dot\n", ".SS milkrun dead list\n.nf\na\\eb affairs\n", ".SS milkrun run\n")
		for _, want := range wants {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s lacks %q:\n%s", lang, want, out.String())
			}
		}
		for _, not := range []string{"Global Flags", "[command]", ".SS milkrun run affairs", ".SS milkrun help"} {
			if strings.Contains(out.String(), not) {
				t.Errorf("%s has %q", lang, not)
			}
		}
	}
}

func TestWrongUse(t *testing.T) {
	path := program1(t)
	for _, c := range []struct {
		args  []string
		epoch string
		says  string
	}{
		{nil, "0", "usage: "},
		{[]string{path, "fr"}, "0", "language fr"},
		{[]string{path, "en"}, "", "SOURCE_DATE_EPOCH"},
		{[]string{"/nowhere/milkrun", "en"}, "0", "/nowhere/milkrun version"},
	} {
		t.Setenv("SOURCE_DATE_EPOCH", c.epoch)
		if err := run(t.Context(), c.args, &strings.Builder{}); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: %v, want %q", c.args, err, c.says)
		}
	}
}
