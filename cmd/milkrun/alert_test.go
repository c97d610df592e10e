package main

import (
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
