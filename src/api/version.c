#include "leaselock/version.h"

const char *leaselock_version(void)
{
    return LEASELOCK_VERSION_TEXT;
}
