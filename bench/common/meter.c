/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

/* This process's and its threads', not its children's. */
static double cpu_now_us(void)
{
    struct rusage usage;

    (void)getrusage(RUSAGE_SELF, &usage); /* valid arguments: cannot fail */
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

void bench_meter_start(struct bench_meter *meter,
                       const struct bench_options *options)
{
    *meter = (struct bench_meter){.read = options->server,
                                  .endpoints = options->endpoints};
    meter->server_known = meter->read(meter->endpoints, &meter->server);
    meter->cpu_us = cpu_now_us();
    meter->start_ns = bench_now_ns();
}

void bench_meter_stop(struct bench_meter *meter)
{
    struct bench_server now;

    meter->length_ns = bench_now_ns() - meter->start_ns;
    meter->cpu_us = cpu_now_us() - meter->cpu_us;
    if (!meter->server_known || !meter->read(meter->endpoints, &now)) {
        meter->server_known = false;
        return;
    }
    meter->server.cpu_s = now.cpu_s - meter->server.cpu_s;
    meter->server.requests = now.requests - meter->server.requests;
    meter->server.ranges = now.ranges - meter->server.ranges;
    meter->server.proposals = now.proposals - meter->server.proposals;
    meter->server.watch_messages =
        now.watch_messages - meter->server.watch_messages;
    meter->server.watch_events = now.watch_events - meter->server.watch_events;
    meter->server.watchers = now.watchers - meter->server.watchers;
}

double bench_meter_seconds(const struct bench_meter *meter)
{
    return (double)meter->length_ns / 1e9;
}

void bench_meter_report_costs(const struct bench_meter *meter,
                              int64_t ops,
                              struct bench_result *result)
{
    double n = (double)ops;

    bench_result_int(result, "ops", ops);
    bench_result_int(result, "resident_kb", bench_resident_kb());
    if (ops == 0) {
        return;
    }
    bench_result_real(result, "client_cpu_us", meter->cpu_us / n);
    if (!meter->server_known) {
        return;
    }
    bench_result_real(result, "server_cpu_us", meter->server.cpu_s * 1e6 / n);
    bench_result_real(result, "requests", meter->server.requests / n);
    bench_result_real(result, "ranges", meter->server.ranges / n);
    bench_result_real(result, "proposals", meter->server.proposals / n);
    bench_result_real(result, "watch_messages",
                      meter->server.watch_messages / n);
    bench_result_real(result, "watch_events", meter->server.watch_events / n);
}

void bench_meter_report(const struct bench_meter *meter,
                        int64_t ops,
                        struct bench_result *result)
{
    double seconds = bench_meter_seconds(meter);

    bench_result_real(result, "seconds", seconds);
    bench_result_real(result, "per_second",
                      seconds > 0 ? (double)ops / seconds : 0);
    bench_meter_report_costs(meter, ops, result);
}

int64_t bench_resident_kb(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    long pages = 0;

    if (file == NULL) {
        return 0;
    }
    if (fscanf(file, "%*s %ld", &pages) != 1) {
        pages = 0;
    }
    (void)fclose(file);
    return (int64_t)pages * (sysconf(_SC_PAGESIZE) / 1024);
}
