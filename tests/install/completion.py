# SPDX-License-Identifier: Apache-2.0
# Types into an interactive bash or zsh on a terminal of its own, and checks
# what the Tab key makes of it.
#
# usage: completion.py bash|zsh SCRIPT NAME...
#   SCRIPT  the completion script
#   NAME    a lock that is held; each has its own first three bytes
import os
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
import time

LIMIT_S = 100
SHOW = b"\x18p"

BASH = r"""
PS1=; PS2=; set +H; bind 'set bell-style none'; bind 'set enable-bracketed-paste off'
bind -x '"\C-xp": printf "<%s<%s>%s>" shown "$READLINE_LINE" end'
source "$SCRIPT"; printf '<%s>\n' ready
"""
ZSH = r"""
PS1=; PS2=; unsetopt prompt_cr prompt_sp beep bang_hist list_beep
bindkey -e; autoload -Uz compinit; compinit -u -D
show() { print -rn -- "<""shown<$BUFFER>end>" }; zle -N show; bindkey '^Xp' show
source "$SCRIPT"; print -r "<""ready>"
"""


class Shell:
    def __init__(self, kind, script):
        words = {"bash": ["bash", "--norc", "--noprofile", "-i"],
                 "zsh": ["zsh", "-f", "-i"]}[kind]
        environment = dict(os.environ, SCRIPT=script, TERM="dumb", COLUMNS="200",
                           LC_ALL="C.UTF-8", HISTFILE="/dev/null")
        self.kind = kind
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(words[0], words, environment)
        self.text = b""
        for line in (BASH if kind == "bash" else ZSH).strip().split("\n"):
            self.write(line.encode() + b"\r")
        self.read_until(rb"<ready>")

    def write(self, keys):
        os.write(self.fd, keys)

    def read_until(self, pattern):
        deadline = time.monotonic() + LIMIT_S
        while True:
            match = re.search(pattern, self.text, re.DOTALL)
            if match:
                self.text = self.text[match.end():]
                return match
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                sys.exit(f"{self.kind}: no {pattern} in {self.text}")
            self.text += os.read(self.fd, 65536)

    # What is on the line after these keys.
    def type(self, keys):
        self.write(b"\x15" + keys.encode() + SHOW)
        match = self.read_until(rb"<shown<(.*?)>end>")
        return match.group(1).decode().replace("\r", "").replace("\n", "")

    def end(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


failures = []


def check(shell, keys, wanted):
    line = shell.type(keys)
    if line != wanted:
        failures.append(f"{shell.kind}: {keys!r} became {line!r}, not {wanted!r}")


# The words that the shell makes of a line. It runs nothing: only quotes and
# backslashes may be special in it.
def words_of(kind, line):
    script = 'eval "set -- $1"; printf "%s\\0" "$@"'
    options = ["-f"] if kind == "zsh" else ["--norc"]
    output = subprocess.run([kind, *options, "-c", script, kind, line], check=True,
                            stdout=subprocess.PIPE).stdout
    return [word.decode() for word in output.split(b"\0")[:-1]]


# A lock's name is completed behind some words.
def check_name(shell, before, typed, name):
    line = shell.type(f"{before}{typed}\t")
    if not line.endswith(" ") or words_of(shell.kind, line)[-1] != name:
        failures.append(f"{shell.kind}: {before}{typed} became {line!r}, "
                        f"not the name {name!r}")


def main():
    kind, script, *names = sys.argv[1:]
    shell = Shell(kind, script)
    check(shell, "leaselock loc\t", "leaselock lock ")
    check(shell, "leaselock -j deadl\t", "leaselock -j deadlocks ")
    check(shell, "leaselock -e x:1 deadl\t", "leaselock -e x:1 deadlocks ")
    check(shell, "leaselock lock --conflict\t",
          "leaselock lock --conflict-exit-code" + ("=" if kind == "zsh" else " "))
    check(shell, "leaselock queue --no-req\t", "leaselock queue --no-req")
    check(shell, "leaselock lock -Y USR2\t", "leaselock lock -Y USR2 ")
    check(shell, "leaselock lock --on-yield=IGNO\t", "leaselock lock --on-yield=IGNO")
    check(shell, "leaselock lock --on-yield=ign\t", "leaselock lock --on-yield=ignore ")
    check(shell, "leaselock completion fi\t", "leaselock completion fish ")
    check(shell, "leaselock help connec\t", "leaselock help connection ")
    check(shell, f"leaselock ping --cacert {shlex.quote(script)[:-1]}\t",
          f"leaselock ping --cacert {shlex.quote(script)} ")
    check(shell, "leaselock lock x true_but_no_comm\t",
          "leaselock lock x true_but_no_comm")
    check(shell, "leaselock lock x -- leaselo\t", "leaselock lock x -- leaselock ")
    for name in names:
        check_name(shell, "leaselock queue ", shlex_start(name), name)
    check_name(shell, "leaselock queue ", "co:l", "co:lon")
    check_name(shell, "leaselock queue ", "eq=a", "eq=al")
    check_name(shell, "leaselock lock --also=", "co:l", "--also=co:lon")
    check_name(shell, "leaselock lock --also ", shlex_start(names[0]), names[0])
    check_name(shell, "leaselock lock -w 3 ", "'" + names[0][:3], names[0])
    check_name(shell, "leaselock lock -w 3 ", '"' + names[0][:3], names[0])
    shell.end()
    if failures:
        sys.exit("\n".join(failures))


# The first three characters of a name, as they are typed.
def shlex_start(name):
    return re.sub(r"([^A-Za-z0-9])", r"\\\1", name[:3])


main()
