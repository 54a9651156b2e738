# SPDX-License-Identifier: LGPL-2.1-or-later
"""pop3_policy_auth(request): a script that refuses logins in the auth
process."""

import os
import re
import threading

from harness import message
from harness.apop import (Apop, FAILED, PASSWORDS_FIRST, POLICY_FIRST,
                          REFUSED)

# Says what a request is, in one line.
TELL = """
function pop3_policy_auth(request)
  local names = { "user", "login", "policy", "mechanism", "device", "tls",
                  "secured", "remote_ip", "local_ip", "last_login" }
  local words = {}
  for _, name in ipairs(names) do
    words[#words + 1] = name .. "=" .. tostring(request[name])
  end
  policy.log("auth: " .. table.concat(words, " "))
  policy.log("color=" .. tostring(request.fields.color) ..
             " size=" .. tostring(request.fields.size) ..
             " id=" .. tostring(request.id ~= nil) ..
             " now=" .. tostring(os.time() - request.now < 1000))
end
"""
# What a script does that fails, and what the log says about it.
FAILURES = (
    ("error('on purpose')", r"refuse.lua:1: on purpose"),
    ("return false", r"use policy\.DENY"),
    ("return policy.ALLOW", r"returned policy\.ALLOW; expected"),
    ("return policy.DENY, 'a', 'NONSENSE'", r"unknown code"),
    ("return policy.DENY, 'two\\nlines'", r"a text that can't be sent"),
    ("return request.nonsense", r'unknown field of request "nonsense"'),
    ("return request.messages", r'unknown field of request "messages"'),
    ("request.user = 'root'", r"request can't be changed"),
    ("policy.list('missing')", r"missing"),
    ("while true do pcall(error) end", r"script_(instructions|time)"),
    ("local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end",
     r"script_(memory|instructions|time)"),
)


def auth(body):
    return "function pop3_policy_auth(request) " + body + " end\n"


class AuthScript(Apop):
    def scripted(self, text, lines="", name="refuse.lua"):
        """A user with this script, which has time enough on any machine."""
        user = self.apop_user("script = %s\nscript_time = 30s\n%s" % (
            name, lines))
        user.set_script(text, name)
        return user

    def use(self, passdbs):
        self.passdbs = passdbs
        Apop.setUp(self)


class Request(AuthScript):
    """What a script knows."""

    def told(self):
        return self.wait_log(r"refuse\.lua: auth: (.*)").group(1)

    def check_told(self, by, how, **wanted):
        user = self.scripted(TELL)
        secret = self.add(user, "laptop") if by == "apop" else user.password
        user.set_field("color", "blue")
        self.log_mark = self.dovecot.log_mark()
        self.check_in(user, by, how, secret)
        values = dict(re.findall(r"(\w+)=(.*?)(?= \w+=|$)", self.told()))
        expected = {
            "user": user.name, "login": user.name,
            "policy": "user " + user.name, "device": "nil",
            "remote_ip": "127.0.0.2", "local_ip": "127.0.0.1",
            "last_login": "nil",
        }
        expected.update(wanted)
        self.assertEqual(values, expected)
        # APOP is answered before any other passdb
        color = "nil" if by == "apop" else "blue"
        self.assertIn("color=%s size=nil id=true now=true" % color,
                      self.log())

    def test_password_in_the_clear(self):
        self.check_told("user", "clear", mechanism="PLAIN", tls="false",
                        secured="false")

    def test_password_with_tls(self):
        self.check_told("plain", "stls", mechanism="PLAIN", tls="true",
                        secured="true")

    def test_apop_with_tls(self):
        self.check_told("apop", "pop3s", mechanism="APOP", tls="true",
                        secured="true", device="laptop")

    def test_trusted_without_tls(self):
        # what Dovecot trusts, it does not tell from TLS: not certain
        user = self.scripted(TELL)
        user.pop3().quit()
        self.assertIn("tls=false secured=true", self.told())

    def test_modules_and_lists(self):
        user = self.scripted("""
local network = require("pop3_policy.network")
function pop3_policy_auth(request)
  if not network.contains(policy.list("auth-networks"), request.remote_ip) then
    return policy.DENY, "not from " .. request.remote_ip, "SYS/PERM"
  end
end
""")
        user.set_script("10.0.0.0/8\n", "auth-networks")
        self.check_out("-ERR [SYS/PERM] not from 127.0.0.2",
                       user, "user", "stls", user.password)
        user.set_script("10.0.0.0/8\n127.0.0.0/30\n", "auth-networks")
        self.check_in(user, "user", "stls", user.password)


