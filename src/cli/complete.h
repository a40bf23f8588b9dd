/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLI_COMPLETE_H
#define LL_CLI_COMPLETE_H

/**
 * leaselock __complete SHELL PART [WORD...]
 *
 * The names of locks that begin with PART, for the scripts of "leaselock
 * completion": a line for each. WORD... are the words of the command line
 * between "leaselock" and PART. Their options count, and so do the environment
 * and the config file. bash passes words as they are typed, and gets names that
 * can be inserted there; zsh and fish remove and add quotes themselves.
 *
 * The whole process lasts LL_COMPLETE_LIMIT_MS at most, and prints either all
 * names or none, nothing on standard error, and ends with 0: a user who types
 * needs no messages. It asks for no password.
 */
#define LL_COMPLETE_COMMAND "__complete"

/** Counted from the start of the process. */
#define LL_COMPLETE_LIMIT_MS 300

/** Most bytes of all names. Further names would only seem to be missing, so
 *  then there are none. A pipe takes as many at once. */
#define LL_COMPLETE_BYTES_MAX 60000

/** @return 0 */
int ll_complete(int argc, char **argv);

#endif
