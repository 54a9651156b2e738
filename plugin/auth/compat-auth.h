/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_COMPAT_AUTH_H
#define POP3_POLICY_COMPAT_AUTH_H

/*
 * Everything in which the auth processes of Dovecot's versions differ:
 * compat-auth-23.c and compat-auth-24.c; of the latter there are two, by what
 * passdbs are told at their start.
 */

#include "passdb.h"

/* Sets iface->preinit, which creates a struct pop3_passdb. */
void pop3_passdb_compat_set_preinit(struct passdb_module_interface *iface);

/* "pop3", "imap", ...; never NULL */
const char *pop3_passdb_compat_protocol(const struct auth_request *request);

/* Has the connection no TLS for certain? Dovecot says of one that comes from a
   trusted network only that it is secured, whether by TLS or not. */
bool pop3_passdb_compat_lacks_tls(const struct auth_request *request);

/* Has the connection to this server TLS for certain? */
bool pop3_passdb_compat_has_tls(const struct auth_request *request);

#endif
