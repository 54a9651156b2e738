# SPDX-License-Identifier: LGPL-2.1-or-later
"""What tests of UIDLs share."""

import base64
import os

from .case import LiveTest
from .users import _FORMATS as FORMATS

KEY = "000102030405060708090a0b0c0d0e0f"
TEMP = "[SYS/TEMP]"

# 2.3's, 2.4's
FORMAT_UID = ("%08Xu%08Xv", "%{uid|hex(8)}%{uidvalidity|hex(8)}")
FORMAT_GUID = ("%g", "%{guid}")
FORMAT_OTHER = ("%v.%u", "%{uidvalidity}.%{uid}")
# 70 characters
FORMAT_LONG = tuple(format + "-" * 54 for format in FORMAT_UID)


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
    formats = ("maildir", "sdbox", "mdbox")

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
        user.set_field("pop3_uidl_format", self.format_field(format))

    def format_field(self, format):
        # auth expands fields
        return format[self.dovecot.is_24].replace("%", "%%")

    def force_resync(self, user):
        self.expect_errors("")
        user.doveadm("force-resync", "*")

    def lose_index(self, user):
        """The indexes of the INBOX; mdbox can't do without its own."""
        self.expect_errors("")
        for folder, _, names in os.walk(user.host_home):
            for name in names:
                if name.startswith("dovecot.index"):
                    os.unlink(os.path.join(folder, name))
        if self.format != "maildir":
            user.doveadm("force-resync", "*")

    def convert(self, user, format_):
        """By dsync; wants the same separator everywhere."""
        location = "%s:%s" % FORMATS[format_]
        user.doveadm("backup", location)
        user.format = format_
        driver, path = FORMATS[format_]
        if user.dovecot.is_24:
            user.fields.pop("mail_inbox_path", None)
            user.fields["mail_driver"] = driver
            user.set_field("mail_path", path)
        else:
            user.set_field("mail", location)

    def keys_of(self, user):
        """His UIDLs under `uidl = keyed`, computed by another program."""
        output = self.dovecot.doveadm(
            "-f", "tab", "mailbox", "status", "-u", user.name, "uidvalidity",
            "INBOX")
        validity = int(output.split()[-1])
        return [keyed("U", validity.to_bytes(4, "big") +
                      uid.to_bytes(4, "big")) for uid in user.uids()]
