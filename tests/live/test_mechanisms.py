# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may log in how, and passdb chains of all kinds."""

from harness import message
from harness.apop import (Apop, AUTH_FILE, PASSWORDS_FIRST, POLICY_FIRST,
                          REFUSED)
from harness.config import USERS


# mechanisms, how one logs in, and which of them are let in; the client's
# address is 127.0.0.2
TABLE = [
    # default: what Dovecot allows, APOP under TLS
    (None, {"user": "clear stls pop3s", "plain": "clear stls pop3s",
            "apop": "stls pop3s"}),
    ("apop:tls plain:tls", {"user": "stls pop3s", "plain": "stls pop3s",
                            "apop": "stls pop3s"}),
    ("apop", {"apop": "clear stls pop3s"}),
    ("plain", {"user": "clear stls pop3s", "plain": "clear stls pop3s"}),
    ("apop:tls", {"apop": "stls pop3s"}),
    ("plain:tls", {"user": "stls pop3s", "plain": "stls pop3s"}),
    ("xoauth2:tls", {}),
    ("apop:tls apop@127.0.0.0/30", {"apop": "clear stls pop3s"}),
    ("apop:tls apop@127.0.0.8/29", {"apop": "stls pop3s"}),
    ("plain:tls apop@10.0.0.0/8", {"user": "stls pop3s",
                                   "plain": "stls pop3s"}),
    ("plain:tls@10.0.0.0/8 apop:tls@127.0.0.2", {"apop": "stls pop3s"}),
]


class Mechanisms(Apop):
    """The whole table, in auth and pop3; the same with the chain in which auth
    leaves passwords to the pop3 process."""

    def setUp(self):
        pass

    def check_table(self, passdbs):
        self.passdbs = passdbs
        Apop.setUp(self)
        rows = []
        for mechanisms, allowed in TABLE:
            user = self.apop_user("" if mechanisms is None else
                                  "mechanisms = " + mechanisms)
            right = {"user": user.password, "plain": user.password,
                     "apop": self.add(user)}
            rows += [(user, mechanism, how, secret,
                      how in allowed.get(mechanism, "").split(),
                      "%s: %s %s" % (mechanisms, mechanism, how))
                     for mechanism, secret in right.items()
                     for how in ("clear", "stls", "pop3s")]
        self.side_by_side(self.check_row, rows)

    def check_row(self, user, mechanism, how, secret, allowed, what):
        text = self.try_login(user, mechanism, how, secret)
        if allowed:
            self.assertRegex(text, r"^\+OK", what)
        else:
            # the secret was right: it says what to do
            self.assertRegex(text, r"^-ERR \[AUTH\] .*(use|not allowed\.$)",
                             what)
            self.assertNotEqual(text, REFUSED, what)
        if how == "stls":
            self.assertEqual(self.try_login(user, mechanism, how, "wrong"),
                             REFUSED, what)

    def test_passwords_first(self):
        self.check_table(PASSWORDS_FIRST)

    def test_policy_first(self):
        self.check_table(POLICY_FIRST)

    def test_no_penalty_for_a_right_secret(self):
        # Dovecot would make all logins from that address wait
        # Without a delay 2.4 knows no penalty.
        self.settings = dict(self.settings, auth_failure_delay="1s")
        self.extra_config = ("service anvil {\n  unix_listener "
                             "anvil-auth-penalty {\n    mode = 0600\n  }\n"
                             "}\n")
        self.passdbs = PASSWORDS_FIRST
        Apop.setUp(self)
        user = self.apop_user("mechanisms = apop:tls")
        secret = self.add(user)
        for secret_, penalized in (secret, False), ("wrong", True):
            self.try_login(user, "apop", "clear", secret_)
            penalties = self.dovecot.doveadm("penalty").decode()
            self.assertEqual("127.0.0.2" in penalties, penalized, penalties)

    def test_without_the_passdb(self):
        # the pop3 process alone; APOP's secret is the account's password
        self.passdbs = (USERS,)
        Apop.setUp(self)
        user = self.apop_user("mechanisms = apop:tls")
        self.check_in(user, "apop", "stls", user.password)
        self.assertRegex(self.try_login(
            user, "apop", "clear", user.password), r"\[AUTH\] APOP is allow")
        self.assertRegex(self.try_login(
            user, "user", "stls", user.password),
            r"\[AUTH\] PLAIN is not allowed here; use: APOP with TLS")

    def test_a_broken_policy_without_the_passdb(self):
        # nothing in it says who may log in: the default holds
        self.passdbs = (USERS,)
        Apop.setUp(self)
        user = self.apop_user()
        self.write_policy("[default]\ndelete = xx\n")
        self.expect_errors("Policy is broken")
        self.assertRegex(self.try_login(
            user, "apop", "clear", user.password), r"\[AUTH\] APOP is allow")
        self.check_in(user, "apop", "stls", user.password)
        self.check_in(user, "user", "clear", user.password)

    def test_a_script_is_not_asked(self):
        self.passdbs = POLICY_FIRST
        Apop.setUp(self)
        user = self.apop_user("mechanisms = apop:tls\n"
                              "script = refuse.lua\nscript_time = 30s\n")
        user.set_script("function pop3_policy_login(session)\n"
                        "  policy.log(\"asked\")\n"
                        "  return policy.DENY, \"by the script\"\nend\n",
                        "refuse.lua")
        self.assertRegex(self.try_login(
            user, "user", "stls", user.password), "PLAIN is not allowed")
        self.assertNotIn("asked", self.log())
        self.assertRegex(self.try_login(
            user, "apop", "stls", self.add(user)), "by the script")

    def test_sections_of_other_protocols(self):
        # IMAP has no section
        self.passdbs = PASSWORDS_FIRST
        Apop.setUp(self)
        user = self.apop_user("mechanisms = apop:tls")
        user.append([message("one")])
        self.assertEqual(user.count(), 1)

    def test_section_named_by_an_earlier_passdb(self):
        self.passdbs = PASSWORDS_FIRST
        Apop.setUp(self)
        user = self.apop_user("mechanisms = plain")
        user.fields["pop3_policy"] = "strict"
        user._write_passwd()
        self.write_policy("[user %s]\nmechanisms = plain\n[policy strict]\n"
                          "mechanisms = apop:tls\n" % user.name)
        self.assertRegex(self.try_login(
            user, "user", "stls", user.password), "PLAIN is not allowed")
        # in auth: no session began
        self.assertNotRegex(self.log(), r"mpid=\d")


