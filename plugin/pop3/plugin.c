/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "mail-storage-hooks.h"
#include "guard.h"
#include "user-policy.h"
#include "mailbox.h"
#include "session.h"
#include "plugin.h"

const char *pop3_policy_plugin_version = DOVECOT_ABI_VERSION;

static pop3_client_created_func_t *next_client_created_hook;

static void pop3_policy_client_created(struct client **client)
{
	pop3_session_client_created(client);
	if (next_client_created_hook != NULL)
		next_client_created_hook(client);
}

/* The other programs have no sessions, but holds. */
static bool is_pop3_process(void)
{
	return pop3_client_created_hook_set != NULL;
}

static void plugin_namespaces_created(struct mail_namespace *namespaces)
{
	if (is_pop3_process())
		pop3_session_namespaces_created(namespaces);
}

static void plugin_mailbox_allocated(struct mailbox *box)
{
	if (!is_pop3_process() || !pop3_policy_mailbox_allocated(box))
		pop3_policy_guard_mailbox_allocated(box);
}

static void plugin_mail_allocated(struct mail *mail)
{
	pop3_policy_mail_allocated(mail);
	pop3_policy_guard_mail_allocated(mail);
}

static struct mail_storage_hooks plugin_storage_hooks = {
	.mail_namespaces_created = plugin_namespaces_created,
	.mailbox_allocated = plugin_mailbox_allocated,
	.mail_allocated = plugin_mail_allocated,
};

void pop3_policy_plugin_init(struct module *module)
{
	if (is_pop3_process()) {
		next_client_created_hook = pop3_client_created_hook_set(
			pop3_policy_client_created);
	}
	mail_storage_hooks_add(module, &plugin_storage_hooks);
}

void pop3_policy_plugin_deinit(void)
{
	mail_storage_hooks_remove(&plugin_storage_hooks);
	if (is_pop3_process())
		pop3_client_created_hook_set(next_client_created_hook);
	user_policy_deinit();
}
