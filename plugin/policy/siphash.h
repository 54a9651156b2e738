/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SIPHASH_H
#define POP3_POLICY_SIPHASH_H

/*
 * SipHash-2-4 with a result of 128 bits (Aumasson and Bernstein, "SipHash: a
 * fast short-input PRF"): a keyed pseudo-random function that costs little on
 * short inputs. Not a hash that is safe without a secret key.
 */

#include <stddef.h>

#define SIPHASH_KEY_BYTES 16
#define SIPHASH_BYTES 16

/* data: size bytes; may be NULL if there are none. */
void siphash_2_4_128(const unsigned char key[SIPHASH_KEY_BYTES],
		     const void *data, size_t size,
		     unsigned char result_r[SIPHASH_BYTES]);

#endif
