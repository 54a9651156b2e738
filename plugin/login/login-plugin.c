/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "str.h"
#include "module-context.h"
#include "login-common.h"
#include "client-common.h"
#include "pop3-capability.h"
#include "login-plugin.h"

/* By Dovecot's import_environment: the least EXPIRE of all users, and the
   longest LOGIN-DELAY, for this is before anybody is known. */
#define ENV_EXPIRE "POP3_POLICY_EXPIRE"
#define ENV_LOGIN_DELAY "POP3_POLICY_LOGIN_DELAY"

#define ANSWER_BEGIN "+OK\r\n"POP3_CAPABILITY_REPLY
#define ANSWER_END ".\r\n"

struct pop3_policy_client {
	union login_client_module_context module_ctx;
};

static MODULE_CONTEXT_DEFINE_INIT(pop3_policy_login_module,
				  &login_module_register);

const char *pop3_policy_login_plugin_version = DOVECOT_ABI_VERSION;

/* The lines to be added; NULL = none */
static char *lines;

static bool is_capa_answer(const void *data, size_t size)
{
	return size > strlen(ANSWER_BEGIN ANSWER_END) &&
		memcmp(data, ANSWER_BEGIN, strlen(ANSWER_BEGIN)) == 0 &&
		memcmp(CONST_PTR_OFFSET(data, size - strlen(ANSWER_END)),
		       ANSWER_END, strlen(ANSWER_END)) == 0;
}

static void
pop3_policy_send_raw_data(struct client *client, const void *data, size_t size)
{
	struct pop3_policy_client *pclient =
		MODULE_CONTEXT_REQUIRE(client, pop3_policy_login_module);
	string_t *answer;

	if (!is_capa_answer(data, size)) {
		pclient->module_ctx.super.send_raw_data(client, data, size);
		return;
	}
	answer = t_str_new(size + 128);
	str_append_data(answer, data, size - strlen(ANSWER_END));
	str_append(answer, lines);
	str_append(answer, ANSWER_END);
	pclient->module_ctx.super.send_raw_data(client, str_data(answer),
						str_len(answer));
}

static void pop3_policy_client_allocated(struct client *client)
{
	struct client_vfuncs *v = client->vlast;
	struct pop3_policy_client *pclient =
		p_new(client->pool, struct pop3_policy_client, 1);

	pclient->module_ctx.super = *v;
	client->vlast = &pclient->module_ctx.super;
	v->send_raw_data = pop3_policy_send_raw_data;
	MODULE_CONTEXT_SET(client, pop3_policy_login_module, pclient);
}

static const struct login_client_hooks pop3_policy_login_hooks = {
	.client_allocated = pop3_policy_client_allocated,
};

/* never: may it be NEVER instead of a number? */
static void
append_line(string_t *text, const char *env, const char *name, bool never)
{
	const char *value = getenv(env);
	unsigned int number;

	if (value == NULL || value[0] == '\0')
		return;
	if ((never && strcmp(value, "NEVER") == 0) ||
	    str_to_uint(value, &number) == 0)
		str_printfa(text, "%s %s USER\r\n", name, value);
	else {
		i_error("pop3_policy_login: %s=%s: expected a number%s", env,
			value, never ? " or NEVER" : "");
	}
}

void pop3_policy_login_plugin_init(struct module *module)
{
	T_BEGIN {
		string_t *text = t_str_new(64);

		append_line(text, ENV_EXPIRE, "EXPIRE", TRUE);
		append_line(text, ENV_LOGIN_DELAY, "LOGIN-DELAY", FALSE);
		if (str_len(text) > 0)
			lines = i_strdup(str_c(text));
	} T_END;
	/* without lines, Dovecot is as it would be without this */
	if (lines != NULL)
		login_client_hooks_add(module, &pop3_policy_login_hooks);
}

void pop3_policy_login_plugin_deinit(void)
{
	if (lines != NULL)
		login_client_hooks_remove(&pop3_policy_login_hooks);
	i_free(lines);
}
