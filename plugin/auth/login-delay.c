/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "dict.h"
#include "guid.h"
#include "ioloop.h"
#include "llist.h"
#include "login-times.h"
#include "login-delay.h"

#define DICT_KEY_LAST DICT_PATH_SHARED"pop3_login_delay/last/"
#define DICT_KEY_TURN DICT_PATH_SHARED"pop3_login_delay/turn/"

/*
 * A dict can read and write, but not compare and write. That is enough to let
 * at most one of several through: each writes its id to TURN, looks at LAST,
 * writes LAST, and goes through if TURN is still its own (the splitter of
 * Lamport's fast mutual exclusion). Whoever wrote TURN later than that finds
 * LAST written.
 */
struct login_delay_check {
	struct login_delay_check *prev, *next;
	struct dict *dict;
	char *user;
	guid_128_t id;
	unsigned int delay_secs;
	enum policy_login_delay_failure failure;
	time_t now;
	/* what this process knew */
	time_t before;
	bool has_turn;
	struct timeout *to;
	/* NULL: it has been answered, and waits for the dict only. */
	login_delay_callback_t *callback;
	void *context;
};

static struct login_delay_check *checks;

static void check_look_at_last(struct login_delay_check *check);

static void
check_answer(struct login_delay_check *check, enum login_delay_verdict verdict,
	     unsigned int wait_secs, const char *error)
{
	const struct login_delay_answer answer = {
		.verdict = verdict,
		.wait_secs = wait_secs,
		.error = error,
	};
	login_delay_callback_t *callback = check->callback;

	check->callback = NULL;
	timeout_remove(&check->to);
	callback(&answer, check->context);
}

static void check_free(struct login_delay_check *check)
{
	DLLIST_REMOVE(&checks, check);
	timeout_remove(&check->to);
	i_free(check->user);
	i_free(check);
}

static void
check_fail(struct login_delay_check *check, const char *error)
{
	if (check->failure == POLICY_LOGIN_DELAY_ALLOW) {
		check_answer(check, LOGIN_DELAY_OVER, 0, error);
		return;
	}
	login_times_undo(check->user, check->before);
	check_answer(check, LOGIN_DELAY_UNKNOWN, 0, error);
}

/* An operation of the dict has ended. Returns FALSE if that was all. */
static bool
check_goes_on(struct login_delay_check *check, bool failed, const char *error)
{
	if (check->callback != NULL && !failed)
		return TRUE;
	if (check->callback != NULL)
		check_fail(check, error);
	check_free(check);
	return FALSE;
}

static const char *
check_key(const struct login_delay_check *check, const char *prefix)
{
	return t_strconcat(prefix, dict_escape_string(check->user), NULL);
}

static struct dict_op_settings
check_settings(const struct login_delay_check *check)
{
	struct dict_op_settings set;

	i_zero(&set);
	set.username = check->user;
	return set;
}

static struct dict_transaction_context *
check_set(struct login_delay_check *check, const char *prefix,
	  const char *value)
{
	const struct dict_op_settings set = check_settings(check);
	struct dict_transaction_context *trans;

	trans = dict_transaction_begin(check->dict, &set);
	dict_set(trans, check_key(check, prefix), value);
	return trans;
}

static void
check_turn_seen(const struct dict_lookup_result *result,
		struct login_delay_check *check)
{
	if (!check_goes_on(check, result->ret < 0, result->error))
		return;
	if (result->ret > 0 &&
	    strcmp(result->value, guid_128_to_string(check->id)) == 0)
		check_answer(check, LOGIN_DELAY_OVER, 0, NULL);
	else
		check_answer(check, LOGIN_DELAY_WAIT, check->delay_secs, NULL);
	check_free(check);
}

static void
check_last_written(const struct dict_commit_result *result,
		   struct login_delay_check *check)
{
	const struct dict_op_settings set = check_settings(check);

	if (!check_goes_on(check, result->ret != DICT_COMMIT_RET_OK,
			   result->error))
		return;
	dict_lookup_async(check->dict, &set, check_key(check, DICT_KEY_TURN),
			  check_turn_seen, check);
}