class Answers(AuthScript):
    def test_deny(self):
        user = self.scripted("")
        secret = self.add(user)
        for body, text in (
                ("return policy.DENY", "[AUTH] Login is not allowed."),
                ("return policy.DENY, 'not now'", "[AUTH] not now"),
                ("return policy.DENY, '[IN-USE] not now'",
                 "[AUTH] [IN-USE] not now"),
                ("return policy.DENY, 'x', 'AUTH'", "[AUTH] x"),
                ("return policy.DENY, 'x', 'SYS/TEMP'", "[SYS/TEMP] x"),
                ("return policy.DENY, 'x', 'SYS/PERM'", "[SYS/PERM] x"),
                ("return policy.DENY, 'x', 'IN-USE'", "[IN-USE] x"),
                ("return policy.DENY, ('x'):rep(400), 'LOGIN-DELAY'",
                 "[LOGIN-DELAY] " + "x" * 400)):
            user.set_script(auth(body), "refuse.lua")
            self.side_by_side(self.check_out, [
                ("-ERR " + text, user, "apop", "stls", secret),
                ("-ERR " + text, user, "user", "pop3s", user.password),
                ("-ERR " + text, user, "plain", "stls", user.password)])
        # no session began
        self.assertNotRegex(self.log(), r"mpid=\d")

    def test_pass(self):
        user = self.scripted("")
        secret = self.add(user)
        for text in ("", auth(""), auth("return nil"),
                     auth("return policy.PASS"),
                     "function pop3_policy_delete() end"):
            user.set_script(text, "refuse.lua")
            self.check_in(user, "apop", "stls", secret)
            self.check_in(user, "plain", "stls", user.password)
            # it can't let anybody in
            self.side_by_side(self.check_out, [
                (REFUSED, user, "apop", "stls", secret + "x"),
                (REFUSED, user, "plain", "stls", "wrong")])

    def test_a_wrong_secret_is_not_asked_about(self):
        user = self.scripted(auth("policy.log('asked') error('x')"))
        self.add(user)
        self.side_by_side(self.check_out, [
            (REFUSED, user, mechanism, "stls", "wrong")
            for mechanism in ("user", "plain", "apop")])
        self.assertNotIn("asked", self.log())

    def test_mechanisms_come_first(self):
        user = self.scripted(auth("policy.log('asked')"),
                             "mechanisms = apop:tls\n")
        secret = self.add(user)
        self.assertRegex(self.try_login(user, "user", "stls", user.password),
                         "PLAIN is not allowed")
        self.assertRegex(self.try_login(user, "apop", "clear", secret),
                         "APOP is allowed with TLS only")
        self.assertNotIn("asked", self.log())
        self.check_in(user, "apop", "stls", secret)
        self.assertIn("asked", self.log())

    def test_login_is_asked_as_well(self):
        user = self.scripted(
            auth("policy.log('first')") +
            "function pop3_policy_login(session)\n"
            "  return policy.DENY, 'then this'\nend\n")
        self.assertRegex(self.try_login(user, "user", "stls", user.password),
                         "then this")
        self.assertIn("refuse.lua: first", self.log())

    def test_other_protocols_are_not_asked(self):
        user = self.scripted(auth("return policy.DENY"))
        user.append([message("one")])
        self.assertEqual(user.count(), 1)

    def test_passdb_first_knows_no_password(self):
        # Nobody has verified it yet: it is for pop3_policy_login.
        self.use(POLICY_FIRST)
        user = self.scripted(auth("return policy.DENY, 'by auth'") +
                             "function pop3_policy_login(session)\n"
                             "  return policy.DENY, 'by login'\nend\n")
        self.assertRegex(self.try_login(user, "user", "stls", user.password),
                         "by login")
        self.check_out(REFUSED, user, "user", "stls", "wrong")
        self.check_out("-ERR [AUTH] by auth", user, "apop", "stls",
                       self.add(user))

    def test_each_login_has_a_fresh_state(self):
        user = self.scripted("local logins = 0\n" + auth(
            "logins = logins + 1 policy.log('logins=' .. logins)"))
        for _ in range(3):
            self.check_in(user, "user", "stls", user.password)
        self.assertEqual(re.findall(r"logins=\d+", self.log()),
                         ["logins=1"] * 3)


