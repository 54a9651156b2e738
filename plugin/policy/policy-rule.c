/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy-rule.h"
#include "policy-query.h"
#include "policy-value.h"

#include <string.h>

/* -ERR, a text and CRLF must fit into the 512 bytes of a POP3 response line
   (RFC 1939 3). */
#define DENY_TEXT_MAX_BYTES 400

enum rule_parameter {
	PARAMETER_NONE = 0,
	/* :"text", may be left out */
	PARAMETER_TEXT,
	/* :MAILBOX */
	PARAMETER_MAILBOX,
};

struct rule_action {
	char name[8];
	enum policy_action action;
	enum rule_parameter parameter;
};

/* The actions of one key. */
struct rule_actions {
	/* for messages */
	char known[52];
	/* ends with an empty name */
	struct rule_action actions[5];
};

static const struct rule_actions rule_actions[] = {
	[POLICY_QUESTION_DELETE] = {
		"allow, deny, deny:\"text\", hide or archive:MAILBOX", {
			{ "allow", POLICY_ACTION_ALLOW, PARAMETER_NONE },
			{ "deny", POLICY_ACTION_DENY, PARAMETER_TEXT },
			{ "hide", POLICY_ACTION_HIDE, PARAMETER_NONE },
			{ "archive", POLICY_ACTION_ARCHIVE, PARAMETER_MAILBOX },
		}
	},
	[POLICY_QUESTION_RETRIEVE] = {
		"allow, deny or deny:\"text\"", {
			{ "allow", POLICY_ACTION_ALLOW, PARAMETER_NONE },
			{ "deny", POLICY_ACTION_DENY, PARAMETER_TEXT },
		}
	},
	[POLICY_QUESTION_EXPIRE] = {
		"keep, hide, archive:MAILBOX or expunge", {
			{ "keep", POLICY_ACTION_DENY, PARAMETER_NONE },
			{ "hide", POLICY_ACTION_HIDE, PARAMETER_NONE },
			{ "archive", POLICY_ACTION_ARCHIVE, PARAMETER_MAILBOX },
			{ "expunge", POLICY_ACTION_ALLOW, PARAMETER_NONE },
		}
	},
};

static void
rule_error(const struct rule_parser *parser, const struct policy_piece *at,
	   const char *text)
{
	policy_errors_add(parser->errors, at->line, at->column, "%s", text);
}

static void
rule_unknown_action(const struct rule_parser *parser,
		    const struct policy_piece *word,
		    const struct rule_actions *actions)
{
	struct policy_nearest nearest = {
		.text = word->data,
		.length = word->length,
	};
	const struct rule_action *action;

	if (word->length > 0 && word->data[0] == '#') {
		rule_error(parser, word, "expected a rule; a comment begins "
			     "at the start of its line");
		return;
	}
	for (action = actions->actions; action->name[0] != '\0'; action++)
		policy_nearest_try(&nearest, action->name);
	policy_errors_add(parser->errors, word->line, word->column,
		"unknown action \"%.*s\"; expected %s%s%s%s",
		policy_text_shown(word->data, word->length), word->data,
		actions->known,
		nearest.word != NULL ? "; did you mean " : "",
		nearest.word != NULL ? nearest.word : "",
		nearest.word != NULL ? "?" : "");
}

/* Takes a quoted text of 1 to max_bytes off the front of rest. Returns NULL
   after reporting. */
static const char *
rule_cut_quoted(const struct rule_parser *parser, struct policy_piece *rest,
		size_t max_bytes)
{
	struct policy_piece at = *rest;
	size_t i, length = 0;
	char *text;

	text = policy_arena_new(parser->arena, rest->length, 1);
	if (text == NULL) {
		policy_errors_add_no_memory(parser->errors);
		return NULL;
	}
	for (i = 1; i < rest->length && rest->data[i] != '"'; i++) {
		if (rest->data[i] == '\t') {
			policy_piece_skip(&at, i);
			rule_error(parser, &at, "expected printable text, "
				     "not a tab");
			return NULL;
		}
		if (rest->data[i] == '\\') {
			if (i + 1 == rest->length ||
			    (rest->data[i + 1] != '"' &&
			     rest->data[i + 1] != '\\')) {
				policy_piece_skip(&at, i);
				rule_error(parser, &at, "expected \\\" or "
					     "\\\\ after a backslash");
				return NULL;
			}
			i++;
		}
		text[length++] = rest->data[i];
	}
	if (i == rest->length) {
		rule_error(parser, &at, "this quote is not closed on its "
			     "line; expected another one behind the text");
		return NULL;
	}
	if (length < 1 || length > max_bytes) {
		policy_errors_add(parser->errors, at.line, at.column,
				  "expected a text of 1 to %zu bytes",
				  max_bytes);
		return NULL;
	}
	policy_piece_skip(rest, i + 1);
	if (rest->length > 0 && !policy_is_blank(rest->data[0])) {
		rule_error(parser, rest,
			     "expected a blank behind the closing quote");
		return NULL;
	}
	return text;
}

