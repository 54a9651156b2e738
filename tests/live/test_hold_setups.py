# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds under the set-ups that sites have: the INBOX by other names, dsync,
autoexpunge, other plugins."""

import os

from harness import message
from test_hold import KEYWORD, HoldTest


class Names(HoldTest):
    """The INBOX by other names."""

    def test_symlink(self):
        user = self.user(KEYWORD)
        self.fill(user, ["a", "held b", "c"])
        root, target = {
            "maildir": ("/Maildir/.Same", "."),
            "sdbox": ("/sdbox/mailboxes/Same", "INBOX"),
            "mdbox": ("/mdbox/mailboxes/Same", "INBOX"),
        }[self.format]
        os.symlink(target, user.host_home + root)
        with user.imap() as imap:
            self.assertEqual(imap.select("Same"), ("OK", [b"3"]))
            imap.create("Other")
            self.assertEqual(imap.uid("MOVE", "2", "Other")[0], "NO")
            self.assertEqual(imap.store("2", "-FLAGS", "Hold")[0], "NO")
            imap.store("1:2", "+FLAGS", r"\Deleted")
            imap.expunge()
            self.assertIn(b"1 on hold", self.untagged_no(imap))
        self.assertEqual(user.uids(), [2, 3])
        self.assertEqual(user.count("Other"), 0)
        # taking the link away takes no mail away
        with user.imap() as imap:
            imap.delete("Same")
        self.assertEqual(user.uids(), [2, 3])


class Alias(HoldTest):
    """A second namespace for the same mailboxes."""

    extra_config = """
namespace inbox {
  prefix = INBOX/
  separator = /
}
namespace compat {
  prefix = mail/
  separator = /
  alias_for = %s
  hidden = yes
  list = no
}
"""

    def setUp(self):
        self.extra_config = self.extra_config % (
            "INBOX/" if self.version == "2.3" else "inbox")
        super().setUp()

    def test_alias(self):
        user = self.user(KEYWORD)
        self.fill(user, ["a", "held b", "c"])
        with user.imap() as imap:
            imap.create("mail/Other")
            self.assertEqual(imap.select("mail/INBOX"), ("OK", [b"3"]))
            self.says_no(imap.uid("MOVE", "2", "mail/Other"), "1 on hold")
            imap.store("1:2", "+FLAGS", r"\Deleted")
            self.expunge(imap, 1)
            self.assertIn(b"1 on hold", self.untagged_no(imap))
            self.says_no(imap.rename("mail/INBOX", "mail/Taken"))
        self.assertEqual(user.uids(), [2, 3])
        self.assertEqual(user.count("INBOX/Other"), 0)


class SamePlace(Alias):
    """And a third one, which nobody has called an alias: on 2.3 it leads where
    "INBOX" does if the location of a Maildir doesn't say where that is."""

    extra_config = Alias.extra_config + """
namespace real {
  prefix = Real/
  separator = /
  hidden = yes
  list = no
}
"""

    def test_every_name(self):
        user = self.user(KEYWORD)
        self.fill(user, ["a", "held b", "c"])
        before = self.guids(user, "INBOX")
        held = user.messages()[1].guid
        with user.imap() as imap:
            for name in ("INBOX", "mail/INBOX", "INBOX/INBOX", "Real/INBOX",
                         "INBOX/", "mail/", "Real/", "mail", "Real"):
                imap.delete(name)
                imap.rename(name, "INBOX/Taken")
                imap.rename(name, "mail/Taken")
                imap.rename(name, "Real/Taken")
                self.assertEqual(self.guids(user, "INBOX"), before, name)
        for name in "INBOX", "mail/INBOX", "INBOX/INBOX", "Real/INBOX":
            for command in ("mailbox delete", "mailbox delete -Z",
                            "mailbox delete -r"):
                user.doveadm(command, name, check=False)
                self.assertEqual(self.guids(user, "INBOX"), before, name)
            user.doveadm("expunge", "mailbox", name, "all", check=False)
            before = self.guids(user, "INBOX")
            self.assertIn(held, before)


