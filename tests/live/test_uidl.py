# SPDX-License-Identifier: LGPL-2.1-or-later
"""UIDLs under a key: what they are and what they survive."""

import hashlib
import os

from harness import data_messages, message
from harness.uidls import KEY, TEMP, UidlTest, keyed, policy

KEY_2 = "f0e1d2c3b4a5968778695a4b3c2d1e0f"


class Keyed(UidlTest):
    def test_what_it_is(self):
        user = self.user(policy("keyed"))
        user.append([message("m%d" % n) for n in range(5)])
        uidls = self.uidls(user)
        self.assertEqual(uidls, self.keys_of(user))
        client = user.pop3()
        self.assertEqual(client.cmd("UIDL 3").text, "+OK 3 " + uidls[2])
        client.err("UIDL 6")
        client.quit()
        # an older client's first command
        client = user.pop3()
        client.ok("DELE 2")
        self.assertEqual(client.uidl(), {1: uidls[0], 3: uidls[2],
                                         4: uidls[3], 5: uidls[4]})
        client.quit()
        del uidls[1]
        self.assertEqual(self.uidls(user), uidls)
        if self.format == "maildir":
            self.force_resync(user)
            self.assertEqual(self.uidls(user), uidls)

    def test_guid(self):
        user = self.user(policy("keyed:guid"))
        user.append([message("m%d" % n) for n in range(5)])
        want = [keyed("G", m.guid.encode()) for m in user.messages()]
        self.assertEqual(self.uidls(user), want)
        self.force_resync(user)
        self.assertEqual(self.uidls(user), want)
        if self.format != "mdbox":
            self.lose_index(user)
            self.assertEqual(self.uidls(user), want)

    def test_content(self):
        texts = [message("m%d" % n) for n in range(5)]
        user = self.user(policy("keyed:content"))
        user.append(texts)
        want = [keyed("C", hashlib.sha256(
            t.replace(b"\r", b"").rstrip(b"\n")).digest()[:16])
            for t in texts]
        self.assertEqual(self.uidls(user), want)
        self.force_resync(user)
        self.assertEqual(self.uidls(user), want)
        if self.format != "mdbox":
            self.lose_index(user)
            self.assertEqual(self.uidls(user), want)

    def test_content_is_read_once(self):
        user = self.user(policy("keyed:content"))
        user.append([message("m%d" % n) for n in range(5)])
        first = self.uidls(user)
        user.append(message("new"))
        if self.format == "maildir":
            # what is in the files now would give others
            for path in user.mail_files():
                path = os.path.join(user.host_home, path)
                with open(path, "rb") as file:
                    text = file.read()
                if b"Subject: new" in text:
                    continue
                with open(path, "r+b") as file:
                    file.seek(text.index(b"Hello"))
                    file.write(b"Jello")
            self.assertEqual(self.uidls(user)[:5], first)
        self.assertEqual(len(set(self.uidls(user))), 6)

    def test_refused_without_a_key(self):
        for key, error in (None, "empty"), ("", "empty"), (KEY[:30], "short"), \
                (KEY + "z", "digit"):
            user = self.user(policy("keyed"), key=key)
            user.append([message("one"), message("two")])
            self.expect_errors("Can't list UIDLs: pop3_policy_uidl_key: ")
            client = user.pop3()
            client.err("UIDL", TEMP)
            client.err("UIDL 1", TEMP)
            self.assertEqual(len(client.list()), 2)
            client.retr(1)
            client.ok("DELE 1")
            client.quit()
            self.wait_log("pop3_policy_uidl_key: .*%s" % error)
            self.assertEqual(user.uids(), [2])

    def test_another_uidvalidity(self):
        """UIDs mean something else then."""
        user = self.user(policy("keyed", "uidl_storm = allow"))
        by_guid = self.user(policy("keyed:guid"))
        for each in user, by_guid:
            each.append([message("m%d" % n) for n in range(3)])
        before = self.uidls(user), self.uidls(by_guid)
        for each in user, by_guid:
            each.doveadm("mailbox update", "--uid-validity", "123456789",
                         "INBOX")
        after = self.uidls(user), self.uidls(by_guid)
        self.assertFalse(set(before[0]) & set(after[0]))
        self.assertEqual(after[0], self.keys_of(user))
        self.assertEqual(after[1], before[1])


