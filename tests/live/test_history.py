# SPDX-License-Identifier: LGPL-2.1-or-later
"""History: what is known about a message, and what is not."""

import glob
import os

from harness import LiveTest, message

HIDDEN = "$POP3Hidden"


class History(LiveTest):
    def test_mail_from_before_the_first_session_is_unknown(self):
        """Neither `retrieved` nor `unretrieved` matches it, and `not` does
        not make it match."""
        for rule in ("unretrieved", "retrieved", "not retrieved",
                     "not unretrieved", "retrievedbefore 1d",
                     "not retrievedbefore 1d",
                     "( all not retrieved ) or subject nothing"):
            with self.subTest(rule):
                user = self.user("[default]\ndelete = deny %s\n allow all\n" %
                                 rule)
                user.append(message("old"))
                client = user.pop3()
                client.ok("DELE 1")
                client.quit()
                self.assertEqual(user.count(), 0)

    def test_mail_of_unknown_history_becomes_known_when_retrieved(self):
        user = self.user("[default]\ndelete = allow retrieved\n deny all\n")
        user.append([message("old"), message("old")])
        client = user.pop3()
        client.err("DELE 1")
        client.download([1])
        client.ok("DELE 1")
        client.err("DELE 2")
        client.quit()
        self.assertEqual(user.uids(), [2])

    def test_survives_sessions(self):
        user = self.user("[default]\ndelete = allow retrieved\n deny all\n")
        user.pop3().quit()
        user.append([message("one"), message("two")])
        client = user.pop3()
        client.download([1])
        client.quit()
        client = user.pop3()
        client.err("DELE 2")
        client.ok("DELE 1")
        client.quit()
        self.assertEqual(user.uids(), [2])

    def test_kept_when_the_connection_is_lost(self):
        user = self.user("[default]\ndelete = allow retrieved\n deny all\n")
        user.pop3().quit()
        user.append([message("one")])
        client = user.pop3()
        client.download([1])
        client.close()
        client = user.pop3()
        client.ok("DELE 1")
        client.quit()
        self.assertEqual(user.count(), 0)

    def test_top_that_covers_it_all_counts(self):
        user = self.user("[default]\ndelete = deny unretrieved\n allow all\n")
        user.pop3().quit()
        user.append([message("one", body="1\r\n2\r\n3\r\n")] * 3)
        client = user.pop3()
        client.ok("TOP 1 2")
        client.err("DELE 1")
        client.ok("TOP 2 3")
        client.ok("DELE 2")
        client.ok("TOP 3 100")
        client.ok("DELE 3")
        client.quit()
        self.assertEqual(user.uids(), [1])

    def test_two_sessions_do_not_undo_each_other(self):
        user = self.user("[default]\ndelete = allow retrieved\n deny all\n")
        user.pop3().quit()
        user.append([message("one"), message("two")])
        first, second = user.pop3(), user.pop3()
        first.download([1])
        second.download([2])
        first.quit()
        second.quit()
        client = user.pop3()
        client.ok("DELE 1")
        client.ok("DELE 2")
        client.quit()
        self.assertEqual(user.count(), 0)

    def test_lost_index_means_unknown(self):
        """Hidden mail is shown again or stays hidden, as the keyword could be
        saved or not; nothing is taken for retrieved."""
        user = self.user("[default]\ndelete = hide subject hide\n"
                         "  allow retrieved\n  deny all\n")
        user.pop3().quit()
        user.append([message("hide"), message("two")])
        client = user.pop3()
        client.download([2])
        client.ok("DELE 1")
        client.quit()
        for path in glob.glob(user.host_home + "/**/dovecot.index*",
                              recursive=True):
            os.unlink(path)
        if self.format != "maildir":
            # dbox finds its files again only when told to look
            user.doveadm("force-resync", "INBOX")
        before = sorted(user.mail_files().values())
        client = user.pop3()
        shown = client.stat()[0]
        self.assertEqual(shown, 1 if self.format == "maildir" else 2)
        client.err("DELE %d" % shown)
        client.quit()
        self.assertEqual(sorted(user.mail_files().values()), before)

    def test_force_resync_keeps_mail(self):
        user = self.user("[default]\ndelete = allow retrieved\n deny all\n")
        user.pop3().quit()
        user.append([message("one")])
        client = user.pop3()
        client.download()
        client.quit()
        user.doveadm("force-resync", "INBOX")
        client = user.pop3()
        if self.format == "maildir":
            client.ok("DELE 1")
        else:
            client.err("DELE 1")
        client.close()
        self.assertEqual(user.count(), 1)


class IndexInMemory(LiveTest):
    """Where history can't be kept, rules about it and hiding are refused."""

    def memory_user(self, policy):
        if self.dovecot.is_24:
            user = self.user(policy, fields={"mail_index_path": "MEMORY"})
        elif self.format == "maildir":
            user = self.user(policy)
            user.set_field("mail", "maildir:~/Maildir:INDEX=MEMORY")
        else:
            self.skipTest("sdbox can't do without an index on disk")
        if self.format != "maildir":
            self.skipTest("sdbox can't do without an index on disk")
        user.append([message("one")])
        return user

    def test_hide_is_refused(self):
        user = self.memory_user("[default]\ndelete = hide all\n")
        self.expect_errors("no index on disk")
        client = user.pop3()
        client.retr(1)
        client.err("DELE 1", r"\[SYS/TEMP\]")
        client.quit()
        self.assertEqual(user.count(), 1)

    def test_show_by_history_refuses_the_login(self):
        user = self.memory_user("[default]\nshow = unretrieved\n")
        self.expect_errors("no index on disk", "Can't tell", "Couldn't init")
        client = user.pop3(login=False)
        client.ok("USER " + user.name)
        client.may_be_logged_in = True
        client.send("PASS %s\r\nSTAT\r\nRETR 1\r\n" % user.password)
        data = client.read_eof()
        self.assertIn(b"-ERR [SYS/TEMP]", data)
        self.assertNotIn(b"Subject", data)

    def test_other_rules_work(self):
        user = self.memory_user(
            "[default]\ndelete = deny larger 1k\n allow all\n")
        user.append([message("large", size=3000)])
        client = user.pop3()
        client.ok("DELE 1")
        client.err("DELE 2")
        client.quit()
        self.assertEqual(user.count(), 1)
