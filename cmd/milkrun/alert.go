package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"milkrun/sync/alert"
	"milkrun/sync/feed"
)

func (a *app) alertCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "alert",
		Short: "Try the channels on which milkrun says that something is wrong",
		Long: `Try the channels of [alerts]: the daemon says on them that a job failed, that a job or connection is halted, that a
slot is late (done_by), that nothing has succeeded for too long (stale_after), and that it is over.`,
	}
	var partner string
	test := &cobra.Command{
		Use:   "test [CHANNEL…]",
		Short: "Send a message through every channel, or the named ones",
		Long: `Send a message through every channel of our own people, or the named ones; with --partner one that is marked as a test to
the contacts of a partner, those of the next level too.`,
		Example: `  milkrun alert test
  milkrun alert test ops
  milkrun alert test --partner acme`,
		Args: arguments(cobra.ArbitraryArgs),
		RunE: func(cmd *cobra.Command, args []string) error { return a.testAlerts(cmd.Context(), partner, args) },
	}
	test.Flags().StringVar(&partner, "partner", "", "the partner whose contacts get it")
	return group(cmd, test)
}

func (a *app) testAlerts(ctx context.Context, partner string, names []string) error {
	conf, err := a.load(true)
	if err != nil {
		return err
	}
	defer a.shut(conf)
	routes := conf.Alerts.Routes()
	host, err := os.Hostname()
	a.warn(err)
	message := alert.TestMessage(conf.Alerts.Lang, host, time.Now())
	if partner != "" {
		if routes, message, err = partnerTest(conf, partner); err != nil {
			return err
		}
	}
	var known []string
	for _, r := range routes {
		known = append(known, r.Name)
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return unknown("channel", name, known)
		}
	}
	if len(routes) == 0 {
		return &exit{code: exitUsage, cause: fmt.Errorf("%s has no channel", a.configFile()), remedy: "add [alerts.channels.NAME]; docs/config.md lists the types"}
	}
	if len(names) > 0 {
		routes = slices.DeleteFunc(routes, func(r alert.Route) bool { return !slices.Contains(names, r.Name) })
	}
	failed := false
	for _, r := range alert.Try(ctx, routes, message) {
		if r.Err == nil {
			a.say("%s: sent", r.Channel)
			continue
		}
		failed = true
		a.say("%s: %v", r.Channel, r.Err)
		a.sayNext(feed.Judge(r.Err).Remedy)
	}
	if failed {
		return &exit{code: exitError}
	}
	return nil
}
