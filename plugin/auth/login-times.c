/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "hash.h"
#include "login-times.h"

/* Looking for what can be dropped is not worth while below this. */
#define SWEEP_MIN_USERS 1024

struct login_time {
	char *user;
	time_t last;
	unsigned int delay_secs;
};

static HASH_TABLE(char *, struct login_time *) login_times;
/* So many users, and those who are over are dropped. */
static unsigned int sweep_at;

static struct login_time *login_time_find(const char *user)
{
	return !hash_table_is_created(login_times) ? NULL :
		hash_table_lookup(login_times, user);
}

static void login_time_remove(struct login_time *login)
{
	hash_table_remove(login_times, login->user);
	i_free(login->user);
	i_free(login);
}

static unsigned int
login_time_wait(struct login_time *login, time_t now, unsigned int delay_secs)
{
	if (login->last > now)
		login->last = now;
	if (now - login->last >= (time_t)delay_secs)
		return 0;
	return delay_secs - (unsigned int)(now - login->last);
}

static void login_times_sweep(time_t now)
{
	struct hash_iterate_context *iter;
	struct login_time *login;
	char *user;

	iter = hash_table_iterate_init(login_times);
	while (hash_table_iterate(iter, login_times, &user, &login)) {
		if (login_time_wait(login, now, login->delay_secs) == 0)
			login_time_remove(login);
	}
	hash_table_iterate_deinit(&iter);
	/* all of them are looked at no more often than there are logins */
	sweep_at = I_MAX(SWEEP_MIN_USERS, hash_table_count(login_times) * 2);
}

unsigned int login_times_wait(const char *user, time_t now,
			      unsigned int delay_secs)
{
	struct login_time *login = login_time_find(user);

	return login == NULL ? 0 : login_time_wait(login, now, delay_secs);
}

void login_times_note(const char *user, time_t now, unsigned int delay_secs,
		      time_t *before_r)
{
	struct login_time *login = login_time_find(user);

	*before_r = login == NULL ? 0 : login->last;
	if (login == NULL) {
		if (!hash_table_is_created(login_times)) {
			hash_table_create(&login_times, default_pool, 0,
					  str_hash, strcmp);
			sweep_at = SWEEP_MIN_USERS;
		}
		if (hash_table_count(login_times) >= sweep_at)
			login_times_sweep(now);
		login = i_new(struct login_time, 1);
		login->user = i_strdup(user);
		hash_table_insert(login_times, login->user, login);
	}
	login->last = now;
	login->delay_secs = delay_secs;
}

void login_times_undo(const char *user, time_t before)
{
	struct login_time *login = login_time_find(user);

	if (login == NULL)
		return;
	if (before == 0)
		login_time_remove(login);
	else
		login->last = before;
}

void login_times_clear(void)
{
	struct hash_iterate_context *iter;
	struct login_time *login;
	char *user;

	if (!hash_table_is_created(login_times))
		return;
	iter = hash_table_iterate_init(login_times);
	while (hash_table_iterate(iter, login_times, &user, &login))
		login_time_remove(login);
	hash_table_iterate_deinit(&iter);
	hash_table_destroy(&login_times);
}
