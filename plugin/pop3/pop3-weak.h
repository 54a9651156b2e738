/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_POP3_WEAK_H
#define POP3_POLICY_POP3_WEAK_H

/*
 * The symbols of the pop3 binary that the plugin uses. Weak, so that the
 * plugin can be loaded into imap, lmtp and doveadm as well, where they do not
 * exist and it guards holds only.
 */

#pragma weak pop3_clients
#pragma weak pop3_module_register
#pragma weak pop3_client_created_hook_set
#pragma weak client_send_line
#pragma weak client_disconnect

#endif
