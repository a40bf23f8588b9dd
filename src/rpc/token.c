/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/token.h"

#include <string.h>

#include <grpc/grpc.h>

#include "base/clock.h"
#include "leaselock/status.h"
#include "rpc/secret.h"

void ll_token_init(struct ll_token *token, bool has_user)
{
    *token = (struct ll_token){
        .state = has_user ? LL_TOKEN_NONE : LL_TOKEN_OFF,
        .value = grpc_empty_slice(),
    };
}

static void wipe(struct ll_token *token)
{
    grpc_slice_unref(token->value); /* the last reference wipes it */
    token->value = grpc_empty_slice();
}

void ll_token_free(struct ll_token *token)
{
    wipe(token);
    token->state = LL_TOKEN_OFF;
}

static bool is_held(const struct ll_token *token)
{
    return token->state == LL_TOKEN_HELD || token->state == LL_TOKEN_RENEWING;
}

struct ll_token_use ll_token_use(const struct ll_token *token, int64_t now_ns)
{
    switch (token->state) {
    case LL_TOKEN_OFF:
    case LL_TOKEN_UNNEEDED:
    case LL_TOKEN_RENEWING:
        return (struct ll_token_use){.go = true};
    case LL_TOKEN_NONE:
        return (struct ll_token_use){.fetch = true};
    case LL_TOKEN_FETCHING:
        return (struct ll_token_use){.go = false};
    case LL_TOKEN_HELD:
        return (struct ll_token_use){.go = true,
                                     .fetch = now_ns >= token->renew_ns};
    }
    return (struct ll_token_use){.go = true};
}

const grpc_slice *ll_token_value(const struct ll_token *token)
{
    return is_held(token) ? &token->value : NULL;
}

uint32_t ll_token_serial(const struct ll_token *token)
{
    return is_held(token) ? token->serial : 0;
}

void ll_token_fetching(struct ll_token *token)
{
    if (token->state == LL_TOKEN_NONE) {
        token->state = LL_TOKEN_FETCHING;
    } else if (token->state == LL_TOKEN_HELD) {
        token->state = LL_TOKEN_RENEWING;
    }
}

/** How long a token is used before the next one is fetched. */
static int64_t
life_ns(const char *value, size_t size, int64_t now_ns, int64_t wall_s)
{
    int64_t expiry_s = 0;
    int64_t left_ns = 0;

    /* If a clock is wrong, the remaining time may have any value; etcd's
     * refusal is authoritative. */
    if (!ll_jwt_expiry(value, size, &expiry_s) || expiry_s <= wall_s ||
        expiry_s - wall_s > (INT64_MAX - now_ns) / LL_NS_PER_S) {
        return LL_TOKEN_OPAQUE_LIFE_NS;
    }
    left_ns = (expiry_s - wall_s) * LL_NS_PER_S;
    left_ns = left_ns / 4 * 3;
    return left_ns > LL_TOKEN_LIFE_MIN_NS ? left_ns : LL_TOKEN_LIFE_MIN_NS;
}

int ll_token_fetched(struct ll_token *token,
                     const char *value,
                     size_t size,
                     int64_t asked_ns,
                     int64_t now_ns,
                     int64_t wall_s)
{
    grpc_slice slice;
    int status = 0;

    if (size == 0 || size > LL_TOKEN_SIZE_MAX) {
        status = LEASELOCK_E_SERVER;
    } else if (!ll_secret_slice(value, size, &slice)) {
        status = LEASELOCK_E_NOMEM;
    } else if (grpc_header_nonbin_value_is_legal(slice) == 0) {
        grpc_slice_unref(slice);
        status = LEASELOCK_E_SERVER;
    }
    if (status != 0) {
        ll_token_failed(token, now_ns);
        return status;
    }
    wipe(token);
    token->value = slice;
    token->state = LL_TOKEN_HELD;
    token->serial++;
    token->serial += token->serial == 0 ? 1 : 0;
    token->accepted = false;
    token->fetched_ns = asked_ns;
    token->renew_ns = now_ns + life_ns(value, size, now_ns, wall_s);
    return 0;
}

void ll_token_failed(struct ll_token *token, int64_t now_ns)
{
    if (token->state == LL_TOKEN_FETCHING) {
        token->state = LL_TOKEN_NONE;
    } else if (is_held(token)) {
        token->state = LL_TOKEN_HELD;
        token->renew_ns = now_ns + LL_TOKEN_RENEW_PAUSE_NS;
    }
}

void ll_token_unneeded(struct ll_token *token)
{
    if (token->state == LL_TOKEN_FETCHING ||
        token->state == LL_TOKEN_RENEWING) {
        wipe(token);
        token->state = LL_TOKEN_UNNEEDED;
    }
}

void ll_token_accepted(struct ll_token *token, uint32_t serial)
{
    if (serial == ll_token_serial(token)) {
        token->accepted = true;
        token->strikes = 0;
    }
}

/** Whether a serial is that of the current token, or of none if unneeded. */
static bool is_present(const struct ll_token *token, uint32_t serial)
{
    return serial == 0 ? token->state == LL_TOKEN_UNNEEDED
                       : is_held(token) && serial == token->serial;
}

void ll_token_drop(struct ll_token *token, uint32_t serial)
{
    if (is_present(token, serial)) {
        wipe(token);
        token->state = token->state == LL_TOKEN_RENEWING ? LL_TOKEN_FETCHING
                                                         : LL_TOKEN_NONE;
    }
}

bool ll_token_rejected(struct ll_token *token, uint32_t serial)
{
    if (token->state == LL_TOKEN_OFF) {
        return false;
    }
    if (!is_present(token, serial)) {
        return true; /* a newer token is there or follows */
    }
    if (serial == 0 || !token->accepted) {
        token->strikes++;
    }
    ll_token_drop(token, serial);
    return token->strikes < LL_TOKEN_STRIKES_MAX;
}

bool ll_token_is_fresh(int64_t fetched_ns, int64_t now_ns)
{
    return now_ns - fetched_ns <= LL_TOKEN_FRESH_NS;
}
