package credit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/kind"
	"milkrun/sync/sandbox"
	"milkrun/sync/secret"
	"milkrun/sync/secret/rotation"
	"milkrun/sync/setting/settingtest"
	"milkrun/sync/transport/answertest"
)

// counting counts the operations that pass it.
type counting struct {
	to    http.RoundTripper
	count map[string]int
	sent  bytes.Buffer // everything that went out, for looking through
}

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.count[filepath.Base(r.URL.Path)]++
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		c.sent.Write(body)
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	return c.to.RoundTrip(r)
}

func newCounting(to http.RoundTripper) *counting { return &counting{to: to, count: map[string]int{}} }

// TestToken: one login serves many calls, is renewed before its end, and made anew once when the platform does not take it.
func TestToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := dialect{account: map[string]any{"token": map[string]any{"refresh_before": "5m"}, "public_key": map[string]any{}, "pwd_transform": "sm2"}}
		w := newWorld(t, d, sandbox.CreditOptions{Count: 3, TokenLife: time.Hour}, nil)
		net := newCounting(w.partner)
		codes, _ := w.listed()
		s := w.open(t, net, resEnterprise, codes[:3], nil)
		fetch := func(logins, keys int) {
			t.Helper()
			if _, err := s.Fetch(t.Context(), "", 3); err != nil {
				t.Error(err)
			}
			if net.count["getToken"] != logins || net.count["getPublicKey"] != keys {
				t.Errorf("%d logins, %d keys; want %d, %d", net.count["getToken"], net.count["getPublicKey"], logins, keys)
			}
		}
		fetch(1, 1)
		fetch(1, 1)
		time.Sleep(54 * time.Minute)
		fetch(1, 1)
		time.Sleep(2 * time.Minute) // 4 before its end
		fetch(2, 1)
		w.platform.ExpireTokens()
		fetch(3, 1)
		time.Sleep(24 * time.Hour)
		fetch(4, 2)
		if strings.Contains(net.sent.String(), known[0]) {
			t.Error("the password left in clear")
		}
	})
}

// TestTokenIsNotChased: a platform that takes no token at all is asked for one new one, and not for ever.
func TestTokenIsNotChased(t *testing.T) {
	for name, answer := range map[string]answertest.RoundTrip{
		"message": answering(`{"result":0,"msg":"token 失效"}`),
		"401":     func(*http.Request) (*http.Response, error) { return answertest.Reply(401, "who are you"), nil },
	} {
		net := newCounting(answertest.RoundTrip(func(r *http.Request) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, "getToken") {
				return answertest.Reply(200, `{"result":1,"token":"t0ken-value","expiresIn":"60"}`), nil
			}
			if r.Header.Get("Authorization") != "t0ken-value" {
				t.Errorf("%s: %v", name, r.Header)
			}
			return answer(r)
		}))
		c := newWorld(t, dialect{account: map[string]any{"token": map[string]any{}}}, sandbox.CreditOptions{Count: 1}, nil)
		_, err := c.open(t, net, resEnterprise, []string{"91140107MA0GT3RT7Y"}, nil).Fetch(t.Context(), "", 1)
		if err == nil || net.count["getToken"] != 2 || net.count[oneOperation] != 2 || strings.Contains(err.Error(), "t0ken") {
			t.Errorf("%s: %v, %v", name, net.count, err)
		}
	}
}

// TestDigestMismatch: the data is thrown away and may be pulled once more; the second time in a row the connection halts. A good
// answer in between starts over.
func TestDigestMismatch(t *testing.T) {
	for name, d := range dialects() {
		if d.envelope == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, d, sandbox.CreditOptions{Count: 3}, nil)
			net := newCounting(w.partner)
			s := w.open(t, net, resGrades, nil, nil)
			fetch := func(code string, verdict feed.Verdict) {
				t.Helper()
				page, err := s.Fetch(t.Context(), "", 3)
				if e := feed.Judge(err); e.Code != code || err != nil && e.Verdict != verdict || err != nil && e.Remedy == "" || err != nil && page.Rows.Len() > 0 {
					t.Errorf("%d rows, %s, %v", page.Rows.Len(), e.Code, err)
				}
			}
			fetch("", 0)
			w.platform.Spoil(1)
			fetch("digest", feed.Retry)
			fetch("", 0)
			w.platform.Spoil(2)
			fetch("digest", feed.Retry)
			fetch("digest", feed.HaltConnection)
			fetch("", 0)
			if w.conn.account.publicKey.given && net.count["getPublicKey"] != 4 {
				t.Errorf("the key was fetched %d times", net.count["getPublicKey"])
			}
		})
	}
}

