# SPDX-License-Identifier: Apache-2.0
"""One queue with the tool, which is C, and with Go's client; and the examples."""

import os
import signal
import subprocess
import sys
import threading

import pytest

import leaselock

from conftest import SOURCE

TOOL = os.environ.get("TOOL", "")
GOPEER = os.environ.get("GOPEER", "")
EXAMPLES = os.path.join(SOURCE, "examples", "python")


def tool_turn(etcd, name, journal):
    script = f"echo tool $LEASELOCK_TOKEN >>{journal}"
    return subprocess.Popen(
        [TOOL, "lock", "--endpoints", etcd.endpoint, name, "--", "sh", "-c", script]
    )


def go_turn(etcd, name, journal):
    with open(journal, "a") as out:  # "go PID TOKEN enter" and "... exit"
        return subprocess.Popen(
            [GOPEER, "lock", etcd.endpoint, name, "1", "10"], stdout=out
        )


def python_turn(client, name, journal):
    def turn():
        with client.session() as session, session.lock(name) as ticket:
            with open(journal, "a") as file:
                file.write(f"python {ticket.token}\n")

    thread = threading.Thread(target=turn)
    thread.start()
    return thread


@pytest.mark.skipif(not TOOL, reason="no tool")
@pytest.mark.parametrize("go", [False, True])
def test_a_mixed_queue(client, session, etcd, name, tmp_path, queue_is, go):
    """Each gets the lock in the order in which it queued."""
    if go and not GOPEER:
        pytest.skip("no gopeer")
    journal = tmp_path / "journal"
    kinds = ["tool", "python", *(["go"] if go else []), "python", "tool"]
    waiting = []
    with session.lock(name):
        for kind in kinds:
            if kind == "tool":
                waiting.append(tool_turn(etcd, name, journal))
            elif kind == "go":
                waiting.append(go_turn(etcd, name, journal))
            else:
                waiting.append(python_turn(client, name, journal))
            queue_is(name, len(waiting) + 1)
        entries = client.queue(name).entries
        assert [entry.foreign for entry in entries[1:]] == [k == "go" for k in kinds]
    for each in waiting:
        if isinstance(each, threading.Thread):
            each.join(30)
        else:
            assert each.wait(30) == 0
    lines = [line.split() for line in journal.read_text().splitlines()]
    assert [line[0] for line in lines if line[-1] != "exit"] == kinds
    tokens = [int(line[2] if line[0] == "go" else line[1]) for line in lines]
    assert tokens == sorted(tokens)


@pytest.mark.skipif(not TOOL, reason="no tool")
def test_a_holder_of_the_tool_that_is_killed(client, etcd, name, queue_is):
    holder = subprocess.Popen(
        [TOOL, "lock", "--ttl", "2", "--endpoints", etcd.endpoint, name],
        stdout=subprocess.DEVNULL,
    )
    queue_is(name, 1)
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with client.session() as session, session.lock(name, timeout=20) as ticket:
        assert ticket.held


def run_example(etcd, program, *arguments):
    done = subprocess.run(
        [sys.executable, "-X", "dev", os.path.join(EXAMPLES, program), *arguments],
        env=dict(os.environ, LEASELOCK_ENDPOINTS=etcd.endpoint),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return done.stdout


def test_example_jobs(etcd):
    out = run_example(etcd, "jobs.py", "nightly")
    assert "nightly: done, token" in out and out.endswith("step 2\n")


def test_example_tasks(etcd):
    lines = run_example(etcd, "tasks.py").splitlines()
    assert sorted(lines) == [f"task {i} has worked" for i in range(5)]


def test_example_leader(etcd):
    lines = run_example(etcd, "leader.py", "host a").splitlines()
    assert lines == [
        "leader: none",
        "leader: host a",
        "leader: host a, at work",
        "leader: none",
    ]


def test_the_guide(etcd, tmp_path):
    """The programs of docs/python.md run as shown."""
    with open(os.path.join(SOURCE, "docs", "python.md"), encoding="utf-8") as file:
        blocks = file.read().split("```python\n")[1:]
    assert len(blocks) >= 2
    for block in blocks:
        program = tmp_path / "program.py"
        program.write_text(block.split("```")[0].replace("127.0.0.1:2379", etcd.endpoint))
        done = subprocess.run(
            [sys.executable, program], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0 and done.stderr == "", block + done.stderr


def test_version():
    assert leaselock.__version__.count(".") == 2
