/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The config file: one "name = value" per line; lines that begin with '#' are
 * comments.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/read.h"
#include "config/setup.h"

#define FILE_SIZE_MAX 65536
#define NAME "leaselock.conf"
#define SYSTEM_FILE "/etc/" NAME
#define BLANKS " \t\r"

/** A config file and its settings. */
struct config_file {
    const char *path;
    char *bytes; /* with a NUL at the end */
    size_t size;
    mode_t mode;
    struct ll_texts texts;
    char *paths[LL_SETTINGS]; /* owned: paths that were relative */
};

static void config_file_free(struct config_file *file)
{
    if (file->bytes != NULL) {
        explicit_bzero(file->bytes, file->size);
        ll_free(file->bytes);
    }
    for (size_t i = 0; i < LL_SETTINGS; i++) {
        ll_free(file->paths[i]);
    }
}

static int read_all(struct config_file *file, int fd)
{
    ssize_t n = ll_read_all(fd, file->bytes, FILE_SIZE_MAX + 1);

    if (n < 0) {
        int error = errno;

        file->size = FILE_SIZE_MAX + 1; /* a part may be read: it is wiped */
        return -error;
    }
    file->size = (size_t)n;
    file->bytes[file->size] = '\0';
    return file->size <= FILE_SIZE_MAX ? 0 : -EFBIG;
}

/** Reads the file. If it may be missing and is, returns 0 and leaves
 *  may_be_missing true. */
static int config_file_read(struct config_file *file,
                            bool *may_be_missing,
                            struct leaselock_error *reterr)
{
    struct stat status;
    int error;
    int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd < 0 && *may_be_missing && (errno == ENOENT || errno == ENOTDIR)) {
        return 0;
    }
    *may_be_missing = false;
    if (fd < 0) {
        return ll_error_format(reterr, LEASELOCK_E_ARGUMENT,
                               "the file %.200s cannot be read: %s", file->path,
                               strerror(errno));
    }
    file->bytes = ll_alloc(FILE_SIZE_MAX + 2);
    if (file->bytes == NULL) {
        (void)close(fd);
        return ll_error_text(reterr, LEASELOCK_E_NOMEM, "");
    }
    error = fstat(fd, &status) != 0 ? -errno : read_all(file, fd);
    (void)close(fd);
    if (error != 0) {
        return ll_error_format(reterr, LEASELOCK_E_ARGUMENT,
                               "the file %.200s cannot be read: %s", file->path,
                               strerror(-error));
    }
    file->mode = status.st_mode;
    return 0;
}

static char *trim(char *text)
{
    size_t size;

    text += strspn(text, BLANKS);
    size = strlen(text);
    while (size > 0 && strchr(BLANKS, text[size - 1]) != NULL) {
        text[--size] = '\0';
    }
    return text;
}

/** Resolves a relative path against the folder of the config file. */
static int
make_path(struct config_file *file, int id, struct leaselock_error *reterr)
{
    const char *slash = strrchr(file->path, '/');
    const char *relative = file->texts.texts[id];
    size_t size;

    if (relative[0] == '/' || slash == NULL) {
        return 0;
    }
    size = (size_t)(slash - file->path) + 1 + strlen(relative) + 1;
    file->paths[id] = ll_alloc(size);
    if (file->paths[id] == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_NOMEM, "");
    }
    (void)snprintf(file->paths[id], size, "%.*s%s",
                   (int)(slash - file->path) + 1, file->path, relative);
    file->texts.texts[id] = file->paths[id];
    return 0;
}

/** Reads one line, without its end. */
static int read_line(struct config_file *file,
                     char *line,
                     unsigned number,
                     struct leaselock_error *reterr)
{
    char *equals = strchr(line, '=');
    char *name = trim(line);
    const char *value;
    char hint[LL_NEAR_HINT_SIZE];
    size_t size;
    int id;

