# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who removed which mail: the journal."""

import calendar
import json
import os
import re
import shutil
import subprocess
import threading
import time

from harness import LiveTest, message
from harness.dovecot import MAIL_GID, MAIL_UID

FILE = "pop3-policy.journal"
ROOT = {"maildir": "Maildir", "sdbox": "sdbox", "mdbox": "mdbox"}


def seconds(text):
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))


class JournalTest(LiveTest):
    formats = ("maildir", "sdbox", "mdbox")

    def path(self, user, suffix=""):
        return os.path.join(user.host_home, ROOT[self.format],
                            FILE + suffix)

    def text(self, user, suffix=""):
        try:
            with open(self.path(user, suffix), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def lines(self, user, suffix=""):
        """The journal's lines as dicts. Each has to be JSON in UTF-8."""
        text = self.text(user, suffix)
        if text is None:
            return []
        self.assertEqual(text[-1:], b"\n")
        return [json.loads(line) for line in
                text.decode("utf-8").splitlines()]

    def stages(self, user):
        return [(line["uid"], line["stage"], line["action"],
                 line.get("result")) for line in self.lines(user)]

    def filled(self, policy, count=3):
        user = self.user(policy)
        user.append([message("m%d" % i) for i in range(1, count + 1)])
        return user

    def delete(self, user, *numbers):
        client = user.pop3()
        for number in numbers:
            client.ok("DELE %d" % number)
        return client.quit()


class Lines(JournalTest):
    def test_fields_of_a_removal(self):
        user = self.filled("[default]\nexpire = keep all\n")
        mails = user.messages()
        begin = int(self.clock.now())
        client = user.pop3()
        uidl, sizes = client.uidl(), client.list()
        client.ok("DELE 1")
        self.assertTrue(client.quit().ok)
        intent, outcome = self.lines(user)
        # 2.4 has it in its cache
        intent.pop("message_id", None)
        for line in intent, outcome:
            text = line.pop("time")
            self.assertRegex(text, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
            self.assertIn(seconds(text) - begin, range(30))
            self.assertRegex(line.pop("session"), ".")
        who = {"mode": "enforce", "service": "pop3", "user": user.name,
               "ip": "127.0.0.1", "mechanism": "PLAIN", "uid": 1,
               "action": "remove"}
        self.assertEqual(intent, dict(
            who, stage="intent", question="delete", reason="default",
            guid=mails[0].guid, uidl=uidl[1], size=sizes[1]))
        self.assertEqual(outcome, dict(who, stage="outcome", result="done"))

    def test_actions_of_a_session(self):
        user = self.filled("[default]\ndelete = hide subject m1\n"
                           "  archive:Old subject m2\n  allow subject m3\n"
                           "  deny all\n", 4)
        client = user.pop3()
        for number in 1, 2, 3:
            client.ok("DELE %d" % number)
        client.err("DELE 4")
        self.assertTrue(client.quit().ok)
        self.assertEqual(self.stages(user), [
            (1, "intent", "hide", None), (2, "intent", "archive", None),
            (3, "intent", "remove", None), (1, "outcome", "hide", "done"),
            (2, "outcome", "archive", "done"),
            (3, "outcome", "remove", "done")])
        intents = self.lines(user)[:3]
        self.assertEqual([line["rule"].rsplit(":")[-1] for line in intents],
                         ["2", "3", "4"])
        self.assertTrue(intents[0]["rule"].startswith(user.policy_path))
        self.assertEqual([line["reason"] for line in intents], ["rule"] * 3)
        self.assertEqual([line.get("mailbox") for line in intents],
                         [None, "Old", None])

    def test_protected(self):
        user = self.filled("[default]\nmin_retention = 1d\n")
        self.assertTrue(self.delete(user, 2).ok)
        self.assertEqual(self.stages(user), [(2, "intent", "hide", None),
                                             (2, "outcome", "hide", "done")])
        self.assertEqual(self.lines(user)[0]["reason"], "min_retention")

    def test_hidden_messages_shift_no_uidl(self):
        user = self.filled("[default]\ndelete = hide subject m1\n"
                           "  allow all\n")
        user.append([message("larger", size=4000)])
        self.delete(user, 1)
        client = user.pop3()
        uidl, sizes = client.uidl(), client.list()
        client.ok("DELE 3")
        client.quit()
        intent = self.lines(user)[2]
        self.assertEqual((intent["uid"], intent["uidl"], intent["size"]),
                         (4, uidl[3], sizes[3]))

    def test_expire(self):
        user = self.user("[default]\nexpire = expunge subject m1\n"
                         "  hide subject m2\n  archive:Old subject m3\n")
        user.pop3().quit()
        user.append([message("m%d" % i) for i in range(1, 5)])
        self.assertIsNone(self.text(user))
        self.clock.set("1d")
        user.pop3().quit()
        self.assertEqual(self.stages(user), [
            (1, "intent", "expunge", None), (2, "intent", "hide", None),
            (3, "intent", "archive", None),
            (1, "outcome", "expunge", "done"), (2, "outcome", "hide", "done"),
            (3, "outcome", "archive", "done")])
        for line in self.lines(user)[:3]:
            self.assertEqual(line["question"], "expire")
            self.assertRegex(line["rule"], r"\.conf:[234]$")
            self.assertIn("guid", line)
        self.clock.set("2d")
        user.pop3().quit()
        self.assertEqual(len(self.lines(user)), 6)

    def test_nothing_removed_nothing_written(self):
        user = self.filled("[default]\ndelete = deny subject m3\n")
        client = user.pop3()
        client.download()
        client.ok("DELE 1")
        client.err("DELE 3")
        client.ok("RSET")
        self.assertTrue(client.quit().ok)
        client = user.pop3()
        client.ok("DELE 1")
        client.close()
        self.assertIsNone(self.text(user))

    def test_off(self):
        user = self.filled("[default]\njournal = off\n"
                           "journal_required = yes\n")
        self.assertTrue(self.delete(user, 1, 2).ok)
        self.assertIsNone(self.text(user))

    def test_mode_and_appending(self):
        user = self.filled("[default]\njournal = all\n")
        self.delete(user, 1)
        before = self.text(user)
        self.delete(user, 1)
        self.assertTrue(self.text(user).startswith(before))
        self.assertEqual(len(self.lines(user)), 4)
        stat = os.stat(self.path(user))
        self.assertEqual(stat.st_mode & 0o777, 0o600)
        self.assertEqual(stat.st_uid, os.stat(user.host_home).st_uid)
        sessions = [line["session"] for line in self.lines(user)]
        self.assertEqual(len(set(sessions)), 2)

    def test_message_ids(self):
        """Only cached ones, whatever bytes they have."""
        wanted = ["<plain@example.org>", '<a"b\\c@example.org>',
                  "<\u00e9@example.org>", "<\ufffd@example.org>",
                  "<tab\tbell\x07@example.org>", "<%s>" % ("x" * 3000)]
        raw = [w.encode() for w in wanted]
        raw[3] = b"<\xe9@example.org>"
        user = self.user("[default]\nexpire = keep all\n")
        user.append([b"Message-ID: %s\r\nSubject: x\r\n\r\nx\r\n" % r
                     for r in raw] + [b"Subject: none\r\n\r\nx\r\n"])
        if self.version == "2.3":
            # 2.4 does this by itself
            user.set_field("mail_always_cache_fields", "hdr.message-id")
        with user.imap() as imap:
            imap.select()
            imap.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")
        self.delete(user, 1, 2, 3, 4, 5, 6, 7)
        got = [line.get("message_id") for line in self.lines(user)[:7]]
        wanted[5] = wanted[5][:998]
        self.assertEqual(got, wanted + [None])

    def test_renamed_and_deleted_inbox(self):
        user = self.filled("[default]\nexpire = keep all\n")
        self.delete(user, 1)
        with user.imap() as imap:
            if self.format == "maildir":
                # Dovecot doesn't rename this INBOX
                self.assertEqual(imap.rename("INBOX", "Elsewhere")[0], "NO")
                imap.select()
                imap.store("1:*", "+FLAGS", r"\Deleted")
                imap.expunge()
            else:
                self.assertEqual(imap.rename("INBOX", "Elsewhere")[0], "OK")
                self.assertEqual(imap.delete("Elsewhere")[0], "OK")
        self.assertEqual(user.count(), 0)
        self.assertEqual(len(self.lines(user)), 2)


class DeleteTypeFlag(JournalTest):
    formats = ("maildir",)
    pop3_settings = {"pop3_delete_type": "flag",
                     "pop3_deleted_flag": "$POP3Deleted"}

    def test_flagged_is_hidden(self):
        user = self.filled("[default]\nexpire = keep all\n")
        self.delete(user, 1)
        self.assertEqual(self.stages(user), [
            (1, "intent", "hide", None), (1, "outcome", "hide", "done")])


class Truth(JournalTest):
    formats = ("maildir", "sdbox")

    def test_files_that_can_not_be_unlinked(self):
        user = self.filled("[default]\nexpire = keep all\n")
        self.expect_errors("")
        folder = user.host_home + {
            "maildir": "/Maildir/cur",
            "sdbox": "/sdbox/mailboxes/INBOX/dbox-Mails"}[self.format]
        client = user.pop3()
        client.ok("DELE 1")
        subprocess.run(["chattr", "+i"] + [
            os.path.join(folder, name) for name in os.listdir(folder)
            if not name.startswith("dovecot")], check=False)
        try:
            reply = client.quit()
        finally:
            subprocess.run(["chattr", "-R", "-i", folder], check=False)
        if reply.ok:
            self.skipTest("the file system has no immutable files")
        self.assertEqual(self.stages(user), [
            (1, "intent", "remove", None),
            (1, "outcome", "remove", "pending")])

    def test_archive_that_fails(self):
        user = self.filled("[default]\ndelete = archive:Old subject m1\n"
                           "  allow all\n")
        self.expect_errors("")
        user.doveadm("mailbox create", "Old")
        folder = user.host_home + {
            "maildir": "/Maildir/.Old",
            "sdbox": "/sdbox/mailboxes/Old/dbox-Mails"}[self.format]
        client = user.pop3()
        client.ok("DELE 1")
        client.ok("DELE 2")
        for path, _, _ in os.walk(folder):
            os.chmod(path, 0o500)
        try:
            self.assertFalse(client.quit().ok)
        finally:
            for path, _, _ in os.walk(folder):
                os.chmod(path, 0o700)
        self.assertEqual(user.uids(), [1, 3])
        self.assertIn((2, "outcome", "remove", "done"), self.stages(user))
        self.assertNotIn((1, "outcome", "archive", "done"),
                         self.stages(user))

    def test_killed_before_the_commit(self):
        """An intent without an outcome."""
        if shutil.which("strace") is None:
            self.skipTest("strace is not installed")
        user = self.filled("[default]\nexpire = keep all\n")
        client = user.pop3()
        client.ok("DELE 1")
        client.ok("DELE 3")
        log = {"maildir": "Maildir",
               "sdbox": "sdbox/mailboxes/INBOX/dbox-Mails"}[self.format]
        strace = subprocess.Popen(
            ["strace", "-o", os.devnull, "-p", str(client.mail_process()),
             "-P", "%s/%s/dovecot.index.log" % (user.host_home, log), "-e",
             "trace=write,pwrite64,writev", "-e",
             "inject=write,pwrite64,writev:signal=KILL:when=1"],
            stderr=subprocess.PIPE)
        self.assertIn(b"attached", strace.stderr.readline())
        client.send("QUIT\r\n")
        self.assertNotIn(b"OK", client.read_eof())
        client.close()
        strace.wait()
        strace.stderr.close()
        self.assertEqual(user.uids(), [1, 2, 3])
        self.assertEqual(self.stages(user), [
            (1, "intent", "remove", None), (3, "intent", "remove", None)])

    def _check_log(self):
        if self._testMethodName == "test_killed_before_the_commit":
            self.assertNotRegex(self.log(), "Panic|assert")
        else:
            super()._check_log()


class Concurrent(JournalTest):
    formats = ("maildir", "sdbox")

    def test_many_sessions_at_once(self):
        sessions, each = 8, 25
        user = self.filled("[default]\nexpire = keep all\n",
                           sessions * each)
        clients = [user.pop3() for _ in range(sessions)]
        replies = [None] * sessions
        for i, client in enumerate(clients):
            client.pipeline(["DELE %d" % (1 + i * each + n)
                             for n in range(each)])

        def quit(i):
            replies[i] = clients[i].quit()

        threads = [threading.Thread(target=quit, args=(i,))
                   for i in range(sessions)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertTrue(all(reply.ok for reply in replies), replies)
        self.assertEqual(user.count(), 0)
        lines = self.lines(user)
        for stage in "intent", "outcome":
            self.assertEqual(
                sorted(line["uid"] for line in lines
                       if line["stage"] == stage),
                list(range(1, sessions * each + 1)))
        # one write each
        changes = sum(a["session"] != b["session"] or
                      a["stage"] != b["stage"]
                      for a, b in zip(lines, lines[1:]))
        self.assertEqual(changes, 2 * sessions - 1)


class Damage(JournalTest):
    formats = ("maildir",)

    def test_torn_last_line(self):
        user = self.filled("[default]\nexpire = keep all\n")
        self.delete(user, 1)
        before = self.text(user)
        torn = b'{"time":"2026-01-01T'
        with open(self.path(user), "ab") as file:
            file.write(torn)
        self.delete(user, 1)
        after = self.text(user)
        self.assertTrue(after.startswith(before + torn + b"\n{"))
        lines = after[len(before + torn) + 1:].splitlines()
        self.assertEqual([json.loads(line)["uid"] for line in lines], [2, 2])

    def check_kept(self, user, reply):
        self.assertEqual(reply.text,
                         "-ERR [SYS/TEMP] 2 messages not deleted")
        self.assertEqual(user.uids(), [1, 2, 3])
        self.assertFalse(any("$POP3Hidden" in m.flags
                             for m in user.messages()))

    def test_can_not_be_written(self):
        user = self.filled("[default]\nexpire = keep all\n")
        self.expect_errors("Can't write journal")
        os.mkdir(self.path(user))
        self.assertTrue(self.delete(user, 1, 2).ok)
        self.assertEqual(user.uids(), [3])
        logged = [json.loads(line.split("journal: ", 1)[1])
                  for line in self.log().splitlines()
                  if "Info: pop3-policy: journal: " in line]
        self.assertEqual([(line["uid"], line["stage"]) for line in logged],
                         [(1, "intent"), (2, "intent"), (1, "outcome"),
                          (2, "outcome")])
        self.assertEqual(self.log().count("Can't write journal"), 1)

    def test_required(self):
        user = self.filled("[default]\njournal_required = yes\n"
                           "delete = deny unretrieved\n  hide subject m2\n"
                           "  allow all\n", 0)
        user.pop3().quit()
        user.append([message("m%d" % i) for i in (1, 2, 3)])
        self.expect_errors("Can't write journal")
        os.mkdir(self.path(user))
        client = user.pop3()
        client.download()
        client.ok("DELE 1")
        client.ok("DELE 2")
        self.check_kept(user, client.quit())
        self.assertRegex(self.log(), r"removed=0 hidden=0 archived=0 "
                         r"kept_at_quit=2 errors=1")
        os.rmdir(self.path(user))
        # that they were retrieved is not forgotten
        self.assertTrue(self.delete(user, 1, 2).ok)
        self.assertEqual(user.uids(), [2, 3])
        self.assertEqual(user.pop3().stat()[0], 1)

    def test_required_for_an_archive(self):
        user = self.filled("[default]\njournal_required = yes\n"
                           "delete = archive:Old all\n")
        self.expect_errors("Can't write journal")
        os.mkdir(self.path(user))
        self.check_kept(user, self.delete(user, 1, 2))
        self.assertEqual(user.count("Old"), 0)

    def test_required_for_expiry(self):
        user = self.user("[default]\njournal_required = yes\n"
                         "expire = expunge subject m1\n"
                         "  archive:Old subject m2\n  hide all\n")
        self.expect_errors("Can't write journal")
        user.pop3().quit()
        user.append([message("m%d" % i) for i in (1, 2, 3)])
        os.mkdir(self.path(user))
        self.clock.set("1d")
        user.pop3().quit()
        self.assertEqual(user.uids(), [1, 2, 3])
        self.assertEqual(user.count("Old"), 0)
        self.assertEqual(user.pop3().stat()[0], 3)
        self.assertRegex(self.log(), r"Expiry: expunged=0 hidden=0 "
                         r"archived=0 errors=1")
        os.rmdir(self.path(user))
        user.pop3().quit()
        self.assertEqual(user.uids(), [3])
        self.assertEqual(user.count("Old"), 1)


class FullDisk(JournalTest):
    """A control folder of its own, in which there is room for some lines."""

    formats = ("sdbox",)

    def path(self, user, suffix=""):
        return os.path.join(user.host_home, "control", FILE + suffix)

    def full(self, policy):
        fields = {"mail": "sdbox:~/sdbox:CONTROL=~/control"}
        if self.version != "2.3":
            fields = {"mail_control_path": "~/control"}
        user = self.user(policy)
        for name, value in fields.items():
            user.set_field(name, value)
        user.append([message("m%d" % i) for i in range(1, 203)])
        folder = os.path.join(user.host_home, "control")
        os.makedirs(folder, exist_ok=True)
        subprocess.run(
            ["nsenter", "-t", str(self.dovecot.process.pid), "-m", "mount",
             "-t", "tmpfs", "-o", "size=16k,uid=8,gid=8", "tmpfs", folder],
            check=True)
        return user

    def control(self, user, command):
        return subprocess.run(
            ["nsenter", "-t", str(self.dovecot.process.pid), "-m"] + command,
            check=True, stdout=subprocess.PIPE).stdout

    def test_write_is_taken_back(self):
        user = self.full("[default]\nexpire = keep all\n")
        self.expect_errors("Can't write journal.*No space left")
        self.delete(user, 1)
        before = self.control(user, ["cat", self.path(user)])
        self.assertEqual(len(before.splitlines()), 2)
        self.assertTrue(self.delete(user, *range(1, 201)).ok)
        self.assertEqual(user.uids(), [202])
        self.assertEqual(self.control(user, ["cat", self.path(user)]), before)
        self.assertEqual(self.log().count("Info: pop3-policy: journal: {"),
                         400)

    def test_required(self):
        user = self.full("[default]\njournal_required = yes\n")
        self.expect_errors("Can't write journal.*No space left")
        self.assertEqual(self.delete(user, *range(1, 201)).text,
                         "-ERR [SYS/TEMP] 200 messages not deleted")
        self.assertEqual(user.count(), 202)
        self.assertTrue(self.delete(user, 1, 2).ok)
        self.assertEqual(user.count(), 200)


class Guid(JournalTest):
    formats = ("sdbox",)

    def message_files(self, user):
        """{UID: (path, GUID)}; doveadm would put the GUIDs into the cache."""
        found = {}
        for folder, _, names in os.walk(user.host_home):
            for name in names:
                if not re.match(r"u\.\d+$", name):
                    continue
                path = os.path.join(folder, name)
                with open(path, "rb") as file:
                    guid = re.search(rb"\nG([0-9a-f]{32})\n", file.read())
                found[int(name[2:])] = path, guid.group(1).decode()
        return found

    def fetch(self, user, *numbers):
        client = user.pop3()
        for number in numbers:
            client.retr(number)
        self.assertTrue(client.quit().ok)

    def test_fetched_mail_is_not_opened_again(self):
        user = self.filled("[default]\n")
        path, guid = self.message_files(user)[1]
        self.fetch(user, 1)
        os.chmod(path, 0)
        self.assertTrue(self.delete(user, 1).ok)
        self.assertFalse(os.path.exists(path))
        self.assertEqual(self.lines(user)[0]["guid"], guid)

    def test_cached_or_not_each_has_its_own(self):
        user = self.filled("[default]\n", 4)
        files = self.message_files(user)
        self.fetch(user, 1, 3)
        self.assertTrue(self.delete(user, 1, 2, 3, 4).ok)
        self.assertEqual([(line["uid"], line["guid"])
                          for line in self.lines(user)[:4]],
                         [(uid, files[uid][1]) for uid in range(1, 5)])


class Escapes(JournalTest):
    formats = ("maildir",)

    def test_names_of_any_length(self):
        """The GUID is the file's name here: a byte that JSON wants escaped, or
        that is no UTF-8, at each place of names of each length."""
        user = self.filled("[default]\n", 1)
        self.delete(user, 1)
        bytes_ = b'"', b"\\", b"\t", "\u00e9".encode(), b"\xe9"
        names = [b"a" * place + bytes_[(length + place) % len(bytes_)] +
                 b"b" * (length - place - 1)
                 for length in range(1, 20) for place in range(length)]
        folder = os.fsencode(user.host_home) + b"/Maildir/new/"
        for name in names:
            with open(folder + name, "wb") as file:
                file.write(message(name.hex()))
            os.chown(folder + name, MAIL_UID, MAIL_GID)
        self.assertTrue(self.delete(user, *range(1, len(names) + 1)).ok)
        found = [line["guid"] for line in self.lines(user)[2:]
                 if line["stage"] == "intent"]
        self.assertEqual(sorted(found), sorted(
            name.decode("utf-8", "replace") for name in names))


class Rotation(JournalTest):
    formats = ("maildir",)

    def visit(self, user, day):
        self.clock.set("%dh" % (day * 24))
        self.assertTrue(self.delete(user, 1).ok)

    def all(self, user):
        """{UID: time of its outcome}, of all files"""
        return {line["uid"]: seconds(line["time"])
                for suffix in (".2", ".1", "")
                for line in self.lines(user, suffix)}

    def exist(self, user):
        return [os.path.exists(self.path(user, suffix))
                for suffix in ("", ".1", ".2")]

    def test_nothing_younger_is_lost(self):
        user = self.filled("[default]\njournal_retention = 30d\n", 12)
        written = {}
        for day, exist in (
                (0, [1, 0, 0]), (10, [1, 0, 0]), (31, [1, 1, 0]),
                (33, [1, 1, 0]), (62, [1, 1, 1]), (62.5, [1, 1, 1]),
                (63.5, [1, 1, 0]), (70, [1, 1, 0]), (95, [1, 1, 1])):
            self.visit(user, day)
            found = self.all(user)
            written.update(found)
            young = {uid: when for uid, when in written.items()
                     if when >= self.clock.now() - 30 * 86400}
            self.assertEqual({uid: found.get(uid) for uid in young}, young,
                             "day %s" % day)
            self.assertEqual(self.exist(user), [bool(x) for x in exist],
                             "day %s" % day)
        self.assertEqual(len(written), 9)

    def test_sessions_at_once(self):
        """One of them rotates it, and all find the new one."""
        sessions = 8
        user = self.filled("[default]\njournal_retention = 30d\n",
                           sessions + 1)
        self.visit(user, 0)
        self.clock.set("31d")
        clients = [user.pop3() for _ in range(sessions)]
        for number, client in enumerate(clients, 1):
            client.ok("DELE %d" % number)
        threads = [threading.Thread(target=client.quit)
                   for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(user.count(), 0)
        self.assertEqual(self.exist(user), [True, True, False])
        self.assertEqual([line["uid"] for line in self.lines(user, ".1")],
                         [1, 1])
        self.assertEqual(sorted((line["uid"], line["stage"])
                                for line in self.lines(user)),
                         [(uid, stage) for uid in range(2, sessions + 2)
                          for stage in ("intent", "outcome")])

    def test_jump_and_back(self):
        user = self.filled("[default]\njournal_retention = 30d\n", 12)
        for day in 0, 31, 40, 62, 3650, 3650.5, 63, 64, 66:
            self.visit(user, day)
        # none of the lines of the last 30 days, nor those of the jump
        self.assertTrue(set(range(3, 10)) <= set(self.all(user)))

    def test_clock_that_began_in_the_past(self):
        user = self.filled("[default]\njournal_retention = 30d\n", 12)
        for day in 0, 1, -5000, 2, 3, -5000, 4, 5, 6, 7:
            self.visit(user, day)
        self.assertTrue({1, 2, 4, 5, 7, 8, 9, 10} <= set(self.all(user)))
