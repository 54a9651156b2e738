/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy-file.h"
#include "arena.h"
#include "pop3-policy/login.h"

#include <stdio.h>
#include <string.h>

/* Nobody writes more between brackets; who types more has no device. */
#define DEVICE_SECTION_MAX_BYTES 512
/* A key this near to one that matters may be meant to be it. */
#define SLIP_DISTANCE 2

static const char section_kind_names[][8] = {
	"default", "policy", "user", "domain"
};
#define SECTION_KINDS_COUNT \
	(sizeof(section_kind_names) / sizeof(section_kind_names[0]))

struct file_indexer {
	struct policy_file *file;
	struct policy_lines lines;
	/* Index of the section that the lines belong to, or NONE before the
	   first header and behind a broken one. */
	size_t section;
	bool header_seen;
	bool stray_text_reported;
};

const char *policy_section_kind_name(enum policy_section_kind kind)
{
	return section_kind_names[kind];
}

bool policy_section_kind_parse(const char *text, size_t length,
			       enum policy_section_kind *kind_r)
{
	size_t i;

	for (i = 0; i < SECTION_KINDS_COUNT; i++) {
		if (strlen(section_kind_names[i]) == length &&
		    memcmp(section_kind_names[i], text, length) == 0) {
			*kind_r = (enum policy_section_kind)i;
			return true;
		}
	}
	return false;
}

static bool
section_names_equal(enum policy_section_kind kind, const char *a,
		    size_t a_length, const char *b, size_t b_length)
{
	if (kind == POLICY_SECTION_DOMAIN)
		return policy_ascii_equals(a, a_length, b, b_length);
	return a_length == b_length && memcmp(a, b, a_length) == 0;
}

/* FNV-1a */
static size_t
section_hash(enum policy_section_kind kind, const char *name, size_t length)
{
	uint64_t hash = UINT64_C(14695981039346656037) + kind;
	size_t i;

	for (i = 0; i < length; i++) {
		hash ^= (unsigned char)(kind == POLICY_SECTION_DOMAIN ?
			policy_ascii_lower(name[i]) : name[i]);
		hash *= UINT64_C(1099511628211);
	}
	return (size_t)(hash ^ hash >> 32);
}

/* Returns the slot of this name: a used one, or the one to put it into. */
static uint32_t *
file_find_slot(const struct policy_file *file, enum policy_section_kind kind,
	       const char *name, size_t length)
{
	const struct policy_section *section;
	size_t i = section_hash(kind, name, length) & file->table_mask;

	for (; file->table[i] != 0; i = (i + 1) & file->table_mask) {
		section = &file->sections[file->table[i] - 1];
		if (section->kind == kind &&
		    section_names_equal(kind, section->name,
					section->name_length, name, length))
			break;
	}
	return &file->table[i];
}

const struct policy_section *
policy_file_find(const struct policy_file *file, enum policy_section_kind kind,
		 const char *name, size_t length)
{
	uint32_t slot = *file_find_slot(file, kind, name, length);

	return slot == 0 ? NULL : &file->sections[slot - 1];
}

static int file_build_table(struct policy_file *file)
{
	struct policy_section *section;
	size_t i, slots = 8;
	uint32_t *slot;

	if (file->sections_count >= UINT32_MAX)
		return -1;
	while (slots / 2 < file->sections_count)
		slots *= 2;
	file->table = policy_arena_new(file->arena, slots,
				       sizeof(*file->table));
	if (file->table == NULL)
		return -1;
	file->table_mask = slots - 1;

	/* backwards, so that the first one of a name ends up in the table and
	   the others hang on it in their order */
	for (i = file->sections_count; i > 0; i--) {
		section = &file->sections[i - 1];
		slot = file_find_slot(file, section->kind, section->name,
				      section->name_length);
		section->next_same = POLICY_SECTION_NONE;
		if (*slot != 0) {
			section->next_same = *slot - 1;
			file->sections[*slot - 1].is_repeated = true;
		}
		*slot = (uint32_t)i;
	}
	return 0;
}

static void
header_error(struct file_indexer *indexer, const struct policy_piece *at,
	     const char *text)
{
	policy_errors_add(&indexer->file->errors, at->line, at->column,
			  "%s", text);
}

