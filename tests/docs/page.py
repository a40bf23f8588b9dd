# SPDX-License-Identifier: Apache-2.0
"""Runs every command of a Markdown page, and compares what it prints.

usage: page.py [--print] PAGE          --print: shows each command's time
and output

A fenced block must be marked "console". In it a line that begins with "$ " is a
command, one with "etcd2# " a command on that member's host, and the lines up to
the next command are its output. A command that ends with a backslash goes on in
the next line. A command fails if its status is not 0.

In the output
  - numbers with their units, ids and a run's keys stand for any others;
  - columns may have any width;
  - "..." in a line stands for any text, and alone in a line for any lines.

A comment "<!-- test ... -->" has lines for the test alone:
  members N OPTION...   starts a new cluster of N members, and a new shell
  alike WORD...         in the output, these words stand for each other
  upgrade               members that are started from now on are of the newest
                        release that scripts/servers has fetched
  corrupt               raises the CORRUPT alarm
and then commands, as in a block, whose output does not matter.

"etcd2:2379" stands for the member's address, "web1" for this host. A command that
only reads is repeated until its output is the one of the page."""

import os
import re
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from cluster import Cluster, newest_etcd

COMMAND_S = 40
REPEAT_S = 15
PROMPT = re.compile(r"(\$|etcd\d+#) (.*)")
READS = re.compile(
    r"(\w+=\S+ )*(leaselock (ping|ls|queue|leader|deadlocks|settings)\b"
    r"|etcdctl (alarm list|endpoint|member (list|promote)|get|lease|role get)\b"
    r"|curl\b)")
SYSTEMCTL = re.compile(r"systemctl (start|stop|restart) etcd")
HOST = "web1"


class Failure(Exception):
    pass


class Command:
    def __init__(self, line, prompt, text):
        self.line = line
        self.host = prompt[:-1]  # "" for "$"
        self.text = text
        self.output = []


def read_commands(lines, first):
    """The commands of a block or a comment, with what they print."""
    commands = []
    goes_on = False
    for line, text in enumerate(lines, first):
        prompt = PROMPT.fullmatch(text)
        if goes_on:
            commands[-1].text += "\n" + text
        elif prompt:
            commands.append(Command(line, prompt[1], prompt[2]))
        elif commands:
            commands[-1].output.append(text)
        else:
            raise Failure(f"line {line}: a block begins with a command")
        goes_on = (goes_on or prompt) and text.endswith("\\")
    return commands


def read_page(path):
    """The page's parts in their order: (line, kind, lines)."""
    parts = []
    kind = None
    with open(path) as page:
        for number, text in enumerate(page.read().split("\n"), 1):
            if kind is None and text.startswith("```"):
                kind = text[3:]
                parts.append((number + 1, kind, []))
                if kind != "console":
                    raise Failure(f"line {number}: a block that is not run")
            elif kind is None and text == "<!-- test":
                kind = "test"
                parts.append((number + 1, kind, []))
            elif text == ("-->" if kind == "test" else "```"):
                kind = None
            elif kind is not None:
                parts[-1][2].append(text)
            elif re.match(r" {4,}(\$|leaselock|etcdctl|etcdutl) ", text):
                raise Failure(f"line {number}: a command that is not run")
    if kind is not None:
        raise Failure("a block without an end")
    return parts


def normal(text, alike):
    """A line of output without what differs from run to run."""
    text = re.sub(r"\b(?:h[0-9a-f]{2}-[0-9a-f]+|[0-9a-f]{16})\.[0-9a-f]+",
                  "KEY", text)
    text = re.sub(r"\b[0-9a-f]{12,16}\b", "0", text)
    unit = r"(?: ?(?:ns|us|µs|ms|s|m|h|d|B|kB|MB|GB)(?![A-Za-z]))?"
    text = re.sub(rf"(?<![\w.])-?(?:\d+(?:\.\d+)*(?:e[+-]\d+)?{unit})+", "0", text)
    for words in alike:
        text = re.sub(r"\b(?:" + "|".join(words) + r")\b", words[0], text)
    text = re.sub(r"-{3,}", "---", text)
    return re.sub(r"[ \t]+", " ", text).strip()


def pattern_of(lines, alike):
    """What a command's whole output has to match."""
    pattern = ""
    for text in lines:
        if text.strip() == "...":
            pattern += r"(?:.*\n)*"
        else:
            pattern += re.escape(normal(text, alike)).replace(
                re.escape("..."), ".*") + "\n"
    return re.compile(pattern)


class Shell:
    """A bash that runs one command after the other."""

    def __init__(self, folder, environment):
        self.folder = folder
        self.commands_n = 0
        self.statuses, self.status_fd = os.pipe()
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "bash"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, cwd=folder, env=environment,
            pass_fds=[self.status_fd], start_new_session=True, text=True)
        os.close(self.status_fd)

    def run(self, text):
        """Returns the status and the output, standard error included. A job in
        the background goes on to write to its own command's file."""
        self.commands_n += 1
        file = os.path.join(self.folder, f".output-{self.commands_n}")
        self.process.stdin.write(
            f"eval {shlex.quote(text)} >{shlex.quote(file)} 2>&1"
            f" </dev/null {self.status_fd}>&-; echo $? >&{self.status_fd}\n")
        self.process.stdin.flush()
        if not select.select([self.statuses], [], [], COMMAND_S)[0]:
            raise Failure(f"no end after {COMMAND_S} s: {text}")
        status = os.read(self.statuses, 16)
        if status == b"":
            raise Failure(f"the shell has ended: {text}")
        with open(file, errors="backslashreplace") as output:
            return int(status), output.read()

    def close(self):
        # The tool's commands are in groups of their own, and end with it.
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self.statuses)


