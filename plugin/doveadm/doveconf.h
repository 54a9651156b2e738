/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_DOVECONF_H
#define POP3_POLICY_DOVECONF_H

/*
 * Settings that Dovecot doesn't give to doveadm, read by running doveconf.
 */

/* args: what stands behind "doveconf -c FILE", NULL-terminated. Returns 0 and
   what it prints (data stack), or -1 and *error_r (data stack). */
int doveconf_read(const char *const *args, const char **text_r,
		  const char **error_r);

#endif
