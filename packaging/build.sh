#!/bin/sh
# packaging/build.sh [DIR]: builds the release binary, and a .deb and a .rpm with it, in DIR (dist).
#
# VERSION, COMMIT, DATE and SOURCE_DATE_EPOCH come from git unless they are set. The same commit gives the same bytes, in
# any folder and at any time, with the same Go and C compiler.
#
# The binary is static: it runs on any Linux of its architecture, whatever C library is there. For that, names are looked
# up by Go itself (netgo, osusergo) and SQLite loads no extensions.
set -eu
umask 022
cd "$(dirname "$0")/.."

export GOFLAGS=-buildvcs=false # and nothing of the caller's: -race would make another binary
nfpm() { GOOS='' GOARCH='' CGO_ENABLED=0 go run github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.43.0 "$@"; }

: "${VERSION:=$(git describe --tags --always --dirty)}"
: "${COMMIT:=$(git rev-parse HEAD)}"
: "${DATE:=$(git log -1 --format=%cI)}"
: "${SOURCE_DATE_EPOCH:=$(git log -1 --format=%ct)}"
export SOURCE_DATE_EPOCH

# package_version is the version as dpkg and rpm sort it: v1.2.0-rc1 before v1.2.0 before v1.2.0-4-g1234567, the fourth
# commit behind it; and a commit without a version before all of them.
package_version() {
    case ${VERSION#v} in
    [0-9]*.*) echo "${VERSION#v}" | sed -E 's/-([0-9]+)-g/+\1.g/; s/-dirty$/+dirty/; s/-/~/g' ;;
    *) echo "0~$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y%m%d%H%M).$VERSION" | sed 's/-/+/g' ;;
    esac
}

binary() {
    CGO_ENABLED=1 go build -trimpath -tags netgo,osusergo,sqlite_omit_load_extension -o "$1" \
        -ldflags "-s -w -linkmode external -extldflags -static -X main.version=$VERSION -X main.commit=$COMMIT -X main.date=$DATE" \
        ./cmd/milkrun
}

# licences are those of all that is linked into the binary.
licences() {
    modules=$(go list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}' ./cmd/milkrun)
    echo "$modules" | LC_ALL=C sort -u | while read -r module version folder; do
        printf '======== %s %s\n\n' "$module" "$version"
        find "$folder" -maxdepth 1 -type f \( -iname 'licen[cs]e*' -o -iname 'notice*' -o -iname 'copying*' \) |
            LC_ALL=C sort | while read -r file; do cat "$file"; echo; done
    done
    printf '======== Go\n\n'
    cat "$(go env GOROOT)/LICENSE"
    printf '\n======== GNU C Library: LGPL 2.1 or later; its source is at https://sourceware.org/glibc/\n'
}

# stage puts everything that the packages hold into a folder, all of it as old as the commit.
stage() {
    mkdir -p "$1/completion" "$1/docs" "$1/scripts"
    binary "$1/milkrun"
    for shell in bash zsh fish; do
        "$1/milkrun" completion $shell >"$1/completion/$shell"
    done
    for lang in en zh_CN; do
        CGO_ENABLED=0 go run ./packaging/manpage "$1/milkrun" $lang >"$1/milkrun.$lang.1"
        gzip -9n "$1/milkrun.$lang.1"
    done
    licences >"$1/licences"
    cp LICENSE jobs.toml packaging/nfpm.yaml "$1"
    cp packaging/jobs.toml "$1/starting.toml"
    cp packaging/milkrun.service packaging/milkrun.socket packaging/sysusers.conf "$1"
    cp packaging/scripts/* "$1/scripts"
    cp docs/*.md README.md README.zh-CN.md CHANGELOG.md "$1/docs"
    mkdir "$1/share"
    cp -r packaging/grafana packaging/prometheus "$1/share"
    find "$1" -mindepth 1 -type d -exec chmod 755 {} +
    find "$1" -type f ! -name milkrun -exec chmod 644 {} +
    find "$1" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
}

mkdir -p "${1:-dist}"
out=$(cd "${1:-dist}" && pwd)
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
stage "$stage"
PACKAGE_VERSION=$(package_version)
PACKAGE_ARCH=$(go env GOARCH)
export PACKAGE_VERSION PACKAGE_ARCH
cp -p "$stage/milkrun" "$out/milkrun"
cd "$stage"
cached=file://$(go env GOMODCACHE)/cache/download # with nfpm in there, no network is needed
if (export GOPROXY="$cached"; nfpm --version) >nfpm.log 2>&1; then
    export GOPROXY="$cached"
fi
for format in deb rpm; do
    nfpm package -p $format -t "$out" >nfpm.log || { cat nfpm.log >&2; exit 1; }
done
ls -l "$out"
