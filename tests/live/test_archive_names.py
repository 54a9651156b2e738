# SPDX-License-Identifier: LGPL-2.1-or-later
"""Mailboxes that must not be an archive: the INBOX by other names, what other
people have too."""

import os

from harness import LiveTest, message


class Refused(LiveTest):
    formats = ("maildir", "sdbox", "mdbox")

    def setUp(self):
        is_23 = self.version == "2.3"
        self.extra_config = """
namespace inbox {
  separator = /
}
namespace compat {
  prefix = mail/
  separator = /
  alias_for = %s
  hidden = yes
  list = no
}
namespace same {
  prefix = Same/
  separator = /
  hidden = yes
  list = no
}
namespace public {
  type = public
  prefix = Public/
  separator = /
  subscriptions = no
  %s
}
""" % ("" if is_23 else "inbox",
       "location = maildir:~/public" if is_23 else
       "mail_driver = maildir\n  mail_path = ~/public\n  mail_inbox_path =")
        super().setUp()

    def refused(self, name, reason, prepare=lambda user: None):
        """In QUIT and in expiry."""
        user = self.user("[default]\nhold = keyword Hold\n"
                         "delete = archive:%s all\n"
                         "expire = archive:%s savedbefore 5d\n" % (name, name))
        user.pop3().quit()
        user.append([message("one"), message("two")])
        prepare(user)
        before = {(m.uid, m.guid, m.sha256) for m in user.messages()}
        self.expect_errors(reason)
        client = user.pop3()
        client.ok("DELE 1")
        self.assertEqual(client.quit().text,
                         "-ERR [SYS/TEMP] 1 message not deleted")
        self.wait_log(reason)
        for day in 2, 4, 6:
            self.clock.set("%dd" % day)
            user.pop3().quit()
        self.assertEqual({(m.uid, m.guid, m.sha256)
                          for m in user.messages()}, before)
        self.clock.reset()
        return user

    def test_alias_namespace(self):
        self.refused("mail/INBOX", "INBOX by another name")

    def test_same_place(self):
        if self.format == "maildir":
            self.skipTest("there it is another folder, .INBOX")
        self.refused("Same/INBOX", "INBOX by another name")

    def test_symbolic_link(self):
        def link(user):
            target, path = {
                "maildir": (".", "/Maildir/.Link"),
                "sdbox": ("INBOX", "/sdbox/mailboxes/Link"),
                "mdbox": ("INBOX", "/mdbox/mailboxes/Link"),
            }[self.format]
            os.symlink(target, user.host_home + path)
        self.refused("Link", "INBOX by another name", link)

    def test_public_namespace(self):
        user = self.refused("Public/POP3", "is not in a private namespace")
        self.assertFalse(os.path.exists(user.host_home + "/public/.POP3"))