class Runner:
    def __init__(self, prints):
        self.prints = prints
        self.etcd = shutil.which(os.environ.get("LEASELOCK_TEST_ETCD", "etcd"))
        self.servers = os.path.join(os.environ["SRC"], "build/servers")
        self.folder = None
        self.cluster = None
        self.shell = None
        self.alike = []

    def close(self):
        if self.shell is not None:
            self.shell.close()
        if self.cluster is not None:
            self.cluster.stop_all()
        if self.folder is not None:
            shutil.rmtree(self.folder)
        self.shell = self.cluster = self.folder = None

    def open(self, members_n, options):
        self.close()
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.folder = tempfile.mkdtemp(prefix="leaselock-page-", dir=memory)
        data = os.path.join(self.folder, "data")
        work = os.path.join(self.folder, "work")
        os.mkdir(data)
        os.mkdir(work)
        self.alike = []
        self.cluster = Cluster(self.etcd, data, members_n, options)
        endpoints = ",".join(self.cluster.address(name, 2379)
                             for name in self.cluster.names)
        self.shell = Shell(work, {
            **os.environ, "LEASELOCK_ENDPOINTS": endpoints, "LC_ALL": "C.UTF-8",
            "LEASELOCK_WAIT": str(2 * COMMAND_S),
            "ETCDCTL_ENDPOINTS": endpoints, "ETCDCTL_API": "3",
            "PATH": ":".join([os.path.dirname(os.environ["TOOL"]),
                              os.path.dirname(self.etcd), os.environ["PATH"]])})

    def to_machine(self, text):
        """A text of the page with the addresses of this machine."""
        text = re.sub(r"\b(etcd\d+):(2379|2380)\b",
                      lambda m: self.cluster.address(m[1], int(m[2])), text)
        text = re.sub(rf"\b{HOST}\b", lambda m: socket.gethostname(), text)
        if shutil.which("etcdutl", path=os.path.dirname(self.etcd)):
            text = text.replace("etcdctl snapshot restore",
                                "etcdutl snapshot restore")
        return text

    def to_page(self, text):
        """The reverse, for what a command prints."""
        for name, ports in self.cluster.ports.items():
            for kind, port in ports.items():
                text = text.replace(f"127.0.0.1:{port}", f"{name}:{kind}")
        return re.sub(rf"(?<![\w.-]){re.escape(socket.gethostname())}(?![\w.-])",
                      HOST, text)

    def run_once(self, command):
        systemctl = SYSTEMCTL.fullmatch(command.text)
        if systemctl:
            if systemctl[1] != "start":
                self.cluster.stop(command.host)
            if systemctl[1] != "stop":
                self.cluster.start(command.host)
            return 0, ""
        text = self.to_machine(command.text)
        if command.host:
            variables = self.cluster.variables(command.host)
            text = "\n".join([f"{name}={shlex.quote(value)}"
                              for name, value in variables.items()] + [text])
        status, output = self.shell.run(text)
        added = re.search(r'^ETCD_NAME="(.*)"\nETCD_INITIAL_CLUSTER="(.*)"',
                          output, re.MULTILINE)
        if added:
            self.cluster.joined[added[1]] = added[2]
        return status, self.to_page(output)

    def run(self, command, is_shown):
        pattern = pattern_of(command.output, self.alike)
        began = time.monotonic()
        deadline = began + REPEAT_S
        while True:
            status, output = self.run_once(command)
            lines = output.rstrip("\n").split("\n") if output.strip() else []
            got = "".join(normal(text, self.alike) + "\n" for text in lines)
            if status == 0 and (not is_shown or pattern.fullmatch(got)):
                break
            if not READS.match(command.text) or time.monotonic() > deadline:
                wanted = "\n".join(command.output)
                raise Failure(
                    f"line {command.line}: {command.text}\nstatus {status}; "
                    f"printed:\n{output}\nthe page has:\n{wanted}\n"
                    f"compared:\n{got}{pattern.pattern}")
            time.sleep(0.1)
        if self.prints:
            print(f"{time.monotonic() - began:.2f} s: {command.host or '$'} "
                  f"{command.text}\n{output}", end="", flush=True)

    def directive(self, line, text):
        words = text.split()
        if words[0] == "members":
            self.open(int(words[1]), words[2:])
        elif words[0] == "alike":
            self.alike.append(words[1:])
        elif words[0] == "upgrade":
            self.cluster.etcd = newest_etcd(self.etcd, self.servers)
        elif words[0] == "corrupt":
            self.cluster.corrupt()
        else:
            raise Failure(f"line {line}: unknown: {text}")

    def part(self, line, kind, lines):
        if kind == "test":
            while lines and lines[0] and not PROMPT.match(lines[0]):
                self.directive(line, lines[0])
                line, lines = line + 1, lines[1:]
        for command in read_commands(lines, line):
            self.run(command, kind == "console")


def main():
    prints = "--print" in sys.argv
    page = sys.argv[-1]
    runner = Runner(prints)
    commands_n = 0
    try:
        for line, kind, lines in read_page(page):
            runner.part(line, kind, lines)
            commands_n += kind == "console" and len(read_commands(lines, line))
    except (Failure, RuntimeError) as failure:
        sys.exit(f"{page}: {failure}")
    finally:
        runner.close()
    if commands_n == 0:
        sys.exit(f"{page}: no command")
    print(f"{commands_n} commands")


main()
