/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POP3_POLICY_HEADER_H
#define POP3_POLICY_HEADER_H

#include <stddef.h>

typedef void header_func_t(void *context, const char *name,
			   const char *value);

/* Call back for each header of a message (RFC 5322 2.2): unfolded, and encoded
   words (RFC 2047) in UTF-8, US-ASCII and ISO-8859-1 decoded to UTF-8; others
   stay as they are. */
void header_parse(const char *data, size_t size, header_func_t *func,
		  void *context);

#endif
