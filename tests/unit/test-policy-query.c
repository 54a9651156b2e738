/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE
#include "reported-errors.h"
#include "suite.h"

/* What a query is compiled into. want_words: "|" behind each; a relative time
   is followed by "=SECONDS" and the first letter of its clock (saved,
   received, Sent, retrieved = t, hidden), a keyword by "=k". want_uses: a(ll), h(istory),
   H(idden), f(lags), c(ontent), t(ime). */
static const struct query_row {
	const char *query;
	const char *want_words;
	const char *want_uses;
} query_rows[] = {
	{ "all", "ALL|", "a" },
	{ "ALL", "ALL|", "a" },
	{ "  aLL\t", "ALL|", "a" },
	{ "(all)", "(|ALL|)|", "" },
	{ "all all", "ALL|ALL|", "" },

	{ "answered", "ANSWERED|", "f" },
	{ "unanswered", "UNANSWERED|", "f" },
	{ "deleted", "DELETED|", "f" },
	{ "undeleted", "UNDELETED|", "f" },
	{ "draft", "DRAFT|", "f" },
	{ "undraft", "UNDRAFT|", "f" },
	{ "flagged", "FLAGGED|", "f" },
	{ "unflagged", "UNFLAGGED|", "f" },
	{ "seen", "SEEN|", "f" },
	{ "unseen", "UNSEEN|", "f" },
	{ "keyword $Label1", "KEYWORD|$Label1=k|", "f" },
	{ "unkeyword 'legal'", "UNKEYWORD|legal=k|", "f" },
	{ "from keyword (not keyword 'all' or seen)",
	  "FROM|keyword|(|NOT|KEYWORD|all=k|OR|SEEN|)|", "fc" },

	{ "before 30d", "BEFORE|30d=2592000r|", "t" },
	{ "before 2024-02-29", "BEFORE|29-Feb-2024|", "" },
	{ "since 1y", "SINCE|1y=31622400r|", "t" },
	{ "on 2024-12-31", "ON|31-Dec-2024|", "" },
	{ "sentbefore 2w", "SENTBEFORE|2w=1209600S|", "ct" },
	{ "sentsince 1-Jan-2000", "SENTSINCE|01-Jan-2000|", "c" },
	{ "senton 01-jan-2000", "SENTON|01-Jan-2000|", "c" },
	{ "savedbefore 90s", "SAVEDBEFORE|90s=90s|", "t" },
	{ "savedsince 5m", "SAVEDSINCE|5m=300s|", "t" },
	{ "savedon 1970-01-01", "SAVEDON|01-Jan-1970|", "" },
	{ "savedbefore \"12h\"", "SAVEDBEFORE|12h=43200s|", "t" },
	{ "savedbefore 4294967295s", "SAVEDBEFORE|4294967295s=4294967295s|",
	  "t" },
	{ "savedbefore 135y", "SAVEDBEFORE|135y=4269024000s|", "t" },
	{ "savedbefore 000030d", "SAVEDBEFORE|000030d=2592000s|", "t" },

	{ "larger 20M", "LARGER|20M|", "" },
	{ "smaller 100", "SMALLER|100|", "" },
	{ "larger 1b larger 1K larger 1g larger 1B larger 1k",
	  "LARGER|1b|LARGER|1K|LARGER|1g|LARGER|1B|LARGER|1k|", "" },
	{ "larger 0", "LARGER|0|", "" },
	{ "smaller 9223372036854775807", "SMALLER|9223372036854775807|", "" },
	{ "guid 4af1", "GUID|4af1|", "" },

	{ "bcc a", "BCC|a|", "c" },
	{ "cc a", "CC|a|", "c" },
	{ "from boss@example.org", "FROM|boss@example.org|", "c" },
	{ "to a", "TO|a|", "c" },
	{ "subject \"two words\"", "SUBJECT|two words|", "c" },
	{ "header List-Id lists", "HEADER|List-Id|lists|", "c" },
	{ "header X-Legal-Hold \"\"", "HEADER|X-Legal-Hold||", "c" },
	{ "header X-Legal-Hold ''", "HEADER|X-Legal-Hold||", "c" },
	{ "body a", "BODY|a|", "c" },
	{ "text a", "TEXT|a|", "c" },

	{ "retrieved", "RETRIEVED|", "h" },
	{ "unretrieved", "UNRETRIEVED|", "h" },
	{ "retrievedbefore 14d", "RETRIEVEDBEFORE|14d=1209600t|", "ht" },
	{ "retrievedsince 2024-01-02", "RETRIEVEDSINCE|02-Jan-2024|", "h" },
	{ "hidden", "HIDDEN|", "H" },
	{ "hiddenbefore 30d", "HIDDENBEFORE|30d=2592000h|", "Ht" },
	{ "hiddensince 1h", "HIDDENSINCE|1h=3600h|", "Ht" },

	/* operators and parentheses */
	{ "not seen", "NOT|SEEN|", "f" },
	{ "NOT nOt seen", "NOT|NOT|SEEN|", "f" },
	{ "seen or flagged", "SEEN|OR|FLAGGED|", "f" },
	{ "seen OR flagged or draft", "SEEN|OR|FLAGGED|OR|DRAFT|", "f" },
	{ "not seen or not flagged", "NOT|SEEN|OR|NOT|FLAGGED|", "f" },
	{ "seen (flagged or draft)", "SEEN|(|FLAGGED|OR|DRAFT|)|", "f" },
	{ "(seen flagged) or retrieved",
	  "(|SEEN|FLAGGED|)|OR|RETRIEVED|", "hf" },
	{ "not(seen)hidden", "NOT|(|SEEN|)|HIDDEN|", "Hf" },
	{ "((all))", "(|(|ALL|)|)|", "" },
	{ "(from a)", "(|FROM|a|)|", "c" },
	{ "(from \"a\")", "(|FROM|a|)|", "c" },
	{ "hiddenbefore 30d unflagged", "HIDDENBEFORE|30d=2592000h|UNFLAGGED|",
	  "Hft" },

	/* quotes: a quoted word is an argument, whatever it says */
	{ "subject \"a \\\"b\\\" \\\\ c\"", "SUBJECT|a \"b\" \\ c|", "c" },
	{ "subject 'a \"b\" \\ c'", "SUBJECT|a \"b\" \\ c|", "c" },
	{ "subject \"it's\"", "SUBJECT|it's|", "c" },
	{ "from \"or\" to 'not'", "FROM|or|TO|not|", "c" },
	{ "from \"(\" to ')'", "FROM|(|TO|)|", "c" },
	{ "from seen", "FROM|seen|", "c" },
	{ "subject \xC3\xA4", "SUBJECT|\xC3\xA4|", "c" },
	{ "subject #1", "SUBJECT|#1|", "c" },
	{ "subject \"a\tb\"", "SUBJECT|a\tb|", "c" },
};

