# SPDX-License-Identifier: LGPL-2.1-or-later
"""A session beside somebody else who has the same mailbox in hand: nothing is
lost, nothing is twice in the archive."""

import os
import shutil
import signal
import subprocess
import threading

from harness import LiveTest, message

ARCHIVE = "Archive/POP3"
HIDDEN = "$POP3Hidden"
EFFECTS = {"remove": "allow", "hide": "hide", "archive": "archive:" + ARCHIVE}
SUBJECTS = ("one", "two", "three", "kept")


class AtOnce(LiveTest):
    # the same name everywhere, dsync's as well
    extra_config = "namespace inbox {\n  separator = /\n}\n"

    def setUp(self):
        super().setUp()
        # Where another was quicker with the message
        self.expect_errors("Message was expunged", "message vanished")

    def effects(self):
        """(effect, user with four messages) for each effect."""
        for effect, words in EFFECTS.items():
            user = self.user("[default]\ndelete = deny flagged\n"
                             "  %s all\n" % words)
            user.pop3().quit()
            user.append([message(subject) for subject in SUBJECTS])
            self.before = {m.sha256: m.uid for m in user.messages()}
            yield effect, user

    def archived(self, user):
        if ARCHIVE not in user.doveadm("mailbox list").decode().split("\n"):
            return []
        return user.messages(ARCHIVE)

    def texts(self, user, mailboxes=()):
        """sha256 of everything in INBOX, archive and mailboxes."""
        found = user.messages() + self.archived(user)
        for mailbox in mailboxes:
            found += user.messages(mailbox)
        return sorted(m.sha256 for m in found)

    def assert_end(self, user, effect, going):
        """going: UIDs on which the effect was carried out. No other message
        is gone, none is twice anywhere."""
        uids = user.uids()
        staying = set(self.before.values()) - set(going)
        hidden = {uid for uid in uids if HIDDEN in user.flags(uid)}
        if effect == "hide":
            self.assertEqual(set(uids), set(self.before.values()))
            self.assertEqual(hidden, set(going))
        else:
            self.assertEqual(set(uids), staying)
            self.assertEqual(hidden, set())
        archived = sorted(self.before[m.sha256] for m in self.archived(user))
        self.assertEqual(archived, sorted(going) if effect == "archive"
                         else [])


class Sessions(AtOnce):
    def test_both_delete_the_same(self):
        for effect, user in self.effects():
            first, second = user.pop3(), user.pop3()
            for client in first, second:
                client.ok("DELE 1")
                client.ok("DELE 2")
            self.assertTrue(first.quit().ok)
            second.quit()
            self.assert_end(user, effect, [1, 2])

    def test_overlapping(self):
        for effect, user in self.effects():
            first, second = user.pop3(), user.pop3()
            first.ok("DELE 1")
            first.ok("DELE 2")
            second.ok("DELE 2")
            second.ok("DELE 3")
            first.quit()
            second.quit()
            self.assert_end(user, effect, [1, 2, 3])

    def test_at_the_same_moment(self):
        for effect, user in self.effects():
            clients = [user.pop3() for _ in range(6)]
            for client in clients:
                client.pipeline(["DELE 1", "DELE 2", "DELE 3"])
            for client in clients:
                client.send("QUIT\r\n")
            for client in clients:
                client.read_eof()
                client.close()
            # who came second may have found it gone
            self.assert_end(user, effect, [1, 2, 3])

    def test_one_resets(self):
        for effect, user in self.effects():
            first, second = user.pop3(), user.pop3()
            first.ok("DELE 1")
            second.ok("DELE 1")
            second.ok("RSET")
            second.ok("DELE 3")
            first.close()
            self.assertTrue(second.quit().ok)
            self.assert_end(user, effect, [3])


