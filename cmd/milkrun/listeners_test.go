package main

import "testing"

// TestReceiversApart: of two connections under one address and path one would not be heard, and milkrun check says so.
func TestReceiversApart(t *testing.T) {
	p := newPlace(t, `
[connections.dx]
type = "caih"
url = "https://sms.example.com"
account = "a"
appid = "b"
token = "c"
reports = { listen = "127.0.0.1:8643" }
[connections.dy]
type = "caih"
url = "https://sms.example.com"
account = "a"
appid = "b"
token = "c"
reports = { listen = "127.0.0.1:8643" }
[connections.files]
type = "file"
dir = "%[1]s"
[jobs.copy]
source = { connection = "files", path = "a.jsonl" }
sink = { connection = "files", path = "b.jsonl" }
`)
	p.run("check").exits(exitUsage).says("connections dx and dy both receive on 127.0.0.1:8643/caih/report", "path of its own")
	p.edit(`"127.0.0.1:8643" }`+"\n[connections.dy]", `"127.0.0.1:8643", path = "/caih/{x" }`+"\n[connections.dy]")
	p.run("check").exits(exitUsage).says("no plain path")
	p.edit(`/caih/{x`, `/caih/dx`)
	p.run("check").exits(exitDone)
	p.edit(`"127.0.0.1:8643", path`, `"127.0.0.1:8474", path`)
	p.run("check").exits(exitUsage).says("dx receives on 127.0.0.1:8474, where the status page listens")
}
