/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brief.h"

#include <string.h>

/*
 * What Lua 5.4 says about a function when it is dumped, up to its code:
 * "\x1BLua", version, format, 6 bytes that must come through unchanged, the
 * sizes of an instruction, an integer and a number, one of each of the latter
 * two, the number of upvalues. Then, without debug information, an empty name,
 * first and last line, three bytes, the number of instructions, and these.
 */
#define HEADER_VERSION_AT 4
#define HEADER_SIZES_AT 12
#define HEADER_FIXED_BYTES 15
#define LINES_COUNT 2
#define FRAME_BYTES 3
#define NUMBER_MAX_BYTES 5

#define DUMP_MAX_BYTES (HEADER_FIXED_BYTES + sizeof(lua_Integer) + \
			sizeof(lua_Number) + 1 + 1 + \
			LINES_COUNT * NUMBER_MAX_BYTES + FRAME_BYTES + \
			NUMBER_MAX_BYTES + SCRIPT_COUNT_STEP * 4)

/* Operations of Lua 5.4, which its headers don't tell. */
enum {
	OP_LAST_FIELD = 18,	/* MOVE to SETFIELD */
	OP_FIRST_OPERATOR = 21,	/* ADDI to CONCAT */
	OP_LAST_OPERATOR = 53,
	OP_JMP = 56,
	OP_FIRST_TEST = 57,	/* EQ to TESTSET */
	OP_LAST_TEST = 67,
	OP_FIRST_RETURN = 70,	/* RETURN to RETURN1 */
	OP_LAST_RETURN = 72,
};
#define OP_MASK 0x7F
#define JMP_SHIFT 7
#define JMP_ZERO ((1U << 24) - 1)

struct dump {
	unsigned char bytes[DUMP_MAX_BYTES];
	size_t size, at;
};

/* Keeps the beginning. */
static int
dump_write(lua_State *L, const void *data, size_t size, void *context)
{
	struct dump *dump = context;
	size_t room = sizeof(dump->bytes) - dump->size;

	(void)L;
	memcpy(dump->bytes + dump->size, data, size < room ? size : room);
	dump->size += size < room ? size : room;
	return size < room ? 0 : 1;
}

/* Seven bits a byte, the last one marked. Returns UINT32_MAX if there is no
   such number. */
static uint32_t dump_number(struct dump *dump)
{
	uint32_t number = 0;
	size_t end = dump->at + NUMBER_MAX_BYTES;
	unsigned char byte;

	while (dump->at < end && dump->at < dump->size) {
		byte = dump->bytes[dump->at++];
		number = number << 7 | (byte & 0x7F);
		if ((byte & 0x80) != 0)
			return number;
	}
	return UINT32_MAX;
}

static bool dump_skip_header(struct dump *dump)
{
	const unsigned char sizes[] = {
		sizeof(uint32_t), sizeof(lua_Integer), sizeof(lua_Number)
	};

	dump->at = HEADER_FIXED_BYTES + sizeof(lua_Integer) +
		sizeof(lua_Number) + 1;
	return dump->size > dump->at &&
		dump->bytes[HEADER_VERSION_AT] == 0x54 &&
		dump->bytes[HEADER_VERSION_AT + 1] == 0 &&
		memcmp(dump->bytes + HEADER_SIZES_AT, sizes,
		       sizeof(sizes)) == 0;
}

/* Only what is known to go on to the next instruction, to skip it, to jump
   forward or to return, and to call nothing but functions in C and those of
   metatables. */
static bool instruction_is_brief(uint32_t instruction)
{
	unsigned int op = instruction & OP_MASK;

	if (op == OP_JMP)
		return instruction >> JMP_SHIFT >= JMP_ZERO;
	return op <= OP_LAST_FIELD ||
		(op >= OP_FIRST_OPERATOR && op <= OP_LAST_OPERATOR) ||
		(op >= OP_FIRST_TEST && op <= OP_LAST_TEST) ||
		(op >= OP_FIRST_RETURN && op <= OP_LAST_RETURN);
}

bool script_is_brief(lua_State *L, int index)
{
	struct dump dump;
	uint32_t count, instruction, i;

	dump.size = 0;
	lua_pushvalue(L, index);
	(void)lua_dump(L, dump_write, &dump, 1);
	lua_pop(L, 1);
	/* the name, and two lines */
	if (!dump_skip_header(&dump) || dump_number(&dump) != 0 ||
	    dump_number(&dump) == UINT32_MAX ||
	    dump_number(&dump) == UINT32_MAX)
		return false;
	dump.at += FRAME_BYTES;
	count = dump_number(&dump);
	if (count >= SCRIPT_COUNT_STEP ||
	    dump.size < dump.at + count * sizeof(instruction))
		return false;
	for (i = 0; i < count; i++) {
		memcpy(&instruction, dump.bytes + dump.at, sizeof(instruction));
		dump.at += sizeof(instruction);
		if (!instruction_is_brief(instruction))
			return false;
	}
	return true;
}