class Imap(AtOnce):
    """What IMAP does between DELE and QUIT."""

    def between(self, user, *commands):
        """DELE 1 and 2; IMAP's commands, as (name, arguments...); QUIT."""
        client = user.pop3()
        client.ok("DELE 1")
        client.ok("DELE 2")
        with user.imap() as imap:
            imap.select()
            for name, *arguments in commands:
                status, data = getattr(imap, name)(*arguments)
                self.assertEqual(status, "OK", data)
        return client.quit()

    def test_flags(self):
        """The rule that keeps flagged mail holds at QUIT, too."""
        for effect, user in self.effects():
            reply = self.between(user, ("store", "2", "+FLAGS", r"\Flagged"))
            self.assertEqual(reply.text,
                             "-ERR [SYS/PERM] 1 message not deleted")
            self.assert_end(user, effect, [1])

    def test_other_flags_go_along(self):
        for effect, user in self.effects():
            self.assertTrue(self.between(
                user, ("store", "1,4", "+FLAGS", r"(\Answered $Label)")).ok)
            self.assert_end(user, effect, [1, 2])
            for m in user.messages() + self.archived(user):
                self.assertEqual(r"\Answered" in m.flags and
                                 "$Label" in m.flags,
                                 self.before[m.sha256] in (1, 4))

    def test_expunges(self):
        for effect, user in self.effects():
            self.between(user, ("store", "1,4", "+FLAGS", r"\Deleted"),
                         ("expunge",))
            self.assertEqual(
                user.uids(), [2, 3] if effect == "hide" else [3])
            self.assertEqual([self.before[m.sha256]
                              for m in self.archived(user)],
                             [2] if effect == "archive" else [])

    def test_moves(self):
        for effect, user in self.effects():
            before = sorted(self.before)
            self.between(user, ("create", "Elsewhere"),
                         ("xatom", "MOVE", "1,3", "Elsewhere"))
            texts = self.texts(user, ["Elsewhere"])
            # message 1 is where IMAP put it, 2 where the policy does
            self.assertEqual(sorted(
                self.before[m.sha256] for m in user.messages("Elsewhere")),
                [1, 3])
            self.assertEqual(len(texts), len(set(texts)))
            if effect == "remove":
                before = sorted(t for t in before if self.before[t] != 2)
            self.assertEqual(texts, before)

    def test_copies(self):
        for effect, user in self.effects():
            self.assertTrue(self.between(
                user, ("create", "Elsewhere"),
                ("copy", "1:4", "Elsewhere")).ok)
            self.assert_end(user, effect, [1, 2])
            self.assertEqual(sorted(m.sha256 for m in
                                    user.messages("Elsewhere")),
                             sorted(self.before))

    def test_keeps_the_inbox_open(self):
        """And sees what becomes of the mail."""
        for effect, user in self.effects():
            with user.imap() as imap:
                imap.select()
                client = user.pop3()
                client.ok("DELE 2")
                self.assertTrue(client.quit().ok)
                imap.noop()
                status, data = imap.uid("SEARCH", "ALL")
                self.assertEqual(data[0].decode().split(), ["1", "2", "3", "4"]
                                 if effect == "hide" else ["1", "3", "4"])
            self.assert_end(user, effect, [2])

    def test_at_the_same_moment(self):
        """IMAP moves all that POP3 is deleting."""
        for effect, user in self.effects():
            with user.imap() as imap:
                imap.create("Elsewhere")
                imap.select()
                client = user.pop3()
                client.pipeline(["DELE 1", "DELE 2", "DELE 3"])
                client.send("QUIT\r\n")
                imap.xatom("MOVE", "1:3", "Elsewhere")
                client.read_eof()
                client.close()
            texts = self.texts(user, ["Elsewhere"])
            if effect != "remove":
                self.assertEqual(set(texts), set(self.before))
            # IMAP's copy and POP3's may both have been made; but nothing is
            # twice in one place
            archived = [m.sha256 for m in self.archived(user)]
            self.assertEqual(len(archived), len(set(archived)))
            self.assertEqual(len(user.messages()),
                             len({m.sha256 for m in user.messages()}))


