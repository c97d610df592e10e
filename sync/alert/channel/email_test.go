package channel

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/http/httptest"
	"net/mail"
	"slices"
	"strings"
	"testing"

	"milkrun/sync/alert"
	"milkrun/sync/feed"
	"milkrun/sync/secret"
)

// mailServer is a mail server on loopback for one talk at a time.
type mailServer struct {
	listener net.Listener
	conf     *tls.Config
	ca       string
	starttls bool              // it offers STARTTLS
	refuse   map[string]string // command → answer in place of a good one
	commands []string          // the first words, in order
	login    string            // what came with AUTH PLAIN, decoded
	secure   bool              // the letter came encrypted
	letter   string
	done     chan struct{} // a talk has ended
}

func newMailServer(t *testing.T, implicit bool) *mailServer {
	t.Helper()
	web := httptest.NewTLSServer(nil) // for its certificate, which is made for 127.0.0.1
	t.Cleanup(web.Close)
	m := &mailServer{conf: &tls.Config{Certificates: web.TLS.Certificates}, ca: authority(t, web.Certificate()), done: make(chan struct{}, 1)}
	var err error
	if m.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.listener.Close() })
	go func() {
		for {
			conn, err := m.listener.Accept()
			if err != nil {
				return
			}
			if implicit {
				conn = tls.Server(conn, m.conf)
			}
			m.talk(conn)
		}
	}()
	return m
}

func (m *mailServer) port() int64 { return int64(m.listener.Addr().(*net.TCPAddr).Port) }

func (m *mailServer) talk(conn net.Conn) {
	defer func() { conn.Close(); m.done <- struct{}{} }()
	r := bufio.NewReader(conn)
	say := func(text string) { _, _ = io.WriteString(conn, text+"\r\n") }
	say("220 stand-in")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSpace(line)
		word, rest, _ := strings.Cut(line, " ")
		m.commands = append(m.commands, word)
		if answer := m.refuse[word]; answer != "" {
			say(answer)
			continue
		}
		switch word {
		case "EHLO":
			_, m.secure = conn.(*tls.Conn)
			if m.starttls && !m.secure {
				say("250-stand-in\r\n250 STARTTLS")
			} else {
				say("250-stand-in\r\n250 AUTH PLAIN LOGIN")
			}
		case "STARTTLS":
			say("220 go on")
			conn = tls.Server(conn, m.conf)
			r = bufio.NewReader(conn)
		case "AUTH":
			plain, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(rest, "PLAIN "))
			m.login = string(plain)
			say("235 welcome")
		case "DATA":
			say("354 go on")
			for {
				line, err := r.ReadString('\n')
				if err != nil || line == ".\r\n" {
					break
				}
				m.letter += line
			}
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 fine")
		}
	}
}

func (m *mailServer) settings(more map[string]any) map[string]any {
	values := map[string]any{"host": "127.0.0.1", "port": m.port(), "from": "milkrun <milkrun@example.com>", "to": []any{"ops@example.com", "chen@example.com"}, "ca_file": m.ca}
	for k, v := range more {
		values[k] = v
	}
	return values
}

func TestEmail(t *testing.T) {
	for _, c := range []struct {
		name, mode string
		implicit   bool
		login      string
	}{
		{"starttls", "starttls", false, "\x00robot\x00hush-hush"},
		{"tls", "tls", true, "\x00robot\x00hush-hush"},
		{"on this machine", "none", false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newMailServer(t, c.implicit)
			s.starttls = c.mode == "starttls"
			more := map[string]any{"tls": c.mode}
			if c.login != "" {
				more["username"], more["password"] = "robot", secret.New("hush-hush")
			}
			ch := made(t, "email", s.settings(more))
			if list := ch.Validate(); len(list) > 0 {
				t.Fatal(list)
			}
			m := alert.TestMessage("zh", "etl-1", at())
			if err := ch.Send(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			<-s.done
			if s.secure != (c.mode != "none") || s.login != c.login {
				t.Errorf("encrypted: %v, login %q, commands %q", s.secure, s.login, s.commands)
			}
			checkLetter(t, s.letter, m)
		})
	}
}

