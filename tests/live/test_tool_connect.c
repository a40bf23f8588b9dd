/* SPDX-License-Identifier: Apache-2.0 */
/* The tool's connection settings: the command line, the environment, a URL and
 * a config file; and the handling of passwords. */
#include "live/terminal.h"

#include "leaselock/config.h"
#include "leaselock/leaselock.h"
#include "support/one_etcd.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <termios.h>

/** Runs "leaselock WORD..." with an environment; the words end with a NULL.
 *  Returns its status; the caller ends tool. */
static int run_with(struct test_process *tool,
                    const char *const env[],
                    const char *const words[])
{
    const char *argv[WORDS_MAX] = {test_tool()};

    for (size_t i = 0; words[i] != NULL; i++) {
        assert_true(i + 2 < WORDS_MAX);
        argv[i + 1] = words[i];
    }
    assert_int_equal(test_process_start(tool, argv, env), 0);
    return test_process_wait(tool, WAIT_MS);
}

/** The value and the source of a setting, as the tool prints them. */
static void expect_setting(const struct test_process *tool,
                           const char *name,
                           const char *value,
                           const char *source)
{
    json_t *object =
        json_loads(test_process_output(tool, TEST_STDOUT), 0, NULL);
    json_t *entry;
    size_t i;
    int found = 0;

    assert_non_null(object);
    json_array_foreach(json_object_get(object, "settings"), i, entry)
    {
        if (strcmp(json_string_value(json_object_get(entry, "name")), name) ==
            0) {
            assert_string_equal(
                json_string_value(json_object_get(entry, "value")), value);
            assert_string_equal(
                json_string_value(json_object_get(entry, "source")), source);
            found = 1;
        }
    }
    assert_true(found);
    json_decref(object);
}

/** Goal: `leaselock settings` prints the effective values and their sources.
 * Method: a setting at each place. */
static void test_settings(void **state)
{
    static const char *const env[] = {
        "LEASELOCK_ENDPOINTS=etcd://anna:secret@a:1/prod",
        "LEASELOCK_CACERT=/ours", "ETCDCTL_CACERT=/ctl",
        "ETCDCTL_DIAL_TIMEOUT=1500ms", NULL};
    static const char *const words[] = {"settings", "--json",
                                        "--request-timeout", "0.5", NULL};
    struct test_process tool = TEST_PROCESS_INIT;

    (void)state;
    assert_int_equal(run_with(&tool, env, words), 0);
    expect_setting(&tool, "endpoints", "a:1", "the URL's endpoints");
    expect_setting(&tool, "namespace", "prod/", "the URL's namespace");
    expect_setting(&tool, "cacert", "/ours", "the variable LEASELOCK_CACERT");
    expect_setting(&tool, "dial-timeout", "1500ms",
                   "the variable ETCDCTL_DIAL_TIMEOUT");
    expect_setting(&tool, "request-timeout", "500ms", "the command line");
    expect_setting(&tool, "password", "(hidden)", "the URL's password");
    assert_null(strstr(test_process_output(&tool, TEST_STDOUT), "secret"));
    test_process_end(&tool);
}

/** Goal: each way to name the endpoints works. Method: a ping by each, with the
 * default port, without a listener, in the places of lower precedence. */
