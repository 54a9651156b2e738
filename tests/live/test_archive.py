# SPDX-License-Identifier: LGPL-2.1-or-later
"""archive:MAILBOX in delete and expire: moved, never lost, never twice."""

import fcntl
import os
import re
import shutil
import subprocess
import threading
import time

from harness import LiveTest, message

ARCHIVE = "Archive/POP3"


class ArchiveTest(LiveTest):
    def box(self, user, name=ARCHIVE):
        """The name with this user's separator: Maildir++ has a dot."""
        return name.replace("/", "." if user.format == "maildir" else "/")

    def everything(self, user, names=(ARCHIVE,)):
        """(guid, flags, received, sha256) of all messages in INBOX and
        archives."""
        found = list(user.messages())
        boxes = user.doveadm("mailbox list").decode().split("\n")
        for name in names:
            if self.box(user, name) in boxes:
                found += user.messages(self.box(user, name))
        return sorted((m.guid, m.flags, m.received, m.sha256) for m in found)

    def three(self, policy):
        user = self.user(policy)
        user.pop3().quit()
        user.append([message("one")], flags=[r"\Seen", "$Label"],
                    received=1700000000)
        user.append([message("two", body="no final newline")],
                    flags=[r"\Flagged"])
        user.append([message("three", size=50000)])
        return user


class Archive(ArchiveTest):
    formats = ("maildir", "sdbox", "mdbox")

    def test_dele(self):
        user = self.three("[default]\ndelete = archive:Archive/POP3 all\n")
        before = self.everything(user)
        client = user.pop3()
        client.ok("DELE 1")
        client.ok("DELE 3")
        self.assertEqual(client.quit().text,
                         "+OK Logging out, messages deleted.")
        self.assertEqual(user.uids(), [2])
        self.assertEqual(user.count(self.box(user)), 2)
        self.assertEqual(self.everything(user), before)
        self.wait_log("removed=0 hidden=0 archived=2 kept_at_quit=0")
        # and into the mailbox that now exists
        client = user.pop3()
        client.ok("DELE 1")
        client.quit()
        self.assertEqual(user.count(), 0)
        self.assertEqual(self.everything(user), before)

    def test_connection_lost(self):
        user = self.three("[default]\ndelete = archive:Archive/POP3 all\n")
        before = self.everything(user)
        client = user.pop3()
        client.ok("DELE 1")
        client.close()
        self.assertEqual(user.uids(), [1, 2, 3])
        self.assertEqual(self.everything(user), before)

    def test_several_archives_and_removal(self):
        user = self.three("[default]\ndelete = archive:Old/One subject one\n"
                          "  archive:\"Old/The second\" subject two\n"
                          "  allow all\n")
        before = self.everything(user)
        client = user.pop3()
        for number in 1, 2, 3:
            client.ok("DELE %d" % number)
        self.assertTrue(client.quit().ok)
        self.assertEqual(user.count(), 0)
        after = self.everything(user, ("Old/One", "Old/The second"))
        self.assertEqual(len(after), 2)
        self.assertTrue(set(after) <= set(before))

    def test_expire(self):
        user = self.three("[default]\n"
                          "expire = archive:Archive/POP3 retrievedbefore 14d\n")
        before = {m.guid: m.sha256 for m in user.messages()}
        client = user.pop3()
        client.download([1, 2])
        client.quit()
        for day in (5, 10, 13):
            self.clock.set("%dd" % day)
            user.pop3().quit()
        self.assertEqual(user.count(), 3)
        self.clock.set("15d")
        user.pop3().quit()
        self.assertEqual(user.uids(), [3])
        archived = user.messages(self.box(user))
        self.assertEqual(len(archived), 2)
        for m in archived:
            self.assertEqual(m.sha256, before[m.guid])

    def test_deleted_flag_does_not_go_along(self):
        """The next EXPUNGE would remove it for good."""
        user = self.user("[default]\ndelete = archive:Archive all\n")
        user.append([message("one")], flags=[r"\Deleted"])
        client = user.pop3()
        client.ok("DELE 1")
        client.quit()
        self.assertEqual(user.messages("Archive")[0].flags, frozenset())

    def test_verdict_changes_to_another_archive(self):
        user = self.user("[default]\ndelete = archive:A flagged\n"
                         "  archive:B all\n")
        user.append([message("one")])
        client = user.pop3()
        client.ok("DELE 1")
        with user.imap() as imap:
            imap.select()
            imap.store("1", "+FLAGS", r"\Flagged")
        self.assertEqual(client.quit().text,
                         "-ERR [SYS/TEMP] 1 message not deleted")
        self.assertEqual(user.count(), 1)

    def test_archive_that_can_not_be_written(self):
        if self.format == "mdbox":
            self.skipTest("mdbox keeps all mailboxes in the same files")
        user = self.three("[default]\ndelete = archive:Archive subject one\n"
                          "  allow all\n")
        self.expect_errors("")
        user.doveadm("mailbox create", "Archive")
        folder = user.host_home + {
            "maildir": "/Maildir/.Archive",
            "sdbox": "/sdbox/mailboxes/Archive/dbox-Mails"}[self.format]
        client = user.pop3()
        client.ok("DELE 1")
        client.ok("DELE 2")
        for path, _, _ in os.walk(folder):
            os.chmod(path, 0o500)
        try:
            reply = client.quit()
        finally:
            for path, _, _ in os.walk(folder):
                os.chmod(path, 0o700)
        self.assertRegex(reply.text, r"^-ERR \[SYS/TEMP\]")
        self.assertEqual(user.uids(), [1, 3])
        self.assertEqual(user.count("Archive"), 0)

    def test_inbox_by_another_name(self):
        if self.format != "maildir":
            self.skipTest("Maildir only")
        user = self.three("[default]\ndelete = archive:Same all\n")
        self.expect_errors("INBOX by another name")
        os.symlink(".", user.host_home + "/Maildir/.Same")
        client = user.pop3()
        client.ok("DELE 1")
        self.assertFalse(client.quit().ok)
        self.assertEqual(user.uids(), [1, 2, 3])

    def test_name_with_the_separator(self):
        if self.format != "maildir":
            self.skipTest("a dot separates on Maildir only")
        user = self.three("[default]\ndelete = archive:v1.0 all\n")
        self.expect_errors("has the separator")
        client = user.pop3()
        client.ok("DELE 1")
        self.assertFalse(client.quit().ok)
        self.assertEqual(user.uids(), [1, 2, 3])


