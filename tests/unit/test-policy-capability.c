/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE
#include "reported-errors.h"
#include "suite.h"

#include "pop3-policy/capability.h"

/* What a section's EXPIRE is: days, -1 = NEVER, -2 = none at all. */
static const struct expire_row {
	const char *lines;
	bool asks_script;
	int want;
} expire_rows[] = {
	/* nothing is removed */
	{ "", false, -1 },
	{ "expire = keep all\n", false, -1 },
	{ "expire = keep flagged\n", false, -1 },
	{ "min_retention = 10y\n", false, -1 },
	{ "delete = hide all\n", false, -1 },
	{ "expire = expunge all\nmode = report\n", false, -1 },
	{ "expire = expunge all\nhold = all\n", false, -1 },
	{ "expire = keep all\n expunge savedbefore 3d\n", false, -1 },

	/* at once */
	{ "expire = expunge all\n", false, 0 },
	{ "expire = hide all\n", false, 0 },
	{ "expire = archive:Old all\n", false, 0 },
	{ "expire = expunge retrieved\n", false, 0 },
	{ "expire = expunge hidden\n", false, 0 },
	{ "expire = expunge flagged\nhold = keyword $Hold\n", false, 0 },
	{ "expire = expunge before 30d\n", false, 0 },
	{ "expire = expunge sentbefore 30d\n", false, 0 },
	{ "expire = expunge savedsince 30d\n", false, 0 },
	{ "expire = expunge retrievedsince 30d\n", false, 0 },
	{ "expire = expunge savedbefore 2020-01-01\n", false, 0 },
	{ "expire = expunge not savedbefore 30d\n", false, 0 },
	{ "expire = expunge not not savedbefore 30d\n", false, 0 },
	{ "expire = expunge not ( savedbefore 30d seen )\n", false, 0 },
	{ "expire = expunge subject \"savedbefore 30d\"\n", false, 0 },
	{ "expire = expunge subject savedbefore body 30d\n", false, 0 },

	/* whole days, rounded down */
	{ "expire = expunge savedbefore 30d\n", false, 30 },
	{ "expire = hide savedbefore 30d\n", false, 30 },
	{ "expire = archive:Old savedbefore 30d\n", false, 30 },
	{ "expire = expunge retrievedbefore 14d unflagged\n", false, 14 },
	{ "expire = expunge unflagged retrievedbefore 14d\n", false, 14 },
	{ "expire = expunge hiddenbefore 2w\n", false, 14 },
	{ "expire = expunge savedbefore 23h\n", false, 0 },
	{ "expire = expunge savedbefore 47h\n", false, 1 },
	{ "expire = expunge savedbefore 48h\n", false, 2 },
	{ "expire = expunge savedbefore 1y\n", false, 366 },

	/* the oldest of conditions side by side, the youngest of others */
	{ "expire = expunge savedbefore 30d retrievedbefore 14d\n", false, 30 },
	{ "expire = expunge retrievedbefore 14d savedbefore 30d\n", false, 30 },
	{ "expire = expunge savedbefore 30d or retrievedbefore 14d\n", false,
	  14 },
	{ "expire = expunge retrievedbefore 14d or savedbefore 30d or "
	  "hiddenbefore 20d\n", false, 14 },
	{ "expire = expunge savedbefore 30d or seen\n", false, 0 },
	{ "expire = expunge seen or savedbefore 30d\n", false, 0 },
	{ "expire = expunge ( savedbefore 30d or savedbefore 20d ) "
	  "( seen or retrievedbefore 25d )\n", false, 20 },
	{ "expire = expunge savedbefore 30d not ( seen )\n", false, 30 },
	{ "expire = expunge not seen savedbefore 30d\n", false, 30 },

	/* the youngest of all rules */
	{ "expire = expunge savedbefore 30d\n hide savedbefore 20d\n"
	  " keep all\n archive:Old all\n", false, 20 },
	{ "expire = keep savedsince 90d\n expunge savedbefore 30d\n", false,
	  30 },
	{ "expire = expunge savedbefore 30d\n keep savedbefore 2d\n", false,
	  30 },

	/* minimum retention */
	{ "expire = expunge all\nmin_retention = 90d\n", false, 90 },
	{ "expire = expunge savedbefore 30d\nmin_retention = 90d\n", false,
	  90 },
	{ "expire = expunge savedbefore 120d\nmin_retention = 90d\n", false,
	  120 },
	{ "expire = expunge savedbefore 30d\nmin_retention = 90d\n"
	  "age_from = received\n", false, 30 },

	/* a script */
	{ "script = a.lua\n", false, -1 },
	{ "script = a.lua\n", true, -2 },
	{ "script = a.lua\nexpire = expunge savedbefore 30d\n", true, -2 },
	{ "script = a.lua\nexpire = expunge savedbefore 30d\n", false, 30 },
	{ "script = a.lua\nexpire = expunge savedbefore 30d\n"
	  "min_retention = 10d\n", true, 10 },
	{ "script = a.lua\nmin_retention = 10d\nage_from = received\n", true,
	  -2 },
	{ "script = a.lua\nmode = report\n", true, -1 },
	{ "script = a.lua\nhold = all\n", true, -1 },
};

START_TEST(test_expire)
{
	const struct expire_row *row = &expire_rows[_i];
	struct reported_errors errors = { 0 };
	struct policy_file *file;
	struct policy *policy;
	uint32_t days = 0;
	char text[1000];
	bool guards;
	int got;

	snprintf(text, sizeof(text), "[default]\n%s", row->lines);
	file = policy_file_parse(TEST_FILE_NAME, text, strlen(text),
				 report_error, &errors);
	ck_assert_int_eq(policy_load(file, "default", &policy, &guards,
				     report_error, &errors), 0);
	policy_file_free(&file);
	switch (policy_expire_capability(policy, row->asks_script, &days)) {
	case POLICY_EXPIRE_UNKNOWN:
		got = -2;
		break;
	case POLICY_EXPIRE_NEVER:
		got = -1;
		break;
	case POLICY_EXPIRE_DAYS:
	default:
		got = (int)days;
		break;
	}
	ck_assert_msg(got == row->want, "%s: %d", row->lines, got);
	policy_free(&policy);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("policy-capability");
	TCase *tcase = tcase_create("expire");

	tcase_add_loop_test(tcase, test_expire, 0, N_ROWS(expire_rows));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
