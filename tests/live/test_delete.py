# SPDX-License-Identifier: LGPL-2.1-or-later
"""DELE and QUIT under policy: what the client hears, what stays on disk."""

import os

from harness import LiveTest, message

HIDDEN = "$POP3Hidden"


class Delete(LiveTest):
    def three(self, policy, **kwargs):
        user = self.user(policy, **kwargs)
        # what comes after the first session has a known history
        user.pop3().quit()
        user.append([message("one"), message("two"), message("three")])
        return user

    def unchanged(self, user, before):
        """The mail is still there, byte for byte."""
        after = {m.guid: m.sha256 for m in user.messages()}
        self.assertEqual(after, {m.guid: m.sha256 for m in before})

    def test_allow_removes(self):
        user = self.three("[default]\ndelete = allow all\n")
        before = user.messages()
        client = user.pop3()
        client.ok("DELE 2")
        self.assertEqual(client.quit().text,
                         "+OK Logging out, messages deleted.")
        self.unchanged(user, [before[0], before[2]])
        self.assertEqual(len(user.mail_files()), 2)

    def test_no_delete_rules_allow(self):
        user = self.three("[default]\nmin_retention = 0\n")
        client = user.pop3()
        client.ok("DELE 1")
        client.quit()
        self.assertEqual(user.uids(), [2, 3])

    def test_deny_with_text(self):
        user = self.three(
            '[default]\ndelete = deny:"fetch this message first" unretrieved\n'
            "         allow all\n")
        before = user.messages()
        client = user.pop3()
        self.assertEqual(client.cmd("DELE 1").text,
                         "-ERR fetch this message first")
        client.retr(2)
        client.ok("DELE 2")
        self.assertTrue(client.quit().ok)
        self.unchanged(user, [before[0], before[2]])

    def test_retr_dele_quit_in_one_go(self):
        user = self.three(
            "[default]\ndelete = deny unretrieved\n allow all\n")
        client = user.pop3()
        replies = client.pipeline(["RETR 1", "DELE 1", "DELE 2", "QUIT"])
        self.assertEqual([r.ok for r in replies], [True, True, False, True])
        client.close()
        self.assertEqual(user.uids(), [2, 3])

    def test_deny_without_text(self):
        user = self.three("[default]\ndelete = deny all\n")
        before = user.messages()
        client = user.pop3()
        client.err("DELE 1", "^-ERR Message may not be deleted.$")
        self.assertEqual(client.quit().text, "+OK Logging out.")
        self.unchanged(user, before)

    def test_first_match_wins(self):
        user = self.user("[default]\ndelete = allow subject one\n"
                         "  deny subject two\n  hide all\n")
        user.append([message("one"), message("two"), message("three")])
        client = user.pop3()
        client.ok("DELE 1")
        client.err("DELE 2")
        client.ok("DELE 3")
        client.quit()
        self.assertEqual(user.uids(), [2, 3])
        self.assertNotIn(HIDDEN, user.flags(2))
        self.assertIn(HIDDEN, user.flags(3))

    def test_hide(self):
        user = self.three("[default]\ndelete = hide all\n")
        before = user.messages()
        files = sorted(user.mail_files().values())
        client = user.pop3()
        client.ok("DELE 2")
        self.assertEqual(client.quit().text,
                         "+OK Logging out, messages deleted.")
        self.unchanged(user, before)
        self.assertEqual(sorted(user.mail_files().values()), files)
        self.assertEqual([HIDDEN in user.flags(uid) for uid in (1, 2, 3)],
                         [False, True, False])

        client = user.pop3()
        self.assertEqual(client.stat()[0], 2)
        uidl = client.uidl()
        self.assertEqual(sorted(uidl), [1, 2])
        self.assertIn(b"Subject: one", client.retr(1))
        self.assertIn(b"Subject: three", client.retr(2))
        client.ok("TOP 2 0")
        client.err("RETR 3")
        self.assertEqual(client.list().keys(), uidl.keys())
        client.ok("DELE 2")
        client.quit()
        self.unchanged(user, before)
        client = user.pop3()
        self.assertEqual(client.stat()[0], 1)
        self.assertIn(b"Subject: one", client.retr(1))
        client.quit()
        with user.imap() as imap:
            self.assertEqual(imap.select()[1], [b"3"])

    def test_hiding_is_undone_by_taking_the_keyword_off(self):
        user = self.three("[default]\ndelete = hide all\n")
        client = user.pop3()
        client.ok("DELE 1")
        client.quit()
        self.assertIn(HIDDEN, user.flags(1))
        with user.imap() as imap:
            imap.select()
            imap.store("1", "-FLAGS", HIDDEN)
        client = user.pop3()
        self.assertEqual(client.stat()[0], 3)
        client.quit()
        # and hidden again by the next DELE
        client = user.pop3()
        client.ok("DELE 1")
        client.quit()
        client = user.pop3()
        self.assertEqual(client.stat()[0], 2)
        client.quit()
        self.assertIn(HIDDEN, user.flags(1))
        self.assertEqual(user.count(), 3)

    def test_keyword_set_by_imap_hides(self):
        user = self.three("[default]\ndelete = hide all\n")
        with user.imap() as imap:
            imap.select()
            imap.store("2", "+FLAGS", HIDDEN)
        client = user.pop3()
        self.assertEqual(client.stat()[0], 2)
        client.quit()

    def test_connection_lost_before_quit(self):
        user = self.three("[default]\ndelete = hide subject one\n allow all\n")
        before = user.messages()
        client = user.pop3()
        client.ok("DELE 1")
        client.ok("DELE 2")
        client.close()
        self.assertEqual(user.messages(), before)

    def test_rset_takes_dele_back(self):
        user = self.three("[default]\ndelete = hide subject one\n allow all\n")
        before = user.messages()
        client = user.pop3()
        client.ok("DELE 1")
        client.ok("DELE 2")
        client.ok("RSET")
        client.quit()
        self.assertEqual(user.messages(), before)

    def test_deleted_and_missing_get_dovecots_answers(self):
        user = self.user("[default]\ndelete = deny subject two\n allow all\n")
        plain = self.user()
        mails = [message("one"), message("two"), message("three")]
        user.append(mails)
        plain.append(mails)
        commands = ["DELE 1", "DELE 1", "RETR 1", "DELE 4", "DELE 0", "DELE",
                    "DELE x", "DELE 1 2", "RSET", "DELE 1", "STAT"]
        answers = []
        for client in (user.pop3(), plain.pop3()):
            answers.append([client.cmd(command).text for command in commands])
            client.quit()
        self.assertEqual(*answers)


