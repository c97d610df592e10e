package main

import (
	"os"
	"testing"
)

// TestMain lets the test binary be the child that the bench starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == childFlag {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestBench measures everything with few rows: that all of it runs and that all rows arrive. Its figures mean nothing.
func TestBench(t *testing.T) {
	t.Chdir("../..") // where milkrun is built
	t.Setenv("TMPDIR", t.TempDir())
	if err := start(t.Context(), []string{"-rows", "1700", "-affairs", "2000", "-runs", "1"}); err != nil {
		t.Fatal(err)
	}
}
