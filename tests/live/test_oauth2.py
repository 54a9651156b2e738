# SPDX-License-Identifier: LGPL-2.1-or-later
"""XOAUTH2, OAUTHBEARER and AUTH LOGIN: the passdb stands beside Dovecot's own
check of tokens (signed by HS256, with a key in a file)."""

import base64
import hashlib
import hmac
import json
import time

from harness import message
from harness.apop import Apop, AUTH_FILE, REFUSED, encoded
from harness.config import USERS

KEY = b"a key of the tests, known to nobody else"
OAUTH2_23 = """\
introspection_mode = local
local_validation_key_dict = fs:posix:prefix=@BASE@/oauth2/
username_attribute = email
"""
OAUTH2_24 = """\
oauth2 {
  introspection_mode = local
  username_attribute = email
}
oauth2_local_validation {
  dict fs {
    fs posix {
      prefix = @BASE@/oauth2/
    }
  }
}
"""
POLICY = ("pop3_policy", {"args": AUTH_FILE})
PASSWORDS = ("passwd-file", dict(USERS[1], mechanisms="plain login"))
# 2.3 alone has a passdb for it
TOKENS = ("oauth2", {"args": "@BASE@/policy/oauth2.conf",
                     "mechanisms": "xoauth2 oauthbearer"})
# They go on to pop3_policy.
VERIFIED = {"result_success": "continue-ok", "result_failure": "return-fail",
            "result_internalfail": "return-fail"}
MECHANISMS = "login", "xoauth2", "oauthbearer"

# mechanisms, how one logs in, and which of them are let in; the client's
# address is 127.0.0.2
TABLE = [
    (None, {"login": "clear stls pop3s", "xoauth2": "clear stls pop3s",
            "oauthbearer": "clear stls pop3s"}),
    ("xoauth2:tls", {"xoauth2": "stls pop3s"}),
    ("xoauth2", {"xoauth2": "clear stls pop3s"}),
    ("oauthbearer:tls login", {"oauthbearer": "stls pop3s",
                               "login": "clear stls pop3s"}),
    ("plain:tls apop:tls", {}),
    ("login:tls xoauth2:tls@127.0.0.0/30",
     {"login": "stls pop3s", "xoauth2": "stls pop3s"}),
    ("xoauth2@10.0.0.0/8 oauthbearer@127.0.0.2",
     {"oauthbearer": "clear stls pop3s"}),
]


def unpadded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def token(user, key=KEY, seconds=3600):
    """A JSON web token (RFC 7519)."""
    now = int(time.time())
    signed = b".".join(unpadded(json.dumps(part).encode()) for part in (
        {"alg": "HS256", "typ": "JWT"},
        {"email": user.name, "sub": user.name, "iat": now - 10,
         "nbf": now - 10, "exp": now + seconds}))
    return (signed + b"." + unpadded(
        hmac.new(key, signed, hashlib.sha256).digest())).decode()