class QuitJudgesAgain(LiveTest):
    POLICY = "[default]\ndelete = deny flagged\n allow all\n"

    def test_flagged_by_imap_between_dele_and_quit(self):
        user = self.user(self.POLICY)
        user.append([message("one"), message("two")])
        before = user.messages()
        client = user.pop3()
        client.ok("DELE 1")
        client.ok("DELE 2")
        with user.imap() as imap:
            imap.select()
            imap.store("1", "+FLAGS", r"\Flagged")
        self.assertEqual(client.quit().text,
                         "-ERR [SYS/PERM] 1 message not deleted")
        after = user.messages()
        self.assertEqual([m.guid for m in after], [before[0].guid])
        self.assertEqual(after[0].sha256, before[0].sha256)

    def test_stricter_of_two_verdicts_counts(self):
        user = self.user("[default]\ndelete = hide unflagged\n allow all\n")
        user.append([message("one"), message("two")])
        client = user.pop3()
        client.ok("DELE 1")
        client.ok("DELE 2")
        with user.imap() as imap:
            imap.select()
            imap.store("1", "+FLAGS", r"\Flagged")
        self.assertTrue(client.quit().ok)
        self.assertEqual(user.uids(), [1, 2])
        self.assertIn(HIDDEN, user.flags(1))
        self.assertIn(HIDDEN, user.flags(2))

    def test_flagged_in_the_file_name(self):
        """Another program flags by renaming, as Maildir allows."""
        if self.format != "maildir":
            self.skipTest("Maildir only")
        import glob
        import os
        user = self.user(self.POLICY)
        user.append([message("one"), message("two")])
        user.pop3().quit()
        client = user.pop3()
        client.ok("DELE 1")
        client.ok("DELE 2")
        paths = sorted(glob.glob(user.host_home + "/Maildir/cur/*"))
        self.assertEqual(len(paths), 2)
        os.rename(paths[1], paths[1].split(":2,")[0] + ":2,F")
        self.assertEqual(client.quit().text,
                         "-ERR [SYS/PERM] 1 message not deleted")
        self.assertEqual(user.count(), 1)

    def test_other_session_retrieves_nothing_changes(self):
        user = self.user("[default]\ndelete = deny unretrieved\n allow all\n")
        user.append([message("one"), message("two")])
        first, second = user.pop3(), user.pop3()
        first.retr(1)
        first.ok("DELE 1")
        second.ok("QUIT")
        self.assertTrue(first.quit().ok)
        self.assertEqual(user.uids(), [2])


