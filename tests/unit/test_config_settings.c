/* SPDX-License-Identifier: Apache-2.0 */
/* The table of settings, and parsing of their values. */
#include "config.h"

#include <ctype.h>
#include <limits.h>

/** Goal: times with units become milliseconds, rounded up, and other texts are
 * refused. Method: valid and invalid texts, and the limits. */
static void test_durations(void **state)
{
    static const struct {
        const char *text;
        int ms;
    } good[] = {{"0", 0},
                {"0.0", 0},
                {"0s", 0},
                {"1", 1000},
                {"1.", 1000},
                {".5", 500},
                {"0.5", 500},
                {"2.25", 2250},
                {"0.0001", 1},
                {"0.00000000000001", 1},
                {"0.000000000000010", 1},
                {"1.9999", 2000},
                {"007", 7000},
                {"2000000", 2000000000},
                {"2s", 2000},
                {"500ms", 500},
                {"1.5h", 5400000},
                {"1m30s", 90000},
                {"1h2m3s4ms", 3723004},
                {"1us", 1},
                {"1\302\265s", 1},
                {"1\316\274s", 1},
                {"999999ns", 1},
                {"1000001ns", 2},
                {"1.000000000000001ms", 2},
                {"0h", 0},
                {"555h33m20s", 2000000000}};
    static const char *const bad[] = {"",
                                      " 1",
                                      "1 ",
                                      "-1",
                                      "+1",
                                      ".",
                                      ".s",
                                      "1e3",
                                      "0x1",
                                      "1,5",
                                      "nan",
                                      "inf",
                                      "2000001",
                                      "s",
                                      "1.2.3",
                                      "1m30",
                                      "1 s",
                                      "2000000.001",
                                      "1d",
                                      "1S",
                                      "556h",
                                      "1sms5",
                                      "1000000000000000000000",
                                      "1h-1m",
                                      "1msm",
                                      "9223372036854775807ns"};

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        int ms = -1;

        if (leaselock_duration_parse(good[i].text, &ms) != 0 ||
            ms != good[i].ms) {
            fail_msg("\"%s\" is read as %d", good[i].text, ms);
        }
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int ms = -1;

        if (leaselock_duration_parse(bad[i], &ms) != LEASELOCK_E_ARGUMENT ||
            ms != -1) {
            fail_msg("\"%s\" is read as %d", bad[i], ms);
        }
    }
    assert_int_equal(leaselock_duration_parse(NULL, &(int){0}),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_duration_parse("1", NULL), LEASELOCK_E_ARGUMENT);
}

/** Goal: the table is complete, and its names follow one rule. Method: each
 * setting's variable is derived from its name, and names are unique. */
static void test_table(void **state)
{
    const struct leaselock_setting *setting;
    unsigned n = 0;

    (void)state;
    for (; (setting = leaselock_setting_at(n)) != NULL; n++) {
        char variable[64] = "LEASELOCK_";
        size_t size = strlen(variable);

        assert_non_null(setting->help);
        assert_true(strlen(setting->help) <= 60);
        for (size_t i = 0; setting->name[i] != '\0'; i++) {
            char c = setting->name[i];

            variable[size++] = c == '-' ? '_' : (char)toupper((unsigned char)c);
        }
        variable[size] = '\0';
        assert_string_equal(setting->variable, variable);
        assert_true((setting->member == NULL) == (n == 0));
        for (unsigned i = 0; i < n; i++) {
            assert_string_not_equal(leaselock_setting_at(i)->name,
                                    setting->name);
        }
    }
    assert_true(n > 20);
    assert_null(leaselock_setting_at(UINT_MAX));
}

