/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pop3-policy/login.h"

#include <string.h>
#include <strings.h>

static const char *find_domain(const char *name)
{
	const char *at = strrchr(name, '@');

	return at != NULL ? at : name + strlen(name);
}

size_t policy_login_device(const char *user, const char *login,
			   const char **device_r)
{
	const char *user_domain = find_domain(user);
	const char *login_domain = find_domain(login);
	size_t length = (size_t)(user_domain - user);

	*device_r = "";
	/* something has to stand behind "+" */
	if (length == 0 || (size_t)(login_domain - login) <= length + 1 ||
	    login[length] != '+' || strncasecmp(user, login, length) != 0)
		return 0;
	if (*user_domain != '\0' && *login_domain != '\0' &&
	    strcasecmp(user_domain, login_domain) != 0)
		return 0;
	*device_r = login + length + 1;
	return (size_t)(login_domain - *device_r);
}
