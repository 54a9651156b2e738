# SPDX-License-Identifier: LGPL-2.1-or-later
"""doveadm pop3 uidl verify: the proof before cut-over."""

import hashlib
import os
import re
import shutil
import socket
import subprocess
import threading

from harness import data_messages, message
from harness.config import USERS
from harness.listings import ListingTest, answers, identities, rows_of
from harness.uidls import policy

EX_USAGE, EX_DATAERR, EX_NOINPUT, EX_TEMPFAIL = 64, 65, 66, 75


def content(text):
    """SHA-256 as doc/guide.md says that it is made."""
    return hashlib.sha256(text.replace(b"\r", b"").rstrip(b"\n")).hexdigest()


def counted(row):
    return tuple(int(row[name]) for name in
                 ("listed", "same", "missing", "changed", "new"))


class Verify(ListingTest):
    formats = ("maildir", "sdbox", "mdbox")

    def verify(self, user, text, *args, **kwargs):
        return self.uidl_command(user, "verify", *args, self.listing(text),
                                 **kwargs)

    def counts(self, user, text, **kwargs):
        rows, errors = self.verify(user, text, **kwargs)
        self.assertEqual(len(rows), 1)
        self.assertEqual(rows[0]["user"], user.name)
        return counted(rows[0])

    def details(self, user, text, *args, **kwargs):
        rows, errors = self.verify(user, text, "-d", *args, **kwargs)
        self.assertEqual({row["user"] for row in rows} | {user.name},
                         {user.name})
        return [(row["state"], row["uidl"], row["uid"], row["reason"])
                for row in rows]

    def filled(self, text=policy("keyed"), count=4):
        user = self.user(text)
        # each of another size
        user.append([message("m%d" % n, size=1000 + 10 * n)
                     for n in range(count)])
        return user

    def test_same(self):
        user = self.filled()
        rows = self.listed(user)
        self.assertEqual(self.counts(user, answers(rows)), (4, 4, 0, 0, 0))
        # without sizes, as the sessions themselves have shown them
        self.assertEqual(
            self.counts(user, "".join("%d %s\n" % (number, uidl) for
                                      number, (uidl, _) in
                                      enumerate(rows, 1))), (4, 4, 0, 0, 0))

    def test_all_formats_of_uidls(self):
        for text in None, policy("dovecot"), policy("keyed:guid"), \
                policy("keyed:content"):
            user = self.filled(text)
            rows = self.listed(user)
            self.assertEqual(self.counts(user, answers(rows)),
                             (4, 4, 0, 0, 0))

    def test_what_is_not_the_same(self):
        user = self.filled(count=5)
        (a, a_size), (b, b_size), (c, c_size), (d, d_size), _ = \
            self.listed(user)
        text = answers([(a, a_size), ("other", b_size), ("gone", 77),
                        (c, c_size + 1), (d, d_size)])
        self.assertEqual(self.counts(user, text, status=EX_DATAERR),
                         (5, 2, 1, 2, 2))
        self.assertEqual(self.details(user, text, status=EX_DATAERR), [
            ("same", a, "1", "-"),
            ("changed", "other", "2", "it has another UIDL"),
            ("missing", "gone", "-", "no such message"),
            ("changed", c, "3", "another message has its UIDL"),
            ("same", d, "4", "-"),
            ("new", "-", "3", "-"),
            ("new", "-", "5", "-")])
        self.assertEqual(
            [row[:2] for row in self.details(user, text, "-q",
                                             status=EX_DATAERR)],
            [("changed", "other"), ("missing", "gone"), ("changed", c)])

    def test_new_mail_is_no_fault(self):
        user = self.filled()
        rows = self.listed(user)
        user.append(message("new"))
        self.assertEqual(self.counts(user, answers(rows)), (4, 4, 0, 0, 1))
        self.assertEqual(self.counts(user, ".\r\n"), (0, 0, 0, 0, 5))

    def test_hidden_mail_is_missing(self):
        user = self.filled(policy("keyed", "delete = hide all"))
        rows = self.listed(user)
        client = user.pop3()
        client.ok("DELE 2")
        client.quit()
        self.assertEqual(
            [row for row in self.details(user, answers(rows),
                                         status=EX_DATAERR)
             if row[0] != "same"],
            [("missing", rows[1][0], "2", "POP3 doesn't show it")])

    def test_identities(self):
        user = self.user(policy("keyed"))
        texts = [message("m%d" % n) for n in range(3)] + data_messages()
        user.append(texts)
        uidls = self.uidls(user)
        guids = [m.guid for m in user.messages()]
        count = len(uidls)
        same = (count, count, 0, 0, 0)
        hashes = [content(text) for text in texts]
        self.assertEqual(self.counts(user, identities(zip(uidls, guids))),
                         same)
        self.assertEqual(self.counts(user, identities(zip(uidls, hashes))),
                         same)
        ids = [re.search(rb"Message-ID: (<.*>)", text).group(1).decode()
               for text in texts[:3]]
        self.assertEqual(self.counts(user, identities(zip(uidls, ids))),
                         (3, 3, 0, 0, count - 3))
        # two have been exchanged: each shows the other one's UIDL
        self.assertEqual(
            self.details(user, identities(zip(uidls, [ids[1], ids[0],
                                                      ids[2]])), "-q",
                         status=EX_DATAERR),
            [("changed", uidls[0], "2", "it has another UIDL"),
             ("changed", uidls[1], "1", "it has another UIDL")])

    def test_guids_of_128_bits(self):
        user = self.filled()
        uidls = self.uidls(user)
        guids = []
        for guid in (m.guid for m in user.messages()):
            if not re.fullmatch("[0-9a-f]{32}", guid):
                # as Dovecot does it
                guid = hashlib.sha1(guid.encode()).hexdigest()[-32:]
            guids.append(guid.upper())
        self.assertEqual(self.counts(user, identities(zip(uidls, guids))),
                         (4, 4, 0, 0, 0))

    def test_nothing_is_changed(self):
        user = self.filled()
        uidls = self.uidls(user)
        before = sorted(user.mail_files().values()), user.messages()
        self.verify(user, answers([("a", 1), ("b", 2)]), status=EX_DATAERR)
        self.assertEqual((sorted(user.mail_files().values()),
                          user.messages()), before)
        self.assertEqual(self.uidls(user), uidls)


