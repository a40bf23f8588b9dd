/* SPDX-License-Identifier: Apache-2.0 */
#include "client/guardian.h"

#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "client/client.h"
#include "client/guardian_spawn.h"

#define PATH_SIZE 4096

/** The state in the guarded process. */
struct ll_guardian {
    struct ll_guardian_table *table; /* shared */
    int table_fd;
    int socket; /* -1: no guardian */
    pid_t pid;
    uint32_t free; /* a slot's number from 1 on, 0: none */
};

/** The guardian's path: relative to the folder of the library, or of the program
 *  that has the library in it, so that an installed tree can be moved; or else
 *  the configured one. */
static void usual_path(char path[PATH_SIZE])
{
    const char *there = LEASELOCK_GUARDIAN_FROM_LIB;
    char file[PATH_SIZE] = "";
    struct link_map *map = NULL;
    Dl_info here;
    const char *slash;

    /* Whoever starts a program that has more rights may give it another
     * folder, by a hard link. */
    if (getauxval(AT_SECURE) != 0) {
        (void)snprintf(path, PATH_SIZE, "%s", LEASELOCK_GUARDIAN_PATH);
        return;
    }
    if (dladdr1(&ll_settings, &here, (void **)&map, RTLD_DL_LINKMAP) != 0 &&
        map->l_name[0] == '/') {
        (void)snprintf(file, sizeof(file), "%s", map->l_name);
    } else if (map != NULL && map->l_name[0] == '\0') {
        ssize_t size = readlink("/proc/self/exe", file, sizeof(file) - 1);

        file[size > 0 ? size : 0] = '\0';
        there = LEASELOCK_GUARDIAN_FROM_BIN;
    }
    slash = strrchr(file, '/');
    if (slash != NULL &&
        snprintf(path, PATH_SIZE, "%.*s/%s", (int)(slash - file), file, there) <
            PATH_SIZE &&
        access(path, X_OK) == 0) {
        return;
    }
    (void)snprintf(path, PATH_SIZE, "%s", LEASELOCK_GUARDIAN_PATH);
}

/** The text of the settings, as it is sent; zeroed before it is freed. */
struct text {
    char *bytes;
    size_t size;
};

static bool text_add(struct text *text, const char *part)
{
    size_t size = strlen(part) + 1;

    if (text->size + size > LL_GUARDIAN_SETTINGS_SIZE_MAX) {
        return false;
    }
    memcpy(text->bytes + text->size, part, size);
    text->size += size;
    return true;
}

/** Adds an absolute path: the guardian has another working directory. */
static bool text_add_path(struct text *text, const char *path)
{
    char folder[PATH_SIZE];
    char whole[PATH_SIZE + LL_SETTING_SIZE_MAX + 2];

    if (path[0] == '/' || getcwd(folder, sizeof(folder)) == NULL) {
        return text_add(text, path);
    }
    (void)snprintf(whole, sizeof(whole), "%s/%s", folder, path);
    return text_add(text, whole);
}

/** Settings that the guardian does not need, or that would start another. */
static bool is_kept_back(enum ll_setting_id id)
{
    return id == LL_SETTING_DISCOVERY_SRV ||
           id == LL_SETTING_DISCOVERY_SRV_NAME ||
           id == LL_SETTING_DISCOVERY_DNS || id == LL_SETTING_CONFIG ||
           id == LL_SETTING_GUARDIAN || id == LL_SETTING_GUARDIAN_PATH;
}

/** Adds the client's settings, as they are in effect. */
static bool text_add_settings(struct text *text, const struct ll_setup *setup)
{
    for (int i = 0; i < LL_SETTINGS; i++) {
        const struct ll_setting *setting = &ll_settings[i];
        bool is_number = ll_setting_is_number(setting) != 0;
        const char *value = setup->texts[i];
        char number[24];

        if (is_kept_back((enum ll_setting_id)i) ||
            (!is_number && value == NULL)) {
            continue;
        }
        if (is_number) {
            ll_setting_print(setting, setup->numbers[i], number,
                             sizeof(number));
            value = number;
        }
        if (!text_add(text, setting->about.name) ||
            !(setting->kind == LL_KIND_FILE ? text_add_path(text, value)
                                            : text_add(text, value))) {
            return false;
        }
    }
    return true;
}

static int send_all(int socket, const void *bytes, size_t size)
{
    ssize_t n = send(socket, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n == (ssize_t)size) {
        return 0;
    }
    return n < 0 ? -errno : -EMSGSIZE; /* the guardian does not read yet */
}

