/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SUITE_H
#define POP3_POLICY_SUITE_H

#include <check.h>
#include <stdlib.h>

/* Of a table: how many times its loop test runs. */
#define N_ROWS(rows) ((int)(sizeof(rows) / sizeof((rows)[0])))

/* Runs and frees it; the exit status of main(). */
static inline int run_suite(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
