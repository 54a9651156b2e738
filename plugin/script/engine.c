/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pop3-policy/script.h"

const struct script_engine *pop3_policy_script_engine(void)
{
	static const struct script_engine engine = {
		.source_compile = script_source_compile,
		.source_error = script_source_error,
		.source_free = script_source_free,
		.create = script_create,
		.error = script_error,
		.error_traceback = script_error_traceback,
		.free = script_free,
		.has_hook = script_has_hook,
		.hook_line = script_hook_line,
		.call = script_call,
		.get_cost = script_get_cost,
		.hook_name = script_hook_name,
		.facts_get = script_facts_get,
		.modules_create = script_modules_create,
		.modules_free = script_modules_free,
	};

	return &engine;
}
