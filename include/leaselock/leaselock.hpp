/* SPDX-License-Identifier: Apache-2.0 */
/**
 * leaselock for C++17 and newer, header-only, on top of the C functions.
 *
 *     leaselock::client client = leaselock::client::open("127.0.0.1:2379");
 *     leaselock::session session = client.open_session();
 *     leaselock::ticket held = session.acquire("jobs", 5s);
 *
 * A client, a session and a ticket are owned by one object each, which can be
 * moved; its destructor closes the session or gives the lock back. A default
 * constructed or moved-from object owns nothing: its release() and close() do
 * nothing, each other call fails with LEASELOCK_E_HANDLE. native() gives the C handle, for the functions that have no
 * member here.
 *
 * Each function that can fail has two forms. The plain one throws
 * leaselock::error. The one whose first argument is std::nothrow returns a
 * leaselock::result instead, and is all that there is where exceptions are off.
 *
 * Times are any std::chrono::duration, rounded up to milliseconds, or
 * leaselock::forever.
 *
 * Threads: as the C functions that are called, see each of them; a blocking one
 * fails with LEASELOCK_E_DEADLOCK in a callback, and so after a co_await (below).
 */
#ifndef LEASELOCK_LEASELOCK_HPP
#define LEASELOCK_LEASELOCK_HPP

#include <atomic>
#include <chrono>
#include <climits>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

#include "leaselock/leaselock.h"

#if defined(__cpp_exceptions)
#define LEASELOCK_HPP_THROWS 1
#else
#define LEASELOCK_HPP_THROWS 0
#endif

#if defined(__has_include) && __cplusplus >= 202002L
#if __has_include(<coroutine>)
#include <coroutine>
#endif
#endif

namespace leaselock {

/** Of error codes whose value is a status (leaselock/status.h). */
inline const std::error_category &category() noexcept
{
    struct status_category final : std::error_category {
        const char *name() const noexcept override
        {
            return "leaselock";
        }
        std::string message(int status) const override
        {
            return leaselock_status_text(status);
        }
    };
    static const status_category the_category;

    return the_category;
}

#if LEASELOCK_HPP_THROWS
/** What the plain functions throw: code() has the status, what() is the C
 *  function's message. */
class error : public std::system_error {
  public:
    explicit error(const leaselock_error &from) :
        std::system_error(from.code, category()),
        from_(std::make_shared<const leaselock_error>(from))
    {
    }
    /** A LEASELOCK_E_ code. */
    int status() const noexcept
    {
        return from_->code;
    }
    const char *what() const noexcept override
    {
        return from_->message;
    }
    /** The endpoint that failed; "" if it was none. */
    const char *endpoint() const noexcept
    {
        return from_->endpoint;
    }

  private:
    std::shared_ptr<const leaselock_error> from_; /* copies must not throw */
};
#endif

/** What a result has of a function that returns nothing. */
struct nothing {};

/** A value, or why there is none. */
template <class T> class result {
  public:
    result(T value) : value_(std::move(value))
    {
    }
    result(const leaselock_error &why) : why_(why)
    {
    }
    explicit operator bool() const noexcept
    {
        return value_.has_value();
    }
    /** 0, or a LEASELOCK_E_ code. */
    int status() const noexcept
    {
        return value_ ? 0 : why_.code;
    }
    /** A sentence that says what failed; "" if nothing did. */
    const char *message() const noexcept
    {
        return value_ ? "" : why_.message;
    }
    /** The value. Without one it throws, or ends the program where exceptions
     *  are off. */
    T &value() &
    {
        check();
        return *value_;
    }
    T &&value() &&
    {
        check();
        return std::move(*value_);
    }
    /** The value, which must be there. */
    T &operator*() noexcept
    {
        return *value_;
    }
    T *operator->() noexcept
    {
        return &*value_;
    }

  private:
    void check() const
    {
        if (!value_) {
#if LEASELOCK_HPP_THROWS
            throw error(why_);
#else
            std::abort();
#endif
        }
    }

    std::optional<T> value_;
    leaselock_error why_ = LEASELOCK_ERROR_INIT;
};

/** How long a call may take. */
class timeout {
  public:
    template <class Rep, class Period>
    timeout(std::chrono::duration<Rep, Period> time) : ms_(rounded_up(time))
    {
    }
    static constexpr timeout without_limit() noexcept
    {
        return timeout(LEASELOCK_FOREVER);
    }
    constexpr int ms() const noexcept
    {
        return ms_;
    }

