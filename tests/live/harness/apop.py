# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests of logins: a policy file for all, APOP secrets, TLS."""

import base64
import concurrent.futures
import hmac
import os

from .case import LiveTest
from .config import USERS

AUTH_FILE = "@BASE@/policy/auth.conf"
KEY1 = "00112233445566778899aabbccddeeff" * 2
KEY2 = "ffeeddccbbaa99887766554433221100" * 2
REFUSED = "-ERR [AUTH] Authentication failed."
FAILED = "-ERR [SYS/TEMP] Login is not possible now."

# Passwords first: what they let in, pop3_policy may refuse, with a text.
PASSWORDS_FIRST = (
    ("passwd-file", {
        "args": "@BASE@/users/%u", "mechanisms": "plain login",
        "result_success": "continue-ok", "result_failure": "return-fail",
        "result_internalfail": "return-fail"}),
    ("pop3_policy", {"args": AUTH_FILE}),
)
POLICY_FIRST = (("pop3_policy", {"args": AUTH_FILE}), USERS)


def encoded(text):
    return base64.b64encode(text.encode()).decode()


def bearer(mechanism, user, token):
    """The initial response of XOAUTH2 or OAUTHBEARER (RFC 7628 3.1)."""
    return ("user=%s\1" if mechanism == "xoauth2" else "n,a=%s,\1") % user + \
        "auth=Bearer %s\1\1" % token


class Apop(LiveTest):
    formats = ("maildir",)
    tls = True
    passdbs = PASSWORDS_FIRST
    settings = {"auth_mechanisms": "plain login apop",
                "pop3_policy_file": AUTH_FILE}

    def setUp(self):
        super().setUp()
        self.sections = {}
        self.folder = self.dovecot.host_base + "/apop"
        self.keys = self.folder + "/keys"
        self.secrets = self.folder + "/secrets"
        if not os.path.exists(self.folder):
            os.mkdir(self.folder, 0o700)
            os.chown(self.folder, *self.dovecot.internal_user())
        self.write_keys(KEY1)
        self.write_policy()

    def write_keys(self, *keys):
        with open(self.keys + ".new", "w") as file:
            file.write("".join(key + "\n" for key in keys))
        os.chmod(self.keys + ".new", 0o600)
        os.chown(self.keys + ".new", *self.dovecot.internal_user())
        os.rename(self.keys + ".new", self.keys)

    def write_policy(self, text=None):
        """The policy file of all: self.sections, user -> lines, and the
        default."""
        path = self.dovecot.host_base + "/policy/auth.conf"
        if text is None:
            base = self.dovecot.base + "/apop/"
            text = ("[default]\napop_secrets = %ssecrets\n"
                    "apop_keys = %skeys\n" % (base, base))
            for user, lines in self.sections.items():
                text += "[user %s]\ninherit = default\n%s\n" % (user, lines)
        with open(path + ".new", "w") as file:
            file.write(text)
        os.chmod(path + ".new", 0o644)
        os.rename(path + ".new", path)

    def apop_user(self, lines=""):
        user = self.user()
        self.sections[user.name] = lines
        self.write_policy()
        return user

    def add(self, user, name="phone", *options):
        """Adds a secret, returns it."""
        output = self.dovecot.doveadm("pop3", "apop", "add", "-u", user.name,
                                      *options, name).decode()
        self.assertRegex(output, r"\A[a-z2-9]{24}\n\Z")
        return output.strip()

    def connect(self, user, how):
        """how: clear (not secured), stls, pop3s"""
        client = user.pop3(login=False, source="127.0.0.2",
                           tls=how == "pop3s")
        if how == "stls":
            client.stls()
        return client

    def login(self, user, mechanism, how, secret):
        """Returns (client, Reply)."""
        client = self.connect(user, how)
        if mechanism == "apop":
            reply = client.apop(secret)
        elif mechanism == "user":
            client.ok("USER " + user.name)
            reply = client.cmd("PASS " + secret)
        elif mechanism == "login":
            client.cmd("AUTH LOGIN")
            client.cmd(encoded(user.name))
            reply = client.cmd(encoded(secret))
        elif mechanism == "cram-md5":
            reply = client.cmd("AUTH CRAM-MD5")
            challenge = base64.b64decode(reply.text[2:])
            reply = client.cmd(encoded("%s %s" % (user.name, hmac.new(
                secret.encode(), challenge, "md5").hexdigest())))
        elif mechanism in ("xoauth2", "oauthbearer"):
            reply = client.cmd("AUTH %s %s" % (mechanism.upper(), encoded(
                bearer(mechanism, user.name, secret))))
            if reply.text.startswith("+ "):
                # what was wrong, as JSON; an answer is due
                reply = client.cmd(encoded("\1"))
        else:
            reply = client.cmd("AUTH PLAIN " + encoded(
                "\0%s\0%s" % (user.name, secret)))
        client.may_be_logged_in = reply.ok
        return client, reply

    def try_login(self, user, mechanism, how, secret):
        """The answer's text."""
        client, reply = self.login(user, mechanism, how, secret)
        if reply.ok:
            client.ok("STAT")
            client.quit()
        else:
            client.close()
        return reply.text

    def side_by_side(self, call, rows):
        """call(*row) for all rows at once: Dovecot 2.3 takes half a second for
        each refusal, however many there are."""
        with concurrent.futures.ThreadPoolExecutor(min(len(rows), 24)) as pool:
            return list(pool.map(lambda row: call(*row), rows))

    def check_in(self, *args):
        self.assertRegex(self.try_login(*args), r"^\+OK")

    def check_out(self, text, *args):
        self.assertEqual(self.try_login(*args), text)
