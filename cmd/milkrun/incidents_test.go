package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"milkrun/state"
	"milkrun/sync/alert"
)

const partnersTOML = quietTOML + `
[alerts.channels.ops]
type = "webhook"
url = "file:ops"
allow_http = true
[alerts.channels.acme-desk]
type = "webhook"
url = "file:desk"
allow_http = true
[partners.acme]
name = "示例科技有限公司"
connections = ["files"]
channels = ["acme-desk"]
our_contact = "值班室 010-00000000"
`

// TestPartnerTest sends a marked message to a partner's contacts, and nothing else ever goes there by hand.
func TestPartnerTest(t *testing.T) {
	got := map[string]string{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got[r.URL.Path] = string(text)
	}))
	defer server.Close()
	p := newPlace(t, strings.Replace(partnersTOML, "%s", "first", 1))
	p.write("ops", server.URL+"/ops")
	p.write("desk", server.URL+"/desk")
	p.run("check").exits(exitDone)
	p.run("alert", "test").exits(exitDone).says("ops: sent").hides("acme-desk")
	p.run("alert", "test", "--partner", "acme").exits(exitDone).says("acme-desk: sent").hides("ops")
	if !strings.Contains(got["/desk"], "测试") || !strings.Contains(got["/desk"], "值班室") || strings.Contains(got["/ops"], "值班室") {
		t.Errorf("%v", got)
	}
	p.run("alert", "test", "--partner", "acne").exits(exitUsage).says(`did you mean "acme"?`)
	p.edit(`channels = ["acme-desk"]`+"\n", "")
	p.run("alert", "test", "--partner", "acme").exits(exitUsage).says("partner acme has no channel")
}

// TestIncidents shows what the daemon keeps.
func TestIncidents(t *testing.T) {
	p := newPlace(t, strings.Replace(quietTOML, "%s", "first", 1))
	p.empty()
	p.run("incidents", "list").exits(exitDone).says("no incident in this time")
	since := time.Now().Add(-2 * time.Hour).Truncate(time.Second)
	p.with(func(ctx context.Context, s *state.Store) error {
		_, err := s.SaveIncident(ctx, alert.Incident{Partner: "acme", Job: "push", Interface: "orders", Kind: alert.Halted, Code: "401", Since: since,
			EndedAt: since.Add(time.Hour), Impact: 1200, NotifiedAt: since.Add(time.Minute)})
		return err
	})
	p.run("incidents", "list").exits(exitDone).says("acme", "orders", "halted", "1,200")
	p.run("incidents", "list", "--since", "30m").exits(exitDone).says("no incident in this time")
	p.run("incidents", "list", "--since", "long").exits(exitUsage).says("is no duration")
	p.run("incidents", "show", "1").exits(exitDone).says("orders", "401", "1,200")
	p.run("incidents", "show", "9").exits(exitUsage).says("milkrun incidents list")
	var v incidentView
	p.run("incidents", "show", "1", "--json").exits(exitDone).json(&v)
	if v.Impact == nil || *v.Impact != 1200 || !v.Since.Equal(since) || v.Kind != alert.Halted {
		t.Errorf("%+v", v)
	}
}