/** Goal: options can be set by name and text. Method: one of each kind. */
static void test_options_set(void **state)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    static const char *const good[][2] = {
        {"cacert", "/ca.pem"},      {"dial-timeout", "1.5s"},
        {"keepalive-time", "1m"},   {"tls", "1"},
        {"user", "anna:secret"},    {"send-bytes-max", "4M"},
        {"sync-interval", "0"},     {"receive-bytes-max", "0"},
        {"password-file", "/p"},    {"config", "/c"},
        {"keepalive-timeout", "1"}, {"namespace", "prod/"}};

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(leaselock_client_options_set(&options, good[i][0],
                                                      good[i][1], NULL),
                         0);
    }
    assert_string_equal(options.cacert, "/ca.pem");
    assert_int_equal(options.connect_timeout_ms, 1500);
    assert_int_equal(options.ping_interval_ms, 60000);
    assert_int_equal(options.tls, 1);
    assert_string_equal(options.user, "anna:secret");
    assert_int_equal(options.send_bytes_max, 4 << 20);
    assert_int_equal(options.sync_interval_ms, -1);
    assert_int_equal(options.receive_bytes_max, -1);
    assert_string_equal(options.config, "/c");
    assert_string_equal(options.namespace_prefix, "prod/");
}

/** Goal: an invalid value is refused, with the name, the value and the allowed
 * values, and the options do not change. Method: one of each kind. */
static void test_options_set_refusals(void **state)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    struct leaselock_client_options before = options;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    static const char *const bad[][3] = {
        {"dial-timeout", "soon", "\"soon\""},
        {"dial-timeout", "0", "1ms"},
        {"dial-timeout", "61m", "1h"},
        {"keepalive-time", "4999ms", "5s"},
        {"sync-interval", "999ms", "1s"},
        {"send-bytes-max", "-1", "size"},
        {"send-bytes-max", "2G", "2147483647"},
        {"send-bytes-max", "17179869184G", "2147483647"},
        {"send-bytes-max", "1KB", "4M"},
        {"send-bytes-max", "", "size"},
        {"send-bytes-max", "99999999999999999999", "size"},
        {"tls", "maybe", "1 or 0"},
        {"cacert", "", "text"},
        {"cacert", "a\nb", "control"},
        {"user", ":secret", "NAME"},
        {"user", "", "NAME"},
        {"endpoints", "a:1", "\"endpoints\""},
        {"ttl", "1", "\"ttl\""}};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(leaselock_client_options_set(&options, bad[i][0],
                                                      bad[i][1], &error),
                         LEASELOCK_E_ARGUMENT);
        if (strstr(error.message, bad[i][0]) == NULL ||
            strstr(error.message, bad[i][2]) == NULL ||
            strstr(error.message, "secret") != NULL) {
            fail_msg("%s=%s: %s", bad[i][0], bad[i][1], error.message);
        }
        assert_memory_equal(&options, &before, sizeof(options));
    }
    assert_int_equal(leaselock_client_options_set(NULL, "tls", "1", NULL),
                     LEASELOCK_E_ARGUMENT);
    options.struct_size = offsetof(struct leaselock_client_options, tls);
    assert_int_equal(leaselock_client_options_set(&options, "tls", "1", NULL),
                     LEASELOCK_E_ARGUMENT);
}

/** Goal: fields of the options are checked, and the error names the field and
 * its bounds. Method: values beyond each bound. */