/** Writes the greeting and the settings to the socket, before the guardian
 *  runs. */
static int greet(const struct ll_setup *setup,
                 int socket,
                 struct ll_guardian_greeting *greeting)
{
    const int room = 2 * LL_GUARDIAN_SETTINGS_SIZE_MAX;
    struct text text = {ll_alloc(LL_GUARDIAN_SETTINGS_SIZE_MAX), 0};
    int status = -ENOMEM;

    if (text.bytes == NULL) {
        return status;
    }
    /* If this fails, the default suffices for usual settings. */
    (void)setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    if (!text_add_settings(&text, setup)) {
        status = -EMSGSIZE;
    } else {
        greeting->settings_size = (uint32_t)text.size;
        status = send_all(socket, greeting, sizeof(*greeting));
    }
    if (status == 0) {
        status = send_all(socket, text.bytes, text.size);
    }
    explicit_bzero(text.bytes, text.size);
    ll_free(text.bytes);
    return status;
}

/** Opens a process for the guardian to watch, or returns a negative errno. The
 *  first call, with 0 for this process, detects if pidfds are available. */
static int open_process(pid_t pid, bool *has_pidfds)
{
    char path[32] = "/proc/self";
    int fd = -1;

    if (*has_pidfds) {
        fd = (int)syscall(SYS_pidfd_open, pid != 0 ? pid : getpid(), 0);
        /* ENOSYS: an old kernel; EPERM: a container's seccomp filter. */
        if (fd >= 0 || pid != 0 || (errno != ENOSYS && errno != EPERM)) {
            return fd >= 0 ? fd : -errno;
        }
        *has_pidfds = false;
    }
    if (pid != 0) {
        (void)snprintf(path, sizeof(path), "/proc/%d", (int)pid);
    }
    fd = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return pid != 0 && errno == ENOENT ? -ESRCH : -errno;
    }
    return fd;
}

static int
not_started(struct leaselock_error *reterr, const char *path, int error)
{
    if (error == -ENOMEM) {
        return ll_error_text(reterr, LEASELOCK_E_NOMEM, "");
    }
    if (error == -ESRCH) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "guarded_pid is no process that runs");
    }
    return ll_error_format(reterr, LEASELOCK_E_SYSTEM,
                           "cannot start the guardian %.200s: %s", path,
                           strerror(-error));
}

static void close_if_open(int fd)
{
    if (fd >= 0) {
        (void)close(fd);
    }
}

/** Starts a guardian; nothing of an earlier one may be left open. */
static int start(struct ll_client *client, struct leaselock_error *reterr)
{
    struct ll_guardian *guardian = client->guardian;
    struct ll_guardian_greeting greeting = {.protocol = LL_GUARDIAN_PROTOCOL};
    const char *chosen = client->options.guardian_path;
    pid_t other_pid = client->options.guarded_pid;
    struct ll_guardian_plan plan;
    char path[PATH_SIZE];
    bool has_pidfds = true;
    int ends[2] = {-1, -1};
    int process = open_process(0, &has_pidfds);
    int other = other_pid != 0 ? open_process(other_pid, &has_pidfds) : -1;
    int status = process < 0 ? process : 0;

    usual_path(path);
    plan.path = chosen != NULL && chosen[0] != '\0' ? chosen : path;
    greeting.has_pidfds = has_pidfds;
    greeting.has_other = other >= 0;
    if (status == 0 && other_pid != 0 && other < 0) {
        status = other;
    }
    if (status == 0 &&
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        status = -errno;
    }
    if (status == 0) {
        status = greet(&client->setup, ends[0], &greeting);
    }
    if (status == 0) {
        plan.fds[LL_GUARDIAN_SOCKET - LL_GUARDIAN_SOCKET] = ends[1];
        plan.fds[LL_GUARDIAN_TABLE - LL_GUARDIAN_SOCKET] = guardian->table_fd;
        plan.fds[LL_GUARDIAN_PROCESS - LL_GUARDIAN_SOCKET] = process;
        plan.fds[LL_GUARDIAN_OTHER - LL_GUARDIAN_SOCKET] = other;
        status = ll_guardian_spawn(&plan, &guardian->pid);
    }
    if (status == 0) {
        guardian->socket = ends[0];
        ends[0] = -1;
    }
    close_if_open(ends[0]);
    close_if_open(ends[1]);
    close_if_open(process);
    close_if_open(other);
    return status == 0 ? 0 : not_started(reterr, plan.path, status);
}