class Protection(LiveTest):
    def test_hold_hides_by_default(self):
        user = self.user("[default]\nhold = keyword $Hold\ndelete = allow all\n")
        user.append([message("held")], flags=["$Hold"])
        user.append([message("free")])
        before = user.messages()
        client = user.pop3()
        client.ok("DELE 1")
        client.ok("DELE 2")
        self.assertTrue(client.quit().ok)
        after = user.messages()
        self.assertEqual([(m.guid, m.sha256) for m in after],
                         [(before[0].guid, before[0].sha256)])
        self.assertIn(HIDDEN, after[0].flags)
        client = user.pop3()
        self.assertEqual(client.stat()[0], 0)
        client.quit()

    def test_hold_deny(self):
        user = self.user("[default]\nhold = keyword $Hold\n"
                         "protected_delete = deny\n")
        user.append([message("held")], flags=["$Hold"])
        client = user.pop3()
        client.err("DELE 1", "hold")
        client.quit()
        self.assertEqual(user.count(), 1)
        self.assertNotIn(HIDDEN, user.flags(1))

    def test_hold_set_between_dele_and_quit(self):
        user = self.user("[default]\nhold = keyword $Hold\n"
                         "protected_delete = deny\n")
        user.append([message("one"), message("two")])
        client = user.pop3()
        client.ok("DELE 1")
        client.ok("DELE 2")
        with user.imap() as imap:
            imap.select()
            imap.store("2", "+FLAGS", "$Hold")
        client_reply = client.quit()
        self.assertEqual(client_reply.text,
                         "-ERR [SYS/PERM] 1 message not deleted")
        self.assertEqual(user.uids(), [2])

    def test_min_retention(self):
        user = self.user("[default]\nmin_retention = 10d\n"
                         "protected_delete = deny\n")
        user.append([message("one")])
        client = user.pop3()
        client.err("DELE 1", "too young")
        client.quit()
        self.clock.set("9d")
        client = user.pop3()
        client.err("DELE 1", "too young")
        client.quit()
        self.clock.set("10d")
        self.clock.advance(5)
        client = user.pop3()
        client.ok("DELE 1")
        client.quit()
        self.assertEqual(user.count(), 0)

    def test_min_retention_from_received(self):
        user = self.user("[default]\nmin_retention = 10d\n"
                         "age_from = received\nprotected_delete = deny\n")
        now = self.clock.now()
        user.append([message("old")], received=now - 11 * 86400)
        user.append([message("young")], received=now - 9 * 86400)
        client = user.pop3()
        client.ok("DELE 1")
        client.err("DELE 2", "too young")
        client.quit()
        self.assertEqual(user.uids(), [2])

    def test_hold_on_unknown_history(self):
        """Mail that was there before the first session: a hold about history
        takes it, a rule about history does not."""
        user = self.user("[default]\nhold = retrieved\n"
                         "protected_delete = deny\n")
        user.append([message("old")])
        user.pop3().quit()
        user.append([message("new")])
        client = user.pop3()
        client.err("DELE 1", "hold")
        client.ok("DELE 2")
        client.quit()
        self.assertEqual(user.uids(), [1])


