# SPDX-License-Identifier: Apache-2.0
"""Leads for a moment, while another thread follows the election.

usage: leader.py VALUE     LEASELOCK_ENDPOINTS names etcd, default 127.0.0.1:2379
"""

import sys
import threading

import leaselock


def show(leader: leaselock.Leader | None) -> None:
    print("leader:", leader.value.decode() if leader else "none")


def follow(observer: leaselock.Observer) -> None:
    for leader in observer:
        show(leader)
        if leader is None:
            return


def main() -> None:
    value = sys.argv[1]
    with leaselock.Client.from_env() as client, client.session() as session:
        with client.observe("scheduler") as observer:
            show(observer.get())  # the present state; what follows are changes
            thread = threading.Thread(target=follow, args=(observer,))
            thread.start()
            with session.election("scheduler", value) as ticket:
                ticket.proclaim(f"{value}, at work")
            thread.join()


if __name__ == "__main__":
    main()
