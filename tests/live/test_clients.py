# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs that people use, under policy: keep, delete, UIDL."""

import os
import poplib
import shutil
import subprocess
import tempfile

from harness import LiveTest, message

HIDDEN = "$POP3Hidden"
POLICY = ("[default]\n"
          'delete = deny:"fetch this message first" unretrieved\n'
          "  deny flagged\n"
          "  hide subject keep\n"
          "  allow all\n")


class Client(LiveTest):
    formats = ("maildir",)
    program = None

    def setUp(self):
        if self.program is not None and shutil.which(self.program) is None:
            self.skipTest(self.program + " is not installed")
        super().setUp()
        self.folder = tempfile.mkdtemp(prefix="pop3-policy-client.")
        self.addCleanup(shutil.rmtree, self.folder)

    def mailbox(self):
        """1 plain, 2 to be hidden instead of removed, 3 flagged."""
        user = self.user(POLICY)
        user.pop3().quit()
        user.append([message("plain"), message("keep")])
        user.append([message("flagged")], flags=[r"\Flagged"])
        return user

    def path(self, name, text=None, mode=0o600):
        path = os.path.join(self.folder, name)
        if text is not None:
            with open(path, "w") as file:
                file.write(text)
            os.chmod(path, mode)
        return path

    def run_client(self, *command, status=0):
        result = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True,
            timeout=60, env={**os.environ, "HOME": self.folder,
                             "FETCHMAILHOME": self.folder})
        output = result.stdout + result.stderr
        if status is not None and result.returncode != status:
            self.fail("%s: status %d\n%s" % (
                " ".join(command), result.returncode,
                output.decode(errors="replace")))
        return output

    def check_removed_and_hidden(self, user):
        """What a client that fetched and deleted everything has left."""
        left = {m.uid: m.flags for m in user.messages()}
        self.assertEqual(sorted(left), [2, 3])
        self.assertIn(HIDDEN, left[2])
        self.assertNotIn(HIDDEN, left[3])


class Poplib(Client):
    def connect(self, user):
        client = poplib.POP3("127.0.0.1", self.dovecot.pop3_port, timeout=30)
        client.user(user.name)
        client.pass_(user.password)
        return client

    def test_fetch_and_delete(self):
        user = self.mailbox()
        client = self.connect(user)
        with self.assertRaisesRegex(poplib.error_proto, "fetch this message"):
            client.dele(1)
        for number in range(1, client.stat()[0] + 1):
            client.retr(number)
        client.dele(1)
        client.dele(2)
        with self.assertRaisesRegex(poplib.error_proto, "may not be deleted"):
            client.dele(3)
        client.quit()
        user.pop3().quit()
        self.check_removed_and_hidden(user)

    def test_uidl_and_keep(self):
        user = self.mailbox()
        client = self.connect(user)
        first = client.uidl()[1]
        client.retr(1)
        client.quit()
        client = self.connect(user)
        self.assertEqual(client.uidl()[1], first)
        client.quit()
        user.pop3().quit()
        self.assertEqual(user.count(), 3)


class Fetchmail(Client):
    program = "fetchmail"

    def fetch(self, user, options, *arguments, status=0):
        rc = self.path("rc", 'poll 127.0.0.1 service %d protocol pop3 auth '
                       'password\n  user "%s" password "%s" sslproto "" %s\n'
                       '  mda "cat >> %s"\n' % (
                           self.dovecot.pop3_port, user.name, user.password,
                           options, self.path("inbox")))
        output = self.run_client(
            "fetchmail", "-f", rc, "-i", self.path("ids"), "--pidfile",
            self.path("pid"), "--nosyslog", "-v", *arguments, status=status)
        user.pop3().quit()
        return output

    def received(self):
        with open(self.path("inbox"), "rb") as file:
            return file.read().count(b"\nSubject: ")

    def test_fetch_and_delete(self):
        user = self.mailbox()
        self.fetch(user, "fetchall nokeep", status=None)
        self.assertEqual(self.received(), 3)
        self.check_removed_and_hidden(user)

    def test_keep_and_uidl(self):
        user = self.mailbox()
        self.fetch(user, "keep", "--uidl")
        self.assertEqual(self.received(), 3)
        self.fetch(user, "keep", "--uidl", status=1)    # 1 = no new mail
        self.assertEqual(self.received(), 3)
        user.append([message("new")])
        self.fetch(user, "keep", "--uidl")
        self.assertEqual(self.received(), 4)
        self.assertEqual(user.count(), 4)


class Mpop(Client):
    program = "mpop"

    def fetch(self, user, *options):
        inbox = self.path("inbox")
        for name in ("cur", "new", "tmp"):
            os.makedirs(os.path.join(inbox, name), exist_ok=True)
        rc = self.path("mpoprc", "account test\nhost 127.0.0.1\nport %d\n"
                       "user %s\npassword %s\nauth user\ntls off\n"
                       "uidls_file %s\ndelivery maildir %s\n" % (
                           self.dovecot.pop3_port, user.name, user.password,
                           self.path("uidls"), inbox))
        self.run_client("mpop", "-C", rc, *options, "test", status=None)
        user.pop3().quit()
        return len(os.listdir(os.path.join(inbox, "new")))

    def test_fetch_and_delete(self):
        user = self.user(POLICY)
        user.pop3().quit()
        user.append([message("plain"), message("keep")])
        self.assertEqual(self.fetch(user, "--keep=off"), 2)
        left = {m.uid: m.flags for m in user.messages()}
        self.assertEqual(sorted(left), [2])
        self.assertIn(HIDDEN, left[2])

    def test_keep(self):
        user = self.mailbox()
        self.assertEqual(self.fetch(user, "--keep=on"), 3)
        self.assertEqual(self.fetch(user, "--keep=on"), 3)
        user.append([message("new")])
        self.assertEqual(self.fetch(user, "--keep=on"), 4)
        self.assertEqual(user.count(), 4)


class Curl(Client):
    program = "curl"

    def curl(self, user, *options, path="", status=0):
        output = self.run_client(
            "curl", "-sS", "--user", "%s:%s" % (user.name, user.password),
            *options, "pop3://127.0.0.1:%d/%s" % (self.dovecot.pop3_port, path),
            status=status)
        return output

    def test_retrieve_and_delete(self):
        user = self.mailbox()
        self.assertIn(b"Subject: plain", self.curl(user, path="1"))
        # The next session: the first one's QUIT confirmed the message.
        self.curl(user, "-X", "DELE", "--list-only", path="1")
        self.assertEqual(user.uids(), [2, 3])
        # 8 = weird server reply: -ERR
        self.curl(user, "-X", "DELE", "--list-only", path="1", status=8)
        self.assertEqual(user.uids(), [2, 3])

    def test_uidl(self):
        user = self.mailbox()
        first = self.curl(user, "-X", "UIDL")
        self.assertEqual(len(first.split(b"\n")), 4)
        self.assertEqual(self.curl(user, "-X", "UIDL"), first)
