# SPDX-License-Identifier: LGPL-2.1-or-later
"""Mailboxes to begin a session with, made once and copied for each."""

import os
import shutil
import subprocess

from harness.dovecot import MAIL_GID, MAIL_UID
from instances import Client, maildir_message, make_maildir
from policies import ALLOW_ALL, HIDE

MANY = 10000
# Rows of so many take some minutes each: only where -k has this number.
HUGE = 100000
LINKED = "-linked"
FEW = 30
RETR_SIZE = 47 * 1024


def _copy(user, template):
    subprocess.run(["rm", "-rf", user.host_home], check=True)
    if not template.endswith(LINKED):
        subprocess.run(["cp", "-a", template, user.host_home], check=True)
        return
    # Nobody writes into the file of a message; into Dovecot's, sessions do.
    subprocess.run(["cp", "-al", template, user.host_home], check=True)
    for folder, _, names in os.walk(user.host_home):
        for name in names:
            if name.startswith(("dovecot", "pop3-policy")):
                path = os.path.join(folder, name)
                subprocess.run(["cp", "-a", path, path + ".copy"],
                               check=True)
                os.rename(path + ".copy", path)


def restore(user, template):
    """Mail that lies on the disk, as mail does that is removed days later:
    what has never been written is removed in no time."""
    _copy(user, template)
    os.sync()


class Mailboxes:
    def __init__(self, instances, folder):
        """instances: plain Dovecot and one with the plugin, which make them.
        folder: where they are kept, on the same file system."""
        self._instances = instances
        self._folder = folder
        os.mkdir(folder)
        self._templates = {}

    def _fill(self, user, sizes):
        """Mail that has just come in."""
        if user.format == "maildir":
            path = os.path.join(self._folder, "maildir")
            make_maildir(path, sizes)
            os.rename(path, os.path.join(user.host_home, "Maildir"))
            return
        # From an mbox: its mail gets GUIDs like those of mail that comes in,
        # while that of a Maildir keeps its long ones.
        dovecot = self._instances[0].dovecot
        folder = os.path.join(dovecot.host_base, "mail", "import")
        shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(folder)
        with open(os.path.join(folder, "inbox"), "wb") as file:
            for number, size in enumerate(sizes, 1):
                file.write(b"From sender@example.org Mon Jun  2 08:00:00 "
                           b"2025\n%s\n" % maildir_message(number, size))
        subprocess.run(["chown", "-R", "%d:%d" % (MAIL_UID, MAIL_GID), folder],
                       check=True)
        place = dovecot.base + "/mail/import"
        source = (["mbox:%s:INBOX=%s/inbox" % (place, place)]
                  if not dovecot.is_24 else
                  ["-p", "mail_inbox_path=%s/inbox" % place,
                   "mbox:" + place])
        dovecot.doveadm("-o", "mail_fsync=never", "import", "-u", user.name, *source, "",
                        "mailbox", "INBOX", "all")

    def get(self, with_plugin, kind, policy=HIDE, format="maildir"):
        """A folder with a user's home, to be copied for each session.

        kind: "few", "many" or "huge", "-retrieved" if POP3 fetched them all
        before. They have been seen by a session, and the plugin by its
        first; "-new": not by one with the plugin; "-kept": they have been
        pinned."""
        key = (with_plugin, kind, policy if with_plugin else None, format)
        if key in self._templates:
            return self._templates[key]
        suffix = LINKED if kind.startswith("huge") else ""
        raw_key = ("raw", kind.split("-")[0], format)
        if raw_key not in self._templates:
            user = self._instances[0].user(format=format)
            if kind.startswith("few"):
                sizes = [(3 + number % 16) * 1024 for number in range(FEW)]
                sizes[0] = RETR_SIZE
                # removed by the first session
                sizes.append(1024)
            elif kind.startswith("huge"):
                sizes = [300] * HUGE
            else:
                sizes = [3000 if number % 10 == 0 else 900
                         for number in range(1, MANY + 1)]
            self._fill(user, sizes)
            # What delivery leaves behind: a cache file. Without it
            # min_retention would see when the copy was made, and each
            # session would begin a cache of its own.
            user.doveadm("fetch", "date.saved", "mailbox", "INBOX", "all")
            client = Client(user)
            client.pop3.list()
            client.pop3.uidl()
            client.quit()
            client.end()
            self._templates[raw_key] = self._keep(user, suffix)
        if kind.endswith("-new"):
            return self._templates[raw_key]
        instance = self._instances[1 if with_plugin else 0]
        user = instance.user(policy, format)
        if kind.startswith("few"):
            restore(user, self._begun(with_plugin, raw_key))
        else:
            restore(user, self._templates[raw_key])
        client = Client(user)
        if kind.endswith("-retrieved"):
            count = client.pop3.stat()[0]
            for first in range(1, count + 1, 500):
                client.pop3.pipeline(["RETR %d" % number for number in range(
                    first, min(first + 500, count + 1))])
        client.pop3.uidl()
        client.quit()
        client.end()
        if with_plugin and kind.endswith("-kept"):
            user.doveadm("pop3 uidl pin")
        self._templates[key] = self._keep(user, suffix)
        return self._templates[key]

    def _begun(self, with_plugin, raw_key):
        """A mailbox from which something was removed before: its journal is
        there already."""
        key = ("begun", with_plugin, raw_key)
        if key not in self._templates:
            user = self._instances[1 if with_plugin else 0].user(ALLOW_ALL,
                                                          raw_key[-1])
            restore(user, self._templates[raw_key])
            client = Client(user)
            client.pop3.ok("DELE %d" % (FEW + 1))
            client.quit()
            client.end()
            self._templates[key] = self._keep(user)
        return self._templates[key]

    def _keep(self, user, suffix=""):
        path = os.path.join(self._folder, "%d%s" % (len(self._templates),
                                                   suffix))
        os.rename(user.host_home, path)
        return path

    def keep_once(self, user):
        path = self._keep(user)
        self._templates[path] = path
        return path