static void test_members(void **state)
{
    static const struct {
        size_t at;
        int number;
        const char *part;
    } bad[] = {
#define AT(member) offsetof(struct leaselock_client_options, member)
        {AT(connect_timeout_ms), -1, "connect_timeout_ms is -1"},
        {AT(connect_timeout_ms), 3600001, "3600000"},
        {AT(request_timeout_ms), INT_MIN, "request_timeout_ms"},
        {AT(ping_interval_ms), 4999, "from 5000 to"},
        {AT(ping_timeout_ms), -5, "ping_timeout_ms is -5"},
        {AT(sync_interval_ms), 999, "from 1000 to 3600000"},
        {AT(sync_interval_ms), -2, "-1 for none"},
        {AT(send_bytes_max), -2, "send_bytes_max is -2"},
        {AT(receive_bytes_max), INT_MIN, "receive_bytes_max"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;

        memcpy((char *)&options + bad[i].at, &bad[i].number, sizeof(int));
        expect_fault(NULL, &options, bad[i].part);
    }
}

/** Goal: invalid fields and combinations are refused. Method: each such
 * pair. */
static void test_combinations(void **state)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    const struct leaselock_client_options none = options;
    char space[LEASELOCK_NAMESPACE_MAX + 2] = "";

    (void)state;
    options.user = "anna";
    expect_open_fault(NULL, &options,
                      "the option user is set without a password");
    options.password = "secret";
    options.password_file = "/p";
    expect_fault(NULL, &options,
                 "the option password_file is set, and so is "
                 "the option password");
    options.password_file = NULL;
    options.user = "anna:secret";
    expect_fault(NULL, &options,
                 "the option password is set, and so is the option user");
    expect_no_secret();
    options.user = NULL;
    expect_fault(NULL, &options, "the option password is set without a user");
    options = none;
    options.cert = "/c";
    expect_fault(NULL, &options, "the option cert is set without a key");
    options.key = options.cert;
    options.cert = "";
    expect_fault(NULL, &options, "the option key is set without a cert");
    options = none;
    options.discovery_srv = "example.com";
    expect_fault("a:1", &options,
                 "the option discovery_srv is set, and so is the option "
                 "endpoints");
    expect_fault("etcd://a:1", &options, "the endpoints' URL");
    options.discovery_srv = "exa mple.com";
    expect_fault(NULL, &options, "no name of the DNS");
    options = none;
    memset(space, 'x', LEASELOCK_NAMESPACE_MAX + 1);
    options.namespace_prefix = space;
    expect_fault(NULL, &options, "namespace_prefix is not valid: ");
    space[LEASELOCK_NAMESPACE_MAX] = '\0';
    assert_int_equal(resolve(NULL, &options), 0);
    expect_fault("anna:secret@host:1", &none, "with a user before an '@'");
    expect_no_secret();
    expect_fault("", &none, "the option endpoints");
    assert_int_equal(leaselock_settings_resolve(NULL, &none, NULL, NULL, NULL),
                     LEASELOCK_E_ARGUMENT);
}

/** Goal: options are copied, so the caller may free them. Method: open a client
 * with texts on the heap, wipe them, and read them from the client and the
 * library. */
static void test_deep_copy(void **state)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_client *client = NULL;
    char endpoints[] = "127.0.0.1:1,127.0.0.1:2";
    char prefix[] = "prod/";
    char text[LEASELOCK_ERROR_ENDPOINT_SIZE];

    (void)state;
    options.namespace_prefix = prefix;
    assert_int_equal(
        leaselock_client_open(endpoints, &options, &client, &error), 0);
    memset(endpoints, 'x', sizeof(endpoints) - 1);
    memset(prefix, '/', sizeof(prefix) - 1);
    assert_int_equal(leaselock_client_endpoint(client, 1, text, sizeof(text)),
                     11);
    assert_string_equal(text, "127.0.0.1:2");
    assert_int_equal(leaselock_client_endpoint(client, 0, text, 11),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_client_endpoint(client, 2, text, sizeof(text)),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_client_endpoint(client, 0, NULL, 99),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_client_close(client, NULL), 0);
    assert_int_equal(leaselock_client_endpoint(client, 0, text, sizeof(text)),
                     LEASELOCK_E_HANDLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_durations, clear_environment),
        cmocka_unit_test_setup(test_table, clear_environment),
        cmocka_unit_test_setup(test_options_set, clear_environment),
        cmocka_unit_test_setup(test_options_set_refusals, clear_environment),
        cmocka_unit_test_setup(test_members, clear_environment),
        cmocka_unit_test_setup(test_combinations, clear_environment),
        cmocka_unit_test_setup(test_deep_copy, clear_environment)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
