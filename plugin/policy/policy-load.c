/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy-file.h"
#include "policy-fingerprint.h"
#include "policy-key.h"

#include <stdio.h>
#include <string.h>

/* Longer chains than anyone can follow are a mistake. */
#define INHERIT_MAX_SECTIONS 64

struct loaded_policy {
	/* first, so that the one pointer leads to the other */
	struct policy policy;
	struct policy_arena *arena;
};

struct section_value {
	/* NULL where the key is not known: its lines are passed over */
	const struct policy_key *key;
	bool given;
	/* a line of it was refused already */
	bool damaged;
	/* where it is empty, what comes behind the '=' */
	struct policy_piece place;
};

/* Reads the lines of one section into the policy. */
struct section_loader {
	struct policy *policy;
	/* of the policy */
	struct policy_arena *arena;
	/* of whoever loads, for what is not kept */
	struct policy_arena *scratch;
	struct policy_errors *errors;

	/* by index: lines on which the keys stand, 0 = not given */
	unsigned int *key_lines;
	struct section_value value;
	struct policy_piece *pieces;
	size_t pieces_count, pieces_room;
};

static void
loader_error(struct section_loader *loader, const struct policy_piece *at,
	     const char *text)
{
	policy_errors_add(loader->errors, at->line, at->column, "%s", text);
}

/* Returns an empty piece behind this one. */
static struct policy_piece piece_end(const struct policy_piece *piece)
{
	struct policy_piece end = *piece;

	policy_piece_skip(&end, end.length);
	return end;
}

static void
loader_unknown_key(struct section_loader *loader,
		   const struct policy_piece *key)
{
	struct policy_nearest nearest = {
		.text = key->data,
		.length = key->length,
	};
	const struct policy_key *known;
	size_t i;

	for (i = 0; (known = policy_key_get(i)) != NULL; i++)
		policy_nearest_try(&nearest, known->name);
	policy_errors_add(loader->errors, key->line, key->column,
		"unknown key \"%.*s\"; %s%s%s",
		policy_text_shown(key->data, key->length), key->data,
		nearest.word != NULL ? "did you mean " :
		"expected one like hold, delete or expire",
		nearest.word != NULL ? nearest.word : "",
		nearest.word != NULL ? "?" : "");
}

static void
loader_add_piece(struct section_loader *loader, const struct policy_piece *piece)
{
	void *pieces = loader->pieces;

	if (policy_arena_grow(loader->scratch, &pieces, &loader->pieces_room,
			      loader->pieces_count + 1,
			      sizeof(*loader->pieces)) < 0) {
		policy_errors_add_no_memory(loader->errors);
		loader->value.damaged = true;
		return;
	}
	loader->pieces = pieces;
	loader->pieces[loader->pieces_count++] = *piece;
}

/* Everything that belongs to the value has been read. */
static void loader_finish_value(struct section_loader *loader)
{
	struct section_value *value = &loader->value;
	const struct policy_piece *pieces = loader->pieces;
	size_t count = loader->pieces_count;
	struct policy_key_target target = {
		.policy = loader->policy,
		.arena = loader->arena,
		.errors = loader->errors,
		.damaged = value->damaged,
	};

	if (value->key == NULL)
		;
	else if (count == 0) {
		if (!value->damaged) {
			policy_errors_add(loader->errors, value->place.line,
				value->place.column, "expected a value for "
				"%s, or \"none\"", value->key->name);
		}
	} else if (count == 1 && policy_piece_equals(pieces, "none"))
		policy_key_set(value->key, &target, NULL, 0);
	else if (!value->key->many_lines &&
		 (count > 1 || pieces[0].line != value->place.line)) {
		policy_errors_add(loader->errors,
			pieces[count > 1 ? 1 : 0].line,
			pieces[count > 1 ? 1 : 0].column, "expected the value "
			"of %s on one line, behind the \"=\"",
			value->key->name);
	} else
		policy_key_set(value->key, &target, pieces, count);

	memset(value, 0, sizeof(*value));
	loader->pieces_count = 0;
}

