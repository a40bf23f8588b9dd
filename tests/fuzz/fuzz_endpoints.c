/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of endpoints from bytes: a list is refused with a reason, or each of
 * its endpoints has the user's text and a valid target for gRPC. */
#include <stdbool.h>
#include <string.h>

#include "fuzz.h"
#include "leaselock/status.h"
#include "rpc/endpoints.h"

static void check_target(const char *target)
{
    size_t size = strlen(target);

    FUZZ_CHECK(size < LL_TARGET_SIZE);
    for (const char *at = target; *at != '\0'; at++) {
        FUZZ_CHECK(*at > ' ' && *at < 0x7f);
    }
    FUZZ_CHECK(strpbrk(target, "[]?#,") == NULL);
    if (strncmp(target, "unix:", 5) == 0) {
        FUZZ_CHECK(size > 5);
        return;
    }
    FUZZ_CHECK(strncmp(target, "dns:///", 7) == 0);
    FUZZ_CHECK(strrchr(target, ':') != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_bytes bytes = {data, size};
    char *text = fuzz_string(&bytes);
    struct ll_endpoints endpoints = {NULL, 0};
    struct leaselock_error error = {.code = 1};
    int status = ll_endpoints_parse(text, false, &endpoints, &error);

    if (status == 0) {
        FUZZ_CHECK(endpoints.n > 0 && endpoints.n <= LL_ENDPOINTS_MAX);
        for (uint32_t i = 0; i < endpoints.n; i++) {
            const struct ll_endpoint *endpoint = &endpoints.list[i];

            FUZZ_CHECK(endpoint->text[0] != '\0');
            FUZZ_CHECK(strstr(text, endpoint->text) != NULL);
            FUZZ_CHECK(strlen(endpoint->text) <= LL_ENDPOINT_SIZE_MAX);
            check_target(endpoint->target);
        }
        ll_endpoints_free(&endpoints);
    } else {
        FUZZ_CHECK(status == LEASELOCK_E_ARGUMENT ||
                   status == LEASELOCK_E_LIMIT);
        FUZZ_CHECK(error.code == status && strlen(error.message) > 0);
        FUZZ_CHECK(strlen(error.endpoint) < sizeof(error.endpoint));
        FUZZ_CHECK(endpoints.list == NULL && endpoints.n == 0);
        FUZZ_CHECK(ll_endpoints_parse(text, true, &endpoints, NULL) == status);
    }
    free(text);
    return 0;
}
