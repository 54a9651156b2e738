# SPDX-License-Identifier: LGPL-2.1-or-later
"""Listings of another server, as `doveadm pop3 uidl` takes them."""

import json
import os
import re

from .uidls import UidlTest


def answers(rows, ok="+OK\r\n"):
    """What a server answers to UIDL and LIST. rows: (UIDL, size)."""
    lines = [ok]
    for number, (uidl, _) in enumerate(rows, 1):
        lines.append("%d %s\r\n" % (number, uidl))
    lines += [".\r\n", ok]
    for number, (_, size) in enumerate(rows, 1):
        lines.append("%d %d\r\n" % (number, size))
    return "".join(lines) + ".\r\n"


def identities(rows):
    """rows: (UIDL, Message-ID, GUID or hash)."""
    return "".join("%s\t%s\n" % row for row in rows)


def rows_of(output):
    """What doveadm -f json printed, numbers as text: not all versions of
    Dovecot quote them."""
    return [{name: str(value) for name, value in row.items()}
            for row in json.loads(output or b"[]")]


class ListingTest(UidlTest):
    def listing(self, text, name=None):
        """Writes a listing; returns the path that doveadm knows it by."""
        folder = self.dovecot.base + "/listings"
        os.makedirs(self.dovecot.target.host_path(folder), exist_ok=True)
        self.listings = getattr(self, "listings", 0) + 1
        path = "%s/%s" % (folder, name or "listing-%d" % self.listings)
        with open(self.dovecot.target.host_path(path), "w",
                  newline="") as file:
            file.write(text)
        # root's alone
        os.chmod(self.dovecot.target.host_path(path), 0o600)
        return path

    def listed(self, user):
        """What his server shows now, as answers() takes it."""
        client = user.pop3()
        uidls, sizes = client.uidl(), client.list()
        client.quit()
        return [(uidls[number], sizes[number]) for number in uidls]

    def uidl_command(self, user, command, *args, status=0, **kwargs):
        """doveadm pop3 uidl COMMAND. Returns its rows and what it wrote to
        standard error."""
        result = user.doveadm("pop3 uidl " + command, *args, check=False,
                              formatter="json", **kwargs)
        errors = re.sub(r"\x1b\[[0-9;]*m", "", result.stderr.decode())
        self.assertEqual(result.returncode, status, errors)
        return rows_of(result.stdout), errors
