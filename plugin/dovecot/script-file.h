/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_SCRIPT_FILE_H
#define POP3_POLICY_SCRIPT_FILE_H

/*
 * Where a script lies, and whether it is the administrator's: who may write a
 * script decides what becomes of mail, so one that the mail user could write
 * is refused.
 */

/* Returns the path of the script that a policy names; policy_file is absolute.
   Data stack. */
const char *script_file_path(const char *policy_file, const char *name);

/* Could the user that this process runs as, or (for root) anybody else than
   root, write the file or replace it or a folder above it? What symbolic links
   lie in and what they point to counts as well. Returns 0 if not, or -1 and
   *error_r (data stack), which says what and why. */
int script_file_check_owner(const char *path, const char **error_r);

#endif
