package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"milkrun/sync/audit"
	"milkrun/sync/words"
)

func (a *app) auditHeadCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "head",
		Short: "Show the newest hash of the exchanges, to keep it elsewhere",
		Long: `Show the number and the hash of the newest exchange. Whoever keeps that line elsewhere (with the partner, in a ticket, on
paper) can prove later, with milkrun audit verify --head, that nothing up to it was altered, taken out or cut off.`,
		Example: `  milkrun audit head
  milkrun audit head >> /mnt/elsewhere/heads.txt`,
		Args: arguments(cobra.NoArgs),
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return a.auditHead(cmd.Context(), *asJSON) }
	return cmd
}

// headView is the newest exchange; without a head there is none yet.
type headView struct {
	Head string    `json:"head"`
	At   time.Time `json:"at,omitzero"`
}

func (a *app) auditHead(ctx context.Context, asJSON bool) error {
	store, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer a.shut(store)
	head, err := store.ExchangeHead(ctx)
	switch {
	case err != nil:
		return err
	case asJSON:
		return a.printJSON(headView{head.String(), head.At})
	case head.Seq == 0:
		a.say("no exchange yet")
	default:
		a.say("%s", words.Verbatim(head.String()))
	}
	return nil
}

func (a *app) auditVerifyCommand() *cobra.Command {
	var kept headFlag
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check that no exchange was altered, taken out, put in or cut off",
		Long: `Make every hash of the exchanges anew, and say which rows are not what was written. Without --head nobody can tell whether
the whole file was written anew: give the line that milkrun audit head printed once, and everything up to it is proved.
The exit code is 1 when something is wrong.`,
		Example: `  milkrun audit verify
  milkrun audit verify --head 12345:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08`,
		Args: arguments(cobra.NoArgs),
	}
	cmd.Flags().Var(&kept, "head", "what milkrun audit head printed once: NUMBER:HASH, or the hash alone")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return a.auditVerify(cmd.Context(), kept.Head, *asJSON) }
	return cmd
}

// headFlag is a flag that takes a head.
type headFlag struct{ audit.Head }

// Type is what stands for the value in the help.
func (*headFlag) Type() string { return "hash" }

// Set takes what audit head prints.
func (f *headFlag) Set(text string) (err error) {
	f.Head, err = audit.ParseHead(text)
	return err
}

// verifyView is what was found out about the chain.
type verifyView struct {
	Whole    bool            `json:"whole"`
	Rows     int64           `json:"rows"`
	Pruned   int64           `json:"pruned"` // rows from 1 through this one were removed
	Head     string          `json:"head"`
	Findings []audit.Finding `json:"findings"`
}

func (a *app) auditVerify(ctx context.Context, kept audit.Head, asJSON bool) error {
	store, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer a.shut(store)
	anchor, err := store.ExchangeAnchor(ctx)
	if err != nil {
		return err
	}
	last, rows, wrong, err := store.VerifyExchanges(ctx, kept)
	if err != nil {
		return err
	}
	v := verifyView{Whole: len(wrong) == 0, Rows: rows, Pruned: anchor.Through, Head: last.String(), Findings: wrong}
	if asJSON {
		if v.Findings == nil {
			v.Findings = []audit.Finding{}
		}
		err = a.printJSON(v)
	} else {
		a.sayVerified(v, kept)
	}
	if err != nil || v.Whole {
		return err
	}
	if len(wrong) == 1 && wrong[0].What == audit.OldHead {
		return &exit{code: exitError, cause: errors.New("with the hash of a pruned row nothing can be proved"),
			remedy: "name a newer one that was kept: that of a later report, or of milkrun audit head"}
	}
	return &exit{code: exitError, cause: errors.New("the exchanges are not what was written"),
		remedy: "keep this file as it is; compare it with the backups (milkrun audit verify --state COPY), and find out who could write to it"}
}

func (a *app) sayVerified(v verifyView, kept audit.Head) {
	for _, f := range v.Findings {
		a.say("%s", f.Text)
	}
	if v.Pruned > 0 {
		a.say("rows 1 to %s were pruned: a row of the chain stands for them", grouped(v.Pruned))
	}
	switch {
	case !v.Whole:
	case v.Rows == 0:
		a.say("no exchange yet")
	default:
		a.say("%s are as they were written, up to %s", count(v.Rows, "exchange"), words.Verbatim(v.Head))
		if kept == (audit.Head{}) {
			a.sayNext("that nothing was cut off or written anew only a hash that was kept elsewhere tells: milkrun audit verify --head HASH")
		}
	}
}
