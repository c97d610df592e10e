package service

import (
	"errors"
	"fmt"
	"net"

	"github.com/coreos/go-systemd/v22/activation"
)

// Listeners are the sockets that the service manager opened for this process, by the FileDescriptorName= of their unit;
// empty when there are none. Call it once: it takes them out of the environment. One that is no listening stream socket
// is an error that names it, and the others are returned nevertheless.
func Listeners() (map[string][]net.Listener, error) {
	listeners := map[string][]net.Listener{}
	var all error
	for _, file := range activation.Files(true) {
		ln, err := net.FileListener(file)
		if err != nil {
			all = errors.Join(all, fmt.Errorf("socket %q from the service manager: %w; its unit needs ListenStream=", file.Name(), err))
		} else {
			listeners[file.Name()] = append(listeners[file.Name()], ln)
		}
		all = errors.Join(all, file.Close()) // the listener has a copy
	}
	return listeners, all
}
