# SPDX-License-Identifier: Apache-2.0
"""The package in a process: signals, fork, garbage, the end of the interpreter.
Each program runs in a process of its own."""

import contextlib
import gc
import signal
import subprocess
import sys
import threading
import warnings

import pytest

import leaselock


def python(program, etcd, *arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-X", "dev", "-c", program, etcd.endpoint, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def run(program, etcd, *arguments, status=0):
    """Runs it to its end; returns what it printed on both streams."""
    with python(program, etcd, *arguments) as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == status, err
    return out, err


INTERRUPTED = """
import signal, sys, leaselock
with leaselock.Client(sys.argv[1]) as client, client.session() as session:
    try:
        session.acquire(sys.argv[2])
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        sys.stdin.read()
"""


def test_control_c_while_it_waits(session, etcd, name, queue_is):
    with session.lock(name):
        with python(INTERRUPTED, etcd, name, stdin=subprocess.PIPE) as process:
            queue_is(name, 2)
            process.send_signal(signal.SIGINT)
            assert process.stdout.readline() == "interrupted\n"
            queue_is(name, 1)  # while the process and its session live
            process.communicate("", timeout=30)
        assert process.returncode == 0


def test_a_handler_that_does_not_raise(client, session, name):
    """A wait goes on after a signal; nobody is passed."""
    called = []
    before = signal.signal(signal.SIGALRM, lambda *what: called.append(what))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
        with session.lock(name), client.session() as other:
            with pytest.raises(leaselock.LockTimeoutError):
                other.acquire(name, timeout=0.5)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert len(called) > 5


RAISES = """
import gc, signal, sys, leaselock

class Raised(Exception):
    pass

def handler(*what):
    if armed:
        raise Raised

armed = False
signal.signal(signal.SIGALRM, handler)
with leaselock.Client(sys.argv[1]) as client, client.session() as session:
    for i in range(60):
        try:
            # Again after a while: in a __del__ it would be in vain.
            signal.setitimer(signal.ITIMER_REAL, 0.0002 + 0.00005 * i, 0.05)
            armed = True
            while True:
                with session.lock(sys.argv[2]):
                    pass
        except Raised:
            armed = False
    signal.setitimer(signal.ITIMER_REAL, 0)
    gc.collect()
    print("end", flush=True)
    sys.stdin.read()
"""


def test_a_handler_that_raises_at_any_time(etcd, name, queue_is):
    """Signals at odd times in a loop of cycles: no lock stays held."""
    with python(RAISES, etcd, name, stdin=subprocess.PIPE) as process:
        assert process.stdout.readline() == "end\n"
        queue_is(name, 0)
        process.communicate("", timeout=30)
    assert process.returncode == 0


ASYNC_INTERRUPTED = """
import asyncio, sys, leaselock
async def main():
    async with leaselock.Client(sys.argv[1]) as client, client.session() as session:
        async with session.lock(sys.argv[2]):
            print("held", flush=True)
            await session.acquire_async(sys.argv[2])
try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_control_c_in_a_loop(etcd, name, queue_is):
    with python(ASYNC_INTERRUPTED, etcd, name) as process:
        assert process.stdout.readline() == "held\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert out == "interrupted\n" and err == "" and process.returncode == 0
    queue_is(name, 0)


FORKED = """
import asyncio, os, sys, leaselock
client = leaselock.Client(sys.argv[1])
session = client.session().open()
ticket = session.acquire(sys.argv[2])
lock = session.lock("other")
observer = client.observe(sys.argv[2])
ticket.on_lost(print)  # there is a thread in the parent
pid = os.fork()
if pid == 0:
    calls = [
        lambda: session.acquire("x"), lambda: lock.acquire(), ticket.release,
        observer.get, lambda: asyncio.run(observer.get_async()),
        lambda: ticket.wait_lost(), lambda: asyncio.run(ticket.lost()),
        lambda: asyncio.run(client.close_async()),
        lambda: ticket.held, lambda: ticket.token, lambda: session.state,
        session.close, client.close, client.locks, lambda: client.observe("x"),
        lambda: leaselock.Client(sys.argv[1]), lambda: client._core.drain(None, None),
    ]
    for i, call in enumerate(calls):
        try:
            call()
        except leaselock.ForkedError:
            continue
        print("no error of", i, flush=True)
        os._exit(1)
    del calls, lock, ticket, session, observer, client
    print("child", flush=True)
    sys.exit(0)
assert os.waitpid(pid, 0)[1] == 0
assert ticket.held
ticket.release()
client.close()
print("parent")
"""


def test_fork(etcd, name):
    out, _ = run(FORKED, etcd, name)
    assert out == "child\nparent\n"


def test_a_fork_before_the_first_client(etcd, name):
    program = """
import os, sys, leaselock
for i in range(2):
    if os.fork() == 0:
        with leaselock.Client(sys.argv[1]) as client, client.session() as session:
            with session.lock(sys.argv[2]) as ticket:
                print("held", flush=True)
        sys.exit(0)
for i in range(2):
    assert os.wait()[1] == 0
"""
    out, err = run(program, etcd, name)
    assert out == "held\nheld\n" and "leaselock" not in err


@contextlib.contextmanager
def dropped(n):
    """So many warnings are expected of what is dropped in the block."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
        kinds = []
        while gc.collect() or caught:  # a warning keeps what it is about
            kinds += [each.category for each in caught]
            caught.clear()
    assert kinds == [ResourceWarning] * n


def test_forgotten_objects(etcd, name, until):
    """What is dropped without its end is closed, with a warning."""
    client = leaselock.Client(etcd.endpoint)
    session = client.session().open()
    with dropped(1):
        session.acquire(name)
    until(lambda: not client.queue(name).entries)
    with dropped(1):
        client.observe(name)
    held = session.acquire(name)
    lease = session.lease
    with dropped(2):
        del held, session
    until(lambda: f"{lease:x}" not in etcd.ctl("lease", "list"))
    with dropped(1):
        del client
    assert not leaselock._client._clients


AT_THE_END = """
import asyncio, sys, threading, leaselock
client = leaselock.Client(sys.argv[1])
session = client.session().open()
ticket = session.acquire(sys.argv[2])
ticket.on_lost(print)
observer = client.observe(sys.argv[2])
threading.Thread(target=session.acquire, args=(sys.argv[2],), daemon=True).start()
threading.Thread(target=observer.get, daemon=True).start()
loop = asyncio.new_event_loop()
waiting = loop.create_task(session.acquire_async(sys.argv[2]))
loop.run_until_complete(asyncio.sleep(0.1))
print("end", flush=True)
"""


def test_the_end_of_the_interpreter(etcd, name, queue_is):
    with python(AT_THE_END, etcd, name) as process:
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0 and out == "end\n", err
    assert "Fatal" not in err and "Segmentation" not in err
    queue_is(name, 0)


def test_subinterpreters_are_refused(etcd):
    program = """
import leaselock, _xxsubinterpreters
other = _xxsubinterpreters.create()
try:
    _xxsubinterpreters.run_string(other, "import leaselock")
except _xxsubinterpreters.RunFailedError as error:
    print(error)
_xxsubinterpreters.destroy(other)
"""
    out, _ = run(program, etcd)
    assert "main interpreter" in out


def test_imported_again(etcd, name):
    program = """
import sys, leaselock
with leaselock.Client(sys.argv[1]) as client, client.session() as session:
    for module in [each for each in sys.modules if each.startswith("leaselock")]:
        del sys.modules[module]
    import leaselock as again
    assert again is not leaselock
    with session.lock(sys.argv[2]):
        pass
    with again.Client(sys.argv[1]) as other, other.session() as session:
        with session.lock(sys.argv[2], timeout=5):
            print("held")
"""
    out, _ = run(program, etcd, name)
    assert out == "held\n"


LEAK = """
import asyncio, sys, tracemalloc, leaselock

def resident_kb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4

def kept(session, n):
    lock = session.lock(sys.argv[2], keep=60)
    for _ in range(n):
        with lock:
            pass

def cycles(session, n):
    lock = session.lock(sys.argv[2] + "-real")
    for _ in range(n):
        with lock as ticket:
            ticket.on_lost(print)
        lock.try_acquire().release()

async def tasks(session, n):
    async def work(i):
        lock = session.lock(f"{sys.argv[2]}-{i}")
        for _ in range(n):
            async with lock:
                pass
            task = asyncio.create_task(lock.acquire_async())
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait({task})
    await asyncio.gather(*(work(i) for i in range(20)))

with leaselock.Client(sys.argv[1]) as client, client.session() as session:
    def round(part):
        kept(session, 100000 // part)
        cycles(session, 300 // part)
        asyncio.run(tasks(session, 50 // part))
    round(5)
    tracemalloc.start()
    before = tracemalloc.take_snapshot()
    round(5)
    after = tracemalloc.take_snapshot()
    tracemalloc.stop()
    grown = sum(each.size_diff for each in after.compare_to(before, "filename")
                if "tracemalloc" not in str(each.traceback))
    del before, after
    after_kb = resident_kb()
    round(1)
    print(grown, resident_kb() - after_kb)
"""


def test_no_leak(etcd, name):
    """100 000 cycles of a kept lock, and hundreds with requests: neither Python's
    memory nor the process's grows."""
    with python(LEAK, etcd, name) as process:
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    grown, grown_kb = (int(each) for each in out.split())
    assert grown < 100_000 and grown_kb < 4_000


def test_threads_and_loops_at_once(etcd, name):
    """Two clients, each with a loop on a thread of its own, and threads that
    block, all on few names."""
    errors = []

    def loop_thread(client):
        import asyncio

        async def work(session, number):
            for _ in range(5):
                async with session.lock(f"{name}-{number % 3}"):
                    await asyncio.sleep(0)

        async def main():
            async with client.session() as session:
                await asyncio.gather(*(work(session, i) for i in range(10)))

        try:
            asyncio.run(main())
        except BaseException as error:
            errors.append(error)

    def blocking_thread(client, number):
        try:
            with client.session() as session:
                for _ in range(5):
                    with session.lock(f"{name}-{number % 3}"):
                        pass
        except BaseException as error:
            errors.append(error)

    with leaselock.Client(etcd.endpoint) as a, leaselock.Client(etcd.endpoint) as b:
        threads = [threading.Thread(target=loop_thread, args=(each,)) for each in (a, b)]
        threads += [
            threading.Thread(target=blocking_thread, args=(each, i))
            for i, each in enumerate((a, b) * 3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert a.locks(name).locks == []


WARNINGS_ARE_ERRORS = """
import sys, warnings, leaselock
warnings.simplefilter("error")
client = leaselock.Client(sys.argv[1])
session = client.session().open()
lease = session.lease
observer = client.observe(sys.argv[2])
del session
del observer
core = client._core
del client
try:
    core.locks(None, "", 1000)
except leaselock.ClosedError:
    print(f"{lease:x}")
"""


def test_forgotten_objects_if_warnings_are_errors(etcd, name, until):
    out, err = run(WARNINGS_ARE_ERRORS, etcd, name)
    assert err.count("ResourceWarning: unclosed") == 3, err
    until(lambda: out.strip() and out.strip() not in etcd.ctl("lease", "list"))
