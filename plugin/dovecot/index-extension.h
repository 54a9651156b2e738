/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_INDEX_EXTENSION_H
#define POP3_POLICY_INDEX_EXTENSION_H

/*
 * Extensions of a mailbox's index, which keep a record for each message.
 */

struct mailbox_transaction_context;

/* Could any message have a record, in the index or in what the transaction is
   going to write? Looking one up costs hundreds of instructions, also where
   there is none. FALSE: until something is written, none has. */
bool index_extension_may_have_records(
	const struct mailbox_transaction_context *trans, uint32_t ext_id);

#endif