class Commands(ListingTest):
    formats = ("maildir",)

    def run_for(self, *args, status=0, formatter="json"):
        result = self.dovecot.doveadm("pop3", "uidl", "verify", *args,
                                      check=False, formatter=formatter)
        errors = result.stderr.decode()
        self.assertEqual(result.returncode, status, errors)
        return result.stdout, errors

    def test_wrong_listings(self):
        user = self.user(policy("keyed"))
        user.append(message("one"))
        for text, error in (
                ("", "expected messages"),
                ("1 a\nx\n3\n", ":2:1: expected NUMBER UIDL"),
                ("1 a\nx\n3\n", ":3:1: expected NUMBER UIDL"),
                ("+OK\r\n1 a\r\n", ":2:1: expected a line with a \".\""),
                ("-ERR no\r\n", "expected +OK"),
                ("a\t<x\n", "expected a Message-ID in <>")):
            rows, errors = self.uidl_command(user, "verify",
                                             self.listing(text),
                                             status=EX_NOINPUT)
            self.assertEqual(rows, [])
            self.assertIn(error, errors)
            self.assertIn("1 could not be verified", errors)
        rows, errors = self.uidl_command(user, "verify", "/no/such/listing",
                                         status=EX_NOINPUT)
        self.assertIn("/no/such/listing", errors)

    def test_recorded_by_curl(self):
        """As the guide says."""
        if shutil.which("curl") is None:
            self.skipTest("curl is not installed")
        user = self.user(policy("keyed"))
        user.append([message("m%d" % n) for n in range(3)])
        text = "".join(subprocess.run(
            ["curl", "-sS", "--user", "%s:%s" % (user.name, user.password),
             "pop3://127.0.0.1:%d/" % self.dovecot.pop3_port] + options,
            stdin=subprocess.DEVNULL, capture_output=True, check=True,
            timeout=60).stdout.decode() for options in (["-X", "UIDL"], []))
        self.assertEqual(len(text.split()), 12)
        rows, errors = self.uidl_command(user, "verify", self.listing(text))
        self.assertEqual(counted(rows[0]), (3, 3, 0, 0, 0))

    def test_user_without_mail(self):
        """He isn't forgotten in the summary."""
        user = self.user(policy("keyed"))
        os.chmod(user.host_home, 0)
        self.expect_errors("")
        rows, errors = self.uidl_command(user, "verify", self.listing(".\n"),
                                         status=EX_TEMPFAIL)
        self.assertEqual(rows, [])
        self.assertIn("UIDLs of 1 users: 0 as before, 0 not, 1 could not",
                      errors)
        os.chmod(user.host_home, 0o700)

    def test_usage(self):
        user = self.user(policy("keyed"))
        for args, error in (
                ((), "expected a file"),
                (("-t", "maybe", "-w", "x", "127.0.0.1:1"),
                 "expected pop3s, stls or no"),
                (("127.0.0.1:1",), "expected -w"),
                (("-w", "x", "127.0.0.1:port"), "expected HOST:PORT"),
                (("-w", "-", "127.0.0.1:1"), "password on standard input")):
            rows, errors = self.uidl_command(user, "verify", *args,
                                             status=EX_USAGE)
            self.assertIn(error, errors)

    def test_many_users(self):
        users = [self.user(policy("keyed")) for _ in range(4)]
        for number, user in enumerate(users):
            user.append([message("m", size=1000)] * (number + 1))
        rows = [self.listed(user) for user in users]
        rows[2][1] = ("other", rows[2][1][1])
        for user, listed in zip(users[:3], rows):
            self.listing(answers(listed), user.name)
        path = self.dovecot.base + "/users-of-verify"
        with open(self.dovecot.target.host_path(path), "w") as file:
            file.writelines(user.name + "\n" for user in users)
        self.expect_errors("User iteration", "No such file")
        folder = self.dovecot.base + "/listings"

        for source in folder, folder + "/%u", folder + "/%{user}", \
                folder + "/%n":
            output, errors = self.run_for("-F", path, source,
                                          status=EX_NOINPUT)
            self.assertEqual(
                [(row["user"], counted(row)) for row in rows_of(output)],
                [(users[0].name, (1, 1, 0, 0, 0)),
                 (users[1].name, (2, 2, 0, 0, 0)),
                 (users[2].name, (3, 2, 0, 1, 0))])
            self.assertIn("UIDLs of 4 users: 2 as before, 1 not, 1 could "
                          "not be verified; 5 the same, 0 missing, "
                          "1 changed, 0 new", errors)
        # only what needs looking at, in another format
        output, errors = self.run_for("-q", "-F", path, folder,
                                      status=EX_NOINPUT, formatter="tab")
        self.assertEqual(output.decode().splitlines()[-1].split("\t")[-6:],
                         [users[2].name, "3", "2", "0", "1", "0"])
        self.assertEqual(len(output.splitlines()), 2)
        # one file can't be that of all
        output, errors = self.run_for("-F", path, folder + "/" +
                                      users[0].name, status=EX_USAGE)
        self.assertIn("expected a folder", errors)

    def test_names_that_are_no_files(self):
        folder = self.dovecot.base + "/listings"
        # where the paths would lead to
        self.listing(".\n", "a")
        path = self.dovecot.base + "/users-of-paths"
        names = ["a@..", "a@.", "a@.b", "..@a"]
        for name in names:
            self.user(policy("keyed"), name=name)
        with open(self.dovecot.target.host_path(path), "w") as file:
            file.writelines(name + "\n" for name in names)
        self.expect_errors("User iteration")
        for source in folder, folder + "/%d/%n", \
                folder + "/%{domain}/../listings/%{username}":
            output, errors = self.run_for("-F", path, source,
                                          status=EX_NOINPUT)
            self.assertEqual(rows_of(output), [])
            for name in names:
                self.assertIn("User %s: no name of a file" % name, errors)


