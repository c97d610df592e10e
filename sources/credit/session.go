package credit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"milkrun/sync/envelope"
	"milkrun/sync/feed"
	"milkrun/sync/secret"
	"milkrun/sync/secret/rotation"
	"milkrun/sync/transport"
)

// session is what the jobs on a connection share while they run.
type session struct {
	// turn is held while the token or the key is looked up or fetched, so that many jobs fetch it once. A channel, so that
	// waiting for it ends with a context.
	turn  chan struct{}
	token token
	key   partnerKey

	mu      sync.Mutex
	refused map[string]bool // passwords that the platform did not take
	faults  map[string]bool // requests whose last answer could not be opened

	other atomic.Pointer[rotation.Candidate] // the password in force, when it is not that of the configuration
}

type token struct {
	value        secret.Secret
	until, renew time.Time
}

type partnerKey struct {
	id    string
	party *envelope.Party
	key   *envelope.Public
	until time.Time
}

func newSession() session {
	return session{turn: make(chan struct{}, 1), refused: map[string]bool{}, faults: map[string]bool{}}
}

// take waits for the turn; give it back by calling the function.
func (s *session) take(ctx context.Context) (func(), error) {
	select {
	case s.turn <- struct{}{}:
		return func() { <-s.turn }, nil
	case <-ctx.Done():
		return nil, errors.Join(context.Cause(ctx), ctx.Err())
	}
}

// inForce is the password that the platform takes, as far as we know.
func (c *Connection) inForce() secret.Secret {
	if other := c.session.other.Load(); other != nil {
		return other.Secret
	}
	return c.password
}

// another says whether there is a password that has not been tried, after one was refused: the file has been changed since it
// was read, or a change of the password was interrupted and left two. It is in force from now on.
func (c *Connection) another(err error) bool {
	judged := feed.Judge(err)
	file, ok := rotation.Of(c.password)
	if !ok || judged.Verdict != feed.HaltConnection || judged.Code != codeRefused {
		return false
	}
	c.session.mu.Lock()
	defer c.session.mu.Unlock()
	c.session.refused[c.inForce().Reveal()] = true
	for _, candidate := range file.Candidates() {
		if !c.session.refused[candidate.Secret.Reveal()] {
			c.session.other.Store(&candidate)
			return true
		}
	}
	return false
}

// codeRefused is the code of an answer that refuses us.
const codeRefused = "result 0"

// noteOther says, once for a source, of which file the password is that took the place of the configuration's.
func (c *Connection) noteOther(notes map[string]int, told *atomic.Bool) map[string]int {
	other := c.session.other.Load()
	if other == nil || told.Swap(true) {
		return notes
	}
	if notes == nil {
		notes = map[string]int{}
	}
	notes[fmt.Sprintf("the platform took the password in %s, not the one that was read at the start; milkrun account settle keeps it", other.Path)]++
	return notes
}

// withPassword calls f, and once more for every other password there is while the platform refuses us.
func (c *Connection) withPassword(f func() error) error {
	err := f()
	for err != nil && c.another(err) {
		err = f()
	}
	return err
}

// partner returns the platform's public key, and our side of the envelope with it; both are nil when nobody needs them. The
// key is kept for as long as account.public_key.cache says.
func (c *Connection) partner(ctx context.Context, client *transport.Client, label string) (*envelope.Party, *envelope.Public, error) {
	s := &c.session
	give, err := s.take(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer give()
	if s.key.id != "" && time.Now().Before(s.key.until) {
		return s.key.party, s.key.key, nil
	}
	fresh := partnerKey{id: "configured", until: time.Now().Add(c.account.publicKey.cache)}
	if c.account.publicKey.given {
		if fresh.key, fresh.id, err = c.fetchKey(ctx, client, label); err != nil {
			return nil, nil, err
		}
	} else if fresh.key, err = c.envelope.Partner(); err != nil {
		return nil, nil, wrongKeys(label, err)
	}
	if fresh.id == s.key.id && s.key.party != nil { // the same key: what was seen of nonces still counts
		fresh.party = s.key.party
	} else if c.envelope.On() {
		if fresh.party, err = c.envelope.Party(fresh.key, time.Now); err != nil {
			return nil, nil, wrongKeys(label, err)
		}
	}
	s.key = fresh
	return fresh.party, fresh.key, nil
}

func wrongKeys(label string, err error) *feed.Error {
	return feed.Errorf(feed.HaltConnection, "key", "%s: envelope.%w", label, err).
		WithRemedy("mend the key in the configuration, then resume the connection")
}

// forgetKey has the platform's key fetched again before the next request.
func (c *Connection) forgetKey(ctx context.Context) {
	if give, err := c.session.take(ctx); err == nil {
		c.session.key.until = time.Time{}
		give()
	}
}

// login returns the token, which is fetched when there is none or its end is near. It is empty when there are no tokens.
func (c *Connection) login(ctx context.Context, client *transport.Client, label string) (secret.Secret, error) {
	if !c.account.token.given {
		return secret.Secret{}, nil
	}
	_, key, err := c.partner(ctx, client, label)
	if err != nil {
		return secret.Secret{}, err
	}
	s := &c.session
	give, err := s.take(ctx)
	if err != nil {
		return secret.Secret{}, err
	}
	defer give()
	if !s.token.value.Empty() && time.Now().Before(s.token.renew) {
		return s.token.value, nil
	}
	fresh, err := c.fetchToken(ctx, client, label, key)
	if err != nil {
		// Before its end the old one still serves; what is wrong with the new one shows then.
		if !s.token.value.Empty() && time.Now().Before(s.token.until) && feed.Judge(err).Verdict == feed.Retry {
			return s.token.value, nil
		}
		return secret.Secret{}, err
	}
	s.token = fresh
	return fresh.value, nil
}

// logout forgets a token that the platform did not take; a newer one stays.
func (c *Connection) logout(ctx context.Context, old secret.Secret) {
	if give, err := c.session.take(ctx); err == nil {
		if c.session.token.value == old {
			c.session.token = token{}
		}
		give()
	}
}
