/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pop3-policy/uidl.h"
#include "pop3-policy/uidl-key.h"
#include "siphash.h"
#include "suite.h"

#define KEY "000102030405060708090a0b0c0d0e0f"
#define REST "101112131415161718191a1b1c1d1e1f"
#define REST_2 "202122232425262728292a2b2c2d2e2f"
#define REST_3 "303132333435363738393a3b3c3d3e3f"

static const char *hex(const unsigned char *bytes)
{
	static char text[2 * SIPHASH_BYTES + 1];
	size_t i;

	for (i = 0; i < SIPHASH_BYTES; i++)
		sprintf(text + 2 * i, "%02x", bytes[i]);
	return text;
}

/* vectors_sip128 of the reference implementation: the key is 00 01 ... 0f, the
   input 00 01 ... of this length. */
static const struct vector {
	size_t length;
	const char *want;
} vectors[] = {
	{ 0, "a3817f04ba25a8e66df67214c7550293" },
	{ 1, "da87c1d86b99af44347659119b22fc45" },
	{ 2, "8177228da4a45dc7fca38bdef60affe4" },
	{ 3, "9c70b60c5267a94e5f33b6b02985ed51" },
	{ 4, "f88164c12d9c8faf7d0f6e7c7bcd5579" },
	{ 5, "1368875980776f8854527a07690e9627" },
	{ 6, "14eeca338b208613485ea0308fd7a15e" },
	{ 7, "a1f1ebbed8dbc153c0b84aa61ff08239" },
	{ 8, "3b62a9ba6258f5610f83e264f31497b4" },
	{ 9, "264499060ad9baabc47f8b02bb6d71ed" },
	{ 10, "00110dc378146956c95447d3f3d0fbba" },
	{ 11, "0151c568386b6677a2b4dc6f81e5dc18" },
	{ 12, "d626b266905ef35882634df68532c125" },
	{ 13, "9869e247e9c08b10d029934fc4b952f7" },
	{ 14, "31fcefac66d7de9c7ec7485fe4494902" },
	{ 15, "5493e99933b0a8117e08ec0f97cfc3d9" },
	{ 16, "6ee2a4ca67b054bbfd3315bf85230577" },
	{ 17, "473d06e8738db89854c066c47ae47740" },
	{ 23, "c9d184ddd5a9f5e0cf8ce29a9abf691c" },
	{ 24, "2db479ae78bd50d8882a8a178a6132ad" },
	{ 32, "7c3956ca5eeafc3e363e9d556546eb68" },
	{ 63, "5150d1772f50834a503e069a973fbd7c" },
};

START_TEST(test_vector)
{
	unsigned char key[SIPHASH_KEY_BYTES], input[64];
	unsigned char result[SIPHASH_BYTES];
	size_t i;

	for (i = 0; i < sizeof(key); i++)
		key[i] = (unsigned char)i;
	for (i = 0; i < sizeof(input); i++)
		input[i] = (unsigned char)i;
	siphash_2_4_128(key, input, vectors[_i].length, result);
	ck_assert_str_eq(hex(result), vectors[_i].want);
}
END_TEST

static const struct key_row {
	const char *text;
	unsigned int want_count;
	/* of the first one; or part of the error */
	const char *want;
} key_rows[] = {
	{ KEY, 1, KEY },
	{ KEY "\n", 1, KEY },
	{ " \t" KEY "\r\n", 1, KEY },
	{ "000102030405060708090A0B0C0D0E0F", 1, KEY },
	{ REST " " KEY, 2, REST },
	{ REST "\n" KEY "\n", 2, REST },
	{ KEY REST REST_2 REST_3, 1, "d630f56802df369625346b8b8acc2c45" },
	{ KEY "10", 1, "af74295444a5f11b48e05f4c56d9792a" },
	{ "", 0, "empty" }, { " \n", 0, "empty" },
	{ "000102030405060708090a0b0c0d0e", 0, "too short" },
	{ KEY " 00", 0, "too short" },
	{ KEY "1", 0, "odd" },
	{ KEY REST REST_2 REST_3 "40", 0, "too long" },
	{ "000102030405060708090a0b0c0d0e0g", 0, "no hexadecimal" },
	{ "0x0102030405060708090a0b0c0d0e0f", 0, "no hexadecimal" },
	{ "\"" KEY "\"", 0, "no hexadecimal" },
	{ KEY "," REST, 0, "no hexadecimal" },
	{ KEY " " KEY " " KEY " " KEY " " KEY " " KEY " " KEY " " KEY, 8, KEY },
	{ KEY " " KEY " " KEY " " KEY " " KEY " " KEY " " KEY " " KEY " " KEY,
	  0, "too many" },
};

