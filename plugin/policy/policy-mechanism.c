/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pop3-policy/policy.h"
#include "policy-mechanism.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* Those that Dovecot has; what others there may be it can't offer. */
static const char mechanism_names[][19] = {
	"PLAIN", "APOP", "LOGIN", "XOAUTH2", "OAUTHBEARER", "EXTERNAL",
	"CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS",
	"SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "GSSAPI", "GSS-SPNEGO",
	"NTLM", "OTP", "ANONYMOUS",
};
#define NAMES_COUNT (sizeof(mechanism_names) / sizeof(mechanism_names[0]))

#define ADDRESS_MAX_LENGTH 45

/*
 * Parsing
 */

static const char *
name_parse(struct policy_errors *errors, const struct policy_piece *word)
{
	struct policy_nearest nearest = {
		.text = word->data,
		.length = word->length,
	};
	size_t i;

	for (i = 0; i < NAMES_COUNT; i++) {
		if (policy_ascii_equals(word->data, word->length,
					mechanism_names[i],
					strlen(mechanism_names[i])))
			return mechanism_names[i];
		policy_nearest_try(&nearest, mechanism_names[i]);
	}
	policy_errors_add(errors, word->line, word->column,
		"unknown mechanism \"%.*s\"; %s%s%s",
		policy_text_shown(word->data, word->length), word->data,
		nearest.word != NULL ? "did you mean " :
		"expected one like plain, apop or xoauth2",
		nearest.word != NULL ? nearest.word : "",
		nearest.word != NULL ? "?" : "");
	return NULL;
}

/* Returns the number of bytes of the address, 0 if it is none. A mapped IPv4
   address is one of IPv4. */
static unsigned int
address_parse(const char *text, size_t length, unsigned char address_r[16])
{
	static const unsigned char mapped[12] = {
		[10] = 0xff, [11] = 0xff
	};
	char copy[ADDRESS_MAX_LENGTH + 1];

	if (length > ADDRESS_MAX_LENGTH || memchr(text, '\0', length) != NULL)
		return 0;
	memcpy(copy, text, length);
	copy[length] = '\0';
	if (inet_pton(AF_INET, copy, address_r) == 1)
		return 4;
	if (inet_pton(AF_INET6, copy, address_r) != 1)
		return 0;
	if (memcmp(address_r, mapped, sizeof(mapped)) != 0)
		return 16;
	memmove(address_r, address_r + sizeof(mapped), 4);
	return 4;
}

static bool
bits_parse(const char *text, size_t length, unsigned int max,
	   unsigned int *bits_r)
{
	size_t i;

	if (length == 0 || length > 3 || (length > 1 && text[0] == '0'))
		return false;
	*bits_r = 0;
	for (i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		*bits_r = *bits_r * 10 + (unsigned int)(text[i] - '0');
	}
	return *bits_r <= max;
}

/* Do all bits behind the first so many have the value 0? 10.1.2.3/8 is a
   mistake about one of both numbers. */
static bool
is_network(const unsigned char *address, unsigned int bytes, unsigned int bits)
{
	unsigned int i;

	for (i = bits; i < bytes * 8; i++) {
		if ((address[i / 8] & (0x80 >> (i % 8))) != 0)
			return false;
	}
	return true;
}

/* Returns NULL, or what is wrong. */
static const char *
network_parse(const struct policy_piece *text,
	      struct policy_mechanism *mechanism)
{
	const char *slash = memchr(text->data, '/', text->length);
	size_t length = slash == NULL ? text->length :
		(size_t)(slash - text->data);

	mechanism->address_bytes = address_parse(text->data, length,
						 mechanism->address);
	if (mechanism->address_bytes == 0)
		return "expected an address or a network behind \"@\", like "
			"10.0.0.0/8 or 2001:db8::/32";
	mechanism->bits = mechanism->address_bytes * 8;
	if (slash != NULL && !bits_parse(slash + 1, text->length - length - 1,
					 mechanism->bits, &mechanism->bits))
		return "expected the length of the network behind \"/\", like "
			"10.0.0.0/8 or 2001:db8::/32";
	if (!is_network(mechanism->address, mechanism->address_bytes,
			mechanism->bits))
		return "this address has more bits than its network; expected "
			"0 in the rest, like 10.0.0.0/8";
	return NULL;
}

static void
mechanism_parse(struct policy_errors *errors, const struct policy_piece *word,
		struct policy_mechanism *mechanism_r)
{
	struct policy_piece name = *word, rest = *word;
	const char *error;

