# SPDX-License-Identifier: LGPL-2.1-or-later
"""Without a policy: byte for byte plain Dovecot, in every process that loads
the plugin. And under a policy that allows everything, the same answers."""

import os
import random
import re
import socket
import time

from harness import LiveTest, Pop3, data_messages, message
from harness.pop3 import is_multiline

# What a client sends in one piece, one session a list. The connection is read
# up to its end, so each session must end by itself.
SCRIPTS = {
    "one by one": [
        "CAPA\r\n", "USER {user}\r\n", "PASS {password}\r\n", "CAPA\r\n",
        "STAT\r\n", "LIST\r\n", "LIST 2\r\n", "UIDL\r\n", "UIDL 1\r\n",
        "NOOP\r\n", "LAST\r\n", "TOP 1 0\r\n", "TOP 2 5\r\n", "RETR 1\r\n",
        "DELE 1\r\n", "RSET\r\n", "RETR 2\r\n", "DELE 2\r\n", "STAT\r\n",
        "LIST\r\n", "UIDL\r\n", "QUIT\r\n",
    ],
    "pipelined behind PASS": [
        "USER {user}\r\n",
        "PASS {password}\r\nSTAT\r\nUIDL\r\nRETR 1\r\nRETR 3\r\nDELE 1\r\n"
        "DELE 3\r\nLIST\r\nTOP 2 1\r\nRSET\r\nDELE 3\r\nQUIT\r\n",
    ],
    "refused commands": [
        "USER {user}\r\n", "PASS {password}\r\n",
        "DELE\r\nDELE 0\r\nDELE 99\r\nDELE x\r\nDELE 1 2\r\nDELE 99999999999\r\n"
        "RETR\r\nRETR 0\r\nRETR 99\r\nRETR -1\r\nTOP 1\r\nTOP 1 x\r\n"
        "NONSENSE\r\n DELE 1\r\ndele 1\r\nDELE 1\r\nRETR 1\r\nTOP 1 0\r\n"
        "LIST 1\r\nUIDL 1\r\nNOOP extra\r\n",
        "\r\nSTAT\nQUIT\n",
    ],
    "too many bad commands": [
        "USER {user}\r\n", "PASS {password}\r\n", "DELE 1\r\n", "X\r\n" * 30,
    ],
    "all messages": [
        "USER {user}\r\n", "PASS {password}\r\n",
        "".join("RETR %d\r\nTOP %d 3\r\n" % (n, n) for n in range(1, 12)),
        "QUIT\r\n",
    ],
}


def play(dovecot, user, blobs, transcripts):
    """Sends the next blob once the last has been answered. Returns all bytes
    of the server."""
    client = Pop3(dovecot, user.name, user.password, transcripts)
    client.may_be_logged_in = True
    received = bytearray(client.greeting.raw)
    for number, blob in enumerate(blobs, 1):
        blob = blob.format(user=user.name, password=user.password)
        client.send(blob)
        if number < len(blobs):
            for line in blob.splitlines():
                received += client.read_reply(is_multiline(line)).raw
    received += client.read_eof()
    client.close()
    return bytes(received)


def without_times(messages):
    # On Maildir the saved date is the file's ctime, which copying changes.
    return [m._replace(saved=0) for m in messages]


