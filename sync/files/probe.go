package files

import (
	"context"
	"fmt"
	"os"

	"milkrun/sync/kind"
)

var _ kind.Prober = (*Connection)(nil)

// Probe implements [kind.Prober]: the directory is there, and can be listed.
func (c *Connection) Probe(context.Context, kind.Env) []kind.Finding {
	list, err := os.ReadDir(c.Dir)
	if err != nil {
		return []kind.Finding{kind.Failed("directory", fmt.Errorf("the directory cannot be read: %w", err)).
			WithRemedy("make it, and let the user that runs milkrun read it; a relative path counts from the folder milkrun is started in")}
	}
	return []kind.Finding{kind.Found(kind.Good, "directory", "%s holds %d files", c.Dir, len(list))}
}
