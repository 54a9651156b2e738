# SPDX-License-Identifier: LGPL-2.1-or-later
"""Conditions of rules: every search key, and what is made of them."""

import os
import random
import time

from harness import LiveTest, message

DAY = 86400


def explain(user, *query):
    """Rows of `doveadm pop3 explain`, as {uid: {field: text}}."""
    lines = user.dovecot.doveadm("-f", "tab", "pop3", "explain", "-u",
                                 user.name, *query).decode().split("\n")
    names = lines[0].split("\t")
    rows = (dict(zip(names, line.split("\t"))) for line in lines[1:] if line)
    return {int(row["uid"]): row for row in rows}


def fetch(user, field, uid):
    """A field of `doveadm fetch` for one message."""
    output = user.doveadm("fetch", field, "mailbox", "INBOX", "uid", str(uid))
    return output.decode().split(":", 1)[1].strip()


def local_date(when):
    return time.strftime("%Y-%m-%d", time.localtime(when))


class _Rules(LiveTest):
    def setUp(self):
        super().setUp()
        # doveadm goes through doveconf, which cleans the environment
        environment = self.dovecot.environment
        environment.setdefault("DOVECOT_PRESERVE_ENVS", " ".join(environment))

    def freeze(self, when):
        """Stops the instance's clock at this second."""
        path = self.dovecot.host_base + "/clock"
        with open(path + ".new", "w") as file:
            file.write(time.strftime("%Y-%m-%d %H:%M:%S\n",
                                     time.localtime(when)))
        os.rename(path + ".new", path)

    def check_query(self, user, query, expected):
        """The query, put to the whole mailbox at once by explain and to each
        message as a rule and behind a `not`, matches just these UIDs."""
        query = query.strip()
        user.set_policy("[default]\n"
                        "delete = deny %s\n"
                        "expire = keep not (%s)\n"
                        "         hide all\n" % (query, query))
        rows = explain(user)
        denied = {uid for uid, row in rows.items() if row["delete"] == "deny"}
        due = {uid for uid, row in rows.items() if row["expire"] == "hide"}
        self.assertEqual(denied, set(expected), "delete = deny " + query)
        self.assertEqual(due, set(expected), "expire = keep not " + query)
        self.assertEqual(set(explain(user, query)), set(expected),
                         "explain " + query)


