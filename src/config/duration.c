/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/clock.h"
#include "leaselock/config.h"

#define NS_MAX (INT64_C(2000000) * LL_NS_PER_S)

struct unit {
    const char *name;
    int64_t ns;
};

/** Go's units; if one is a prefix of another, the longer one is first. */
static const struct unit units[] = {
    {"ns", 1},
    {"us", 1000},
    {"\302\265s", 1000}, /* U+00B5 and U+03BC, as in Go */
    {"\316\274s", 1000},
    {"ms", LL_NS_PER_MS},
    {"s", LL_NS_PER_S},
    {"m", 60 * LL_NS_PER_S},
    {"h", 3600 * LL_NS_PER_S},
};

static const struct unit *take_unit(const char **at)
{
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        size_t size = strlen(units[i].name);

        if (strncmp(*at, units[i].name, size) == 0) {
            *at += size;
            return &units[i];
        }
    }
    return NULL;
}

/** Adds a number with its unit, such as "1.5h", to a time. If the whole text is
 *  a number without a unit, it counts seconds. */
static bool
take_part(const char *text, const char **at, int64_t *ns, bool *inexact)
{
    static const struct unit seconds = {"", LL_NS_PER_S};
    const char *number = *at;
    const struct unit *unit;
    size_t digits = strspn(number, "0123456789");
    size_t decimals =
        number[digits] == '.' ? strspn(number + digits + 1, "0123456789") : 0;
    const char *end =
        number + digits + (number[digits] == '.' ? 1 + decimals : 0);
    int64_t whole = 0;
    int64_t scale;

    if (digits + decimals == 0) {
        return false;
    }
    *at = end;
    unit = *end == '\0' && number == text ? &seconds : take_unit(at);
    if (unit == NULL) {
        return false;
    }
    for (size_t i = 0; i < digits; i++) {
        whole = whole * 10 + (number[i] - '0');
        if (whole > NS_MAX / unit->ns) {
            return false;
        }
    }
    *ns += whole * unit->ns;
    scale = unit->ns;
    for (size_t i = 0; i < decimals; i++) {
        int digit = number[digits + 1 + i] - '0';

        *inexact = *inexact || (digit != 0 && (scale == 0 || scale % 10 != 0));
        scale /= 10;
        *ns += digit * scale;
    }
    return *ns <= NS_MAX;
}

int leaselock_duration_parse(const char *text, int *ret_ms)
{
    const char *at = text;
    bool inexact = false;
    int64_t ns = 0;

    if (text == NULL || ret_ms == NULL) {
        return LEASELOCK_E_ARGUMENT;
    }
    do {
        if (!take_part(text, &at, &ns, &inexact)) {
            return LEASELOCK_E_ARGUMENT;
        }
    } while (*at != '\0');
    ns += inexact ? 1 : 0;
    if (ns > NS_MAX) {
        return LEASELOCK_E_ARGUMENT;
    }
    *ret_ms = (int)((ns + LL_NS_PER_MS - 1) / LL_NS_PER_MS);
    return 0;
}
