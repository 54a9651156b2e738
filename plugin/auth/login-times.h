/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_LOGIN_TIMES_H
#define POP3_POLICY_LOGIN_TIMES_H

/*
 * When users logged in last, in the memory of this process. What nobody can be
 * delayed by any more is dropped, so it holds no more than those who logged in
 * within the longest delay, and as many again.
 */

/* Is the user's last login less than delay_secs back at the time now? Returns
   how many seconds he has to wait, 0 = none. A time that lies in the future,
   since the clock has been set back, becomes now. */
unsigned int login_times_wait(const char *user, time_t now,
			      unsigned int delay_secs);

/* He logs in now. *before_r: his last login, 0 = unknown, for
   login_times_undo(). */
void login_times_note(const char *user, time_t now, unsigned int delay_secs,
		      time_t *before_r);

/* He did not: the last login was at the time before (0 = unknown). */
void login_times_undo(const char *user, time_t before);

/* Forget everything. */
void login_times_clear(void);

#endif