class Keys(_Rules):
    """Dovecot's keys: flags, dates, sizes, headers, text."""

    plugins = ()

    # More than the number of messages that are asked one by one before a
    # query is put to the whole mailbox.
    FILLERS = 10

    def fill(self):
        self.now = int(time.time())
        user = self.user()
        old = self.now - 100 * DAY
        uids = {}
        uids["seen"], = user.append(
            message("Invoice 42"), flags=[r"\Seen"], received=self.now - DAY)
        uids["flagged"], = user.append(
            message("two words here", size=5000),
            flags=[r"\Flagged", "$Work"], received=old)
        uids["answered"], = user.append(
            message(body="There is a needle in it.\r\n",
                    headers=["Cc: Carol <carol@example.net>",
                             "X-Empty:", "List-Id: <list.example.org>"]),
            flags=[r"\Answered", r"\Draft"], received=old)
        uids["deleted"], = user.append(
            message(headers=["Bcc: dan@example.com"], size=20000),
            flags=[r"\Deleted", "$Work", "other"], received=self.now - 50 * DAY)
        nodate = message("without a date").split(b"\r\n")
        uids["nodate"], = user.append(
            b"\r\n".join(line for line in nodate
                         if not line.startswith(b"Date:")),
            received=self.now - 10 * DAY)
        uids["other"], = user.append(
            b"From: Eve <eve@example.org>\r\nTo: alice@example.org\r\n"
            b"Date: Sat, 01 Jan 2000 23:30:00 -0800\r\n"
            b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nText\r\n",
            received=self.now - 10 * DAY)
        fillers = user.append([message("filler", size=1000)
                               for _ in range(self.FILLERS)],
                              received=self.now - 10 * DAY)
        return user, uids, fillers

    def rows(self, user, uids, fillers):
        """(query, UIDs that it matches)"""
        u = uids
        every = set(u.values()) | set(fillers)
        guid = fetch(user, "guid", u["answered"])

        def but(*names):
            return every - {u[name] for name in names}

        def only(*names):
            return {u[name] for name in names}

        return [
            ("all", every),
            ("not all", set()),
            ("seen", only("seen")), ("unseen", but("seen")),
            ("flagged", only("flagged")), ("unflagged", but("flagged")),
            ("answered", only("answered")), ("unanswered", but("answered")),
            ("draft", only("answered")), ("undraft", but("answered")),
            ("deleted", only("deleted")), ("undeleted", but("deleted")),
            ("keyword $Work", only("flagged", "deleted")),
            ("keyword $work", only("flagged", "deleted")),
            ("unkeyword $Work", but("flagged", "deleted")),
            ("keyword nobody", set()),
            ("before 30d", only("flagged", "answered", "deleted")),
            ("since 30d", but("flagged", "answered", "deleted")),
            ("before %s" % local_date(self.now - 50 * DAY),
             only("flagged", "answered")),
            ("on %s" % local_date(self.now - 50 * DAY), only("deleted")),
            ("since %s" % local_date(self.now - 50 * DAY),
             but("flagged", "answered")),
            ("on %s" % local_date(self.now - 51 * DAY), set()),
            ("savedbefore 1d", set()), ("savedsince 1d", every),
            ("savedbefore %s" % local_date(self.now + 2 * DAY), every),
            ("savedsince %s" % local_date(self.now - 2 * DAY), every),
            ("savedon 2020-01-01", set()),
            # a message without Date: was not sent at any time
            ("sentbefore 1d", but("nodate")),
            ("not sentbefore 1d", only("nodate")),
            ("sentbefore 2001-01-01", only("other")),
            ("sentsince 2001-01-01", but("other", "nodate")),
            ("sentsince 1d", set()),
            # the day as the sender wrote it
            ("senton 2000-01-01", only("other")),
            ("senton 2000-01-02", set()),
            ("senton 1-Jan-2000", only("other")),
            ("larger 4999B", only("flagged", "deleted")),
            ("larger 5000", only("deleted")),
            ("smaller 5000", but("flagged", "deleted")),
            ("smaller 5001", but("deleted")),
            ("larger 10k", only("deleted")), ("larger 1M", set()),
            ("guid " + guid if guid.isalnum() else 'guid "%s"' % guid,
             only("answered")),
            ("from eve", only("other")), ("FROM Sender", but("other")),
            ("to alice@example.org", only("other")),
            ("cc carol", only("answered")), ("bcc dan", only("deleted")),
            ('subject "two words"', only("flagged")),
            ("subject invoice", only("seen")),
            ('subject "Gr\u00fc\u00dfe"', only("other")),
            ("header list-id list", only("answered")),
            ('header list-id ""', only("answered")),
            ('header X-Empty ""', only("answered")),
            ("body needle", only("answered")),
            ("text carol", only("answered")), ("body carol", set()),

            ("not seen", but("seen")),
            ("not (seen or flagged)", but("seen", "flagged")),
            ("not not seen", only("seen")),
            ("seen or flagged or draft", only("seen", "flagged", "answered")),
            ("keyword $Work unflagged", only("deleted")),
            ("(keyword $Work not deleted) or draft",
             only("flagged", "answered")),
            ("before 30d larger 1k", only("flagged", "deleted")),
            # Dovecot merges comparisons and forgets that they are negated
            ("not larger 6k not larger 3k", but("flagged", "deleted")),
            ("not larger 3k not larger 6k", but("flagged", "deleted")),
            ("not larger 6k or not larger 3k", but("deleted")),
            ("not smaller 3k not smaller 6k", only("deleted")),
            ("not smaller 6k not smaller 3k", only("deleted")),
            ("not before 30d not before 70d",
             but("flagged", "answered", "deleted")),
            ("not before 70d not before 30d",
             but("flagged", "answered", "deleted")),
            ("not (before 30d before 70d)", but("flagged", "answered")),
            ("not since 30d not since 70d", only("flagged", "answered")),
            ("not since 70d not since 30d", only("flagged", "answered")),
            ("not (since 30d or since 70d)", only("flagged", "answered")),
            ("since 70d before 30d", only("deleted")),
            ("not smaller 0", every),
        ]

    def test_each(self):
        user, uids, fillers = self.fill()
        for query, expected in self.rows(user, uids, fillers):
            self.check_query(user, query, expected)

    def test_random_combinations(self):
        user, uids, fillers = self.fill()
        every = set(uids.values()) | set(fillers)
        leaves = [row for row in self.rows(user, uids, fillers)
                  if " " not in row[0] or row[0].split()[0] in
                  ("keyword", "before", "since", "larger", "smaller",
                   "subject", "sentbefore", "savedbefore")]
        seed = random.randrange(1 << 32)
        rand = random.Random(seed)

        def tree(depth):
            kind = rand.choice("lnao" if depth < 4 else "l")
            if kind == "l":
                return rand.choice(leaves)
            if kind == "n":
                text, found = tree(depth + 1)
                return "not (%s)" % text, every - found
            parts = [tree(depth + 1) for _ in range(rand.randint(2, 3))]
            texts = ["(%s)" % text for text, _ in parts]
            sets = [found for _, found in parts]
            if kind == "a":
                return " ".join(texts), set.intersection(*sets)
            return " or ".join(texts), set.union(*sets)

        for _ in range(25):
            query, expected = tree(0)
            with self.subTest(seed=seed, query=query):
                self.check_query(user, query, expected)


