package packaging

import (
	"fmt"
	"os"
	"runtime"
	"testing"
)

var packages *built // built once, for all tests

func goarch() string { return runtime.GOARCH }

func TestMain(m *testing.M) {
	if order := os.Getenv(childEnv); order != "" {
		os.Exit(child(order))
	}
	os.Exit(testAll(m))
}

func testAll(m *testing.M) int {
	dir, err := os.MkdirTemp("", "milkrun-packages-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	packages = newBuilt(dir)
	if ready := os.Getenv(builtEnv); ready != "" {
		packages = &built{dir: ready}
	}
	return m.Run()
}
