// Package sources is the one list of what milkrun can read from.
package sources

import (
	"milkrun/sources/coupang"
	"milkrun/sources/credit"
	"milkrun/sources/exchange"
	"milkrun/sources/file"
	"milkrun/sources/sql"
	wire "milkrun/sync/exchange"
	"milkrun/sync/files"
	"milkrun/sync/kind"
	"milkrun/sync/sqldb"
)

// Types returns the kinds of source by the type of their connection.
func Types() map[string]kind.SourceType {
	return map[string]kind.SourceType{
		"coupang":  {Connection: coupang.NewConnection, Source: coupang.NewSource},
		"credit":   {Connection: credit.NewConnection, Source: credit.NewSource},
		"exchange": {Connection: wire.NewConnection, Source: exchange.NewSource},
		"file":     {Connection: files.NewConnection, Source: file.NewSource},
		"mysql":    {Connection: sqldb.NewMySQL, Source: sql.New},
		"postgres": {Connection: sqldb.NewPostgres, Source: sql.New},
		"sqlite":   {Connection: sqldb.NewSQLite, Source: sql.New},
	}
}
