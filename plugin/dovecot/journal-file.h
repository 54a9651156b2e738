/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_JOURNAL_FILE_H
#define POP3_POLICY_JOURNAL_FILE_H

/*
 * The journal on disk: whole lines are appended under a lock, so that those
 * of two sessions never mix. What a crash left of a line is ended by a newline
 * before the next one; what a full disk left of a write is taken back.
 *
 * Rotation: once the first line of FILE is older than the retention, FILE.1
 * becomes FILE.2 and FILE becomes FILE.1. Everything in FILE.2 was written
 * before that first line, so it is too old. It is removed a day later, not at
 * once: a clock that jumped needs a day to be believed.
 */

struct journal_file_settings {
	int64_t retention_secs;
	/* Look whether it is time to rotate. */
	bool rotate;
	/* Of a file that is created: mode, and group unless that is
	   (gid_t)-1. Without the right to give it that group it is the
	   writer's own, mode 0600. */
	mode_t mode;
	gid_t gid;
	/* What has been waited for is to outlive a crash of the machine. */
	bool durable;
	/* Wait until these lines, and those that this process has written
	   before without waiting, are on disk. */
	bool sync;
};

/* Append lines, each of which begins with {"time":"<RFC 3339>" and ends with a
   newline. The folder exists; the file is created if it is missing. size may be 0. Returns 0, or -1 and error_r (data stack): then nothing was written,
   or (error while syncing) perhaps all of it. */
int journal_file_append(const char *path,
			const struct journal_file_settings *set,
			const void *data, size_t size, const char **error_r);

#endif
