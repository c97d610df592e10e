// Package sinks is the one list of what milkrun can deliver to.
package sinks

import (
	"milkrun/sinks/busipush"
	"milkrun/sinks/caih"
	"milkrun/sinks/exchange"
	"milkrun/sinks/file"
	"milkrun/sinks/sql"
	wire "milkrun/sync/exchange"
	"milkrun/sync/files"
	"milkrun/sync/kind"
	"milkrun/sync/sqldb"
)

// Types returns the kinds of sink by the type of their connection.
func Types() map[string]kind.SinkType {
	return map[string]kind.SinkType{
		"busipush": {Connection: busipush.NewConnection, Sink: busipush.NewSink},
		"caih":     {Connection: caih.NewConnection, Sink: caih.NewSink},
		"exchange": {Connection: wire.NewConnection, Sink: exchange.NewSink},
		"file":     {Connection: files.NewConnection, Sink: file.NewSink},
		"mysql":    {Connection: sqldb.NewMySQL, Sink: sql.New},
		"postgres": {Connection: sqldb.NewPostgres, Sink: sql.New},
		"sqlite":   {Connection: sqldb.NewSQLite, Sink: sql.New},
	}
}
