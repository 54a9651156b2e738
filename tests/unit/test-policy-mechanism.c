/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE
#include "reported-errors.h"
#include "suite.h"

#define T true
#define F false

/* Who comes how, and what he hears; NULL = he is let in. */
static const struct login_row {
	const char *value, *mechanism;
	bool tls;
	const char *ip, *want_text;
} login_rows[] = {
	/* default: what Dovecot allows, APOP only under TLS */
	{ "none", "PLAIN", F, "192.0.2.1", NULL },
	{ "none", "CRAM-MD5", F, "192.0.2.1", NULL },
	{ "none", "", F, "", NULL },
	{ "none", "APOP", T, "192.0.2.1", NULL },
	{ "none", "APOP", F, "192.0.2.1", "APOP is allowed with TLS only; use "
	  "STLS" },
	{ "none", "APOP", F, "127.0.0.1", "with TLS only" },

	{ "plain", "PLAIN", F, "192.0.2.1", NULL },
	{ "plain", "PLAIN", T, "192.0.2.1", NULL },
	{ "PLAIN", "PLAIN", F, "192.0.2.1", NULL },
	{ "plain", "LOGIN", T, "192.0.2.1",
	  "LOGIN is not allowed here; use: PLAIN" },
	{ "plain", "APOP", T, "192.0.2.1",
	  "APOP is not allowed here; use: PLAIN" },
	{ "plain", "", T, "", " is not allowed here; use: PLAIN" },
	{ "apop", "APOP", F, "192.0.2.1", NULL },
	{ "apop:tls", "APOP", F, "192.0.2.1", "APOP is allowed with TLS" },
	{ "apop:TLS", "APOP", T, "192.0.2.1", NULL },
	{ "plain:tls apop:tls xoauth2:tls", "PLAIN", F, "192.0.2.1",
	  "PLAIN is allowed with TLS only" },
	{ "plain:tls apop:tls xoauth2:tls", "XOAUTH2", T, "192.0.2.1", NULL },
	{ "plain:tls apop", "OAUTHBEARER", T, "192.0.2.1",
	  "OAUTHBEARER is not allowed here; use: PLAIN with TLS, APOP" },
	{ "apop:tls\n  plain:tls\n", "PLAIN", T, "192.0.2.1", NULL },

	/* networks */
	{ "apop:tls apop@10.0.0.0/8", "APOP", F, "10.255.3.4", NULL },
	{ "apop:tls apop@10.0.0.0/8", "APOP", F, "11.0.0.0",
	  "APOP is allowed with TLS only" },
	{ "apop:tls apop@10.0.0.0/8", "APOP", T, "11.0.0.0", NULL },
	{ "apop@10.0.0.0/8", "APOP", T, "9.255.255.255",
	  "Login from this address is not allowed." },
	{ "apop@10.0.0.0/8", "PLAIN", T, "10.1.1.1",
	  "PLAIN is not allowed here; use: APOP" },
	{ "apop@10.0.0.0/8 plain:tls", "APOP", T, "192.0.2.1",
	  "APOP is not allowed here; use: PLAIN with TLS" },
	{ "apop@192.0.2.128/25", "APOP", F, "192.0.2.128", NULL },
	{ "apop@192.0.2.128/25", "APOP", F, "192.0.2.127", "not allowed" },
	{ "apop@192.0.2.4", "APOP", F, "192.0.2.4", NULL },
	{ "apop@192.0.2.4", "APOP", F, "192.0.2.5", "not allowed" },
	{ "apop@192.0.2.4/31", "APOP", F, "192.0.2.5", NULL },
	{ "apop@192.0.2.4/31", "APOP", F, "192.0.2.6", "not allowed" },
	{ "apop@0.0.0.0/0", "APOP", F, "192.0.2.5", NULL },
	{ "apop@0.0.0.0/0", "APOP", F, "2001:db8::1", "not allowed" },
	{ "apop@::/0", "APOP", F, "2001:db8::1", NULL },
	{ "apop@::/0", "APOP", F, "192.0.2.5", "not allowed" },
	{ "apop@2001:db8::/32", "APOP", F, "2001:db8:ffff::1", NULL },
	{ "apop@2001:db8::/32", "APOP", F, "2001:db9::1", "not allowed" },
	{ "apop@2001:db8::/33", "APOP", F, "2001:db8:8000::1",
	  "not allowed" },
	{ "apop@10.0.0.0/8", "APOP", F, "::ffff:10.1.2.3", NULL },
	{ "apop@::ffff:10.0.0.1", "APOP", F, "10.0.0.1", NULL },
	{ "apop@10.0.0.0/8", "APOP", F, "", "not allowed" },
	{ "apop@10.0.0.0/8", "APOP", F, "10.1.2", "not allowed" },
	{ "apop@0.0.0.0/0", "APOP", F, "unix", "not allowed" },
	{ "apop:tls@10.0.0.0/8", "APOP", F, "10.0.0.1", "TLS only" },
	{ "apop:tls@10.0.0.0/8", "APOP", T, "10.0.0.1", NULL },
	{ "apop:tls@10.0.0.0/8", "APOP", T, "192.0.2.1", "not allowed" },
};

