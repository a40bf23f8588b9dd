// SPDX-License-Identifier: Apache-2.0
// Goal: coroutines await locks: they get them in the order of their requests, a
// failure is thrown in them, and one that is destroyed while it waits leaves the
// queue. Method: a client in dispatch mode, so that all run on this thread; the
// argument has etcd's endpoint.
#include <coroutine>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <leaselock/leaselock.hpp>
#include <poll.h>
#include <vector>

using namespace std::chrono_literals;

#define CHECK(is_so)                                                           \
    do {                                                                       \
        if (!(is_so)) {                                                        \
            std::cerr << __FILE__ << ':' << __LINE__ << ": " #is_so "\n";      \
            std::exit(1);                                                      \
        }                                                                      \
    } while (0)

/** A coroutine that begins at once. */
struct task {
    struct promise_type {
        task get_return_object()
        {
            return {std::coroutine_handle<promise_type>::from_promise(*this)};
        }
        std::suspend_never initial_suspend() noexcept
        {
            return {};
        }
        std::suspend_always final_suspend() noexcept
        {
            return {};
        }
        void return_void()
        {
        }
        void unhandled_exception()
        {
            std::terminate();
        }
    };
    std::coroutine_handle<promise_type> handle;
};

static task work(leaselock::session &session, int number, std::vector<int> &done)
{
    leaselock::ticket held = co_await session.async_acquire("turns", 10s);

    CHECK(held.is_held());
    done.push_back(number);
    /* The end of the ticket releases it, in the background. */
}

static task fail(leaselock::session &session, int &status)
{
    try {
        (void)co_await session.async_acquire("turns", 0s);
    } catch (const leaselock::error &error) {
        status = error.status();
    }
    auto tried = co_await session.async_acquire(std::nothrow, "no//name");
    CHECK(tried.status() == LEASELOCK_E_NAME);
}

template <class Until>
static void dispatch(leaselock::client &client, Until until)
{
    while (!until()) {
        pollfd fd = {client.fd(), POLLIN, 0};

        CHECK(poll(&fd, 1, 20000) == 1);
        CHECK(client.dispatch() >= 0);
    }
}

int main(int, char **argv)
{
    leaselock::client_options options;
    options.dispatch = 1;
    auto client = leaselock::client::open(argv[1], options);
    auto session = client.open_session();
    auto plain = leaselock::client::open(argv[1]);
    auto others = plain.open_session();
    std::vector<int> done;
    std::vector<task> tasks;
    int status = 0;

    auto held = others.acquire("turns");
    tasks.push_back(fail(session, status));
    dispatch(client, [&] { return tasks[0].handle.done(); });
    CHECK(status == LEASELOCK_E_TIMEOUT);
    for (int i = 0; i < 4; i++) {
        tasks.push_back(work(session, i, done));
    }
    CHECK(done.empty());
    tasks[2].handle.destroy();
    held.release();
    dispatch(client, [&] { return done.size() == 3; });
    CHECK(done == std::vector<int>({0, 2, 3}));
    for (std::size_t i = 0; i < tasks.size(); i++) {
        if (i != 2) {
            tasks[i].handle.destroy();
        }
    }
    CHECK(others.acquire("turns", 10s).is_held());
    std::cout << "coroutines: good\n";
}