class Virtual(HoldTest):
    """A virtual mailbox shows the INBOX among others."""

    formats = ("maildir", "sdbox")
    plugins = ("pop3_policy", "virtual")

    def setUp(self):
        if self.version == "2.3":
            self.extra_config = """
namespace virtual {
  prefix = Virtual/
  separator = /
  location = virtual:~/virtual:INDEX=~/virtual-index
}
namespace inbox {
  separator = /
}
"""
        else:
            self.extra_config = """
namespace virtual {
  prefix = Virtual/
  separator = /
  mail_driver = virtual
  mail_path = ~/virtual
  mail_index_path = ~/virtual-index
}
namespace inbox {
  separator = /
}
"""
        super().setUp()

    def test_virtual(self):
        user = self.user(KEYWORD)
        folder = user.host_home + "/virtual/All"
        os.makedirs(folder)
        with open(folder + "/dovecot-virtual", "w") as file:
            file.write("INBOX\nOther\n  all\n")
        owner = os.stat(user.host_home)
        for path in (user.host_home + "/virtual", folder):
            os.chown(path, owner.st_uid, owner.st_gid)
        self.fill(user, ["a", "held b", "c", "held d"])
        with user.imap() as imap:
            imap.create("Other")
            imap.append("Other", "Hold", None, message("held, but elsewhere"))
            imap.create("Third")
            self.assertEqual(imap.select("Virtual/All"), ("OK", [b"5"]))
            held = imap.search(None, "SUBJECT", '"held b"')[1][0].decode()
            self.assertEqual(
                imap._simple_command("MOVE", held, "Third")[0], "NO")
            imap.store("1:*", "+FLAGS", r"\Deleted")
            self.expunge(imap, 3)
            self.assertIn(b"2 messages not removed: 2 on hold",
                          self.untagged_no(imap))
            # the virtual mailbox has an index of its own, which it may say
            imap.store("1:2", "-FLAGS", "Hold")
            self.assertEqual(imap.select("Virtual/All"), ("OK", [b"2"]))
        self.assertEqual(user.uids(), [2, 4])
        self.assertEqual(user.count("Other"), 0)
        self.assertEqual(user.count("Third"), 0)
        self.assertEqual(user.flags(2), {"Hold"})


class Shared(HoldTest):
    """Somebody else's INBOX is guarded by its owner's hold."""

    formats = ("maildir",)
    plugins = ("pop3_policy", "acl")

    def setUp(self):
        if self.version == "2.3":
            self.extra_config = """
plugin {
  acl = vfile
}
namespace inbox {
  separator = /
}
namespace shared {
  type = shared
  separator = /
  prefix = shared/%%u/
  location = maildir:%%h/Maildir
  subscriptions = no
  list = children
}
"""
        else:
            self.extra_config = """
acl_driver = vfile
namespace inbox {
  separator = /
}
namespace shared {
  type = shared
  separator = /
  prefix = shared/$user/
  mail_driver = maildir
  mail_path = %{owner_home}/Maildir
  mail_inbox_path = %{owner_home}/Maildir
  subscriptions = no
  list = children
}
"""
        self.extra_config += """
service auth {
  unix_listener auth-userdb {
    mode = 0777
  }
}
"""
        super().setUp()

    def test_shared(self):
        policy = "[default]\n[user %s]\nhold = keyword Hold\n"
        owner = self.user()
        other = self.user()
        owner.set_policy(policy % owner.name)
        other.set_policy(policy % owner.name)
        self.fill(owner, ["a", "held b"])
        path = owner.host_home + "/Maildir/dovecot-acl"
        with open(path, "w") as file:
            file.write("user=%s lrwstiekx\nowner lrwstipekxa\n" %
                       other.name)
        os.chmod(path, 0o644)
        self.fill(other, ["held by nobody"])
        with other.imap() as imap:
            self.assertEqual(
                imap.select("shared/%s/INBOX" % owner.name)[0], "OK")
            imap.store("1:2", "+FLAGS", r"\Deleted")
            self.expunge(imap, 1)
            self.assertIn(b"1 on hold", self.untagged_no(imap))
            self.says_no(imap.store("1", "-FLAGS", "Hold"))
            # his own is not
            imap.select("INBOX")
            imap.store("1", "+FLAGS", r"\Deleted")
            self.expunge(imap, 1)
        self.assertEqual(owner.uids(), [2])


