/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* 2.4.3 and later: passdbs are told parameters as well, none of which is of
   interest here. */

#include "lib.h"
#include "compat-auth.h"
#include "compat-auth-24.h"

static int
pop3_passdb_preinit(pool_t pool, struct event *event,
		    const struct passdb_parameters *params ATTR_UNUSED,
		    struct passdb_module **module_r, const char **error_r)
{
	return pop3_passdb_24_create(pool, event, module_r, error_r);
}

void pop3_passdb_compat_set_preinit(struct passdb_module_interface *iface)
{
	iface->preinit = pop3_passdb_preinit;
}
