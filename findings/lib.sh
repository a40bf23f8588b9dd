# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Helpers of the scripts in this folder; each of them sources this file.
# It leaves a temporary folder in $work and removes it, and the processes that
# were started with `serve`, at the end.

set -euo pipefail
work=$(mktemp -d)
served=()

# shellcheck disable=SC2317  # called by the trap
finish() {
    local pid
    for pid in "${served[@]}"; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap finish EXIT

# The archive's address, from the machine's own apt sources.
# shellcheck disable=SC2016  # the fields are apt's, not the shell's
archive() {
    apt-get indextargets --format '$(SITE) $(CODENAME) $(LABEL)' \
        'Created-By: Packages' 2>/dev/null |
        awk '$NF == "Debian" { print $1; exit }'
}

# fetch SUITE PACKAGE=VERSION...: unpacks packages of a suite below
# $work/SUITE, without installing them.
fetch() {
    local suite=$1 dir=$work/apt-$1 site
    shift
    site=$(archive)
    [[ -n $site ]] || {
        echo "no Debian archive among apt's sources; try apt-get update" >&2
        exit 2
    }
    mkdir -p "$dir"/{lists/partial,cache/archives/partial,sources,debs}
    : >"$dir/status"
    printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\n%s\n' \
        "$site" "$suite" \
        'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg' \
        >"$dir/sources/suite.sources"
    local apt=(apt-get -qq -o "Dir::Etc::sourcelist=/dev/null"
        -o "Dir::Etc::sourceparts=$dir/sources" -o "Dir::State=$dir"
        -o "Dir::State::lists=$dir/lists" -o "Dir::State::status=$dir/status"
        -o "Dir::Cache=$dir/cache" -o "APT::Sandbox::User=$(id -un)")
    "${apt[@]}" update >&2
    (cd "$dir/debs" && "${apt[@]}" download "$@" >&2)
    local deb
    for deb in "$dir/debs"/*.deb; do
        dpkg -x "$deb" "$work/$suite"
    done
}

# Prints a free port of loopback.
free_port() {
    local port
    while :; do
        port=$((RANDOM % 20000 + 20000))
        (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    echo "$port"
}

# serve LOG COMMAND...: runs a server in the background until the end; its pid
# is in $pid.
serve() {
    local log=$1
    shift
    "$@" >"$log" 2>&1 &
    pid=$!
    served+=("$pid")
}

# serve_etcd SUITE: starts the etcd that was fetched from a suite, waits until it
# answers, and prints its version; its programs are in $bin, its port in $port.
serve_etcd() {
    bin=$work/$1/usr/bin
    port=$(free_port)
    serve "$work/$1.log" "$bin/etcd" --data-dir "$work/data-$1" \
        --listen-client-urls "http://127.0.0.1:$port" \
        --advertise-client-urls "http://127.0.0.1:$port" \
        --listen-peer-urls "http://127.0.0.1:$(free_port)"
    await 20 env ETCDCTL_API=3 "$bin/etcdctl" \
        --endpoints "127.0.0.1:$port" endpoint health
    "$bin/etcd" --version | sed -n 1p
}

# await SECONDS COMMAND...: repeats a command until it succeeds.
await() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        if [[ $SECONDS -ge $end ]]; then
            echo "no success in time: $*" >&2
            exit 2
        fi
        sleep 0.1
    done
}

# same WHAT SEEN WANTED: the behaviour is as it was seen, or the script fails.
same() {
    printf '%s: %s\n' "$1" "$2"
    if [[ $2 != "$3" ]]; then
        printf 'CHANGED: it was %s\n' "$3"
        exit 1
    fi
}
