#include "core/key.h"

#include <stdio.h>
#include <string.h>

const char *ll_name_fault(struct ll_bytes name)
{
    if (name.size == 0) {
        return "a lock's name must not be empty";
    }
    if (name.size > LL_NAME_MAX) {
        return "a lock's name is at most 1024 bytes long";
    }
    if (name.data[0] == '/' || name.data[name.size - 1] == '/') {
        return "a lock's name must not begin or end with '/'";
    }
    for (size_t i = 0; i < name.size; i++) {
        unsigned char byte = (unsigned char)name.data[i];

        if (byte < 0x20 || byte == 0x7f) {
            return "a lock's name must not hold control characters";
        }
        if (byte == '/' && name.data[i + 1] == '/') {
            return "a lock's name must not hold an empty part ('//')";
        }
    }
    return NULL;
}

const char *ll_space_fault(struct ll_bytes space)
{
    if (space.size > LL_SPACE_MAX) {
        return "a namespace is at most 256 bytes long";
    }
    for (size_t i = 0; i < space.size; i++) {
        unsigned char byte = (unsigned char)space.data[i];

        if (byte < 0x20 || byte == 0x7f) {
            return "a namespace must not hold control characters";
        }
    }
    return NULL;
}

struct ll_bytes
ll_prefix_make(struct ll_bytes space, struct ll_bytes name, char *ret_prefix)
{
    if (space.size > 0) {
        memcpy(ret_prefix, space.data, space.size);
    }
    memcpy(ret_prefix + space.size, name.data, name.size);
    ret_prefix[space.size + name.size] = '/';
    return (struct ll_bytes){ret_prefix, space.size + name.size + 1};
}

size_t ll_key_make(struct ll_bytes space,
                   struct ll_bytes name,
                   int64_t lease,
                   uint64_t number,
                   char *ret_key)
{
    size_t size = ll_prefix_make(space, name, ret_key).size;

    return size + (size_t)snprintf(ret_key + size, LL_SUFFIX_MAX + 1,
                                   "%llx.%llx", (unsigned long long)lease,
                                   (unsigned long long)number);
}

struct ll_bytes ll_prefix_end(struct ll_bytes prefix, char *ret_end)
{
    memcpy(ret_end, prefix.data, prefix.size);
    ret_end[prefix.size - 1]++;
    return (struct ll_bytes){ret_end, prefix.size};
}

bool ll_key_is_nested(struct ll_bytes key, size_t prefix_size)
{
    return key.size > prefix_size &&
           memchr(key.data + prefix_size, '/', key.size - prefix_size) != NULL;
}

bool ll_bytes_equal(struct ll_bytes a, struct ll_bytes b)
{
    return a.size == b.size &&
           (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}
