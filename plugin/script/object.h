/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SCRIPT_OBJECT_H
#define POP3_POLICY_SCRIPT_OBJECT_H

/*
 * What the objects of a script have in common: fields that have numbers, found
 * out when they are read, and metatables that let nobody change them.
 */

#include "state.h"

#include <stddef.h>
#include <stdint.h>

struct object_name {
	char name[16];
	/* from 1, unique in the object */
	unsigned int field;
};

/* Upvalues of the functions that read fields: numbers of the fields by name,
   and what belongs to the kind of object. */
enum {
	OBJECT_UPVALUE_NUMBERS = 1,
	/* session: data; message: header */
	OBJECT_UPVALUE_FIRST,
	/* session, request: fields; message: headers */
	OBJECT_UPVALUE_SECOND,
};

/* Push the table of names and their numbers. */
void object_push_numbers(lua_State *L, const struct object_name *names,
			 size_t count);
/* Complete the metatable on top; its __index function is below it. what: for
   messages (static) */
void object_finish_metatable(lua_State *L, const char *what);

/* End the script, since what it wants to know could not be found out. why: may
   be NULL. */
void object_raise_doubt(lua_State *L, const char *what, const char *why);

/* The adapter may keep a text that it has fetched until the call ends. So it
   counts into the call's memory, each time. */
void object_charge_text(lua_State *L, const char *text);

/* Push one value or nil; return 1. what: for errors. name: of the header or
   field, or NULL. */
int object_push_number(lua_State *L, enum script_field field,
		       const char *what);
int object_push_flag(lua_State *L, enum script_field field, const char *what);
int object_push_text(lua_State *L, enum script_field field, const char *name,
		     const char *what);
/* Whole days from then to the session's now, rounded down. */
int object_push_days(lua_State *L, enum script_field field, const char *what);

/* Returns whether there is one; the script ends where it is not known. */
static inline bool
object_fetch(lua_State *L, enum script_field field, const char *name,
	     const char *what, struct script_value *value_r)
{
	const struct script_question *question = script_of(L)->question;
	int ret;

	value_r->number = 0;
	value_r->text = NULL;
	value_r->list = NULL;
	ret = question->get(question->context, field, name, value_r);
	if (ret < 0)
		object_raise_doubt(L, what, value_r->text);
	return ret > 0;
}

/* Lua keeps one copy of each short string, so that the address of a field's
   name mostly says which it is; else its number is looked up. */
static inline unsigned int object_hash_address(const void *address)
{
	return (unsigned int)((uintptr_t)address >> 4 ^
			      (uintptr_t)address >> 10) %
		SCRIPT_FIELD_SLOTS;
}

/* Returns the number of the field that is read, 0 = unknown. */
static inline unsigned int
object_get_field(lua_State *L, struct script_field_slot *slots)
{
	const void *name = lua_topointer(L, 2);
	struct script_field_slot *slot = &slots[object_hash_address(name)];
	unsigned int field;

	if (slot->name == name && name != NULL)
		return slot->field;
	lua_pushvalue(L, 2);
	(void)lua_rawget(L, lua_upvalueindex(OBJECT_UPVALUE_NUMBERS));
	field = (unsigned int)lua_tointegerx(L, -1, NULL);
	lua_pop(L, 1);
	if (field != 0) {
		/* it stays: the table of numbers has it as a key */
		slot->name = name;
		slot->field = field;
	}
	return field;
}

#endif
