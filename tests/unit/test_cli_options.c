/* SPDX-License-Identifier: Apache-2.0 */
/* The tool's options from the environment and the command line, and their
 * precedence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The tool is a program: its source files are compiled into the test. */
#include "cli/connection.c"
#include "cli/option_value.c"
#include "cli/options.c"
#include "cli/report.c"
#include "cli/text.c"

#define WORDS_MAX 16
#define LOCK_OPTIONS (LL_OPTION_ANY | LL_OPTION_LOCK)

static int clear_environment(void **state)
{
    (void)state;
    return clearenv();
}

/** Parses "leaselock lock WORD..."; words end with NULL. Returns the index of
 * the first operand, or the negated exit code. */
static int read_words(struct ll_options *options, int in_order, ...)
{
    char *argv[WORDS_MAX] = {(char[]){"lock"}};
    int argc = 1;
    int operand = 0;
    int code;
    va_list words;

    va_start(words, in_order);
    do {
        argv[argc] = va_arg(words, char *);
    } while (argv[argc++] != NULL);
    va_end(words);
    argc--;
    ll_options_init(options);
    code = ll_options_read_environment(options, LOCK_OPTIONS);
    if (code == 0) {
        code = ll_options_read_arguments(options, LOCK_OPTIONS, "lock", argc,
                                         argv, in_order, &operand);
    }
    return code != 0 ? -code : operand - 1;
}

/** Goal: without any source the defaults apply. Method: parse no option. */
static void test_defaults(void **state)
{
    struct ll_options options;

    (void)state;
    assert_int_equal(read_words(&options, 1, "NAME", NULL), 0);
    assert_null(options.endpoints);
    assert_null(options.connection.cacert);
    assert_int_equal(options.timeout_ms, 5000);
    assert_int_equal(options.wait_ms, LEASELOCK_FOREVER);
    assert_int_equal(options.ttl_s, 10);
    assert_int_equal(options.grace_ms, -1);
    assert_null(options.label);
    assert_false(options.json || options.verbose || options.help);
}

/** Goal: every form of an option is accepted, and options after the first
 * operand are CMD's. Method: a line with each form. */
static void test_arguments(void **state)
{
    struct ll_options options;

    (void)state;
    assert_int_equal(read_words(&options, 1, "-e", "a:1,b:2", "--ttl=30",
                                "-lx y", "--grace", "0.5", "-vv", "NAME",
                                "--json", NULL),
                     7);
    assert_string_equal(options.endpoints, "a:1,b:2");
    assert_int_equal(options.ttl_s, 30);
    assert_string_equal(options.label, "x y");
    assert_int_equal(options.grace_ms, 500);
    assert_int_equal(options.verbose, 2);
    assert_int_equal(options.json, 0);
}

/** Goal: a command without CMD accepts options anywhere. Method: an option
 * after the name. */
static void test_any_order(void **state)
{
    struct ll_options options;

    (void)state;
    assert_int_equal(read_words(&options, 0, "NAME", "--json", NULL), 1);
    assert_int_equal(options.json, 1);
}

/** Goal: a TTL accepts the units of every other time. Method: the same value
 * with each, and both limits. */
static void test_ttl_units(void **state)
{
    static const struct {
        const char *text;
        int ttl_s;
    } cases[] = {{"90", 90},      {"90s", 90},     {"1m30s", 90},
                 {"1.5m", 90},    {"90000ms", 90}, {"1", 1},
                 {"1s", 1},       {"24h", 86400},  {"1h", 3600},
                 {"86400", 86400}};
    struct ll_options options;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(
            read_words(&options, 1, "-t", cases[i].text, "NAME", NULL), 2);
        assert_int_equal(options.ttl_s, cases[i].ttl_s);
    }
}

/** Goal: -n and -w set the same option, and the later one wins. Method: both
 * orders. */
static void test_try_and_wait(void **state)
{
    struct ll_options options;

    (void)state;
    read_words(&options, 1, "-n", "-w", "3", "NAME", NULL);
    assert_int_equal(options.wait_ms, 3000);
    read_words(&options, 1, "-w", "3", "-n", "NAME", NULL);
    assert_int_equal(options.wait_ms, 0);
}

/** Goal: a lock's mode comes from the command line and not from the
 * environment. Method: both forms of both options, and variables. */
