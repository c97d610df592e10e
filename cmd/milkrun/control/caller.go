package control

import (
	"context"
	"errors"
	"net"
	"os/user"
	"strconv"

	"golang.org/x/sys/unix"
)

// whoHeader names the person behind root: who called through sudo.
const whoHeader = "Milkrun-Who"

type callerKey struct{}

// WithCaller keeps who is at the other end of a Unix socket, as the kernel knows it: it is a [net/http.Server]'s
// ConnContext. Of other connections nothing is known.
func WithCaller(ctx context.Context, c net.Conn) context.Context {
	uid, err := peer(c)
	if err != nil {
		return ctx
	}
	return context.WithValue(ctx, callerKey{}, uid)
}

// Caller is the name of the user at the other end, "" when nobody knows.
func Caller(ctx context.Context) string {
	uid, known := ctx.Value(callerKey{}).(uint32)
	if !known {
		return ""
	}
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return "uid " + id
}

func peer(c net.Conn) (uid uint32, err error) {
	socket, ok := c.(*net.UnixConn)
	if !ok {
		return 0, errors.New("no Unix socket")
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	err2 := raw.Control(func(fd uintptr) { cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err := errors.Join(err, err2); err != nil {
		return 0, err
	}
	return cred.Uid, nil
}

// callerOf names the caller. Whom it says to act for is believed of root only.
func callerOf(ctx context.Context, says string) string {
	if uid, known := ctx.Value(callerKey{}).(uint32); known && uid == 0 && says != "" && len(says) <= 64 {
		return says
	}
	if name := Caller(ctx); name != "" {
		return name
	}
	return "unknown"
}