// TestKeyChange: when the platform has another key, one request fails, and the next one uses it.
func TestKeyChange(t *testing.T) {
	for _, name := range []string{"data only", "whole body"} {
		w := newWorld(t, dialects()[name], sandbox.CreditOptions{Count: 3}, nil)
		s := w.open(t, w.partner, resGrades, nil, nil)
		for i, change := range []bool{false, true, false} {
			if change {
				w.platform.ChangeKey()
			}
			_, err := s.Fetch(t.Context(), "", 3)
			if change != (err != nil) || err != nil && feed.Judge(err).Verdict != feed.Retry {
				t.Errorf("%s, request %d: %v", name, i, err)
			}
		}
	}
}

// TestClearAnswer: success in clear is nobody's, where an envelope was agreed; a failure in clear is the platform's own.
func TestClearAnswer(t *testing.T) {
	for body, want := range map[string]string{
		`{"result":1,"data":{"uniscId":"91140107MA0GT3RT7Y","enterpriseName":"x","assessGrade":"AA"}}`: "envelope",
		`{"result":1,"data":"c29tZXRoaW5n","digest":"00"}`:                                             "decrypt",
		`{"data":null}`: "envelope", `{"result":0,"msg":"企业不存在"}`: "", `{"result":0,"msg":"系统繁忙"}`: "result 0", `[]`: "unreadable", `<html>`: "unreadable",
	} {
		w := newWorld(t, dialects()["pre-shared"], sandbox.CreditOptions{Count: 3}, nil)
		s := w.open(t, answering(body), resEnterprise, []string{"91140107MA0GT3RT7Y"}, nil)
		page, err := s.Fetch(t.Context(), "", 1)
		if e := feed.Judge(err); e.Code != want || page.Rows.Len() > 0 {
			t.Errorf("%s: %+v, %s, %v", body, page, e.Code, err)
		}
	}
}

