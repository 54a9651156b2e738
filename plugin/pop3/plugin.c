/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "mail-storage-hooks.h"
#include "user-policy.h"
#include "mailbox.h"
#include "session.h"
#include "plugin.h"

const char *pop3_policy_plugin_version = DOVECOT_ABI_VERSION;

static pop3_client_created_func_t *next_client_created_hook;

static struct mail_storage_hooks pop3_policy_storage_hooks = {
	.mail_namespaces_created = pop3_session_namespaces_created,
	.mailbox_allocated = pop3_policy_mailbox_allocated,
	.mail_allocated = pop3_policy_mail_allocated,
};

static void pop3_policy_client_created(struct client **client)
{
	pop3_session_client_created(client);
	if (next_client_created_hook != NULL)
		next_client_created_hook(client);
}

/* The plugin may have been loaded for all protocols. */
static bool is_pop3_process(void)
{
	return pop3_client_created_hook_set != NULL;
}

void pop3_policy_plugin_init(struct module *module)
{
	if (!is_pop3_process())
		return;
	next_client_created_hook =
		pop3_client_created_hook_set(pop3_policy_client_created);
	mail_storage_hooks_add(module, &pop3_policy_storage_hooks);
}

void pop3_policy_plugin_deinit(void)
{
	if (is_pop3_process()) {
		mail_storage_hooks_remove(&pop3_policy_storage_hooks);
		pop3_client_created_hook_set(next_client_created_hook);
	}
	user_policy_deinit();
}
