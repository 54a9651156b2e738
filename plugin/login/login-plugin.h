/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_LOGIN_PLUGIN_H
#define POP3_POLICY_LOGIN_PLUGIN_H

/*
 * What Dovecot looks up in lib90_pop3_policy_login_plugin.so, a login plugin.
 * It adds EXPIRE and LOGIN-DELAY, as the environment gives them, to the answer
 * to CAPA before login. This process talks to strangers: it reads no policy,
 * and looks at nothing that a client sends.
 */

struct module;

extern const char *pop3_policy_login_plugin_version;

void pop3_policy_login_plugin_init(struct module *module);
void pop3_policy_login_plugin_deinit(void);

#endif
