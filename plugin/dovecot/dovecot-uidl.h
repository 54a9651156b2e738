/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_DOVECOT_UIDL_H
#define POP3_POLICY_DOVECOT_UIDL_H

/*
 * The UIDL that Dovecot's pop3 alone would show for a message: what the
 * storage keeps, the header X-UIDL, or what pop3_uidl_format makes.
 */

struct mail;
struct mailbox_transaction_context;
struct dovecot_uidl;

/* Dovecot's settings of UIDLs, as they are in force for a POP3 session of the
   user. */
struct dovecot_uidl_settings {
	/* pop3_uidl_format */
	const char *format;
	/* pop3_reuse_xuidl */
	bool reuse_xuidl;
	/* pop3_uidl_duplicates = rename */
	bool rename_duplicates;
	/* pop3_save_uidl, where sessions save them */
	bool save;
};

/* set: copied, but the format must outlive it. */
struct dovecot_uidl *
dovecot_uidl_init(const struct dovecot_uidl_settings *set,
		  uint32_t uid_validity);
/* NULL is allowed. */
void dovecot_uidl_deinit(struct dovecot_uidl **uidl);

/* Allocates a mail that fetches what dovecot_uidl_compute() needs. */
struct mail *dovecot_uidl_mail_alloc(struct dovecot_uidl *uidl,
				     struct mailbox_transaction_context *trans);

/* Returns the mail's UIDL (valid until the next call), or NULL where that
   could only be found out by opening the message, or by formats that are not
   among the usual ones. */
const char *dovecot_uidl_peek(struct dovecot_uidl *uidl, struct mail *mail);
/* Find it out, whatever it takes. *permanent_r: the storage has it already.
   Returns 0, or -1 and *error_r (data stack). *uidl_r is valid until the next
   call. */
int dovecot_uidl_compute(struct dovecot_uidl *uidl, struct mail *mail,
			 const char **uidl_r, bool *permanent_r,
			 const char **error_r);

#endif
