# SPDX-License-Identifier: LGPL-2.1-or-later
"""UIDLs that are kept: exported, pinned, and what they survive."""

import os
import shutil
import subprocess
import threading

from harness import message
from harness.kept import STORE, KeptTest, listing
from harness.uidls import FORMAT_GUID, FORMAT_OTHER, FORMAT_UID, TEMP, \
    UidlTest, policy


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
            user = self.user(policy("dovecot"), fields={
                "pop3_uidl_format": self.format_field(format)})
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

    def test_an_empty_inbox(self):
        for source in "dovecot", "keyed", "keyed:guid":
            user = self.user(policy(source))
            self.assertEqual(user.doveadm("pop3 uidl export"), b"")
            user.doveadm("pop3 uidl pin")
            self.assertEqual(self.uidls(user), [])

    def test_in_dovecots_own_process(self):
        """The configuration comes from elsewhere there."""
        user = self.user(policy("keyed"))
        user.append(message("one"))
        exported = user.doveadm("pop3 uidl export", "-S", os.path.join(
            self.dovecot.base, "run", "doveadm-server"))
        self.assertEqual(listing(exported)[0][0], self.keys_of(user)[0])

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
        for format in FORMAT_GUID, FORMAT_OTHER:
            self.set_format(user, format)
            self.assertEqual(self.uidls(user), uidls)

    def test_a_script(self):
        user, uidls = self.pinned()
        user.append(message("new"))
        user.set_script("""
            function pop3_policy_uidl(session, message)
                return "%s"
            end
        """ % uidls[1])
        self.change_policy(user, "keyed", "script = %s.lua" % user.name)
        self.assertEqual(self.uidls(user), uidls + [uidls[1] + "-2"])

    def test_again(self):
        """Only what is new is pinned."""
        user, uidls = self.pinned()
        self.change_policy(user)
        user.append(message("new"))
        user.doveadm("pop3 uidl pin")
        with open(self.store(user), "rb") as file:
            before = file.read()
        user.doveadm("pop3 uidl pin")
        with open(self.store(user), "rb") as file:
            self.assertEqual(file.read(), before)
        new = self.uidls(user)
        self.change_policy(user, "dovecot")
        self.assertEqual(self.uidls(user), new)
        self.assertEqual(new[:5], uidls)

    def test_a_broken_policy(self):
        """It doesn't show others, which would be refused."""
        user = self.user(policy("keyed"))
        user.append([message("m%d" % n) for n in range(3)])
        uidls = self.uidls(user)
        user.doveadm("pop3 uidl pin")
        user.set_policy("[default]\nuidl = keyed\ndelete = wrong\n")
        self.expect_errors("Policy is broken")
        self.assertEqual(self.uidls(user), uidls)

    def test_without_a_policy(self):
        """Nothing has an effect, until there is one."""
        user = self.user(policy("dovecot"))
        user.append([message("m%d" % n) for n in range(3)])
        user.set_policy("")
        uidls = self.uidls(user)
        user.doveadm("pop3 uidl pin")
        self.set_format(user, FORMAT_OTHER)
        others = self.uidls(user)
        self.assertFalse(set(uidls) & set(others))
        user.set_policy("[default]\n")
        self.assertEqual(self.uidls(user), uidls)

    def test_the_file(self):
        user, _ = self.pinned()
        path = self.store(user)
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        client = user.pop3()
        client.ok("DELE 1")
        client.quit()
        self.assertEqual(os.path.dirname(path), os.path.dirname(
            self.find(user, "pop3-policy.journal")))

    def test_hidden_mail(self):
        """It may be shown again."""
        user = self.user(policy("dovecot", "delete = hide all"))
        user.append([message("m%d" % n) for n in range(3)])
        uidls = self.uidls(user)
        client = user.pop3()
        client.ok("DELE 2")
        client.quit()
        user.doveadm("pop3 uidl pin")
        self.change_policy(user)
        self.assertEqual(self.uidls(user), [uidls[0], uidls[2]])
        with user.imap() as imap:
            imap.select()
            imap.store("2", "-FLAGS", "$POP3Hidden")
        self.assertEqual(self.uidls(user), uidls)

    def test_more_than_a_part(self):
        user, uidls = self.pinned_in_parts()
        with open(self.store(user)) as file:
            self.assertRegex(file.read(), r"/uidls/1\n")
        self.change_policy(user)
        self.assertEqual(self.uidls(user), uidls)
        self.assertEqual(self.kept(user), uidls)

    def test_nobody_else_sees_it(self):
        user, _ = self.pinned()
        for field in "pop3.uidl", "guid":
            before = user.doveadm("fetch", field, "all")
            user.doveadm("pop3 uidl unpin")
            self.assertEqual(user.doveadm("fetch", field, "all"), before)
            user.doveadm("pop3 uidl pin")

    def test_two_at_once(self):
        user = self.user_with_parts()
        uidls = self.uidls(user)

        def pin():
            user.doveadm("pop3 uidl pin")

        threads = [threading.Thread(target=pin) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(3):
            self.assertEqual(self.uidls(user), uidls)
        for thread in threads:
            thread.join()
        self.assertEqual(self.kept(user), uidls)
        self.change_policy(user)
        self.assertEqual(self.uidls(user), uidls)


class Unpin(KeptTest):
    def test_is_a_storm(self):
        user, uidls = self.pinned(30)
        self.change_policy(user)
        self.assertEqual(self.uidls(user), uidls)
        user.doveadm("pop3 uidl unpin")
        self.assertIsNone(self.store(user))
        self.expect_errors("UIDL refused: 30 of 30 messages ")
        client = user.pop3()
        client.err("UIDL", TEMP)
        client.quit()
        user.doveadm("pop3 uidl accept")
        self.assertEqual(self.uidls(user), self.keys_of(user))

    def test_of_what_is_not_there(self):
        user = self.user(policy("keyed"))
        user.append(message("one"))
        user.doveadm("pop3 uidl unpin")
        self.assertIsNone(self.store(user))
        self.assertEqual(self.uidls(user), self.keys_of(user))


class Survives(KeptTest):
    def test_index_loss(self):
        user, uidls = self.pinned()
        self.change_policy(user)
        self.force_resync(user)
        self.assertEqual(self.uidls(user), uidls)
        if self.format != "mdbox":
            self.lose_index(user)
            self.assertEqual(self.uidls(user), uidls)

    def test_another_uidvalidity(self):
        user, uidls = self.pinned()
        self.change_policy(user)
        user.doveadm("mailbox update", "--uid-validity", "123456789", "INBOX")
        self.assertEqual(self.uidls(user), uidls)
        # noted after that session
        with open(self.store(user)) as file:
            self.assertIn(" 123456789 6 5 1\n", file.read())
        user.append(message("new"))
        self.assertEqual(self.uidls(user)[:5], uidls)

    def test_copies(self):
        """They have one GUID."""
        user = self.user(policy("keyed"))
        user.append([message("m%d" % n) for n in range(2)])
        with user.imap() as imap:
            imap.select()
            for _ in range(2):
                imap.copy("1", "INBOX")
        uidls = self.uidls(user)
        guids = [m.guid for m in user.messages()]
        self.assertEqual(guids[2:], [guids[0]] * 2)
        user.doveadm("pop3 uidl pin")
        for validity in "123456789", "223456789":
            user.doveadm("mailbox update", "--uid-validity", validity, "INBOX")
            self.assertEqual(self.uidls(user), uidls)
        self.assertEqual(self.kept(user), uidls)

    def restored(self, *, kept, restored, new):
        """The mailbox of a backup, with as many messages of those that are
        kept, under a newer store; returns what these keep."""
        user = self.user(policy("keyed:guid", "uidl_storm = allow"))
        user.append([message("m%d" % n) for n in range(restored)])
        backup = user.host_home + ".backup"
        subprocess.run(["cp", "-a", user.host_home, backup], check=True)
        user.append([message("m%d" % n) for n in range(restored, kept)])
        self.change_policy(user, "dovecot", "uidl_storm = allow")
        uidls = self.uidls(user)
        user.doveadm("pop3 uidl pin")
        store = self.store(user)
        with open(store, "rb") as file:
            text = file.read()
        stat = os.stat(store)
        subprocess.run(["rm", "-rf", user.host_home], check=True)
        os.rename(backup, user.host_home)
        with open(store, "wb") as file:
            file.write(text)
        os.chown(store, stat.st_uid, stat.st_gid)
        os.chmod(store, 0o600)
        self.change_policy(user, "keyed:guid", "uidl_storm = allow")
        user.append([message("new%d" % n) for n in range(new)])
        return user, uidls

    def test_restored(self):
        """New mail has UIDs of other messages, but not their UIDLs, which
        clients know: they would never download it."""
        for new in 0, 2, 3, 5:
            user, uidls = self.restored(kept=6, restored=3, new=new)
            shown = self.uidls(user)
            self.assertEqual(shown[:3], uidls[:3])
            self.assertEqual(len(shown), 3 + new)
            self.assertFalse(set(shown[3:]) & set(uidls))
            # what was noted is right; what isn't here is not forgotten
            self.assertEqual(sorted(self.kept(user)), sorted(uidls))
            user.append(message("more"))
            again = self.uidls(user)
            self.assertEqual(again[:-1], shown)
            self.assertNotIn(again[-1], uidls)

    def test_an_empty_inbox(self):
        """One that is about to be filled again loses nothing."""
        user, uidls = self.pinned()
        self.change_policy(user)
        # so that it has another UIDVALIDITY
        self.clock.set("1d")
        os.rename(user.host_home, user.host_home + ".old")
        os.mkdir(user.host_home, 0o700)
        stat = os.stat(user.host_home + ".old")
        os.chown(user.host_home, stat.st_uid, stat.st_gid)
        user.pop3().quit()
        new = os.path.dirname(self.find(user, "dovecot-uidvalidity"))
        path = self.store(user) or os.path.join(new, STORE)
        old = [os.path.join(folder, STORE) for folder, _, names
               in os.walk(user.host_home + ".old") if STORE in names]
        shutil.copy2(old[0], path)
        os.chown(path, stat.st_uid, stat.st_gid)
        user.append(message("new"))
        self.assertEqual(self.uidls(user), self.keys_of(user))
        user.doveadm("pop3 uidl pin")
        self.assertEqual(sorted(self.kept(user)),
                         sorted(uidls + self.keys_of(user)))
        subprocess.run(["rm", "-rf", user.host_home + ".old"], check=True)


class Conversion(KeptTest):
    formats = ("maildir",)
    extra_config = "namespace inbox {\n  separator = /\n}\n"

    def test_through_all(self):
        user, uidls = self.pinned()
        self.change_policy(user)
        for format_ in "sdbox", "mdbox", "maildir":
            old = self.store(user)
            self.convert(user, format_)
            root = os.path.join(user.host_home, format_ if
                                format_ != "maildir" else "Maildir")
            os.rename(old, os.path.join(root, STORE))
            user.append(message("new in " + format_))
            self.assertEqual(self.uidls(user)[:5], uidls)


class Damaged(KeptTest):
    def test_no_rights(self):
        user, uidls = self.pinned()
        os.chmod(self.store(user), 0)
        self.refused(user, "Permission denied")
        self.expect_errors("Pinning UIDLs failed: ", "Kept UIDLs: ")
        user.doveadm("pop3 uidl pin", check=False)
        os.chmod(self.store(user), 0o600)
        self.assertEqual(self.uidls(user), uidls[:4])

    def test_cannot_be_written(self):
        user, uidls = self.pinned()
        path = self.store(user)
        with open(path, "rb") as file:
            text = file.read()
        user.append(message("new"))
        mode = os.stat(os.path.dirname(path)).st_mode
        os.chmod(os.path.dirname(path), 0o500)
        self.expect_errors("")
        result = user.doveadm("pop3 uidl pin", check=False)
        self.assertEqual(result.returncode, 75)
        self.assertRegex(result.stderr, b"Pinning UIDLs failed: .*Permission")
        os.chmod(os.path.dirname(path), mode)
        with open(path, "rb") as file:
            self.assertEqual(file.read(), text)
        self.assertEqual(self.uidls(user)[:5], uidls)
        user.doveadm("pop3 uidl pin")
        self.assertEqual(self.kept(user)[:5], uidls)

    def test_bytes(self):
        def part_missing(text):
            lines = text.split(b"\n")
            at = lines.index(b"priv/pop3-policy/uidls/0")
            return b"\n".join(lines[:at] + lines[at + 2:])

        def head_missing(text):
            lines = text.split(b"\n")
            at = lines.index(b"priv/pop3-policy/uidls/head")
            return b"\n".join(lines[:at] + lines[at + 2:])

        def flipped(text):
            at = text.index(b"uidls/0") + 100
            return text[:at] + bytes([text[at] ^ 1]) + text[at + 1:]

        for damage in lambda text: b"", lambda text: text[:200], flipped, \
                part_missing, head_missing:
            user, uidls = self.pinned()
            path = self.store(user)
            with open(path, "rb") as file:
                text = file.read()
            # dovecot looks at the inode
            for new in damage(text), text:
                with open(path + ".new", "wb") as file:
                    file.write(new)
                stat = os.stat(path)
                os.chown(path + ".new", stat.st_uid, stat.st_gid)
                os.chmod(path + ".new", 0o600)
                os.rename(path + ".new", path)
                if new != text:
                    self.refused(user, "is damaged|Parts are missing")
            self.assertEqual(self.uidls(user), uidls[:4])

    def test_unpin(self):
        """The way out of it."""
        user, uidls = self.pinned()
        with open(self.store(user), "w") as file:
            file.write("nonsense\n")
        user.doveadm("pop3 uidl unpin")
        self.assertEqual(self.uidls(user), uidls)


class Cleanup(KeptTest):
    def test_of_removed_mail(self):
        user, uidls = self.pinned(30)
        client = user.pop3()
        client.ok("DELE 1")
        client.quit()
        self.assertEqual(self.uidls(user), uidls[1:])
        # not worth a write
        self.assertEqual(self.kept(user), uidls)
        client = user.pop3()
        for number in 1, 2, 3:
            client.ok("DELE %d" % number)
        client.quit()
        self.assertEqual(self.uidls(user), uidls[4:])
        self.assertEqual(self.kept(user), uidls[4:])
        with user.imap() as imap:
            imap.select()
            imap.store("1", "+FLAGS", r"(\Deleted)")
            imap.expunge()
        user.doveadm("pop3 uidl pin")
        self.assertEqual(self.kept(user), uidls[5:])
