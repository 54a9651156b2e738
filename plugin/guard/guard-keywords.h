/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_GUARD_KEYWORDS_H
#define POP3_POLICY_GUARD_KEYWORDS_H

/*
 * Keywords that the hold names can't be taken off a message, whether it is
 * held at the moment or not. Under a broken policy that goes for all of them.
 */

#include "mail-types.h"

struct mail;
struct mail_keywords;
struct guard_transaction;

/* May this change of keywords be made? modify_type: REMOVE or REPLACE; the
   transaction's mode: BROKEN or JUDGE. REMOVE may not name a guarded keyword
   even where the message has not got it: somebody may be setting it just now.
   REPLACE takes off only what the message has (lib-index sees to that). If it
   may not be made it counts as refused. */
bool guard_keywords_may_change(struct guard_transaction *gt, struct mail *mail,
			       enum modify_type modify_type,
			       const struct mail_keywords *keywords);

#endif