static void test_ways(void **state)
{
    static const char *const words[] = {"ping", "--json", NULL};
    char folder[] = "/tmp/leaselock-connect-XXXXXX";
    char path[64];
    char ways[4][160];
    FILE *file;

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/c", folder);
    file = fopen(path, "w");
    assert_true(fprintf(file, "endpoints = %s\n", etcd.endpoint) > 0);
    assert_int_equal(fclose(file), 0);
    (void)snprintf(ways[0], sizeof(ways[0]), "LEASELOCK_ENDPOINTS=%s",
                   etcd.endpoint);
    (void)snprintf(ways[1], sizeof(ways[1]), "LEASELOCK_ENDPOINTS=etcd://%s/x",
                   etcd.endpoint);
    (void)snprintf(ways[2], sizeof(ways[2]), "ETCDCTL_ENDPOINTS=%s",
                   etcd.endpoint);
    (void)snprintf(ways[3], sizeof(ways[3]), "LEASELOCK_CONFIG=%s", path);
    for (size_t i = 0; i < 4; i++) {
        const char *const env[] = {ways[i], NULL};
        struct test_process tool = TEST_PROCESS_INIT;

        assert_int_equal(run_with(&tool, env, words), 0);
        expect_output(&tool, TEST_STDOUT, etcd.endpoint);
        expect_output(&tool, TEST_STDOUT, "\"role\": \"leader\"");
        expect_output(&tool, TEST_STDOUT, "\"tls\": false");
        expect_output(&tool, TEST_STDOUT, "\"authenticated\": false");
        test_process_end(&tool);
    }
    unlink(path);
    rmdir(folder);
}

/** Goal: an invalid connection setting is a usage error that names its place.
 * Method: one at each place. */
static void test_mistakes(void **state)
{
    static const char *const words[][3] = {{"ping", "--dial-timeout=soon"},
                                           {"ping", "--nonsense=1"},
                                           {"ping", "-eetcd://a?nonsense=1"},
                                           {"ping", "--config=/nowhere"},
                                           {"ping", NULL},
                                           {"help", "nonsense"},
                                           {"settings", "nonsense"},
                                           {"ping", "-eetcd://a?cacrt=1"},
                                           {"lokc", NULL},
                                           {"help", "lokc"},
                                           {"completion", "bsh"},
                                           {"completion", NULL}};
    static const char *const parts[] = {
        "--dial-timeout is \"soon\", which is not a time",
        "--nonsense",
        "\"nonsense\", which is not a setting",
        "/nowhere cannot be read: No such file",
        "the variable LEASELOCK_TLS is \"perhaps\"",
        "\"nonsense\"",
        "\"nonsense\"",
        "(did you mean \"cacert\"?)",
        "there is no command \"lokc\" (did you mean \"lock\"?); there are: ",
        "there is no command \"lokc\" (did you mean \"lock\"?)",
        "no script for \"bsh\" (did you mean \"bash\"?)",
        "the name of the shell is missing"};

    (void)state;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        const char *const env[] = {words[i][1] == NULL ? "LEASELOCK_TLS=perhaps"
                                                       : "LEASELOCK_TLS",
                                   NULL};
        struct test_process tool = TEST_PROCESS_INIT;

        assert_int_equal(run_with(&tool, env, words[i]), 2);
        expect_output(&tool, TEST_STDERR, parts[i]);
        test_process_end(&tool);
    }
}

/** Goal: the help lists every setting. Method: search for the first and
 * last. */
static void test_help(void **state)
{
    static const char *const words[] = {"help", "connection", NULL};
    static const char *const none[] = {NULL};
    struct test_process tool = TEST_PROCESS_INIT;

    (void)state;
    assert_int_equal(run_with(&tool, none, words), 0);
    for (unsigned i = 1; leaselock_setting_at(i) != NULL; i++) {
        expect_output(&tool, TEST_STDOUT, leaselock_setting_at(i)->name);
        expect_output(&tool, TEST_STDOUT, leaselock_setting_at(i)->help);
    }
    test_process_end(&tool);
}

/** Goal: CMD's environment is the tool's without the passwords. Method: CMD
 * prints its environment. */