class Moments(_Rules):
    """Relative times count to the second, dates from local midnight."""

    plugins = ()
    received = 1750000007

    def test_received(self):
        user = self.user()
        uids = set(user.append(message(), received=self.received))
        for query, before, after in (
                ("before 30d", set(), uids), ("since 30d", uids, set()),
                ("not before 30d", uids, set()),
                ("not (since 30d or draft)", set(), uids)):
            # 30 days old to the second is not more than 30 days old
            self.freeze(self.received + 30 * DAY)
            self.check_query(user, query, before)
            self.freeze(self.received + 30 * DAY + 1)
            self.check_query(user, query, after)

    def test_units(self):
        user = self.user()
        uids = set(user.append(message(), received=self.received))
        for text, secs in (("90s", 90), ("3m", 180), ("2h", 7200),
                           ("3d", 3 * DAY), ("2w", 14 * DAY),
                           ("1y", 366 * DAY)):
            self.freeze(self.received + secs)
            self.check_query(user, "before " + text, set())
            self.freeze(self.received + secs + 1)
            self.check_query(user, "before " + text, uids)

    def test_saved(self):
        user = self.user()
        user.append(message())
        saved = int(fetch(user, "date.saved.unixtime", 1))
        self.freeze(saved + 3600)
        self.check_query(user, "savedbefore 1h", set())
        self.check_query(user, "savedsince 1h", {1})
        self.freeze(saved + 3601)
        self.check_query(user, "savedbefore 1h", {1})
        self.check_query(user, "savedsince 1h", set())

    def test_sent(self):
        user = self.user()
        user.append(message())
        # Mon, 02 Jun 2025 10:00:00 +0200
        sent = 1748851200
        self.freeze(sent + DAY)
        self.check_query(user, "sentbefore 1d", set())
        self.check_query(user, "sentsince 1d", {1})
        self.freeze(sent + DAY + 1)
        self.check_query(user, "sentbefore 1d", {1})
        self.check_query(user, "sentsince 1d", set())

    def test_longer_ago_than_1970(self):
        user = self.user()
        user.append(message(), received=self.received)
        self.check_query(user, "before 70y", set())
        self.check_query(user, "since 70y", {1})

    def test_dates_begin_at_local_midnight(self):
        user = self.user()
        environment = self.dovecot.environment
        self.addCleanup(environment.pop, "TZ", None)
        # 15 June 2025 began at 07:00 UTC, and at 10:00 UTC the day before
        uids = []
        for midnight in (1749970800, 1749895200):
            uids.append([
                user.append(message(), received=midnight + offset)[0]
                for offset in (-1, 0, DAY - 1, DAY)])
        for zone, (a, b, c, d) in zip(("WWW8EEE,M3.2.0,M11.1.0", "XXX-14"), uids):
            environment["TZ"] = zone
            user.set_policy("[default]\n")
            for date in ("2025-06-15", "15-Jun-2025"):
                for query, expected in (
                        ("before " + date, {a}),
                        ("on " + date, {b, c}),
                        ("since " + date, {b, c, d})):
                    found = set(explain(user, query)) & {a, b, c, d}
                    self.assertEqual(found, expected, zone + ": " + query)


class Expires(_Rules):
    """Field "expires" of explain: when the clock alone makes mail expire."""

    plugins = ()

    def expires(self, user, policy):
        user.set_policy("[default]\n" + policy)
        return {uid: row["expires"] for uid, row in explain(user).items()}

    def test_when(self):
        user = self.user()
        now = int(time.time())
        received = now - 5 * DAY
        user.append(message(size=5000), received=received)

        def at(when):
            return {1: time.strftime("%Y-%m-%d %H:%M:%S",
                                     time.localtime(when))}

        for policy, expected in (
                ("expire = expunge before 14d",
                 at(received + 14 * DAY + 1)),
                # the earlier one, in whatever order
                ("expire = expunge before 20d\n hide before 9d",
                 at(received + 9 * DAY + 1)),
                # the later one: both must match
                ("expire = expunge before 20d before 9d",
                 at(received + 20 * DAY + 1)),
                ("expire = keep since 30d\n expunge before 14d",
                 at(received + 30 * DAY + 1)),
                ("min_retention = 60d\nage_from = received\n"
                 "expire = expunge before 14d", at(received + 60 * DAY)),
                ("hold = since 40d\nexpire = expunge before 14d",
                 at(received + 40 * DAY + 1)),
                ("expire = expunge before 1d", {1: "now"}),
                ("expire = expunge before 14d flagged", {1: "-"}),
                ("expire = keep larger 1k\n expunge before 14d", {1: "-"}),
                ("hold = all\nexpire = expunge before 14d", {1: "-"}),
                ("hold = before 10d\nexpire = expunge before 14d",
                 {1: "-"}),
                ("expire = expunge retrievedbefore 14d", {1: "-"}),
                ("delete = allow all", {1: "-"})):
            with self.subTest(policy=policy):
                self.assertEqual(self.expires(user, policy), expected)


