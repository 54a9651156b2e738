/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_LOGIN_H
#define POP3_POLICY_LOGIN_H

/*
 * What the name that was typed says besides who logs in. Pure.
 */

#include <stddef.h>

/* The device of alice@example.org, who has logged in as
   alice+phone@example.org: "phone". user: as Dovecot knows him, after it has
   taken that off. login: as typed; ASCII case and a domain that only one of the
   two has don't matter. Returns its length and *device_r, which points into
   login, or 0 and "" if there is none or the two are different users. */
size_t policy_login_device(const char *user, const char *login,
			   const char **device_r);

#endif
