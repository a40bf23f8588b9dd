/* SPDX-License-Identifier: Apache-2.0 */
/* Settings from bytes: a URL, a config file, a time, a setting's value. Each is
 * refused with a reason, or gives values within their bounds; and no reason
 * contains a password. */
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/setup.h"
#include "fuzz.h"
#include "rpc/endpoints.h"

/** A password that occurs nowhere else, unless the fuzzer's input has it. */
#define SECRET "Zq7Zq7Zq7"

/** Whether the input contains it. */
static bool has_secret;

static void check_error(int status, const struct leaselock_error *error)
{
    FUZZ_CHECK(status == 0 || status == LEASELOCK_E_ARGUMENT ||
               status == LEASELOCK_E_LIMIT);
    if (status != 0) {
        FUZZ_CHECK(error->code == status);
        FUZZ_CHECK(strnlen(error->message, sizeof(error->message)) <
                   sizeof(error->message));
        FUZZ_CHECK(!has_secret || strstr(error->message, SECRET) == NULL);
        FUZZ_CHECK(!has_secret || strstr(error->endpoint, SECRET) == NULL);
    }
}

static void check_setup(const struct ll_setup *setup)
{
    bool has_password = setup->texts[LL_SETTING_PASSWORD] != NULL ||
                        setup->texts[LL_SETTING_PASSWORD_FILE] != NULL;

    for (int i = 0; i < LL_SETTINGS; i++) {
        const struct ll_value_of value = {setup->texts[i], setup->numbers[i]};

        if (ll_setting_is_number(&ll_settings[i]) || value.text != NULL) {
            FUZZ_CHECK(ll_setting_check(&ll_settings[i], &value) == 0);
        }
    }
    FUZZ_CHECK((setup->texts[LL_SETTING_USER] != NULL) == has_password);
    FUZZ_CHECK(setup->texts[LL_SETTING_ENDPOINTS] != NULL ||
               setup->texts[LL_SETTING_DISCOVERY_SRV] != NULL);
}

/** Makes a setup from it, and parses its endpoints. */
static void make(const char *endpoints, const char *config)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct ll_endpoints list = {NULL, 0};
    struct ll_setup setup = {0};
    int status;

    options.config = config;
    status = ll_setup_make(&setup, endpoints, &options, false, true, &error);
    check_error(status, &error);
    if (status == 0) {
        check_setup(&setup);
    }
    if (status == 0 && setup.texts[LL_SETTING_ENDPOINTS] != NULL) {
        status = ll_endpoints_parse(setup.texts[LL_SETTING_ENDPOINTS], false,
                                    &list, &error);
        check_error(status, &error);
        ll_endpoints_free(&list);
    }
    ll_setup_free(&setup);
}

/** A URL whose user has a password, with any text after it. */
static void fuzz_password(const char *text)
{
    size_t size = strlen(text) + 64;
    char *url = malloc(size);

    FUZZ_CHECK(url != NULL);
    (void)snprintf(url, size, "etcd://anna:" SECRET "%s", text);
    if (strchr(url, '@') != NULL) { /* otherwise it is a host */
        has_secret = strstr(text, SECRET) == NULL;
        make(url, NULL);
        has_secret = false;
    }
    free(url);
}

static void fuzz_file(const char *bytes, size_t size)
{
    char path[64];
    int fd = memfd_create("config", MFD_CLOEXEC);

    FUZZ_CHECK(fd >= 0);
    FUZZ_CHECK(fchmod(fd, 0600) == 0);
    FUZZ_CHECK(write(fd, bytes, size) == (ssize_t)size);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    make(NULL, path);
    (void)close(fd);
}

static void fuzz_duration(const char *text)
{
    int ms = -2;
    int status = leaselock_duration_parse(text, &ms);

    FUZZ_CHECK(status == 0 || status == LEASELOCK_E_ARGUMENT);
    FUZZ_CHECK(status == 0 ? ms >= 0 && ms <= 2000000000 : ms == -2);
    if (status == 0 && text[strspn(text, "0123456789.")] == '\0') {
        double seconds = strtod(text, NULL);

        FUZZ_CHECK(ms + 1e-3 >= seconds * 1000);
        FUZZ_CHECK(ms - 1 - 1e-3 < seconds * 1000);
    }
    if (status == 0) {
        /* Only zero is 0. */
        FUZZ_CHECK((ms == 0) == (strpbrk(text, "123456789") == NULL));
    }
}

static void fuzz_value(unsigned which, const char *text)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    const struct ll_setting *setting = &ll_settings[which % LL_SETTINGS];
    struct ll_value_of value = {NULL, 0};
    char printed[32];
    int status = leaselock_client_options_set(&options, setting->about.name,
                                              text, &error);

    check_error(status, &error);
    if (ll_setting_is_number(setting) && status == 0) {
        FUZZ_CHECK(ll_setting_read(setting, text, &value) == 0);
        ll_setting_print(setting, value.number, printed, sizeof(printed));
        status = value.number;
        FUZZ_CHECK(ll_setting_read(setting, printed, &value) == 0);
        FUZZ_CHECK(value.number == status);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_bytes bytes = {data, size};
    unsigned mode = fuzz_byte(&bytes);
    char *text;

    if (mode % 5 == 0) {
        size_t taken = 0;

        text = fuzz_take(&bytes, size, &taken);
        fuzz_file(text, taken);
        free(text);
        return 0;
    }
    text = fuzz_string(&bytes);
    switch (mode % 5) {
    case 1:
        make(text, NULL);
        break;
    case 2:
        fuzz_password(text);
        break;
    case 3:
        fuzz_duration(text);
        break;
    default:
        fuzz_value(mode / 5, text);
        break;
    }
    free(text);
    return 0;
}