class DeleteTypeFlag(LiveTest):
    pop3_settings = {"pop3_delete_type": "flag",
                     "pop3_deleted_flag": "$POP3Deleted"}

    def test_flag_obeys_too(self):
        user = self.user("[default]\ndelete = deny subject one\n"
                         "  hide subject two\n  allow all\n")
        user.append([message("one"), message("two"), message("three")])
        client = user.pop3()
        client.err("DELE 1")
        client.ok("DELE 2")
        client.ok("DELE 3")
        self.assertTrue(client.quit().ok)
        flags = [user.flags(uid) for uid in (1, 2, 3)]
        self.assertEqual(["$POP3Deleted" in f for f in flags],
                         [False, False, True])
        self.assertEqual([HIDDEN in f for f in flags], [False, True, False])
        client = user.pop3()
        self.assertEqual(client.stat()[0], 1)
        self.assertIn(b"Subject: one", client.retr(1))
        client.quit()

    def test_flag_judged_again_at_quit(self):
        user = self.user("[default]\ndelete = deny flagged\n allow all\n")
        user.append([message("one"), message("two")])
        client = user.pop3()
        client.ok("DELE 1")
        client.ok("DELE 2")
        with user.imap() as imap:
            imap.select()
            imap.store("1", "+FLAGS", r"\Flagged")
        self.assertFalse(client.quit().ok)
        self.assertNotIn("$POP3Deleted", user.flags(1))
        self.assertIn("$POP3Deleted", user.flags(2))


class Many(LiveTest):
    def test_rules_over_many_messages(self):
        """Past the point from which queries are run over the whole box."""
        user = self.user("[default]\ndelete = deny subject denied\n"
                         "  hide larger 2k\n  allow all\n")
        subjects = ["denied", "plain", "large"]
        user.append([message(subjects[i % 3],
                             size=3000 if i % 3 == 2 else None)
                     for i in range(90)])
        client = user.pop3()
        replies = client.pipeline(["DELE %d" % (i + 1) for i in range(90)])
        self.assertEqual([r.ok for r in replies],
                         [i % 3 != 0 for i in range(90)])
        self.assertTrue(client.quit().ok)
        self.assertEqual(user.uids(), [i + 1 for i in range(90) if i % 3 != 1])
        client = user.pop3()
        self.assertEqual(client.stat()[0], 30)
        client.quit()


class NoFalseOk(LiveTest):
    """What could not be removed is not called removed."""

    def test_files_that_can_not_be_unlinked(self):
        user = self.user("[default]\ndelete = allow all\n")
        user.append([message("one"), message("two")])
        user.pop3().quit()
        before = sorted(user.mail_files().values())
        self.expect_errors("")
        client = user.pop3()
        client.ok("DELE 1")
        client.ok("DELE 2")
        folder = user.host_home + {
            "maildir": "/Maildir/cur",
            "sdbox": "/sdbox/mailboxes/INBOX/dbox-Mails"}[self.format]
        os.chmod(folder, 0o500)
        self.addCleanup(os.chmod, folder, 0o700)
        self.assertEqual(client.quit(wait=False).text,
                         "-ERR [SYS/TEMP] 2 messages not deleted")
        client.close()
        self.assertEqual(sorted(user.mail_files().values()), before)
        os.chmod(folder, 0o700)
        self.wait_log("2 messages are still there after QUIT")
        self.assertIn("removed=0", self.log())
