package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"milkrun/sync/config"
	"milkrun/sync/kind"
	"milkrun/sync/words"
)

func (a *app) signCommand() *cobra.Command {
	var r kind.SignRequest
	var params []string
	var body string
	cmd := &cobra.Command{
		Use:   "sign CONNECTION",
		Short: "Show how a request on a connection is signed, without sending it",
		Long: `Show the string to sign, the signature and the parameters of a request on a connection. Nothing is sent, and the
secret stays hidden behind a mark. With the timestamp and nonce of a partner's own example the signature must be the
same as theirs; where it is not, the strings to sign tell why.`,
		Example: `  milkrun sign jinlaiban
  milkrun sign jinlaiban --timestamp 1615978623 --nonce 1234567890
  milkrun sign jinlaiban --param appcode=app_demo_001 --param remark=
  milkrun sign partner --resource users --body batch.json`,
		Args: arguments(cobra.ExactArgs(1)),
	}
	f := cmd.Flags()
	f.StringVar(&r.Timestamp, "timestamp", "", "the timestamp, as the partner writes it (default: now)")
	f.StringVar(&r.Nonce, "nonce", "", "the random number (default: a fresh one)")
	f.StringArrayVar(&params, "param", nil, "set a parameter, as k=v; an empty value takes it out; may be repeated")
	f.StringVar(&r.Resource, "resource", "", "the resource the request would go to, where that is signed")
	f.StringVar(&body, "body", "", "a file with the body, where that is signed; - is the standard input")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		if r.Params, err = pairs(params); err != nil {
			return err
		}
		if r.Body, err = readInput(cmd.InOrStdin(), body); err != nil {
			return &exit{code: exitUsage, cause: fmt.Errorf("--body: %w", err)}
		}
		return a.sign(args[0], r, *asJSON)
	}
	return cmd
}

// pairs reads parameters written as k=v.
func pairs(list []string) (map[string]string, error) {
	set := make(map[string]string, len(list))
	for _, text := range list {
		key, value, ok := strings.Cut(text, "=")
		if !ok || key == "" {
			return nil, usage("--param: %q is not written as k=v", text)
		}
		set[key] = value
	}
	return set, nil
}

// readInput reads a file, or for - the standard input; "" is nothing.
func readInput(stdin io.Reader, path string) ([]byte, error) {
	switch path {
	case "":
		return nil, nil
	case "-":
		return io.ReadAll(stdin)
	}
	return os.ReadFile(path)
}

func (a *app) sign(name string, r kind.SignRequest, asJSON bool) error {
	conf, err := a.load(true)
	if err != nil {
		return err
	}
	defer a.shut(conf)
	signer, err := findSigner(conf, name)
	if err != nil {
		return err
	}
	s, err := signer.Sign(r)
	if err != nil {
		return &exit{code: exitUsage, cause: fmt.Errorf("signing for connection %s: %w", name, err)}
	}
	if asJSON {
		return a.printJSON(s)
	}
	a.say("string to sign:\n%s\n\nsignature:\n%s\n\nparameters:", words.Verbatim(s.StringToSign), s.Signature)
	for _, key := range slices.Sorted(maps.Keys(s.Params)) {
		a.say("  %s=%s", key, words.Verbatim(s.Params[key]))
	}
	return nil
}

// findSigner finds a connection that signs, or says which ones do.
func findSigner(conf *config.Config, name string) (kind.Signer, error) {
	conn := conf.Connections[name]
	if conn == nil {
		return nil, unknown("connection", name, slices.Sorted(maps.Keys(conf.Connections)))
	}
	if signer, ok := conn.Settings.(kind.Signer); ok {
		return signer, nil
	}
	var able []string
	for other, c := range conf.Connections {
		if _, ok := c.Settings.(kind.Signer); ok {
			able = append(able, other)
		}
	}
	e := &exit{code: exitUsage, cause: fmt.Errorf("connection %s of type %s signs no requests", name, conn.Type),
		remedy: "none of the connections in the configuration does"}
	if len(able) > 0 {
		slices.Sort(able)
		e.remedy = "these do: " + strings.Join(able, ", ")
	}
	return nil, e
}