class Duplicates(UidlTest):
    def test_of_content(self):
        """Numbered over all mail; neither removing nor hiding renames."""
        same, other = message("same"), message("other")
        user = self.user(policy("keyed:content", "delete = hide flagged",
                                "  allow all"))
        user.pop3().quit()
        user.append([same, same, other, same])
        uidls = self.uidls(user)
        self.assertEqual(uidls[1], uidls[0] + "-2")
        self.assertEqual(uidls[3], uidls[0] + "-3")
        self.assertEqual(len(set(uidls)), 4)
        with user.imap() as imap:
            imap.select()
            imap.store("1", "+FLAGS", r"(\Flagged)")
        client = user.pop3()
        client.retr(1)
        client.ok("DELE 1")         # hides it
        client.quit()
        self.assertEqual(self.uidls(user), uidls[1:])
        client = user.pop3()
        client.ok("DELE 1")         # removes the second
        client.quit()
        self.assertEqual(self.uidls(user), uidls[2:])
        user.append(same)
        new = self.uidls(user)
        self.assertEqual(new[:2], uidls[2:])
        self.assertEqual(new[2], uidls[0] + "-4")

    def test_line_ends_and_state_headers(self):
        """What other servers change doesn't count."""
        plain = message("plain", body="one\r\ntwo\r\n")
        head, body = plain.split(b"\r\n\r\n", 1)
        user = self.user(policy("keyed:content"))
        user.save(plain.replace(b"\r\n", b"\n"))
        user.save(head + b"\r\nX-UIDL: abc\r\nStatus: RO\r\nX-Status: A\r\n"
                  b"X-Keywords: x\r\nContent-Length: 3\r\nX-UID: 7\r\n\r\n" +
                  body)
        user.save(plain + b"\r\n\r\n")
        user.save(plain[:-2])
        user.save(plain + b".\r\n")
        user.save(b"X-Other: 1\r\n" + plain)
        uidls = self.uidls(user)
        self.assertEqual(uidls[1:4], [uidls[0] + "-%d" % n
                                      for n in (2, 3, 4)])
        self.assertEqual(len(set(u[:22] for u in uidls)), 3)


class Rotation(UidlTest):
    """The setting is in a file that only root can read."""

    def key_file(self, text):
        path = self.dovecot.base + "/uidl.key.%d" % len(text)
        with open(self.dovecot.target.host_path(path), "w") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(text)
        return path

    def instance_with(self, text):
        line = "pop3_policy_uidl_key = <%s\n" % self.key_file(text)
        if not self.dovecot.is_24:
            line = "plugin {\n  " + line + "}\n"
        return self.instance(extra=line)

    def rotated(self, user, keys, text):
        """The same mail under other keys."""
        other = self.user(text, key=None, dovecot=self.instance_with(keys))
        other.copy_mail_from(user)
        return other

    def test_key_from_a_file(self):
        user = self.user(policy("keyed"), key=None,
                         dovecot=self.instance_with(KEY + "\n"))
        user.append([message("one"), message("two")])
        self.dovecot = user.dovecot
        self.assertEqual(self.uidls(user), self.keys_of(user))

    def test_mail_keeps_what_it_had(self):
        for source in "keyed", "keyed:guid", "keyed:content":
            first = self.user(policy(source))
            same = message("same")
            first.append([message("one"), same, same] +
                         [message("m%d" % n) for n in range(30)])
            before = self.uidls(first)
            user = self.rotated(first, KEY_2 + "\n" + KEY + "\n",
                                policy(source, "uidl_storm_limit = 0%"))
            user.append([message("new"), same])
            after = self.uidls(user)
            self.assertEqual(after[:-2], before)
            if source == "keyed:content":
                # the first of its kind under the new key
                self.assertEqual(len(after[-1]), 22)
            self.assertEqual(len(set(after)), len(after))
            self.assertEqual(self.uidls(user), after)
            # the order of keys says which one is for new mail
            last = self.rotated(user, KEY + " " + KEY_2, policy(source))
            last.append(message("last"))
            self.assertEqual(self.uidls(last)[:-1], after)
            # without the old one it is a storm
            self.expect_errors("UIDL refused: 33 of 35 messages ")
            gone = self.rotated(user, KEY_2, policy(source))
            gone.pop3().err("UIDL", TEMP)


class Conversion(UidlTest):
    formats = ("maildir",)
    extra_config = "namespace inbox {\n  separator = /\n}\n"

    def test_through_all(self):
        for source in "keyed:guid", "keyed:content":
            user = self.user(policy(source))
            same = message("same")
            user.append(data_messages() + [same, same])
            user.deliver(message("delivered"))
            user.save(message("saved").replace(b"\r\n", b"\n"))
            before = self.uidls(user)
            for format_ in "sdbox", "mdbox", "sdbox":
                self.convert(user, format_)
                self.assertEqual(self.uidls(user), before)

    def test_imap_copy_to_another_server(self):
        """Only the content is the same there."""
        old = self.user(policy("keyed:content"))
        old.append(data_messages() + [message("m%d" % n) for n in range(3)])
        before = self.uidls(old)
        for format_ in "maildir", "mdbox":
            new = self.user(policy("keyed:content"), format=format_,
                            dovecot=self.instance(settings={
                                "mail_save_crlf": "yes"}))
            with old.imap() as imap:
                imap.select(readonly=True)
                data = imap.uid("FETCH", "1:*", "(BODY.PEEK[])")[1]
            new.append([part[1] for part in data if isinstance(part, tuple)])
            self.assertEqual(self.uidls(new), before)