static void
loader_read_key(struct section_loader *loader, const struct policy_piece *line)
{
	struct policy_piece key = *line, rest = *line;
	const char *assign = memchr(line->data, '=', line->length);
	unsigned int *key_line;

	/* whatever comes of it, the lines that continue it are no others' */
	loader->value.given = true;
	if (assign == NULL) {
		loader_error(loader, line, "expected key = value; a line that "
			     "continues a value begins with a blank");
		return;
	}
	key.length = (size_t)(assign - line->data);
	policy_piece_skip(&rest, key.length + 1);
	policy_piece_trim(&rest);
	policy_piece_trim(&key);
	if (key.length == 0) {
		loader_error(loader, &key, "expected a key in front of \"=\"");
		return;
	}
	loader->value.key = policy_key_find(key.data, key.length);
	if (loader->value.key == NULL) {
		loader_unknown_key(loader, &key);
		return;
	}
	key_line = &loader->key_lines[policy_key_index(loader->value.key)];
	if (*key_line == 0)
		*key_line = line->line;
	else {
		policy_errors_add(loader->errors, key.line, key.column,
			"%s was given on line %u already; expected it once in "
			"a section", loader->value.key->name, *key_line);
	}
	loader->value.place = rest;
	if (rest.length > 0)
		loader_add_piece(loader, &rest);
}

/* A known key, then "=": whoever wrote this did not want to continue the
   value above. */
static bool is_indented_key(const struct policy_piece *piece)
{
	const char *assign = memchr(piece->data, '=', piece->length);
	struct policy_piece key = *piece;

	if (assign == NULL)
		return false;
	key.length = (size_t)(assign - piece->data);
	policy_piece_trim(&key);
	return policy_key_is_known(key.data, key.length);
}

static void
loader_read_continuation(struct section_loader *loader,
			 const struct policy_piece *line)
{
	struct policy_piece piece = *line;

	policy_piece_trim(&piece);
	if (is_indented_key(&piece)) {
		loader_error(loader, &piece,
			     "expected this key at the start of its line");
		loader->value.damaged = true;
	} else if (!loader->value.given) {
		loader_error(loader, &piece, "a line that begins with a blank "
			     "continues a value, but there is none; expected "
			     "key = value at the start of the line");
		loader->value.given = true;
	} else if (piece.data[0] == '#') {
		loader_error(loader, &piece, "expected more of the value; a "
			     "comment begins at the start of its line");
		loader->value.damaged = true;
	} else if (loader->value.key != NULL)
		loader_add_piece(loader, &piece);
}

static void
loader_read_line(struct section_loader *loader, const struct policy_piece *line)
{
	bool continues = line->length > 0 && policy_is_blank(line->data[0]);
	bool is_comment = line->length > 0 && line->data[0] == '#';
	struct policy_piece at = *line;
	const char *bad;
	size_t offset;

	bad = policy_text_find_bad(line->data, line->length, is_comment,
				   &offset);
	if (bad != NULL) {
		policy_piece_skip(&at, offset);
		loader_error(loader, &at, bad);
		if (continues)
			loader->value.damaged = true;
		else if (!is_comment) {
			loader_finish_value(loader);
			loader->value.given = true;
		}
		return;
	}
	if (is_comment || policy_piece_is_blank(line))
		return;
	if (continues) {
		loader_read_continuation(loader, line);
		return;
	}
	loader_finish_value(loader);
	loader_read_key(loader, line);
}

/* Reads the section, and what repeats it, which is always an error. */
static void
section_load(const struct policy_file *file,
	     const struct policy_section *section, struct policy *policy,
	     struct policy_arena *arena, struct policy_arena *scratch,
	     struct policy_errors *errors)
{
	unsigned int first_line = section->line;
	unsigned int key_lines[POLICY_KEYS_MAX];
	struct section_loader loader = {
		.policy = policy,
		.arena = arena,
		.scratch = scratch,
		.errors = errors,
		.key_lines = key_lines,
	};
	struct policy_lines lines;
	struct policy_piece line;

	for (;;) {
		memset(key_lines, 0, sizeof(key_lines));
		lines = section->body;
		while (policy_lines_next(&lines, &line))
			loader_read_line(&loader, &line);
		loader_finish_value(&loader);

		if (section->next_same == POLICY_SECTION_NONE)
			break;
		section = &file->sections[section->next_same];
		policy_errors_add(errors, section->line, 1,
			"section [%.*s] is on line %u already; expected it "
			"once", policy_text_shown(section->text,
						  strlen(section->text)),
			section->text, first_line);
	}
}

/* A section and those that it inherits from, nearest first. */
struct inherit_chain {
	const struct policy_section *sections[INHERIT_MAX_SECTIONS];
	size_t count;
	bool has_guards;
};

static void
chain_error(struct policy_errors *errors, const struct inherit_chain *chain,
	    const char *last, size_t last_length, const char *text)
{
	const struct policy_piece *at =
		&chain->sections[chain->count - 1]->inherit;
	char names[400];
	const char *name;
	size_t i, length, used = 0;

	for (i = 0; i <= chain->count; i++) {
		name = i < chain->count ? chain->sections[i]->text : last;
		length = i < chain->count ? strlen(name) : last_length;
		if (used + length + 10 > sizeof(names)) {
			strcpy(names + used, "...");
			used += 3;
			break;
		}
		memcpy(names + used, name, length);
		used += length;
		if (i < chain->count) {
			strcpy(names + used, " -> ");
			used += 4;
		}
	}
	policy_errors_add(errors, at->line, at->column, "%s (%.*s)", text,
			  (int)used, names);
}

