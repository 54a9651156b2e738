/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE
#include "reported-errors.h"
#include "suite.h"

/* Two sections: do they have the same fingerprint? */
static const struct fingerprint_row {
	const char *title;
	const char *first, *second;
	bool want_same;
} fingerprint_rows[] = {
	{ "nothing", "", "", true },
	{ "layout", "expire = hide seen\n\texpunge hiddenbefore 30d\n",
	  "# x\nexpire =\n hide   SEEN\n\n  expunge hiddenbefore 30d", true },
	{ "form of a date", "expire = hide before 2024-01-02\n",
	  "expire = hide before \"2-jan-2024\"", true },
	{ "other keys", "hold = seen\n", "hold = seen\ndelete = hide all\n"
	  "retrieve = deny all\nshow = all\nexpire_max = 7\n"
	  "expire_interval = 7d\nprotected_delete = deny\n", true },
	{ "min_retention = 0 is none", "min_retention = 0\n", "", true },
	{ "another rule", "expire = hide seen", "expire = hide unseen",
	  false },
	{ "another action", "expire = hide seen", "expire = expunge seen",
	  false },
	{ "another time", "expire = hide before 30d",
	  "expire = hide before 31d", false },
	{ "another argument", "expire = hide from a", "expire = hide from A",
	  false },
	{ "another order", "expire = hide seen\n keep draft",
	  "expire = keep draft\n hide seen", false },
	{ "one more rule", "expire = hide seen", "expire = hide seen\n"
	  " keep all", false },
	{ "one rule for two", "expire = hide from a\n hide to b",
	  "expire = hide from a to b", false },
	{ "what a script may use", "script_time = 1s\nscript_memory = 1M\n"
	  "script_instructions = 5k\n", "", true },
	{ "script", "script = a.lua", "", false },
	{ "another script", "script = a.lua", "script = b.lua", false },
	{ "hold", "hold = seen", "", false },
	{ "another hold", "hold = seen", "hold = unseen", false },
	{ "hold or expire", "hold = seen", "expire = keep seen", false },
	{ "min_retention", "min_retention = 1d", "min_retention = 2d",
	  false },
	{ "age_from", "age_from = received", "", false },
	{ "another archive", "expire = archive:a all",
	  "expire = archive:b all", false },
};

START_TEST(test_fingerprint)
{
	const struct fingerprint_row *row = &fingerprint_rows[_i];
	uint32_t fingerprints[2];
	struct policy_file *file;
	struct policy *policy;
	char data[400];
	bool guards;
	int i;

	for (i = 0; i < 2; i++) {
		snprintf(data, sizeof(data), "[default]\n%s\n",
			 i == 0 ? row->first : row->second);
		file = policy_file_parse(TEST_FILE_NAME, data, strlen(data),
					 NULL, NULL);
		ck_assert_msg(policy_load(file, "default", &policy, &guards,
					  NULL, NULL) == 0, "%s", row->title);
		fingerprints[i] = policy->expire_fingerprint;
		policy_free(&policy);
		policy_file_free(&file);
	}
	ck_assert_msg((fingerprints[0] == fingerprints[1]) == row->want_same,
		      "%s", row->title);
}
END_TEST

/* It is kept on disk, so its value must not drift from release to release. */
START_TEST(test_fingerprint_value)
{
	static const char data[] = "[default]\nhold = keyword legal\n"
		"min_retention = 90d\nexpire = hide retrievedbefore 14d\n";
	struct policy_file *file;
	struct policy *policy;
	bool guards;

	file = policy_file_parse(TEST_FILE_NAME, data, strlen(data), NULL,
				 NULL);
	ck_assert_int_eq(policy_load(file, "default", &policy, &guards, NULL,
				     NULL), 0);
	ck_assert_uint_eq(policy->expire_fingerprint, UINT32_C(2470905881));
	policy_free(&policy);
	policy_file_free(&file);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("policy-fingerprint");
	TCase *tcase = tcase_create("policy-fingerprint");

	tcase_add_loop_test(tcase, test_fingerprint, 0,
			    N_ROWS(fingerprint_rows));
	tcase_add_test(tcase, test_fingerprint_value);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