  private:
    constexpr explicit timeout(int ms) noexcept : ms_(ms)
    {
    }
    template <class Rep, class Period>
    static int rounded_up(std::chrono::duration<Rep, Period> time)
    {
        using milliseconds = std::chrono::duration<double, std::milli>;

        if (milliseconds(time).count() >= INT_MAX) {
            return INT_MAX;
        }
        if (!(milliseconds(time).count() > 0)) {
            return 0;
        }
        return static_cast<int>(
            std::chrono::ceil<std::chrono::milliseconds>(time).count());
    }

    int ms_;
};

inline constexpr timeout forever = timeout::without_limit();

/** The C options with their defaults. What they point at must live until the call
 *  that they are given to returns: that of a mutex as long as the mutex, that of
 *  async_acquire until it is awaited; arguments of callbacks as in C. */
struct client_options : leaselock_client_options {
    client_options() noexcept :
        leaselock_client_options LEASELOCK_CLIENT_OPTIONS_INIT
    {
    }
};
struct session_options : leaselock_session_options {
    session_options() noexcept :
        leaselock_session_options LEASELOCK_SESSION_OPTIONS_INIT
    {
    }
};
struct acquire_options : leaselock_acquire_options {
    acquire_options() noexcept :
        leaselock_acquire_options LEASELOCK_ACQUIRE_OPTIONS_INIT
    {
    }
};

namespace detail {

/** A call that returns nothing. */
template <class Call> result<nothing> done(Call call)
{
    leaselock_error why = LEASELOCK_ERROR_INIT;
    int status = call(&why);

    if (status == 0) {
        return nothing();
    }
    why.code = status;
    return why;
}

/** A call that makes a handle. */
template <class Owner, class Handle, class Call> result<Owner> made(Call call)
{
    leaselock_error why = LEASELOCK_ERROR_INIT;
    Handle *handle = nullptr;
    int status = call(&handle, &why);

    if (status == 0) {
        return Owner(handle);
    }
    why.code = status;
    return why;
}

inline void ignore(int, const leaselock_error *, void *) noexcept
{
}

/* A callback must not block: there, what a destructor does goes on in the
 * background. */
inline void give_up(leaselock_ticket *ticket) noexcept
{
    if (leaselock_release(ticket, nullptr) == LEASELOCK_E_DEADLOCK) {
        (void)leaselock_release_async(ticket, ignore, nullptr, nullptr);
    }
}
inline void give_up(leaselock_session *session) noexcept
{
    if (leaselock_session_close(session, nullptr) == LEASELOCK_E_DEADLOCK) {
        (void)leaselock_session_close_async(session, ignore, nullptr, nullptr);
    }
}
inline void give_up(leaselock_client *client) noexcept
{
    (void)leaselock_client_close(client, nullptr);
}

/** Owns a C handle. */
template <class Handle> class owner {
  public:
    owner() noexcept = default;
    explicit owner(Handle *handle) noexcept : handle_(handle)
    {
    }
    owner(owner &&other) noexcept : handle_(other.detach())
    {
    }
    owner &operator=(owner &&other) noexcept
    {
        if (this != &other) {
            reset(other.detach());
        }
        return *this;
    }
    owner(const owner &) = delete;
    owner &operator=(const owner &) = delete;
    ~owner()
    {
        reset();
    }
    /** Whether it owns a handle. */
    explicit operator bool() const noexcept
    {
        return handle_ != nullptr;
    }
    Handle *native() const noexcept
    {
        return handle_;
    }
    /** Gives the C handle away. */
    Handle *detach() noexcept
    {
        return std::exchange(handle_, nullptr);
    }

  protected:
    void reset(Handle *next = nullptr) noexcept
    {
        Handle *last = std::exchange(handle_, next);

        if (last != nullptr) {
            give_up(last);
        }
    }

  private:
    Handle *handle_ = nullptr;
};

/** A name or a list of endpoints as a C string. A NUL in it becomes another
 *  control byte, so that it is refused, and not cut there. */
inline std::string text(std::string_view view)
{
    std::string copy(view);

    for (char &c : copy) {
        c = c == '\0' ? '\1' : c;
    }
    return copy;
}

} // namespace detail

/** A place in a lock's queue, or the lock itself. The destructor releases it, and
 *  ignores how that ends: call release() to know. */
class ticket : public detail::owner<leaselock_ticket> {
  public:
    using owner::owner;

