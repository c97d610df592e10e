package dbtest

import (
	"strings"
	"testing"
)

// A MariaDB that starts removes the temporary tables of every other one that shares its folder for them, so no server of a
// test may use the machine's.
func TestTemporaryFilesStayInTheBox(t *testing.T) {
	t.Setenv(mysqlEnv, "")
	var servers Servers
	defer servers.Close()
	folder := servers.New(t, "mysql").Rows(t, "SELECT @@tmpdir")
	if len(folder) != 1 || !strings.HasPrefix(folder[0], "/tmp/mr") {
		t.Errorf("temporary tables lie in %q, which other servers share", folder)
	}
}
