/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_FNV_H
#define POP3_POLICY_FNV_H

/*
 * FNV-1a of 32 bits (Fowler, Noll, Vo): tells apart what nobody made on
 * purpose to look the same.
 */

#include <stddef.h>
#include <stdint.h>

#define FNV1A_START UINT32_C(2166136261)

/* hash: FNV1A_START, or what this returned for the bytes before. */
static inline uint32_t
fnv1a_add(uint32_t hash, const char *data, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++) {
		hash ^= (unsigned char)data[i];
		hash *= UINT32_C(16777619);
	}
	return hash;
}

#endif
