/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_PLUGIN_H
#define POP3_POLICY_PLUGIN_H

/*
 * What Dovecot looks up in lib01_pop3_policy_plugin.so. The low number makes
 * it the outermost of the mail plugins: it decides before the others act.
 */

struct module;

extern const char *pop3_policy_plugin_version;

void pop3_policy_plugin_init(struct module *module);
void pop3_policy_plugin_deinit(void);

#endif