/* Takes the name out of a header. Returns 0, or -1 after reporting. */
static int
header_parse(struct file_indexer *indexer, const struct policy_piece *line,
	     enum policy_section_kind *kind_r, struct policy_piece *name_r)
{
	struct policy_piece inside = *line, behind = *line, word;
	const char *close, *bad;
	size_t offset;

	bad = policy_text_find_bad(line->data, line->length, false, &offset);
	if (bad != NULL) {
		policy_piece_skip(&behind, offset);
		header_error(indexer, &behind, bad);
		return -1;
	}
	close = memchr(line->data, ']', line->length);
	if (close == NULL) {
		header_error(indexer, line,
			     "expected a \"]\" at the end of this header");
		return -1;
	}
	policy_piece_skip(&behind, (size_t)(close - line->data) + 1);
	policy_piece_trim(&behind);
	if (behind.length > 0) {
		header_error(indexer, &behind,
			     "expected nothing behind the \"]\" of a header");
		return -1;
	}

	inside.length = (size_t)(close - line->data);
	policy_piece_skip(&inside, 1);
	word = policy_piece_cut_word(&inside);
	if (!policy_section_kind_parse(word.data, word.length, kind_r)) {
		policy_errors_add(&indexer->file->errors, word.line,
			word.column, "unknown kind of section \"%.*s\"; "
			"expected [default], [policy NAME], [user NAME] or "
			"[domain NAME]",
			policy_text_shown(word.data, word.length), word.data);
		return -1;
	}
	*name_r = inside;
	if (*kind_r == POLICY_SECTION_DEFAULT) {
		if (inside.length == 0)
			return 0;
		header_error(indexer, &inside,
			     "[default] takes no name; expected \"]\"");
		return -1;
	}
	if (inside.length == 0) {
		policy_errors_add(&indexer->file->errors, inside.line,
			inside.column, "expected a name behind \"%s\"",
			policy_section_kind_name(*kind_r));
		return -1;
	}
	if (inside.data[0] == '"' || inside.data[0] == '\'') {
		header_error(indexer, &inside,
			     "expected a name without quotes");
		return -1;
	}
	if (*kind_r == POLICY_SECTION_USER)
		return 0;

	(void)policy_piece_cut_word(&inside);
	if (inside.length > 0) {
		policy_errors_add(&indexer->file->errors, inside.line,
			inside.column, "expected one word as the name of a %s",
			policy_section_kind_name(*kind_r));
		return -1;
	}
	if (*kind_r == POLICY_SECTION_DOMAIN &&
	    memchr(name_r->data, '@', name_r->length) != NULL) {
		header_error(indexer, name_r, "expected the domain alone, "
			     "which is what follows the \"@\"");
		return -1;
	}
	return 0;
}

static int
index_header(struct file_indexer *indexer, const struct policy_piece *line)
{
	struct policy_file *file = indexer->file;
	struct policy_section *section;
	enum policy_section_kind kind;
	struct policy_piece name;
	void *sections = file->sections;
	const char *kind_name;
	char *text;

	indexer->header_seen = true;
	indexer->section = POLICY_SECTION_NONE;
	if (header_parse(indexer, line, &kind, &name) < 0)
		return 0;

	kind_name = policy_section_kind_name(kind);
	text = policy_arena_new(file->arena,
				strlen(kind_name) + name.length + 2, 1);
	if (text == NULL ||
	    policy_arena_grow(file->arena, &sections, &file->sections_room,
			      file->sections_count + 1, sizeof(*section)) < 0)
		return -1;
	file->sections = sections;

	indexer->section = file->sections_count++;
	section = &file->sections[indexer->section];
	memset(section, 0, sizeof(*section));
	section->kind = kind;
	section->text = text;
	strcpy(text, kind_name);
	text += strlen(text);
	if (name.length > 0) {
		*text++ = ' ';
		memcpy(text, name.data, name.length);
	}
	section->name = text;
	section->name_length = name.length;
	section->line = line->line;
	section->body = indexer->lines;
	section->body.size = section->body.offset;
	return 0;
}