class History(_Rules):
    """The plugin's own keys, about what POP3 sessions really did."""

    UNKNOWN, UNKNOWN_BUT_RETRIEVED, FRESH, RETRIEVED, SENT, HIDDEN, TWICE = \
        range(1, 8)

    def fill(self):
        user = self.user("[default]\ndelete = hide all\n")
        user.append([message(), message()])
        user.pop3().quit()
        user.append([message() for _ in range(5)])

        self.first = int(time.time()) + 1000
        self.freeze(self.first)
        client = user.pop3()
        client.download([self.UNKNOWN_BUT_RETRIEVED, self.RETRIEVED,
                         self.TWICE])
        client.ok("DELE %d" % self.HIDDEN)
        client.quit()
        client = user.pop3()
        client.retr(self.SENT)
        client.close()

        self.second = self.first + DAY
        self.freeze(self.second)
        client = user.pop3()
        # the hidden one is not there any more
        client.download([self.TWICE - 1])
        client.quit()
        return user

    def check_rules(self, user, rows):
        for query, expected in rows:
            user.set_policy("[default]\ndelete = deny %s\n" % query)
            denied = {uid for uid, row in explain(user).items()
                      if row["delete"] == "deny"}
            self.assertEqual(denied, set(expected), "delete = deny " + query)
            # a hold takes what is unknown for held
            user.set_policy("[default]\nhold = %s\n" % query)
            held = {uid for uid, row in explain(user).items()
                    if row["delete_reason"] == "hold"}
            unknown = {self.UNKNOWN} if "retrieved" in query else set()
            self.assertEqual(held, set(expected) | unknown, "hold = " + query)

    def test_keys(self):
        user = self.fill()
        unknown, late, fresh, retrieved, sent, hidden, twice = range(1, 8)
        both = {late, retrieved, twice}
        self.check_rules(user, (
            ("retrieved", both),
            ("unretrieved", {fresh, hidden}),
            ("not retrieved", {fresh, sent, hidden}),
            ("not unretrieved", both | {sent}),
            ("not (retrieved or unretrieved)", {sent}),
            ("hidden", {hidden}),
            ("not hidden", {unknown, late, fresh, retrieved, sent, twice}),
            ("hidden unretrieved", {hidden}),
            ("hidden or retrieved", both | {hidden}),
            ("not (hidden or retrieved)", {fresh, sent}),
            ("not hidden not retrieved", {fresh, sent}),
            ("hidden retrieved", set()),
            ("(hidden or retrieved) smaller 10k", both | {hidden}),
            ("(hidden or retrieved) larger 10k", set()),
            ("unretrieved or larger 1B", set(range(2, 8))),
            ("retrievedsince 1d", both),
            ("retrievedbefore 1d", set()),
        ))
        # for doveadm's query an unknown history is just one that is not known
        self.assertEqual(set(explain(user, "not retrieved")),
                         {unknown, fresh, sent, hidden})

        rows = explain(user)
        self.assertEqual(
            [rows[uid]["history"] for uid in range(1, 8)],
            ["unknown", "retrieved", "none", "retrieved", "sent", "none",
             "retrieved"])
        self.assertEqual([int(rows[uid]["count"]) for uid in range(1, 8)],
                         [0, 1, 0, 1, 0, 0, 2])
        first = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.first))
        self.assertEqual([rows[uid]["retrieved"] for uid in range(1, 8)],
                         ["-", first, "-", first, "-", "-", first])
        self.assertEqual([rows[uid]["hidden"] for uid in range(1, 8)],
                         ["-"] * 5 + [first, "-"])

    def test_moments(self):
        """The first retrieval counts, to the second."""
        user = self.fill()
        both = {self.UNKNOWN_BUT_RETRIEVED, self.RETRIEVED, self.TWICE}
        self.freeze(self.first + 14 * DAY)
        self.check_rules(user, (
            ("retrievedbefore 14d", set()), ("retrievedsince 14d", both),
            ("hiddenbefore 14d", set()), ("hiddensince 14d", {self.HIDDEN})))
        self.freeze(self.first + 14 * DAY + 1)
        self.check_rules(user, (
            ("retrievedbefore 14d", both), ("retrievedsince 14d", set()),
            ("hiddenbefore 14d", {self.HIDDEN}), ("hiddensince 14d", set())))
        tomorrow = local_date(self.first + DAY)
        today = local_date(self.first)
        self.check_rules(user, (
            ("retrievedbefore " + tomorrow, both),
            ("retrievedbefore " + today, set()),
            ("retrievedsince " + today, both),
            ("hiddenbefore " + tomorrow, {self.HIDDEN}),
            ("hiddenbefore " + today, set()),
            ("hiddensince " + today, {self.HIDDEN}),
            ("hiddensince " + tomorrow, set())))

    def test_expires(self):
        user = self.fill()
        user.set_policy("[default]\n"
                        "expire = expunge retrievedbefore 14d\n"
                        "         expunge hiddenbefore 30d\n")
        due = [time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(
            self.first + days * DAY + 1)) for days in (14, 30)]
        self.assertEqual(
            [row["expires"] for row in explain(user).values()],
            ["-", due[0], "-", due[0], "-", due[1], due[0]])