START_TEST(test_key)
{
	const struct key_row *row = &key_rows[_i];
	struct uidl_key_list keys;
	const char *error = uidl_keys_parse(row->text, &keys);

	ck_assert_uint_eq(keys.count, row->want_count);
	if (row->want_count > 0) {
		ck_assert_ptr_null(error);
		ck_assert_str_eq(hex(keys.keys[0]), row->want);
	} else {
		ck_assert_ptr_nonnull(error);
		ck_assert_msg(strstr(error, row->want) != NULL, "%s: %s",
			      row->text, error);
		/* what is nearly a key is not for the log */
		ck_assert_ptr_null(strstr(error, "0102"));
	}
}
END_TEST

/* Computed by another implementation of SipHash and of base64url. */
static const struct keyed_row {
	enum uidl_kind kind;
	const char *data;
	size_t size;
	const char *want;
} keyed_rows[] = {
	{ UIDL_KIND_UID, "\x11\x22\x33\x44\0\0\0\x07", 8,
	  "fSr__uWnKzDIBrCqF_fq5Q" },
	{ UIDL_KIND_GUID, "1234.M5P6.host", 14, "K2aC642MJbe-2T94cgrVwA" },
	{ UIDL_KIND_CONTENT, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16,
	  "H16CWDBf3otQj-rhCKkHcg" },
	{ UIDL_KIND_UID, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16,
	  "Y9Omx-8-psCSMd3EBPxecA" },
};

START_TEST(test_keyed)
{
	const struct keyed_row *row = &keyed_rows[_i];
	unsigned char bytes[UIDL_KEYED_BYTES];
	char uidl[UIDL_KEYED_LENGTH + 1];
	struct uidl_key_list keys;

	ck_assert_ptr_null(uidl_keys_parse(KEY, &keys));
	uidl_keyed(keys.keys[0], row->kind, row->data, row->size, bytes);
	uidl_keyed_encode(bytes, uidl);
	ck_assert_str_eq(uidl, row->want);
	ck_assert(uidl_is_valid(uidl));
}
END_TEST

START_TEST(test_longest)
{
	static char data[UIDL_DATA_MAX];
	unsigned char bytes[UIDL_KEYED_BYTES];
	char uidl[UIDL_KEYED_LENGTH + 1];
	struct uidl_key_list keys;

	ck_assert_ptr_null(uidl_keys_parse(KEY, &keys));
	uidl_keyed(keys.keys[0], UIDL_KIND_GUID, data, sizeof(data), bytes);
	uidl_keyed_encode(bytes, uidl);
	ck_assert_uint_eq(strlen(uidl), UIDL_KEYED_LENGTH);
}
END_TEST

START_TEST(test_fingerprint)
{
	static const char *const texts[] = {
		KEY, REST, KEY " " REST, REST " " KEY, KEY " " REST " " REST_2,
	};
	uint32_t seen[2 * N_ROWS(texts)];
	struct uidl_key_list keys;
	int i, j, count = 0;

	for (i = 0; i < 2 * N_ROWS(texts); i++) {
		ck_assert_ptr_null(uidl_keys_parse(texts[i / 2], &keys));
		seen[count] = uidl_keys_fingerprint(&keys, i % 2);
		ck_assert_uint_ne(seen[count], 0);
		ck_assert_uint_eq(seen[count],
				  uidl_keys_fingerprint(&keys, i % 2));
		for (j = 0; j < count; j++)
			ck_assert_uint_ne(seen[count], seen[j]);
		count++;
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("policy-uidl-key");
	TCase *tcase = tcase_create("uidl-key");

	tcase_add_loop_test(tcase, test_vector, 0, N_ROWS(vectors));
	tcase_add_loop_test(tcase, test_key, 0, N_ROWS(key_rows));
	tcase_add_loop_test(tcase, test_keyed, 0, N_ROWS(keyed_rows));
	tcase_add_test(tcase, test_longest);
	tcase_add_test(tcase, test_fingerprint);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