/* What `inherit` names. Returns 1 and kind and name, 0 for "none", or -1 if it
   names nothing. */
static int
inherit_parse(const struct policy_piece *value,
	      enum policy_section_kind *kind_r, struct policy_piece *name_r)
{
	struct policy_piece rest = *value, word;

	if (policy_piece_equals(value, "none"))
		return 0;
	*kind_r = POLICY_SECTION_POLICY;
	*name_r = *value;
	word = policy_piece_cut_word(&rest);
	if (rest.length == 0) {
		if (policy_piece_equals(&word, "default")) {
			*kind_r = POLICY_SECTION_DEFAULT;
			*name_r = piece_end(value);
		}
		return 1;
	}
	*name_r = rest;
	if (!policy_section_kind_parse(word.data, word.length, kind_r) ||
	    *kind_r == POLICY_SECTION_DEFAULT)
		return -1;
	if (*kind_r != POLICY_SECTION_USER) {
		(void)policy_piece_cut_word(&rest);
		if (rest.length > 0)
			return -1;
	}
	return 1;
}

/* Returns the section that the last one of the chain inherits from, or NULL:
   there is none, or its error was reported. */
static const struct policy_section *
chain_next(const struct policy_file *file, struct inherit_chain *chain,
	   struct policy_errors *errors)
{
	const struct policy_section *section, *next;
	enum policy_section_kind kind;
	struct policy_piece name;
	const char *bad;
	char target[120];
	size_t i, offset;
	int ret;

	section = chain->sections[chain->count - 1];
	if (section->inherit_count == 0)
		return NULL;
	/* where one of these two is the case, section_load() reports it */
	bad = policy_text_find_bad(section->inherit.data,
				   section->inherit.length, false, &offset);
	if (bad != NULL || section->inherit.length == 0) {
		chain->has_guards = true;
		return NULL;
	}

	ret = inherit_parse(&section->inherit, &kind, &name);
	if (ret == 0)
		return NULL;
	if (ret < 0) {
		policy_errors_add(errors, section->inherit.line,
			section->inherit.column, "expected default, the name "
			"of a policy, or \"policy NAME\", \"user NAME\" or "
			"\"domain NAME\"");
		chain->has_guards = true;
		return NULL;
	}
	next = policy_file_find(file, kind, name.data, name.length);
	if (next == NULL) {
		snprintf(target, sizeof(target), "%s%s%.*s",
			 policy_section_kind_name(kind),
			 name.length > 0 ? " " : "",
			 policy_text_shown(name.data, name.length), name.data);
		chain_error(errors, chain, target, strlen(target),
			    "expected the name of a section; the last one "
			    "here does not exist");
		chain->has_guards = true;
		return NULL;
	}
	for (i = 0; i < chain->count; i++) {
		if (chain->sections[i] != next)
			continue;
		chain_error(errors, chain, next->text, strlen(next->text),
			    "a section can't inherit from itself; expected "
			    "another one");
		chain->has_guards = true;
		return NULL;
	}
	if (chain->count == INHERIT_MAX_SECTIONS) {
		policy_errors_add(errors, section->inherit.line,
			section->inherit.column, "expected at most %d sections "
			"that inherit from each other", INHERIT_MAX_SECTIONS);
		chain->has_guards = true;
		return NULL;
	}
	return next;
}

static void
chain_resolve(const struct policy_file *file,
	      const struct policy_section *section,
	      struct inherit_chain *chain, struct policy_errors *errors)
{
	const struct policy_section *copy;
	size_t i;

	memset(chain, 0, sizeof(*chain));
	for (; section != NULL; section = chain_next(file, chain, errors)) {
		chain->sections[chain->count++] = section;
		if (section->has_guards || section->has_unclear_inherit ||
		    section->inherit_count > 1)
			chain->has_guards = true;
		for (i = section->next_same; i != POLICY_SECTION_NONE;
		     i = copy->next_same) {
			copy = &file->sections[i];
			if (copy->has_guards || copy->has_unclear_inherit ||
			    copy->inherit_count > 0)
				chain->has_guards = true;
		}
	}
}