static void test_environment_of_cmd(void **state)
{
    char url[128];
    const char *const env[] = {url,
                               "LEASELOCK_USER=anna:secret",
                               "LEASELOCK_DIAL_TIMEOUT=3s",
                               "ETCDCTL_PASSWORD=other",
                               "OTHER=kept",
                               NULL};
    static const char *const words[] = {"lock", "environment", "env", NULL};
    struct test_process tool = TEST_PROCESS_INIT;
    const char *output;

    (void)state;
    (void)snprintf(url, sizeof(url), "LEASELOCK_ENDPOINTS=etcd://anna@%s",
                   etcd.endpoint);
    assert_int_equal(run_with(&tool, env, words), 0);
    output = test_process_output(&tool, TEST_STDOUT);
    assert_null(strstr(output, "secret"));
    assert_null(strstr(output, "LEASELOCK_ENDPOINTS"));
    expect_output(&tool, TEST_STDOUT, "LEASELOCK_USER=anna\n");
    expect_output(&tool, TEST_STDOUT, "LEASELOCK_DIAL_TIMEOUT=3s\n");
    expect_output(&tool, TEST_STDOUT, "ETCDCTL_PASSWORD=other\n");
    expect_output(&tool, TEST_STDOUT, "OTHER=kept\n");
    test_process_end(&tool);
}

/** Goal: a password on the command line is overwritten. Method: read the
 * command line of a holder, as ps does. */
static void test_command_line(void **state)
{
    struct test_process holder = TEST_PROCESS_INIT;
    char path[64];
    char bytes[1024] = "";
    char line[LINE_SIZE];
    size_t size;
    FILE *file;

    (void)state;
    start_tool(&holder, etcd.endpoint, "lock", "--user=anna",
               "--password=secret", "shown", "sh", "-c", "echo ready; sleep 60",
               NULL);
    assert_true(
        test_process_line(&holder, TEST_STDOUT, WAIT_MS, line, sizeof(line)));
    (void)snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)holder.pid);
    file = fopen(path, "r");
    assert_non_null(file);
    size = fread(bytes, 1, sizeof(bytes) - 1, file);
    fclose(file);
    assert_non_null(memmem(bytes, size, "--password=******", 17));
    assert_null(memmem(bytes, size, "secret", 6));
    test_process_end(&holder);
}

static bool echoes(const struct terminal *terminal)
{
    struct termios modes;

    assert_int_equal(tcgetattr(terminal->fd, &modes), 0);
    return (modes.c_lflag & ECHO) != 0;
}

/** Goal: without a password the tool prompts for it, and does not echo it.
 * Method: type one at the prompt. */
static void test_prompt(void **state)
{
    static const char *const argv[] = {
        "leaselock", "lock", "--user=anna", "prompt", "echo", "got it", NULL};
    struct terminal terminal;

    (void)state;
    open_terminal_with(&terminal, etcd.endpoint, argv);
    expect_on_screen(&terminal, "password of anna: ");
    assert_false(echoes(&terminal));
    type(&terminal, "secret\n");
    expect_on_screen(&terminal, "got it");
    assert_int_equal(close_terminal(&terminal), 0);
    assert_null(strstr(terminal.screen, "secret"));
}

/** Goal: ^C at the prompt ends the tool, and the terminal echoes again. ^Z
 * stops it, with echo, and it prompts again when it resumes. Method: type
 * them. */
static void test_prompt_signals(void **state)
{
    static const char *const argv[] = {"leaselock", "ping", "--user=anna",
                                       NULL};
    struct terminal terminal;
    int status = 0;

    (void)state;
    open_terminal_with(&terminal, etcd.endpoint, argv);
    expect_on_screen(&terminal, "password of anna: ");
    /* A session leader without a job control shell is not stopped by ^Z, since
     * its group is orphaned. So the tool only prompts again. */
    type(&terminal, CTRL_Z);
    expect_on_screen(&terminal, "password of anna: \r\npassword of anna: ");
    type(&terminal, CTRL_C);
    while (read_screen(&terminal, 10)) {
    }
    assert_int_equal(waitpid(terminal.pid, &status, 0), terminal.pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
    close(terminal.fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_ways),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_environment_of_cmd),
        cmocka_unit_test(test_command_line),
        cmocka_unit_test(test_prompt),
        cmocka_unit_test(test_prompt_signals)};

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