class CopyThatGoes(ArchiveTest):
    """A copy from before a crash, which somebody removes from the archive at
    the moment when the message is moved again: that is not a copy."""

    formats = ("maildir", "sdbox")

    def lock_of(self, user):
        """The lock that an archiving session takes, held by us."""
        folder = {"maildir": "Maildir",
                  "sdbox": "sdbox/mailboxes/INBOX/dbox-Mails"}[self.format]
        lock = open(os.path.join(user.host_home, folder,
                                 "pop3-policy-archive.lock"), "w")
        os.fchmod(lock.fileno(), 0o666)
        fcntl.lockf(lock, fcntl.LOCK_EX)
        return lock

    def wait_for_waiter(self, lock):
        waiter = r" -> .*:%d 0 EOF" % os.fstat(lock.fileno()).st_ino
        deadline = time.monotonic() + 20
        while True:
            with open("/proc/locks") as file:
                if re.search(waiter, file.read()):
                    return
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)

    def test_removed_meanwhile(self):
        user = self.user("[default]\ndelete = archive:Archive/POP3 all\n")
        user.append([message("one"), message("two")])
        before = self.everything(user)
        saved = user.host_home + ".saved"
        subprocess.run(["cp", "-a", user.host_home, saved], check=True)
        self.addCleanup(shutil.rmtree, saved, ignore_errors=True)
        client = user.pop3()
        client.ok("DELE 1")
        client.quit()
        self.assertEqual(user.count(self.box(user)), 1)
        # the INBOX as it was before; of unknown history, so that a copy is
        # looked for
        archive = {"maildir": "Maildir/.Archive.POP3",
                   "sdbox": "sdbox/mailboxes/Archive"}[self.format]
        subprocess.run(["cp", "-a", os.path.join(user.host_home, archive),
                        os.path.join(saved, archive)], check=True)
        shutil.rmtree(user.host_home)
        os.rename(saved, user.host_home)
        self.assertEqual(user.uids(), [1, 2])
        self.assertEqual(user.count(self.box(user)), 1)

        client = user.pop3()
        client.ok("DELE 1")
        with self.lock_of(user) as lock:
            quit_ = threading.Thread(target=client.quit)
            quit_.start()
            self.wait_for_waiter(lock)
            user.doveadm("expunge", "mailbox", self.box(user), "all")
            self.assertEqual(user.count(self.box(user)), 0)
        quit_.join()
        self.assertEqual(user.uids(), [2])
        self.assertEqual(self.everything(user), before)


class Crash(ArchiveTest):
    """SIGKILL at each write to the INBOX's index, which is where the steps of
    a move meet: afterwards each message is somewhere, and after the next
    session in one place."""

    formats = ("maildir", "sdbox", "mdbox")

    def setUp(self):
        if shutil.which("strace") is None:
            self.skipTest("strace is not installed")
        super().setUp()

    def _check_log(self):
        """Of course there are errors."""
        self.assertNotRegex(self.log(), "Panic|assert")

    def quit_killed_at(self, client, path, number):
        """QUIT; the process dies at its number'th write to path. Returns
        whether it did."""
        strace = subprocess.Popen(
            ["strace", "-o", os.devnull, "-p", str(client.mail_process()),
             "-P", path, "-e", "trace=write,pwrite64,writev", "-e",
             "inject=write,pwrite64,writev:signal=KILL:when=%d" % number],
            stderr=subprocess.PIPE)
        self.assertIn(b"attached", strace.stderr.readline())
        client.send("QUIT\r\n")
        answer = client.read_eof()
        client.close()
        strace.wait()
        strace.stderr.close()
        return b"OK" not in answer

    def test_kill_at_each_write(self):
        path = {"maildir": "Maildir",
                "sdbox": "sdbox/mailboxes/INBOX/dbox-Mails",
                "mdbox": "mdbox/mailboxes/INBOX/dbox-Mails"}[self.format]
        kills = 0
        for number in range(1, 10):
            user = self.three(
                "[default]\ndelete = archive:Archive/POP3 all\n")
            before = self.everything(user)
            client = user.pop3()
            for i in 1, 2, 3:
                client.ok("DELE %d" % i)
            if not self.quit_killed_at(
                    client, "%s/%s/dovecot.index.log" % (user.host_home, path),
                    number):
                break
            kills += 1
            self.assertEqual(set(self.everything(user)), set(before))
            client = user.pop3()
            for i in sorted(client.list()):
                client.ok("DELE %d" % i)
            self.assertTrue(client.quit().ok)
            self.assertEqual(user.count(), 0)
            self.assertEqual(self.everything(user), before)
        self.assertEqual(self.everything(user), before)
        self.assertGreaterEqual(kills, 2)


