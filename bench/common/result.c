/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <stdio.h>

static void add(struct bench_result *result, const char *field, json_t *value)
{
    if (json_object_set_new(result->fields, field, value) != 0) {
        result->failed = true;
    }
}

void bench_result_int(struct bench_result *result,
                      const char *field,
                      int64_t value)
{
    add(result, field, json_integer(value));
}

void bench_result_real(struct bench_result *result,
                       const char *field,
                       double value)
{
    add(result, field, json_real(value));
}

void bench_result_text(struct bench_result *result,
                       const char *field,
                       const char *value)
{
    add(result, field, json_string(value));
}

void bench_result_quantiles(struct bench_result *result,
                            const char *unit,
                            double unit_ns)
{
    static const int hundredths[] = {50, 90, 99};

    bench_samples_sort(&result->samples);
    for (size_t i = 0; i < sizeof(hundredths) / sizeof(hundredths[0]); i++) {
        char field[16];
        int64_t value_ns =
            bench_samples_quantile(&result->samples, hundredths[i] / 100.0);

        (void)snprintf(field, sizeof(field), "p%d_%s", hundredths[i], unit);
        bench_result_real(result, field, (double)value_ns / unit_ns);
    }
}
