# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where history is lost, mail is kept longer, never shorter: index files
removed, force-resync, conversion to another format by dsync."""

import os

from harness import LiveTest, message
from harness.users import _FORMATS as FORMATS

HIDDEN = "$POP3Hidden"
POLICY = """\
[default]
delete = hide subject hide
         archive:Archive/POP3 subject archive
         deny unretrieved
         allow all
expire = expunge retrievedbefore 10d
         expunge hiddenbefore 10d
"""
SUBJECTS = ("fetched", "not fetched", "hide", "archive", "hide too")
KEPT = ("fetched", "hide", "hide too", "not fetched")


class Loss(LiveTest):
    """Day 0: "fetched" is fetched, two are hidden, one is archived. With
    history, day 11 takes three of the four that are left."""

    def day(self, user, *days):
        """Daily visits that only look."""
        for day in days:
            self.clock.set("%dd" % day)
            client = user.pop3()
            client.stat()
            client.quit()

    def begun(self, policy=POLICY):
        user = self.user(policy)
        user.pop3().quit()
        user.append([message(subject) for subject in SUBJECTS])
        self.bytes = {m.sha256 for m in user.messages()}
        client = user.pop3()
        client.download([1])
        for number in 3, 4, 5:
            client.ok("DELE %d" % number)
        self.assertTrue(client.quit().ok)
        self.assertEqual(user.count(), 4)
        self.assertEqual(self.shown(user), ["fetched", "not fetched"])
        return user

    def shown(self, user):
        client = user.pop3()
        subjects = sorted(
            line.split(": ", 1)[1] for number in client.list()
            for line in client.ok("TOP %d 0" % number).lines
            if line.startswith("Subject: "))
        client.quit()
        return subjects

    def archive(self, user):
        return "Archive.POP3" if user.format == "maildir" else "Archive/POP3"

    def everything(self, user):
        return {m.sha256 for m in user.messages() +
                user.messages(self.archive(user))}

    def hidden(self, user):
        return sorted(uid for uid in user.uids() if HIDDEN in user.flags(uid))

    def remove_indexes(self, user):
        for folder, _, names in os.walk(user.host_home):
            for name in names:
                if name.startswith("dovecot.index"):
                    os.unlink(os.path.join(folder, name))

    def assert_kept_longer(self, user, first, hidden_stays):
        """From day first on all of history counts from then. Nothing is lost
        before; what is hidden goes 10 days later, what was fetched waits for
        another retrieval."""
        self.assertEqual(self.everything(user), self.bytes)
        shown = self.shown(user)
        self.assertEqual(shown, ["fetched", "not fetched"] if hidden_stays
                         else sorted(KEPT))
        self.day(user, *range(first, first + 9))
        self.assertEqual(user.count(), 4)
        self.assertEqual(self.everything(user), self.bytes)
        self.day(user, first + 11, first + 12)
        self.assertEqual(user.count(), 2 if hidden_stays else 4)
        self.assertEqual(self.shown(user), shown)
        # and all works as before
        client = user.pop3()
        client.download([1])
        client.quit()
        self.day(user, *range(first + 13, first + 26, 3))
        self.assertEqual(user.count(), 1 if hidden_stays else 3)


class Index(Loss):
    formats = ("maildir", "sdbox", "mdbox")

    def test_with_history(self):
        """What the others are compared with."""
        user = self.begun()
        self.day(user, *range(1, 10))
        self.assertEqual(user.count(), 4)
        self.day(user, 11)
        self.assertEqual(user.count(), 1)
        self.assertEqual(self.shown(user), ["not fetched"])

    def test_index_lost(self):
        """dbox loses keywords with the index, so that hidden mail is shown
        again; on Maildir they are in the files' names."""
        if self.format == "mdbox":
            self.skipTest("mdbox can't do without its indexes")
        user = self.begun()
        self.day(user, 3, 6)
        self.expect_errors("")
        self.remove_indexes(user)
        user.doveadm("force-resync", "*")
        self.assert_kept_longer(user, 7, self.format == "maildir")

    def test_index_lost_and_found_by_pop3(self):
        """Nobody repairs anything: the next session meets what is left."""
        if self.format != "maildir":
            self.skipTest("dbox has nothing to go by then")
        user = self.begun()
        self.day(user, 3, 6)
        self.remove_indexes(user)
        self.assert_kept_longer(user, 7, True)

    def test_force_resync(self):
        user = self.begun()
        self.day(user, 3, 6)
        self.expect_errors("")
        user.doveadm("force-resync", "*")
        self.assertEqual(self.everything(user), self.bytes)
        if self.format == "maildir":
            # keywords and history survive
            self.day(user, 7, 9)
            self.assertEqual(user.count(), 4)
            self.day(user, 11)
            self.assertEqual(user.count(), 1)
        else:
            self.assert_kept_longer(user, 7, True)

    def test_force_resync_of_a_due_mailbox(self):
        """On the very day: nothing goes."""
        user = self.begun()
        self.day(user, *range(1, 10))
        self.expect_errors("")
        if self.format == "maildir":
            self.remove_indexes(user)
        else:
            user.doveadm("force-resync", "*")
        self.day(user, 11, 12)
        self.assertEqual(user.count(), 4)
        self.assertEqual(self.everything(user), self.bytes)


class Conversion(Loss):
    formats = ("maildir",)
    # dsync wants the same one on both sides
    extra_config = "namespace inbox {\n  separator = /\n}\n"

    def archive(self, user):
        return "Archive/POP3"

    def convert(self, user, format_, command):
        """As an administrator does it: copy to the new format, switch over,
        copy what came meanwhile."""
        location = "%s:%s" % FORMATS[format_]
        user.doveadm(command, location)
        user.format = format_
        driver, path = FORMATS[format_]
        if user.dovecot.is_24:
            user.fields.pop("mail_inbox_path", None)
            user.fields["mail_driver"] = driver
            user.set_field("mail_path", path)
        else:
            user.set_field("mail", location)

    def through_all(self, command):
        user = self.begun()
        self.day(user, 3, 6)
        before = self.hidden(user)
        self.assertEqual(len(before), 2)
        day = 7
        for format_ in "sdbox", "mdbox":
            self.convert(user, format_, command)
            self.assertEqual(self.everything(user), self.bytes)
            self.assertEqual(self.hidden(user), before)
            self.assertEqual(self.shown(user), ["fetched", "not fetched"])
            # what would be due if history had been taken for something else
            self.day(user, day, day + 2, day + 5)
            self.assertEqual(user.count(), 4)
            day += 6
        # hidden mail goes 10 days after the last conversion
        self.day(user, *range(day, day + 8, 2))
        self.assertEqual(user.count(), 2)
        self.assertEqual(self.shown(user), ["fetched", "not fetched"])
        self.assertEqual(user.count(self.archive(user)), 1)

    def test_backup(self):
        self.through_all("backup")

    def test_sync(self):
        self.through_all("sync")

    def test_archive_goes_on_after_conversion(self):
        """No second copy, no lost one."""
        user = self.begun()
        self.convert(user, "sdbox", "backup")
        client = user.pop3()
        client.ok("RETR 2")
        client.ok("DELE 2")
        client.quit()
        user.append([message("archive", size=3000)])
        self.bytes |= {m.sha256 for m in user.messages()}
        client = user.pop3()
        client.ok("DELE 2")
        self.assertTrue(client.quit().ok)
        self.assertEqual(user.count(self.archive(user)), 2)
