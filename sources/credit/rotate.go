package credit

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"milkrun/sync/feed"
	"milkrun/sync/kind"
	"milkrun/sync/secret"
	"milkrun/sync/secret/rotation"
	"milkrun/sync/transport"
)

var _ kind.Account = (*Connection)(nil)

// Rotate changes the password at the platform: a new one is made and kept beside the old one, the platform is told
// (修改用户密码), the new one takes the old one's place, and the old one goes when the platform has taken the new one once. Step is
// called at the boundaries, for the tests that stop there; nil for none. When nobody can tell whether the platform changed
// it, the one that it takes is kept, as [Connection.Settle] does.
func (c *Connection) Rotate(ctx context.Context, env kind.Env, step func(string)) error {
	file, err := c.passwordFile(env.Connection)
	if err != nil {
		return err
	}
	if step == nil {
		step = func(string) {}
	}
	next := rotation.Generate(c.account.password.minLen)
	if err := file.Prepare(next); err != nil {
		return feed.Errorf(feed.Fail, "rotation", "%s: %w", env.Connection, err).WithRemedy("milkrun account settle %s", env.Connection)
	}
	step("prepared")
	fresh := secret.New(next)
	if err := c.changePassword(ctx, env, fresh); err != nil {
		return c.afterFailure(ctx, env, file, err)
	}
	step("changed")
	if err := file.Promote(); err != nil {
		return feed.Errorf(feed.Fail, "rotation", "%s: the platform has the new password: %w", env.Connection, err).
			WithRemedy("mend the folder, then milkrun account settle %s", env.Connection)
	}
	step("promoted")
	if err := c.works(ctx, env, rotation.Candidate{Path: file.Path, Secret: fresh}); err != nil {
		return feed.Errorf(feed.Fail, "rotation", "%s: the platform said that it changed the password, and does not take the new one: %w", env.Connection, err).
			WithRemedy("both are kept; milkrun account settle %s finds out which one it takes", env.Connection)
	}
	step("proved")
	return file.Finish()
}

// afterFailure keeps the old password when the platform says that it changed nothing, and else asks it.
func (c *Connection) afterFailure(ctx context.Context, env kind.Env, file rotation.File, cause error) error {
	path, err := c.Settle(context.WithoutCancel(ctx), env)
	switch {
	case err != nil:
		return feed.Errorf(feed.Fail, "rotation", "%w; which password holds is not known: %w", cause, err).
			WithRemedy("both are kept beside %s; milkrun account settle %s when the platform can be reached", file.Path, env.Connection)
	case path == file.Path:
		return fmt.Errorf("the password was not changed: %w", cause)
	}
	return nil // it was changed, and the answer was lost
}

// Settle asks the platform which of the passwords that an interrupted change has left it takes, keeps that one, and returns
// the file it was in. When it takes none, nothing is touched.
func (c *Connection) Settle(ctx context.Context, env kind.Env) (string, error) {
	file, err := c.passwordFile(env.Connection)
	if err != nil {
		return "", err
	}
	var last error
	for _, candidate := range file.Candidates() {
		if last = c.works(ctx, env, candidate); last == nil {
			return candidate.Path, file.Keep(candidate)
		}
		if judged := feed.Judge(last); judged.Verdict != feed.HaltConnection || judged.Code != codeRefused {
			return "", last // the platform could not be asked
		}
	}
	return "", feed.Errorf(feed.Fail, "rotation", "%s: the platform takes none of the passwords: %w", env.Connection, last).
		WithRemedy("ask the platform for a new password, write it to %s, and remove %s.new and %s.old", file.Path, file.Path, file.Path)
}

// passwordFile is where the password can be changed.
func (c *Connection) passwordFile(name string) (rotation.File, error) {
	file, ok := rotation.Of(c.password)
	switch {
	case !c.account.given || !c.account.password.given:
		return file, feed.Errorf(feed.HaltJob, "rotation", "%s: nothing says how the password is changed", name).
			WithRemedy("add [connections.%s.account.password] with the operation of the platform's document", name)
	case !ok:
		where, _, _ := strings.Cut(c.password.Origin(), ":")
		if where == "" {
			where = "the configuration itself"
		}
		return file, feed.Errorf(feed.HaltJob, "rotation", "%s: the password comes from %s, which milkrun cannot write", name, where).
			WithRemedy(`write password = "file:PATH", a file of mode 0600 that the user of this command may write, in a folder it may write to`)
	}
	return file, nil
}

// changePassword tells the platform, once: a refusal may be about the new password, and says nothing about the old one.
func (c *Connection) changePassword(ctx context.Context, env kind.Env, next secret.Secret) error {
	client := c.Client(env.RoundTripper)
	token, err := c.login(ctx, client, env.Connection)
	if err != nil {
		return err
	}
	_, key, err := c.partner(ctx, client, env.Connection)
	if err != nil {
		return err
	}
	v := c.who(c.inForce())
	v["oldPwd"], v["newPwd"] = c.inForce(), next
	o := c.account.password
	pairs, secrets, err := c.params(o.params, v, key)
	if err != nil {
		return wrongKeys(env.Connection, err)
	}
	if name, ok := strings.CutPrefix(c.account.token.sendAs, "body:"); ok && !token.Empty() {
		pairs = append(pairs, pair{name, c.account.token.prefix + token.Reveal()})
	}
	call := transport.Call{Op: env.Connection + ": " + o.op, Secrets: append(secrets, texts(token.Reveal())...), Build: func(ctx context.Context) (*http.Request, error) {
		return c.post(ctx, c.address(c.account.path, o.op), pairs, token)
	}}
	r, err := client.Do(ctx, call)
	if err == nil {
		_, err = readReply(call, r)
	}
	return err
}

// works asks the platform whether it takes a password: by a login where there are tokens, else by the smallest query.
func (c *Connection) works(ctx context.Context, env kind.Env, candidate rotation.Candidate) error {
	s := &c.session
	before := s.other.Swap(&candidate)
	if give, err := s.take(ctx); err == nil {
		s.token = token{}
		give()
	}
	client, label := c.Client(env.RoundTripper), env.Connection+": trying the password"
	var err error
	if c.account.token.given {
		_, err = c.login(ctx, client, label)
	} else {
		var call transport.Call
		var r transport.Response
		o := operationCall{label, c.address(c.account.path, operation), []pair{{"pageno", 1}, {"pagesize", 1}}}
		if call, r, err = c.exchange(ctx, client, o); err == nil {
			_, err = readReply(call, r)
		}
	}
	if err != nil {
		s.other.Store(before)
	}
	return err
}
