package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const alertTOML = quietTOML + `
[alerts]
lang = "zh"
[alerts.channels.good]
type = "webhook"
url = "file:good"
allow_http = true
[alerts.channels.bad]
type = "webhook"
url = "file:bad"
allow_http = true
`

// TestAlertTest sends a message through the channels, and says which of them do not work.
func TestAlertTest(t *testing.T) {
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/good/hunter2" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		text, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = string(text)
	}))
	defer server.Close()
	p := newPlace(t, strings.Replace(alertTOML, "%s", "first", 1))
	p.write("good", server.URL+"/good/hunter2")
	p.write("bad", server.URL+"/bad/hunter2")
	p.run("alert", "test", "good").exits(exitDone).says("good: sent")
	if !strings.Contains(got, "测试") {
		t.Errorf("the message is %s", got)
	}
	p.run("alert", "test").exits(exitError).says("good: sent", "bad: ", "403").hides("hunter2")
	p.run("alert", "test", "goood").exits(exitUsage).says(`did you mean "good"?`)
	newPlace(t, strings.Replace(quietTOML, "%s", "first", 1)).run("alert", "test").exits(exitUsage).says("no channel", "[alerts.channels.NAME]")
}

// TestAlertsAfterAReload says what happens on the channels that a reload brought, and on no other any more.
func TestAlertsAfterAReload(t *testing.T) {
	t.Parallel()
	said := make(chan string, 9)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		said <- r.URL.Path + " " + string(text)
	}))
	t.Cleanup(server.Close)
	toml := func(channel string) string {
		return fmt.Sprintf(quietTOML, "first") + strings.ReplaceAll(fmt.Sprintf(quietTOML, "second"), "\n[connections.files]\ntype = \"file\"", "") +
			fmt.Sprintf("[alerts.channels.%s]\ntype = \"webhook\"\nurl = %q\nallow_http = true\n", channel, server.URL+"/"+channel)
	}
	m := manage(t, toml("before"))
	m.hears("READY=1")
	p := m.beside()
	fails := func(job, channel string) {
		t.Helper()
		p.run("trigger", job, "--wait").exits(exitError)
		if got := <-said; !strings.HasPrefix(got, "/"+channel+" ") || !strings.Contains(got, job) {
			t.Errorf("%s failed, and it is said: %s", job, got)
		}
	}
	fails("first", "before")
	m.write(toml("after"))
	if o := p.run("reload"); o.code != exitDone {
		m.end()
		t.Fatalf("%s%s\n%s", o.out, o.err, m.stderr.String())
	}
	fails("second", "after")
	p.run("alert", "test").exits(exitDone).says("after: sent").hides("before")
	m.end()
}
