// SPDX-License-Identifier: Apache-2.0
// Goal: the header is complete without exceptions. Method: it is compiled with
// -fno-exceptions; the argument has etcd's endpoint.
#include <iostream>
#include <leaselock/leaselock.hpp>

using namespace std::chrono_literals;

int main(int, char **argv)
{
    auto client = leaselock::client::open(std::nothrow, argv[1]);
    auto session = client ? client->open_session(std::nothrow)
                          : leaselock::result<leaselock::session>(
                                leaselock_error LEASELOCK_ERROR_INIT);
    auto held = session ? session->acquire(std::nothrow, "plain", 5s)
                        : leaselock::result<leaselock::ticket>(
                              leaselock_error LEASELOCK_ERROR_INIT);
    auto bad = leaselock::client::open(std::nothrow, "not an endpoint");

    if (!held || !held->is_held() || !held->release(std::nothrow) || bad ||
        bad.status() != LEASELOCK_E_ARGUMENT) {
        std::cerr << client.message() << session.message() << held.message()
                  << '\n';
        return 1;
    }
    std::cout << "no_exceptions: good\n";
}
