# SPDX-License-Identifier: LGPL-2.1-or-later
"""journal = all: what programs other than POP3 remove is on record, too."""

import os
import threading

from harness import message
from harness.dovecot import DoveadmFailed
from test_journal import JournalTest

ALL = "[default]\njournal = all\n"


class Programs(JournalTest):
    def stages_of(self, user, action):
        return [(line["uid"], line["stage"], line.get("result"))
                for line in self.lines(user) if line["action"] == action]

    def test_imap_expunge(self):
        user = self.filled(ALL)
        mails = user.messages()
        with user.imap() as imap:
            imap.select("INBOX")
            imap.store("1,3", "+FLAGS", r"\Deleted")
            imap.expunge()
        self.assertEqual(user.uids(), [2])
        self.assertEqual(self.stages_of(user, "remove"), [
            (1, "intent", None), (3, "intent", None),
            (1, "outcome", "done"), (3, "outcome", "done")])
        intent = self.lines(user)[0]
        self.assertEqual(intent["guid"], mails[0].guid)
        self.assertEqual(intent["service"], "imap")
        self.assertEqual(intent["user"], user.name)
        self.assertEqual(intent["ip"], "127.0.0.1")
        self.assertEqual(intent["question"], "remove")
        self.assertEqual(intent["reason"], "default")
        self.assertRegex(intent["session"], ".")

    def test_imap_move(self):
        user = self.filled(ALL)
        with user.imap() as imap:
            imap.create("Other")
            imap.select("INBOX")
            self.assertEqual(imap.uid("MOVE", "2:3", "Other")[0], "OK")
        self.assertEqual(user.uids(), [1])
        self.assertEqual(self.stages_of(user, "move"), [
            (2, "intent", None), (3, "intent", None),
            (2, "outcome", "done"), (3, "outcome", "done")])
        self.assertEqual({line.get("mailbox") for line in self.lines(user)
                          if line["stage"] == "intent"}, {"Other"})

    def test_pop3_and_imap_at_once(self):
        """Several of each, which write to the same file."""
        user = self.filled(ALL, 80)
        clients = [user.pop3() for _ in range(4)]
        for i, client in enumerate(clients):
            client.pipeline(["DELE %d" % n
                             for n in range(10 * i + 1, 10 * i + 11)])

        def expunge(first):
            with user.imap() as imap:
                imap.select("INBOX")
                uids = "%d:%d" % (first, first + 9)
                imap.uid("STORE", uids, "+FLAGS", r"\Deleted")
                imap.uid("EXPUNGE", uids)

        threads = [threading.Thread(target=client.quit)
                   for client in clients]
        threads += [threading.Thread(target=expunge, args=(41 + 10 * i,))
                    for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(user.count(), 0)
        self.assertEqual(
            sorted((line["uid"], line["stage"], line["service"])
                   for line in self.lines(user)),
            sorted((uid, stage, "pop3" if uid <= 40 else "imap")
                   for uid in range(1, 81)
                   for stage in ("intent", "outcome")))
        self.assertEqual({line["result"] for line in self.lines(user)
                          if line["stage"] == "outcome"}, {"done"})

    def test_other_mailboxes_are_not_journalled(self):
        user = self.filled(ALL)
        with user.imap() as imap:
            imap.create("Other")
            imap.select("INBOX")
            imap.copy("1:3", "Other")
            imap.select("Other")
            imap.store("1:3", "+FLAGS", r"\Deleted")
            imap.expunge()
        self.assertIsNone(self.text(user))

    def test_doveadm(self):
        user = self.filled(ALL)
        user.doveadm("expunge", "mailbox", "INBOX", "uid", "2")
        self.assertEqual(self.stages_of(user, "remove"), [
            (2, "intent", None), (2, "outcome", "done")])
        self.assertEqual(self.lines(user)[0]["service"], "doveadm")

    def test_pop3_is_not_journalled_twice(self):
        user = self.filled(ALL + "delete = archive:Old subject m2\n"
                           "  hide subject m3\n  allow all\n")
        self.assertTrue(self.delete(user, 1, 2, 3).ok)
        for uid, action in (1, "remove"), (2, "archive"), (3, "hide"):
            self.assertEqual(self.stages_of(user, action), [
                (uid, "intent", None), (uid, "outcome", "done")])
        self.assertEqual(len(self.lines(user)), 6)

    def test_expiry_is_not_journalled_twice(self):
        user = self.filled(ALL + "expire = expunge savedbefore 5d\n")
        for days in ("0d", "2d", "4d", "6d"):
            self.clock.set(days)
            user.pop3().quit()
        self.assertEqual(user.uids(), [])
        self.assertEqual([line["action"] for line in self.lines(user)],
                         ["expunge"] * 6)

    def test_held_mail_has_no_line(self):
        user = self.filled(ALL + "hold = subject m2\n")
        with user.imap() as imap:
            imap.select("INBOX")
            imap.store("1:3", "+FLAGS", r"\Deleted")
            imap.expunge()
        self.assertEqual(user.uids(), [2])
        self.assertEqual(self.stages_of(user, "remove"), [
            (1, "intent", None), (3, "intent", None),
            (1, "outcome", "done"), (3, "outcome", "done")])

    def test_moved_under_a_hold(self):
        user = self.filled(ALL + "hold = subject m2\n")
        with user.imap() as imap:
            imap.create("Other")
            imap.select("INBOX")
            self.assertEqual(imap.uid("MOVE", "1", "Other")[0], "OK")
            self.assertEqual(imap.uid("MOVE", "2", "Other")[0], "NO")
        self.assertEqual(self.stages_of(user, "move"), [
            (1, "intent", None), (1, "outcome", "done")])

    def test_default_is_pop3_only(self):
        user = self.filled("[default]\nhold = subject nothing\n")
        with user.imap() as imap:
            imap.select("INBOX")
            imap.store("1:3", "+FLAGS", r"\Deleted")
            imap.expunge()
        self.assertEqual(user.uids(), [])
        self.assertIsNone(self.text(user))


class Rename(JournalTest):
    """Renaming the INBOX moves all that is in it."""

    POLICY = ALL + "hold = keyword Hold\n"
    extra_config = "namespace inbox {\n  separator = /\n}\n"

    def rename(self, user):
        """Returns what became of each message."""
        with user.imap() as imap:
            status, data = imap.rename("INBOX", "Else/Where")
        # Dovecot does not rename the INBOX of a Maildir
        self.assertEqual(status, "NO" if self.format == "maildir" else "OK",
                         data)
        return "failed" if status == "NO" else "done"

    def test_rename(self):
        user = self.filled(self.POLICY)
        mails = user.messages()
        result = self.rename(user)
        lines = self.lines(user)
        self.assertEqual(
            [(line["uid"], line["stage"], line["action"], line.get("result"))
             for line in lines],
            [(uid, "intent", "move", None) for uid in (1, 2, 3)] +
            [(uid, "outcome", "move", result) for uid in (1, 2, 3)])
        for line, mail in zip(lines, mails):
            self.assertEqual(line["guid"], mail.guid)
            self.assertEqual(line["mailbox"], "Else/Where")
            self.assertEqual(line["service"], "imap")
        self.assertEqual(user.count(), 0 if result == "done" else 3)

    def test_held(self):
        user = self.filled(self.POLICY)
        user.doveadm("flags add Hold", "mailbox", "INBOX", "uid", "2")
        with user.imap() as imap:
            self.assertEqual(imap.rename("INBOX", "Else/Where")[0], "NO")
        self.assertEqual(user.uids(), [1, 2, 3])
        self.assertIsNone(self.text(user))

    def test_doveadm(self):
        """It deletes the INBOX, too; that of a Maildir it only empties."""
        user = self.filled(ALL)
        user.doveadm("mailbox delete", "INBOX",
                     check=self.format != "maildir")
        self.assertEqual(
            [(line["uid"], line["stage"], line["action"], line.get("result"))
             for line in self.lines(user)],
            [(uid, "intent", "remove", None) for uid in (1, 2, 3)] +
            [(uid, "outcome", "remove", "done") for uid in (1, 2, 3)])
        self.assertEqual(user.count(), 0)

    def test_required(self):
        user = self.filled(ALL + "journal_required = yes\n")
        os.mkdir(self.path(user))
        self.expect_errors("Can't write journal")
        with user.imap() as imap:
            status, data = imap.rename("INBOX", "Else/Where")
            self.assertEqual(status, "NO")
            self.assertIn(b"the journal can't be written", data[0])
        self.assertEqual(user.uids(), [1, 2, 3])
        os.rmdir(self.path(user))
        self.rename(user)
        self.assertEqual(len(self.lines(user)), 6)

    def test_default_is_pop3_only(self):
        user = self.filled("[default]\nhold = keyword Hold\n")
        self.rename(user)
        self.assertIsNone(self.text(user))


class Required(JournalTest):
    def block(self, user):
        """A folder where the journal should be."""
        os.mkdir(self.path(user))
        self.expect_errors("Can't write journal")

    def test_expunge(self):
        user = self.filled(ALL + "journal_required = yes\n")
        self.block(user)
        with user.imap() as imap:
            imap.select("INBOX")
            imap.store("1:3", "+FLAGS", r"\Deleted")
            self.assertEqual(imap.expunge()[0], "NO")
        self.assertEqual(user.uids(), [1, 2, 3])
        with self.assertRaises(DoveadmFailed):
            user.doveadm("expunge", "mailbox", "INBOX", "all")
        self.assertEqual(user.uids(), [1, 2, 3])
        os.rmdir(self.path(user))
        with user.imap() as imap:
            imap.select("INBOX")
            self.assertEqual(imap.expunge()[0], "OK")
        self.assertEqual(user.uids(), [])
        self.assertEqual(len(self.lines(user)), 6)

    def test_not_required(self):
        user = self.filled(ALL)
        self.block(user)
        with user.imap() as imap:
            imap.select("INBOX")
            imap.store("1:3", "+FLAGS", r"\Deleted")
            self.assertEqual(imap.expunge()[0], "OK")
        self.assertEqual(user.uids(), [])
        self.wait_log(r'pop3-policy: journal: \{"time".*"action":"remove"')


class Autoexpunge(JournalTest):
    formats = ("maildir", "sdbox")
    extra_config = """
namespace inbox {
  mailbox INBOX {
    autoexpunge = 2d
  }
}
"""

    def test_autoexpunge(self):
        """By Dovecot itself, when a session ends."""
        user = self.filled(ALL)
        self.clock.advance("3d")
        with user.imap() as imap:
            imap.select("INBOX")
        self.wait_log(r"imap\(%s\).*Disconnected" % user.name)
        self.assertEqual(user.uids(), [])
        self.assertEqual([line["action"] for line in self.lines(user)],
                         ["remove"] * 6)

    def later(self, policy):
        """A user all of whose mail is old."""
        user = self.filled(policy)
        self.wait_log(r"imap\(%s\).*Disconnected" % user.name)
        self.clock.advance("3d")
        return user

    def services(self, user):
        return [(line["service"], line["uid"], line["stage"],
                 line.get("result")) for line in self.lines(user)]

    def test_pop3(self):
        user = self.later(ALL)
        user.pop3().quit()
        self.assertEqual(user.uids(), [])
        self.assertEqual(self.services(user), [
            ("pop3", uid, "intent", None) for uid in (1, 2, 3)] + [
            ("pop3", uid, "outcome", "done") for uid in (1, 2, 3)])

    def test_lmtp(self):
        user = self.later(ALL + "hold = subject m2\n")
        self.expect_errors("Failed to autoexpunge: .* on hold")
        user.deliver_lmtp(message("new"))
        self.wait_log(r"lmtp\(.*Failed to autoexpunge")
        self.assertEqual(user.uids(), [2, 4])
        self.assertEqual(self.services(user), [
            ("lmtp", uid, "intent", None) for uid in (1, 3)] + [
            ("lmtp", uid, "outcome", "done") for uid in (1, 3)])
