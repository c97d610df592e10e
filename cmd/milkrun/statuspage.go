package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	stdsync "sync"

	"milkrun/cmd/milkrun/control"
	"milkrun/cmd/milkrun/page"
	"milkrun/cmd/milkrun/service"
	"milkrun/state"
	"milkrun/sync/config"
	"milkrun/sync/words"
)

// servePage serves the status page and the metrics, where the configuration or a socket of systemd's says.
func (d *daemon) servePage(ctx context.Context, helpers *stdsync.WaitGroup) {
	l, err := listenPage(ctx, &d.conf.Page)
	if err != nil {
		d.cannotOpen("page", state.Unopened{What: fmt.Sprintf("the status page is not served: %v", err),
			Remedy: "end what holds the address, or name another as listen in [page], or \"off\"; then restart the daemon"})
		return
	}
	if l == nil {
		return
	}
	d.log.WithField("address", l.Addr().String()).Info("the status page is served")
	options := page.Options{Store: d.store, Config: d.current, Running: d.underWay, Actions: pageActions{d.methods(), d.store},
		Metrics: d.metrics.Handler(), Version: version, Token: d.conf.Page.Token, Log: d.log,
		Translate: func(lang, text string) string { return words.Lang(lang).Text(text) }}
	helpers.Go(func() { d.warn(page.Serve(ctx, l, options)) })
}

// listenPage opens where the page is served; nil when it is not.
func listenPage(ctx context.Context, p *config.Page) (net.Listener, error) {
	passed, err := service.Listeners()
	if err != nil {
		return nil, err
	}
	if list := passed["status"]; len(list) > 0 {
		return list[0], guarded(list[0], p)
	}
	network, address := p.Address()
	switch {
	case p.Off():
		return nil, nil //nolint:nilnil // no page is no error
	case network == "unix":
		return control.Listen(address)
	}
	return new(net.ListenConfig).Listen(ctx, network, address)
}

// guarded refuses a socket of systemd's that others can reach when the page has no token.
func guarded(l net.Listener, p *config.Page) error {
	at, tcp := l.Addr().(*net.TCPAddr)
	if !tcp || at.IP.IsLoopback() || !p.Token.Empty() {
		return nil
	}
	return fmt.Errorf("others can reach %s, the socket of systemd's, and [page] has no token", at)
}

// pageActions do what the buttons of the page say, in the same way as the commands of the same names.
type pageActions struct {
	methods map[string]control.Method
	store   *state.Store
}

func (p pageActions) do(ctx context.Context, by page.By, method string, o order) (string, error) {
	o.Why = by.Why
	in, err := json.Marshal(o)
	if err != nil {
		return "", err
	}
	out, err := p.methods[method](ctx, by.Who, in)
	if err != nil {
		return "", err
	}
	done, ok := out.(answer)
	if ok && done.Fault != nil && done.Fault.Text != "" { // else the text has told it
		return done.Text, done.Fault
	}
	for _, c := range done.Changes {
		done.Text += fmt.Sprintf("%s %s: %s\n", c.Job, c.What, consequence(c))
	}
	return done.Text, nil
}

// Trigger implements [page.Actions].
func (p pageActions) Trigger(ctx context.Context, by page.By, job string, how page.How) (string, error) {
	return p.do(ctx, by, "trigger", order{Name: job, Full: how.Full, From: how.From, To: how.To})
}

// Cancel implements [page.Actions].
func (p pageActions) Cancel(ctx context.Context, by page.By, job string) (string, error) {
	return p.do(ctx, by, "cancel", order{Name: job})
}

// Pause implements [page.Actions].
func (p pageActions) Pause(ctx context.Context, by page.By, job string) (string, error) {
	return p.do(ctx, by, "pause", order{Name: job})
}

// Resume implements [page.Actions].
func (p pageActions) Resume(ctx context.Context, by page.By, name string) (string, error) {
	return p.do(ctx, by, "resume", order{Name: name})
}

// Reload implements [page.Actions].
func (p pageActions) Reload(ctx context.Context, by page.By) (string, error) {
	return p.do(ctx, by, "reload", order{})
}

// RetryLetters implements [page.Actions].
func (p pageActions) RetryLetters(ctx context.Context, by page.By, job string, ids []int64, dryRun bool) (string, error) {
	return p.do(ctx, by, "redeliver", order{Name: job, Letters: ids, DryRun: dryRun})
}

// DropLetters implements [page.Actions].
func (p pageActions) DropLetters(ctx context.Context, by page.By, ids []int64) (string, error) {
	for _, id := range ids { // all or none
		if l, err := p.store.Letter(ctx, id); err != nil || l.State != state.LetterOpen {
			return "", errors.Join(err, fmt.Errorf("dead letter %d is not open any more; nothing was done", id))
		}
	}
	for _, id := range ids {
		if err := p.store.SettleLetter(ctx, id, state.LetterDropped, by.Who, by.Why); err != nil {
			return "", err
		}
	}
	return count(len(ids), "dead letter") + " dropped", nil
}

// Settle implements [page.Actions].
func (p pageActions) Settle(ctx context.Context, by page.By, batch, outcome string) (string, error) {
	return p.do(ctx, by, "settle", order{Name: batch, As: outcome})
}

// UndoCheckpoint implements [page.Actions].
func (p pageActions) UndoCheckpoint(ctx context.Context, by page.By, job string, lane state.Lane) (string, error) {
	if _, err := p.store.UndoCheckpoint(ctx, job, lane, by.Who, by.Why); err != nil {
		return "", err
	}
	now, err := cursorNow(ctx, p.store, job, lane)
	return "the checkpoint is what it was before: " + inWords(now), err
}
