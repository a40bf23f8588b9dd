# SPDX-License-Identifier: Apache-2.0
"""Tasks of an event loop that take turns, and stop their work if they lose the
lock.

usage: tasks.py     LEASELOCK_ENDPOINTS names etcd, default 127.0.0.1:2379
"""

import asyncio

import leaselock


async def work(number: int) -> None:
    await asyncio.sleep(0.01)
    print(f"task {number} has worked")


async def turn(session: leaselock.Session, number: int) -> None:
    async with session.lock("tasks") as ticket:
        lost = asyncio.create_task(ticket.lost())
        working = asyncio.create_task(work(number))
        await asyncio.wait({lost, working}, return_when=asyncio.FIRST_COMPLETED)
        for task in (lost, working):
            task.cancel()
        await asyncio.gather(lost, working, return_exceptions=True)


async def main() -> None:
    async with leaselock.Client.from_env() as client, client.session() as session:
        async with asyncio.TaskGroup() as group:
            for number in range(5):
                group.create_task(turn(session, number))


if __name__ == "__main__":
    asyncio.run(main())
