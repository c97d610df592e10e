// Package control is how the command line talks to a running daemon: HTTP with JSON over a Unix socket that only the
// daemon's user and group may open.
//
// A call is POST /v1/NAME with a JSON document. The answer is 200 with a JSON document, or another status with a [Fault].
// The daemon knows from the kernel which user is calling; who acts is recorded with every change.
package control