class SameAsPlain(LiveTest):
    formats = ("maildir", "sdbox", "mdbox")
    policy = None
    # what CAPA says after login besides
    capabilities = b""

    def setUp(self):
        super().setUp()
        self.plain = self.instance(plugins=())

    def pair(self, messages):
        """The same mailbox twice, without the plugin and with it."""
        one = self.user(dovecot=self.plain)
        one.append(messages)
        two = self.user(self.policy, name=one.name)
        two.copy_mail_from(one)
        return one, two

    def with_capabilities(self, answers):
        end = b"\r\nAUTH-RESP-CODE\r\n"
        return answers.replace(end + b".", end + self.capabilities + b".")

    def compare(self, blobs):
        one, two = self.pair(data_messages() + [message(), message()])
        expected = play(self.plain, one, blobs, self._transcripts)
        got = play(self.dovecot, two, blobs, self._transcripts)
        self.assertEqual(got, self.with_capabilities(expected))
        self.assertIn(b"+OK Logged in", got)
        self.assertEqual(without_times(two.messages()),
                         without_times(one.messages()))
        self.assertEqual(two.mail_files(), one.mail_files())

    def test_one_by_one(self):
        self.compare(SCRIPTS["one by one"])

    def test_pipelined_behind_pass(self):
        self.compare(SCRIPTS["pipelined behind PASS"])

    def test_refused_commands(self):
        self.compare(SCRIPTS["refused commands"])

    def test_too_many_bad_commands(self):
        self.compare(SCRIPTS["too many bad commands"])

    def test_all_messages(self):
        self.compare(SCRIPTS["all messages"])

    def test_random_pipelining(self):
        seed = int(os.environ.get("POP3_POLICY_SEED", time.time_ns() % 10**9))
        rand = random.Random(seed)
        big = message("big", size=1_500_000)
        one, two = self.pair([message("m%d" % n) for n in range(8)] + [big])
        commands = ["NOOP", "STAT", "LIST", "UIDL", "RSET", "CAPA", "X",
                    "RETR {n}", "TOP {n} 2", "DELE {n}", "LIST {n}",
                    "UIDL {n}", "DELE 99"]
        blobs = ["USER {user}\r\n", "PASS {password}\r\n"]
        for _ in range(6):
            # RSET as every sixth: bad commands in a row would disconnect.
            lines = []
            for index in range(rand.randint(1, 50)):
                line = "STAT" if index % 6 == 5 else rand.choice(commands)
                lines.append(line.replace("{n}", str(rand.randint(1, 9))))
            blobs.append("\r\n".join(lines) + "\r\n")
        blobs.append("QUIT\r\n")
        with self.subTest(POP3_POLICY_SEED=seed):
            expected = play(self.plain, one, blobs, self._transcripts)
            got = play(self.dovecot, two, blobs, self._transcripts)
            self.assertTrue(got == self.with_capabilities(expected),
                            "seed %d" % seed)
            self.assertEqual(without_times(two.messages()),
                             without_times(one.messages()))


    # What could be taken for a removal, and ends as one or not.
    imap_script = (
        "SELECT INBOX", r"STORE 1:3 +FLAGS (\Deleted Label)", "UID EXPUNGE 2",
        r"STORE 1 -FLAGS (\Deleted Label)", "EXPUNGE", "COPY 1 Other",
        "MOVE 1 Other", r"STORE 1:2 FLAGS (\Seen)", "STORE 1 FLAGS ()",
        "UID MOVE 1:* INBOX", r"STORE 1 +FLAGS.SILENT (\Deleted)", "CLOSE",
        "EXAMINE INBOX", "EXPUNGE", "MOVE 1 Other", "CLOSE",
        "RENAME Other Third", "DELETE Third", "DELETE INBOX",
        "RENAME INBOX Fourth", "SELECT INBOX", "LOGOUT")

    def play_imap(self, user):
        answers = bytearray()
        imap = user.imap()
        for number, command in enumerate(self.imap_script):
            tag = b"a%d " % number
            imap.send(tag + command.encode() + b"\r\n")
            line = b""
            while not line.startswith(tag):
                line = imap.readline()
                # how long it took, and what is chosen by the time of day
                line = re.sub(rb" \([\d.+ ]+ secs\)|UIDVALIDITY \d+|"
                              rb"(?<=COPYUID )\d+", b"", line)
                answers += line
        imap.shutdown()
        return bytes(answers)

    def test_imap(self):
        one, two = self.pair([message("m%d" % n) for n in range(7)])
        for user in (one, two):
            user.doveadm("mailbox create", "Other")
        expected = self.play_imap(one)
        got = self.play_imap(two)
        self.assertEqual(got.decode(), expected.decode())
        self.assertIn(b"* 1 EXPUNGE", got)
        self.assertEqual(len(two.mail_files()), len(one.mail_files()))


