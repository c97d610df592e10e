package main

import (
	"slices"
	"testing"

	"milkrun/sync/config"
)

// TestHiding: a recording hides what the job masks, what its interface calls personal, and both under the partner's names.
func TestHiding(t *testing.T) {
	p := newPlace(t, `
catalogue = "interfaces.toml"
[connections.here]
type = "sqlite"
dsn = "%[1]s/here.db"
[connections.partner]
type = "exchange"
url = "https://partner.example.com"
token = "x"
[jobs.in]
interface = "people"
source = { connection = "partner", resource = "people", key = ["id"], map = { id = "id", tel1 = "contact", q = "ref", level = "level" } }
sink = { connection = "here", table = "people", key = ["id"] }
mask = { contact = "phone" }
`)
	p.write("interfaces.toml", "[people]\nconnection = \"partner\"\n[people.v1.fields]\nid = {}\ncontact = {}\nlevel = {}\nref = { personal = \"other\", allowed = \"raw\" }\n")
	conf, problems := config.Load(p.config, config.Options{Registry: registry()})
	if conf == nil {
		t.Fatal(problems)
	}
	var names []string
	for name := range hiding(conf.Job("in")) {
		names = append(names, name)
	}
	if slices.Sort(names); !slices.Equal(names, []string{"contact", "q", "ref", "tel1"}) {
		t.Errorf("hidden are %v", names)
	}
}
