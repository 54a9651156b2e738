# SPDX-License-Identifier: LGPL-2.1-or-later
"""UIDLs under a key, the same on all ways, and changes that are stopped."""

import base64
import glob
import hashlib
import os
import shutil
import subprocess
import time

from harness import LiveTest, message

KEY = "000102030405060708090a0b0c0d0e0f"
KEY_2 = "f0e1d2c3b4a5968778695a4b3c2d1e0f"
ALL_FORMATS = ("maildir", "sdbox", "mdbox")
TEMP = "[SYS/TEMP]"

# 2.3's, 2.4's
FORMAT_UID = ("%08Xu%08Xv", "%{uid | hex(8)}%{uidvalidity | hex(8)}")
FORMAT_GUID = ("%g", "%{guid}")
FORMAT_OTHER = ("%v.%u", "%{uidvalidity}.%{uid}")


def siphash(key, data):
    """SipHash-2-4-128."""
    mask = (1 << 64) - 1

    def rotate(x, bits):
        return ((x << bits) | (x >> (64 - bits))) & mask

    def rounds(count):
        for _ in range(count):
            v[0] = (v[0] + v[1]) & mask
            v[1] = rotate(v[1], 13) ^ v[0]
            v[0] = rotate(v[0], 32)
            v[2] = (v[2] + v[3]) & mask
            v[3] = rotate(v[3], 16) ^ v[2]
            v[0] = (v[0] + v[3]) & mask
            v[3] = rotate(v[3], 21) ^ v[0]
            v[2] = (v[2] + v[1]) & mask
            v[1] = rotate(v[1], 17) ^ v[2]
            v[2] = rotate(v[2], 32)

    k0, k1 = (int.from_bytes(key[i:i + 8], "little") for i in (0, 8))
    v = [k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d ^ 0xee,
         k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573]
    padded = data + b"\0" * (7 - len(data) % 8) + bytes([len(data) & 255])
    for i in range(0, len(padded), 8):
        word = int.from_bytes(padded[i:i + 8], "little")
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xee
    rounds(4)
    result = (v[0] ^ v[1] ^ v[2] ^ v[3]).to_bytes(8, "little")
    v[1] ^= 0xdd
    rounds(4)
    return result + (v[0] ^ v[1] ^ v[2] ^ v[3]).to_bytes(8, "little")


def keyed(kind, data, key=KEY):
    digest = siphash(bytes.fromhex(key), kind.encode() + data)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def policy(source, *lines):
    return "[default]\nuidl = %s\n" % source + "".join(
        line + "\n" for line in lines)


class UidlTest(LiveTest):
    formats = ALL_FORMATS

    def user(self, text=None, key=KEY, **kwargs):
        fields = dict(kwargs.pop("fields", {}))
        if key is not None:
            fields["pop3_policy_uidl_key"] = key
        return super().user(text, fields=fields, **kwargs)

    def uidls(self, user):
        client = user.pop3()
        uidls = client.uidl()
        client.quit()
        return list(uidls.values())

    def set_format(self, user, format):
        user.set_field("pop3_uidl_format", format[self.dovecot.is_24])

    def force_resync(self, user):
        user.doveadm("force-resync", "INBOX")

    def lose_index(self, user):
        for folder, _, names in os.walk(user.host_home):
            for name in names:
                if name.startswith("dovecot.index") and \
                        not name.startswith("dovecot.map"):
                    os.unlink(os.path.join(folder, name))
        # what dbox can't find by itself
        user.doveadm("force-resync", "INBOX", check=False)

    def convert(self, user, format):
        """His mail in another format, by dsync."""
        other = self.user(None, key=None, format=format)
        if self.dovecot.is_24:
            destination = ["-o", "mail_driver=" + format, "-o"]
        location = {"maildir": "maildir:" + other.home + "/Maildir",
                    "sdbox": "sdbox:" + other.home + "/sdbox",
                    "mdbox": "mdbox:" + other.home + "/mdbox"}[format]
        user.doveadm("backup", location)
        return other

    def keys_of(self, user):
        """{UID: its UIDL} as a script outside can compute it."""
        output = self.dovecot.doveadm(
            "-f", "tab", "mailbox", "status", "-u", user.name, "uidvalidity",
            "INBOX")
        validity = int(output.split()[-1])
        return [keyed("U", validity.to_bytes(4, "big") +
                      uid.to_bytes(4, "big")) for uid in user.uids()]


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
    def test_mail_keeps_what_it_had(self):
        for source in "keyed", "keyed:guid", "keyed:content":
            user = self.user(policy(source))
            same = message("same")
            user.append([message("one"), same, same])
            before = self.uidls(user)
            user.set_policy(policy(source, "uidl_storm_limit = 0%"))
            user.append(message("new"))
            # one field of a passwd-file has no blanks: the file of the
            # setting would
            user.set_field("pop3_policy_uidl_key", KEY_2 + "%09" + KEY)
            user.set_field("pop3_policy_uidl_key", KEY_2)
