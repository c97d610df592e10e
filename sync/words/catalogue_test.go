package words

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "add new messages to zh_CN.po, and take out those that no source says any more")

const catalogueFile = "zh_CN.po"

func TestCatalogueIsComplete(t *testing.T) {
	messages := extract(t)
	data, err := os.ReadFile(catalogueFile)
	if err != nil {
		t.Fatal(err)
	}
	have := read(data)
	if *update {
		data = write(messages, have)
		have = read(data)
		if err := os.WriteFile(catalogueFile, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	missing := 0
	for _, m := range messages {
		if have[m.id] == "" {
			t.Errorf("%s: no translation of %q", strings.Join(m.files, ", "), m.id)
			missing++
		}
		delete(have, m.id)
	}
	if missing > 0 {
		t.Errorf("%d translations are missing; go test ./sync/words -update adds them to %s, to be filled in", missing, catalogueFile)
	}
	if *update {
		return
	}
	for id := range have {
		t.Errorf("no source says %q; go test ./sync/words -update takes it out", id)
	}
	if !t.Failed() && !bytes.Equal(data, write(messages, read(data))) {
		t.Errorf("%s is in another order than the sources; run go test ./sync/words -update", catalogueFile)
	}
}

// write makes the PO file of all messages, in their order.
func write(messages []message, translations map[string]string) []byte {
	var b bytes.Buffer
	b.WriteString("# What milkrun says, in Chinese. go test ./sync/words -update adds new messages and takes out old ones.\n" +
		"msgid \"\"\nmsgstr \"\"\n\"Language: zh_CN\\n\"\n\"MIME-Version: 1.0\\n\"\n\"Content-Type: text/plain; charset=UTF-8\\n\"\n" +
		"\"Content-Transfer-Encoding: 8bit\\n\"\n")
	for _, m := range messages {
		fmt.Fprintf(&b, "\n#: %s\nmsgid %s\nmsgstr %s\n", strings.Join(m.files, " "), poText(m.id), poText(cmp.Or(m.zh, translations[m.id])))
	}
	return b.Bytes()
}

// poText writes a text as PO does: one of several lines as several strings.
func poText(text string) string {
	if !strings.Contains(text, "\n") {
		return poLine(text)
	}
	out := `""`
	for line := range strings.Lines(text) {
		out += "\n" + poLine(line)
	}
	return out
}

func poLine(line string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`).Replace(line) + `"`
}
