// SPDX-License-Identifier: Apache-2.0
// A lock in C++: waits at most five seconds for it, works while it is held, and
// gives it back at the end of the block, also when the work throws.
//
//     jobs [ENDPOINTS [LOCK]]
#include <chrono>
#include <iostream>
#include <leaselock/leaselock.hpp>
#include <mutex>

using namespace std::chrono_literals;

int main(int argc, char **argv)
{
    try {
        auto client =
            leaselock::client::open(argc > 1 ? argv[1] : "127.0.0.1:2379");
        auto session = client.open_session();
        leaselock::mutex jobs(session, argc > 2 ? argv[2] : "jobs");
        std::unique_lock lock(jobs, 5s);

        if (!lock.owns_lock()) {
            std::cerr << "it is in use\n";
            return 1;
        }
        std::cout << "held, token " << jobs.held().token() << '\n';
        // The work is here; jobs.held().is_held() says whether to go on.
        return 0;
    } catch (const leaselock::error &error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
