package page

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"milkrun/cmd/milkrun/control"
)

// Serve serves the page on a listener until ctx ends. Streams end with ctx, other requests may take a few seconds more.
func Serve(ctx context.Context, l net.Listener, o Options) error {
	server := &http.Server{Handler: New(o), ConnContext: control.WithCaller, BaseContext: func(net.Listener) context.Context { return ctx },
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: 2 * time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 4 * longestHeader, ErrorLog: log.New(complaints{o.Log}, "", 0)}
	unhook := context.AfterFunc(ctx, func() {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancel()
		if server.Shutdown(late) != nil {
			_ = server.Close() // the rest is cut off
		}
	})
	defer unhook()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("status page: %w", err)
	}
	return nil
}

// complaints are those of the HTTP server about its callers.
type complaints struct{ log *logrus.Logger }

func (c complaints) Write(text []byte) (int, error) {
	c.log.Debug("status page: " + strings.TrimSpace(string(text)))
	return len(text), nil
}
