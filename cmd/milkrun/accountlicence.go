package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"milkrun/sources/credit"
	"milkrun/state"
	"milkrun/sync/config"
	"milkrun/sync/kind"
	"milkrun/sync/uscc"
)

// maxLicenceFile is how large an authorisation may be: a scanned contract, not a film.
const maxLicenceFile = 8 << 20

func (a *app) licenceCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:   "licence",
		Short: "The authorisations of enterprises to ask about them",
	}, a.licenceUploadCommand(), a.licenceListCommand(), a.licenceForgetCommand())
}

func (a *app) licenceUploadCommand() *cobra.Command {
	var code, file, until string
	cmd := &cobra.Command{
		Use:   "upload CONNECTION",
		Short: "Deposit an enterprise's authorisation, and keep the licence that comes back",
		Example: `  milkrun account licence upload credit --code 91140107MA0GT3RT7Y --file agreement.pdf
  milkrun account licence upload credit --code 91140107MA0GT3RT7Y --file agreement.pdf --until 2027-12-31`,
		Args: arguments(cobra.ExactArgs(1)),
	}
	f := cmd.Flags()
	f.StringVar(&code, "code", "", "the enterprise's unified social credit code")
	f.StringVar(&file, "file", "", "the authorisation agreement")
	f.StringVar(&until, "until", "", "the last day it holds, as 2027-12-31 (default: until the partner refuses it)")
	why := whyFlag(cmd)
	cmd.RunE = a.stoppable(func(ctx context.Context, args []string) error {
		return a.uploadLicence(ctx, args[0], licenceOrder{code: code, file: file, until: until, why: *why})
	})
	return cmd
}

type licenceOrder struct{ code, file, until, why string }

func (o licenceOrder) read() (l kind.Licence, until time.Time, err error) {
	if o.code == "" || o.file == "" {
		return l, until, usage("--code and --file are needed: whose authorisation, and where it is")
	}
	if until, err = parseDay("until", o.until); err != nil {
		return l, until, err
	}
	info, err := os.Stat(o.file)
	if err == nil && info.Size() > maxLicenceFile {
		err = fmt.Errorf("%s has more than %d bytes", o.file, maxLicenceFile)
	}
	if err == nil {
		l.File, err = os.ReadFile(o.file)
	}
	if err != nil {
		return l, until, &exit{code: exitUsage, cause: fmt.Errorf("--file: %w", err)}
	}
	if len(l.File) == 0 {
		return l, until, usage("--file: %s is empty", o.file)
	}
	l.Code, l.Name = uscc.Normalise(o.code), filepath.Base(o.file)
	return l, until, nil
}

func (a *app) uploadLicence(ctx context.Context, name string, o licenceOrder) error {
	l, until, err := o.read()
	if err != nil {
		return err
	}
	return a.onConnection(ctx, name, func(ctx context.Context, conn *config.Connection, store *state.Store) error {
		licensed, ok := conn.Settings.(kind.Licensed)
		if !ok {
			return &exit{code: exitUsage, cause: fmt.Errorf("connection %s of type %s takes no authorisations", name, conn.Type)}
		}
		id, err := licensed.UploadLicence(ctx, kind.Env{Connection: name, Location: time.Local}, l)
		if err != nil {
			return err
		}
		m := state.Memory{Connection: name, Topic: credit.LicenceTopic, Key: l.Code, Value: id, Until: until, Who: operator(), Why: o.why}
		if err := store.Remember(context.WithoutCancel(ctx), m); err != nil {
			return fmt.Errorf("the partner has the authorisation as %s: %w", id, err)
		}
		a.say("the licence of %s is %s; it is kept for connection %s", l.Code, id, name)
		return nil
	})
}

// licenceView is a licence as --json shows it.
type licenceView struct {
	Code    string     `json:"code"`
	Licence string     `json:"licence"`
	Until   *time.Time `json:"until,omitempty"`
	At      time.Time  `json:"at"`
	Who     string     `json:"who"`
	Why     string     `json:"why,omitempty"`
}

func viewLicence(m state.Memory) licenceView {
	v := licenceView{Code: m.Key, Licence: m.Value, At: m.At, Who: m.Who, Why: m.Why}
	if !m.Until.IsZero() {
		v.Until = &m.Until
	}
	return v
}

func (a *app) licenceListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list CONNECTION",
		Short:   "Show the licences that are kept for a connection",
		Example: `  milkrun account licence list credit`,
		Args:    arguments(cobra.ExactArgs(1)),
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return a.listLicences(cmd.Context(), args[0], *asJSON) }
	return cmd
}

func (a *app) listLicences(ctx context.Context, name string, asJSON bool) error {
	store, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer a.shut(store)
	list, err := store.Memories(ctx, name, credit.LicenceTopic)
	if err != nil {
		return err
	}
	if asJSON {
		return a.printJSON(views(list, viewLicence))
	}
	if len(list) == 0 {
		a.say("no licence is kept for connection %s", name)
		return nil
	}
	for _, m := range list {
		until := ""
		if !m.Until.IsZero() {
			until = " until " + m.Until.Local().Add(-time.Second).Format(time.DateOnly)
		}
		a.say("%s  %s%s  since %s by %s%s", m.Key, m.Value, until, clock(m.At, time.Local), m.Who, reason(m.Why))
	}
	return nil
}

func (a *app) licenceForgetCommand() *cobra.Command {
	var code string
	cmd := &cobra.Command{
		Use:     "forget CONNECTION",
		Short:   "Drop the licence of an enterprise, as when it took its authorisation back",
		Example: `  milkrun account licence forget credit --code 91140107MA0GT3RT7Y --why "authorisation taken back"`,
		Args:    arguments(cobra.ExactArgs(1)),
	}
	cmd.Flags().StringVar(&code, "code", "", "the enterprise's unified social credit code")
	why := whyFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return a.forgetLicence(cmd.Context(), args[0], uscc.Normalise(code), *why)
	}
	return cmd
}

func (a *app) forgetLicence(ctx context.Context, name, code, why string) error {
	if code == "" {
		return usage("--code is needed: whose licence")
	}
	if err := mustSay(why); err != nil {
		return err
	}
	store, err := a.amend(ctx)
	if err != nil {
		return err
	}
	defer a.shut(store)
	gone, err := store.Forget(ctx, name, credit.LicenceTopic, code, operator(), why)
	if err == nil && !gone {
		list, _ := store.Memories(ctx, name, credit.LicenceTopic)
		return unknown("licence for", code, views(list, func(m state.Memory) string { return m.Key }))
	}
	if err == nil {
		a.say("the licence of %s is gone; its records are not asked for any more", code)
	}
	return err
}