class SameWhereAllIsAllowed(SameAsPlain):
    formats = ("maildir", "sdbox")
    policy = "[default]\ndelete = allow all\nretrieve = allow all\n"
    capabilities = b"EXPIRE NEVER\r\n"


class EmptyPolicyFile(SameAsPlain):
    formats = ("maildir",)
    policy = ""


class Elsewhere(LiveTest):
    """Loaded in processes other than pop3 it does no harm."""

    def test_imap(self):
        user = self.user()
        uids = user.append([message("one"), message("two"), message("three")])
        with user.imap() as imap:
            imap.select("INBOX")
            imap.uid("STORE", str(uids[0]), "+FLAGS", r"(\Deleted)")
            status, expunged = imap.expunge()
            self.assertEqual((status, expunged), ("OK", [b"1"]))
            imap.create("Other")
            self.assertEqual(imap.uid("COPY", str(uids[1]), "Other")[0], "OK")
        self.assertEqual(user.uids(), uids[1:])
        self.assertEqual(user.count("Other"), 1)

    def test_lmtp_and_lda(self):
        user = self.user()
        for mail in data_messages():
            user.deliver_lmtp(mail)
            user.deliver(mail)
        self.assertEqual(user.count(), 2 * len(data_messages()))

    def test_doveadm(self):
        user = self.user()
        for mail in data_messages():
            user.save(mail)
        uids = user.uids()
        self.assertEqual(len(uids), len(data_messages()))
        user.doveadm("flags add", r"\Seen", "mailbox", "INBOX", "all")
        self.assertEqual({m.flags for m in user.messages()},
                         {frozenset([r"\Seen"])})
        user.doveadm("expunge", "mailbox", "INBOX", "uid", str(uids[0]))
        self.assertEqual(user.uids(), uids[1:])
        user.doveadm("force-resync", "INBOX")
        self.assertEqual(user.count(), len(uids) - 1)

    def test_messages_keep_their_bytes(self):
        user = self.user()
        mails = data_messages()
        for mail in mails:
            user.save(mail)
        got = user.pop3().download()
        for mail, received in zip(mails, got):
            expected = mail.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
            if not expected.endswith(b"\r\n"):
                expected += b"\r\n"
            self.assertEqual(received, expected)


class OtherServices(LiveTest):
    """Loaded everywhere it does no harm either where there is no mailbox to
    guard."""

    formats = ("maildir",)

    def setUp(self):
        self.plugins = ("pop3_policy", "quota")
        self.extra_config = ("plugin {\n  quota = count:User\n"
                             "  quota_vsizes = yes\n"
                             "  quota_status_success = DUNNO\n}\n"
                             if self.version == "2.3" else
                             "quota User {\n  driver = count\n}\n"
                             "quota_status_success = DUNNO\n") + """
service quota-status {
  executable = quota-status -p postfix
  unix_listener quota-status {
    mode = 0666
  }
  client_limit = 1
}
"""
        super().setUp()

    def test_quota_status(self):
        user = self.user("[default]\nhold = all\n")
        user.append([message("one")])
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(30)
            sock.connect(self.dovecot.host_base + "/run/quota-status")
            sock.sendall(b"request=smtpd_access_policy\nrecipient=%s\n"
                         b"size=100\n\n" % user.name.encode())
            self.assertEqual(sock.recv(1000), b"action=DUNNO\n\n")
        self.assertEqual(user.uids(), [1])

    def test_indexer(self):
        user = self.user("[default]\nhold = all\n")
        user.append([message("one")])
        user.doveadm("index", "INBOX")
        user.doveadm("index", "-q", "INBOX")
        self.assertEqual(user.uids(), [1])
