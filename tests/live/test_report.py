# SPDX-License-Identifier: LGPL-2.1-or-later
"""mode = report: a policy that is tried out changes nothing."""

import os

from harness import message
from test_journal import JournalTest


class Report(JournalTest):
    formats = ("maildir", "sdbox")

    def test_rules_about_dele(self):
        user = self.filled("[default]\nmode = report\n"
                           "delete = hide subject m1\n"
                           "  archive:Old subject m2\n"
                           "  deny:\"no\" subject m3\n  allow all\n", 5)
        reply = self.delete(user, 1, 2, 3, 4)
        self.assertEqual(reply.text, "+OK Logging out, messages deleted.")
        self.assertEqual(user.uids(), [5])
        self.assertNotIn("Old",
                         user.doveadm("mailbox list").decode().split("\n"))
        intents = self.lines(user)[:4]
        self.assertEqual(
            [(line["action"], line["mode"], line["decided"], line["reason"],
              line.get("mailbox")) for line in intents],
            [("remove", "report", "hide", "rule", None),
             ("remove", "report", "archive", "rule", "Old"),
             ("remove", "report", "deny", "rule", None),
             ("remove", "report", "allow", "rule", None)])
        self.assertRegex(intents[2]["rule"], r":5$")
        self.assertEqual(self.stages(user)[4:], [
            (uid, "outcome", "remove", "done") for uid in (1, 2, 3, 4)])
        self.assertRegex(self.log(), r"delete_denied=0 removed=4 .*"
                         r"mode=report reported=3")

    def test_retr(self):
        user = self.filled("[default]\nmode = report\n"
                           "retrieve = deny subject m1\n")
        client = user.pop3()
        self.assertEqual(len(client.download()), 3)
        client.quit()
        self.wait_log(r"retrieved=3 retrieve_denied=0 .*"
                         r"mode=report reported=1")

    def test_protection_stays(self):
        user = self.user("[default]\nmode = report\nhold = subject m1\n"
                         "show = not subject m4\nmin_retention = 1d\n"
                         "protected_delete = deny\ndelete = hide all\n")
        user.append([message("m%d" % i) for i in range(1, 5)])
        client = user.pop3()
        self.assertEqual(client.stat()[0], 3)
        client.err("DELE 1", "hold")
        client.err("DELE 2", "young")
        client.quit()
        self.clock.set("2d")
        client = user.pop3()
        client.err("DELE 1", "hold")
        client.ok("DELE 2")
        self.assertTrue(client.quit().ok)
        self.assertEqual(user.uids(), [1, 3, 4])

    def test_protected_by_hiding(self):
        user = self.filled("[default]\nmode = report\nhold = subject m1\n"
                           "delete = deny all\n")
        self.assertTrue(self.delete(user, 1, 2).ok)
        self.assertEqual(user.uids(), [1, 3])
        self.assertEqual(user.pop3().stat()[0], 1)
        lines = self.lines(user)
        self.assertEqual((lines[0]["action"], lines[0]["reason"]),
                         ("hide", "hold"))
        self.assertNotIn("decided", lines[0])

    def test_hold_set_after_dele(self):
        user = self.filled("[default]\nmode = report\nhold = flagged\n"
                           "protected_delete = deny\n")
        client = user.pop3()
        client.ok("DELE 1")
        with user.imap() as imap:
            imap.select()
            imap.store("1", "+FLAGS", r"\Flagged")
        self.assertFalse(client.quit().ok)
        self.assertEqual(user.uids(), [1, 2, 3])

    def test_no_history_no_harm(self):
        """Rules that can't be applied don't stop anybody."""
        if self.format == "sdbox":
            self.skipTest("dbox has no mail without an index")
        user = self.filled("[default]\nmode = report\n"
                           "delete = deny unretrieved\n  hide all\n")
        if self.version == "2.3":
            user.set_field("mail", "maildir:~/Maildir:INDEX=MEMORY")
        else:
            user.set_field("mail_index_path", "MEMORY")
        self.assertTrue(self.delete(user, 1).ok)
        self.assertEqual(user.count(), 2)