static void words_text(const struct policy_query *query, char *text)
{
	static const char clocks[] = {
		[POLICY_CLOCK_SAVED] = 's', [POLICY_CLOCK_RECEIVED] = 'r',
		[POLICY_CLOCK_SENT] = 'S', [POLICY_CLOCK_RETRIEVED] = 't',
		[POLICY_CLOCK_HIDDEN] = 'h',
	};
	size_t i;

	*text = '\0';
	for (i = 0; i < query->words_count; i++) {
		const struct policy_query_word *word = &query->words[i];

		text += sprintf(text, "%s", word->text);
		if (word->is_keyword)
			text += sprintf(text, "=k");
		if (word->is_interval) {
			text += sprintf(text, "=%lld%c",
					(long long)word->interval_secs,
					clocks[word->clock]);
		}
		text += sprintf(text, "|");
	}
}

START_TEST(test_query)
{
	const struct query_row *row = &query_rows[_i];
	struct policy_query *query;
	unsigned int column = 0;
	const char *error = "";
	char words[400], uses[10];

	ck_assert_msg(policy_query_parse(row->query, &query, &column,
					 &error) == 0,
		      "%s: %u: %s", row->query, column, error);
	words_text(query, words);
	ck_assert_msg(strcmp(words, row->want_words) == 0, "%s: %s",
		      row->query, words);
	snprintf(uses, sizeof(uses), "%s%s%s%s%s%s",
		 query->is_all ? "a" : "", query->uses_history ? "h" : "",
		 query->uses_hidden ? "H" : "", query->uses_flags ? "f" : "",
		 query->uses_content ? "c" : "", query->uses_clock ? "t" : "");
	ck_assert_msg(strcmp(uses, row->want_uses) == 0, "%s: uses %s",
		      row->query, uses);
	policy_query_free(&query);
	ck_assert_ptr_null(query);
}
END_TEST