static struct policy *
load(const char *value, struct reported_errors *errors, bool *guards_r)
{
	struct policy_file *file;
	struct policy *policy;
	char text[1000];

	memset(errors, 0, sizeof(*errors));
	snprintf(text, sizeof(text), "[default]\nmechanisms = %s\n", value);
	file = policy_file_parse(TEST_FILE_NAME, text, strlen(text),
				 report_error, errors);
	ck_assert_ptr_nonnull(file);
	(void)policy_load(file, "default", &policy, guards_r, report_error,
			  errors);
	policy_file_free(&file);
	return policy;
}

START_TEST(test_login)
{
	const struct login_row *row = &login_rows[_i];
	const struct policy_session_facts facts = {
		.user = "u", .login = "u", .mechanism = row->mechanism,
		.tls = row->tls, .remote_ip = row->ip, .local_ip = "",
		.id = "",
	};
	char text[POLICY_LOGIN_REFUSAL_BYTES];
	struct reported_errors errors;
	struct policy *policy;
	bool guards, allowed;

	policy = load(row->value, &errors, &guards);
	assert_errors(row->value, &errors, "");
	ck_assert(guards == (strcmp(row->value, "none") != 0));
	allowed = policy_login_is_allowed(policy, &facts, text);
	ck_assert_msg(allowed == (row->want_text == NULL), "%s: %s %d %s: %s",
		      row->value, row->mechanism, row->tls, row->ip, text);
	if (!allowed) {
		ck_assert_msg(strstr(text, row->want_text) != NULL, "%s: %s",
			      row->value, text);
	}
	policy_free(&policy);
}
END_TEST

static const struct error_row {
	const char *value, *want_errors;
} error_rows[] = {
	{ "", "2:14 expected a value" },
	{ "plian", "2:14 did you mean PLAIN?" },
	{ "plain, apop", "2:14 unknown mechanism \"plain,\"" },
	{ ":tls", "2:14 unknown mechanism" },
	{ "@10.0.0.0/8", "2:14 unknown mechanism" },
	{ "plain apop:ssl", "2:24 expected :tls" },
	{ "apop:", "2:18 expected :tls" },
	{ "apop:tlsx", "2:18 expected :tls" },
	{ "apop:tls:tls", "2:18 expected :tls" },
	{ "apop@", "2:19 expected an address" },
	{ "apop@10", "2:19 expected an address" },
	{ "apop@10.0.0.0/", "2:19 expected the length" },
	{ "apop@10.0.0.0/33", "2:19 expected the length" },
	{ "apop@10.0.0.0/08", "2:19 expected the length" },
	{ "apop@10.0.0.0/-1", "2:19 expected the length" },
	{ "apop@10.0.0.1/8", "2:19 more bits than its network" },
	{ "apop@2001:db8::/129", "2:19 expected the length" },
	{ "apop@2001:db8::1/64", "2:19 more bits" },
	{ "apop@localhost", "2:19 expected an address" },
	{ "apop@10.0.0.0/8@11.0.0.0/8", "2:19 expected the length" },
	{ "apop@10.0.0.0/8:tls", "2:19 expected the length" },
	{ "none plain", "2:14 unknown mechanism" },
};

START_TEST(test_error)
{
	const struct error_row *row = &error_rows[_i];
	struct reported_errors errors;
	struct policy *policy;
	bool guards;

	policy = load(row->value, &errors, &guards);
	assert_errors(row->value, &errors, row->want_errors);
	ck_assert_ptr_null(policy);
	/* nobody logs in under a list that can't be read */
	ck_assert(guards);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("policy-mechanism");
	TCase *tcase = tcase_create("mechanism");

	tcase_add_loop_test(tcase, test_login, 0, N_ROWS(login_rows));
	tcase_add_loop_test(tcase, test_error, 0, N_ROWS(error_rows));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
