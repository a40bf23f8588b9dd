# SPDX-License-Identifier: Apache-2.0
"""An etcd for all tests of a run, and a client, a session and a name for each."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

import leaselock

SOURCE = os.environ.get(
    "SRC", os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
)

# The shell's end ends etcd as well.
START = """
. "$SRC/tests/support/etcd.sh"
trap etcd_stop EXIT
etcd_start || exit 1
echo "$ETCD_ENDPOINT"
read -r _
"""


class Etcd:
    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint

    def ctl(self, *arguments: str) -> str:
        environment = dict(
            os.environ, ETCDCTL_API="3", ETCDCTL_ENDPOINTS=self.endpoint
        )
        done = subprocess.run(
            ["etcdctl", *arguments],
            env=environment,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        return done.stdout

    def revoke(self, lease: int) -> None:
        """As a third party that takes a session's locks away."""
        self.ctl("lease", "revoke", f"{lease:x}")

    def keys(self, prefix: str) -> list[str]:
        return self.ctl("get", "--prefix", prefix, "--keys-only").split()


@pytest.fixture(scope="session")
def etcd() -> Iterator[Etcd]:
    process = subprocess.Popen(
        ["bash", "-c", START],
        env=dict(os.environ, SRC=SOURCE),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    endpoint = process.stdout.readline().strip()
    assert endpoint, "etcd does not start"
    yield Etcd(endpoint)
    process.stdin.close()
    process.wait(timeout=30)
    process.stdout.close()


@pytest.fixture
def client(etcd: Etcd) -> Iterator[leaselock.Client]:
    with leaselock.Client(etcd.endpoint) as client:
        yield client


@pytest.fixture
def session(client: leaselock.Client) -> Iterator[leaselock.Session]:
    with client.session() as session:
        yield session


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    return f"{request.module.__name__}/{request.node.name}".replace("[", "-").strip("]")


def wait_until(condition: Callable[[], object], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition was not met in time"
        time.sleep(0.01)


@pytest.fixture
def until() -> Callable[..., None]:
    return wait_until


@pytest.fixture
def queue_is(client: leaselock.Client) -> Callable[[str, int], None]:
    """Waits until a queue has so many places."""

    def wait(name: str, places: int) -> None:
        wait_until(lambda: len(client.queue(name).entries) == places)

    return wait