class Dsync(HoldTest):
    """The formats have different separators by default."""

    extra_config = """
namespace inbox {
  separator = /
}
"""

    def test_dsync_is_exempt(self):
        """A backup brings the other side to the same state, whichever side
        that is, and says so at once."""
        user = self.user(KEYWORD)
        self.fill(user, ["a", "held b", "c"])
        backup = {"maildir": "sdbox", "sdbox": "maildir",
                  "mdbox": "sdbox"}[self.format] + ":~/backup"
        user.doveadm("backup", backup)
        before = self.guids(user, "INBOX")
        self.fill(user, ["later", "held later"])
        if self.format == "maildir":
            # plain Dovecot can't bring back a Maildir INBOX that has changed
            user.doveadm("backup", backup)
            before = self.guids(user, "INBOX")
        user.doveadm("backup", "-R", backup)
        self.assertEqual(self.guids(user, "INBOX"), before)
        for _ in range(3):
            user.doveadm("sync", backup)
        user.doveadm("backup", "-R", backup)
        self.assertEqual(self.guids(user, "INBOX"), before)
        self.assertNotIn("Refused", self.log())


class Deliveries(HoldTest):
    formats = ("maildir", "sdbox")

    def test_delivery_is_free(self):
        user = self.user("[default]\nhold = all\nmin_retention = 1y\n")
        user.deliver_lmtp([message("one"), message("two")])
        user.deliver(message("three"))
        user.save(message("four"))
        self.assertEqual(user.count(), 4)
        self.assertNotIn("pop3-policy", self.log())


class Autoexpunge(HoldTest):
    formats = ("maildir", "sdbox")
    extra_config = """
namespace inbox {
  mailbox INBOX {
    autoexpunge = 2d
  }
}
"""

    def test_imap_and_pop3(self):
        user = self.user(KEYWORD)
        self.expect_errors("Failed to autoexpunge: .* on hold")
        self.fill(user, ["a", "held b", "c", "held d"])
        self.clock.set("3d")
        with user.imap() as imap:
            imap.noop()
        self.wait_log("Failed to autoexpunge: 2 messages not removed")
        self.assertEqual(user.uids(), [2, 4])
        self.assertEqual(len(user.mail_files()), 2)
        self.refused(user, "autoexpunge", hold=2)
        user.pop3().quit()
        self.assertEqual(user.uids(), [2, 4])

    def test_pop3_process(self):
        user = self.user(KEYWORD)
        self.expect_errors("Failed to autoexpunge: .* on hold")
        self.fill(user, ["a", "held b", "c"])
        self.clock.set("3d")
        user.pop3().quit()
        self.assertEqual(user.uids(), [2])
        self.assertEqual(len(user.mail_files()), 1)
        self.wait_log(r"pop3\(%s\).*Failed to autoexpunge: 1 message not "
                      "removed: 1 on hold" % user.name)

    def test_nothing_held(self):
        user = self.user(KEYWORD)
        self.fill(user, ["a", "b"])
        self.clock.set("3d")
        user.pop3().quit()
        self.assertEqual(user.uids(), [])


