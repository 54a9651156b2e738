# SPDX-License-Identifier: LGPL-2.1-or-later
"""Users of an instance: mail, policy, and what is on disk."""

import collections
import hashlib
import imaplib
import os
import re
import smtplib
import subprocess
import time

from .pop3 import Pop3

# flags: frozenset of flags and keywords, less \Recent, which is nobody's.
# sha256: of the bytes as IMAP gives them. received, saved: Unix times.
Message = collections.namedtuple(
    "Message", "uid guid flags size received saved sha256")

_FORMATS = {
    "maildir": ("maildir", "~/Maildir"),
    "sdbox": ("sdbox", "~/sdbox"),
    "mdbox": ("mdbox", "~/mdbox"),
}


def _flags(text):
    return frozenset(text.split()) - {r"\Recent"}


class User:
    """format: maildir, sdbox or mdbox. policy: text of his policy file, or
    None for none at all. section: the setting pop3_policy. fields: more
    userdb fields, which override settings."""

    password = "secret"

    def __init__(self, dovecot, name, format="maildir", policy=None,
                 section=None, fields=None, transcripts=None):
        self.dovecot = dovecot
        self.name = name
        self.format = format
        self.fields = dict(fields or {})
        self._transcripts = transcripts
        self.home = dovecot.base + "/mail/" + name
        self.host_home = dovecot.host_base + "/mail/" + name
        os.mkdir(self.host_home, 0o700)
        parent = os.stat(os.path.dirname(self.host_home))
        os.chown(self.host_home, parent.st_uid, parent.st_gid)
        driver, path = _FORMATS[format]
        if dovecot.is_24:
            self.fields["mail_driver"] = driver
            self.fields["mail_path"] = path
            if driver == "maildir":
                self.fields["mail_inbox_path"] = path
        else:
            self.fields["mail"] = driver + ":" + path
        self.policy_path = dovecot.base + "/policy/" + name + ".conf"
        if policy is not None:
            self._write_policy(policy)
            self.fields["pop3_policy_file"] = self.policy_path
        if section is not None:
            self.fields["pop3_policy"] = section
        self._write_passwd()

    def _write_passwd(self):
        # auth lower-cases the name that was typed.
        path = os.path.join(self.dovecot.users_dir, self.name.lower())
        with open(path + ".new", "w") as file:
            file.write("%s:{PLAIN}%s::::%s::%s\n" % (
                self.name, self.password, self.home, " ".join(
                    "userdb_%s=%s" % item for item in self.fields.items())))
        os.rename(path + ".new", path)

    def set_field(self, name, value):
        """Sets a userdb field; None removes it. For the next login. Takes a
        second: auth looks for changes no more often."""
        if value is None:
            self.fields.pop(name, None)
        else:
            self.fields[name] = value
        self._write_passwd()
        time.sleep(1.1)

    # Policy

    def _write_policy(self, text):
        if isinstance(text, str):
            text = text.encode()
        path = self.dovecot.target.host_path(self.policy_path)
        with open(path + ".new", "wb") as file:
            file.write(text)
        os.chmod(path + ".new", 0o644)
        # A new inode, so that it is seen even within one tick of mtime.
        os.rename(path + ".new", path)

    def set_policy(self, text):
        """Replaces his policy file (str or bytes); None: no policy file."""
        if text is None:
            self.set_field("pop3_policy_file", None)
            return
        self._write_policy(text)
        if "pop3_policy_file" not in self.fields:
            self.set_field("pop3_policy_file", self.policy_path)

    def set_script(self, text, name=None):
        """Writes a Lua script (str or bytes) or a list beside his policy
        file. name: default USER.lua. Returns its path as Dovecot sees it."""
        if isinstance(text, str):
            text = text.encode()
        name = name or self.name + ".lua"
        path = os.path.dirname(self.policy_path) + "/" + name
        host_path = self.dovecot.target.host_path(path)
        with open(host_path + ".new", "wb") as file:
            file.write(text)
        os.chmod(host_path + ".new", 0o644)
        os.rename(host_path + ".new", host_path)
        return path

    # Mail comes in

    def append(self, messages, flags=(), received=None, mailbox="INBOX"):
        """Saves messages (bytes, or a list of them) by IMAP, byte for byte
        but for LF, which becomes CRLF. flags: e.g. [r"\\Seen", "$Keyword"].
        received: Unix time of INTERNALDATE. Returns their UIDs."""
        if isinstance(messages, bytes):
            messages = [messages]
        uids = []
        with self.imap() as imap:
            date = None if received is None else \
                imaplib.Time2Internaldate(received)
            for message in messages:
                status, data = imap.append(
                    mailbox, "(%s)" % " ".join(flags), date, message)
                if status != "OK":
                    raise AssertionError("APPEND: %r" % data)
                uids.append(int(re.search(rb"APPENDUID \d+ (\d+)",
                                          data[0]).group(1)))
        return uids

    def deliver(self, message):
        """Delivers a message (bytes) by dovecot-lda."""
        result = self.dovecot.run(
            [self.dovecot.libexec + "/dovecot-lda", "-c", self.dovecot.conf,
             "-d", self.name, "-f", "sender@example.org"], message)
        if result.returncode != 0:
            raise AssertionError("dovecot-lda: %s" % result.stderr.decode())

    def deliver_lmtp(self, messages):
        """Delivers messages (bytes, or a list of them) by LMTP."""
        if isinstance(messages, bytes):
            messages = [messages]
        for message in messages:
            with smtplib.LMTP("127.0.0.1", self.dovecot.lmtp_port) as lmtp:
                # Bytes as they are; sendmail() would mend the line ends.
                lmtp.ehlo()
                lmtp.mail("sender@example.org")
                lmtp.rcpt(self.name)
                code, text = lmtp.data(message)
                if code != 250:
                    raise AssertionError("LMTP: %d %r" % (code, text))

    def save(self, message, mailbox="INBOX"):
        """Saves a message (bytes) by doveadm save, LF left as it is."""
        self.doveadm("save", "-m", mailbox, input=message)

    def copy_mail_from(self, other):
        """Replaces his mail, indexes included, by a copy of that of another
        user of the same format, whose sessions have ended; of another
        instance too."""
        if other.format != self.format:
            raise ValueError("the formats differ")
        subprocess.run(["rm", "-rf", self.host_home], check=True)
        subprocess.run(["cp", "-a", other.host_home, self.host_home],
                       check=True)

    # Sessions

    def pop3(self, login=True, **kwargs):
        client = Pop3(self.dovecot, self.name, self.password,
                      self._transcripts, **kwargs)
        if login:
            client.login()
        return client

    def imap(self):
        """A logged in imaplib.IMAP4, to be used in a with statement."""
        imap = imaplib.IMAP4("127.0.0.1", self.dovecot.imap_port, timeout=30)
        imap.login(self.name, self.password)
        return imap

    def doveadm(self, command, *args, **kwargs):
        """doveadm COMMAND -u USER ARGS; the command may have two words. See
        Dovecot.doveadm()."""
        return self.dovecot.doveadm(*command.split(), "-u", self.name, *args,
                                    **kwargs)

    # What is there

    def _texts(self, mailbox):
        """{UID: sha256} of all messages; IMAP, since doveadm's formats do not
        carry any bytes whatever."""
        with self.imap() as imap:
            imap.select(mailbox, readonly=True)
            data = imap.uid("FETCH", "1:*", "(BODY.PEEK[])")[1]
        return {int(re.search(rb"UID (\d+)", part[0]).group(1)):
                hashlib.sha256(part[1]).hexdigest()
                for part in data if isinstance(part, tuple)}

    def messages(self, mailbox="INBOX", query=("all",)):
        """All messages, hidden ones as well, in the order of UIDs."""
        output = self.dovecot.doveadm(
            "-f", "pager", "fetch", "-u", self.name,
            "uid guid flags size.physical date.received.unixtime "
            "date.saved.unixtime text", "mailbox", mailbox, *query)
        messages = []
        # One page a message; the text stands last, as it is.
        for page in re.split(rb"(?:^|\f\n)(?=uid: \d+\nguid: )", output):
            if not page:
                continue
            fields, text = page.split(b"\ntext:\n", 1)
            uid, guid, flags, size, received, saved = (
                line.split(b": ", 1)[1].decode()
                for line in fields.split(b"\n"))
            messages.append(Message(
                int(uid), guid, _flags(flags), int(size),
                int(received), int(saved), hashlib.sha256(text).hexdigest()))
        return sorted(messages)

    def uids(self, mailbox="INBOX"):
        """UIDs of all messages, hidden ones as well."""
        output = self.dovecot.doveadm("-f", "tab", "fetch", "-u", self.name,
                                      "uid", "mailbox", mailbox, "all")
        return sorted(int(line) for line in output.split()[1:])

    def count(self, mailbox="INBOX"):
        return len(self.uids(mailbox))

    def flags(self, uid, mailbox="INBOX"):
        """Flags and keywords of one message, a frozenset."""
        output = self.dovecot.doveadm(
            "-f", "tab", "fetch", "-u", self.name, "flags",
            "mailbox", mailbox, "uid", str(uid))
        return _flags(output.split(b"\n")[1].decode())

    def mail_files(self):
        """{path below the home: sha256} of the files that hold mail: those in
        cur/ and new/ of a Maildir, u.* and m.* of dbox."""
        found = {}
        for folder, _, names in os.walk(self.host_home):
            for name in names:
                is_maildir = os.path.basename(folder) in ("cur", "new")
                if not is_maildir and not re.fullmatch(r"[um]\.\d+", name):
                    continue
                path = os.path.join(folder, name)
                with open(path, "rb") as file:
                    found[os.path.relpath(path, self.host_home)] = \
                        hashlib.sha256(file.read()).hexdigest()
        return found