class OldServer(ListingTest):
    """The old server itself is asked. It is this one, under another name."""

    formats = ("maildir",)
    tls = True
    settings = {"ssl_client_ca_file": "@BASE@/tls.crt"}
    passdbs = (("passwd-file", {"args": "@BASE@/masters", "master": "yes"}),
               USERS)

    def setUp(self):
        super().setUp()
        with open(self.dovecot.target.host_path(
                self.dovecot.base + "/masters"), "w") as file:
            file.write("master:{PLAIN}master-secret::::::\n")
        self.old = self.user(None)
        self.old.append([message("m%d" % n, size=1000 + 10 * n)
                         for n in range(3)])
        self.new = self.user(policy("keyed"))
        self.new.append([message("m%d" % n, size=1000 + 10 * n)
                         for n in range(3)])
        self.password = self.listing("secret\r\n", "password-%s" %
                                     self.old.name)

    def ask(self, *args, port=None, status=EX_DATAERR, **kwargs):
        rows, errors = self.uidl_command(
            self.new, "verify", *args, "127.0.0.1:%d" %
            (port or self.dovecot.pop3s_port), status=status, **kwargs)
        return [counted(row) for row in rows], errors

    def asked(self, *args, **kwargs):
        return self.ask(*args, "-w", self.password, "-l", self.old.name,
                        **kwargs)

    def logins(self, user):
        """Over POP3, from the log."""
        return re.findall(r"pop3-login: Info: (?:Login|Logged in): "
                          "user=<%s>" % user.name,
                          self.log())

    def test_modes(self):
        changed = [(3, 0, 0, 3, 0)]
        self.assertEqual(self.asked()[0], changed)
        self.assertEqual(self.asked("-t", "pop3s")[0], changed)
        for mode in "stls", "no":
            self.assertEqual(self.asked("-t", mode,
                                        port=self.dovecot.pop3_port)[0],
                             changed)
        self.assertEqual(len(self.logins(self.old)), 4)

    def test_same(self):
        server = "127.0.0.1:%d" % self.dovecot.pop3s_port
        rows, errors = self.uidl_command(self.old, "verify", "-w",
                                         self.password, server)
        self.assertEqual(counted(rows[0]), (3, 3, 0, 0, 0))
        # the password can come by standard input
        rows, errors = self.uidl_command(self.old, "verify", "-w", "-",
                                         server, input=b"secret\n")
        self.assertEqual(counted(rows[0]), (3, 3, 0, 0, 0))

    def test_master_user(self):
        folder = self.listing("master-secret\n", "master-password")
        rows, errors = self.uidl_command(
            self.old, "verify", "-m", "master", "-w", folder,
            "127.0.0.1:%d" % self.dovecot.pop3s_port)
        self.assertEqual(counted(rows[0]), (3, 3, 0, 0, 0))
        # nobody's password but the master's
        rows, errors = self.uidl_command(
            self.old, "verify", "-m", "master", "-w", self.password,
            "127.0.0.1:%d" % self.dovecot.pop3s_port, status=EX_NOINPUT)
        self.assertIn("AUTH PLAIN: -ERR [AUTH]", errors)

    def test_empty_maildrop(self):
        old = self.user(None)
        self.assertEqual(self.ask("-w", self.password, "-l", old.name,
                                  status=0)[0], [(0, 0, 0, 0, 3)])

    def test_failures(self):
        wrong = self.listing("wrong\n")
        rows, errors = self.ask("-w", wrong, "-l", self.old.name,
                                status=EX_NOINPUT)
        self.assertEqual(rows, [])
        self.assertIn("PASS: -ERR [AUTH]", errors)
        self.assertNotIn("wrong", errors)
        rows, errors = self.asked(port=1, status=EX_NOINPUT)
        self.assertIn("connect(127.0.0.1): Connection refused", errors)
        # plain POP3 where TLS is expected
        rows, errors = self.asked(port=self.dovecot.pop3_port,
                                  status=EX_NOINPUT)
        self.assertEqual(rows, [])
        self.assertEqual(self.logins(self.old), [])
        rows, errors = self.ask("-w", self.listing(""), "-l", "x",
                                status=EX_NOINPUT)
        self.assertIn("password is empty", errors)

    def test_certificate_is_verified(self):
        other = self.instance(settings={})
        user = self.user(policy("keyed"), dovecot=other)
        path = other.base + "/password"
        with open(other.target.host_path(path), "w") as file:
            file.write("secret\n")
        for mode, port in (("pop3s", self.dovecot.pop3s_port),
                           ("stls", self.dovecot.pop3_port)):
            rows, errors = self.uidl_command(
                user, "verify", "-t", mode, "-w", path, "-l", self.old.name,
                "127.0.0.1:%d" % port, status=EX_NOINPUT)
            self.assertEqual(rows, [])
            self.assertIn("TLS", errors)
            self.assertEqual(self.logins(self.old), [])


