package sql

import (
	"context"
	"database/sql/driver"

	"milkrun/sync/feed"
)

// Missing implements [feed.Confirmer].
func (g *generation) Missing(ctx context.Context, each func(key []feed.Value) error) error {
	err := g.use(ctx, func() error {
		if err := g.index(ctx); err != nil {
			return err
		}
		query := "SELECT " + g.sink.db.List("l.", g.asked) + " FROM " + g.live + " l WHERE NOT EXISTS (SELECT 1 FROM " + g.staging +
			" s WHERE " + g.match("l.") + ")"
		return g.c.Read(ctx, query, nil, func(row []driver.Value) error {
			key := make([]feed.Value, len(row))
			for i, v := range row {
				key[i] = v
				if text, ok := v.([]byte); ok {
					key[i] = string(text) // drivers read texts as bytes
				}
			}
			return each(key)
		})
	})
	return g.sink.fault(err, "look for records that are not staged")
}
