/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pop3-policy/uidl-listing.h"
#include "pop3-policy/uidl.h"
#include "arena.h"
#include "policy-error.h"
#include "policy-text.h"

#include <string.h>

#define MAX_ERRORS 20
#define SHOWN_BYTES 40

#define EXPECTED_LINE "expected NUMBER UIDL, NUMBER UIDL SIZE, " \
	"UIDL<TAB>IDENTITY or what POP3 answers to UIDL and LIST"
#define EXPECTED_UIDL "expected a UIDL of 1 to 70 characters 0x21 to 0x7E"
#define EXPECTED_IDENTITY "expected a Message-ID in <>, a GUID or 64 " \
	"hexadecimal digits of SHA-256"

enum listing_form {
	LISTING_FORM_UNKNOWN,
	LISTING_FORM_NUMBERED,
	LISTING_FORM_IDENTITIES,
};

enum listing_part {
	LISTING_PART_UIDL,
	LISTING_PART_LIST,
	LISTING_PARTS,
};

/* One line of an answer to UIDL or LIST. */
struct listing_row {
	uint64_t number;
	const char *uidl;
	uint64_t size;
	unsigned int line;
};

struct listing_rows {
	struct listing_row *items;
	size_t count, room;
	bool has_begun;
};

struct listing_parser {
	struct policy_arena *arena;
	struct policy_errors errors;
	enum listing_form form;
	unsigned int line;

	/* of LISTING_FORM_IDENTITIES, and what the others become */
	struct uidl_listing_entry *entries;
	size_t count, room;

	/* of LISTING_FORM_NUMBERED */
	struct listing_rows rows[LISTING_PARTS];
	/* The part that lines belong to; NULL between parts */
	struct listing_rows *part;
	/* The one that a line has announced, or NULL */
	struct listing_rows *announced;
	/* "+OK" stands in front of the part, so that "." must end it. */
	bool has_ok;
	/* Lines of UIDL have sizes; known once there is one */
	bool has_sizes;
	/* Is there anything that an empty file hasn't got? */
	bool has_begun;
};

/* For errors, as ASCII. */
static const char *
listing_shown(const struct policy_piece *piece, char shown_r[SHOWN_BYTES + 1])
{
	size_t i;

	for (i = 0; i < piece->length && i < SHOWN_BYTES; i++) {
		shown_r[i] = piece->data[i] >= 0x20 && piece->data[i] < 0x7F ?
			piece->data[i] : '?';
	}
	shown_r[i] = '\0';
	return shown_r;
}

static void
listing_error(struct listing_parser *parser, const struct policy_piece *piece,
	      const char *expected)
{
	char shown[SHOWN_BYTES + 1];

	policy_errors_add(&parser->errors, piece->line, piece->column,
			  "%s, not \"%s\"", expected,
			  listing_shown(piece, shown));
}

static bool piece_get_number(const struct policy_piece *piece,
			     uint64_t *number_r)
{
	uint64_t number = 0;
	size_t i;

	/* So many digits always fit. */
	if (piece->length == 0 || piece->length > 18)
		return false;
	for (i = 0; i < piece->length; i++) {
		if (piece->data[i] < '0' || piece->data[i] > '9')
			return false;
		number = number * 10 + (uint64_t)(piece->data[i] - '0');
	}
	*number_r = number;
	return true;
}

static bool piece_is_printable(const struct policy_piece *piece)
{
	size_t i;

	for (i = 0; i < piece->length; i++) {
		if (piece->data[i] < 0x21 || piece->data[i] > 0x7E)
			return false;
	}
	return piece->length > 0;
}

static const char *
listing_get_uidl(struct listing_parser *parser,
		 const struct policy_piece *piece)
{
	if (!piece_is_printable(piece) || piece->length > UIDL_MAX_LENGTH) {
		listing_error(parser, piece, EXPECTED_UIDL);
		return NULL;
	}
	return policy_arena_strndup(parser->arena, piece->data, piece->length);
}

static struct uidl_listing_entry *
listing_add_entry(struct listing_parser *parser)
{
	void *entries = parser->entries;

	if (policy_arena_grow(parser->arena, &entries, &parser->room,
			      parser->count + 1, sizeof(*parser->entries)) < 0)
		return NULL;
	parser->entries = entries;
	return &parser->entries[parser->count++];
}

