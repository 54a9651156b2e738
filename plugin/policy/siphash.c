/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "siphash.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define COMPRESSION_ROUNDS 2
#define FINALIZATION_ROUNDS 4

struct siphash_state {
	uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t word, unsigned int bits)
{
	return word << bits | word >> (64 - bits);
}

static uint64_t read_word(const unsigned char bytes[8])
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return le64toh(word);
}

/* Fewer than eight bytes, the first one in the lowest bits. */
static uint64_t read_rest(const unsigned char *bytes, size_t count)
{
	uint64_t word = 0;

	while (count-- > 0)
		word = word << 8 | bytes[count];
	return word;
}

static void write_word(uint64_t word, unsigned char bytes_r[8])
{
	word = htole64(word);
	memcpy(bytes_r, &word, sizeof(word));
}

static void siphash_rounds(struct siphash_state *state, unsigned int count)
{
	uint64_t v0 = state->v0, v1 = state->v1;
	uint64_t v2 = state->v2, v3 = state->v3;

	for (; count > 0; count--) {
		v0 += v1;
		v1 = rotate(v1, 13) ^ v0;
		v0 = rotate(v0, 32);
		v2 += v3;
		v3 = rotate(v3, 16) ^ v2;
		v0 += v3;
		v3 = rotate(v3, 21) ^ v0;
		v2 += v1;
		v1 = rotate(v1, 17) ^ v2;
		v2 = rotate(v2, 32);
	}
	state->v0 = v0;
	state->v1 = v1;
	state->v2 = v2;
	state->v3 = v3;
}

static void siphash_add(struct siphash_state *state, uint64_t word)
{
	state->v3 ^= word;
	siphash_rounds(state, COMPRESSION_ROUNDS);
	state->v0 ^= word;
}

static uint64_t siphash_finish(struct siphash_state *state)
{
	siphash_rounds(state, FINALIZATION_ROUNDS);
	return state->v0 ^ state->v1 ^ state->v2 ^ state->v3;
}

void siphash_2_4_128(const unsigned char key[SIPHASH_KEY_BYTES],
		     const void *data, size_t size,
		     unsigned char result_r[SIPHASH_BYTES])
{
	const uint64_t k0 = read_word(key), k1 = read_word(key + 8);
	/* the constants spell "somepseudorandomlygeneratedbytes" */
	struct siphash_state state = {
		.v0 = k0 ^ UINT64_C(0x736f6d6570736575),
		.v1 = k1 ^ UINT64_C(0x646f72616e646f6d) ^ 0xee,
		.v2 = k0 ^ UINT64_C(0x6c7967656e657261),
		.v3 = k1 ^ UINT64_C(0x7465646279746573),
	};
	const unsigned char *bytes = data;
	const uint64_t length = (uint64_t)size << 56;

	for (; size >= 8; size -= 8, bytes += 8)
		siphash_add(&state, read_word(bytes));
	siphash_add(&state, length | read_rest(bytes, size));

	state.v2 ^= 0xee;
	write_word(siphash_finish(&state), result_r);
	state.v1 ^= 0xdd;
	write_word(siphash_finish(&state), result_r + 8);
}
