/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_MECHANISM_H
#define POP3_POLICY_MECHANISM_H

/*
 * By which mechanisms may a user log in: the key `mechanisms`, a list of
 * NAME[:tls][@NETWORK[/BITS]]. Pure. It says nothing about secrets; ask it
 * once the secret was right, so that its answer tells strangers nothing.
 */

#include "facts.h"

struct policy;

struct policy_mechanism {
	/* SASL name in upper case; USER/PASS is "PLAIN" */
	const char *name;
	/* only under TLS up to the client */
	bool tls;
	/* only from this network: address bytes (4 or 16), 0 = from anywhere */
	unsigned int address_bytes;
	unsigned int bits;
	unsigned char address[16];
};

struct policy_mechanisms {
	const struct policy_mechanism *list;
	/* 0 = not set: what Dovecot allows, but APOP only under TLS */
	size_t count;
};

#define POLICY_LOGIN_REFUSAL_BYTES 400

/* May the user of these facts (mechanism, tls and remote_ip count) be logged
   in? If not, text_r says in one line of ASCII what he should do. An address
   that can't be read is in no network. */
bool policy_login_is_allowed(const struct policy *policy,
			     const struct policy_session_facts *facts,
			     char text_r[POLICY_LOGIN_REFUSAL_BYTES]);

#endif
