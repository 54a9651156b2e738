# SPDX-License-Identifier: LGPL-2.1-or-later
"""UIDL as a command, what Dovecot's own settings have to do with it, and
changes that are stopped."""

import os
import re
import shutil
import subprocess
import tempfile
import time
import zlib

from harness import message
from harness.uidls import (FORMAT_GUID, FORMAT_OTHER, FORMAT_UID, KEY, TEMP,
                           UidlTest, policy)


class Storm(UidlTest):
    """Deliberate changes of what UIDLs are made of."""

    def mailbox(self, text, count=30, **kwargs):
        user = self.user(text, **kwargs)
        user.append([message("m%d" % n) for n in range(count)])
        return user

    def test_changed_format(self):
        """The accident itself, with no key of the policy about UIDLs."""
        user = self.mailbox("[default]\n")
        before = self.uidls(user)
        self.assertEqual(self.uidls(user), before)
        self.set_format(user, FORMAT_OTHER)
        self.expect_errors("UIDL refused: 30 of 30 messages .*limit 20")
        client = user.pop3()
        client.err("UIDL", TEMP)
        client.err("UIDL 3", TEMP)
        client.err("UIDL", TEMP)
        self.assertEqual(len(client.list()), 30)
        client.retr(1)
        client.ok("DELE 1")
        client.quit()
        self.wait_log("UIDL refused")
        self.assertEqual(self.log().count("UIDL refused"), 1)
        # back again: nothing has been forgotten
        self.set_format(user, FORMAT_UID)
        self.assertEqual(self.uidls(user), before[1:])

    def test_accepted(self):
        user = self.mailbox("[default]\n")
        before = self.uidls(user)
        self.set_format(user, FORMAT_GUID)
        self.expect_errors("UIDL refused: ")
        user.pop3().err("UIDL", TEMP)
        output = self.dovecot.doveadm("-f", "tab", "pop3", "uidl", "accept",
                                      "-u", user.name)
        self.assertEqual(output.decode().split("\n")[1],
                         user.name + "\t30")
        after = self.uidls(user)
        self.wait_log("UIDLs changed, as accepted: 30 of 30")
        self.assertFalse(set(before) & set(after))
        self.assertEqual(self.uidls(user), after)
        # once only
        self.set_format(user, FORMAT_UID)
        user.pop3().err("UIDL", TEMP)

    def test_accepted_in_advance(self):
        user = self.mailbox("[default]\n")
        self.uidls(user)
        self.dovecot.doveadm("pop3", "uidl", "accept", "-u", user.name)
        self.uidls(user)        # takes it, though there was no change
        self.set_format(user, FORMAT_GUID)
        self.expect_errors("UIDL refused: ")
        user.pop3().err("UIDL", TEMP)

    def test_all_sources(self):
        for old, new in (("dovecot", "keyed"), ("keyed", "keyed:guid"),
                         ("keyed:guid", "keyed:content"),
                         ("keyed:content", "dovecot")):
            user = self.mailbox(policy(old))
            before = self.uidls(user)
            user.set_policy(policy(new))
            self.expect_errors("UIDL refused: 30 of 30")
            user.pop3().err("UIDL", TEMP)
            user.set_policy(policy(old))
            self.assertEqual(self.uidls(user), before)

    def test_warn_and_allow(self):
        for storm, log in ("warn", True), ("allow", False):
            user = self.mailbox(policy("dovecot", "uidl_storm = " + storm))
            before = self.uidls(user)
            user.set_policy(policy("keyed", "uidl_storm = " + storm))
            self.assertFalse(set(before) & set(self.uidls(user)))
            self.assertEqual("Warning: " in self.log(), log)
            # remembered: from now on these are right
            user.set_policy(policy("keyed"))
            self.uidls(user)
            self.log_mark = self.dovecot.log_mark()

    def test_limit(self):
        """More than 20, and more than the share of those compared."""
        user = self.mailbox(policy("dovecot"), 20)
        self.uidls(user)
        user.set_policy(policy("keyed"))
        self.assertEqual(self.uidls(user), self.keys_of(user))
        user = self.mailbox(policy("dovecot", "uidl_storm_limit = 100%"))
        self.uidls(user)
        user.set_policy(policy("keyed", "uidl_storm_limit = 100%"))
        self.assertEqual(self.uidls(user), self.keys_of(user))

    def test_not_by_mail_that_comes_and_goes(self):
        text = policy("keyed:content", "delete = hide flagged", "  allow all",
                      "uidl_storm_limit = 0%")
        user = self.mailbox(text, 60)
        with user.imap() as imap:
            imap.select()
            imap.store("1:25", "+FLAGS", r"(\Flagged)")
        before = self.uidls(user)
        client = user.pop3()
        for number in range(1, 51):
            client.ok("DELE %d" % number)
        client.quit()
        self.assertEqual(self.uidls(user), before[50:])
        user.append([message("n%d" % n) for n in range(40)])
        after = self.uidls(user)
        self.assertEqual(after[:10], before[50:])
        self.assertEqual(len(after), 50)
        # the hidden ones come back under their names
        with user.imap() as imap:
            imap.select()
            imap.store("1:25", "-FLAGS", "($POP3Hidden)")
        self.assertEqual(self.uidls(user), before[:25] + after)

    def test_index_lost(self):
        """Nothing to compare, which the log says once."""
        user = self.mailbox("[default]\n")
        self.uidls(user)
        self.wait_log("The UIDLs of 30 messages can't be compared")
        self.uidls(user)
        if self.format == "mdbox":
            self.force_resync(user)
        else:
            self.lose_index(user)
        self.set_format(user, FORMAT_OTHER)
        self.log_mark = self.dovecot.log_mark()
        self.uidls(user)
        self.wait_log("The UIDLs of 30 messages can't be compared")
        self.uidls(user)
        self.assertEqual(self.log().count("can't be compared"), 1)

    def test_broken_policy(self):
        """Nobody knows what it would show: nothing else is shown."""
        user = self.mailbox(policy("keyed"), 5)
        before = self.uidls(user)
        user.set_policy("[default]\nuidl = keyed\nnonsense = 1\n")
        self.expect_errors("Policy is broken", "UIDL refused: 5 of 5")
        client = user.pop3()
        client.err("UIDL", TEMP)
        client.retr(1)
        client.quit()
        user.set_policy(policy("keyed"))
        self.assertEqual(self.uidls(user), before)
        # a broken policy under which nothing changes
        user = self.mailbox("[default]\n", 5)
        before = self.uidls(user)
        user.set_policy("[default]\nnonsense = 1\n")
        self.assertEqual(self.uidls(user), before)