class Session(_Rules):
    """What explain prints is what a session does."""

    def check_session(self, user, texts):
        """DELE of every message has the outcome that explain tells before.
        texts: uid -> what the refusal says."""
        told = {uid: row["delete"] for uid, row in explain(user).items()}
        client = user.pop3()
        for number, uid in enumerate(sorted(told), 1):
            reply = client.cmd("DELE %d" % number)
            self.assertEqual(reply.ok, told[uid] != "deny",
                             (uid, told[uid], reply.text))
            if told[uid] == "deny":
                self.assertRegex(reply.text, texts[uid])
        client.quit()
        rows = explain(user)
        self.assertEqual(set(rows), {uid for uid in told
                                     if told[uid] != "allow"})
        for uid, row in rows.items():
            self.assertEqual(row["hidden"] != "-", told[uid] == "hide", uid)
        return told

    def test_first_messages_and_many(self):
        """One by one and all at once give the same verdicts."""
        user = self.user("""\
[default]
hold = keyword $Hold
delete = deny:"not this one" flagged
         deny:"too large" larger 4k
         hide subject hide
         deny body needle
         allow savedsince 1d unseen
         deny all
""")
        kinds = [
            (message(), ["$Hold"], "hide"), (message(), [], "allow"),
            (message(), [r"\Flagged"], "deny"),
            (message(size=5000), [], "deny"),
            (message("hide me"), [], "hide"),
            (message(body="A needle\r\n"), [], "deny"),
            (message(), [r"\Seen"], "deny")]
        texts, expected = {}, {}
        for _ in range(3):
            for text, flags, action in kinds:
                uid, = user.append(text, flags=flags)
                expected[uid] = action
                texts[uid] = "^-ERR "
                if r"\Flagged" in flags:
                    texts[uid] = "^-ERR not this one$"
                elif len(text) == 5000:
                    texts[uid] = "^-ERR too large$"
        self.assertEqual(self.check_session(user, texts), expected)

    def test_own_retrieval_counts_at_once(self):
        user = self.user("""\
[default]
delete = deny:"fetch it first" unretrieved
""")
        user.pop3().quit()
        user.append([message() for _ in range(20)])
        client = user.pop3()
        for number in range(1, 21):
            client.err("DELE %d" % number, "fetch it first")
        for number in (1, 11, 20):
            client.retr(number)
            client.ok("DELE %d" % number)
        client.err("DELE 12", "fetch it first")
        client.quit()
        self.assertEqual(len(user.uids()), 17)
        self.check_session(user, dict.fromkeys(user.uids(),
                                               "fetch it first"))

    def test_unreadable_message(self):
        user = self.user("[default]\ndelete = deny body needle\n")
        user.append([message("one"), message("two"), message("three")])
        for path in user.mail_files():
            path = os.path.join(user.host_home, path)
            with open(path, "rb") as file:
                if b"Subject: two" in file.read():
                    broken = path
        self.expect_errors("Permission denied", "body needle")
        os.chmod(broken, 0)
        client = user.pop3()
        client.ok("DELE 1")
        client.err("DELE 2", r"\[SYS/TEMP\]")
        client.ok("DELE 3")
        client.quit()
        self.assertEqual(user.uids(), [2])