/*
 * UIDL<TAB>IDENTITY
 */

static bool piece_is_hex(const struct policy_piece *piece)
{
	char c;
	size_t i;

	for (i = 0; i < piece->length; i++) {
		c = policy_ascii_lower(piece->data[i]);
		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
			return false;
	}
	return true;
}

/* In Message-IDs anything is met but what ends them. */
static bool piece_is_message_id(const struct policy_piece *piece)
{
	size_t i;

	if (piece->length < 3 || piece->data[0] != '<' ||
	    piece->data[piece->length - 1] != '>')
		return false;
	for (i = 1; i + 1 < piece->length; i++) {
		if ((unsigned char)piece->data[i] <= 0x20 ||
		    piece->data[i] == 0x7F || piece->data[i] == '>')
			return false;
	}
	return true;
}

static enum uidl_identity piece_get_identity(const struct policy_piece *piece)
{
	if (piece->length > UIDL_IDENTITY_MAX_LENGTH)
		return UIDL_IDENTITY_NONE;
	if (piece->length > 0 && piece->data[0] == '<') {
		return piece_is_message_id(piece) ? UIDL_IDENTITY_MESSAGE_ID :
			UIDL_IDENTITY_NONE;
	}
	if (!piece_is_printable(piece))
		return UIDL_IDENTITY_NONE;
	if (!piece_is_hex(piece))
		return UIDL_IDENTITY_GUID;
	return piece->length == 64 ? UIDL_IDENTITY_CONTENT :
		piece->length == 32 ? UIDL_IDENTITY_GUID_128 :
		UIDL_IDENTITY_NONE;
}

static void
listing_parse_identity(struct listing_parser *parser,
		       struct policy_piece line, size_t tab)
{
	struct policy_piece uidl_piece = line;
	struct uidl_listing_entry *entry;
	enum uidl_identity identity;
	const char *uidl;
	char *value, *p;

	uidl_piece.length = tab;
	policy_piece_skip(&line, tab + 1);
	policy_piece_trim(&line);
	uidl = listing_get_uidl(parser, &uidl_piece);
	if (uidl == NULL)
		return;
	identity = piece_get_identity(&line);
	if (identity == UIDL_IDENTITY_NONE) {
		listing_error(parser, &line, EXPECTED_IDENTITY);
		return;
	}
	if (identity == UIDL_IDENTITY_CONTENT)
		line.length = 32;
	value = policy_arena_strndup(parser->arena, line.data, line.length);
	entry = listing_add_entry(parser);
	if (value == NULL || entry == NULL)
		return;
	if (identity == UIDL_IDENTITY_CONTENT ||
	    identity == UIDL_IDENTITY_GUID_128) {
		for (p = value; *p != '\0'; p++)
			*p = policy_ascii_lower(*p);
	}
	entry->uidl = uidl;
	entry->identity = identity;
	entry->value = value;
	entry->line = line.line;
}

/*
 * What POP3 answers
 */

/* Another part begins. Returns NULL if there are both already. */
static struct listing_rows *listing_begin_part(struct listing_parser *parser)
{
	struct listing_rows *part = parser->announced;
	enum listing_part i;

	for (i = 0; part == NULL && i < LISTING_PARTS; i++) {
		if (!parser->rows[i].has_begun)
			part = &parser->rows[i];
	}
	if (part == NULL || part->has_begun)
		return NULL;
	part->has_begun = true;
	parser->announced = NULL;
	parser->part = part;
	return part;
}

static void
listing_end_part(struct listing_parser *parser,
		 const struct policy_piece *line)
{
	if (parser->part != NULL && parser->has_ok) {
		policy_errors_add(&parser->errors, line->line, 1,
				  "expected more messages, or a line with a "
				  "\".\" that ends the listing that began "
				  "with +OK");
	}
	parser->part = NULL;
	parser->has_ok = false;
}

static void
listing_parse_dot(struct listing_parser *parser,
		  const struct policy_piece *line)
{
	if (parser->part == NULL && listing_begin_part(parser) == NULL)
		listing_error(parser, line, "expected no third listing");
	parser->part = NULL;
	parser->has_ok = false;
}

