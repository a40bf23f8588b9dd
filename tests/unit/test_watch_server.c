/* SPDX-License-Identifier: Apache-2.0 */
/* Which releases of etcd place a watch from now on among the synced ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/watch_server.h"

/** Goal: the releases of etcd's change logs, and nothing whose form is unknown.
 *  Method: the last release without and the first one with the change, and what
 *  a server could answer else. */
static void test_versions(void **state)
{
    static const struct {
        const char *version;
        bool is_prompt;
    } cases[] = {
        {"3.4.37", false},         {"3.4.38", true},     {"3.5.21", false},
        {"3.5.22", true},          {"3.6.1", false},     {"3.6.2", true},
        {"3.7.0", true},           {"3.10.0", true},     {"3.3.99", false},
        {"2.7.0", false},          {"4.0.0", false},     {"3.6.2-rc.0", false},
        {"3.7.0-alpha", false},    {"3.6", false},       {"3.6.", false},
        {"3.6.2.1", false},        {"3.6.2+git", false}, {"v3.6.2", false},
        {" 3.6.2", false},         {"", false},          {"3..2", false},
        {"3.5.4294967318", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (ll_version_is_prompt(cases[i].version) != cases[i].is_prompt) {
            fail_msg("%s", cases[i].version);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
