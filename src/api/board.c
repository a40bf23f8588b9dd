/* SPDX-License-Identifier: Apache-2.0 */
#include "api/board.h"

#include <string.h>

#include "api/grants.h"
#include "api/places.h"
#include "api/value.h"
#include "base/alloc.h"
#include "leaselock/status.h"
#include "leaselock/ticket.h"

void ll_board_init(struct ll_board *board,
                   size_t namespace_size,
                   size_t names_size,
                   uint64_t seed)
{
    *board = (struct ll_board){.seed = seed,
                               .namespace_size = namespace_size,
                               .names_size = names_size};
    ll_link_init(&board->all);
    ll_link_init(&board->locks);
    ll_link_init(&board->idle);
    ll_link_init(&board->touched);
}

void ll_board_free(struct ll_board *board)
{
    struct ll_entry *entry;

    while ((entry = ll_table_take(&board->keys)) != NULL) {
        ll_free(LL_CONTAINER(entry, struct ll_board_key, entry));
    }
    while ((entry = ll_table_take(&board->dirs)) != NULL) {
        ll_free(LL_CONTAINER(entry, struct ll_board_dir, entry));
    }
}

/** FNV-1a, from a seed that differs from board to board. */
static uint64_t hash_of(const struct ll_board *board, struct ll_bytes bytes)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ board->seed;

    for (size_t i = 0; i < bytes.size; i++) {
        hash = (hash ^ (unsigned char)bytes.data[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

/** The next entry of the same hash in a chain. */
static struct ll_entry *entry_again(const struct ll_entry *entry)
{
    struct ll_entry *at = entry->next;

    while (at != NULL && at->id != entry->id) {
        at = at->next;
    }
    return at;
}

static struct ll_board_dir *dir_find(const struct ll_board *board,
                                     struct ll_bytes path)
{
    struct ll_entry *at = ll_table_find(&board->dirs, hash_of(board, path));

    for (; at != NULL; at = entry_again(at)) {
        struct ll_board_dir *dir = LL_CONTAINER(at, struct ll_board_dir, entry);

        if (ll_bytes_equal(path, (struct ll_bytes){dir->path, dir->size})) {
            return dir;
        }
    }
    return NULL;
}

static bool key_is(const struct ll_board_key *key, struct ll_bytes bytes)
{
    size_t size = key->dir->size;

    return bytes.size == size + 1 + key->size && bytes.data[size] == '/' &&
           memcmp(bytes.data, key->dir->path, size) == 0 &&
           memcmp(bytes.data + size + 1, key->suffix, key->size) == 0;
}

static struct ll_board_key *key_find(const struct ll_board *board,
                                     struct ll_bytes bytes)
{
    struct ll_entry *at = ll_table_find(&board->keys, hash_of(board, bytes));

    for (; at != NULL; at = entry_again(at)) {
        struct ll_board_key *key = LL_CONTAINER(at, struct ll_board_key, entry);

        if (key_is(key, bytes)) {
            return key;
        }
    }
    return NULL;
}

static struct ll_board_dir *
dir_new(struct ll_board *board, struct ll_board_dir *up, struct ll_bytes path)
{
    struct ll_board_dir *dir = ll_alloc_zero(1, sizeof(*dir) + path.size + 1);

    if (dir == NULL) {
        return NULL;
    }
    dir->entry.id = hash_of(board, path);
    if (!ll_table_add(&board->dirs, &dir->entry)) {
        ll_free(dir);
        return NULL;
    }
    dir->up = up;
    if (up != NULL) {
        up->refs++;
    }
    ll_link_init(&dir->all);
    ll_link_append(&board->all, &dir->all);
    ll_link_init(&dir->lock);
    ll_link_init(&dir->idle);
    ll_link_init(&dir->touched);
    ll_link_init(&dir->places);
    ll_link_init(&dir->others);
    dir->other_from = INT64_MAX;
    dir->blocked_from = INT64_MAX;
    dir->size = path.size;
    memcpy(dir->path, path.data, path.size);
    return dir;
}

void ll_board_unref(struct ll_board *board, struct ll_board_dir *dir)
{
    while (dir != NULL && --dir->refs == 0) {
        struct ll_board_dir *up = dir->up;

        ll_link_remove(&dir->all);
        ll_link_remove(&dir->touched);
        ll_table_remove(&board->dirs, &dir->entry);
        ll_free(dir);
        dir = up;
    }
}

/** Whether a '/' at this place ends the name of a lock. */
static bool ends_name(const struct ll_board *board, size_t at)
{
    return at > board->namespace_size && at >= board->names_size &&
           at - board->namespace_size <= LEASELOCK_NAME_MAX;
}

/** The size of a key's directory with its '/'; 0: the key is in none. */
static size_t dir_size(const struct ll_board *board, struct ll_bytes key)
{
    size_t depth = 0;
    size_t size = 0;

    for (size_t at = 0; at < key.size && depth < LL_BOARD_DEPTH_MAX; at++) {
        if (key.data[at] == '/' && ends_name(board, at)) {
            size = at + 1;
            depth++;
        }
    }
    return size;
}

/** The directory of a key; made if it is new. A reference, to be dropped with
 *  ll_board_unref.
 *  @param ret_dir  NULL: the key is in none
 *  @return 0 or LEASELOCK_E_NOMEM */
static int dir_of(struct ll_board *board,
                  struct ll_bytes key,
                  struct ll_board_dir **ret_dir)
{
    struct ll_board_dir *dir = NULL;
    size_t last = dir_size(board, key);

    *ret_dir = NULL;
    if (last == 0 || memchr(key.data, '\0', key.size) != NULL) {
        return 0; /* with a NUL, its name would be another's */
    }
    dir = dir_find(board, (struct ll_bytes){key.data, last - 1});
    if (dir != NULL) {
        dir->refs++;
        *ret_dir = dir;
        return 0;
    }
    for (size_t at = 0; at < last; at++) {
        struct ll_bytes path = {key.data, at};
        struct ll_board_dir *found;

        if (key.data[at] != '/' || !ends_name(board, at)) {
            continue;
        }
        found = dir_find(board, path);
        if (found == NULL) {
            found = dir_new(board, dir, path);
        }
        if (found != NULL) {
            found->refs++;
        }
        ll_board_unref(board, dir);
        if (found == NULL) {
            return LEASELOCK_E_NOMEM;
        }
        dir = found;
    }
    *ret_dir = dir;
    return 0;
}

void ll_board_touch(struct ll_board *board, struct ll_board_dir *dir)
{
    dir->is_read = false;
    ll_link_append_once(&board->touched, &dir->touched);
}

/** Whether a key blocks only exclusive tickets of a dir that contains it. */
static bool is_apart_in(const struct ll_board_key *key,
                        const struct ll_board_dir *dir)
{
    /* No name of a lock has a part that begins with "~.". */
    return key->is_apart && dir == key->dir;
}

void ll_board_add_other(struct ll_board_key *key)
{
    struct ll_board_dir *dir = key->is_place ? key->dir->up : key->dir;

    for (; dir != NULL; dir = dir->up) {
        if (key->token < dir->other_from) {
            dir->other_from = key->token;
        }
        if (key->token < dir->blocked_from && !is_apart_in(key, dir)) {
            dir->blocked_from = key->token;
        }
    }
}

static void drop_other(struct ll_board *board, const struct ll_board_key *key)
{
    struct ll_board_dir *dir = key->is_place ? key->dir->up : key->dir;

    for (; dir != NULL; dir = dir->up) {
        if (dir->keys_n == dir->places_n) {
            dir->other_from = INT64_MAX;
            dir->blocked_from = INT64_MAX;
            dir->others_unknown = false;
        } else if (key->token == dir->other_from ||
                   key->token == dir->blocked_from) {
            dir->others_unknown = true;
            board->others_unknown = true;
        }
    }
}

/** Counts a key in every dir that contains it. */
static void
count(struct ll_board *board, const struct ll_board_key *key, bool adds)
{
    for (struct ll_board_dir *dir = key->dir; dir != NULL; dir = dir->up) {
        dir->keys_n = adds ? dir->keys_n + 1 : dir->keys_n - 1;
        if (dir->places_n > 0) {
            ll_board_touch(board, dir);
        }
    }
}

/** Whether a link is of a place that is newer than a key. */
static bool is_newer(struct ll_link *link, const struct ll_board_key *key)
{
    return link != &key->dir->places &&
           LL_CONTAINER(link, struct ll_board_key, link)->token > key->token;
}

static void place_add(struct ll_board *board, struct ll_board_key *key)
{
    struct ll_board_dir *dir = key->dir;
    struct ll_link *behind = &dir->places;

    while (!board->loads && is_newer(behind->prev, key)) {
        behind = behind->prev;
    }
    /* A load sorts at its end. */
    dir->is_unsorted |= is_newer(behind->prev, key);
    ll_link_append(behind, &key->link);
    if (dir->places_n++ > 0) {
        return;
    }
    if (ll_link_alone(&dir->lock)) {
        ll_link_append(&board->locks, &dir->lock);
        board->locks_n++;
        dir->refs++;
    } else {
        ll_link_remove(&dir->idle);
        board->idle_n--;
    }
}

static void
place_drop(struct ll_board *board, struct ll_board_key *key, int64_t now_ns)
{
    struct ll_board_dir *dir = key->dir;

    ll_board_touch(board, dir);
    if (dir->waiter == key) {
        dir->waiter = NULL;
    }
    if (--dir->places_n > 0) {
        return;
    }
    dir->idle_ns = now_ns;
    ll_link_append(&board->idle, &dir->idle);
    board->idle_n++;
    ll_board_forget_idle(board, now_ns);
}

void ll_board_remove(struct ll_board *board,
                     struct ll_board_key *key,
                     int64_t now_ns)
{
    ll_link_remove(&key->link);
    ll_table_remove(&board->keys, &key->entry);
    if (key->is_place) {
        place_drop(board, key, now_ns);
    }
    count(board, key, false);
    drop_other(board, key);
    ll_board_unref(board, key->dir);
    ll_free(key);
}

/** Reads when the ticket of a place was requested. */
static int key_read_value(struct ll_board_key *key, const struct ll_kv *kv)
{
    struct ll_value value = {0};
    struct ll_bytes who = ll_key_part(kv->key, 'w');
    bool is_candidate = who.size > 0 && kv->lease != 0;
    int status = is_candidate
                     ? ll_value_parse_who(who, &value)
                     : ll_value_parse(kv->value.data, kv->value.size, &value);

    key->candidate = is_candidate;
    key->since_unix_s = value.since_unix_s;
    ll_value_free(&value);
    return status;
}

static int
key_fill(struct ll_board_key *key, const struct ll_kv *kv, int64_t now_ns)
{
    size_t name_size = 0;
    enum ll_place_shape shape = ll_place_shape(kv, &name_size);
    int status = 0;

    key->token = kv->create_revision;
    key->lease = kv->lease;
    key->seen_ns = now_ns;
    key->is_place = shape != LL_PLACE_NONE && name_size == key->dir->size;
    key->is_apart = ll_key_is_apart(kv->key, key->dir->size + 1);
    if (shape == LL_PLACE_OWN && key->is_place) {
        struct ll_mode mode = ll_key_mode(kv->key);

        key->mode = (uint8_t)mode.kind;
        key->permits = (uint8_t)mode.permits;
        status = key_read_value(key, kv);
    }
    return status;
}

static int
key_add(struct ll_board *board, const struct ll_kv *kv, int64_t now_ns)
{
    struct ll_board_dir *dir = NULL;
    struct ll_board_key *key = NULL;
    int status = dir_of(board, kv->key, &dir);
    size_t size;

    if (status != 0 || dir == NULL) {
        return status;
    }
    size = kv->key.size - dir->size - 1;
    if (size <= UINT16_MAX) { /* no client makes such a long key */
        key = ll_alloc_zero(1, sizeof(*key) + size);
        status = key != NULL ? 0 : LEASELOCK_E_NOMEM;
    }
    if (key == NULL) {
        ll_board_unref(board, dir);
        return status;
    }
    key->dir = dir;
    key->size = (uint16_t)size;
    memcpy(key->suffix, kv->key.data + dir->size + 1, size);
    key->generation = board->generation;
    ll_link_init(&key->link);
    key->entry.id = hash_of(board, kv->key);
    status = key_fill(key, kv, now_ns);
    if (status != 0 || !ll_table_add(&board->keys, &key->entry)) {
        ll_free(key);
        ll_board_unref(board, dir);
        return LEASELOCK_E_NOMEM;
    }
    if (key->is_place) {
        place_add(board, key);
    } else {
        ll_link_append(&dir->others, &key->link);
    }
    count(board, key, true);
    ll_board_add_other(key);
    return 0;
}

int ll_board_put(struct ll_board *board, const struct ll_kv *kv, int64_t now_ns)
{
    struct ll_board_key *key = key_find(board, kv->key);

    if (key != NULL && key->token == kv->create_revision &&
        key->lease == kv->lease) {
        key->generation = board->generation;
        return 0;
    }
    if (key != NULL) {
        ll_board_remove(board, key, now_ns);
    }
    return key_add(board, kv, now_ns);
}

void ll_board_delete(struct ll_board *board,
                     struct ll_bytes key,
                     int64_t now_ns)
{
    struct ll_board_key *known = key_find(board, key);

    if (known != NULL) {
        ll_board_remove(board, known, now_ns);
    }
}