class Tokens(Apop):
    settings = dict(Apop.settings, auth_mechanisms="plain login apop xoauth2 "
                    "oauthbearer")
    files = {"oauth2/default/HS256/default":
             base64.b64encode(KEY).decode(),
             "policy/oauth2.conf": OAUTH2_23}

    def setUp(self):
        pass

    def use(self, *passdbs):
        if self.version != "2.3":
            # validated before any passdb is asked
            self.extra_config = OAUTH2_24
            passdbs = [passdb for passdb in passdbs if passdb[0] != "oauth2"]
        self.passdbs = tuple(passdbs)
        Apop.setUp(self)

    def policy_first(self):
        self.use(POLICY, TOKENS, PASSWORDS)

    def policy_last(self):
        self.use((PASSWORDS[0], dict(PASSWORDS[1], **VERIFIED)),
                 (TOKENS[0], dict(TOKENS[1], **VERIFIED)), POLICY)

    def secret(self, user, mechanism):
        return user.password if mechanism == "login" else token(user)

    def check_table(self, texts):
        rows = []
        for mechanisms, allowed in TABLE:
            user = self.apop_user("" if mechanisms is None else
                                  "mechanisms = " + mechanisms)
            rows += [(user, mechanism, "%s: %s" % (mechanisms, mechanism),
                      allowed.get(mechanism, "").split(), texts)
                     for mechanism in MECHANISMS]
        self.side_by_side(self.check_row, rows)

    def check_row(self, user, mechanism, what, allowed, texts):
        for how in "clear", "stls", "pop3s":
            text = self.try_login(user, mechanism, how,
                                  self.secret(user, mechanism))
            if how in allowed:
                self.assertRegex(text, r"^\+OK", what)
            elif texts or mechanism == "login":
                self.assertRegex(text, r"^-ERR \[AUTH\] .*(use|not "
                                 r"allowed\.$)", what)
            else:
                self.assertRegex(text, r"^-ERR", what)

    def test_policy_first(self):
        self.policy_first()
        self.check_table(True)

    def test_policy_last(self):
        # 2.3 says of a token that was refused in auth only that it was
        self.policy_last()
        self.check_table(self.version != "2.3")

    def check_wrong(self):
        self.expect_errors("oauth2 failed")
        alice, bob = self.apop_user(), self.apop_user()
        self.add(alice)
        wrong = (token(alice, key=b"another key"), token(alice, seconds=-60),
                 token(bob), "nonsense", token(alice)[:-4],
                 alice.password)
        for text in self.side_by_side(self.try_login, [
                (alice, mechanism, "stls", secret) for secret in wrong
                for mechanism in ("xoauth2", "oauthbearer")]):
            self.assertRegex(text, "^-ERR")
        for mechanism in "xoauth2", "oauthbearer":
            self.check_in(alice, mechanism, "stls", token(alice))
        # and a token is no password, nor an APOP secret
        self.side_by_side(self.check_out, [
            (REFUSED, alice, mechanism, "stls", token(alice))
            for mechanism in ("user", "plain", "apop")] + [
                (REFUSED, alice, "login", "stls", "wrong")])
        self.check_in(alice, "login", "stls", alice.password)

    def test_wrong_tokens_policy_first(self):
        self.policy_first()
        self.check_wrong()

    def test_wrong_tokens_policy_last(self):
        self.policy_last()
        self.check_wrong()

    def check_delay(self, counted):
        user = self.apop_user("login_delay = 1h\n")
        wrong = token(user, key=b"another key")
        for mechanism in "xoauth2", "oauthbearer":
            self.expect_errors("oauth2 failed")
            self.assertRegex(self.try_login(user, mechanism, "stls", wrong),
                             "^-ERR")
            text = self.try_login(user, mechanism, "stls", token(user))
            if not counted:
                self.assertRegex(text, r"^-ERR \[AUTH\] %s is not allowed "
                                 "here, since the delay" % mechanism.upper())
            else:
                self.assertRegex(text, r"^\+OK")
                for again in "login", "xoauth2", "oauthbearer":
                    if again != "login" or self.password_is_counted:
                        self.assertRegex(self.try_login(
                            user, again, "stls", self.secret(user, again)),
                            r"^-ERR \[LOGIN-DELAY\] One login in 3600 ")
                user = self.apop_user("login_delay = 1h\n"
                                      "mechanisms = %s:tls" % mechanism)
                # what is not allowed does not count
                self.assertRegex(self.try_login(
                    user, mechanism, "clear", token(user)), "^-ERR")
                self.check_in(user, mechanism, "stls", token(user))
                user = self.apop_user("login_delay = 1h\n")

    def check_command(self, *patterns):
        result = self.dovecot.doveadm("pop3", "check", check=False)
        lines = result.stdout.decode().splitlines()
        self.assertEqual(len(lines), len(patterns) + 1, lines)
        for line, pattern in zip(lines, patterns):
            self.assertRegex(line, pattern)

    def test_delay_policy_first(self):
        # 2.3 verifies tokens in a passdb behind this one
        self.policy_first()
        self.password_is_counted = False
        self.check_delay(self.version != "2.3")
        unseen = ("XOAUTH2 is refused to every", "OAUTHBEARER is refused to")
        self.check_command("login_delay is not enforced for passwords",
                           *unseen if self.version == "2.3" else ())

    def test_delay_policy_last(self):
        self.policy_last()
        self.password_is_counted = True
        self.check_delay(True)
        self.check_command()

    def test_scripts(self):
        self.policy_first()
        user = self.apop_user("script = token.lua\nscript_time = 30s\n")
        user.set_script("""
function pop3_policy_auth(request)
  policy.log("auth " .. request.mechanism)
end
function pop3_policy_login(session)
  policy.log("login " .. session.mechanism)
  return policy.DENY, "not today"
end
""", "token.lua")
        for mechanism in "xoauth2", "oauthbearer":
            self.assertRegex(self.try_login(user, mechanism, "stls",
                                            token(user)), "not today")
            self.assertIn("token.lua: login " + mechanism.upper(), self.log())
        self.assertNotIn("token.lua: auth", self.log())

    def test_a_session(self):
        self.policy_first()
        user = self.apop_user("mechanisms = oauthbearer:tls\n")
        user.append([message("one")])
        client, reply = self.login(user, "oauthbearer", "pop3s", token(user))
        self.assertTrue(reply.ok)
        self.assertIn(b"Subject: one", client.retr(1))
        client.quit()
        # the name that is asked for counts, not only the token's
        client = self.connect(user, "stls")
        reply = client.cmd("AUTH XOAUTH2 " + encoded(
            "user=%s\1auth=Bearer %s\1\1" % ("root", token(user))))
        self.assertFalse(reply.text.startswith("+OK"))
        client.close()
