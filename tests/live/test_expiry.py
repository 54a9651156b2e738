# SPDX-License-Identifier: LGPL-2.1-or-later
"""Removal by the server after a session, and a clock that jumps."""

from harness import LiveTest, message

HIDDEN = "$POP3Hidden"
RETRIEVED = "[default]\nexpire = expunge retrievedbefore 14d unflagged\n"


class Expiry(LiveTest):
    def visit(self, user, clock=None):
        """A session that only looks."""
        if clock is not None:
            self.clock.set(clock)
        client = user.pop3()
        count = client.stat()[0]
        client.quit()
        return count

    def daily(self, user, first, last):
        for day in range(first, last + 1):
            self.visit(user, "%dd" % day)

    def fetched(self, policy=RETRIEVED, count=2):
        user = self.user(policy)
        self.visit(user)
        user.append([message("m%d" % i) for i in range(count)])
        client = user.pop3()
        client.download()
        client.quit()
        return user

    def test_14_days_after_a_download(self):
        user = self.fetched()
        user.append([message("not fetched")])
        before = user.messages()
        self.daily(user, 1, 13)
        self.assertEqual(user.uids(), [1, 2, 3])
        self.visit(user, "15d")
        self.assertEqual(user.uids(), [3])
        self.assertEqual(user.messages()[0].sha256, before[2].sha256)
        self.assertEqual(len(user.mail_files()), 1)

    def test_flagged_is_kept(self):
        user = self.fetched()
        with user.imap() as imap:
            imap.select()
            imap.store("1", "+FLAGS", r"\Flagged")
        self.daily(user, 10, 16)
        self.assertEqual(user.uids(), [1])

    def test_unflagged_later(self):
        """A flag that is taken off counts at the next run, though neither
        mail nor policy changed."""
        user = self.fetched(count=1)
        with user.imap() as imap:
            imap.select()
            imap.store("1", "+FLAGS", r"\Flagged")
        self.daily(user, 12, 20)
        self.assertEqual(user.count(), 1)
        with user.imap() as imap:
            imap.select()
            imap.store("1", "-FLAGS", r"\Flagged")
        self.visit(user, "21d")
        self.assertEqual(user.count(), 0)

    def test_jump_arms_and_next_day_removes(self):
        user = self.fetched()
        self.visit(user, "15d")
        self.assertEqual(user.count(), 2)
        self.clock.advance("12h")
        self.visit(user)
        self.assertEqual(user.count(), 2)
        self.clock.advance("13h")
        self.visit(user)
        self.assertEqual(user.count(), 0)

    def test_jump_of_ten_years_and_back(self):
        user = self.fetched()
        self.visit(user, "10y")
        self.assertEqual(user.count(), 2)
        self.visit(user, "1d")
        self.assertEqual(user.count(), 2)
        self.daily(user, 2, 10)
        self.assertEqual(user.count(), 2)
        self.daily(user, 11, 17)
        self.assertEqual(user.count(), 0)

    def test_monthly_visitor(self):
        """Every second visit expires."""
        user = self.fetched()
        self.visit(user, "30d")
        self.assertEqual(user.count(), 2)
        self.visit(user, "60d")
        self.assertEqual(user.count(), 0)

    def test_unknown_history_is_kept(self):
        user = self.user(RETRIEVED)
        user.append([message("old")])
        self.daily(user, 0, 3)
        self.daily(user, 20, 25)
        self.assertEqual(user.count(), 1)

    def test_sent_but_not_confirmed_is_kept(self):
        user = self.user(RETRIEVED)
        self.visit(user)
        user.append([message("one")])
        client = user.pop3()
        client.retr(1)
        client.close()
        self.daily(user, 10, 20)
        self.assertEqual(user.count(), 1)

    def test_hidden_then_expunged(self):
        user = self.user("[default]\ndelete = hide all\n"
                         "expire = expunge hiddenbefore 30d\n")
        user.append([message("one"), message("two")])
        client = user.pop3()
        client.ok("DELE 1")
        client.quit()
        self.daily(user, 27, 29)
        self.assertEqual(user.count(), 2)
        self.visit(user, "31d")
        self.assertEqual(user.uids(), [2])

    def test_hidden_and_undone_is_kept(self):
        user = self.user("[default]\ndelete = hide all\n"
                         "expire = expunge hiddenbefore 30d\n")
        user.append([message("one")])
        client = user.pop3()
        client.ok("DELE 1")
        client.quit()
        with user.imap() as imap:
            imap.select()
            imap.store("1", "-FLAGS", HIDDEN)
        self.daily(user, 28, 33)
        self.assertEqual(user.count(), 1)

    def test_keyword_without_date_counts_from_now(self):
        user = self.user("[default]\nexpire = expunge hiddenbefore 10d\n")
        user.append([message("one")])
        self.daily(user, 0, 4)
        with user.imap() as imap:
            imap.select()
            imap.store("1", "+FLAGS", HIDDEN)
        self.visit(user, "5d")
        self.daily(user, 9, 14)
        self.assertEqual(user.count(), 1)
        self.daily(user, 15, 17)
        self.assertEqual(user.count(), 0)

    def test_hide_by_expiry(self):
        user = self.user("[default]\nexpire = hide savedbefore 5d\n")
        user.append([message("one")])
        self.daily(user, 0, 4)
        self.assertEqual(self.visit(user, "4d"), 1)
        self.visit(user, "6d")
        self.assertEqual(self.visit(user, "7d"), 0)
        self.assertEqual(user.count(), 1)
        self.assertIn(HIDDEN, user.flags(1))

    def test_keep_rule_comes_first(self):
        user = self.user("[default]\nexpire = keep subject contract\n"
                         "  expunge savedbefore 5d\n")
        user.append([message("contract"), message("other")])
        self.daily(user, 0, 7)
        self.assertEqual(user.uids(), [1])

    def test_hold_and_retention_stand_above(self):
        user = self.user("[default]\nhold = subject held\nmin_retention = 9d\n"
                         "expire = expunge savedbefore 5d\n")
        user.append([message("held"), message("free")])
        self.daily(user, 0, 8)
        self.assertEqual(user.count(), 2)
        self.daily(user, 9, 11)
        self.assertEqual(user.uids(), [1])

    def test_expire_max_takes_the_oldest(self):
        user = self.user("[default]\nexpire = expunge savedbefore 5d\n"
                         "expire_max = 2\n")
        user.append([message("m%d" % i) for i in range(5)])
        self.daily(user, 0, 4)
        self.visit(user, "6d")
        self.assertEqual(user.uids(), [3, 4, 5])
        self.visit(user, "7d")
        self.assertEqual(user.uids(), [5])
        self.visit(user, "8d")
        self.assertEqual(user.uids(), [])

    def test_interval(self):
        user = self.user("[default]\nexpire = expunge savedbefore 1h\n"
                         "expire_interval = 3d\n")
        user.append([message("one")])
        self.visit(user)
        self.daily(user, 1, 2)
        self.assertEqual(user.count(), 1)
        self.visit(user, "3d")
        self.assertEqual(user.count(), 0)

    def test_new_policy_is_noticed(self):
        """A run with nothing due says when to look again; a policy that
        changed since makes that void."""
        user = self.user("[default]\nexpire = expunge savedbefore 100d\n")
        user.append([message("one")])
        self.daily(user, 0, 3)
        user.set_policy("[default]\nexpire = expunge savedbefore 2d\n")
        self.visit(user, "4d")
        self.assertEqual(user.count(), 0)

    def test_due_exactly(self):
        """Nothing changes after the first run; the day it falls due, it
        goes."""
        user = self.user("[default]\nexpire = expunge savedbefore 6d\n")
        user.append([message("one")])
        self.daily(user, 0, 5)
        self.assertEqual(user.count(), 1)
        self.clock.set("6d")
        self.clock.advance(30)
        self.visit(user)
        self.assertEqual(user.count(), 0)

    def test_never_early_over_a_year(self):
        user = self.user("[default]\nexpire = expunge retrievedbefore 200d\n")
        self.visit(user)
        user.append([message("one")])
        client = user.pop3()
        client.download()
        client.quit()
        for fortnight in range(1, 15):
            self.visit(user, "%dd" % (14 * fortnight))
            self.assertEqual(user.count(), 1)
        self.visit(user, "210d")
        self.visit(user, "224d")
        self.assertEqual(user.count(), 0)

    def test_many_in_batches(self):
        if self.format != "sdbox":
            self.skipTest("one format is enough")
        user = self.user("[default]\nexpire = expunge savedbefore 5d\n")
        user.append([message("m") for _ in range(40)])
        for _ in range(6):
            user.doveadm("copy", "INBOX", "all")
        self.assertEqual(user.count(), 2560)
        self.daily(user, 0, 4)
        self.visit(user, "6d")
        self.assertEqual(user.count(), 0)
        self.wait_log("Expiry: expunged=2560")