static void
check_turn_written(const struct dict_commit_result *result,
		   struct login_delay_check *check)
{
	if (!check_goes_on(check, result->ret != DICT_COMMIT_RET_OK,
			   result->error))
		return;
	check->has_turn = TRUE;
	check_look_at_last(check);
}

/* How long has the user to wait? */
static unsigned int
check_wait_secs(struct login_delay_check *check, time_t last)
{
	struct dict_transaction_context *trans;

	if (last > check->now) {
		/* Somebody's clock is, or was, wrong. Counted from now it can't
		   lock the user out for longer than the delay. */
		trans = check_set(check, DICT_KEY_LAST, dec2str(check->now));
		dict_transaction_commit_async_nocallback(&trans);
		return check->delay_secs;
	}
	if (check->now - last >= (time_t)check->delay_secs)
		return 0;
	return check->delay_secs - (unsigned int)(check->now - last);
}

static void
check_last_seen(const struct dict_lookup_result *result,
		struct login_delay_check *check)
{
	struct dict_transaction_context *trans;
	unsigned int wait_secs;
	time_t last = 0;

	if (!check_goes_on(check, result->ret < 0, result->error))
		return;
	if (result->ret > 0 &&
	    (str_to_time(result->value, &last) < 0 || last < 0)) {
		check_fail(check, t_strdup_printf(
			"%s is no time: %s", check_key(check, DICT_KEY_LAST),
			result->value));
		check_free(check);
		return;
	}
	wait_secs = check_wait_secs(check, last);
	if (wait_secs > 0) {
		login_times_undo(check->user, I_MIN(last, check->now));
		check_answer(check, LOGIN_DELAY_WAIT, wait_secs, NULL);
		check_free(check);
	} else if (!check->has_turn) {
		/* those who are too early must not disturb the others */
		trans = check_set(check, DICT_KEY_TURN,
				  guid_128_to_string(check->id));
		dict_transaction_commit_async(&trans, check_turn_written,
					      check);
	} else {
		trans = check_set(check, DICT_KEY_LAST, dec2str(check->now));
		dict_transaction_commit_async(&trans, check_last_written,
					      check);
	}
}

static void check_look_at_last(struct login_delay_check *check)
{
	const struct dict_op_settings set = check_settings(check);

	dict_lookup_async(check->dict, &set, check_key(check, DICT_KEY_LAST),
			  check_last_seen, check);
}

static void check_timeout(struct login_delay_check *check)
{
	check_fail(check, t_strdup_printf("no answer within %u ms",
					  LOGIN_DELAY_DICT_MSECS));
}

void login_delay_check(struct dict *dict, const char *user,
		       unsigned int delay_secs,
		       enum policy_login_delay_failure failure,
		       login_delay_callback_t *callback, void *context)
{
	struct login_delay_answer answer = { .verdict = LOGIN_DELAY_OVER };
	struct login_delay_check *check;
	time_t before;

	answer.wait_secs = login_times_wait(user, ioloop_time, delay_secs);
	if (answer.wait_secs > 0) {
		answer.verdict = LOGIN_DELAY_WAIT;
		callback(&answer, context);
		return;
	}
	/* Whoever comes while the dict is asked has to wait. */
	login_times_note(user, ioloop_time, delay_secs, &before);
	if (dict == NULL) {
		callback(&answer, context);
		return;
	}
	check = i_new(struct login_delay_check, 1);
	check->dict = dict;
	check->user = i_strdup(user);
	guid_128_generate(check->id);
	check->delay_secs = delay_secs;
	check->failure = failure;
	check->now = ioloop_time;
	check->before = before;
	check->callback = callback;
	check->context = context;
	check->to = timeout_add(LOGIN_DELAY_DICT_MSECS, check_timeout, check);
	DLLIST_PREPEND(&checks, check);
	T_BEGIN {
		check_look_at_last(check);
	} T_END;
}

void login_delay_abort(struct dict *dict)
{
	struct login_delay_check *check, *next;

	for (check = checks; check != NULL; check = next) {
		next = check->next;
		if (check->dict == dict && check->callback != NULL) {
			login_times_undo(check->user, check->before);
			check_answer(check, LOGIN_DELAY_UNKNOWN, 0,
				     "the server shuts down");
		}
	}
}
