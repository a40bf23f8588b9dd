# SPDX-License-Identifier: Apache-2.0
"""A throw-away etcd cluster whose members go by the names of a page: etcd1,
etcd2 and so on, each with the port 2379 for clients and 2380 for its peers."""

import glob
import json
import os
import random
import re
import shutil
import socket
import subprocess
import time
import urllib.request

START_S = 30
STARTS = 5


def free_port():
    """A port without a listener, below those of outgoing connections."""
    while True:
        port = random.randrange(10000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


def version_of(etcd):
    """The release of a program, as a list of numbers."""
    said = subprocess.run([etcd, "--version"], capture_output=True, text=True)
    return [int(n) for n in re.findall(r"\d+", said.stdout.split("\n")[0])]


def newest_etcd(etcd, folder):
    """The newest to which an etcd can be upgraded, one minor release at a time,
    of those that scripts/servers has fetched; or that etcd itself."""
    major, minor, *_ = version_of(etcd)
    others = [other for other in glob.glob(os.path.join(folder, "*/usr/bin/etcd"))
              if version_of(other)[:2] <= [major, minor + 1]]
    return max([etcd, *others], key=version_of)


class Cluster:
    def __init__(self, etcd, folder, members_n, options):
        self.etcd = etcd
        self.folder = folder
        self.options = options
        self.processes = {}
        self.joined = {}  # etcd's own word on the cluster that a member joins
        for _ in range(STARTS):
            self.ports = {}
            self.names = [f"etcd{n}" for n in range(1, members_n + 1)]
            try:
                for name in self.names:
                    self.spawn(name)
                for name in self.names:
                    self.await_health(name)
                return
            except RuntimeError as error:
                self.stop_all()
                shutil.rmtree(folder)
                os.mkdir(folder)
                failure = error
        raise failure

    def address(self, name, kind):
        ports = self.ports.setdefault(name, {})
        if kind not in ports:
            ports[kind] = free_port()
        return f"127.0.0.1:{ports[kind]}"

    def data_dir(self, name):
        return os.path.join(self.folder, name)

    def variables(self, name):
        """What a member's /etc/default/etcd contains."""
        peers = [f"{n}=http://{self.address(n, 2380)}" for n in self.names]
        return {
            "ETCD_NAME": name,
            "ETCD_DATA_DIR": self.data_dir(name),
            "ETCD_INITIAL_CLUSTER": self.joined.get(name, ",".join(peers)),
            "ETCD_INITIAL_CLUSTER_TOKEN": "locks",
            "ETCD_INITIAL_CLUSTER_STATE":
                "existing" if name in self.joined else "new",
            "ETCD_INITIAL_ADVERTISE_PEER_URLS":
                f"http://{self.address(name, 2380)}",
            "ETCD_LISTEN_PEER_URLS": f"http://{self.address(name, 2380)}",
            "ETCD_LISTEN_CLIENT_URLS": f"http://{self.address(name, 2379)}",
            "ETCD_ADVERTISE_CLIENT_URLS": f"http://{self.address(name, 2379)}",
        }

    def spawn(self, name):
        # It gets SIGKILL when this process ends, even by a signal.
        command = ["setpriv", "--pdeathsig", "KILL", self.etcd,
                   "--heartbeat-interval=50", "--election-timeout=500",
                   *self.options]
        with open(self.data_dir(name) + ".log", "ab") as log:
            self.processes[name] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={"PATH": os.environ["PATH"], **self.variables(name)})

    def await_health(self, name):
        deadline = time.monotonic() + START_S
        url = f"http://{self.address(name, 2379)}/health"
        while time.monotonic() < deadline:
            if self.processes[name].poll() is not None:
                break
            try:
                with urllib.request.urlopen(url, timeout=1) as answer:
                    if json.load(answer).get("health") in ("true", True):
                        return
            except OSError:
                pass
            time.sleep(0.02)
        with open(self.data_dir(name) + ".log", errors="replace") as log:
            tail = "".join(log.readlines()[-15:])
        raise RuntimeError(f"{name} does not serve:\n{tail}")

    def start(self, name):
        self.spawn(name)
        self.await_health(name)

    def stop(self, name):
        process = self.processes.pop(name, None)
        if process is not None:
            process.terminate()
            process.wait(timeout=START_S)

    def stop_all(self):
        for process in self.processes.values():
            process.kill()
        for process in self.processes.values():
            process.wait()
        self.processes.clear()

    def post(self, path, message):
        """A request that etcdctl does not have, by etcd's JSON gateway."""
        request = urllib.request.Request(
            f"http://{self.address(self.names[0], 2379)}{path}",
            json.dumps(message).encode())
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.load(answer)

    def corrupt(self):
        """Raises the CORRUPT alarm for the first member."""
        members = self.post("/v3/cluster/member/list", {})["members"]
        self.post("/v3/maintenance/alarm",
                  {"action": "ACTIVATE", "memberID": members[0]["ID"],
                   "alarm": "CORRUPT"})