class Expiry(AtOnce):
    """At the real time, in the end: where the clock is ahead of that of the
    file system, Dovecot takes each lock file for one that was left behind."""

    # or the date of saving would be that of the file
    settings = {"mail_always_cache_fields": "date.save"}
    actions = {"remove": "expunge", "hide": "hide",
               "archive": "archive:" + ARCHIVE}

    def due(self, count=20):
        """(effect, user) whose mail is due at the end of the next session,
        but for the last message."""
        for effect, action in self.actions.items():
            self.clock.set("-6d")
            user = self.user("[default]\nexpire = keep subject kept\n"
                             "  %s savedbefore 5d\n" % action)
            user.append([message("m%d" % i) for i in range(count - 1)] +
                        [message("kept")])
            self.before = {m.sha256: m.uid for m in user.messages()}
            for day in 6, 4, 2:
                self.clock.set("-%dd" % day)
                user.pop3().quit()
            self.clock.reset()
            yield effect, user, list(range(1, count))

    def test_beside_another(self):
        for effect, user, going in self.due():
            clients = [user.pop3() for _ in range(4)]
            for client in clients:
                client.send("QUIT\r\n")
            for client in clients:
                self.assertTrue(client.read_eof().startswith(b"+OK"))
                client.close()
            self.assert_end(user, effect, going)

    def test_beside_a_session(self):
        """What goes meanwhile is an error for that session, no more."""
        for effect, user, going in self.due():
            other = user.pop3()
            user.pop3().quit()
            self.assert_end(user, effect, going)
            self.assertIn(b"Subject: kept", other.retr(len(going) + 1))
            if effect != "hide":
                other.cmd("RETR 1")
            other.close()
            self.assert_end(user, effect, going)

    def test_beside_imap(self):
        for effect, user, going in self.due():
            with user.imap() as imap:
                imap.select()
                client = user.pop3()
                client.send("QUIT\r\n")
                for uid in going[::3]:
                    imap.uid("STORE", str(uid), "+FLAGS", r"\Seen")
                client.read_eof()
                client.close()
                self.assertEqual(imap.noop()[0], "OK")
            self.assert_end(user, effect, going)

    def test_beside_dsync(self):
        for effect, user, going in self.due():
            results = []

            def sync():
                for _ in range(3):
                    results.append(user.doveadm(
                        "sync", "mdbox:~/copy", check=False))

            thread = threading.Thread(target=sync)
            thread.start()
            client = user.pop3()
            client.quit()
            thread.join()
            self.assert_end(user, effect, going)
            # and once more, when both are at rest
            user.doveadm("sync", "mdbox:~/copy")
            self.assert_end(user, effect, going)
            for result in results:
                self.assertIn(result.returncode, (0, 2), result.stderr)


class Dsync(AtOnce):
    def test_sync_between_dele_and_quit(self):
        for effect, user in self.effects():
            user.doveadm("sync", "mdbox:~/copy")
            client = user.pop3()
            client.ok("DELE 1")
            client.ok("DELE 3")
            user.doveadm("sync", "mdbox:~/copy")
            self.assertTrue(client.quit().ok)
            self.assert_end(user, effect, [1, 3])
            user.doveadm("sync", "mdbox:~/copy")
            user.doveadm("sync", "mdbox:~/copy")
            self.assert_end(user, effect, [1, 3])


class HeldMeanwhile(LiveTest):
    """Expiry takes its time to find what is due; whoever holds or flags a
    message meanwhile is obeyed."""

    formats = ("maildir", "sdbox")

    def setUp(self):
        if shutil.which("strace") is None:
            self.skipTest("strace is not installed")
        super().setUp()

    def run_slowly(self, user, path, change):
        """The session's expiry is stopped when it first reads this file, and
        goes on after change()."""
        client = user.pop3()
        pid = client.mail_process()
        strace = subprocess.Popen(
            ["strace", "-p", str(pid), "-P", path, "-e",
             "trace=read,pread64", "-e",
             "inject=read,pread64:signal=SIGSTOP:when=1"],
            stderr=subprocess.PIPE)
        self.assertIn(b"attached", strace.stderr.readline())
        client.send("QUIT\r\n")
        self.assertTrue(client.read_reply().ok)
        client.sock.close()
        self.assertTrue(any(b"stopped by SIGSTOP" in line
                            for line in strace.stderr), "was not stopped")
        try:
            change()
        finally:
            os.kill(pid, signal.SIGCONT)
        strace.communicate()
        strace.stderr.close()

    def held(self, expire):
        user = self.user("[default]\nhold = keyword Hold\nexpire = %s\n" %
                         expire)
        user.append([message("one"), message("two"), message("three")])
        for days in ("0d", "2d", "4d"):
            self.clock.set(days)
            user.pop3().quit()
        user.doveadm("expunge", "mailbox", "INBOX", "uid", "3")
        path = [os.path.join(user.host_home, name)
                for name in user.mail_files()
                if b"Subject: two" in open(os.path.join(
                    user.host_home, name), "rb").read()][0]
        self.clock.set("6d")
        self.run_slowly(user, path, lambda: user.doveadm(
            "flags add Hold", "mailbox", "INBOX", "uid", "1"))
        return user

    def test_expunge(self):
        user = self.held("expunge savedbefore 5d not body zzz")
        self.assertEqual(user.uids(), [1])

    def test_archive(self):
        user = self.held("archive:Old savedbefore 5d not body zzz")
        self.assertEqual(user.uids(), [1])
        self.assertEqual(user.count("Old"), 1)

    def test_hide(self):
        user = self.held("hide savedbefore 5d not body zzz")
        self.assertEqual(user.uids(), [1, 2])
        self.assertNotIn(HIDDEN, user.flags(1))
        self.assertIn(HIDDEN, user.flags(2))
