/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pattern.h"

#include <ctype.h>
#include <string.h>

#define STEPS_PER_CHARGE 256
/* not closed yet */
#define CAPTURE_OPEN (-2)

enum {
	OP_BYTE,		/* a */
	OP_ANY,
	OP_SET,			/* set a */
	OP_CAPTURE_BEGIN,	/* capture a */
	OP_CAPTURE_END,		/* capture a */
	OP_POSITION,		/* capture a */
	OP_BACK_REFERENCE,	/* capture a */
	OP_BALANCE,		/* bytes a, b */
	OP_FRONTIER,		/* set a */
	OP_TEXT_END,
};

struct pattern_parser {
	struct pattern *pattern;
	const char *at, *end;
	/* captures that are not closed yet, innermost last */
	uint8_t open[PATTERN_CAPTURES_MAX];
	bool is_closed[PATTERN_CAPTURES_MAX];
	unsigned int open_count;
};

/* Returns whether the letter names a class; is c in it? */
static bool class_has(int letter, int c, bool *in_r)
{
	bool in;

	switch (tolower(letter)) {
	case 'a':
		in = isalpha(c) != 0;
		break;
	case 'c':
		in = iscntrl(c) != 0;
		break;
	case 'd':
		in = isdigit(c) != 0;
		break;
	case 'g':
		in = isgraph(c) != 0;
		break;
	case 'l':
		in = islower(c) != 0;
		break;
	case 'p':
		in = ispunct(c) != 0;
		break;
	case 's':
		in = isspace(c) != 0;
		break;
	case 'u':
		in = isupper(c) != 0;
		break;
	case 'w':
		in = isalnum(c) != 0;
		break;
	case 'x':
		in = isxdigit(c) != 0;
		break;
	case 'z':
		/* no longer in the manual, but in Lua */
		in = c == 0;
		break;
	default:
		return false;
	}
	*in_r = isupper(letter) ? !in : in;
	return true;
}

static void set_add(uint8_t *set, int c)
{
	set[c >> 3] |= (uint8_t)(1 << (c & 7));
}

static bool set_has(const uint8_t *set, unsigned char c)
{
	return (set[c >> 3] & (1 << (c & 7))) != 0;
}

/* %letter: adds the class, or the letter itself where it is none. */
static void set_add_escape(uint8_t *set, unsigned char letter)
{
	bool in;
	int c;

	if (!class_has(letter, 0, &in)) {
		set_add(set, letter);
		return;
	}
	for (c = 0; c < 256; c++) {
		if (class_has(letter, c, &in) && in)
			set_add(set, c);
	}
}

static const char *
parser_new_set(struct pattern_parser *parser, uint8_t **set_r, uint8_t *index_r)
{
	struct pattern *pattern = parser->pattern;

	if (pattern->sets_count == PATTERN_SETS_MAX)
		return "pattern has too many sets";
	*index_r = (uint8_t)pattern->sets_count;
	*set_r = pattern->sets[pattern->sets_count++];
	memset(*set_r, 0, sizeof(pattern->sets[0]));
	return NULL;
}

/* Behind the '['. */
static const char *parse_set(struct pattern_parser *parser, uint8_t *index_r)
{
	static const char unclosed[] = "malformed pattern (missing ']')";
	bool negated = false, first = true;
	const char *error;
	unsigned int i;
	uint8_t *set;
	int c, last;

	error = parser_new_set(parser, &set, index_r);
	if (error != NULL)
		return error;
	if (parser->at < parser->end && *parser->at == '^') {
		negated = true;
		parser->at++;
	}
	for (;; first = false) {
		if (parser->at == parser->end)
			return unclosed;
		c = (unsigned char)*parser->at++;
		if (c == ']' && !first)
			break;
		if (c == '%') {
			if (parser->at == parser->end)
				return unclosed;
			set_add_escape(set, (unsigned char)*parser->at++);
		} else if (parser->end - parser->at >= 2 &&
			   parser->at[0] == '-' && parser->at[1] != ']') {
			last = (unsigned char)parser->at[1];
			parser->at += 2;
			for (; c <= last; c++)
				set_add(set, c);
		} else
			set_add(set, c);
	}
	for (i = 0; negated && i < sizeof(parser->pattern->sets[0]); i++)
		set[i] = (uint8_t)~set[i];
	return NULL;
}

static const char *
parse_capture(struct pattern_parser *parser, struct pattern_node *node)
{
	struct pattern *pattern = parser->pattern;

	if (pattern->captures_count == PATTERN_CAPTURES_MAX)
		return "too many captures";
	node->a = (uint8_t)pattern->captures_count++;
	if (parser->at < parser->end && *parser->at == ')') {
		parser->at++;
		node->op = OP_POSITION;
		parser->is_closed[node->a] = true;
	} else {
		node->op = OP_CAPTURE_BEGIN;
		parser->open[parser->open_count++] = node->a;
	}
	return NULL;
}

