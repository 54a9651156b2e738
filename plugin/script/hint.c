/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hint.h"
#include "objects.h"

#include <stdio.h>
#include <string.h>

/* What Lua says, in the parts that it says it in. The first one that fits. */
static const struct hint {
	const char *said, *also, *advice;
} hints[] = {
	/* of the parser */
	{ " expected near '='", "", "to compare, write ==" },
	{ " near '!'", "", "write not for !, and ~= for !=" },
	{ " near '&'", "", "write and for &&" },
	{ " near '|'", "", "write or for ||" },
	{ " near '{'", "", "blocks have no braces: if ... then ... end, "
	  "function ... end" },
	{ "syntax error near '+'", "", "write n = n + 1" },
	{ "unexpected symbol near '/", "", "a comment begins with --" },
	{ "unexpected symbol near '<\\2", "", "quotation marks are \" or '" },
	{ "'end' expected", "near <eof>", "each function, if, for and while "
	  "has an end of its own; else if is one word, elseif" },
	{ "<eof> expected near 'end'", "", "there is one end too many" },
	/* of a call */
	{ ": attempt to compare ", "nil", "nil is what is not there: ask for "
	  "it first, like if x and x > 3" },
	{ ": attempt to compare ", "string", "tonumber(text) makes a number "
	  "of a text" },
	{ ": attempt to concatenate a nil value", "", "nil is what is not "
	  "there: write (x or \"\")" },
	{ ": attempt to perform arithmetic on a nil value", "", "nil is what "
	  "is not there: ask for it first, like if x and x > 3" },
	{ ": attempt to index a function value (field 'header", "",
	  "write message:header(\"Subject\")" },
};

static const char *find_advice(const char *text)
{
	const char *said;
	size_t i;

	for (i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
		said = strstr(text, hints[i].said);
		if (said != NULL &&
		    strstr(said + strlen(hints[i].said),
			   hints[i].also) != NULL)
			return hints[i].advice;
	}
	return NULL;
}

/* message:size() says "attempt to call a number value (method 'size')". */
static bool find_called_field(const char *text, char *field, size_t size)
{
	static const char *const kinds[] = { " (method '", " (field '" };
	const char *name = NULL, *end;
	size_t i;

	if (strstr(text, ": attempt to call ") == NULL)
		return false;
	for (i = 0; name == NULL && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		name = strstr(text, kinds[i]);
		if (name != NULL)
			name += strlen(kinds[i]);
	}
	end = name == NULL ? NULL : strchr(name, '\'');
	if (end == NULL || (size_t)(end - name) >= size)
		return false;
	memcpy(field, name, (size_t)(end - name));
	field[end - name] = '\0';
	return objects_has_field(field);
}

static bool has_message(const struct script *script)
{
	return script->question == NULL ||
		(script->question->hook != SCRIPT_HOOK_AUTH &&
		 script->question->hook != SCRIPT_HOOK_LOGIN &&
		 script->question->hook != SCRIPT_HOOK_LOGOUT);
}

void script_hint_add(const struct script *script, char *text, size_t size)
{
	const char *advice = find_advice(text);
	size_t used = strlen(text);
	char field[40];

	if (find_called_field(text, field, sizeof(field))) {
		(void)snprintf(text + used, size - used,
			       "; %s is a field: use a dot and no ()", field);
	} else if (!has_message(script) &&
		   strstr(text, ": attempt to index a nil value "
			  "(local 'message')") != NULL) {
		(void)snprintf(text + used, size - used,
			       "; pop3_policy_%s gets no message",
			       script_hook_name(script->question->hook));
	} else if (advice != NULL)
		(void)snprintf(text + used, size - used, "; %s", advice);
}