class StrangeServer(ListingTest):
    """What else may answer there."""

    formats = ("maildir",)

    def serve(self, replies):
        """One session: a greeting, then a reply to each line; the last one
        ends it. Returns the port and the lines that have been read."""
        listener = socket.create_server(("127.0.0.1", 0))
        lines = []

        def run():
            with listener, listener.accept()[0] as sock:
                sock.settimeout(60)
                with sock.makefile("rb") as file:
                    try:
                        for number, reply in enumerate(replies):
                            if number > 0:
                                lines.append(file.readline())
                            sock.sendall(reply)
                    except OSError:
                        pass

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        self.addCleanup(thread.join, 60)
        return listener.getsockname()[1], lines

    def ask(self, user, replies, mode="no"):
        port, lines = self.serve(replies)
        rows, errors = self.uidl_command(
            user, "verify", "-t", mode, "-w", self.listing("secret\n"),
            "127.0.0.1:%d" % port, status=EX_NOINPUT)
        self.assertEqual(rows, [])
        self.assertNotIn("secret", errors)
        return errors, lines

    def test_answers(self):
        user = self.user(policy("keyed"))
        ok = b"+OK\r\n"
        end = b"1 a\r\n.\r\n"
        for replies, error in (
                ([], "The server has closed the connection"),
                ([b"-ERR [SYS/TEMP] later\r\n"],
                 "Greeting: -ERR [SYS/TEMP] later"),
                ([b"220 smtp\r\n"], "Greeting: 220 smtp"),
                ([b"+OK " + b"x" * 100000 + b"\r\n"], "too long"),
                ([ok, b"-ERR who?\r\n"], "USER: -ERR who?"),
                ([ok, ok, b"-ERR \x1b[31m\r\n"], "PASS: -ERR ?[31m"),
                ([ok, ok, ok, b"-ERR none\r\n"], "UIDL: -ERR none"),
                ([ok, ok, ok, ok + b"1 a\r\n"], "closed the connection"),
                ([ok, ok, ok, ok + end, b"-ERR none\r\n"],
                 "LIST: -ERR none"),
                ([ok, ok, ok, ok + b"x\r\n.\r\n", ok + b".\r\n", ok],
                 ":2:1: expected NUMBER UIDL"),
                ([ok, ok, ok, ok + end, ok + b".\r\n", ok],
                 "expected the same messages in UIDL and LIST")):
            errors, lines = self.ask(user, replies)
            self.assertIn(error, errors)

    def test_no_password_without_tls(self):
        user = self.user(policy("keyed"))
        for replies, error in (
                ([b"+OK\r\n", b"-ERR unknown command\r\n"],
                 "STLS: -ERR unknown command"),
                ([b"+OK\r\n", b"+OK\r\n+OK injected\r\n"],
                 "plain text behind its answer to STLS"),
                ([b"+OK\r\n", b"+OK\r\n"], "127.0.0.1")):
            errors, lines = self.ask(user, replies, mode="stls")
            self.assertIn(error, errors)
            self.assertEqual(lines[0], b"STLS\r\n")
            self.assertNotIn(b"secret", b"".join(lines))
            self.assertNotIn(b"USER", b"".join(lines))