/* Which part is it, without "." and "+OK" in between? */
static struct listing_rows *
listing_get_part(struct listing_parser *parser, uint64_t number)
{
	const struct listing_rows *part = parser->part;

	if (part == NULL ||
	    (!parser->has_ok && !parser->has_sizes && part->count > 0 &&
	     number == part->items[0].number))
		return listing_begin_part(parser);
	return parser->part;
}

static void
listing_parse_size(struct listing_parser *parser,
		   const struct policy_piece *piece, uint64_t *size_r)
{
	if (!piece_get_number(piece, size_r))
		listing_error(parser, piece, "expected a size in bytes");
}

static void
listing_parse_row(struct listing_parser *parser, struct policy_piece line)
{
	struct policy_piece number = policy_piece_cut_word(&line);
	struct policy_piece word = policy_piece_cut_word(&line);
	struct listing_row row = { .line = line.line };
	struct listing_rows *part;
	void *items;

	if (!piece_get_number(&number, &row.number) || row.number == 0 ||
	    word.length == 0) {
		listing_error(parser, &number, EXPECTED_LINE);
		return;
	}
	part = listing_get_part(parser, row.number);
	if (part == NULL) {
		listing_error(parser, &number, "expected no third listing");
		return;
	}
	if (part->count > 0 &&
	    row.number <= part->items[part->count - 1].number) {
		listing_error(parser, &number,
			      "expected a number higher than the one before");
		return;
	}
	if (part == &parser->rows[LISTING_PART_LIST])
		listing_parse_size(parser, &word, &row.size);
	else {
		row.uidl = listing_get_uidl(parser, &word);
		if (part->count == 0)
			parser->has_sizes = line.length > 0;
		if (parser->has_sizes) {
			word = policy_piece_cut_word(&line);
			listing_parse_size(parser, &word, &row.size);
		}
	}
	if (line.length > 0)
		listing_error(parser, &line, "expected the end of the line");
	items = part->items;
	if (policy_arena_grow(parser->arena, &items, &part->room,
			      part->count + 1, sizeof(row)) < 0)
		return;
	part->items = items;
	part->items[part->count++] = row;
}

static bool
piece_begins_with(const struct policy_piece *piece, const char *word)
{
	size_t length = strlen(word);

	return piece->length >= length &&
		policy_ascii_equals(piece->data, length, word, length) &&
		(piece->length == length ||
		 policy_is_blank(piece->data[length]));
}

/* Returns false if it is a message. */
static bool
listing_parse_frame(struct listing_parser *parser,
		    const struct policy_piece *line)
{
	enum listing_part part;

	if (policy_piece_equals(line, ".")) {
		listing_parse_dot(parser, line);
	} else if (piece_begins_with(line, "+OK")) {
		listing_end_part(parser, line);
		parser->has_ok = true;
		return true;
	} else if (piece_begins_with(line, "-ERR")) {
		listing_error(parser, line, "expected +OK");
	} else if (policy_ascii_equals(line->data, line->length, "UIDL", 4) ||
		   policy_ascii_equals(line->data, line->length, "LIST", 4)) {
		part = policy_ascii_lower(line->data[0]) == 'u' ?
			LISTING_PART_UIDL : LISTING_PART_LIST;
		listing_end_part(parser, line);
		parser->announced = &parser->rows[part];
		return true;
	} else {
		return false;
	}
	parser->has_begun = true;
	return true;
}

static void
listing_parse_line(struct listing_parser *parser, struct policy_piece line)
{
	const char *tab;

	parser->line = line.line;
	policy_piece_trim(&line);
	if (line.length == 0)
		return;
	if (parser->form != LISTING_FORM_IDENTITIES &&
	    listing_parse_frame(parser, &line))
		return;
	tab = memchr(line.data, '\t', line.length);
	if (parser->form == LISTING_FORM_UNKNOWN) {
		parser->form = tab != NULL && !parser->has_begun ?
			LISTING_FORM_IDENTITIES : LISTING_FORM_NUMBERED;
	}
	parser->has_begun = true;
	if (parser->form == LISTING_FORM_NUMBERED)
		listing_parse_row(parser, line);
	else if (tab == NULL)
		listing_error(parser, &line, "expected UIDL<TAB>IDENTITY");
	else
		listing_parse_identity(parser, line,
				       (size_t)(tab - line.data));
}