    if (name[0] == '\0' || name[0] == '#') {
        return 0;
    }
    if (equals == NULL) {
        return ll_error_format(
            reterr, LEASELOCK_E_ARGUMENT,
            "the file %.200s, line %u: there is no '='; a line "
            "is \"name = value\"",
            file->path, number);
    }
    *equals = '\0';
    name = trim(line);
    value = trim(equals + 1);
    id = ll_setting_find(name, strlen(name));
    if (id < 0 || id == LL_SETTING_CONFIG) {
        return ll_error_format(reterr, LEASELOCK_E_ARGUMENT,
                               "the file %.200s, line %u: \"%.60s\" is not a "
                               "setting%s; leaselock-settings(5) lists them",
                               file->path, number, name,
                               ll_setting_hint(name, strlen(name), 0, hint));
    }
    size = strlen(value);
    if (size == 0) {
        return ll_error_format(reterr, LEASELOCK_E_ARGUMENT,
                               "the file %.200s, line %u: %s has no value",
                               file->path, number, name);
    }
    if (size > 1 && value[0] == '"' && value[size - 1] == '"' &&
        ll_settings[id].kind != LL_KIND_SECRET) {
        return ll_error_format(
            reterr, LEASELOCK_E_ARGUMENT,
            "the file %.200s, line %u: %s is in quotes, which "
            "do not belong here",
            file->path, number, name);
    }
    if (file->texts.texts[id] != NULL) {
        return ll_error_format(reterr, LEASELOCK_E_ARGUMENT,
                               "the file %.200s, line %u: %s is set in line %u "
                               "already",
                               file->path, number, name,
                               file->texts.sources[id].line);
    }
    file->texts.texts[id] = value;
    file->texts.sources[id] =
        (struct ll_source){LL_FROM_FILE, file->path, number};
    return ll_settings[id].kind == LL_KIND_FILE ? make_path(file, id, reterr)
                                                : 0;
}

static int read_lines(struct config_file *file, struct leaselock_error *reterr)
{
    char *line = file->bytes;
    int status = 0;

    if (memchr(file->bytes, '\0', file->size) != NULL) {
        return ll_error_format(reterr, LEASELOCK_E_ARGUMENT,
                               "the file %.200s has a NUL in it", file->path);
    }
    for (unsigned number = 1; status == 0 && line != NULL; number++) {
        char *end = strchr(line, '\n');

        if (end != NULL) {
            *end++ = '\0';
        }
        status = read_line(file, line, number, reterr);
        line = end;
    }
    return status;
}

/** Refuses a file with a password that other users may read. */
static int check_mode(const struct config_file *file,
                      struct leaselock_error *reterr)
{
    const char *const *texts = file->texts.texts;
    const char *user = texts[LL_SETTING_USER];
    const char *endpoints = texts[LL_SETTING_ENDPOINTS];

    if ((file->mode & S_IRWXO) == 0 ||
        (texts[LL_SETTING_PASSWORD] == NULL &&
         (user == NULL || strchr(user, ':') == NULL) &&
         (endpoints == NULL || strchr(endpoints, '@') == NULL))) {
        return 0;
    }
    return ll_error_format(
        reterr, LEASELOCK_E_ARGUMENT,
        "the file %.200s has a password in it and is open to "
        "everybody; chmod o= it, or use password-file",
        file->path);
}

/** Sets the path of the file in one of the standard places; it may stay NULL.
 *  @param place  0: the user's; 1: the system's */
static int usual_path(struct ll_setup *setup, int place)
{
    const char *base = secure_getenv("XDG_CONFIG_HOME");
    const char *inner = "";
    size_t size;

    ll_free(setup->file);
    setup->file = NULL;
    if (place == 1) {
        setup->file = ll_alloc_copy(SYSTEM_FILE, strlen(SYSTEM_FILE));
        return setup->file != NULL ? 0 : LEASELOCK_E_NOMEM;
    }
    if (base == NULL || base[0] != '/') { /* as XDG specifies */
        base = secure_getenv("HOME");
        inner = "/.config";
    }
    if (base == NULL || base[0] != '/') {
        return 0;
    }
    size = strlen(base) + strlen(inner) + sizeof("/" NAME);
    setup->file = ll_alloc(size);
    if (setup->file == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    (void)snprintf(setup->file, size, "%s%s/" NAME, base, inner);
    return 0;
}

static int take_path(struct ll_setup *setup,
                     bool *may_be_missing,
                     struct leaselock_error *reterr)
{
    struct config_file file = {.path = setup->file};
    int status = config_file_read(&file, may_be_missing, reterr);

    if (status == 0 && file.bytes != NULL) {
        status = read_lines(&file, reterr);
        if (status == 0) {
            status = check_mode(&file, reterr);
        }
        if (status == 0) {
            status = ll_setup_take(setup, &file.texts, reterr);
        }
    }
    config_file_free(&file);
    return status;
}

int ll_setup_take_file(struct ll_setup *setup,
                       bool looks,
                       struct leaselock_error *reterr)
{
    const char *path = setup->texts[LL_SETTING_CONFIG];
    bool is_missing = path == NULL;
    int status = 0;

    if (path != NULL) {
        setup->file = ll_alloc_copy(path, strlen(path));
        return setup->file != NULL
                   ? take_path(setup, &is_missing, reterr)
                   : ll_error_text(reterr, LEASELOCK_E_NOMEM, "");
    }
    for (int place = 0; looks && place < 2 && is_missing && status == 0;
         place++) {
        status = usual_path(setup, place);
        if (status != 0) {
            return ll_error_text(reterr, status, "");
        }
        if (setup->file != NULL) {
            status = take_path(setup, &is_missing, reterr);
        }
    }
    return status;
}
