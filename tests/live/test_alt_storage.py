# SPDX-License-Identifier: LGPL-2.1-or-later
"""Mail of a dbox that lies in its alternative storage."""

import os

from harness import message
from test_archive import ArchiveTest
from test_journal import JournalTest

POLICY = ("[default]\ndelete = archive:Archive/POP3 subject archive\n"
          "  hide subject hide\n  allow all\n"
          "expire = expunge savedbefore 5d subject expire\n"
          "  archive:Archive/POP3 savedbefore 5d subject later\n")
WORDS = ("archive", "hide", "allow", "expire", "later", "here")


class Alternative(ArchiveTest, JournalTest):
    formats = ("sdbox", "mdbox")

    def filled(self, policy):
        """All but the last message are in the alternative storage."""
        user = self.user(policy)
        if self.version == "2.3":
            user.fields["mail"] += ":ALT=~/alt"
        else:
            user.fields["mail_alt_path"] = "~/alt"
        user._write_passwd()
        user.pop3().quit()
        user.append([message(word) for word in WORDS])
        user.doveadm("altmove", "mailbox", "INBOX", "uid",
                     "1:%d" % (len(WORDS) - 1))
        user.doveadm("purge")
        self.assertTrue(os.path.isdir(user.host_home + "/alt"))
        return user

    def test_each_effect(self):
        user = self.filled(POLICY)
        before = {m.uid: (m.guid, m.sha256) for m in user.messages()}
        self.assertTrue(self.delete(user, 1, 2, 3).ok)
        self.assertEqual(user.uids(), [2, 4, 5, 6])
        for day in 2, 4, 6:
            self.clock.set("%dd" % day)
            user.pop3().quit()
        self.assertEqual({m.uid: (m.guid, m.sha256)
                          for m in user.messages()},
                         {uid: before[uid] for uid in (2, 6)})
        self.assertEqual(sorted((m.guid, m.sha256)
                                for m in user.messages(self.box(user))),
                         sorted((before[1], before[5])))
        self.assertEqual([line["result"] for line in self.lines(user)
                          if line["stage"] == "outcome"], ["done"] * 5)

    def test_files_that_can_not_be_unlinked(self):
        """No +OK, and the journal knows it."""
        if self.format != "sdbox":
            self.skipTest("mdbox removes files later")
        user = self.filled("[default]\ndelete = allow all\n")
        self.expect_errors("unlink.*Permission denied",
                           "1 messages are still there")
        folder = user.host_home + "/alt/mailboxes/INBOX/dbox-Mails"
        os.chmod(folder, 0o500)
        try:
            reply = self.delete(user, 1, 6)
        finally:
            os.chmod(folder, 0o700)
        self.assertEqual(reply.text, "-ERR [SYS/TEMP] 1 message not deleted")
        self.assertIn("u.1", os.listdir(folder))
        self.assertEqual({line["uid"]: line["result"]
                          for line in self.lines(user)
                          if line["stage"] == "outcome"},
                         {1: "pending", 6: "done"})
