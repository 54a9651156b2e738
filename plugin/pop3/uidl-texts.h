/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_UIDL_TEXTS_H
#define POP3_POLICY_UIDL_TEXTS_H

/*
 * The UIDLs of a session's messages, by message number: one text behind the
 * other, and where each sixteenth begins. Half a byte a message more than the
 * texts take; pointers to them would be eight.
 */

struct uidl_texts;

/* For so many messages, and so many bytes, their NULs included. It lives as
   long as the pool, which should not round sizes up. */
struct uidl_texts *
uidl_texts_create(pool_t pool, uint32_t count, size_t size);
/* The next message's, which is copied. */
void uidl_texts_add(struct uidl_texts *texts, const char *uidl);

/* Of this message, from 0, which has been added; valid as long as the texts
   are. The next message's stands behind its NUL. */
const char *uidl_texts_get(const struct uidl_texts *texts, uint32_t msgnum);

#endif
