# SPDX-License-Identifier: LGPL-2.1-or-later
"""Commands of doveadm that are seldom used, under a hold."""

from harness import message
from test_hold import KEYWORD, HoldTest


class Commands(HoldTest):
    def three(self, alt=False):
        user = self.user(KEYWORD)
        if alt and self.version == "2.3":
            user.fields["mail"] += ":ALT=~/alt"
        elif alt:
            user.fields["mail_alt_path"] = "~/alt"
        user._write_passwd()
        self.fill(user, ["a", "held b", "c"])
        return user

    def left(self, user, before, *uids):
        self.assertEqual({m.uid: m.sha256 for m in user.messages()},
                         {uid: before[uid] for uid in uids})

    def expunge(self, user, *args):
        result = user.doveadm("expunge", *args, "mailbox", "INBOX", "all",
                              check=False)
        self.assertEqual(result.returncode, 77)

    def test_deduplicate(self):
        user = self.user(KEYWORD)
        for flags in ("Hold", "Hold", "Other"):
            user.append([self.same], flags=[flags])
        result = user.doveadm("deduplicate", "-m", "mailbox", "INBOX", "all",
                              check=False)
        self.assertNotEqual(result.returncode, 0)
        self.assertEqual(user.uids(), [1, 2])

    same = message("the same")

    def test_expunge_and_delete_what_is_empty(self):
        user = self.three()
        before = {m.uid: m.sha256 for m in user.messages()}
        self.expunge(user, "-d")
        self.left(user, before, 2)

    def test_alternative_storage(self):
        """Moving mail there and back is no removal; purging neither."""
        if self.format == "maildir":
            self.skipTest("dbox only")
        user = self.three(alt=True)
        before = {m.uid: m.sha256 for m in user.messages()}
        user.doveadm("altmove", "mailbox", "INBOX", "all")
        user.doveadm("purge")
        self.assertTrue(all(path.startswith("alt/")
                            for path in user.mail_files()))
        self.left(user, before, 1, 2, 3)
        self.expunge(user)
        user.doveadm("purge")
        self.left(user, before, 2)
        user.doveadm("altmove", "-r", "mailbox", "INBOX", "all")
        user.doveadm("purge")
        self.left(user, before, 2)
        self.expunge(user)

    def test_mailbox_update(self):
        """Other UIDs, the same mail."""
        user = self.three()
        before = {m.sha256 for m in user.messages()}
        held = user.messages()[1].guid
        for args in (("--uid-validity", "12345"),
                     ("--min-next-uid", "4294967000"),
                     ("--min-highest-modseq", "1000000")):
            user.doveadm("mailbox update", *args, "INBOX")
            self.assertEqual({m.sha256 for m in user.messages()}, before)
            self.assertEqual([m.guid for m in user.messages()
                              if "Hold" in m.flags], [held])
        self.expunge(user)
        self.assertEqual(self.guids(user, "INBOX"), [held])

    def test_import_and_save(self):
        """What comes in is free, and takes nothing away."""
        user, other = self.three(), self.user()
        before = {m.uid: m.sha256 for m in user.messages()}
        other.append([message("theirs")])
        location = {"maildir": "maildir:%s/Maildir",
                    "sdbox": "sdbox:%s/sdbox",
                    "mdbox": "mdbox:%s/mdbox"}[self.format] % other.home
        for _ in range(2):
            user.doveadm("import", location, "", "mailbox", "INBOX", "all")
        user.save(message("saved"))
        self.assertEqual(user.count(), 6)
        self.assertEqual(other.count(), 1)
        self.assertEqual({m.uid: m.sha256 for m in user.messages()
                          if m.uid <= 3}, before)
