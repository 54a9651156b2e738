/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy-error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ERROR_TEXT_BYTES 500

void policy_errors_deinit(struct policy_errors *errors)
{
	size_t i;

	for (i = 0; i < errors->count; i++)
		free(errors->items[i].text);
	free(errors->items);
	memset(errors, 0, sizeof(*errors));
}

static void
errors_append(struct policy_errors *errors, unsigned int line,
	      unsigned int column, const char *text)
{
	struct policy_error *items;
	size_t room;
	char *copy;

	if (errors->count == errors->room) {
		room = errors->room == 0 ? 8 : errors->room * 2;
		items = room > SIZE_MAX / sizeof(*items) ? NULL :
			realloc(errors->items, room * sizeof(*items));
		if (items == NULL) {
			errors->no_memory = true;
			return;
		}
		errors->items = items;
		errors->room = room;
	}
	copy = strdup(text);
	if (copy == NULL) {
		errors->no_memory = true;
		return;
	}
	items = &errors->items[errors->count];
	items->line = line;
	items->column = column;
	items->seq = errors->count++;
	items->text = copy;
}

void policy_errors_add(struct policy_errors *errors, unsigned int line,
		       unsigned int column, const char *format, ...)
{
	char text[ERROR_TEXT_BYTES + 1];
	size_t end;
	va_list args;
	int ret;

	va_start(args, format);
	ret = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (ret < 0) {
		errors->no_memory = true;
		return;
	}
	if ((size_t)ret >= sizeof(text)) {
		/* never leave half a character behind */
		end = ERROR_TEXT_BYTES;
		while (end > 0 && ((unsigned char)text[end - 1] & 0xC0) == 0x80)
			end--;
		if (end > 0 && (unsigned char)text[end - 1] >= 0xC0)
			end--;
		text[end] = '\0';
	}
	errors_append(errors, line, column, text);
}

void policy_errors_add_no_memory(struct policy_errors *errors)
{
	errors->no_memory = true;
}

void policy_errors_copy(struct policy_errors *errors,
			const struct policy_errors *src)
{
	size_t i;

	for (i = 0; i < src->count; i++) {
		errors_append(errors, src->items[i].line, src->items[i].column,
			      src->items[i].text);
	}
	if (src->no_memory)
		errors->no_memory = true;
}

bool policy_errors_is_empty(const struct policy_errors *errors)
{
	return errors->count == 0 && !errors->no_memory;
}

static int policy_error_cmp(const void *p1, const void *p2)
{
	const struct policy_error *e1 = p1, *e2 = p2;

	if (e1->line != e2->line)
		return e1->line < e2->line ? -1 : 1;
	if (e1->column != e2->column)
		return e1->column < e2->column ? -1 : 1;
	return e1->seq < e2->seq ? -1 : e1->seq > e2->seq;
}

size_t policy_errors_report(struct policy_errors *errors, const char *file,
			    policy_error_func_t *report, void *context)
{
	const struct policy_error *item, *prev = NULL;
	size_t i, reported = 0;

	if (errors->count > 0) {
		qsort(errors->items, errors->count, sizeof(*errors->items),
		      policy_error_cmp);
	}
	for (i = 0; i < errors->count; i++) {
		item = &errors->items[i];
		if (prev != NULL && prev->line == item->line &&
		    prev->column == item->column)
			continue;
		if (report != NULL) {
			report(context, file, item->line, item->column,
			       item->text);
		}
		prev = item;
		reported++;
	}
	if (errors->no_memory) {
		if (report != NULL)
			report(context, file, 0, 0, "Out of memory");
		reported++;
	}
	return reported;
}