class Plain(UidlTest):
    """uidl = dovecot: what Dovecot alone would answer, its settings obeyed."""

    def plain(self, user):
        """A user of the same mail without a policy."""
        other = self.user(None, key=None, dovecot=self.instance(
            plugins=(), settings=self.settings,
            pop3_settings=self.pop3_settings))
        other.copy_mail_from(user)
        for name in "pop3_uidl_format", "pop3_save_uidl", \
                "pop3_reuse_xuidl", "pop3_uidl_duplicates":
            if name in user.fields:
                other.set_field(name, user.fields[name])
        return other

    def check(self, **fields):
        same = [message("same", headers=["X-UIDL: x%d" % (n % 2)])
                for n in range(4)]
        user = self.user("[default]\nshow = not flagged\n", key=None,
                         fields=fields)
        user.append(same)
        user.append(message("flagged", headers=["X-UIDL: x0"]),
                    flags=[r"\Flagged"])
        user.append(same[0])
        plain = self.plain(user)
        with plain.imap() as imap:
            # what the policy doesn't show
            imap.select()
            imap.store("5", "+FLAGS", r"(\Deleted)")
            imap.expunge()
        want = plain.pop3().uidl()
        for _ in range(2):
            client = user.pop3()
            self.assertEqual(client.uidl(), want)
            self.assertEqual(client.cmd("UIDL 2").text, "+OK 2 " + want[2])
            client.quit()
        return user, list(want.values())

    def test_arguments(self):
        """Byte for byte what Dovecot says, before, between and after messages
        that are marked as deleted."""
        user = self.user("[default]\nshow = not flagged\n", key=None)
        user.append(message("flagged"), flags=[r"\Flagged"])
        user.append([message("m%d" % n) for n in range(40)])
        plain = self.plain(user)
        with plain.imap() as imap:
            imap.select()
            imap.store("1", "+FLAGS", r"(\Deleted)")
            imap.expunge()
        arguments = [b"%d" % n for n in range(42)] + [
            b"01", b" 2", b"  2", b"2 ", b"2 2", b"2x", b"x", b"-1", b"+1",
            b"", b" ", b"4294967296", b"4294967297", b"18446744073709551617",
            b"9" * 40, b"\t2", b"2\t", b"2\0", b"2\0x", b"\0", b" \0002",
            b"2\r"]
        lines = []
        for before in b"NOOP", b"DELE 2", b"DELE 40", b"RSET":
            lines.append(before)
            for argument in arguments:
                lines += [b"UIDL " + argument, b"uidl " + argument, b"NOOP"]
        lines += [b"DELE 2", b"UIDL 2", b"UIDL", b"QUIT"]
        answers = []
        for other in user, plain:
            client = other.pop3()
            client.send(b"".join(line + b"\r\n" for line in lines))
            answers.append(client.read_eof())
            client.close()
        self.assertEqual(*answers)
        self.assertEqual(answers[0].count(b"+OK 3 "), 2 * 4)

    def test_bad_commands(self):
        """A UIDL that is answered ends a row of bad ones."""
        user = self.user("[default]\n", key=None)
        user.append(message("m"))
        plain = self.plain(user)
        answers = []
        for other in user, plain:
            client = other.pop3()
            client.send(((b"UIDL 2\r\n" * 20 + b"UIDL 1\r\n") * 2 +
                         b"UIDL 2\r\n" * 21 + b"NOOP\r\n"))
            answers.append(client.read_eof())
            client.close()
        self.assertEqual(*answers)
        self.assertEqual(answers[0].count(b"-ERR There's no"), 61)
        self.assertTrue(answers[0].endswith(
            b"-ERR Too many bad commands.\r\n"))

    def test_formats(self):
        for format_ in FORMAT_UID, FORMAT_GUID, FORMAT_OTHER:
            self.check(pop3_uidl_format=self.format_field(format_))

    def test_reuse_xuidl(self):
        uidls = self.check(pop3_reuse_xuidl="yes")[1]
        self.assertEqual(uidls, ["x0", "x1", "x0", "x1", "x0"])

    def test_renamed(self):
        uidls = self.check(pop3_reuse_xuidl="yes",
                           pop3_uidl_duplicates="rename")[1]
        self.assertEqual(uidls, ["x0", "x1", "x0-2", "x1-2", "x0-3"])

    def test_saved(self):
        """Maildir keeps them; then a change of format is none."""
        user, uidls = self.check(pop3_save_uidl="yes")
        if self.format != "maildir":
            return
        self.set_format(user, FORMAT_OTHER)
        self.assertEqual(self.uidls(user), uidls)
        # the policy's own stand above what is saved
        user.set_policy(policy("keyed:content", "uidl_storm = allow"))
        user.set_field("pop3_policy_uidl_key", KEY)
        self.assertFalse(set(self.uidls(user)) & set(uidls))
        user.set_policy(policy("dovecot", "uidl_storm = allow"))
        self.assertEqual(len(set(self.uidls(user)) & set(uidls)), len(uidls))

    def test_keyed_stands_above(self):
        """Over everything that Dovecot's settings say."""
        user = self.user(policy("keyed"), fields={
            "pop3_reuse_xuidl": "yes", "pop3_save_uidl": "yes",
            "pop3_uidl_duplicates": "rename"})
        user.append([message("m", headers=["X-UIDL: x"]) for _ in range(3)])
        self.assertEqual(self.uidls(user), self.keys_of(user))
        # nothing was saved: dsync and imap see what they always saw
        output = self.dovecot.doveadm("-f", "tab", "fetch", "-u", user.name,
                                      "pop3.uidl", "all")
        self.assertEqual(output.decode().split("\n")[1:-1], [""] * 3)


