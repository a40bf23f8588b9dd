#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Goal: bash, zsh and fish complete commands, options and the names of locks with
# the installed scripts, and the names never take long. Method: interactive
# shells on a terminal, and an etcd in which locks are held whose names have
# characters that shells treat specially; then servers that do not answer.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../support/etcd.sh
source "$SRC/tests/support/etcd.sh"

work=$(mktemp -d)
trap 'stop_pids ${pids[@]+"${pids[@]}"}; etcd_stop; rm -rf "$work"' EXIT
pids=()
cmake --install "$BUILD" --prefix "$work/tree" >/dev/null
share=$work/tree/share
bash_script=$share/bash-completion/completions/leaselock
zsh_script=$share/zsh/site-functions/_leaselock
fish_script=$share/fish/vendor_completions.d/leaselock.fish
# On a busy machine the tool may be too slow for its limit at times: what the
# shells call tries again until there are names.
mkdir "$work/bin"
cat >"$work/bin/leaselock" <<END
#!/bin/bash
for ((i = 0; i < 300; i++)); do
    names=\$("$work/tree/bin/leaselock" "\$@")
    [[ \$1 != __complete || \$names ]] && break
done
printf '%s\n' "\$names"
END
chmod +x "$work/bin/leaselock"
PATH=$work/tree/bin:$PATH
shells_path=$work/bin:$PATH
export HOME=$work XDG_CONFIG_HOME=$work/config XDG_DATA_HOME=$work/data
failed=0

report() {
    echo "FAILED: $*"
    failed=1
}

bash -n "$bash_script"
zsh -n "$zsh_script"
fish --no-execute "$fish_script"

# The first three bytes of each name are its own.
# shellcheck disable=SC2016  # nothing is to be expanded
names=('two words' "it's" 'do$HOME' 'back\slash' 'se;mi' 'st*r' '"quoted"' 'ti~x'
    'co:lon' 'eq=al' 'pa(ren)' 'ex!cl' 'hash#tag' 'comma,{a,b}' 'ünïcode'
    'plain/name')
etcd_start
export LEASELOCK_ENDPOINTS=$ETCD_ENDPOINT
also=()
for name in "${names[@]:1}"; do
    also+=(--also "$name")
done
leaselock lock "${also[@]}" "${names[0]}" >"$work/held" 2>&1 &
pids+=($!)
wait_until 30 test -s "$work/held" || { cat "$work/held" && exit 1; }

typers=()
for shell in bash zsh; do
    script=${shell}_script
    PATH=$shells_path python3 "$SRC/tests/install/completion.py" $shell \
        "${!script}" "${names[@]:0:10}" &
    typers+=($!)
done

# fish prints what it would insert, without quotes, and a description; here a
# line for each command line.
fish_complete() {
    PATH=$shells_path fish --no-config -c "source '$fish_script'
        for line in \$argv
            echo (string join -- , (complete -C \$line | string split -f 1 \t))
        end" "$@"
}
# shellcheck disable=SC2016  # nothing is to be expanded
fish_cases=('leaselock loc' lock
    'leaselock -e x:1 deadl' deadlocks
    'leaselock lock --conflict' --conflict-exit-code
    'leaselock queue --no-req' ''
    'leaselock lock -Y USR2' USR2
    'leaselock lock --on-yield=ign' --on-yield=ignore
    'leaselock completion fi' fish
    'leaselock help connec' connection
    'leaselock lock x --conflict' ''
    'leaselock lock x -- leaselo' leaselock
    'leaselock queue tw' 'two words'
    'leaselock queue two\ wo' 'two words'
    "leaselock queue 'two wo" 'two words'
    'leaselock queue do\$' 'do$HOME'
    'leaselock lock --also back\\s' 'back\slash'
    'leaselock lock --also=it' "--also=it's")
fish_lines=() fish_wanted=''
for ((i = 0; i < ${#fish_cases[@]}; i += 2)); do
    fish_lines+=("${fish_cases[i]}")
    fish_wanted+=${fish_cases[i + 1]}$'\n'
done
[[ $(fish_complete "${fish_lines[@]}")$'\n' == "$fish_wanted" ]] ||
    report "fish: $(diff <(echo -n "$fish_wanted") <(fish_complete "${fish_lines[@]}"))"
found=$(fish_complete 'leaselock queue ' | tr , '\n' | sort)
[[ $found == "$(printf '%s\n' "${names[@]}" | tr , '\n' | sort)" ]] ||
    report "fish: all names are $found"

# The names as the scripts read them: all that begin so, also with options of the
# command line; nothing is printed for a name that cannot be typed there.
prints() {
    [[ $(leaselock __complete "$@" 2>&1) == "$wanted" ]]
}
wanted=$(printf '%s\n' 'co:lon' 'comma,{a,b}')
wait_until 30 prints zsh co || report "not '$wanted': $(leaselock __complete zsh co)"
wanted='two\ words'
wait_until 30 prints bash tw queue || report "not $wanted"
wanted='two words'
wait_until 30 prints bash "'two wor" lock --wait 3 --also || report "not $wanted"
wanted='do\$HOME'
wait_until 30 prints bash '"do' queue || report "not $wanted"
wanted=
prints bash "'it" queue || report "it's within quotes"
wanted=plain/name
LEASELOCK_ENDPOINTS=127.0.0.1:1 wait_until 30 prints bash pl queue -e \
    "$ETCD_ENDPOINT" || report "the option -e does not count"
wanted=
for words in 'bash pl -e 127.0.0.1:1 queue' 'zsh pl --no-such-option queue' \
    'bash pl -e $HOME queue' 'zsh -e' 'zsh nothing-begins-so' 'zsh' ''; do
    read -ra words <<<"$words"
    prints "${words[@]}" || report "something for '${words[*]}'"
done

# The limit ends it, wherever it waits: a server that accepts and is silent, and
# a config file whose end never comes. Every other limit is far longer.
ends() {
    local status=0
    LEASELOCK_DIAL_TIMEOUT=1h LEASELOCK_REQUEST_TIMEOUT=1h LEASELOCK_TIMEOUT=1h \
        timeout 60 leaselock __complete zsh '' "$@" >"$work/out" 2>&1 || status=$?
    [[ $status -eq 0 && ! -s $work/out ]] ||
        report "$* ended with $status: $(<"$work/out")"
}
python3 - >"$work/port" <<'END' &
import socket, time
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
time.sleep(600)
END
pids+=($!)
wait_until 30 test -s "$work/port"
ends queue -e "127.0.0.1:$(<"$work/port")"
mkfifo "$work/fifo"
ends queue --config "$work/fifo"

# It counts from the start of the process, the program that it was before
# included.
late=$(bash -c 'read -rt 0.4 <>"$1"; exec leaselock __complete zsh pl' bash \
    "$work/fifo" 2>&1) || report 'a late start failed'
[[ -z $late ]] || report "a late start printed $late"
for typer in "${typers[@]}"; do
    wait "$typer" || report 'completion in bash or zsh'
done
exit $failed