	memset(mechanism_r, 0, sizeof(*mechanism_r));
	name.length = 0;
	while (name.length < word->length &&
	       word->data[name.length] != ':' && word->data[name.length] != '@')
		name.length++;
	policy_piece_skip(&rest, name.length);
	mechanism_r->name = name_parse(errors, &name);
	if (rest.length > 0 && rest.data[0] == ':') {
		if (rest.length < 4 ||
		    !policy_ascii_equals(rest.data, 4, ":tls", 4) ||
		    (rest.length > 4 && rest.data[4] != '@')) {
			policy_errors_add(errors, rest.line, rest.column,
				"expected :tls, or @NETWORK, or nothing "
				"behind the mechanism");
			return;
		}
		mechanism_r->tls = true;
		policy_piece_skip(&rest, 4);
	}
	if (rest.length == 0)
		return;
	policy_piece_skip(&rest, 1);
	error = network_parse(&rest, mechanism_r);
	if (error != NULL) {
		policy_errors_add(errors, rest.line, rest.column, "%s",
				  error);
	}
}

void policy_mechanisms_parse(struct policy_arena *arena,
			     struct policy_errors *errors,
			     const struct policy_piece *pieces, size_t count,
			     struct policy_mechanisms *mechanisms_r)
{
	struct policy_mechanism *list = NULL;
	struct policy_piece rest, word;
	size_t i, words;
	bool again;

	mechanisms_r->list = NULL;
	mechanisms_r->count = 0;
	/* once to count them */
	for (again = false;; again = true) {
		words = 0;
		for (i = 0; i < count; i++) {
			rest = pieces[i];
			while ((word = policy_piece_cut_word(&rest)).length >
			       0) {
				if (again) {
					mechanism_parse(errors, &word,
							&list[words]);
				}
				words++;
			}
		}
		if (again || words == 0)
			break;
		list = policy_arena_new(arena, words, sizeof(*list));
		if (list == NULL) {
			policy_errors_add_no_memory(errors);
			return;
		}
	}
	mechanisms_r->list = list;
	mechanisms_r->count = words;
}

/*
 * Deciding
 */

static const struct policy_mechanism default_apop = {
	.name = "APOP",
	.tls = true,
};

static bool
network_has(const struct policy_mechanism *mechanism,
	    const unsigned char *address, unsigned int address_bytes)
{
	unsigned int bytes = mechanism->bits / 8, rest = mechanism->bits % 8;

	if (mechanism->address_bytes == 0)
		return true;
	if (mechanism->address_bytes != address_bytes ||
	    memcmp(mechanism->address, address, bytes) != 0)
		return false;
	return rest == 0 || ((mechanism->address[bytes] ^ address[bytes]) >>
			     (8 - rest)) == 0;
}

/* What may be used from here. One that is refused now only because there is no
   TLS is one of them. */
static void
refusal_add(const struct policy_mechanism *mechanism, char *text)
{
	size_t used = strlen(text);

	if (used + 40 < POLICY_LOGIN_REFUSAL_BYTES) {
		snprintf(text + used, POLICY_LOGIN_REFUSAL_BYTES - used,
			 "%s%s%s", text[used - 1] == ':' ? " " : ", ",
			 mechanism->name, mechanism->tls ? " with TLS" : "");
	}
}

bool policy_login_is_allowed(const struct policy *policy,
			     const struct policy_session_facts *facts,
			     char text_r[POLICY_LOGIN_REFUSAL_BYTES])
{
	const struct policy_mechanisms *set = &policy->mechanisms;
	const struct policy_mechanism *mechanism;
	unsigned char address[16];
	unsigned int address_bytes;
	bool needs_tls = false;
	size_t i;

	address_bytes = address_parse(facts->remote_ip,
				      strlen(facts->remote_ip), address);
	snprintf(text_r, POLICY_LOGIN_REFUSAL_BYTES,
		 "%.30s is not allowed here; use:", facts->mechanism);
	if (set->count == 0) {
		if (strcmp(facts->mechanism, default_apop.name) != 0 ||
		    facts->tls)
			return true;
		needs_tls = true;
	}
	for (i = 0; i < set->count; i++) {
		mechanism = &set->list[i];
		if (!network_has(mechanism, address, address_bytes))
			continue;
		refusal_add(mechanism, text_r);
		if (strcmp(mechanism->name, facts->mechanism) != 0)
			continue;
		if (facts->tls || !mechanism->tls)
			return true;
		needs_tls = true;
	}
	if (needs_tls) {
		snprintf(text_r, POLICY_LOGIN_REFUSAL_BYTES,
			 "%.30s is allowed with TLS only; use STLS, or the "
			 "port of POP3 over TLS.", facts->mechanism);
	} else if (text_r[strlen(text_r) - 1] == ':') {
		snprintf(text_r, POLICY_LOGIN_REFUSAL_BYTES,
			 "Login from this address is not allowed.");
	}
	return false;
}