    /** Whether the lock is held, by the clock of this moment. */
    bool is_held() const noexcept
    {
        return leaselock_ticket_state(native()) == LEASELOCK_TICKET_HELD;
    }
    /** The fencing token; see leaselock_ticket_token. */
    std::int64_t token() const noexcept
    {
        return leaselock_ticket_token(native());
    }
    /** Which of the holds that share its token; see leaselock_ticket_hold. */
    std::int64_t hold() const noexcept
    {
        return leaselock_ticket_hold(native());
    }
    /** Until the lock counts as lost, if no renewal succeeds. */
    std::chrono::milliseconds remaining() const noexcept
    {
        return std::chrono::milliseconds(
            leaselock_ticket_remaining_ms(native()));
    }
    /** The key in etcd; "" without one. */
    std::string key() const
    {
        char key[LEASELOCK_KEY_MAX + 1];

        return leaselock_ticket_key(native(), key, sizeof(key)) >= 0 ? key : "";
    }

    /** See leaselock_release. It owns nothing then. */
    result<nothing> release(const std::nothrow_t &) noexcept
    {
        return detail::done([this](leaselock_error *why) {
            int status = leaselock_release(native(), why);

            if (status != LEASELOCK_E_DEADLOCK &&
                status != LEASELOCK_E_FORKED) {
                (void)detach(); /* the handle is closed */
            }
            return status;
        });
    }
    /** See leaselock_rejoin. */
    result<nothing> rejoin(const std::nothrow_t &, timeout limit = forever) noexcept
    {
        return detail::done([&](leaselock_error *why) {
            return leaselock_rejoin(native(), limit.ms(), why);
        });
    }
    /** See leaselock_fenced_put. */
    result<nothing> fenced_put(const std::nothrow_t &,
                               std::string_view key,
                               std::string_view value,
                               timeout limit) noexcept
    {
        return detail::done([&](leaselock_error *why) {
            return leaselock_fenced_put(native(), key.data(), key.size(),
                                        value.data(), value.size(), limit.ms(),
                                        why);
        });
    }
    /** See leaselock_proclaim: of a ticket that leads. */
    result<nothing> proclaim(const std::nothrow_t &,
                             std::string_view value,
                             timeout limit) noexcept
    {
        return detail::done([&](leaselock_error *why) {
            return leaselock_proclaim(native(), value.data(), value.size(),
                                      limit.ms(), why);
        });
    }

#if LEASELOCK_HPP_THROWS
    void release()
    {
        (void)release(std::nothrow).value();
    }
    void rejoin(timeout limit = forever)
    {
        (void)rejoin(std::nothrow, limit).value();
    }
    void fenced_put(std::string_view key, std::string_view value, timeout limit)
    {
        (void)fenced_put(std::nothrow, key, value, limit).value();
    }
    void proclaim(std::string_view value, timeout limit)
    {
        (void)proclaim(std::nothrow, value, limit).value();
    }
#endif
};

#if defined(__cpp_lib_coroutine)
namespace detail {

/** An acquire that a coroutine awaits. `left` is set by what comes first: its end,
 *  or the destruction of the coroutine that waits. */
struct acquiring {
    std::atomic<bool> left{false};
    leaselock_ticket *ticket = nullptr;
    leaselock_error why = LEASELOCK_ERROR_INIT;
    int status = 0;
    std::coroutine_handle<> waiter;

