/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Which sanitizer the code is compiled with: gcc defines a macro for each, the
 * clang of Debian 12 answers __has_feature alone.
 */
#ifndef LL_BASE_SANITIZER_H
#define LL_BASE_SANITIZER_H

#if defined(__SANITIZE_ADDRESS__)
#define LL_ADDRESS_SANITIZER
#endif
#if defined(__SANITIZE_THREAD__)
#define LL_THREAD_SANITIZER
#endif

#if defined(__has_feature)
#if __has_feature(address_sanitizer) && !defined(LL_ADDRESS_SANITIZER)
#define LL_ADDRESS_SANITIZER
#endif
#if __has_feature(thread_sanitizer) && !defined(LL_THREAD_SANITIZER)
#define LL_THREAD_SANITIZER
#endif
#endif

#endif