class Failures(AuthScript):
    """Whatever goes wrong refuses. With the passdb first, the next one would
    let in: the account's password is its APOP secret."""

    def check_failure(self, user, secret, log):
        mark = self.dovecot.log_mark()
        self.expect_errors("Login refused: ")
        self.check_out(FAILED, user, "apop", "stls", secret)
        self.assertRegex(self.dovecot.log_text(mark),
                         r"\(%s,.*Login refused: .*%s" % (user.name, log))

    def check_all(self):
        rows = []
        for number, (body, log) in enumerate(FAILURES):
            # each one's file has the same name in the log
            name = "%d-refuse.lua" % number
            user = self.scripted(auth(body), name=name)
            rows.append((user, self.add(user), log))
        other = self.apop_user()
        others = self.add(other)
        self.side_by_side(self.check_failure, rows)
        # nobody else suffers, and nothing is left of it
        self.check_in(other, "apop", "stls", others)
        user, secret, _ = rows[-1]
        user.set_script(auth(""), name)
        self.check_in(user, "apop", "stls", secret)

    def test_passdb_first(self):
        self.use(POLICY_FIRST)
        self.check_all()

    def test_passwords_first(self):
        self.use(PASSWORDS_FIRST)
        self.check_all()

    def test_passwords_fail_as_well(self):
        user = self.scripted(auth("error('on purpose')"))
        self.expect_errors("Login refused: .*on purpose")
        for mechanism in "user", "plain":
            self.check_out(FAILED, user, mechanism, "stls", user.password)
        self.assertNotRegex(self.log(), r"mpid=\d")

    def test_a_changed_script_that_does_not_load(self):
        user = self.scripted(auth(""))
        secret = self.add(user)
        self.check_in(user, "apop", "stls", secret)
        for text, log in (
                ("function (", "refuse.lua:1"),
                ("error('while loading')", "while loading"),
                ("while true do end", "script_(instructions|time)"),
                ("function pop3_policy_atuh() end", "pop3_policy_atuh"),
                ("\033Lua", "refuse.lua")):
            user.set_script(text, "refuse.lua")
            self.check_failure(user, secret, log)
        user.set_script(auth("return policy.DENY, 'changed'"), "refuse.lua")
        self.check_out("-ERR [AUTH] changed", user, "apop", "stls", secret)

    def test_a_script_that_is_not_there(self):
        user = self.scripted("")
        secret = self.add(user)
        os.unlink(self.dovecot.host_base + "/policy/refuse.lua")
        self.check_failure(user, secret, "refuse.lua")

    def test_a_script_that_others_could_write(self):
        user = self.scripted(auth(""))
        secret = self.add(user)
        path = self.dovecot.host_base + "/policy/refuse.lua"
        self.addCleanup(os.chmod, path, 0o644)
        os.chmod(path, 0o646)
        self.check_failure(user, secret, "writable for everybody")
        # by the auth process itself
        os.chmod(path, 0o644)
        self.addCleanup(os.chown, path, 0, 0)
        os.chown(path, *self.dovecot.internal_user())
        self.check_failure(user, secret, "refuse.lua")

    def test_a_loop_ends_for_the_others(self):
        user = self.scripted(auth("while true do end"))
        # no other cap than time
        self.sections[user.name] = ("script = refuse.lua\n"
                                    "script_instructions = 1000M\n"
                                    "script_time = 50ms\n")
        others = [self.apop_user() for _ in range(3)]
        self.expect_errors("Login refused: .*script_time")
        answers = []

        def loop():
            answers.append(self.try_login(user, "user", "stls",
                                          user.password))
        threads = [threading.Thread(target=loop) for _ in range(3)]
        for thread in threads:
            thread.start()
        for other in others:
            self.check_in(other, "user", "stls", other.password)
        for thread in threads:
            thread.join()
        self.assertEqual(answers, [FAILED] * 3)


class Process(AuthScript):
    def auth_maps(self):
        """What the auth process has loaded."""
        with open("/proc/%d/maps" % self.dovecot.auth_process()) as file:
            return file.read()

    def test_lua_is_loaded_for_who_has_a_script(self):
        # an instance of its own, in which nobody had one before
        self.settings = dict(self.settings, auth_verbose="yes")
        Apop.setUp(self)
        user = self.apop_user()
        self.check_in(user, "user", "stls", user.password)
        self.check_in(user, "apop", "stls", self.add(user))
        maps = self.auth_maps()
        self.assertIn("libauthdb_pop3_policy", maps)
        self.assertNotIn("liblua", maps)
        self.assertNotIn("libpop3_policy_script", maps)
        user = self.scripted(auth(""))
        self.check_in(user, "user", "stls", user.password)
        self.assertIn("liblua", self.auth_maps())
