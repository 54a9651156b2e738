/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_DOVEADM_POP3_POLICY_H
#define POP3_POLICY_DOVEADM_POP3_POLICY_H

/*
 * The commands of doveadm-pop3(1). This is the printed side of the verdicts
 * that sessions and expiry execute: the same judge gives both.
 */

#include "doveadm.h"

struct module;

extern struct doveadm_cmd_ver2 doveadm_cmd_pop3_apop_add;
extern struct doveadm_cmd_ver2 doveadm_cmd_pop3_apop_list;
extern struct doveadm_cmd_ver2 doveadm_cmd_pop3_apop_remove;
extern struct doveadm_cmd_ver2 doveadm_cmd_pop3_apop_rotate;
extern struct doveadm_cmd_ver2 doveadm_cmd_pop3_check;
extern struct doveadm_cmd_ver2 doveadm_cmd_pop3_explain;
extern struct doveadm_cmd_ver2 doveadm_cmd_pop3_uidl_accept;
extern struct doveadm_cmd_ver2 doveadm_cmd_pop3_uidl_export;
extern struct doveadm_cmd_ver2 doveadm_cmd_pop3_uidl_import;
extern struct doveadm_cmd_ver2 doveadm_cmd_pop3_uidl_pin;
extern struct doveadm_cmd_ver2 doveadm_cmd_pop3_uidl_unpin;
extern struct doveadm_cmd_ver2 doveadm_cmd_pop3_uidl_verify;

extern const char *doveadm_pop3_policy_plugin_version;

void doveadm_pop3_policy_plugin_init(struct module *module);
void doveadm_pop3_policy_plugin_deinit(void);

#endif
