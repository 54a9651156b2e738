# SPDX-License-Identifier: LGPL-2.1-or-later
"""doveadm pop3 uidl import: the old server's UIDLs, kept."""

import hashlib
import os
import re

from harness import message
from harness.listings import ListingTest, answers, identities
from harness.uidls import policy

EX_USAGE, EX_DATAERR, EX_NOINPUT, EX_TEMPFAIL = 64, 65, 66, 75


class Import(ListingTest):
    formats = ("maildir", "sdbox", "mdbox")

    def message_ids(self):
        return [re.search(rb"Message-ID: (<.*>)", text).group(1).decode()
                for text in self.texts]

    def imported(self, user, text, *args, **kwargs):
        """The one row, less the user, as a dictionary of numbers."""
        rows, self.errors = self.uidl_command(
            user, "import", *args, self.listing(text), **kwargs)
        self.assertEqual([row["user"] for row in rows], [user.name])
        return {name: int(value) for name, value in rows[0].items()
                if name != "user" and int(value) != 0}

    def verified(self, user, text, **kwargs):
        rows, errors = self.uidl_command(user, "verify", self.listing(text),
                                         **kwargs)
        return rows[0]

    def filled(self, count=4, text=policy("keyed")):
        user = self.user(text)
        self.texts = [message("m%d" % n, size=1000 + 10 * n)
                      for n in range(count)]
        user.append(self.texts)
        return user

    def test_by_size_and_order(self):
        user = self.filled()
        text = answers([("old-%d" % n, 1000 + 10 * n) for n in range(4)])
        want = ["old-%d" % n for n in range(4)]
        self.assertEqual(self.imported(user, text),
                         {"listed": 4, "size": 4, "changed": 4})
        self.assertEqual(self.uidls(user), want)
        self.assertEqual(self.verified(user, text)["same"], "4")
        # again: nothing to do
        self.assertEqual(self.imported(user, text), {"listed": 4, "size": 4})
        # new mail gets the policy's, and the policy may change
        user.append(message("new"))
        self.assertEqual(self.uidls(user), want + self.keys_of(user)[4:])
        user.set_policy(policy("keyed:content", "uidl_storm = allow"))
        self.assertEqual(self.uidls(user)[:4], want)
        if self.format == "maildir":
            self.force_resync(user)
            self.assertEqual(self.uidls(user)[:4], want)

    def test_by_identity(self):
        user = self.filled()
        guids = [m.guid for m in user.messages()]
        hashes = [hashlib.sha256(text.replace(b"\r", b"").rstrip(b"\n"))
                  .hexdigest() for text in self.texts]
        ids = self.message_ids()
        mixed = identities([("a", ids[2]), ("b", guids[0]), ("c", hashes[3])])
        self.assertEqual(self.imported(user, mixed), {
            "listed": 3, "content": 1, "guid": 1, "message_id": 1,
            "changed": 3})
        self.assertEqual(self.uidls(user),
                         ["b", self.keys_of(user)[1], "a", "c"])
        # a corrected listing replaces what was imported
        self.assertEqual(self.imported(user, identities(
            [("a", ids[0]), ("b", ids[2])])),
            {"listed": 2, "message_id": 2, "changed": 2})
        self.assertEqual(self.uidls(user),
                         ["a", self.keys_of(user)[1], "b", "c"])

    def test_uidl_of_another_message(self):
        """What was imported wrongly, or pinned, is taken from whoever has
        it."""
        user = self.filled()
        self.assertEqual(
            self.imported(user, answers([("x", 1000), ("y", 1010)]))
            ["changed"], 2)
        keys = self.keys_of(user)
        self.assertEqual(self.uidls(user), ["x", "y"] + keys[2:])
        # "x" is another one's, and the first one isn't listed
        text = identities([("x", self.message_ids()[2])])
        self.assertEqual(self.imported(user, text, "-n")["changed"], 2)
        self.assertEqual(self.imported(user, text)["changed"], 2)
        self.assertIn("shown other UIDLs for 2 ", self.errors)
        user.set_policy(policy("keyed", "uidl_storm = allow"))
        self.assertEqual(self.uidls(user), [keys[0], "y", "x", keys[3]])
        self.assertEqual(self.imported(user, text),
                         {"listed": 1, "message_id": 1})
        # both change places with others
        self.assertEqual(
            self.imported(user, answers([("y", 1020), ("x", 1030)]))
            ["changed"], 3)
        self.assertEqual(self.uidls(user), keys[:2] + ["y", "x"])

    def test_uidl_of_a_missing_message(self):
        user = self.filled()
        self.imported(user, answers([("x", 1000), ("y", 1010)]))
        user.doveadm("mailbox update", "--uid-validity", "123456789", "INBOX")
        with user.imap() as imap:
            imap.select()
            imap.store("1", "+FLAGS", r"(\Deleted)")
            imap.expunge()
        text = identities([("x", self.message_ids()[2])])
        self.assertEqual(self.imported(user, text)["changed"], 1)
        self.assertEqual(self.uidls(user), ["y", "x", self.keys_of(user)[-1]])
        # of the one that is gone nothing is left
        kept = user.doveadm("pop3 uidl pin").split()[-1]
        self.assertEqual(kept, b"3")

    def test_export_is_imported(self):
        """From one Dovecot to the next."""
        old = self.filled(text=policy("dovecot"))
        listed = self.uidls(old)
        text = old.doveadm("pop3 uidl export").decode()
        old.set_policy(policy("keyed", "uidl_storm = allow"))
        self.assertEqual(self.uidls(old), self.keys_of(old))
        self.assertEqual(self.imported(old, text),
                         {"listed": 4, "guid": 4, "changed": 4})
        self.assertIn("shown other UIDLs for 4", self.errors)
        self.assertEqual(self.uidls(old), listed)
        self.assertEqual(old.doveadm("pop3 uidl export").decode(), text)

    def test_nothing_or_all(self):
        user = self.filled()
        text = answers([("a", 1000), ("b", 1010), ("c", 1020), ("d", 7)])
        self.expect_errors("Nothing was imported")
        self.assertEqual(self.imported(user, text, status=EX_DATAERR),
                         {"listed": 4, "size": 3, "unmatched": 1})
        self.assertRegex(self.errors, ":5: UIDL d: no such message")
        self.assertIn("Nothing was imported: 1 of 4", self.errors)
        self.assertEqual(self.uidls(user), self.keys_of(user))
        self.assertEqual(self.imported(user, text, "-p"),
                         {"listed": 4, "size": 3, "unmatched": 1,
                          "changed": 3})
        self.assertEqual(self.uidls(user),
                         ["a", "b", "c", self.keys_of(user)[3]])

    def test_ambiguous(self):
        user = self.user(policy("keyed"))
        # a mailing list's copy beside the direct one
        direct = message("m", headers=["X-Way: direct"])
        user.append([direct, direct.replace(b"direct", b"by list"),
                     message("n")])
        ids = [re.search(rb"Message-ID: (<.*>)", text).group(1).decode()
               for text in (direct,)]
        self.expect_errors("Nothing was imported")
        self.assertEqual(
            self.imported(user, identities([("a", ids[0])]),
                          status=EX_DATAERR),
            {"listed": 1, "unmatched": 1})
        self.assertIn("UIDL a: several messages could be it", self.errors)
        # of two that are the same it doesn't matter which
        user = self.user(policy("keyed"))
        user.append([direct, direct])
        self.assertEqual(self.imported(user, identities([("a", ids[0])])),
                         {"listed": 1, "message_id": 1, "changed": 1})
        self.assertEqual(self.uidls(user)[0], "a")

    def test_details_and_dry_run(self):
        user = self.filled()
        text = answers([("a", 1000), ("b", 1010), ("c", 1020), ("d", 7)])
        rows, errors = self.uidl_command(user, "import", "-n", "-p", "-d",
                                         self.listing(text))
        self.assertEqual(
            [(row["uidl"], row["line"], row["uid"], row["matched"])
             for row in rows],
            [("a", "2", "1", "size and order"),
             ("b", "3", "2", "size and order"),
             ("c", "4", "3", "size and order"),
             ("d", "5", "-", "no such message")])
        self.assertEqual(self.imported(user, text, "-n", "-p")["changed"], 3)
        self.assertEqual(self.uidls(user), self.keys_of(user))

    def test_hidden_mail_is_matched(self):
        user = self.filled(text=policy("keyed", "delete = hide all"))
        client = user.pop3()
        client.ok("DELE 2")
        client.quit()
        text = answers([("old-%d" % n, 1000 + 10 * n) for n in range(4)])
        self.assertEqual(self.imported(user, text)["changed"], 4)
        self.assertEqual(self.uidls(user), ["old-0", "old-2", "old-3"])

    def test_what_the_policy_makes_is_not_kept(self):
        user = self.filled()
        keys = self.keys_of(user)
        text = answers([(key, 1000 + 10 * n) for n, key in enumerate(keys)])
        self.assertEqual(self.imported(user, text), {"listed": 4, "size": 4})
        self.assertFalse([name for _, _, names in os.walk(user.host_home)
                          for name in names if name == "pop3-policy.uidls"])