/* Returns NULL if there is no memory. */
static struct loaded_policy *
loaded_policy_create(const struct policy_file *file,
		     const struct policy_section *section)
{
	struct policy_arena *arena = policy_arena_create();
	struct loaded_policy *loaded = NULL;
	struct policy_key_target target = { 0 };

	if (arena != NULL)
		loaded = policy_arena_new(arena, 1, sizeof(*loaded));
	if (loaded == NULL) {
		policy_arena_free(&arena);
		return NULL;
	}
	loaded->arena = arena;
	loaded->policy.section =
		policy_arena_strndup(arena, section->text,
				     strlen(section->text));
	loaded->policy.file =
		policy_arena_strndup(arena, file->name, strlen(file->name));
	target.policy = &loaded->policy;
	target.arena = arena;
	policy_key_set_defaults(&target);
	if (policy_arena_has_failed(arena)) {
		policy_arena_free(&arena);
		return NULL;
	}
	return loaded;
}

/* Returns the section that the text between the brackets names, or NULL. */
static const struct policy_section *
file_find_text(const struct policy_file *file, const char *text)
{
	const char *blank = strchr(text, ' ');
	size_t length = blank == NULL ? strlen(text) : (size_t)(blank - text);
	const char *name = blank == NULL ? text + length : blank + 1;
	enum policy_section_kind kind;

	if (!policy_section_kind_parse(text, length, &kind))
		return NULL;
	return policy_file_find(file, kind, name, strlen(name));
}

int policy_load(const struct policy_file *file, const char *section_text,
		struct policy **policy_r, bool *has_guards_r,
		policy_error_func_t *report, void *context)
{
	const struct policy_section *section;
	struct policy_errors errors = { 0 };
	struct policy_arena *scratch = NULL;
	struct loaded_policy *loaded = NULL;
	struct policy *policy = NULL;
	struct inherit_chain chain;
	size_t i;

	*policy_r = NULL;
	*has_guards_r = policy_file_has_guards(file);

	policy_errors_copy(&errors, &file->errors);
	section = file_find_text(file, section_text);
	if (section == NULL) {
		policy_errors_add(&errors, 0, 0, "expected a section that "
				  "exists; there is no such section");
	} else {
		chain_resolve(file, section, &chain, &errors);
		if (!policy_file_has_error(file))
			*has_guards_r = chain.has_guards;
		scratch = policy_arena_create();
		loaded = loaded_policy_create(file, section);
		if (scratch == NULL || loaded == NULL)
			policy_errors_add_no_memory(&errors);
	}
	if (loaded != NULL)
		policy = &loaded->policy;
	if (scratch != NULL && policy != NULL) {
		/* from the farthest ancestor on: the nearest one wins */
		for (i = chain.count; i > 0; i--) {
			section_load(file, chain.sections[i - 1], policy,
				     loaded->arena, scratch, &errors);
		}
	}
	policy_arena_free(&scratch);

	if (policy_errors_is_empty(&errors)) {
		policy->expire_fingerprint = policy_fingerprint(policy);
		*has_guards_r = policy_has_guards(policy);
		*policy_r = policy;
		return 0;
	}
	(void)policy_errors_report(&errors, file->name, report, context);
	policy_errors_deinit(&errors);
	policy_free(&policy);
	return -1;
}

void policy_free(struct policy **_policy)
{
	struct policy *policy = *_policy;
	struct policy_arena *arena;

	*_policy = NULL;
	if (policy == NULL)
		return;
	arena = ((struct loaded_policy *)policy)->arena;
	policy_arena_free(&arena);
}

bool policy_has_guards(const struct policy *policy)
{
	return policy->show != NULL || policy->script != NULL ||
		policy->mechanisms.count > 0 || policy->login_delay_secs > 0;
}

size_t policy_file_check(const struct policy_file *file,
			 policy_error_func_t *report, void *context)
{
	const struct policy_section *section;
	struct policy_errors errors = { 0 };
	struct policy_arena *scratch;
	struct loaded_policy *loaded;
	struct inherit_chain chain;
	struct policy *policy;
	size_t i, count;

	policy_errors_copy(&errors, &file->errors);
	for (i = 0; i < file->sections_count; i++) {
		section = &file->sections[i];
		if (section->is_repeated)
			continue;
		chain_resolve(file, section, &chain, &errors);
		scratch = policy_arena_create();
		loaded = loaded_policy_create(file, section);
		if (scratch == NULL || loaded == NULL)
			policy_errors_add_no_memory(&errors);
		else {
			section_load(file, section, &loaded->policy,
				     loaded->arena, scratch, &errors);
		}
		policy = loaded == NULL ? NULL : &loaded->policy;
		policy_free(&policy);
		policy_arena_free(&scratch);
	}
	count = policy_errors_report(&errors, file->name, report, context);
	policy_errors_deinit(&errors);
	return count;
}
