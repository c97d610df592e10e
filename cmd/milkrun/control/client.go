package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// ErrNoDaemon says that nobody listens at the socket.
var ErrNoDaemon = errors.New("no daemon is running")

// Call calls the method of the daemon at a socket. In becomes its JSON document, and its answer is read into out, which
// may be nil. Who is for whom a root user acts, "" for nobody. The error is [ErrNoDaemon], a [*Fault] of the daemon's, or
// one of the conversation.
func Call(ctx context.Context, socket, who, method string, in, out any) error {
	text, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://milkrun/v1/"+method, bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	req.Header.Set("Content-Type", "application/json")
	if who != "" {
		req.Header.Set(whoHeader, who)
	}
	answer, err := client(socket).Do(req)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return ErrNoDaemon
	case errors.Is(err, fs.ErrPermission):
		return &Fault{Text: fmt.Sprintf("you may not open the control socket %s", socket), Remedy: "run the command with sudo, or as a member of " + groupOf(socket)}
	case err != nil:
		return fmt.Errorf("%s at %s: %w", method, socket, err)
	}
	defer answer.Body.Close()
	return read(answer, method, out)
}

// groupOf names the group that may open a socket; where not even its folder may be entered, that of the folder.
func groupOf(socket string) string {
	for _, path := range []string{socket, filepath.Dir(socket)} {
		info, err := os.Stat(path)
		if err != nil {
			continue
		}
		if sys, ok := info.Sys().(*syscall.Stat_t); ok {
			if g, err := user.LookupGroupId(strconv.FormatUint(uint64(sys.Gid), 10)); err == nil {
				return "the group " + g.Name
			}
		}
	}
	return "the socket's group"
}

func client(socket string) *http.Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, "unix", socket)
	}}}
}

func read(answer *http.Response, method string, out any) error {
	body, err := io.ReadAll(answer.Body)
	switch {
	case err != nil:
		return fmt.Errorf("%s: the daemon's answer: %w", method, err)
	case answer.StatusCode == http.StatusNotFound:
		return &Fault{Text: fmt.Sprintf("the running daemon does not know %q", method), Remedy: "it is of another version; restart it"}
	case answer.StatusCode != http.StatusOK:
		fault := &Fault{}
		if err := json.Unmarshal(body, fault); err != nil || fault.Text == "" {
			return fmt.Errorf("%s: the daemon answered %s", method, answer.Status)
		}
		return fault
	case out == nil:
		return nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("%s: the daemon's answer: %w", method, err)
	}
	return nil
}