static void test_modes(void **state)
{
    struct ll_options options;

    (void)state;
    assert_int_equal(setenv("LEASELOCK_SHARED", "1", 1), 0);
    assert_int_equal(setenv("LEASELOCK_PERMITS", "3", 1), 0);
    assert_int_equal(read_words(&options, 1, "NAME", NULL), 0);
    assert_int_equal(options.shared, 0);
    assert_int_equal(options.permits, 0);
    assert_int_equal(read_words(&options, 1, "-s", "-p8", "NAME", NULL), 2);
    assert_int_equal(options.shared, 1);
    assert_int_equal(options.permits, 8);
    assert_int_equal(
        read_words(&options, 1, "--shared", "--permits=100", "NAME", NULL), 2);
    assert_int_equal(options.shared, 1);
    assert_int_equal(options.permits, 100);
}

/** Goal: an invalid command line is a usage error. Method: a line of each
 * kind. */
static void test_refusals(void **state)
{
    struct ll_options options;
    static const char *const words[][3] = {
        {"--nonsense", "NAME", NULL},    {"-x", "NAME", NULL},
        {"-nx", "NAME", NULL},           {"-w", NULL, NULL},
        {"--wait", NULL, NULL},          {"--try=1", "NAME", NULL},
        {"--t", "NAME", NULL},           {"--wait=soon", "NAME", NULL},
        {"--ttl=1.5", "NAME", NULL},     {"--ttl=0", "NAME", NULL},
        {"--ttl=25h", "NAME", NULL},     {"--ttl=4294967296", "NAME", NULL},
        {"--ttl=500ms", "NAME", NULL},   {"--timeout=0", "NAME", NULL},
        {"--limit=3", "NAME", NULL},     {"--cacert", NULL, NULL},
        {"--tls=1", "NAME", NULL},       {"--dial-timeout=soon", "NAME", NULL},
        {"--c", "NAME", NULL},           {"--permits=0", "NAME", NULL},
        {"--permits=101", "NAME", NULL}, {"--permits=many", "NAME", NULL},
        {"--shared=1", "NAME", NULL}};

    (void)state;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        assert_int_equal(
            read_words(&options, 1, words[i][0], words[i][1], words[i][2]),
            -LL_EXIT_USAGE);
    }
}

/** Reads a line that is refused, and returns the message. */
static const char *message_of(const char *first, const char *second)
{
    static char text[1024];
    struct ll_options options;
    FILE *file = tmpfile();
    int saved = dup(STDERR_FILENO);
    size_t n;

    assert_non_null(file);
    assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
    (void)read_words(&options, 1, first, second, NULL);
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    assert_int_equal(close(saved), 0);
    rewind(file);
    n = fread(text, 1, sizeof(text) - 1, file);
    text[n] = '\0';
    assert_int_equal(fclose(file), 0);
    return text;
}

/** Goal: a misspelt option, setting or value is answered with the nearest one,
 * and no other is. Method: a line of each kind. */
static void test_suggestions(void **state)
{
    static const char *const lines[][3] = {
        {"--wiat=3", "NAME", "no option --wiat=3 (did you mean \"--wait\"?);"},
        {"--cacrt", "x", "(did you mean \"--cacert\"?)"},
        {"--endpont=a", "NAME", "(did you mean \"--endpoints\"?)"},
        {"--nonsense", "NAME", "there is no option --nonsense;"},
        {"--limt=3", "NAME", "there is no option --limt=3;"}, /* queue's */
        {"-x", "NAME", "there is no option -x;"},
        {"-Y", "trem", "\"ignore\" (did you mean \"TERM\"?)"},
        {"-Y", "SIGTREM", "\"ignore\" (did you mean \"TERM\"?)"},
        {"-Y", "nonsense", "or \"ignore\";"},
        {"--wait=nevr", "NAME", "at most 2000000s;"}};

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        const char *message = message_of(lines[i][0], lines[i][1]);

        if (strstr(message, lines[i][2]) == NULL) {
            fail_msg("\"%s\" is not in \"%s\"", lines[i][2], message);
        }
    }
    setenv("LEASELOCK_ON_YIELD", "ignroe", 1);
    assert_non_null(
        strstr(message_of("NAME", NULL), "(did you mean \"ignore\"?)"));
}