/** Whether the guardian is running: its end of the socket is open. */
static bool is_there(const struct ll_guardian *guardian)
{
    char byte;

    return guardian->socket >= 0 &&
           recv(guardian->socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           (errno == EAGAIN || errno == EINTR);
}

static struct ll_guardian_table *table_map(int fd)
{
    const size_t size = sizeof(struct ll_guardian_table);
    void *memory;

    if (ftruncate(fd, (off_t)size) != 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) !=
            0) {
        return NULL;
    }
    memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        return NULL;
    }
    /* A forked child has no locks and must not change the table. */
    (void)madvise(memory, size, MADV_DONTFORK);
    return memory;
}

static struct ll_guardian *guardian_new(void)
{
    struct ll_guardian *guardian = ll_alloc_zero(1, sizeof(*guardian));

    if (guardian == NULL) {
        return NULL;
    }
    guardian->socket = -1;
    guardian->table_fd =
        memfd_create("leaselock-guardian", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (guardian->table_fd >= 0) {
        guardian->table = table_map(guardian->table_fd);
    }
    if (guardian->table == NULL) {
        close_if_open(guardian->table_fd);
        ll_free(guardian);
        return NULL;
    }
    return guardian;
}

/** Takes a free slot; returns its number, from 1 on, or 0. */
static uint32_t take_slot(struct ll_guardian *guardian)
{
    struct ll_guardian_table *table = guardian->table;
    uint32_t place = guardian->free;
    uint32_t used = atomic_load(&table->slots_n);

    if (place != 0) {
        guardian->free = (uint32_t)atomic_load(&table->slots[place - 1].ttl_s);
    } else if (used < LL_GUARDIAN_SLOTS) {
        place = used + 1;
        atomic_store(&table->slots_n, place);
    }
    return place;
}

int ll_guardian_guard(struct ll_client *client,
                      int64_t lease,
                      int64_t ttl_s,
                      uint32_t *ret_place,
                      struct leaselock_error *reterr)
{
    struct ll_guardian_slot *slot;
    uint32_t place;
    int status;

    if (client->guardian == NULL) {
        client->guardian = guardian_new();
        if (client->guardian == NULL) {
            return ll_error_text(reterr, LEASELOCK_E_NOMEM, "");
        }
    }
    if (!is_there(client->guardian)) {
        close_if_open(client->guardian->socket);
        client->guardian->socket = -1;
        status = start(client, reterr);
        if (status != 0) {
            return status;
        }
    }
    place = take_slot(client->guardian);
    if (place == 0) {
        return ll_error_text(reterr, LEASELOCK_E_LIMIT, "");
    }
    slot = &client->guardian->table->slots[place - 1];
    atomic_store(&slot->ttl_s, ttl_s);
    atomic_store(&slot->lease, lease);
    *ret_place = place;
    return 0;
}

void ll_guardian_set_ttl(struct ll_client *client,
                         uint32_t place,
                         int64_t ttl_s)
{
    assert(place > 0 && place <= LL_GUARDIAN_SLOTS);
    atomic_store(&client->guardian->table->slots[place - 1].ttl_s, ttl_s);
}

void ll_guardian_release(struct ll_client *client, uint32_t place)
{
    struct ll_guardian *guardian = client->guardian;
    struct ll_guardian_slot *slot;

    assert(place > 0 && place <= LL_GUARDIAN_SLOTS);
    slot = &guardian->table->slots[place - 1];
    atomic_store(&slot->lease, 0);
    atomic_store(&slot->ttl_s, guardian->free);
    guardian->free = place;
}

int ll_guardian_pid(const struct ll_client *client)
{
    return client->guardian != NULL && is_there(client->guardian)
               ? (int)client->guardian->pid
               : 0;
}

void ll_guardian_close(struct ll_client *client)
{
    struct ll_guardian *guardian = client->guardian;
    char bye = LL_GUARDIAN_BYE;

    if (guardian == NULL) {
        return;
    }
    if (guardian->socket >= 0) {
        (void)send_all(guardian->socket, &bye, 1); /* it may have ended */
        (void)close(guardian->socket);
    }
    (void)munmap(guardian->table, sizeof(*guardian->table));
    (void)close(guardian->table_fd);
    ll_free(guardian);
    client->guardian = NULL;
}
