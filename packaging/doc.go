// Package packaging is how milkrun comes to a machine: the units of systemd, the starting configuration, and the .deb and
// .rpm that build.sh makes of them. There is no code in it, only tests: of the units, of the packages, and of a whole
// machine that boots, installs them, and lives through what happens to machines.
package packaging
