/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "uidl-texts.h"

#define STEP 16

struct uidl_texts {
	char *texts;
	size_t size, used;
	/* Of each message whose number is a multiple of STEP */
	size_t *offsets;
	uint32_t count, added;
};

struct uidl_texts *
uidl_texts_create(pool_t pool, uint32_t count, size_t size)
{
	struct uidl_texts *texts = p_new(pool, struct uidl_texts, 1);

	texts->texts = p_malloc(pool, size);
	texts->size = size;
	texts->offsets = p_new(pool, size_t, (size_t)count / STEP + 1);
	texts->count = count;
	return texts;
}

void uidl_texts_add(struct uidl_texts *texts, const char *uidl)
{
	size_t size = strlen(uidl) + 1;

	i_assert(texts->added < texts->count &&
		 size <= texts->size - texts->used);
	if (texts->added % STEP == 0)
		texts->offsets[texts->added / STEP] = texts->used;
	memcpy(texts->texts + texts->used, uidl, size);
	texts->used += size;
	texts->added++;
}

const char *uidl_texts_get(const struct uidl_texts *texts, uint32_t msgnum)
{
	const char *text;
	uint32_t i;

	i_assert(msgnum < texts->added);
	text = texts->texts + texts->offsets[msgnum / STEP];
	for (i = msgnum % STEP; i > 0; i--)
		text += strlen(text) + 1;
	return text;
}