class Commands(ListingTest):
    formats = ("maildir",)

    def test_failures(self):
        user = self.user(policy("keyed"))
        user.append(message("one"))
        self.expect_errors("")
        for args, status, error in (
                ((), EX_USAGE, "expected a file or a folder"),
                (("/no/such",), EX_NOINPUT, "/no/such"),
                (("127.0.0.1:110",), EX_NOINPUT, "127.0.0.1:110"),
                ((self.listing("1 a\n"),), EX_DATAERR,
                 "listed without size or identity"),
                ((self.listing("1 a 1\n2 a 2\n"),), EX_DATAERR,
                 "listed more than once"),
                ((self.listing("1 a 1\n2 b\n"),), EX_NOINPUT,
                 ":2:4: expected a size in bytes")):
            rows, errors = self.uidl_command(user, "import", *args,
                                             status=status)
            self.assertIn(error, errors)
        self.assertEqual(self.uidls(user), self.keys_of(user))

    def test_no_policy(self):
        user = self.user(None)
        user.append(message("one", size=1000))
        rows, errors = self.uidl_command(user, "import",
                                         self.listing("1 a 1000\n"))
        self.assertIn("has no effect until", errors)

    def test_store_that_cannot_be_written(self):
        user = self.user(policy("keyed"))
        user.append(message("one", size=1000))
        self.expect_errors("")
        folder = user.host_home + "/Maildir/pop3-policy.uidls"
        os.mkdir(folder)
        rows, errors = self.uidl_command(user, "import",
                                         self.listing("1 a 1000\n"),
                                         status=EX_TEMPFAIL)
        self.assertEqual(rows, [])
        os.rmdir(folder)
        self.assertEqual(self.uidls(user), self.keys_of(user))
        os.chmod(os.path.dirname(folder), 0o500)
        rows, errors = self.uidl_command(user, "import",
                                         self.listing("1 a 1000\n"),
                                         status=EX_TEMPFAIL)
        os.chmod(os.path.dirname(folder), 0o700)
        # some errors say that they may have been written
        self.assertRegex(errors, "Importing UIDLs failed: .*Permission")
        self.assertEqual(self.uidls(user), self.keys_of(user))

    def test_many(self):
        user = self.user(policy("keyed"))
        user.append([message("m", size=900 + n) for n in range(300)])
        text = "".join("%d old-%d %d\n" % (n + 1, n, 900 + n)
                       for n in range(300))
        rows, errors = self.uidl_command(user, "import", self.listing(text))
        self.assertEqual(rows[0]["changed"], "300")
        self.assertEqual(self.uidls(user), ["old-%d" % n for n in range(300)])
