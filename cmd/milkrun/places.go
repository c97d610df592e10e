package main

import (
	"os"
	"path/filepath"
)

// Where the package puts things, and the service of it.
const (
	installedConfig      = "/etc/milkrun/jobs.toml"
	installedState       = "/var/lib/milkrun/milkrun.db"
	installedSocket      = "/run/milkrun/milkrun.sock"
	installedCredentials = "/run/credentials/milkrun.service"
)

// installed says that the command is about the installed service: no file is named, and none is here.
func (a *app) installed() bool { return a.configFile() == installedConfig }

// configFile is the configuration: --config, else jobs.toml here, else that of the installed service.
func (a *app) configFile() string {
	const here = "jobs.toml"
	if a.configPath != "" {
		return a.configPath
	}
	if !there(here) && there(installedConfig) {
		return installedConfig
	}
	return here
}

// stateFile is where the state is: --state, else in systemd's directory, else that of the installed service, else here.
func (a *app) stateFile() string {
	switch {
	case a.statePath != "":
		return a.statePath
	case a.sandboxed:
		return filepath.Join(a.playDir(), "milkrun.db")
	case os.Getenv("STATE_DIRECTORY") != "":
		return filepath.Join(os.Getenv("STATE_DIRECTORY"), "milkrun.db")
	case a.installed():
		return installedState
	}
	return "milkrun.db"
}

// socket is where the daemon on the state file can be talked to.
func (a *app) socket() string {
	switch {
	case a.socketPath != "":
		return a.socketPath
	case a.statePath != "" || a.sandboxed:
	case os.Getenv("RUNTIME_DIRECTORY") != "":
		return filepath.Join(os.Getenv("RUNTIME_DIRECTORY"), "milkrun.sock")
	case a.installed():
		return installedSocket
	}
	return a.stateFile() + ".sock"
}

// credentialsDir is where systemd puts the service's secrets, for the service itself and for who looks after it.
func (a *app) credentialsDir() string {
	dir := os.Getenv("CREDENTIALS_DIRECTORY")
	if dir == "" && a.installed() && there(installedCredentials) {
		dir = installedCredentials
	}
	return dir
}

func there(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
