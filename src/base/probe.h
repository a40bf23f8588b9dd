/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_BASE_PROBE_H
#define LL_BASE_PROBE_H

/**
 * Static tracepoints (USDT): notes in the object file that bpftrace, perf and
 * SystemTap find by the provider "leaselock" and a name. Such a point is a nop
 * until a tracer is attached. They need the header of systemtap-sdt-dev, which
 * is all macros; without it, or with LEASELOCK_NO_PROBES, there are none.
 *
 * Each name is that of an event in leaselock/log.h; docs/tracing.md lists the
 * arguments: integers, and pointers to texts.
 */
#if defined(__has_include) && !defined(LEASELOCK_NO_PROBES)
#if __has_include(<sys/sdt.h>)
#define SDT_USE_VARIADIC 1 /* for STAP_PROBEV */
#include <sys/sdt.h>
#ifdef __clang__ /* what that header's macros do */
#pragma clang diagnostic ignored "-Wgnu-zero-variadic-macro-arguments"
#endif
#define LL_PROBE(name, ...) STAP_PROBEV(leaselock, name, __VA_ARGS__)
#endif
#endif

#ifndef LL_PROBE
static inline void ll_probe_none(int ignored, ...)
{
    (void)ignored;
}

/** The arguments count as used, and are not evaluated. */
#define LL_PROBE(name, ...)                                                    \
    do {                                                                       \
        if (0) {                                                               \
            ll_probe_none(0, __VA_ARGS__);                                     \
        }                                                                      \
    } while (0)
#endif

#endif