static const struct refused_row {
	const char *query;
	unsigned int want_column;
	const char *want_error;
} refused_rows[] = {
	{ "", 1, "the query is missing" },
	{ "  \t", 4, "the query is missing" },

	/* keys */
	{ "sen", 1, "unknown search key \"sen\"; did you mean SEEN?" },
	{ "retreived", 1, "did you mean RETRIEVED?" },
	{ "all xyzzy", 5, "unknown search key \"xyzzy\"; expected one like" },
	{ "seen and flagged", 6, "unknown search key \"and\"" },
	{ "none", 1, "unknown search key \"none\"" },
	{ "mailbox INBOX", 1, "MAILBOX can't be used in a policy: a policy "
	  "is about the INBOX only" },
	{ "mailbox-guid x", 1, "INBOX only" },
	{ "x-mailbox x", 1, "INBOX only" },
	{ "uid 5", 1, "UID can't be used" },
	{ "x-real-uid 5", 1, "X-REAL-UID can't be used" },
	{ "$", 1, "$ can't be used" },
	{ "modseq 5", 1, "MODSEQ can't be used" },
	{ "inthread refs seen", 1, "INTHREAD can't be used" },
	{ "oldestonly", 1, "OLDESTONLY can't be used" },
	{ "older 5", 1, "use BEFORE" },
	{ "younger 5", 1, "use SINCE" },
	{ "recent", 1, "RECENT can't be used" },
	{ "new", 1, "NEW can't be used" },
	{ "seen old", 6, "OLD can't be used" },
	{ "fuzzy seen", 1, "FUZZY can't be used" },
	{ "mimepart type text", 1, "MIMEPART can't be used" },
	{ "savedatesupported", 1, "SAVEDATESUPPORTED can't be used" },
	{ "x-savedbefore 1d", 1, "use SAVEDBEFORE" },
	{ "x-savedon 1d", 1, "use SAVEDON" },
	{ "x-savedsince 1d", 1, "use SAVEDSINCE" },
	{ "x-guid 1", 1, "use GUID" },
	{ "1:5", 1, "does not name messages by number" },
	{ "seen *", 6, "does not name messages by number" },
	{ "7", 1, "does not name messages by number" },
	{ "all # comment", 5, "a comment begins at the start" },
	{ "\"all\"", 1, "without quotes" },
	{ "not 'seen'", 5, "without quotes" },
	{ "\"(\" seen )", 1, "without quotes" },
	{ "seen \"or\" flagged", 6, "without quotes" },

	/* operators and parentheses */
	{ "or seen", 1, "in front of \"or\"" },
	{ "or from a", 1, "in front of \"or\"" },
	{ "seen or", 6, "behind this \"or\"" },
	{ "seen or or flagged", 9, "in front of \"or\"" },
	{ "not", 1, "behind this \"not\"" },
	{ "seen not", 6, "behind this \"not\"" },
	{ "(seen not)", 7, "behind this \"not\"" },
	{ "(seen or) flagged", 7, "behind this \"or\"" },
	{ "not or seen", 5, "in front of \"or\"" },
	{ "seen flagged or draft", 14, "expected parentheses" },
	{ "seen or flagged draft", 17, "expected parentheses" },
	{ "(seen or flagged draft)", 18, "expected parentheses" },
	{ "seen or flagged (draft)", 17, "expected parentheses" },
	{ "()", 1, "between \"(\" and \")\"" },
	{ "seen ( ) flagged", 6, "between \"(\" and \")\"" },
	{ "(seen", 1, "expected a \")\" for this \"(\"" },
	{ "seen (flagged or (draft)", 6, "expected a \")\" for this" },
	{ "(", 1, "between \"(\" and \")\"" },
	{ "seen)", 5, "no \"(\" for this" },
	{ ")", 1, "no \"(\" for this" },

	/* missing arguments */
	{ "from", 1, "FROM needs an argument; expected a text" },
	{ "seen from", 6, "FROM needs an argument" },
	{ "(from)", 6, "FROM needs an argument; expected a text instead of )" },
	{ "from (a)", 6, "expected a text instead of (" },
	{ "from or subject x", 6, "expected a text instead of or" },
	{ "from not seen", 6, "expected a text instead of not" },
	{ "header", 1, "HEADER needs an argument; expected the name" },
	{ "header X", 1, "HEADER needs an argument; expected the name of a "
	  "header field and a text" },
	{ "header X)", 9, "HEADER needs an argument" },
	{ "savedbefore", 1, "expected a time like 30d or a date" },
	{ "savedon", 1, "SAVEDON needs an argument; expected a date" },
	{ "larger", 1, "expected a size" },
	{ "keyword", 1, "expected a keyword" },

	/* arguments that Dovecot takes and understands otherwise */
	{ "savedbefore 2", 13, "a time needs a unit" },
	{ "savedbefore 1700000000", 13, "a time needs a unit" },
	{ "savedbefore \"2\"", 13, "a time needs a unit" },
	{ "savedbefore 0d", 13, "longer than 0" },
	{ "savedbefore 2M", 13, "unknown unit of time" },
	{ "savedbefore 2x", 13, "unknown unit of time" },
	{ "savedbefore 2days", 13, "one unit" },
	{ "savedbefore \"2 weeks\"", 13, "one unit" },
	{ "savedbefore 1d12h", 13, "one unit" },
	{ "savedbefore d", 13, "expected a number with a unit" },
	{ "savedbefore \"\"", 13, "expected a number with a unit" },
	{ "savedbefore -3d", 13, "expected a number with a unit" },
	{ "savedbefore +3d", 13, "expected a number with a unit" },
	{ "savedbefore yesterday", 13, "expected a number with a unit" },
	{ "savedbefore 136y", 13, "too long" },
	{ "savedbefore 4294967296s", 13, "too long" },
	{ "savedbefore 99999999999999999999999s", 13, "too long" },
	{ "savedbefore 18446744073709551616s", 13, "too long" },
	{ "on 3d", 4, "expected a date" },
	{ "on 2024", 4, "expected a date" },
	{ "before 2023-02-29", 8, "no such day" },
	{ "before 2100-02-29", 8, "no such day" },
	{ "before 2024-13-01", 8, "no such day" },
	{ "before 2024-00-01", 8, "no such day" },
	{ "before 2024-04-31", 8, "no such day" },
	{ "before 0-Jan-2024", 8, "no such day" },
	{ "before 32-Jan-2024", 8, "no such day" },
	{ "before 1-Foo-2024", 8, "unknown month" },
	{ "before 2024-1-1", 8, "expected a date like" },
	{ "before 01-01-2024", 8, "expected a date like" },
	{ "before 1-Jan-24", 8, "expected a date like" },
	{ "before 100-Jan-2024", 8, "expected a date like" },
	{ "before \"1-Jan-2024 10:00:00 +0000\"", 8, "expected a date like" },
	{ "before 1969-12-31", 8, "too old" },
	{ "larger 20X", 8, "unknown unit of size" },
	{ "larger 1T", 8, "unknown unit of size" },
	{ "larger 20MB", 8, "expected a size" },
	{ "larger M", 8, "expected a size" },
	{ "larger -1", 8, "expected a size" },
	{ "larger \"\"", 8, "expected a size" },
	{ "larger 9223372036854775808", 8, "too large" },
	{ "larger 9007199254740992k", 8, "too large" },
	{ "larger 99999999999999999999999", 8, "too large" },
	{ "keyword \"\"", 9, "no message can have this keyword" },
	{ "keyword \"a b\"", 9, "no message can have this keyword" },
	{ "keyword a%", 9, "no message can have this keyword" },
	{ "keyword a]", 9, "no message can have this keyword" },
	{ "keyword \xC3\xA4", 9, "no message can have this keyword" },
	{ "keyword '\\Seen'", 9, "expected a key like SEEN" },
	{ "from \"\"", 6, "this text is empty" },
	{ "subject \"  \"", 9, "this text is empty" },
	{ "body ''", 6, "this text is empty" },
	{ "guid \"\"", 6, "this text is empty" },
	{ "header \"\" x", 8, "name of a header field" },
	{ "header From: x", 8, "name of a header field" },
	{ "header \"a b\" x", 8, "name of a header field" },
	{ "header a \" \"", 10, "only blanks" },

	/* quotes */
	{ "subject \"a", 9, "this quote is not closed" },
	{ "subject 'a\"", 9, "this quote is not closed" },
	{ "subject \"a\\\"", 9, "this quote is not closed" },
	{ "subject \"a\\n\"", 11, "after a backslash" },
	{ "subject \"a\\", 11, "after a backslash" },
	{ "subject it's", 11, "inside a word" },
	{ "subject a\"b\"", 10, "inside a word" },
	{ "keyword \\Seen", 9, "inside a word" },
	{ "subject \"a\"b", 12, "a blank behind the closing quote" },
	{ "subject \"a\"\"b\"", 12, "a blank behind the closing quote" },
	{ "subject \"\x01\"", 10, "control character" },
	{ "subject a\nall", 10, "control character" },
	{ "subject \xFF", 9, "not UTF-8" },
};