/* Puts the answers to UIDL and LIST together. */
static void listing_join(struct listing_parser *parser)
{
	const struct listing_rows *uidls = &parser->rows[LISTING_PART_UIDL];
	const struct listing_rows *sizes = &parser->rows[LISTING_PART_LIST];
	const struct listing_row *row, *size;
	struct uidl_listing_entry *entry;
	size_t i;

	for (i = 0; i < uidls->count; i++) {
		row = &uidls->items[i];
		size = sizes->has_begun ? i < sizes->count ?
			&sizes->items[i] : NULL : row;
		if (size == NULL || size->number != row->number) {
			policy_errors_add(&parser->errors, row->line, 1,
				"message %llu: expected the same messages in "
				"UIDL and LIST",
				(unsigned long long)row->number);
			return;
		}
		entry = listing_add_entry(parser);
		if (entry == NULL)
			return;
		entry->uidl = row->uidl;
		entry->size = size->size;
		entry->line = row->line;
	}
	if (sizes->count > i) {
		policy_errors_add(&parser->errors, sizes->items[i].line, 1,
				  "message %llu: expected the same messages in "
				  "UIDL and LIST",
				  (unsigned long long)sizes->items[i].number);
	}
	if (sizes->has_begun)
		parser->has_sizes = true;
}

static void listing_find_duplicates(struct listing_parser *parser)
{
	struct uidl_listing_entry **table, *entry;
	size_t i, slot, size = 16;

	while (size < parser->count * 2)
		size *= 2;
	table = policy_arena_new(parser->arena, size, sizeof(*table));
	if (table == NULL)
		return;
	for (i = 0; i < parser->count; i++) {
		entry = &parser->entries[i];
		slot = uidl_hash(entry->uidl) & (size - 1);
		while (table[slot] != NULL &&
		       strcmp(table[slot]->uidl, entry->uidl) != 0)
			slot = (slot + 1) & (size - 1);
		if (table[slot] == NULL)
			table[slot] = entry;
		else
			table[slot]->is_duplicate = entry->is_duplicate = true;
	}
}

static void
listing_parse_text(struct listing_parser *parser, const char *data,
		   size_t size)
{
	struct policy_lines lines = { .data = data, .size = size, .line = 1 };
	struct policy_piece line;

	parser->line = 1;
	if (size > UIDL_LISTING_MAX_BYTES) {
		policy_errors_add(&parser->errors, 1, 1,
				  "expected no more than %u bytes",
				  UIDL_LISTING_MAX_BYTES);
		return;
	}
	while (policy_lines_next(&lines, &line) &&
	       parser->errors.count < MAX_ERRORS)
		listing_parse_line(parser, line);
	if (!policy_errors_is_empty(&parser->errors))
		return;
	if (!parser->has_begun) {
		policy_errors_add(&parser->errors, parser->line, 1,
				  "expected messages, or a line with a \".\" "
				  "for a maildrop without any");
		return;
	}
	if (parser->part != NULL && parser->has_ok) {
		policy_errors_add(&parser->errors, parser->line, 1,
				  "expected a line with a \".\" behind this "
				  "one, which ends the listing");
		return;
	}
	listing_join(parser);
	listing_find_duplicates(parser);
}

struct uidl_listing *
uidl_listing_parse(const char *name, const char *data, size_t size,
		   policy_error_func_t *report, void *context)
{
	struct listing_parser parser = { .arena = policy_arena_create() };
	struct uidl_listing *listing = NULL;

	if (parser.arena != NULL) {
		listing_parse_text(&parser, data, size);
		listing = policy_arena_new(parser.arena, 1, sizeof(*listing));
	}
	if (parser.arena == NULL || policy_arena_has_failed(parser.arena))
		policy_errors_add_no_memory(&parser.errors);
	if (policy_errors_report(&parser.errors, name, report, context) > 0) {
		policy_arena_free(&parser.arena);
		listing = NULL;
	} else {
		listing->arena = parser.arena;
		listing->entries = parser.entries;
		listing->count = parser.count;
		listing->has_sizes = parser.has_sizes;
	}
	policy_errors_deinit(&parser.errors);
	return listing;
}

void uidl_listing_free(struct uidl_listing **_listing)
{
	struct uidl_listing *listing = *_listing;
	struct policy_arena *arena;

	if (listing == NULL)
		return;
	*_listing = NULL;
	arena = listing->arena;
	policy_arena_free(&arena);
}