    static void on_done(int status, const leaselock_error *why, void *arg)
    {
        auto *self = static_cast<acquiring *>(arg);

        if (self->left.exchange(true)) { /* nobody waits, and it is released */
            delete self;
            return;
        }
        self->status = status;
        if (why != nullptr) {
            self->why = *why;
        }
        self->waiter.resume();
    }
};

} // namespace detail

/** What session::async_acquire returns: co_await it for the ticket. */
template <bool throws> class acquire_awaitable {
  public:
    acquire_awaitable(leaselock_session *session,
                      std::string_view name,
                      timeout limit,
                      const acquire_options &options) :
        session_(session), name_(detail::text(name)), limit_(limit),
        options_(options)
    {
    }
    acquire_awaitable(const acquire_awaitable &) = delete;
    acquire_awaitable &operator=(const acquire_awaitable &) = delete;
    ~acquire_awaitable()
    {
        if (state_ == nullptr) {
            return;
        }
        leaselock_ticket *waiting = state_->ticket; /* it may be freed then */

        if (!state_->left.exchange(true)) { /* the coroutine was destroyed */
            (void)leaselock_release_async(waiting, detail::ignore, nullptr,
                                          nullptr);
        } else {
            delete state_;
        }
    }
    bool await_ready() const noexcept
    {
        return false;
    }
    bool await_suspend(std::coroutine_handle<> waiter)
    {
        detail::acquiring *state = new detail::acquiring;
        int status;

        state_ = state;
        state->waiter = waiter;
        /* The coroutine may go on, and this object be gone, before the call
         * returns 0. */
        status = leaselock_acquire_async(session_, name_.c_str(), &options_,
                                         limit_.ms(), detail::acquiring::on_done,
                                         state, &state->ticket, &state->why);
        if (status == 0) {
            return true;
        }
        state->left = true;
        state->status = status;
        return false;
    }
    auto await_resume()
    {
        if constexpr (throws) {
            return ended().value();
        } else {
            return ended();
        }
    }

  private:
    result<ticket> ended()
    {
        if (state_->status == 0) {
            return ticket(state_->ticket);
        }
        state_->why.code = state_->status;
        return state_->why;
    }

    leaselock_session *session_;
    std::string name_;
    timeout limit_;
    acquire_options options_;
    detail::acquiring *state_ = nullptr;
};
#endif

/** A lease that the client keeps alive. The destructor closes it, which releases
 *  its locks. */
class session : public detail::owner<leaselock_session> {
  public:
    using owner::owner;

    /** Whether its lease counts as alive, by the clock of this moment. */
    bool is_active() const noexcept
    {
        return leaselock_session_state(native()) == LEASELOCK_SESSION_ACTIVE;
    }
    std::int64_t lease() const noexcept
    {
        return leaselock_session_lease(native());
    }
    std::chrono::milliseconds remaining() const noexcept
    {
        return std::chrono::milliseconds(
            leaselock_session_remaining_ms(native()));
    }

    /** See leaselock_acquire. */
    result<ticket> acquire(const std::nothrow_t &,
                           std::string_view name,
                           timeout limit = forever,
                           const acquire_options &options = {})
    {
        return detail::made<ticket, leaselock_ticket>(
            [&](leaselock_ticket **ret, leaselock_error *why) {
                return leaselock_acquire(native(), detail::text(name).c_str(),
                                         &options, limit.ms(), ret, why);
            });
    }
    /** See leaselock_campaign. */
    result<ticket> campaign(const std::nothrow_t &,
                            std::string_view name,
                            std::string_view value,
                            timeout limit = forever,
                            const acquire_options &options = {})
    {
        return detail::made<ticket, leaselock_ticket>(
            [&](leaselock_ticket **ret, leaselock_error *why) {
                return leaselock_campaign(native(), detail::text(name).c_str(),
                                          value.data(), value.size(), &options,
                                          limit.ms(), ret, why);
            });
    }
    /** See leaselock_session_close. It owns nothing then. */
    result<nothing> close(const std::nothrow_t &) noexcept
    {
        return detail::done([this](leaselock_error *why) {
            int status = leaselock_session_close(native(), why);

            if (status != LEASELOCK_E_DEADLOCK &&
                status != LEASELOCK_E_FORKED) {
                (void)detach();
            }
            return status;
        });
    }

#if LEASELOCK_HPP_THROWS
    ticket acquire(std::string_view name,
                   timeout limit = forever,
                   const acquire_options &options = {})
    {
        return acquire(std::nothrow, name, limit, options).value();
    }
    /** The lock if it is free; else an empty ticket. */
    ticket try_acquire(std::string_view name, const acquire_options &options = {})
    {
        result<ticket> tried = acquire(
            std::nothrow, name, std::chrono::milliseconds(0), options);

        return tried.status() == LEASELOCK_E_TIMEOUT ? ticket()
                                                     : std::move(tried).value();
    }
    ticket campaign(std::string_view name,
                    std::string_view value,
                    timeout limit = forever,
                    const acquire_options &options = {})
    {
        return campaign(std::nothrow, name, value, limit, options).value();
    }
    void close()
    {
        (void)close(std::nothrow).value();
    }
#endif

#if defined(__cpp_lib_coroutine)
    /** As acquire, for a coroutine, which goes on in a callback of the client: on
     *  its background thread, or where leaselock_client_dispatch is called. A
     *  blocking call fails there. If the coroutine is destroyed while it waits,
     *  the ticket leaves the queue; destroy it only where callbacks run, in one or
     *  on the thread that dispatches: elsewhere it may go on at that moment. */
    acquire_awaitable<false> async_acquire(const std::nothrow_t &,
                                           std::string_view name,
                                           timeout limit = forever,
                                           const acquire_options &options = {})
    {
        return {native(), name, limit, options};
    }
#if LEASELOCK_HPP_THROWS
    acquire_awaitable<true> async_acquire(std::string_view name,
                                          timeout limit = forever,
                                          const acquire_options &options = {})
    {
        return {native(), name, limit, options};
    }
#endif
#endif
};

/** A connection to an etcd cluster. Destroy its sessions and tickets first. The
 *  destructor blocks, so it must not run in a callback. */
class client : public detail::owner<leaselock_client> {
  public:
    using owner::owner;