START_TEST(test_refused)
{
	const struct refused_row *row = &refused_rows[_i];
	struct policy_query *query;
	unsigned int column = 0;
	const char *error = "";

	ck_assert_msg(policy_query_parse(row->query, &query, &column,
					 &error) == -1,
		      "%s was taken", row->query);
	ck_assert_ptr_null(query);
	ck_assert_msg(strstr(error, row->want_error) != NULL, "%s: %s",
		      row->query, error);
	ck_assert_msg(column == row->want_column, "%s: column %u: %s",
		      row->query, column, error);
}
END_TEST

/* Up to 50 levels; far beyond that nothing recurses. */
static const struct depth_row {
	const char *open;
	const char *close;
	unsigned int levels;
	/* 0: is taken */
	unsigned int want_column;
} depth_rows[] = {
	{ "(", ")", 50, 0 },
	{ "(", ")", 51, 51 },
	{ "not ", "", 50, 0 },
	{ "not ", "", 51, 201 },
	{ "not (", ")", 25, 0 },
	{ "not (", ")", 26, 126 },
	{ "(", "", 100000, 51 },
	{ "not ", "", 100000, 201 },
};

START_TEST(test_depth)
{
	const struct depth_row *row = &depth_rows[_i];
	struct policy_query *query;
	unsigned int i, column = 0;
	const char *error = "";
	char *text, *p;
	int ret;

	text = p = malloc(row->levels * 6 + 10);
	ck_assert_ptr_nonnull(text);
	for (i = 0; i < row->levels; i++)
		p = stpcpy(p, row->open);
	p = stpcpy(p, "all");
	for (i = 0; i < row->levels; i++)
		p = stpcpy(p, row->close);
	ret = policy_query_parse(text, &query, &column, &error);
	free(text);
	ck_assert_int_eq(ret, row->want_column == 0 ? 0 : -1);
	ck_assert_uint_eq(column, row->want_column);
	if (ret < 0)
		ck_assert_ptr_nonnull(strstr(error, "nested too deeply"));
	policy_query_free(&query);
}
END_TEST

/* A query as long as a whole file is a list, not a tower. */
START_TEST(test_long)
{
	const unsigned int terms = 100000;
	struct policy_query *query;
	unsigned int i, column;
	const char *error;
	char *text, *p;

	text = p = malloc(terms * 10);
	ck_assert_ptr_nonnull(text);
	for (i = 0; i < terms; i++)
		p = stpcpy(p, i == 0 ? "seen" : " or seen");
	ck_assert_int_eq(policy_query_parse(text, &query, &column, &error),
			 0);
	ck_assert_uint_eq(query->words_count, 2 * terms - 1);
	ck_assert_str_eq(query->text, text);
	ck_assert_uint_eq(query->words[2 * terms - 2].column,
			  (terms - 1) * 8 + 1);
	policy_query_free(&query);
	free(text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("policy-query");
	TCase *tcase = tcase_create("policy-query");

	tcase_add_loop_test(tcase, test_query, 0, N_ROWS(query_rows));
	tcase_add_loop_test(tcase, test_refused, 0, N_ROWS(refused_rows));
	tcase_add_loop_test(tcase, test_depth, 0, N_ROWS(depth_rows));
	tcase_add_test(tcase, test_long);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
