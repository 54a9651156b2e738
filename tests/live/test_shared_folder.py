# SPDX-License-Identifier: LGPL-2.1-or-later
"""One INBOX of several system users, whose files carry their user IDs."""

import json
import os

from harness import LiveTest, message

MAIL_GID = 8
# User and private group of each. Nobody of the host's.
FIRST_UID, SECOND_UID = 20001, 20002


class SharedFolder(LiveTest):
    """Both are members of the group "mail", which may be the folder's."""

    formats = ("maildir", "sdbox")
    settings = {"mail_access_groups": "mail"}

    def member(self, uid, policy):
        user = self.user(policy, fields={"uid": uid, "gid": uid})
        os.chown(user.host_home, uid, uid)
        if self.version == "2.3":
            user.fields["mail"] = "%s:%s" % (self.format, self.folder)
        else:
            user.fields["mail_path"] = self.folder
            if self.format == "maildir":
                user.fields["mail_inbox_path"] = self.folder
        user._write_passwd()
        return user

    def two(self, policy, mode):
        """Two members whose INBOX is in a folder of this mode."""
        LiveTest._user_numbers += 1
        name = "/mail/shared%d" % LiveTest._user_numbers
        self.folder = self.dovecot.base + name
        self.host_folder = self.dovecot.host_base + name
        os.mkdir(self.host_folder)
        os.chown(self.host_folder, FIRST_UID, MAIL_GID)
        os.chmod(self.host_folder, mode)
        first = self.member(FIRST_UID, policy)
        second = self.member(SECOND_UID, policy)
        first.append([message("m%d" % i) for i in range(6)])
        return first, second

    def path(self, suffix=""):
        return self.host_folder + "/pop3-policy.journal" + suffix

    def writers(self, suffix=""):
        """Who has written the journal's lines."""
        with open(self.path(suffix)) as file:
            return [json.loads(line)["user"] for line in file]

    def delete(self, user):
        """Removes the first message that he sees; QUIT's answer."""
        client = user.pop3()
        client.retr(1)
        client.ok("DELE 1")
        return client.quit()

    def test_kept_uidls(self):
        """What one has pinned is read, and added to, by the other."""
        text = "[default]\nuidl_storm_limit = 0%\n"
        first, second = self.two(text, 0o2770)
        uidls = first.pop3().uidl()
        self.expect_errors(r"utime\(.*/(tmp|dbox-Mails)\) failed")
        for user in first, second, first:
            user.append(message("new"))
            user.doveadm("pop3 uidl pin")
            stat = os.stat(self.host_folder + "/pop3-policy.uidls")
            self.assertEqual((stat.st_gid, stat.st_mode & 0o777),
                             (MAIL_GID, 0o660))
        shown = second.pop3().uidl()
        self.assertEqual(len(shown), 9)
        for user in first, second:
            user.set_field("pop3_uidl_format",
                           "%%g" if self.version == "2.3" else "%%{guid}")
            self.assertEqual(user.pop3().uidl(), shown)
        self.assertEqual({n: shown[n] for n in uidls}, uidls)

    def group_shares(self, mode):
        first, second = self.two("[default]\njournal_required = yes\n"
                                 "journal_retention = 2d\n", mode)
        for user in first, second, first:
            self.assertTrue(self.delete(user).ok)
        self.assertEqual(first.uids(), [4, 5, 6])
        self.assertEqual(self.writers(), [
            user.name for user in (first, second, first) for _ in range(2)])
        stat = os.stat(self.path())
        self.assertEqual((stat.st_uid, stat.st_gid, stat.st_mode & 0o777),
                         (FIRST_UID, MAIL_GID, 0o660))
        # Dovecot's own: the folder is the first one's
        self.expect_errors(r"utime\(.*/(tmp|dbox-Mails)\) failed")
        # rotated by somebody else, and then by the first one again
        for days, user in (3, second), (6, first), (9, second):
            self.clock.set("%dd" % days)
            self.assertTrue(self.delete(user).ok)
        stat = os.stat(self.path())
        self.assertEqual((stat.st_uid, stat.st_gid, stat.st_mode & 0o777),
                         (SECOND_UID, MAIL_GID, 0o660))
        self.assertEqual(self.writers(), [second.name] * 2)
        self.assertEqual(self.writers(".1"), [first.name] * 2)
        self.assertEqual(first.uids(), [])

    def test_folder_of_a_group(self):
        self.group_shares(0o770)

    def test_folder_that_hands_its_group_on(self):
        self.group_shares(0o2770)

    def test_readers_get_nothing(self):
        """A group that may only read the mail does not see the journal."""
        first, _ = self.two("[default]\n", 0o750)
        self.assertTrue(self.delete(first).ok)
        self.assertEqual(os.stat(self.path()).st_mode & 0o777, 0o600)

    def test_link_to_a_file_of_the_writer(self):
        """One member makes a link, the other one does not write there."""
        first, second = self.two("[default]\n", 0o770)
        os.symlink(second.home + "/own", self.path())
        self.expect_errors("Can't write journal: .*symbolic links")
        self.assertTrue(self.delete(second).ok)
        self.assertFalse(os.path.exists(second.host_home + "/own"))
        self.wait_log(r'journal: \{"time":.*"user":"%s"' % second.name)

    def test_without_a_group(self):
        """The journal belongs to who wrote first; what the others have to
        say is logged."""
        first, second = self.two("[default]\n", 0o777)
        self.assertTrue(self.delete(first).ok)
        self.expect_errors(r"Can't write journal: .*Permission denied")
        self.assertTrue(self.delete(second).ok)
        self.assertEqual(self.writers(), [first.name] * 2)
        for stage in "intent", "outcome":
            self.wait_log(r'journal: \{"time":.*"stage":"%s".*"user":"%s"' %
                          (stage, second.name))
        self.assertEqual(first.uids(), [3, 4, 5, 6])
        second.set_policy("[default]\njournal_required = yes\n")
        self.assertRegex(self.delete(second).text, r"^-ERR \[SYS/TEMP\] 1 ")
        self.assertEqual(first.uids(), [3, 4, 5, 6])
        self.assertTrue(self.delete(first).ok)
        self.assertEqual(first.uids(), [4, 5, 6])