class Quota(ArchiveTest):
    """The INBOX and its archive below it share a quota root; Store/ has its
    own, of 20 kB."""

    formats = ("maildir", "sdbox", "mdbox")

    def setUp(self):
        self.plugins = ("pop3_policy", "quota")
        if self.version == "2.3":
            self.extra_config = """
plugin {
  quota = count:Mail:ns=
  quota_rule = *:storage=100k
  quota2 = count:Store:ns=Store/
  quota2_rule = *:storage=20k
  quota_vsizes = yes
}
namespace store {
  prefix = Store/
  separator = /
  location = maildir:~/store
}
namespace inbox {
  separator = /
}
"""
        else:
            self.extra_config = """
quota_storage_grace = 0
namespace store {
  prefix = Store/
  separator = /
  mail_driver = maildir
  mail_path = ~/store
  mail_inbox_path =
  quota "Store" {
    driver = count
    storage_size = 20k
  }
}
namespace inbox {
  separator = /
  quota "Mail" {
    driver = count
    storage_size = 100k
  }
}
"""
        super().setUp()

    def box(self, user, name=ARCHIVE):
        return name

    def used(self, user):
        output = user.doveadm("-f tab quota get").decode()
        return {line.split("\t")[0]: line.split("\t")[2]
                for line in output.splitlines() if "\tSTORAGE\t" in line}

    def test_full(self):
        """Over quota mail can still be archived where both have the same
        root, in QUIT and by expiry."""
        user = self.user("""
[default]
delete = archive:Archive/POP3 all
expire = archive:Archive/Old savedbefore 14d
""")
        user.append([message("one", size=60000)])
        user.append([message("two", size=30000)])
        user.append([message("three", size=11500)])
        before = self.everything(user)
        full = self.used(user)
        self.assertGreaterEqual(int(full["Mail"]), 98)
        client = user.pop3()
        client.ok("DELE 1")
        self.assertTrue(client.quit().ok)
        self.assertEqual(user.uids(), [2, 3])
        self.assertEqual(self.everything(user), before)
        self.clock.advance("15d")
        user.pop3().quit()
        self.clock.advance("1d")
        user.pop3().quit()
        self.clock.advance("1d")
        user.pop3().quit()
        self.assertEqual(user.uids(), [])
        self.assertEqual(self.everything(user, (ARCHIVE, "Archive/Old")),
                         before)
        self.assertEqual(self.used(user), full)

    def test_archive_is_full(self):
        """What does not fit stays, the rest goes, and the client hears it."""
        user = self.user("[default]\ndelete = archive:Store/POP3 all\n")
        user.append([message("one", size=5000)])
        user.append([message("two", size=60000)])
        user.append([message("three", size=5000)])
        before = self.everything(user)
        client = user.pop3()
        for number in (1, 2, 3):
            client.ok("DELE %d" % number)
        reply = client.quit()
        self.assertFalse(reply.ok)
        self.assertRegex(reply.text, r"^-ERR \[SYS/TEMP\] ")
        self.wait_log("archived=2 kept_at_quit=1")
        self.expect_errors("Can't archive mail: .*Quota exceeded")
        self.assertEqual(user.uids(), [2])
        self.assertEqual(self.everything(user, ("Store/POP3",)), before)
        self.assertEqual(user.count("Store/POP3"), 2)

    def test_archive_gets_full(self):
        """Many fail, in between and at the end."""
        user = self.user("[default]\ndelete = archive:Store/POP3 all\n")
        user.append([message("m%d" % number,
                             size=21000 if number % 20 == 0 else 500)
                     for number in range(1, 61)])
        before = self.everything(user)
        client = user.pop3()
        for number in range(1, 61):
            client.ok("DELE %d" % number)
        self.assertRegex(client.quit().text, r"^-ERR \[SYS/TEMP\] ")
        self.expect_errors("Can't archive mail: .*Quota exceeded")
        stored = user.count("Store/POP3")
        self.assertEqual(self.everything(user, ("Store/POP3",)), before)
        self.assertGreater(stored, 20)
        self.assertEqual(user.count(), 60 - stored)
        self.assertTrue({20, 40, 60}.issubset(user.uids()))
