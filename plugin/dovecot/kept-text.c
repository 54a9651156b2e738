/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "array.h"
#include "crc32.h"
#include "hex-binary.h"
#include "str.h"
#include "pop3-policy/uidl.h"
#include "kept-text.h"

#define KEPT_VERSION 1
#define CHECKSUM_LENGTH 8
/* Far above what a mailbox can have, far below what could not be read. */
#define KEPT_PARTS_MAX 100000

static void append_checksum(string_t *dest, size_t begin)
{
	uint32_t crc = crc32_data(str_data(dest) + begin,
				  str_len(dest) - begin);

	str_insert(dest, begin, t_strdup_printf("%08x ", crc));
}

/* Returns what follows the checksum, or NULL if that is wrong. */
static const char *skip_checksum(const char *text)
{
	if (strlen(text) <= CHECKSUM_LENGTH ||
	    memcmp(text, t_strdup_printf("%08x ", crc32_str(
		text + CHECKSUM_LENGTH + 1)), CHECKSUM_LENGTH + 1) != 0)
		return NULL;
	return text + CHECKSUM_LENGTH + 1;
}

static bool is_plain(unsigned char c)
{
	return c > 0x20 && c < 0x7f && c != '%';
}

static void append_escaped(string_t *dest, const char *text)
{
	for (; *text != '\0'; text++) {
		if (is_plain(*text))
			str_append_c(dest, *text);
		else
			str_printfa(dest, "%%%02x", (unsigned char)*text);
	}
}

/* In place. Returns FALSE if it is damaged. */
static bool unescape(char *text)
{
	buffer_t byte;
	unsigned char c;
	char *dest = text;

	for (; *text != '\0'; text++) {
		if (*text != '%') {
			*dest++ = *text;
			continue;
		}
		buffer_create_from_data(&byte, &c, sizeof(c));
		if (text[1] == '\0' || text[2] == '\0' ||
		    hex_to_binary(t_strndup(text + 1, 2), &byte) < 0 ||
		    c == '\0')
			return FALSE;
		*dest++ = c;
		text += 2;
	}
	*dest = '\0';
	return TRUE;
}

void kept_text_append_head(string_t *dest, const struct kept_head *head)
{
	size_t begin = str_len(dest);

	str_printfa(dest, "%u %s %u %u %u %u", KEPT_VERSION, head->generation,
		    head->uid_validity, head->uidnext, head->messages,
		    head->parts);
	append_checksum(dest, begin);
}

void kept_text_append_part(string_t *dest, const char *generation,
			   const ARRAY_TYPE(kept_uidl) *uidls,
			   unsigned int *index)
{
	const struct kept_uidl *kept;
	size_t begin = str_len(dest);

	str_append(dest, generation);
	while (*index < array_count(uidls) &&
	       str_len(dest) - begin < KEPT_PART_BYTES) {
		kept = array_idx(uidls, (*index)++);
		str_printfa(dest, " %u ", kept->uid);
		append_escaped(dest, kept->guid);
		str_append_c(dest, ' ');
		str_append(dest, kept->uidl);
	}
	append_checksum(dest, begin);
}

bool kept_text_parse_head(const char *text, struct kept_head *head_r)
{
	const char *const *words;
	unsigned int version;

	text = skip_checksum(text);
	if (text == NULL)
		return FALSE;
	words = t_strsplit(text, " ");
	return str_array_length(words) == 6 &&
		str_to_uint(words[0], &version) == 0 &&
		version == KEPT_VERSION &&
		i_strocpy(head_r->generation, words[1],
			  sizeof(head_r->generation)) == 0 &&
		str_to_uint32(words[2], &head_r->uid_validity) == 0 &&
		str_to_uint32(words[3], &head_r->uidnext) == 0 &&
		str_to_uint(words[4], &head_r->messages) == 0 &&
		str_to_uint(words[5], &head_r->parts) == 0 &&
		head_r->parts <= KEPT_PARTS_MAX;
}

int kept_text_parse_part(const char *text, const char *generation,
			 pool_t pool, ARRAY_TYPE(kept_uidl) *uidls)
{
	struct kept_uidl *kept;
	char *word, *guid, *uidl, *next;

	text = skip_checksum(text);
	if (text == NULL)
		return -1;
	word = p_strdup(pool, text);
	next = strchr(word, ' ');
	if (next != NULL)
		*next++ = '\0';
	if (strcmp(word, generation) != 0)
		return 0;

	for (word = next; word != NULL; word = next) {
		guid = strchr(word, ' ');
		uidl = guid == NULL ? NULL : strchr(guid + 1, ' ');
		if (uidl == NULL)
			return -1;
		*guid++ = '\0';
		*uidl++ = '\0';
		next = strchr(uidl, ' ');
		if (next != NULL)
			*next++ = '\0';
		kept = array_append_space(uidls);
		if (str_to_uint32(word, &kept->uid) < 0 || !unescape(guid) ||
		    guid[0] == '\0' || !uidl_is_valid(uidl))
			return -1;
		kept->guid = guid;
		kept->uidl = uidl;
	}
	return 1;
}