    /** See leaselock_client_open. */
    static result<client> open(const std::nothrow_t &,
                               std::string_view endpoints,
                               const client_options &options = {})
    {
        return detail::made<client, leaselock_client>(
            [&](leaselock_client **ret, leaselock_error *why) {
                return leaselock_client_open(detail::text(endpoints).c_str(),
                                             &options, ret, why);
            });
    }
    /** See leaselock_session_open. */
    result<session> open_session(const std::nothrow_t &,
                                 const session_options &options = {})
    {
        return detail::made<session, leaselock_session>(
            [&](leaselock_session **ret, leaselock_error *why) {
                return leaselock_session_open(native(), &options, ret, why);
            });
    }
    /** See leaselock_client_fd: of a client in dispatch mode. */
    int fd() const noexcept
    {
        return leaselock_client_fd(native());
    }
    /** See leaselock_client_dispatch. */
    int dispatch() noexcept
    {
        return leaselock_client_dispatch(native());
    }

#if LEASELOCK_HPP_THROWS
    static client open(std::string_view endpoints,
                       const client_options &options = {})
    {
        return open(std::nothrow, endpoints, options).value();
    }
    session open_session(const session_options &options = {})
    {
        return open_session(std::nothrow, options).value();
    }
#endif
};

#if LEASELOCK_HPP_THROWS
/**
 * A lock by its name, with the members that std::unique_lock, std::scoped_lock and
 * std::lock_guard need; the session must outlive it.
 *
 *     leaselock::mutex jobs(session, "jobs");
 *     std::unique_lock lock(jobs, 5s);
 *     if (lock.owns_lock() && jobs.held().is_held()) ...
 *
 * Unlike a std::mutex it can be lost while it is locked: held() has its state, and
 * unlock() ignores it. It may be used by one thread at a time; threads that compete have a
 * mutex of the same name each.
 */
class mutex {
  public:
    mutex(session &of, std::string name, const acquire_options &options = {}) :
        session_(&of), name_(std::move(name)), options_(options)
    {
    }
    void lock()
    {
        held_ = session_->acquire(name_, forever, options_);
    }
    bool try_lock()
    {
        held_ = session_->try_acquire(name_, options_);
        return static_cast<bool>(held_);
    }
    template <class Rep, class Period>
    bool try_lock_for(std::chrono::duration<Rep, Period> time)
    {
        result<ticket> tried =
            session_->acquire(std::nothrow, name_, time, options_);

        if (tried.status() == LEASELOCK_E_TIMEOUT) {
            return false;
        }
        held_ = std::move(tried).value();
        return true;
    }
    template <class Clock, class Duration>
    bool try_lock_until(std::chrono::time_point<Clock, Duration> time)
    {
        return try_lock_for(time - Clock::now());
    }
    void unlock() noexcept
    {
        held_ = ticket();
    }
    /** The ticket of the locked mutex; empty while it is not locked. */
    ticket &held() noexcept
    {
        return held_;
    }

  private:
    session *session_;
    std::string name_;
    acquire_options options_;
    ticket held_;
};
#endif

} // namespace leaselock

#endif
