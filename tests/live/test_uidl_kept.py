# SPDX-License-Identifier: LGPL-2.1-or-later
"""UIDLs that are kept: exported, pinned, and what they survive."""

import os

from harness import message
from harness.uidls import FORMAT_GUID, FORMAT_OTHER, FORMAT_UID, UidlTest, \
    policy


def listing(text):
    """What `doveadm pop3 uidl export` prints, as pairs."""
    return [tuple(line.split("\t")) for line in text.decode().splitlines()]


class Export(UidlTest):
    """doveadm says what a session shows."""

    pop3_settings = {"pop3_uidl_duplicates": "rename"}

    def check(self, user):
        shown = self.uidls(user)
        guids = {m.uid: m.guid for m in user.messages()}
        exported = listing(user.doveadm("pop3 uidl export"))
        self.assertEqual([uidl for uidl, guid in exported], shown)
        self.assertLessEqual(set(guid for uidl, guid in exported),
                             set(guids.values()))
        return exported

    def test_as_sessions_show_them(self):
        for text in policy("dovecot"), policy("keyed"), policy("keyed:guid"), \
                policy("keyed:content"), policy("keyed", "show = flagged"), \
                policy("dovecot", "delete = hide all"):
            user = self.user(text)
            user.append([message("same"), message("same")] +
                        [message("m%d" % n) for n in range(5)])
            with user.imap() as imap:
                imap.select()
                imap.store("2:5", "+FLAGS", r"(\Flagged)")
            exported = self.check(user)
            # a listing before the first session says the same as after it
            client = user.pop3()
            client.ok("DELE 1")
            client.quit()
            self.assertEqual(self.check(user), exported[1:])

    def test_script(self):
        user = self.user(policy("keyed"))
        user.set_script("""
            function pop3_policy_uidl(session, message)
                if message.number == 2 then return "second" end
                return "s-" .. message.uidl
            end
        """)
        user.set_policy(policy("keyed", "script = %s.lua" % user.name))
        user.append([message("m%d" % n) for n in range(3)])
        keys = self.keys_of(user)
        exported = self.check(user)
        self.assertEqual([uidl for uidl, guid in exported],
                         ["s-" + keys[0], "second", "s-" + keys[2]])

    def test_formats(self):
        for format in FORMAT_UID, FORMAT_GUID, FORMAT_OTHER:
            user = self.user(policy("dovecot", "uidl_storm = allow"))
            self.set_format(user, format)
            user.append([message("m%d" % n) for n in range(3)])
            self.check(user)

    def test_several_users(self):
        users = [self.user(policy("keyed")) for _ in range(2)]
        path = self.dovecot.base + "/users-of-export"
        with open(self.dovecot.target.host_path(path), "w") as file:
            for user in users:
                user.append(message("one"))
                file.write(user.name + "\n")
        self.expect_errors("User iteration")    # not asked for
        exported = listing(self.dovecot.doveadm("pop3", "uidl", "export",
                                                "-F", path))
        self.assertEqual([line[:2] for line in exported],
                         [(user.name, self.keys_of(user)[0])
                          for user in users])

    def test_failures(self):
        user = self.user("[default]\nuidl = wrong\n")
        user.append(message("one"))
        self.expect_errors("policy is broken")
        self.assertEqual(user.doveadm("pop3 uidl export",
                                      check=False).stdout, b"")


class ProtocolFormat(UidlTest):
    """`protocol pop3 { }` is not what doveadm reads for itself."""

    def test_export(self):
        self.dovecot = self.instance(pop3_settings={
            "pop3_uidl_format": FORMAT_OTHER[self.dovecot.is_24]})
        user = self.user(policy("dovecot"))
        user.append([message("m%d" % n) for n in range(3)])
        shown = self.uidls(user)
        self.assertRegex(shown[0], r"^\d+\.1$")
        self.assertEqual([uidl for uidl, guid in
                          listing(user.doveadm("pop3 uidl export"))], shown)


class KeptTest(UidlTest):
    """Users whose UIDLs are pinned under Dovecot's own format, before a change
    to keyed ones."""

    def pinned(self, count=5, **kwargs):
        """Returns the user and his UIDLs."""
        user = self.user(policy("dovecot", "uidl_storm_limit = 0%"), **kwargs)
        user.append([message("m%d" % n) for n in range(count)])
        uidls = self.uidls(user)
        user.doveadm("pop3 uidl pin")
        return user, uidls

    def change_policy(self, user, source="keyed"):
        user.set_policy(policy(source, "uidl_storm_limit = 0%"))

    def store_path(self, user):
        for folder, _, names in os.walk(user.host_home):
            if "pop3-policy.uidls" in names:
                return os.path.join(folder, "pop3-policy.uidls")
        return None


class Pin(KeptTest):
    def test_a_change_of_policy(self):
        user, uidls = self.pinned()
        for source in "keyed", "keyed:guid", "keyed:content":
            self.change_policy(user, source)
            self.assertEqual(self.uidls(user), uidls)
        user.append(message("new"))
        new = self.uidls(user)
        self.assertEqual(new[:5], uidls)
        self.assertEqual(len(new[5]), 22)       # keyed
        exported = listing(user.doveadm("pop3 uidl export"))
        self.assertEqual([uidl for uidl, guid in exported], new)

    def test_a_change_of_format(self):
        user, uidls = self.pinned()
        user.set_policy(policy("dovecot", "uidl_storm_limit = 0%"))
        for format in FORMAT_GUID, FORMAT_OTHER:
            self.set_format(user, format)
            self.assertEqual(self.uidls(user), uidls)

    def test_the_file(self):
        user, _ = self.pinned()
        path = self.store_path(user)
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        self.assertEqual(os.path.dirname(path),
                         os.path.dirname(self.journal_of(user)))

    def journal_of(self, user):
        client = user.pop3()
        client.ok("DELE 1")
        client.quit()
        for folder, _, names in os.walk(user.host_home):
            if "pop3-policy.journal" in names:
                return os.path.join(folder, "pop3-policy.journal")
        raise AssertionError("no journal")