/* Is it this key or, unless it is known as another, a slip for it? */
static bool
key_is_guard(const struct policy_piece *key, bool known, const char *guard)
{
	return known ? policy_piece_equals(key, guard) :
		policy_text_distance(key->data, key->length, guard,
				     strlen(guard), SLIP_DISTANCE) <=
		SLIP_DISTANCE;
}

/* Text that is no key, like "show all", may be one all the same. */
static void
index_key(struct file_indexer *indexer, const struct policy_piece *line)
{
	struct policy_section *section =
		indexer->section == POLICY_SECTION_NONE ? NULL :
		&indexer->file->sections[indexer->section];
	struct policy_piece rest = *line, key;
	bool indented = policy_is_blank(line->data[0]), assigned, known;

	if (indented && memchr(line->data, '=', line->length) == NULL)
		return;
	policy_piece_trim(&rest);
	key = rest;
	key.length = 0;
	while (key.length < rest.length && rest.data[key.length] != '=' &&
	       !policy_is_blank(rest.data[key.length]))
		key.length++;
	policy_piece_skip(&rest, key.length);
	policy_piece_trim(&rest);
	assigned = rest.length > 0 && rest.data[0] == '=';
	if (indented && !assigned)
		return;

	known = policy_key_is_known(key.data, key.length);
	if (key_is_guard(&key, known, "show") ||
	    key_is_guard(&key, known, "script") ||
	    key_is_guard(&key, known, "mechanisms") ||
	    key_is_guard(&key, known, "login_delay")) {
		indexer->file->has_guards = true;
		if (section != NULL)
			section->has_guards = true;
	}
	if (section == NULL)
		return;

	if (policy_piece_equals(&key, "inherit") && assigned && !indented) {
		if (section->inherit_count++ == 0) {
			policy_piece_skip(&rest, 1);
			policy_piece_trim(&rest);
			section->inherit = rest;
		}
	} else if (known ? policy_piece_equals(&key, "inherit") :
		   policy_text_distance(key.data, key.length, "inherit", 7,
					SLIP_DISTANCE) <= SLIP_DISTANCE)
		section->has_unclear_inherit = true;
}

/* A header behind blanks, or behind what looks like nothing or a blank (a byte
   order mark where two files were joined, a no-break space), would silently
   belong to the section above, and its users would fall to another one. */
static bool is_misplaced_header(const struct policy_piece *line)
{
	struct policy_piece word = *line;
	enum policy_section_kind kind;
	size_t length = 0;

	while (word.length > 0 && (policy_is_blank(word.data[0]) ||
				   (unsigned char)word.data[0] >= 0x80))
		policy_piece_skip(&word, 1);
	if (word.length == 0 || word.data[0] != '[')
		return false;
	policy_piece_skip(&word, 1);
	policy_piece_trim(&word);
	while (length < word.length && word.data[length] != ']' &&
	       !policy_is_blank(word.data[length]))
		length++;
	return policy_section_kind_parse(word.data, length, &kind);
}

static void
index_stray_text(struct file_indexer *indexer, const struct policy_piece *line,
		 bool is_comment)
{
	struct policy_piece at = *line;
	const char *text;
	size_t offset;

	text = policy_text_find_bad(line->data, line->length, is_comment,
				    &offset);
	if (text != NULL)
		policy_piece_skip(&at, offset);
	else if (is_comment)
		return;
	else {
		policy_piece_trim(&at);
		text = "expected a section header like [default] before "
			"anything else";
	}
	/* where the header itself is missing, once says it all */
	if (!indexer->stray_text_reported)
		header_error(indexer, &at, text);
	indexer->stray_text_reported = true;
}

static int
index_line(struct file_indexer *indexer, const struct policy_piece *line)
{
	struct policy_file *file = indexer->file;
	struct policy_piece at;

	if (line->length > 0 && line->data[0] == '[')
		return index_header(indexer, line);

	if (indexer->section != POLICY_SECTION_NONE) {
		file->sections[indexer->section].body.size =
			indexer->lines.offset;
	}
	if (policy_piece_is_blank(line))
		return 0;
	if (line->data[0] == '#') {
		if (!indexer->header_seen)
			index_stray_text(indexer, line, true);
		return 0;
	}
	index_key(indexer, line);
	if (is_misplaced_header(line)) {
		at = *line;
		policy_piece_trim(&at);
		header_error(indexer, &at,
			     "expected this header at the start of its line");
		indexer->header_seen = true;
		indexer->section = POLICY_SECTION_NONE;
	} else if (!indexer->header_seen)
		index_stray_text(indexer, line, false);
	return 0;
}

