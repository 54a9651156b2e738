# SPDX-License-Identifier: LGPL-2.1-or-later
"""What tests of kept UIDLs share."""

import os

from .mails import message
from .uidls import FORMAT_LONG, TEMP, UidlTest, policy

STORE = "pop3-policy.uidls"


def listing(text):
    """What `doveadm pop3 uidl export` prints, as pairs."""
    return [tuple(line.split("\t")) for line in text.decode().splitlines()]


class KeptTest(UidlTest):
    def pinned(self, count=5, **kwargs):
        """A user whose UIDLs were pinned under Dovecot's own format, and
        these."""
        user = self.user(policy("dovecot", "uidl_storm_limit = 0%"), **kwargs)
        user.append([message("m%d" % n) for n in range(count)])
        uidls = self.uidls(user)
        user.doveadm("pop3 uidl pin")
        return user, uidls

    def user_with_parts(self):
        """A user whose UIDLs are so long that those of few messages fill
        more than one part of a store."""
        user = self.user(policy("dovecot", "uidl_storm_limit = 0%"), fields={
            "pop3_uidl_format": self.format_field(FORMAT_LONG)})
        user.append([message("m%d" % n) for n in range(330)])
        return user

    def pinned_in_parts(self):
        """He, pinned, and his UIDLs."""
        user = self.user_with_parts()
        uidls = self.uidls(user)
        user.doveadm("pop3 uidl pin")
        return user, uidls

    def change_policy(self, user, source="keyed", *lines):
        user.set_policy(policy(source, "uidl_storm_limit = 0%", *lines))

    def find(self, user, wanted):
        for folder, _, names in os.walk(user.host_home):
            if wanted in names:
                return os.path.join(folder, wanted)
        return None

    def store(self, user):
        return self.find(user, STORE)

    def kept(self, user):
        """UIDLs that are in the file."""
        with open(self.store(user)) as file:
            lines = file.read().split("\n")
        parts = {int(key.split("/")[-1]): value.split(" ")[4::3]
                 for key, value in zip(lines[::2], lines[1::2])
                 if not key.endswith("/head")}
        return [uidl for number in sorted(parts) for uidl in parts[number]]

    def refused(self, user, error):
        """UIDL is, everything else works."""
        self.expect_errors("Can't list UIDLs: Kept UIDLs: .*" + error)
        client = user.pop3()
        client.err("UIDL", TEMP)
        client.err("UIDL 1", TEMP)
        numbers = client.list()
        client.retr(1)
        client.ok("DELE %d" % len(numbers))
        client.quit()
        self.wait_log("Kept UIDLs: .*" + error)
        self.assertEqual(user.count(), len(numbers) - 1)
