#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The examples for operations: each command of their page runs, each line of the
# crontab, and the services' ExecStart, with programs in place of the user's own.
# systemd itself checks the units where it is installed, and the manifest and the
# Dockerfile are read.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../support/etcd.sh
source "$SRC/tests/support/etcd.sh"
examples=$SRC/examples/operations

folder=$(mktemp -d)
pids=()
trap 'stop_pids ${pids[@]+"${pids[@]}"}; etcd_stop; rm -rf "$folder"' EXIT
mkdir "$folder/bin"
ln -s "$TOOL" "$folder/bin/leaselock"
ln -s "$examples/once-a-day" "$examples/kubernetes/lead" "$folder/bin"
export PATH=$folder/bin:$PATH

fail() {
    echo "FAILED: $*"
    exit 1
}

/usr/bin/python3 -B "$SRC/tests/docs/page.py" "$examples/README.md"

etcd_start
export LEASELOCK_ENDPOINTS=$ETCD_ENDPOINT ETCDCTL_ENDPOINTS=$ETCD_ENDPOINT
export ETCDCTL_API=3

# The user's programs: each run is a line of its journal.
for program in nightly sync-all; do
    printf '#!/bin/sh\necho done >>"%s"\n' "$folder/$program" \
        >"$folder/bin/$program"
done
printf '#!/bin/sh\ncat >>"%s"\n' "$folder/logger" >"$folder/bin/logger"
# It reports that it is ready, and what it found.
cat >"$folder/bin/import" <<'END'
#!/usr/bin/python3
import os
import socket

found = [name for name in ("WATCHDOG_PID", "LISTEN_PID")
         if os.environ[name] == str(os.getpid())]
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
    notify.connect(os.environ["NOTIFY_SOCKET"])
    notify.send(("READY=1\nSTATUS=" + " ".join(found)).encode())
END
chmod +x "$folder"/bin/{nightly,sync-all,logger,import}

# Runs a line of the crontab, without its time and user.
cron_line() {
    sh -c "$(grep -E "^[0-9*].* root .*$1" "$examples/cron/nightly" |
        sed -E 's/.*  root  //')"
}

[[ $(grep -cE '^[0-9*]' "$examples/cron/nightly") -eq 2 ]]
grep -vE '^[0-9*#]|^(PATH|LEASELOCK_ENDPOINTS|ETCDCTL_ENDPOINTS|ETCDCTL_API)=|^$' \
    "$examples/cron/nightly" && fail "the crontab has a line that is not run"
cron_line once-a-day
cron_line once-a-day
[[ $(wc -l <"$folder/nightly") -eq 1 ]] || fail "not once a day"
cron_line sync-all
"$TOOL" lock sync >"$folder/held" &
pids+=($!)
wait_until 30 test -s "$folder/held"
cron_line sync-all || fail "sync is held, and that is a failure"
[[ $(wc -l <"$folder/sync-all") -eq 1 ]] || fail "two at a time"
grep -q 'sync is held by' "$folder/logger"

# A host that has lost the lock does not say that the work is done.
if LEASELOCK_LOCK_KEY=nobody/1 LEASELOCK_TOKEN=7 once-a-day other true; then
    fail "done without the lock"
fi
[[ -z $(etcdctl get done/other) ]]

# Prints a unit's ExecStart with the paths of this test.
exec_start() {
    sed -n "s|^ExecStart=||p" "$examples/systemd/$1" |
        sed "s|/usr/local/bin/|$folder/bin/|g"
}

etcdctl del done/nightly >/dev/null
sh -c "$(exec_start nightly.service)"
sh -c "$(exec_start nightly.service)"
[[ $(wc -l <"$folder/nightly") -eq 2 ]] || fail "nightly.service: not once"

# As systemd starts it: it names its main process, which is leaselock.
/usr/bin/python3 - "$folder/notify" "$folder/notified" <<'END' &
import socket
import sys

with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
    notify.bind(sys.argv[1])
    message = notify.recv(4096)
with open(sys.argv[2], "wb") as file:
    file.write(message + b"\n")
END
pids+=($!)
wait_until 30 test -S "$folder/notify"
# shellcheck disable=SC2016  # the shell's own id, which leaselock then has
NOTIFY_SOCKET=$folder/notify sh -c '
    export WATCHDOG_USEC=60000000 WATCHDOG_PID=$$ LISTEN_FDS=0 LISTEN_PID=$$
    exec '"$(exec_start import.service)"
wait "${pids[-1]}"
[[ $(cat "$folder/notified") == $'READY=1\nSTATUS=WATCHDOG_PID LISTEN_PID' ]] ||
    fail "notified: $(cat "$folder/notified")"
# Of another process these variables are left as they are.
# shellcheck disable=SC2016  # CMD's own variable
WATCHDOG_PID=1 "$TOOL" lock import sh -c 'test "$WATCHDOG_PID" = 1'

if command -v systemd-analyze >/dev/null; then
    mkdir "$folder/units"
    for unit in "$examples"/systemd/*.{service,timer}; do
        sed "s|/usr/local/bin/|$folder/bin/|g" "$unit" \
            >"$folder/units/${unit##*/}"
    done
    # Without its manual pages, and without network-online.target's service.
    SYSTEMD_UNIT_PATH="$folder/units:" systemd-analyze verify --man=no \
        "$folder"/units/* 2>"$folder/verified" ||
        { cat "$folder/verified" && fail "systemd-analyze verify"; }
    ! grep "^$folder/units" "$folder/verified" || fail "systemd-analyze verify"
    systemd-analyze calendar \
        "$(sed -n 's/^OnCalendar=//p' "$examples/systemd/nightly.timer")" \
        >/dev/null
else
    echo "systemd-analyze is not installed: the units were not checked"
fi

/usr/bin/python3 -B "$SRC/tests/docs/manifest.py" "$examples/kubernetes" "$SRC" \
    >"$folder/sidecar"
mapfile -t sidecar <"$folder/sidecar"
"$TOOL" "${sidecar[@]//\/leader\/token/$folder/token}" &
pids+=($!)
wait_until 30 test -s "$folder/token"
"$TOOL" leader web
kill "${pids[-1]}"
wait "${pids[-1]}" && fail "the sidecar ended with 0"
[[ ! -e $folder/token ]] || fail "the sidecar's file is still there"
