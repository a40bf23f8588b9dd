# SPDX-License-Identifier: Apache-2.0
"""Does a job under a lock, and writes its result only while the lock is held.

usage: jobs.py NAME     LEASELOCK_ENDPOINTS names etcd, default 127.0.0.1:2379
"""

import sys

import leaselock


def work(ticket: leaselock.Ticket, name: str) -> None:
    for step in range(3):
        if not ticket.held:  # whether to go on
            return
        # etcd applies this only while the ticket is held:
        ticket.put(f"results/{name}", f"step {step}")
    print(f"{name}: done, token {ticket.token}")


def main() -> int:
    name = sys.argv[1]
    with leaselock.Client.from_env() as client, client.session() as session:
        try:
            with session.lock(f"jobs/{name}", timeout=5) as ticket:
                work(ticket, name)
        except leaselock.LockTimeoutError as error:
            print(error, file=sys.stderr)  # it names the holder
            return 1
        print(client.get(f"results/{name}").items[0].value.decode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