static int file_index(struct policy_file *file, const char *data, size_t size)
{
	struct file_indexer indexer = {
		.file = file,
		.lines = { .data = data, .size = size, .line = 1 },
		.section = POLICY_SECTION_NONE,
	};
	struct policy_piece line;

	while (policy_lines_next(&indexer.lines, &line)) {
		if (index_line(&indexer, &line) < 0)
			return -1;
	}
	return file_build_table(file);
}

struct policy_file *
policy_file_parse(const char *name, const char *data, size_t size,
		  policy_error_func_t *report, void *context)
{
	struct policy_arena *arena = policy_arena_create();
	struct policy_file *file = NULL;
	const char *copy = NULL;

	if (arena != NULL)
		file = policy_arena_new(arena, 1, sizeof(*file));
	if (file == NULL) {
		policy_arena_free(&arena);
		return NULL;
	}
	file->arena = arena;
	file->name = policy_arena_strndup(arena, name, strlen(name));
	copy = policy_arena_strndup(arena, data, size);
	if (file->name == NULL || copy == NULL ||
	    file_index(file, copy, size) < 0) {
		policy_file_free(&file);
		return NULL;
	}
	(void)policy_errors_report(&file->errors, file->name, report, context);
	return file;
}

void policy_file_free(struct policy_file **_file)
{
	struct policy_file *file = *_file;
	struct policy_arena *arena;

	*_file = NULL;
	if (file == NULL)
		return;
	policy_errors_deinit(&file->errors);
	arena = file->arena;
	policy_arena_free(&arena);
}

bool policy_file_has_error(const struct policy_file *file)
{
	return !policy_errors_is_empty(&file->errors);
}

bool policy_file_has_guards(const struct policy_file *file)
{
	return file->has_guards;
}

/* The section of the device that logs in, or NULL. */
static const struct policy_section *
find_device(const struct policy_file *file, const char *user,
	    const char *login)
{
	char name[DEVICE_SECTION_MAX_BYTES];
	const char *device, *domain;
	size_t length;
	int size;

	length = login == NULL ? 0 :
		policy_login_device(user, login, &device);
	if (length == 0 || length >= sizeof(name))
		return NULL;
	domain = strrchr(user, '@');
	if (domain == NULL)
		domain = user + strlen(user);
	if (domain - user >= (ptrdiff_t)sizeof(name))
		return NULL;
	size = snprintf(name, sizeof(name), "%.*s+%.*s%s",
			(int)(domain - user), user, (int)length, device,
			domain);
	if (size < 0 || (size_t)size >= sizeof(name))
		return NULL;
	return policy_file_find(file, POLICY_SECTION_USER, name, (size_t)size);
}

int policy_file_select(const struct policy_file *file, const char *name,
		       const char *user, const char *login,
		       const char **section_r)
{
	const struct policy_section *section;
	const char *domain;

	*section_r = NULL;
	if (name != NULL && *name != '\0') {
		section = policy_file_find(file, POLICY_SECTION_POLICY, name,
					   strlen(name));
		if (section == NULL)
			return -1;
		*section_r = section->text;
		return 1;
	}

	section = find_device(file, user, login);
	if (section == NULL) {
		section = policy_file_find(file, POLICY_SECTION_USER, user,
					   strlen(user));
	}
	domain = strrchr(user, '@');
	if (section == NULL && domain != NULL && domain[1] != '\0') {
		section = policy_file_find(file, POLICY_SECTION_DOMAIN,
					   domain + 1, strlen(domain + 1));
	}
	if (section == NULL) {
		section = policy_file_find(file, POLICY_SECTION_DEFAULT,
					   "", 0);
	}
	if (section == NULL)
		return 0;
	*section_r = section->text;
	return 1;
}

const char *policy_file_next_section(const struct policy_file *file,
				     size_t *index)
{
	while (*index < file->sections_count) {
		if (!file->sections[*index].is_repeated)
			return file->sections[(*index)++].text;
		(*index)++;
	}
	return NULL;
}