class PerProtocol(HoldTest):
    """Loaded where an administrator names it, not everywhere."""

    formats = ("sdbox",)
    plugins = ()

    def setUp(self):
        line = ("mail_plugins {\n    pop3_policy = yes\n  }"
                if self.version == "2.4" else "mail_plugins = pop3_policy")
        self.extra_config = "".join(
            "protocol %s {\n  %s\n}\n" % (name, line)
            for name in ("imap", "lmtp", "doveadm"))
        super().setUp()

    def test_imap_lmtp_and_doveadm(self):
        user = self.user(KEYWORD)
        self.fill(user, ["a", "held b"])
        user.deliver_lmtp(message("c"))
        with self.imap(user) as imap:
            imap.store("1:3", "+FLAGS", r"\Deleted")
            self.expunge(imap, 2)
        self.assertEqual(user.doveadm("expunge", "mailbox", "INBOX", "all",
                                      check=False).returncode, 77)
        self.assertEqual(user.uids(), [2])

    def test_section_by_userdb_field(self):
        user = self.user("[default]\n[policy gold]\nhold = all\n",
                         section="gold")
        self.fill(user, ["a"])
        with self.imap(user) as imap:
            imap.store("1", "+FLAGS", r"\Deleted")
            self.expunge(imap, 0)
        self.assertEqual(user.uids(), [1])


class Beside(HoldTest):
    """Other plugins that have a say in removal."""

    formats = ("maildir", "sdbox")

    def setUp(self):
        self.plugins = ("pop3_policy", "lazy_expunge", "quota")
        if self.version == "2.3":
            self.extra_config = """
plugin {
  lazy_expunge = EXPUNGED
  quota = count:User quota
  quota_vsizes = yes
  quota_rule = *:storage=1M
}
"""
        else:
            self.extra_config = """
lazy_expunge_mailbox = EXPUNGED
quota User {
  quota_storage_size = 1M
}
"""
        super().setUp()

    def test_lazy_expunge_makes_no_copy_of_what_stays(self):
        user = self.user(KEYWORD)
        self.fill(user, ["a", "held b", "c"])
        before = self.guids(user, "INBOX")
        with self.imap(user) as imap:
            for _ in range(3):
                imap.store("1:*", "+FLAGS", r"\Deleted")
                self.assertEqual(imap.expunge()[0], "OK")
                self.assertIn(b"1 on hold", self.untagged_no(imap))
            imap.create("Other")
            for _ in range(3):
                self.assertEqual(imap.uid("MOVE", "2", "Other")[0], "NO")
        self.assertEqual(user.uids(), [2])
        self.assertEqual(user.count("EXPUNGED"), 2)
        self.assertEqual(user.count("Other"), 0)
        self.assertEqual(self.guids(user, "INBOX", "EXPUNGED"), before)

    def test_quota_agrees(self):
        user = self.user(KEYWORD)
        self.fill(user, ["a", "held b", "c"])
        with self.imap(user) as imap:
            imap.store("1:*", "+FLAGS", r"\Deleted")
            imap.expunge()
        user.doveadm("expunge", "mailbox", "EXPUNGED", "all")
        shown = user.doveadm("quota get", formatter="tab")
        user.doveadm("quota recalc")
        self.assertEqual(user.doveadm("quota get", formatter="tab"), shown)
        self.assertIn(b"MESSAGE\t1\t", shown)


class OwnRemovals(HoldTest):
    """What POP3's rules and expiry do is theirs to decide."""

    formats = ("maildir", "sdbox")

    def test_quit_and_expiry(self):
        user = self.user("[default]\nhold = keyword Hold\n"
                         "delete = archive:Archive subject archive\n"
                         "  allow all\n"
                         "expire = archive:Archive savedbefore 2d subject e1\n"
                         "  expunge savedbefore 2d subject e2\n")
        self.fill(user, ["archive", "gone", "e1", "e2", "held e1", "held e2",
                         "held gone"])
        client = user.pop3()
        for number in (1, 2, 7):
            client.ok("DELE %d" % number)
        client.quit()
        self.assertEqual(user.uids(), [3, 4, 5, 6, 7])
        for day in ("1d", "2d", "3d"):
            self.clock.set(day)
            user.pop3().quit()
        self.assertEqual(user.uids(), [5, 6, 7])
        self.assertEqual(user.count("Archive"), 2)
        self.assertNotIn("Refused", self.log())