/* Behind the '%'. *single_r: may it be repeated? */
static const char *
parse_escape(struct pattern_parser *parser, struct pattern_node *node,
	     bool *single_r)
{
	const char *error;
	uint8_t *set;
	int c;
	bool in;

	if (parser->at == parser->end)
		return "malformed pattern (ends with '%')";
	c = (unsigned char)*parser->at++;
	*single_r = false;
	if (c == 'b') {
		if (parser->end - parser->at < 2)
			return "malformed pattern (missing arguments to '%b')";
		node->op = OP_BALANCE;
		node->a = (uint8_t)parser->at[0];
		node->b = (uint8_t)parser->at[1];
		parser->at += 2;
		return NULL;
	}
	if (c == 'f') {
		if (parser->at == parser->end || *parser->at != '[')
			return "missing '[' after '%f' in pattern";
		parser->at++;
		node->op = OP_FRONTIER;
		return parse_set(parser, &node->a);
	}
	if (isdigit(c)) {
		node->op = OP_BACK_REFERENCE;
		node->a = (uint8_t)(c - '1');
		if (c == '0' || node->a >= parser->pattern->captures_count ||
		    !parser->is_closed[node->a])
			return "invalid capture index in pattern";
		return NULL;
	}
	*single_r = true;
	if (!class_has(c, 0, &in)) {
		node->op = OP_BYTE;
		node->a = (uint8_t)c;
		return NULL;
	}
	error = parser_new_set(parser, &set, &node->a);
	if (error != NULL)
		return error;
	node->op = OP_SET;
	set_add_escape(set, (unsigned char)c);
	return NULL;
}

static const char *
parse_node(struct pattern_parser *parser, struct pattern_node *node)
{
	int c = (unsigned char)*parser->at++;
	const char *error = NULL;
	bool single = true;

	switch (c) {
	case '(':
		return parse_capture(parser, node);
	case ')':
		if (parser->open_count == 0)
			return "invalid pattern capture";
		node->op = OP_CAPTURE_END;
		node->a = parser->open[--parser->open_count];
		parser->is_closed[node->a] = true;
		return NULL;
	case '$':
		if (parser->at == parser->end) {
			node->op = OP_TEXT_END;
			return NULL;
		}
		node->op = OP_BYTE;
		node->a = '$';
		break;
	case '.':
		node->op = OP_ANY;
		break;
	case '[':
		node->op = OP_SET;
		error = parse_set(parser, &node->a);
		break;
	case '%':
		error = parse_escape(parser, node, &single);
		break;
	default:
		node->op = OP_BYTE;
		node->a = (uint8_t)c;
		break;
	}
	if (error == NULL && single && parser->at < parser->end &&
	    strchr("*+-?", *parser->at) != NULL && *parser->at != '\0')
		node->repeat = (uint8_t)*parser->at++;
	return error;
}

const char *pattern_compile(struct pattern *pattern, const char *text,
			    size_t length)
{
	struct pattern_parser parser = {
		.pattern = pattern,
		.at = text,
		.end = text + length,
	};
	struct pattern_node *node;
	const char *error;

	if (length > PATTERN_BYTES_MAX)
		return "pattern too long";
	pattern->nodes_count = 0;
	pattern->sets_count = 0;
	pattern->captures_count = 0;
	pattern->is_anchored = length > 0 && text[0] == '^';
	if (pattern->is_anchored)
		parser.at++;
	while (parser.at < parser.end) {
		if (pattern->nodes_count == PATTERN_NODES_MAX)
			return "pattern too complex";
		node = &pattern->nodes[pattern->nodes_count++];
		memset(node, 0, sizeof(*node));
		error = parse_node(&parser, node);
		if (error != NULL)
			return error;
	}
	return parser.open_count == 0 ? NULL : "unfinished capture";
}

static void match_step(struct pattern_match *match)
{
	if (++match->steps == STEPS_PER_CHARGE) {
		match->steps = 0;
		match->charge(match->context, STEPS_PER_CHARGE);
	}
}

static bool
match_one(const struct pattern_match *match, const struct pattern_node *node,
	  const char *at)
{
	if (at >= match->text_end)
		return false;
	switch (node->op) {
	case OP_ANY:
		return true;
	case OP_SET:
		return set_has(match->pattern->sets[node->a],
			       (unsigned char)*at);
	default:
		return (uint8_t)*at == node->a;
	}
}

static const char *
match_balance(struct pattern_match *match, const struct pattern_node *node,
	      const char *at)
{
	unsigned int depth = 1;

	if (at >= match->text_end || (uint8_t)*at != node->a)
		return NULL;
	for (at++; at < match->text_end; at++) {
		match_step(match);
		if ((uint8_t)*at == node->b) {
			if (--depth == 0)
				return at + 1;
		} else if ((uint8_t)*at == node->a)
			depth++;
	}
	return NULL;
}

