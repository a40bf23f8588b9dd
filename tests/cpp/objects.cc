// SPDX-License-Identifier: Apache-2.0
// Goal: the C++ objects own what they name: each lock is taken, moved, given back
// and reported as the C functions have it. Method: each of them against an etcd,
// and without one; the argument has its endpoint.
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <leaselock/leaselock.hpp>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>

using namespace std::chrono_literals;

#define CHECK(is_so)                                                           \
    do {                                                                       \
        if (!(is_so)) {                                                        \
            std::cerr << __FILE__ << ':' << __LINE__ << ": " #is_so "\n";      \
            std::exit(1);                                                      \
        }                                                                      \
    } while (0)

/** The status that a call throws; 0: none. */
template <class Call> static int thrown_by(Call call)
{
    try {
        call();
    } catch (const leaselock::error &error) {
        CHECK(error.code().category() == leaselock::category());
        CHECK(error.code().value() == error.status());
        CHECK(error.what()[0] != '\0');
        return error.status();
    }
    return 0;
}

static bool is_free(leaselock::session &session, const std::string &name)
{
    return static_cast<bool>(session.try_acquire(name));
}

static void check_tickets(leaselock::session &session,
                          leaselock::session &other)
{
    leaselock::ticket held = session.acquire("tickets", 5s);
    leaselock::ticket none;
    std::int64_t token = held.token();

    CHECK(held && held.is_held() && token > 0 && held.hold() == 1);
    CHECK(held.remaining() > 0ms);
    CHECK(held.key().rfind("tickets/", 0) == 0);
    CHECK(!is_free(other, "tickets"));
    CHECK(thrown_by([&] { (void)other.acquire("tickets", 1ms); }) ==
          LEASELOCK_E_TIMEOUT);

    leaselock::ticket moved = std::move(held);
    CHECK(!held && moved.token() == token);
    held = std::move(moved);
    CHECK(held.token() == token && !moved);
    held.fenced_put("cpp/state", "1", 5s);
    held.release();
    CHECK(!held && is_free(other, "tickets"));
    CHECK(thrown_by([&] { held.release(); }) == 0); /* as NULL in C */
    CHECK(thrown_by([&] { none.fenced_put("k", "v", 1s); }) ==
          LEASELOCK_E_HANDLE);
    {
        leaselock::ticket again = session.acquire("tickets");
        CHECK(again.token() > token);
        again.rejoin();
        CHECK(again.is_held());
    }
    CHECK(is_free(other, "tickets"));
    try {
        leaselock::ticket again = session.acquire("tickets");
        throw std::runtime_error("work");
    } catch (const std::runtime_error &) {
        CHECK(is_free(other, "tickets"));
    }
    CHECK(thrown_by([&] { (void)session.acquire("/"); }) == LEASELOCK_E_NAME);
    CHECK(thrown_by([&] {
              (void)session.acquire(std::string_view("tickets\0x", 9));
          }) == LEASELOCK_E_NAME);
}

static void check_mutexes(leaselock::session &session,
                          leaselock::session &other)
{
    leaselock::mutex one(session, "mutex");
    leaselock::mutex two(other, "mutex");
    leaselock::mutex three(other, "another");
    {
        std::unique_lock lock(one);
        CHECK(lock.owns_lock() && one.held().is_held());
        CHECK(!two.try_lock() && !two.held());
        std::unique_lock waiting(two, 10ms);
        CHECK(!waiting.owns_lock());
        std::unique_lock until(two, std::chrono::steady_clock::now() + 1ms);
        CHECK(!until.owns_lock());
        lock.unlock();
        CHECK(!one.held());
        CHECK(waiting.try_lock_for(5s));
    }
    {
        std::scoped_lock lock(two, three);
        CHECK(two.held().is_held() && three.held().is_held());
    }
    CHECK(one.try_lock());
    one.unlock();
}

static void check_results(leaselock::client &client,
                          leaselock::session &session)
{
    auto taken = session.acquire(std::nothrow, "results", 5s);
    CHECK(taken && taken.status() == 0 && taken->is_held());
    CHECK(taken.message()[0] == '\0');
    CHECK(taken->release(std::nothrow));
    auto refused = session.acquire(std::nothrow, "no//name");
    CHECK(!refused && refused.status() == LEASELOCK_E_NAME);
    CHECK(refused.message()[0] != '\0');
    CHECK(thrown_by([&] { (void)refused.value(); }) == LEASELOCK_E_NAME);

    leaselock::session_options options;
    options.ttl_s = -7;
    CHECK(thrown_by([&] { (void)client.open_session(options); }) ==
          LEASELOCK_E_ARGUMENT);
    auto brief = client.open_session();
    auto left = brief.acquire("brief");
    brief.close();
    CHECK(!brief && !left.is_held());

    auto leader = session.campaign("election", "host a", 5s);
    leader.proclaim("host b", 5s);

    CHECK(leaselock::timeout(1us).ms() == 1);
    CHECK(leaselock::timeout(-1s).ms() == 0);
    CHECK(leaselock::timeout(std::chrono::hours::min()).ms() == 0);
    CHECK(leaselock::timeout(std::chrono::hours::max()).ms() == INT_MAX);
    CHECK(leaselock::timeout(1.5s).ms() == 1500);
    CHECK(leaselock::forever.ms() == LEASELOCK_FOREVER);
}

int main(int, char **argv)
{
    auto client = leaselock::client::open(argv[1]);
    auto session = client.open_session();
    auto other = client.open_session();

    CHECK(session.is_active() && session.lease() != 0);
    check_tickets(session, other);
    check_mutexes(session, other);
    check_results(client, session);
    CHECK(thrown_by([] { (void)leaselock::client::open("not an endpoint"); }) ==
          LEASELOCK_E_ARGUMENT);
    std::cout << "objects: good\n";
}
