/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/password.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/read.h"

#define FILE_SHOWN 200

void ll_credentials_wipe(struct ll_credentials *credentials)
{
    explicit_bzero(credentials, sizeof(*credentials));
}

static bool is_set(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static int take(const char *from,
                size_t size,
                const char *what,
                size_t max,
                char *to,
                struct leaselock_error *reterr)
{
    if (size > max) {
        return ll_error_sentence(reterr, LEASELOCK_E_ARGUMENT,
                                 "the %s is longer than %zu bytes", what, max);
    }
    memcpy(to, from, size);
    to[size] = '\0';
    return 0;
}

/** Reads the first line of an open file. */
static int read_line(int fd,
                     const char *path,
                     char password[LL_PASSWORD_MAX + 1],
                     struct leaselock_error *reterr)
{
    /* Room for the longest password with "\r\n". */
    char text[LL_PASSWORD_MAX + 2];
    struct stat status;
    ssize_t size = 0;
    size_t length = 0;
    int result = 0;

    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        return ll_error_sentence(
            reterr, LEASELOCK_E_ARGUMENT,
            "the password's file %.*s is not a regular file", FILE_SHOWN, path);
    }
    size = ll_read_all(fd, text, sizeof(text));
    if (size < 0) {
        return ll_error_sentence(reterr, LEASELOCK_E_ARGUMENT,
                                 "the password's file %.*s cannot be read: %s",
                                 FILE_SHOWN, path, strerror(errno));
    }
    while (length < (size_t)size && text[length] != '\n' &&
           text[length] != '\0') {
        length++;
    }
    if (length > 0 && length < (size_t)size && text[length - 1] == '\r') {
        length--;
    }
    if (length == 0) {
        result = ll_error_sentence(reterr, LEASELOCK_E_ARGUMENT,
                                   "the password's file %.*s has no first line",
                                   FILE_SHOWN, path);
    } else {
        result =
            take(text, length, "password", LL_PASSWORD_MAX, password, reterr);
    }
    explicit_bzero(text, sizeof(text));
    return result;
}

static int read_file(const char *path,
                     char password[LL_PASSWORD_MAX + 1],
                     struct leaselock_error *reterr)
{
    /* O_NONBLOCK, since opening a pipe would block. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int status = 0;

    if (fd < 0) {
        return ll_error_sentence(
            reterr, LEASELOCK_E_ARGUMENT,
            "the password's file %.*s cannot be opened: %s", FILE_SHOWN, path,
            strerror(errno));
    }
    status = read_line(fd, path, password, reterr);
    (void)close(fd);
    return status;
}

static int read_all(const struct ll_user_config *config,
                    struct ll_credentials *credentials,
                    struct leaselock_error *reterr)
{
    const char *user = config->name;
    const char *colon = strchr(user, ':');
    size_t size = strlen(user);
    bool in_user = config->password == NULL && !is_set(config->password_file) &&
                   colon != NULL;
    int status = 0;

    if (in_user) {
        size = (size_t)(colon - user);
    }
    if (size == 0) {
        return ll_error_sentence(reterr, LEASELOCK_E_ARGUMENT,
                                 "the user has no name");
    }
    status = take(user, size, "user's name", LL_USER_NAME_MAX,
                  credentials->name, reterr);
    if (status != 0) {
        return status;
    }
    if (config->password != NULL) {
        return take(config->password, strlen(config->password), "password",
                    LL_PASSWORD_MAX, credentials->password, reterr);
    }
    if (is_set(config->password_file)) {
        return read_file(config->password_file, credentials->password, reterr);
    }
    if (in_user) {
        return take(colon + 1, strlen(colon + 1), "password", LL_PASSWORD_MAX,
                    credentials->password, reterr);
    }
    return ll_error_sentence(reterr, LEASELOCK_E_ARGUMENT,
                             "the user %.*s has no password", LL_USER_NAME_MAX,
                             credentials->name);
}

int ll_credentials_read(const struct ll_user_config *config,
                        struct ll_credentials *ret_credentials,
                        struct leaselock_error *reterr)
{
    struct ll_credentials credentials = {.name = ""};
    int status = read_all(config, &credentials, reterr);

    if (status == 0) {
        *ret_credentials = credentials;
    }
    ll_credentials_wipe(&credentials);
    return status;
}
