/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "pop3-policy/capability.h"
#include "login-announcement.h"

#define ENV_EXPIRE "POP3_POLICY_EXPIRE"
#define ENV_LOGIN_DELAY "POP3_POLICY_LOGIN_DELAY"

static bool get_value(const char *word, const char *name, const char **value_r)
{
	size_t length = strlen(name);

	if (strncmp(word, name, length) != 0 || word[length] != '=')
		return FALSE;
	*value_r = word[length + 1] == '\0' ? NULL : word + length + 1;
	return TRUE;
}

/* "A = B" is 2.4's way to write what is "A=B" among others in 2.3. */
static const char *const *line_words(const char *line)
{
	const char *equals = strstr(line, " = ");

	if (equals != NULL && strncmp(line, "POP3_POLICY_", 12) == 0) {
		line = t_strconcat(t_strdup_until(line, equals), "=",
				   equals + 3, NULL);
	}
	return t_strsplit_spaces(line, " ");
}

void login_announcement_read(const char *text,
			     struct login_announcement *announcement_r)
{
	const char *const *lines = t_strsplit(text, "\n");
	const char *const *words;

	i_zero(announcement_r);
	for (; *lines != NULL; lines++) {
		words = line_words(t_str_trim(*lines, " \t"));
		for (; *words != NULL; words++) {
			(void)get_value(*words, ENV_EXPIRE,
					&announcement_r->expire);
			(void)get_value(*words, ENV_LOGIN_DELAY,
					&announcement_r->login_delay);
		}
	}
}

/* What this policy keeps, if the announcement promises more; else NULL. */
static const char *
expire_kept(const char *announced, const struct policy *policy,
	    bool asks_script)
{
	unsigned int number;
	uint32_t days;

	switch (policy_expire_capability(policy, asks_script, &days)) {
	case POLICY_EXPIRE_NEVER:
		return NULL;
	case POLICY_EXPIRE_DAYS:
		if (str_to_uint(announced, &number) == 0 && number <= days)
			return NULL;
		return t_strdup_printf("%u", days);
	case POLICY_EXPIRE_UNKNOWN:
		break;
	}
	if (str_to_uint(announced, &number) == 0 && number == 0)
		return NULL;
	return "what its script says";
}

void login_announcement_check(const struct login_announcement *announcement,
			      const struct policy *policy, bool asks_script,
			      void (*report)(void *context, const char *text),
			      void *context)
{
	unsigned int number = 0;
	const char *kept;

	if (announcement->expire != NULL) {
		kept = expire_kept(announcement->expire, policy, asks_script);
		if (kept != NULL) {
			report(context, t_strdup_printf(
				ENV_EXPIRE"=%s promises more than [%s] keeps: "
				"%s", announcement->expire, policy->section,
				kept));
		}
	}
	if (announcement->login_delay != NULL &&
	    (str_to_uint(announcement->login_delay, &number) < 0 ||
	     number < policy->login_delay_secs)) {
		report(context, t_strdup_printf(
			ENV_LOGIN_DELAY"=%s is less than the login_delay of "
			"[%s]: %u", announcement->login_delay, policy->section,
			policy->login_delay_secs));
	}
}