class Logout(UidlTest):
    formats = ("maildir",)
    pop3_settings = {"pop3_logout_format": "uidls=<%{uidl_change}>"}

    def test_uidl_change(self):
        user = self.user(policy("keyed"))
        user.append([message("one"), message("two")])
        client = user.pop3()
        hashes = [zlib.crc32(uidl.encode()) for uidl in client.uidl().values()]
        client.ok("DELE 1")
        self.assertEqual(client.cmd("UIDL 2").text,
                         "+OK 2 " + self.keys_of(user)[1])
        client.quit()
        self.wait_log("uidls=<2/%08x -> 1/%08x>" % (hashes[0] ^ hashes[1],
                                                    hashes[1]))


class Commands(UidlTest):
    formats = ("maildir",)

    def test_pipelined(self):
        user = self.user(policy("keyed"))
        user.append([message("m%d" % n) for n in range(3)])
        want = self.keys_of(user)
        client = user.pop3()
        replies = client.pipeline(["UIDL 1", "DELE 1", "UIDL", "UIDL 1",
                                   "RETR 2", "UIDL 2", "RSET", "UIDL",
                                   "QUIT"])
        self.assertEqual([r.ok for r in replies],
                         [True, True, True, False] + [True] * 5)
        self.assertEqual(replies[0].text, "+OK 1 " + want[0])
        self.assertEqual(replies[2].lines,
                         ["%d %s" % (n, want[n - 1]) for n in (2, 3)])
        self.assertEqual(replies[7].lines,
                         ["%d %s" % (n, want[n - 1]) for n in (1, 2, 3)])

    def test_another_order(self):
        """A migration may have said in which order POP3 shows the mail."""
        for source in "keyed", "keyed:guid", "dovecot":
            user = self.user(policy(source, "show = not flagged"))
            uids = user.append([message("m%d" % n) for n in range(6)])
            with user.imap() as imap:
                imap.select()
                imap.store("4", "+FLAGS", r"(\Flagged)")
            straight = self.uidls(user)
            path = os.path.join(user.host_home, "Maildir", "dovecot-uidlist")
            with open(path) as file:
                head, *lines = file.read().splitlines()
            with open(path, "w") as file:
                file.write("\n".join([head] + [
                    re.sub(r"^(\d+)", r"\1 O%d" % (100 - uid), line)
                    for uid, line in zip(uids, lines)]) + "\n")
            client = user.pop3()
            self.assertIn(b"Subject: m5", client.retr(1))
            self.assertEqual(list(client.uidl().values()), straight[::-1])
            self.assertEqual(client.cmd("UIDL 1").text,
                             "+OK 1 " + straight[-1])
            client.ok("DELE 1")
            client.quit()
            self.assertEqual(self.uidls(user), straight[-2::-1])

    def test_slow_reader_and_one_that_leaves(self):
        user = self.user(policy("keyed:guid"))
        count = 6000
        text = message("m")
        user.append(text)
        cur = os.path.join(user.host_home, "Maildir", "cur")
        path = os.path.join(user.host_home, next(iter(user.mail_files())))
        for number in range(count):
            copy = os.path.join(cur, "%d.M%dP9.bench:2," % (
                1700000000 + number, number))
            shutil.copy(path, copy)
            shutil.copystat(path, copy)
            stat = os.stat(path)
            os.chown(copy, stat.st_uid, stat.st_gid)
        client = user.pop3(rcvbuf=4096)
        client.send(b"UIDL\r\nNOOP\r\nUIDL 1\r\nQUIT\r\n")
        time.sleep(0.5)
        reply = client.read_reply(True)
        self.assertEqual(len(reply.lines), count + 1)
        self.assertEqual(len(set(reply.lines)), count + 1)
        self.assertTrue(client.read_reply(False).ok)
        self.assertEqual(client.read_reply(False).text,
                         "+OK " + reply.lines[0])
        client.close()
        # one by one, until the server doesn't read any more
        client = user.pop3(rcvbuf=4096)
        client.send(b"".join(b"UIDL %d\r\n" % number
                             for number in range(1, count + 2)) +
                    b"DELE 1\r\nUIDL 1\r\n")
        time.sleep(0.5)
        self.assertEqual([client.read_reply(False).text
                          for _ in range(count + 1)],
                         ["+OK " + line for line in reply.lines])
        self.assertTrue(client.read_reply(False).ok)
        self.assertEqual(client.read_reply(False).text,
                         "-ERR Message is deleted.")
        client.close()
        client = user.pop3(rcvbuf=4096)
        client.send(b"UIDL\r\n")
        client.read_line()
        client.close()
        self.assertEqual(["%d %s" % item for item in
                          user.pop3().uidl().items()], reply.lines)

    def test_removed_meanwhile(self):
        """By another program, while the session is there."""
        for source in "keyed:guid", "keyed:content":
            user = self.user(policy(source), format="sdbox")
            user.append([message("m%d" % n) for n in range(3)])
            client = user.pop3()
            client.stat()
            user.doveadm("expunge", "mailbox", "INBOX", "uid", "2")
            uidls = client.uidl()
            self.assertEqual(len(set(uidls.values())), 3)
            client.quit()
            self.assertEqual(self.uidls(user), [uidls[1], uidls[3]])