func checkLetter(t *testing.T, text string, m alert.Message) {
	t.Helper()
	letter, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	subject, _ := new(mime.WordDecoder).DecodeHeader(letter.Header.Get("Subject"))
	body, _ := io.ReadAll(quotedprintable.NewReader(letter.Body))
	got := []string{subject, strings.TrimSpace(string(body)), letter.Header.Get("From"), letter.Header.Get("To"), letter.Header.Get("Auto-Submitted"), letter.Header.Get("Content-Type")}
	want := []string{m.Title, m.Body, `"milkrun" <milkrun@example.com>`, "<ops@example.com>, <chen@example.com>", "auto-generated", "text/plain; charset=UTF-8"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if letter.Header.Get("Date") == "" || letter.Header.Get("Message-Id") == "" || strings.Contains(text, "go-mail") {
		t.Errorf("%v", letter.Header)
	}
}

// A subject cannot become a header of its own.
func TestEmailHeaders(t *testing.T) {
	s := newMailServer(t, true)
	m := alert.TestMessage("en", "etl-1", at())
	m.Title = "one\r\nBcc: all@example.com"
	_ = made(t, "email", s.settings(map[string]any{"tls": "tls"})).Send(t.Context(), m)
	<-s.done
	if letter, err := mail.ReadMessage(strings.NewReader(s.letter)); err == nil && letter.Header.Get("Bcc") != "" {
		t.Errorf("%v", letter.Header)
	}
}

func TestEmailRefused(t *testing.T) {
	login := map[string]any{"username": "robot", "password": secret.New("hush-hush")}
	for _, c := range []struct {
		name            string
		refuse          map[string]string
		more            map[string]any
		verdict         feed.Verdict
		remedy, command string // a command that must not have come
	}{
		{"wrong password", map[string]string{"AUTH": "535 5.7.8 bad credentials for robot hush-hush"}, login, feed.Fail, "check username, password", "MAIL"},
		{"login for later", map[string]string{"AUTH": "454 4.7.0 later"}, login, feed.Retry, "", "MAIL"},
		{"greylisted", map[string]string{"RCPT": "451 4.7.1 greylisted ops@example.com"}, nil, feed.Retry, "", "DATA"},
		{"no such receiver", map[string]string{"RCPT": "550 5.1.1 no such user ops@example.com"}, nil, feed.Fail, "from and to", "DATA"},
		{"no such sender", map[string]string{"MAIL": "553 5.7.1 not you"}, nil, feed.Fail, "from and to", "RCPT"},
		{"no login there", map[string]string{"EHLO": "250 stand-in"}, login, feed.Retry, "", "MAIL"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newMailServer(t, true)
			s.refuse = c.refuse
			more := map[string]any{"tls": "tls"}
			for k, v := range c.more {
				more[k] = v
			}
			err := made(t, "email", s.settings(more)).Send(t.Context(), message())
			<-s.done
			e := feed.Judge(err)
			if err == nil || e.Verdict != c.verdict || !strings.Contains(e.Remedy, c.remedy) {
				t.Errorf("%v, %s, %s", err, e.Verdict, e.Remedy)
			}
			if strings.Contains(err.Error(), "hush-hush") || strings.Contains(err.Error(), "ops@") {
				t.Errorf("it is said aloud: %v", err)
			}
			if slices.Contains(s.commands, c.command) || s.letter != "" {
				t.Errorf("it went on: %q", s.commands)
			}
		})
	}
}

// A server that does not encrypt gets neither password nor message.
func TestEmailWithoutEncryption(t *testing.T) {
	s := newMailServer(t, false)
	err := made(t, "email", s.settings(map[string]any{"username": "robot", "password": secret.New("hush-hush")})).Send(t.Context(), message())
	<-s.done
	if err == nil || s.letter != "" || s.login != "" || slices.Contains(s.commands, "AUTH") {
		t.Errorf("%v, %q", err, s.commands)
	}
	s = newMailServer(t, true)
	values := s.settings(map[string]any{"tls": "tls"})
	delete(values, "ca_file")
	err = made(t, "email", values).Send(t.Context(), message())
	<-s.done
	if e := feed.Judge(err); err == nil || e.Code != "certificate" || s.letter != "" {
		t.Errorf("an unknown authority: %v", err)
	}
}

// A server that says nothing does not hold up the end of the daemon.
func TestEmailStopped(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		conn, err := l.Accept()
		if err == nil {
			defer conn.Close()
		}
		cancel()
		<-t.Context().Done()
	}()
	port := int64(l.Addr().(*net.TCPAddr).Port)
	ch := made(t, "email", map[string]any{"host": "127.0.0.1", "port": port, "tls": "none", "from": "a@example.com", "to": []any{"b@example.com"}, "timeout": "10m"})
	if err := ch.Send(ctx, message()); err == nil || feed.Judge(err).Verdict != feed.Retry {
		t.Error(err)
	}
}

func TestEmailValidate(t *testing.T) {
	good := map[string]any{"host": "smtp.example.com", "from": "a@example.com", "to": []any{"b@example.com"}}
	for key, c := range map[string]struct {
		more map[string]any
		text string
	}{
		"":         {nil, ""},
		"tls":      {map[string]any{"tls": "none"}, "unencrypted"},
		"from":     {map[string]any{"from": "milkrun"}, "no mail address"},
		"to":       {map[string]any{"to": []any{"a@example.com", "b"}}, "mail addresses"},
		"username": {map[string]any{"username": "robot"}, "missing"},
		"timeout":  {map[string]any{"timeout": "0s"}, "time"},
		"ca_file":  {map[string]any{"ca_file": "no/such.pem"}, "no such file"},
		"on":       {map[string]any{"on": []any{"fail"}}, "no kind"},
	} {
		values := map[string]any{}
		for _, m := range []map[string]any{good, c.more} {
			for k, v := range m {
				values[k] = v
			}
		}
		list := made(t, "email", values).Validate()
		if key == "" && len(list) > 0 || key != "" && (len(list) != 1 || list[0].Key != key || !strings.Contains(list[0].Text, c.text)) {
			t.Errorf("%s: %v", key, list)
		}
	}
}