class ReportExpiry(JournalTest):
    formats = ("maildir", "sdbox")

    rules = ("expire = expunge subject m1\n  hide subject m2\n"
             "  archive:Old subject m3\n  keep subject m4\n"
             "  expunge savedbefore 9d\n")
    report = "[default]\nmode = report\n" + rules
    enforce = "[default]\n" + rules

    def visit(self, user, day):
        self.clock.set("%dd" % day)
        user.pop3().quit()

    def test_everything_once(self):
        user = self.user(self.report)
        self.visit(user, 0)
        user.append([message("m%d" % i) for i in range(1, 6)])
        before = user.messages()
        self.visit(user, 1)
        lines = self.lines(user)
        self.assertEqual(
            [(line["uid"], line["stage"], line["result"], line["action"],
              line["mode"], line["question"], line["decided"])
             for line in lines],
            [(1, "outcome", "none", "expunge", "report", "expire", "expunge"),
             (2, "outcome", "none", "hide", "report", "expire", "hide"),
             (3, "outcome", "none", "archive", "report", "expire",
              "archive")])
        self.assertIn("guid", lines[0])
        self.assertEqual(lines[2]["mailbox"], "Old")
        self.assertRegex(self.log(), r"Expiry \(mode=report, without "
                         r"effect\): expunged=1 hidden=1 archived=1 errors=0")
        for day in range(2, 9):
            self.visit(user, day)
        self.assertEqual(len(self.lines(user)), 3)
        for day in range(9, 15):
            self.visit(user, day)
        self.assertEqual([line["uid"] for line in self.lines(user)],
                         [1, 2, 3, 5])
        self.assertEqual(user.messages(), before)

    def test_other_rules_are_reported_anew(self):
        user = self.user("[default]\nmode = report\n"
                         "expire = expunge subject m1\n")
        self.visit(user, 0)
        user.append([message("m1"), message("m2")])
        self.visit(user, 1)
        user.set_policy("[default]\nmode = report\nexpire_max = 1\n"
                        "expire = hide all\n")
        for day in 2, 3, 4, 5:
            self.visit(user, day)
        self.assertEqual([(line["uid"], line["action"])
                          for line in self.lines(user)],
                         [(1, "expunge"), (1, "hide"), (2, "hide")])

    def test_not_due_any_more(self):
        user = self.user("[default]\nmode = report\n"
                         "expire = expunge unflagged\n")
        self.visit(user, 0)
        user.append([message("m1")])
        self.visit(user, 1)
        for day, sign in (2, "+"), (3, "-"):
            with user.imap() as imap:
                imap.select()
                imap.store("1", sign + "FLAGS", r"\Flagged")
            self.visit(user, day)
        self.visit(user, 4)
        self.assertEqual([line["uid"] for line in self.lines(user)], [1, 1])

    def test_a_jumped_clock_reports_nothing(self):
        user = self.user(self.report)
        self.visit(user, 0)
        user.append([message("m1")])
        self.visit(user, 400)
        self.assertEqual(self.lines(user), [])
        self.visit(user, 401)
        self.assertEqual(len(self.lines(user)), 1)

    def test_enforcing_begins_like_new_rules(self):
        user = self.user(self.report)
        for day in 0, 1, 2:
            self.visit(user, day)
        user.append([message("m%d" % i) for i in range(1, 6)])
        self.visit(user, 3)
        user.set_policy(self.enforce)
        self.visit(user, 4)
        self.assertEqual(user.count(), 5)
        self.clock.advance("1d")
        user.pop3().quit()
        self.assertEqual(user.uids(), [2, 4, 5])

    def test_report_between_enforcing(self):
        """As if nobody had been there."""
        user = self.user(self.enforce)
        for day in 0, 1:
            self.visit(user, day)
        user.set_policy(self.report)
        for day in range(2, 12):
            self.visit(user, day)
        user.append([message("m1")])
        user.set_policy(self.enforce)
        self.visit(user, 12)
        self.assertEqual(user.count(), 1)
        self.visit(user, 13)
        self.assertEqual(user.count(), 0)

    def test_reported_is_not_history(self):
        """What is known about a message doesn't change by reporting it."""
        user = self.user(None)
        user.append([message("m1")])
        user.set_policy("[default]\nmode = report\nexpire = hide subject m1\n")
        self.visit(user, 0)
        self.visit(user, 1)
        self.assertEqual(len(self.lines(user)), 1)
        user.set_policy("[default]\nexpire = expunge unretrieved\n")
        for day in range(2, 6):
            self.visit(user, day)
        self.assertEqual(user.count(), 1)


class ReportEvents(JournalTest):
    formats = ("maildir",)

    def test_explain(self):
        user = self.filled("[default]\nmode = report\ndelete = deny all\n")
        out = user.doveadm("pop3 explain", formatter="tab").decode()
        header, first = [line.split("\t") for line in out.splitlines()[:2]]
        fields = dict(zip(header, first))
        self.assertEqual((fields["delete"], fields["mode"]),
                         ("deny", "report"))
        user.set_policy("[default]\ndelete = deny all\n")
        out = user.doveadm("pop3 explain", formatter="tab").decode()
        header, first = [line.split("\t") for line in out.splitlines()[:2]]
        self.assertEqual(dict(zip(header, first))["mode"], "enforce")

    def test_broken_rule(self):
        """An error in a rule is recorded and has no effect."""
        user = self.filled("[default]\nmode = report\n"
                           "delete = deny body hello\n")
        self.expect_errors("Can't decide about delete", "Corrupted|open|read")
        client = user.pop3()
        # "+OK" comes before new mail is moved to cur/
        client.ok("NOOP")
        for path in user.mail_files():
            os.chmod(os.path.join(user.host_home, path), 0)
        client.ok("DELE 1")
        self.assertTrue(client.quit().ok)
        line = self.lines(user)[0]
        self.assertEqual((line["action"], line["decided"], line["reason"]),
                         ("remove", "deny", "error"))
