/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/value.h"

/** How many bytes of a name and of a key the sentence quotes. */
#define NAME_SHOWN 100
#define KEY_SHOWN 120

/** "host pid 7 program (label)", as far as it is known, or the key of another
 *  kind of client. */
static void
word_holder(const struct ll_blocker *blocker, char *text, size_t size)
{
    struct ll_bytes who = ll_key_part(blocker->key, 'w');
    struct ll_value value = {0};
    int status = who.size > 0 ? ll_value_parse_who(who, &value)
                              : ll_value_parse(blocker->value.data,
                                               blocker->value.size, &value);

    if (status == 0 && value.host[0] != '\0') {
        bool labelled = value.label[0] != '\0';
        char process[32] = "";

        if (value.pid > 0) {
            (void)snprintf(process, sizeof(process), " pid %" PRId64,
                           value.pid);
        }
        (void)snprintf(text, size, "%.64s%s %.32s%s%s%s", value.host, process,
                       value.program, labelled ? " (" : "", value.label,
                       labelled ? ")" : "");
    } else {
        (void)snprintf(text, size, "the foreign key %.*s",
                       blocker->key.size < KEY_SHOWN ? (int)blocker->key.size
                                                     : KEY_SHOWN,
                       blocker->key.data);
    }
    ll_value_free(&value);
}

/** How the ticket of a key shares its lock; "" if it does not. */
static void word_mode(struct ll_bytes key, char *text, size_t size)
{
    struct ll_mode mode = ll_key_mode(key);

    switch (mode.kind) {
    case LL_MODE_EXCLUSIVE:
        text[0] = '\0';
        break;
    case LL_MODE_SHARED:
        (void)snprintf(text, size, ", shared");
        break;
    case LL_MODE_PERMIT:
        (void)snprintf(text, size, ", one of %u permits",
                       (unsigned)mode.permits);
        break;
    }
}

void ll_blocker_text(const struct ll_blocker *blocker,
                     char text[LL_BLOCKER_TEXT_SIZE])
{
    int name_size =
        blocker->name.size < NAME_SHOWN ? (int)blocker->name.size : NAME_SHOWN;
    char who[300] = "another";
    char shares[32] = "";
    char ahead[64] = "";
    bool held = blocker->is_holder || blocker->key.size == 0;

    if (blocker->key.size > 0) {
        word_holder(blocker, who, sizeof(who));
        word_mode(blocker->key, shares, sizeof(shares));
    }
    if (blocker->ahead > 0) {
        /* Only these block a shared ticket. */
        (void)snprintf(ahead, sizeof(ahead),
                       "; %" PRId64 "%s ahead in its queue", blocker->ahead,
                       blocker->mode == LL_MODE_SHARED ? " exclusive" : "");
    }
    (void)snprintf(text, LL_BLOCKER_TEXT_SIZE, "%.*s is %s by %s%s%s",
                   name_size, name_size > 0 ? blocker->name.data : "",
                   held ? "held" : "held or awaited", who, shares, ahead);
}
