# SPDX-License-Identifier: LGPL-2.1-or-later
"""A mailbox moves from Courier to Dovecot. Those who fetch it with fetchmail
and getmail, and leave it on the server, don't notice."""

import os
import shutil
import socket
import subprocess
import tempfile

from harness import courier, data_messages, message
from harness.listings import ListingTest
from harness.uidls import policy

EX_DATAERR = 65


# getmail doesn't hear of a child that ends before it has begun to wait for it
# (seen with 6.18.11), so this one doesn't: not before its parent, which handles
# SIGCHLD by then, sleeps.
GETMAIL_MDA = """\
#!/bin/sh
set -eu
cat >/dev/null
echo >>%s
until grep -Eq '^SigCgt:.*[13579bdf][0-9a-f]{4}$' /proc/$PPID/status &&
      grep -q '^State:.S' /proc/$PPID/status; do
    sleep 0.01
done
"""


class Migration(ListingTest):
    formats = ("maildir", "sdbox", "mdbox")

    def setUp(self):
        for program in "fetchmail", "getmail":
            if shutil.which(program) is None:
                self.skipTest(program + " is not installed")
        if not courier.is_there():
            self.skipTest("quickstart test has not unpacked Courier")
        super().setUp()
        self.folder = tempfile.mkdtemp(prefix="pop3-policy-migration.")
        self.addCleanup(shutil.rmtree, self.folder)
        self.old = courier.Courier(self.folder + "/old", "secret")
        self.addCleanup(self.old.stop)
        # as they come: some of the same size, 8 bit, no line end, dots
        self.texts = [message("m%d" % n, size=700 + n // 2 * 100)
                      for n in range(20)] + data_messages()
        for text in self.texts:
            self.old.deliver(text)

    # Clients. Each keeps what it knows in a folder of its own.

    def run_client(self, home, command, statuses):
        result = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True,
            timeout=120, env={**os.environ, "HOME": home,
                              "FETCHMAILHOME": home})
        self.assertIn(result.returncode, statuses,
                      (result.stdout + result.stderr).decode("utf-8",
                                                             "replace"))

    def lines(self, path):
        """How many there are, from one time to the next."""
        if not os.path.exists(path):
            return 0
        count = os.path.getsize(path)
        os.unlink(path)
        return count

    def fetchmail(self, user, home):
        """Returns how many messages it has downloaded this time."""
        os.makedirs(home, exist_ok=True)
        fetched = home + "/fetched"
        with open(home + "/rc", "w") as file:
            file.write('poll 127.0.0.1 service %d protocol pop3 uidl auth '
                       'password\n  user "%s" password "secret" keep '
                       'sslproto ""\n  mda "echo >> %s; cat >/dev/null"\n' %
                       (self.old.port, user.name, fetched))
        os.chmod(home + "/rc", 0o600)
        # 1 = no new mail
        self.run_client(home, [
            "fetchmail", "-f", home + "/rc", "-i", home + "/ids", "--pidfile",
            home + "/pid", "--nosyslog"], (0, 1))
        return self.lines(fetched)

    def getmail(self, user, home):
        os.makedirs(home, exist_ok=True)
        fetched = home + "/fetched"
        with open(home + "/mda", "w") as file:
            file.write(GETMAIL_MDA % fetched)
        os.chmod(home + "/mda", 0o700)
        with open(home + "/getmailrc", "w") as file:
            file.write("[retriever]\ntype = SimplePOP3Retriever\n"
                       "server = 127.0.0.1\nport = %d\nusername = %s\n"
                       "password = secret\n"
                       "[destination]\ntype = MDA_external\n"
                       "path = %s/mda\nallow_root_commands = true\n"
                       "[options]\nread_all = false\ndelete = false\n" %
                       (self.old.port, user.name, home))
        self.run_client(home, ["getmail", "--getmaildir", home, "--quiet"],
                        (0,))
        return self.lines(fetched)

    def fetch(self, user, name):
        """What both have downloaded."""
        home = "%s/%s" % (self.folder, name)
        return (self.fetchmail(user, home + "-fetchmail"),
                self.getmail(user, home + "-getmail"))

    # Moving

    def old_answers(self, user):
        """What an administrator records: UIDL and LIST of one session."""
        with socket.create_connection(("127.0.0.1", self.old.port),
                                      timeout=60) as sock:
            sock.sendall(b"USER %s\r\nPASS secret\r\nUIDL\r\nLIST\r\n"
                         b"QUIT\r\n" % user.name.encode())
            with sock.makefile("rb") as file:
                return file.read().decode()

    def copy_mail(self, user):
        maildir = user.host_home + "/" + (
            "Maildir" if user.format == "maildir" else "old")
        self.old.copy_to(maildir)
        parent = os.stat(user.host_home)
        for folder, _, names in os.walk(maildir):
            for name in [folder] + [os.path.join(folder, n) for n in names]:
                os.chown(name, parent.st_uid, parent.st_gid)
        if user.format != "maildir":
            user.doveadm("import", "maildir:%s/old" % user.home, "", "all")
        self.assertEqual(user.count(), len(self.texts))

    def moved(self):
        """A user whose mail has been copied, and both servers' clients that
        have all of it."""
        user = self.user(policy("keyed:content"))
        count = len(self.texts)
        self.assertEqual(self.fetch(user, "client"), (count, count))
        self.assertEqual(self.fetch(user, "client"), (0, 0))
        listing = self.listing(self.old_answers(user))
        self.copy_mail(user)
        return user, listing

    def test_nothing_is_downloaded_twice(self):
        user, listing = self.moved()
        count = len(self.texts)
        # before
        rows, errors = self.uidl_command(user, "verify", listing,
                                         status=EX_DATAERR)
        self.assertEqual((rows[0]["same"], rows[0]["changed"]),
                         ("0", str(count)))
        rows, errors = self.uidl_command(user, "import", listing)
        self.assertEqual((rows[0]["size"], rows[0]["unmatched"],
                          rows[0]["changed"]),
                         (str(count), "0", str(count)))
        # the proof, from the listing and from the server itself
        password = self.listing("secret\n")
        for source in ([listing], ["-t", "no", "-w", password,
                                   "127.0.0.1:%d" % self.old.port]):
            rows, errors = self.uidl_command(user, "verify", *source)
            self.assertEqual((rows[0]["listed"], rows[0]["same"],
                              rows[0]["new"]), (str(count), str(count), "0"))
        # cut-over
        self.old.moved_to = self.dovecot.pop3_port
        self.assertEqual(self.fetch(user, "client"), (0, 0))
        user.append([message("new")])
        self.assertEqual(self.fetch(user, "client"), (1, 1))
        self.assertEqual(self.fetch(user, "client"), (0, 0))
        # and whoever begins anew gets everything
        self.assertEqual(self.fetch(user, "other"), (count + 1, count + 1))

    def test_without_import_everything_is(self):
        user, listing = self.moved()
        count = len(self.texts)
        self.old.moved_to = self.dovecot.pop3_port
        self.assertEqual(self.fetch(user, "client"), (count, count))