class Fetchmail(UidlTest):
    formats = ("maildir",)

    def fetch(self, user):
        """Returns how many messages it has got by now."""
        path = os.path.join
        rc = path(self.folder, "rc")
        with open(rc, "w") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write('poll 127.0.0.1 service %d protocol pop3 auth '
                       'password\n  user "%s" password "%s" sslproto "" keep\n'
                       '  mda "cat >> %s"\n' % (
                           self.dovecot.pop3_port, user.name, user.password,
                           path(self.folder, "inbox")))
        subprocess.run(
            ["fetchmail", "-f", rc, "-i", path(self.folder, "ids"),
             "--pidfile", path(self.folder, "pid"), "--nosyslog", "--uidl"],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=120,
            env={**os.environ, "HOME": self.folder,
                 "FETCHMAILHOME": self.folder})
        user.pop3().quit()
        with open(path(self.folder, "inbox"), "rb") as file:
            return file.read().count(b"\nSubject: ")

    def test_a_storm_of_1000_does_not_happen(self):
        if shutil.which("fetchmail") is None:
            self.skipTest("fetchmail is not installed")
        self.folder = tempfile.mkdtemp(prefix="pop3-policy-client.")
        self.addCleanup(shutil.rmtree, self.folder)
        user = self.user("[default]\n")
        user.append([message("m%d" % n) for n in range(1000)])
        self.assertEqual(self.fetch(user), 1000)
        user.append(message("new"))
        self.assertEqual(self.fetch(user), 1001)
        # what it would do without the breaker is in the last lines
        self.set_format(user, FORMAT_GUID)
        self.expect_errors("UIDL refused: 1001 of 1001")
        self.assertEqual(self.fetch(user), 1001)
        self.assertEqual(self.fetch(user), 1001)
        self.set_format(user, FORMAT_UID)
        user.append(message("newer"))
        self.assertEqual(self.fetch(user), 1002)
        self.set_format(user, FORMAT_GUID)
        self.dovecot.doveadm("pop3", "uidl", "accept", "-u", user.name)
        self.assertEqual(self.fetch(user), 2004)