/* Takes `"text"` off the front of rest. Returns NULL after reporting. */
static const char *
rule_cut_text(const struct rule_parser *parser, struct policy_piece *rest)
{
	if (rest->length == 0 || rest->data[0] != '"') {
		rule_error(parser, rest,
			     "expected deny:\"text\", the text in quotes");
		return NULL;
	}
	return rule_cut_quoted(parser, rest, DENY_TEXT_MAX_BYTES);
}

/* Takes MAILBOX or "MAILBOX" off the front of rest. Returns NULL after
   reporting. */
static const char *
rule_cut_mailbox(const struct rule_parser *parser, struct policy_piece *rest)
{
	struct policy_piece at = *rest, word;
	const char *name, *error;

	if (rest->length == 0 || policy_is_blank(rest->data[0])) {
		name = "";
	} else if (rest->data[0] == '"') {
		name = rule_cut_quoted(parser, rest, POLICY_MAILBOX_MAX_BYTES);
	} else {
		word = policy_piece_cut_word(rest);
		name = policy_arena_strndup(parser->arena, word.data,
					    word.length);
		if (name == NULL)
			policy_errors_add_no_memory(parser->errors);
	}
	if (name == NULL)
		return NULL;
	error = policy_value_mailbox(name);
	if (error != NULL) {
		rule_error(parser, &at, error);
		return NULL;
	}
	return name;
}

/* Takes what stands behind the action off the front of rest. Returns 0, or
   -1 after reporting. */
static int
rule_cut_parameter(const struct rule_parser *parser,
		   const struct rule_action *action, struct policy_piece *rest,
		   struct policy_rule *rule)
{
	bool given = rest->length > 0 && rest->data[0] == ':';

	if (given && action->parameter == PARAMETER_NONE) {
		policy_errors_add(parser->errors, rest->line, rest->column,
			"%s takes no text; expected a blank and a query",
			action->name);
		return -1;
	}
	if (!given && action->parameter == PARAMETER_MAILBOX) {
		policy_errors_add(parser->errors, rest->line, rest->column,
			"expected %s:MAILBOX", action->name);
		return -1;
	}
	if (!given)
		return 0;
	policy_piece_skip(rest, 1);
	if (action->parameter == PARAMETER_TEXT) {
		rule->text = rule_cut_text(parser, rest);
		return rule->text == NULL ? -1 : 0;
	}
	rule->mailbox = rule_cut_mailbox(parser, rest);
	return rule->mailbox == NULL ? -1 : 0;
}

int policy_rule_compile(const struct rule_parser *parser,
			enum policy_question question,
			const struct policy_piece *piece,
			struct policy_rule *rule)
{
	const struct rule_actions *actions = &rule_actions[question];
	const struct rule_action *action;
	struct policy_piece word = *piece, rest = *piece;

	word.length = 0;
	while (word.length < piece->length &&
	       piece->data[word.length] != ':' &&
	       !policy_is_blank(piece->data[word.length]))
		word.length++;
	policy_piece_skip(&rest, word.length);

	for (action = actions->actions; action->name[0] != '\0'; action++) {
		if (policy_piece_equals(&word, action->name))
			break;
	}
	if (action->name[0] == '\0') {
		rule_unknown_action(parser, &word, actions);
		return -1;
	}
	rule->text = NULL;
	rule->mailbox = NULL;
	if (rule_cut_parameter(parser, action, &rest, rule) < 0)
		return -1;
	policy_piece_trim(&rest);
	if (rest.length == 0) {
		policy_errors_add(parser->errors, rest.line, rest.column,
			"\"%s\" needs a query; write \"all\" if it is for "
			"every message", action->name);
		return -1;
	}
	rule->action = action->action;
	rule->file = parser->file;
	rule->line = piece->line;
	return policy_query_compile(parser->arena, parser->errors, &rest, 1,
				    &rule->query);
}

