# SPDX-License-Identifier: LGPL-2.1-or-later
"""Dovecot's trash plugin beside ours: it removes mail to make room."""

import json
import os

from harness import LiveTest, message

BOXES = (("Trash", 1), ("INBOX", 2))


class Trash(LiveTest):
    """100 kB. Room is made in Trash first, then in the INBOX itself."""

    formats = ("maildir", "sdbox")

    def setUp(self):
        self.plugins = ("pop3_policy", "quota", "trash")
        if self.version == "2.3":
            self.extra_config = """
plugin {
  quota = count:User
  quota_vsizes = yes
  quota_rule = *:storage=100k
  quota_grace = 0
}
"""
        else:
            self.extra_config = """
quota_storage_grace = 0
quota User {
  driver = count
  storage_size = 100k
}
namespace inbox {
%s}
""" % "".join("  mailbox %s {\n    trash_priority = %d\n  }\n" % box
              for box in BOXES)
        super().setUp()

    def with_trash(self, policy):
        fields = {}
        if self.version == "2.3":
            path = "/policy/trash.conf"
            with open(self.dovecot.host_base + path, "w") as file:
                file.write("".join("%d %s\n" % box[::-1] for box in BOXES))
            os.chmod(self.dovecot.host_base + path, 0o644)
            fields["trash"] = self.dovecot.base + path
        user = self.user(policy, fields=fields)
        user.doveadm("mailbox create", "Trash")
        return user

    def test_mail_on_hold_stays(self):
        user = self.with_trash("[default]\nhold = keyword Hold\n"
                               "journal = all\n")
        user.append([message("held", size=30000)], flags=["Hold"])
        user.append([message("other", size=30000)])
        user.append([message("trash", size=30000)], mailbox="Trash")
        user.append([message("first", size=30000)])
        self.assertEqual(user.count("Trash"), 0)
        self.assertEqual(user.uids(), [1, 2, 3])
        # the oldest of the INBOX is the one on hold
        user.append([message("second", size=30000)])
        self.assertIn(1, user.uids())
        self.assertIn("Hold", user.flags(1))
        self.wait_log("Refused expunge in INBOX: hold=1")

    def test_what_made_room_is_journalled(self):
        """Removed by LMTP, from the INBOX itself."""
        user = self.with_trash("[default]\njournal = all\n")
        for subject in "one", "two", "three":
            user.append([message(subject, size=30000)])
        user.deliver_lmtp(message("four", size=30000))
        gone = [uid for uid in (1, 2, 3) if uid not in user.uids()]
        self.assertTrue(gone)
        path = user.host_home + {"maildir": "/Maildir",
                                 "sdbox": "/sdbox"}[self.format]
        with open(path + "/pop3-policy.journal") as file:
            lines = [json.loads(line) for line in file]
        self.assertEqual({line["service"] for line in lines}, {"lmtp"})
        self.assertEqual([line["uid"] for line in lines
                          if line.get("result") == "done"], gone)
        self.assertEqual(len(lines), 2 * len(gone))

    def test_archived_mail_needs_no_room(self):
        """Moving it to the archive removes nothing from Trash."""
        user = self.with_trash("[default]\n"
                               "delete = archive:Archive subject archive\n"
                               "  hide all\n")
        user.pop3().quit()
        for subject in "archive", "hide":
            user.append([message(subject, size=20000)])
        # 2.3 makes room twice, with and without us
        user.append([message("trash", size=30000) for _ in range(2)],
                    mailbox="Trash")
        before = {m.sha256 for m in user.messages()}
        client = user.pop3()
        client.ok("DELE 1")
        client.ok("DELE 2")
        self.assertTrue(client.quit().ok)
        self.assertEqual(user.uids(), [2])
        self.assertEqual([user.count(name) for name in ("Archive", "Trash")],
                         [1, 2])
        user.append([message("next", size=20000)])
        self.assertLess(user.count("Trash"), 2)
        self.assertEqual(user.uids(), [2, 3])
        self.assertLessEqual(before, {m.sha256 for name in ("INBOX", "Archive")
                                      for m in user.messages(name)})