/** Goal: the table can be read from outside, for the shells' scripts. Method: each
 *  option is accepted by the name that it has there; there is an end. */
static void test_table(void **state)
{
    struct ll_option_about about;
    struct ll_options options;
    size_t n = 0;

    (void)state;
    for (; ll_option_at(n, &about) == 0; n++) {
        char word[64];

        if (about.argument == NULL && (about.groups & LOCK_OPTIONS) != 0) {
            (void)snprintf(word, sizeof(word), "--%s", about.name);
            assert_int_equal(read_words(&options, 1, word, "NAME", NULL), 1);
        }
    }
    assert_int_equal(n, SPECS_N);
    assert_int_equal(ll_option_at(n + 1, &about), -1);
}

/** Goal: the environment sets options, and the command line overrides it.
 *  Method: set variables, read with and without arguments. */
static void test_environment(void **state)
{
    struct ll_options options;

    (void)state;
    setenv("LEASELOCK_TTL", "7", 1);
    setenv("LEASELOCK_WAIT", "1.5", 1);
    setenv("LEASELOCK_JSON", "1", 1);
    setenv("LEASELOCK_VERBOSE", "2", 1);
    setenv("LEASELOCK_TRY", "0", 1);
    setenv("LEASELOCK_LABEL", "", 1);
    assert_int_equal(read_words(&options, 1, "NAME", NULL), 0);
    assert_int_equal(options.ttl_s, 7);
    assert_int_equal(options.wait_ms, 1500);
    assert_int_equal(options.json, 1);
    assert_int_equal(options.verbose, 2);
    assert_null(options.label);
    assert_int_equal(read_words(&options, 1, "-e", "line:1", "-t", "8", NULL),
                     4);
    assert_string_equal(options.endpoints, "line:1");
    assert_int_equal(options.ttl_s, 8);
    setenv("LEASELOCK_TRY", "1", 1);
    read_words(&options, 1, "NAME", NULL);
    assert_int_equal(options.wait_ms, 0);
    setenv("LEASELOCK_TTL", "soon", 1);
    assert_int_equal(read_words(&options, 1, "NAME", NULL), -LL_EXIT_USAGE);
}

/** Goal: etcdctl's timeout applies if ours is not set. Method: set one, then
 *  both. */
static void test_etcdctl_timeout(void **state)
{
    struct ll_options options;

    (void)state;
    setenv("ETCDCTL_COMMAND_TIMEOUT", "1m0.5s", 1);
    read_words(&options, 1, "NAME", NULL);
    assert_int_equal(options.timeout_ms, 60500);
    setenv("LEASELOCK_TIMEOUT", "", 1);
    read_words(&options, 1, "NAME", NULL);
    assert_int_equal(options.timeout_ms, 60500);
    setenv("LEASELOCK_TIMEOUT", "3", 1);
    read_words(&options, 1, "NAME", NULL);
    assert_int_equal(options.timeout_ms, 3000);
}

/** Goal: each of the library's settings is an option. Method: one of each kind,
 *  with an abbreviated name, and --password, which would otherwise abbreviate
 *  --password-file. */
static void test_connection(void **state)
{
    struct ll_options options;

    (void)state;
    assert_int_equal(read_words(&options, 1, "--cacert=/ca", "--dial-timeout",
                                "500ms", "--tls", "--sync", "30s", "--user",
                                "anna", "--password=x", "NAME", NULL),
                     9);
    assert_string_equal(options.connection.cacert, "/ca");
    assert_int_equal(options.connection.connect_timeout_ms, 500);
    assert_int_equal(options.connection.tls, 1);
    assert_int_equal(options.connection.sync_interval_ms, 30000);
    assert_string_equal(options.connection.user, "anna");
    assert_string_equal(options.connection.password, "x");
    assert_null(options.connection.password_file);
}

/** Goal: passwords are erased from the command line, which other users can
 * read. Method: one in each place; the options keep them. */
static void test_hide(void **state)
{
    struct ll_options options;
    char password[] = "--password=secret";
    char user[] = "anna:secret";
    char endpoints[] = "etcd://anna:secret@a";

    (void)state;
    read_words(&options, 1, password, "--user", user, "-e", endpoints, NULL);
    ll_options_hide(&options);
    assert_string_equal(password, "--password=******");
    assert_string_equal(user, "anna:******");
    assert_null(strstr(endpoints, "secret"));
    assert_string_equal(options.connection.password, "secret");
    assert_string_equal(options.connection.user, "anna:secret");
    assert_string_equal(options.endpoints, "etcd://anna:secret@a");
}