// passwordWorld is one whose password lives in a file, and can be changed.
func passwordWorld(t testing.TB, account map[string]any) (world, rotation.File) {
	t.Helper()
	file := rotation.File{Path: filepath.Join(t.TempDir(), "password")}
	write(t, file.Path, known[0])
	keys := map[string]any{"password": map[string]any{}}
	maps.Copy(keys, account)
	return newWorld(t, dialect{account: keys}, sandbox.CreditOptions{Count: 3}, map[string]any{"password": secret.New(known[0]).From("file:" + file.Path)}), file
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// holds says what is in the password's folder, and checks that it is what the platform takes.
func (w world) holds(t testing.TB, file rotation.File, password string) {
	t.Helper()
	text, err := os.ReadFile(file.Path)
	if err != nil || strings.TrimSpace(string(text)) != password || file.Unfinished() != "" {
		t.Errorf("%s holds %d bytes, %v; left over: %q", file.Path, len(text), err, file.Unfinished())
	}
	if info, err := os.Stat(file.Path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestRotate(t *testing.T) {
	for name, account := range map[string]map[string]any{
		"plain": {}, "token": {"token": map[string]any{}}, "sm2": {"pwd_transform": "sm2", "public_key": map[string]any{}},
		"only token": {"token": map[string]any{"send_as": "body:token"}, "send_pwd": false, "pwd_transform": "rsa", "public_key": map[string]any{}},
	} {
		t.Run(name, func(t *testing.T) {
			w, file := passwordWorld(t, account)
			var steps []string
			if err := w.conn.Rotate(t.Context(), kind.Env{Connection: "credit", RoundTripper: w.partner}, func(s string) { steps = append(steps, s) }); err != nil {
				t.Fatal(err)
			}
			if now := w.platform.Password(); now == known[0] || len(now) < 20 {
				t.Errorf("the password has %d characters, or is the old one", len(now))
			}
			w.holds(t, file, w.platform.Password())
			if got := strings.Join(steps, " "); got != "prepared changed promoted proved" {
				t.Errorf("steps %s", got)
			}
			codes, _ := w.listed()
			if _, err := w.open(t, w.partner, resEnterprise, codes[:1], nil).Fetch(t.Context(), "", 1); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestRotateFaults: whatever becomes of the request that changes the password, the one that the platform takes is kept.
func TestRotateFaults(t *testing.T) {
	for name, c := range map[string]struct {
		fault   func(r *http.Request, to http.RoundTripper) (*http.Response, error)
		changed bool
		fails   bool
	}{
		"never arrives": {func(*http.Request, http.RoundTripper) (*http.Response, error) { return nil, errors.New("no route") }, false, true},
		"answer lost": {func(r *http.Request, to http.RoundTripper) (*http.Response, error) {
			if a, err := to.RoundTrip(r); err == nil {
				_ = a.Body.Close()
			}
			return nil, errors.New("reset")
		}, true, false},
		"refused": {func(*http.Request, http.RoundTripper) (*http.Response, error) {
			return answertest.Reply(200, `{"result":0,"msg":"新密码与旧密码相同"}`), nil
		}, false, true},
		"HTTP 500 after the change": {func(r *http.Request, to http.RoundTripper) (*http.Response, error) {
			if a, err := to.RoundTrip(r); err == nil {
				_ = a.Body.Close()
			}
			return answertest.Reply(500, "oops"), nil
		}, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			w, file := passwordWorld(t, map[string]any{"token": map[string]any{}})
			net := answertest.RoundTrip(func(r *http.Request) (*http.Response, error) {
				if strings.HasSuffix(r.URL.Path, "updatePassword") {
					return c.fault(r, w.partner)
				}
				return w.partner.RoundTrip(r)
			})
			err := w.conn.Rotate(t.Context(), kind.Env{Connection: "credit", RoundTripper: net}, nil)
			if (err != nil) != c.fails || (w.platform.Password() != known[0]) != c.changed {
				t.Errorf("%v; changed %v", err, w.platform.Password() != known[0])
			}
			w.holds(t, file, w.platform.Password())
		})
	}
}

func TestRotateRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		origin  string
		account map[string]any
		says    string
	}{
		"environment": {"env:PASSWORD", map[string]any{"password": map[string]any{}}, "comes from env"},
		"credential":  {"credential:password", map[string]any{"password": map[string]any{}}, "comes from credential"},
		"literal":     {"", map[string]any{"password": map[string]any{}}, "configuration itself"},
		"no op":       {"file:/nowhere", map[string]any{}, "nothing says how"},
		"unwritable":  {"file:/proc/none/password", map[string]any{"password": map[string]any{}}, "keeping the new secret"},
	} {
		value := secret.New(known[0])
		if c.origin != "" {
			value = value.From(c.origin)
		}
		w := newWorld(t, dialect{account: c.account}, sandbox.CreditOptions{Count: 3}, map[string]any{"password": value})
		err := w.conn.Rotate(t.Context(), kind.Env{Connection: "credit", RoundTripper: w.partner}, nil)
		if err == nil || !strings.Contains(err.Error(), c.says) || feed.Judge(err).Remedy == "" || w.platform.Password() != known[0] {
			t.Errorf("%s: %v", name, err)
		}
	}
	w, file := passwordWorld(t, nil)
	write(t, file.Path+".new", "left over")
	if err := w.conn.Rotate(t.Context(), kind.Env{Connection: "credit", RoundTripper: w.partner}, nil); !errors.Is(err, rotation.ErrUnfinished) {
		t.Errorf("an unfinished change: %v", err)
	}
	w, file = passwordWorld(t, nil)
	write(t, file.Path, "wrong")
	c := newWorld(t, dialect{account: map[string]any{"password": map[string]any{}}}, sandbox.CreditOptions{Count: 3}, map[string]any{"password": secret.New("wrong").From("file:" + file.Path)})
	write(t, file.Path+".new", "wrong too")
	if _, err := c.conn.Settle(t.Context(), kind.Env{Connection: "credit", RoundTripper: c.partner}); err == nil || file.Unfinished() == "" {
		t.Errorf("none of the passwords is taken: %v; left %q", err, file.Unfinished())
	}
	_ = w
}

// TestKilledRotation kills a process that changes the password at every step. The next start must get in with what the files
// hold, and say so; settling leaves the one password that the platform takes.
func TestKilledRotation(t *testing.T) {
	for _, step := range []string{"prepared", "changed", "promoted", "proved"} {
		t.Run(step, func(t *testing.T) {
			s, err := sandbox.Start(t.Context(), "127.0.0.1:0", sandbox.Options{Credit: sandbox.CreditOptions{Count: 3}})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			file := rotation.File{Path: filepath.Join(t.TempDir(), "password")}
			write(t, file.Path, known[0])
			child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestRotatingChild$")
			child.Env = append(os.Environ(), "ROTATE_URL="+s.URL()+"/credit", "ROTATE_FILE="+file.Path, "ROTATE_STEP="+step)
			out, err := child.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Fatalf("the child was not killed: %v: %s", err, out)
			}
			text, err := os.ReadFile(file.Path)
			if err != nil {
				t.Fatal(err)
			}
			c := fileConnection(t, s.URL()+"/credit", file.Path, strings.TrimSpace(string(text)))
			source := NewSource(c)
			settingtest.Valid(t, source, map[string]any{"resource": "grades"})
			opened, err := source.Open(t.Context(), kind.Env{Connection: "credit"})
			if err != nil {
				t.Fatal(err)
			}
			page, err := opened.Fetch(t.Context(), "", 3)
			if err != nil || page.Rows.Len() != 3 {
				t.Fatalf("the next start does not get in: %v", err)
			}
			if said := fmt.Sprint(page.Notes); strings.Contains(said, file.Path+".new") != (step == "changed") {
				t.Errorf("it says %s", said)
			}
			if w := c.Warnings(); len(w) != 1 || w[0].Key != "password" || w[0].Remedy == "" {
				t.Errorf("warnings %+v", w)
			}
			if _, err := c.Settle(t.Context(), kind.Env{Connection: "credit"}); err != nil {
				t.Fatal(err)
			}
			world{}.holds(t, file, s.Credit.Password())
			if (s.Credit.Password() == known[0]) != (step == "prepared") {
				t.Error("the password is another than the step says")
			}
		})
	}
}

// fileConnection is one to a stand-in on the network, with a password of a file.
func fileConnection(t testing.TB, url, path, password string) *Connection {
	t.Helper()
	c := NewConnection().(*Connection)
	settingtest.Valid(t, c, map[string]any{"url": url, "accessid": secret.New("sandbox-accessid"), "username": secret.New("sandbox"),
		"password": secret.New(password).From("file:" + path), "account": map[string]any{"password": map[string]any{}, "token": map[string]any{}}})
	return c
}

// TestRotatingChild is the process that TestKilledRotation kills.
func TestRotatingChild(t *testing.T) {
	url, path, step := os.Getenv("ROTATE_URL"), os.Getenv("ROTATE_FILE"), os.Getenv("ROTATE_STEP")
	if url == "" {
		t.Skip("it is run by TestKilledRotation")
	}
	c := fileConnection(t, url, path, known[0])
	err := c.Rotate(t.Context(), kind.Env{Connection: "credit"}, func(now string) {
		if now == step {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // until it arrives
		}
	})
	t.Fatalf("it went on to its end: %v", err)
}

// TestRunningDaemon: a daemon that read the old password goes on when it is changed beside it, and says so.
func TestRunningDaemon(t *testing.T) {
	for name, account := range map[string]map[string]any{"plain": {}, "token": {"token": map[string]any{}}} {
		daemon, file := passwordWorld(t, account)
		other := newWorld(t, dialect{account: map[string]any{"password": map[string]any{}}}, sandbox.CreditOptions{Count: 3}, map[string]any{"password": secret.New(known[0]).From("file:" + file.Path)})
		other.partner = daemon.partner
		codes, _ := daemon.listed()
		sources := map[string]feed.Source{resGrades: daemon.open(t, daemon.partner, resGrades, nil, nil), resEnterprise: daemon.open(t, daemon.partner, resEnterprise, codes[:1], nil)}
		for _, resource := range []string{resGrades, resEnterprise} {
			if page, err := sources[resource].Fetch(t.Context(), "", 1); err != nil || len(page.Notes) > 0 {
				t.Fatal(err, page.Notes)
			}
		}
		if err := other.conn.Rotate(t.Context(), kind.Env{Connection: "credit", RoundTripper: daemon.partner}, nil); err != nil {
			t.Fatal(err)
		}
		for _, resource := range []string{resGrades, resEnterprise} {
			if page, err := sources[resource].Fetch(t.Context(), "", 1); err != nil || !strings.Contains(fmt.Sprint(page.Notes), "password") {
				t.Errorf("%s, %s: %v, %v", name, resource, page.Notes, err)
			}
		}
	}
}

func TestWarnings(t *testing.T) {
	w, file := passwordWorld(t, nil)
	if got := w.conn.Warnings(); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	old := time.Now().Add(-91 * 24 * time.Hour)
	if err := os.Chtimes(file.Path, old, old); err != nil {
		t.Fatal(err)
	}
	if got := w.conn.Warnings(); len(got) != 1 || !strings.Contains(got[0].Text, "90d") || !strings.Contains(got[0].Remedy, "rotate") {
		t.Errorf("%+v", got)
	}
	write(t, file.Path+".old", "x")
	if got := w.conn.Warnings(); len(got) != 2 {
		t.Errorf("%+v", got)
	}
}

// TestNothingLeaks looks for passwords, tokens and keys in all that errors, pages and printed connections say, while the platform
// answers with whatever it was sent.
func TestNothingLeaks(t *testing.T) {
	for name, d := range dialects() {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, d, sandbox.CreditOptions{Count: 3}, nil)
			settings := w.platform.Settings("")
			secrets := append([]string{settings["envelope.key.shared"], settings["envelope.key.own"]}, known...)
			var echo atomic.Bool
			var heard []string
			net := answertest.RoundTrip(func(r *http.Request) (*http.Response, error) {
				body, _ := io.ReadAll(r.Body)
				r.Body = io.NopCloser(bytes.NewReader(body))
				for _, header := range []string{"Authorization", "token"} {
					if v := r.Header.Get(header); v != "" {
						heard = append(heard, v)
					}
				}
				var sent map[string]any
				if json.Unmarshal(body, &sent) == nil && sent["pwd"] != nil {
					heard = append(heard, sent["pwd"].(string))
				}
				if echo.Load() {
					return answertest.Reply(200, `{"result":0,"msg":`+fmt.Sprintf("%q", string(body)+strings.Join(heard, " "))+`}`), nil
				}
				return w.partner.RoundTrip(r)
			})
			codes, _ := w.listed()
			s := w.open(t, net, resEnterprise, codes, nil)
			page, err := s.Fetch(t.Context(), "", 5)
			texts := []string{fmt.Sprintf("%+v %v", page, err), fmt.Sprintf("%v %+v %#v", w.conn, w.conn, &w.conn.session)}
			echo.Store(true)
			for range 3 {
				_, err = s.Fetch(context.Background(), "", 5)
				texts = append(texts, fmt.Sprintf("%v %s", err, feed.Judge(err).Remedy))
			}
			if err == nil {
				t.Error("an echo passes for an answer")
			}
			for _, text := range texts {
				for _, s := range append(secrets, heard...) {
					if strings.Contains(text, s) {
						t.Errorf("%q is in %.200s", s, text)
					}
				}
			}
		})
	}
}