class Vouching(Apop):
    """DANGER 1: no setting makes pop3_policy vouch for a password."""

    def chain(self, **settings):
        return dict({"args": AUTH_FILE}, **settings)

    def check(self, passdbs, right_is_let_in):
        self.passdbs = passdbs
        Apop.setUp(self)
        self.expect_errors("Last passdb had noauthenticate")
        user = self.apop_user()
        secret = self.add(user)
        for answer in self.side_by_side(self.try_login, [
                (user, mechanism, "stls", password)
                for mechanism, password in (
                    ("user", "wrong"), ("user", secret), ("plain", "wrong"),
                    ("plain", secret), ("plain", ""))]):
            self.assertRegex(answer, "^-ERR")
        for answer in self.side_by_side(self.try_login, [
                (user, mechanism, "stls", user.password)
                for mechanism in ("user", "plain")]):
            self.assertEqual(answer.startswith("+OK"), right_is_let_in,
                             answer)

    def setUp(self):
        pass

    def test_alone(self):
        self.check((("pop3_policy", self.chain()),), False)

    def test_continue_first(self):
        self.check((("pop3_policy", self.chain(result_success="continue")),
                    USERS), True)

    def test_continue_ok_first(self):
        self.check((("pop3_policy", self.chain(result_success="continue-ok")),
                    USERS), True)

    def test_failure_continues_first(self):
        self.check((("pop3_policy", self.chain(
            result_failure="continue", result_internalfail="continue")),
            USERS), True)

    def test_last_after_one_that_continues(self):
        # what it refuses comes to us; nobody has verified it
        users = dict(USERS[1], result_success="continue-ok")
        self.check((("passwd-file", users), ("pop3_policy", self.chain())),
                   True)

    def test_last_after_one_without_opinion(self):
        users = dict(USERS[1], result_success="continue")
        self.check((("passwd-file", users), ("pop3_policy", self.chain())),
                   False)

    def test_last_return_ok(self):
        users = dict(USERS[1], result_success="continue-ok")
        self.check((("passwd-file", users), ("pop3_policy", self.chain(
            result_success="return-ok"))), True)


def after(driver="passwd-file", **changes):
    """A passdb before pop3_policy, other than it should be."""
    settings = dict(PASSWORDS_FIRST[0][1], **changes)
    return ((driver, {name: value for name, value in settings.items()
                      if value is not None}), PASSWORDS_FIRST[1])


class Chain(Apop):
    """What doveadm pop3 check has to say about the passdbs."""

    def setUp(self):
        pass

    def check(self, passdbs, *wanted):
        self.passdbs = passdbs
        Apop.setUp(self)
        result = self.dovecot.doveadm("pop3", "check", check=False)
        lines = result.stdout.decode().splitlines()
        self.assertEqual(len(lines), len(wanted) + 1, lines)
        for line, pattern in zip(lines, wanted):
            self.assertRegex(line, r"^passdb .*: .*" + pattern)
        self.assertEqual(result.returncode, 78 if wanted else 0)

    def test_right(self):
        for passdbs in PASSWORDS_FIRST, POLICY_FIRST, (USERS,):
            self.check(passdbs)

    def test_apop_is_answered_before(self):
        self.check(after(mechanisms=None), "it answers APOP before")
        self.check(after(mechanisms="plain apop"), "it answers APOP before")

    def test_wrong_passwords_go_on(self):
        self.check(after(result_failure=None), "verifies no password")
        self.check(after(result_internalfail="continue"),
                   "verifies no password")

    def test_all_defaults(self):
        self.check((USERS, POLICY_FIRST[0]), "it answers APOP before",
                   "verifies no password")

    def test_a_master_before(self):
        # it answers for master users only
        self.check((("passwd-file", dict(USERS[1], master="yes")),
                    POLICY_FIRST[0], USERS))

    def test_skip(self):
        driver, settings = POLICY_FIRST[0]
        self.check(((driver, dict(settings, skip="authenticated")), USERS),
                   "expected skip = never")

    def test_own_results(self):
        self.check((("pop3_policy", {"args": AUTH_FILE,
                                     "result_success": "continue"}), USERS),
                   "expected result_success = return-ok")

    def test_a_file_alone(self):
        self.passdbs = (USERS, POLICY_FIRST[0])
        Apop.setUp(self)
        path = self.dovecot.base + "/policy/auth.conf"
        self.dovecot.doveadm("pop3", "check", path)
        self.write_policy("[default]\napop_keys = /nowhere\n")
        result = self.dovecot.doveadm("pop3", "check", path, check=False)
        self.assertIn(b"expected both", result.stdout)
        self.assertEqual(result.returncode, 78)