static bool
match_frontier(const struct pattern_match *match,
	       const struct pattern_node *node, const char *at)
{
	const uint8_t *set = match->pattern->sets[node->a];
	unsigned char before = 0, behind = 0;

	if (at > match->text)
		before = (unsigned char)at[-1];
	if (at < match->text_end)
		behind = (unsigned char)*at;
	return !set_has(set, before) && set_has(set, behind);
}

/* Each level of recursion takes at least one node further, so that it goes no
   deeper than there are nodes. */
static const char *
match_nodes(struct pattern_match *match, unsigned int index, const char *at);

static const char *
match_greedy(struct pattern_match *match, unsigned int index, const char *at,
	     size_t min)
{
	const struct pattern_node *node = &match->pattern->nodes[index];
	const char *end;
	size_t count = 0;

	while (match_one(match, node, at + count)) {
		match_step(match);
		count++;
	}
	for (; count >= min; count--) {
		end = match_nodes(match, index + 1, at + count);
		if (end != NULL)
			return end;
		if (count == 0)
			break;
	}
	return NULL;
}

static const char *
match_lazy(struct pattern_match *match, unsigned int index, const char *at)
{
	const struct pattern_node *node = &match->pattern->nodes[index];
	const char *end;

	for (;; at++) {
		end = match_nodes(match, index + 1, at);
		if (end != NULL)
			return end;
		match_step(match);
		if (!match_one(match, node, at))
			return NULL;
	}
}

static const char *
match_capture(struct pattern_match *match, unsigned int index, const char *at)
{
	const struct pattern_node *node = &match->pattern->nodes[index];
	struct pattern_capture *capture = &match->captures[node->a];
	const struct pattern_capture old = *capture;
	const char *end;

	if (node->op == OP_CAPTURE_END)
		capture->length = at - capture->start;
	else {
		capture->start = at;
		capture->length = node->op == OP_POSITION ?
			PATTERN_POSITION : CAPTURE_OPEN;
	}
	end = match_nodes(match, index + 1, at);
	if (end == NULL)
		*capture = old;
	return end;
}

/* Advances at over one node that is not repeated and takes no alternatives.
   Returns NULL if it does not match. */
static const char *
match_plain(struct pattern_match *match, const struct pattern_node *node,
	    const char *at)
{
	const struct pattern_capture *capture;
	size_t length;

	switch (node->op) {
	case OP_TEXT_END:
		return at == match->text_end ? at : NULL;
	case OP_FRONTIER:
		return match_frontier(match, node, at) ? at : NULL;
	case OP_BALANCE:
		return match_balance(match, node, at);
	case OP_BACK_REFERENCE:
		capture = &match->captures[node->a];
		/* a position is as long as the size_t -1 in Lua: no match */
		if (capture->length < 0)
			return NULL;
		length = (size_t)capture->length;
		if ((size_t)(match->text_end - at) < length ||
		    memcmp(capture->start, at, length) != 0)
			return NULL;
		/* memcmp() is quick, but not free */
		match->steps += (unsigned int)(length / 16);
		if (match->steps >= STEPS_PER_CHARGE) {
			match->charge(match->context, match->steps);
			match->steps = 0;
		}
		return at + length;
	default:
		return match_one(match, node, at) ? at + 1 : NULL;
	}
}

static const char *
match_nodes(struct pattern_match *match, unsigned int index, const char *at)
{
	const struct pattern *pattern = match->pattern;
	const struct pattern_node *node;
	const char *end;

	for (; index < pattern->nodes_count; index++) {
		node = &pattern->nodes[index];
		match_step(match);
		switch (node->op) {
		case OP_CAPTURE_BEGIN:
		case OP_CAPTURE_END:
		case OP_POSITION:
			return match_capture(match, index, at);
		default:
			break;
		}
		switch (node->repeat) {
		case '*':
			return match_greedy(match, index, at, 0);
		case '+':
			return match_greedy(match, index, at, 1);
		case '-':
			return match_lazy(match, index, at);
		case '?':
			if (match_one(match, node, at)) {
				end = match_nodes(match, index + 1, at + 1);
				if (end != NULL)
					return end;
			}
			break;
		default:
			at = match_plain(match, node, at);
			if (at == NULL)
				return NULL;
			break;
		}
	}
	return at;
}

const char *pattern_match_at(struct pattern_match *match, const char *start)
{
	match->captures_count = match->pattern->captures_count;
	memset(match->captures, 0,
	       match->captures_count * sizeof(match->captures[0]));
	return match_nodes(match, 0, start);
}