/** Goal: every status of the library has an exit code. Method: those in the
 * manual, and no error maps to success. */
static void test_exit_codes(void **state)
{
    (void)state;
    assert_int_equal(ll_exit_of_status(LEASELOCK_E_TIMEOUT), 1);
    assert_int_equal(ll_exit_of_status(LEASELOCK_E_NAME), 2);
    assert_int_equal(ll_exit_of_status(LEASELOCK_E_NESTED), 2);
    assert_int_equal(ll_exit_of_status(LEASELOCK_E_UNAVAILABLE), 69);
    assert_int_equal(ll_exit_of_status(LEASELOCK_E_LOST), 70);
    assert_int_equal(ll_exit_of_status(LEASELOCK_E_REFUSED), 77);
#define ASSERT_CODE(number, name, sentence)                                    \
    assert_int_not_equal(ll_exit_of_status(number), 0);
    LEASELOCK_STATUS_MAP(ASSERT_CODE)
#undef ASSERT_CODE
}

/** Goal: times, rates and numbers of `estimate` keep their fractions, and what
 * is none is refused. Method: each form, and texts that strtod would take. */
static void test_reals(void **state)
{
    static const struct {
        enum ll_option_kind kind;
        const char *text;
        double value; /* less than 0: refused */
    } cases[] = {
        {LL_OPTION_KIND_REAL_TIME, "700us", 0.0007},
        {LL_OPTION_KIND_REAL_TIME, "1m30.5s", 90.5},
        {LL_OPTION_KIND_REAL_TIME, ".5", 0.5},
        {LL_OPTION_KIND_REAL_TIME, "0", 0},
        {LL_OPTION_KIND_REAL_TIME, "2d", 172800},
        {LL_OPTION_KIND_REAL_TIME, "", -1},
        {LL_OPTION_KIND_REAL_TIME, "ms", -1},
        {LL_OPTION_KIND_REAL_TIME, "1e3", -1},
        {LL_OPTION_KIND_REAL_TIME, "0x10", -1},
        {LL_OPTION_KIND_REAL_TIME, "1.2.3", -1},
        {LL_OPTION_KIND_REAL_TIME, "-1", -1},
        {LL_OPTION_KIND_REAL_TIME, "nan", -1},
        {LL_OPTION_KIND_REAL, "0.25", 0.25},
        {LL_OPTION_KIND_REAL, "0.25s", -1},
        {LL_OPTION_KIND_RATE, "120/min", 2},
        {LL_OPTION_KIND_RATE, "2", 2},
        {LL_OPTION_KIND_RATE, "0", -1},
        {LL_OPTION_KIND_RATE, "2/week", -1},
        {LL_OPTION_KIND_DAILY, "2", 2},
        {LL_OPTION_KIND_DAILY, "1/h", 24},
        {LL_OPTION_KIND_DAILY, "0", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        double value = -1;
        const char *wanted =
            ll_option_set(cases[i].kind, &value, cases[i].text);

        assert_int_equal(wanted == NULL, cases[i].value >= 0);
        assert_true(value > cases[i].value - 1e-9 &&
                    value < cases[i].value + 1e-9);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_defaults, clear_environment),
        cmocka_unit_test(test_reals),
        cmocka_unit_test_setup(test_arguments, clear_environment),
        cmocka_unit_test_setup(test_any_order, clear_environment),
        cmocka_unit_test_setup(test_ttl_units, clear_environment),
        cmocka_unit_test_setup(test_try_and_wait, clear_environment),
        cmocka_unit_test_setup(test_modes, clear_environment),
        cmocka_unit_test_setup(test_refusals, clear_environment),
        cmocka_unit_test_setup(test_suggestions, clear_environment),
        cmocka_unit_test_setup(test_table, clear_environment),
        cmocka_unit_test_setup(test_environment, clear_environment),
        cmocka_unit_test_setup(test_etcdctl_timeout, clear_environment),
        cmocka_unit_test_setup(test_connection, clear_environment),
        cmocka_unit_test_setup(test_hide, clear_environment),
        cmocka_unit_test_setup(test_exit_codes, clear_environment)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
