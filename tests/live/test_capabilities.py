# SPDX-License-Identifier: LGPL-2.1-or-later
"""CAPA: EXPIRE and LOGIN-DELAY as they are kept; all else as Dovecot has it."""

import glob
import os

from harness import LiveTest, message
from harness.apop import Apop, PASSWORDS_FIRST, POLICY_FIRST

PLAIN = (b"+OK\r\nCAPA\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nPIPELINING\r\n"
         b"AUTH-RESP-CODE\r\n.\r\n")


def with_lines(*lines):
    return PLAIN[:-3] + b"".join(line.encode() + b"\r\n" for line in lines) + \
        b".\r\n"


class AfterLogin(LiveTest):
    formats = ("maildir",)

    def check(self, policy, *lines, script=None):
        user = self.user(policy)
        if script is not None:
            user.set_script(script, "capa.lua")
        client = user.pop3()
        self.assertEqual(client.cmd("CAPA").raw, with_lines(*lines), policy)
        client.quit()

    def test_dovecots_own(self):
        other = self.instance(plugins=())
        client = self.user(dovecot=other).pop3()
        self.assertEqual(client.cmd("CAPA").raw, PLAIN)
        client.quit()

    def test_no_policy(self):
        self.check(None)
        self.check("[user somebody.else]\nexpire = expunge all\n")

    def test_rules(self):
        self.check("[default]\ndelete = hide all\n", "EXPIRE NEVER")
        self.check("[default]\nexpire = keep all\n", "EXPIRE NEVER")
        self.check("[default]\nexpire = expunge savedbefore 30d\n"
                   " hide retrievedbefore 14d unflagged\n", "EXPIRE 14")
        self.check("[default]\nexpire = expunge retrieved\n", "EXPIRE 0")
        self.check("[default]\nexpire = expunge all\nmin_retention = 36h\n",
                   "EXPIRE 1")

    def test_report(self):
        self.check("[default]\nmode = report\nexpire = expunge all\n",
                   "EXPIRE NEVER")

    def test_script(self):
        policy = "[default]\nscript = capa.lua\nexpire = expunge " \
            "savedbefore 30d\n"
        self.check(policy, script="function pop3_policy_expire(session, "
                   "message)\nend\n")
        self.check(policy + "min_retention = 7d\n", "EXPIRE 7",
                   script="function pop3_policy_expire(session, message)\n"
                   "end\n")
        self.check(policy, "EXPIRE 30", script="function "
                   "pop3_policy_delete(session, message)\nend\n")

    def test_broken(self):
        self.expect_errors("Policy is broken")
        self.check("[default]\nexpire = expunge\n")

    def test_how_it_is_written(self):
        client = self.user("[default]\nexpire = expunge all\n").pop3()
        for line in "capa", "CaPa", "CAPA IMPLEMENTATION", "CAPA  ":
            client.send(line + "\r\n")
            self.assertEqual(client.read_reply(multiline=True).raw,
                             with_lines("EXPIRE 0"))
        client.err("CAPABILITY")
        client.quit()

    def test_pipelined(self):
        user = self.user("[default]\nexpire = expunge savedbefore 2d\n"
                         "delete = deny flagged\n")
        user.append([message("one"), message("two", size=200000)])
        client = user.pop3()
        expected = with_lines("EXPIRE 2")
        replies = client.pipeline(
            ["CAPA", "STAT", "RETR 2", "CAPA", "DELE 1", "CAPA", "CAPA",
             "NOOP", "UIDL", "CAPA", "QUIT"])
        self.assertTrue(all(reply.ok for reply in replies))
        for number in 0, 3, 5, 6, 9:
            self.assertEqual(replies[number].raw, expected)
        self.assertEqual(user.uids(), [2])

    def test_bad_commands_in_between(self):
        # as without a policy: CAPA begins their count anew
        client = self.user("[default]\nexpire = expunge all\n").pop3()
        for _ in range(3):
            for _ in range(15):
                client.err("NONSENSE")
            client.ok("CAPA")
        client.quit()


class LoginDelay(Apop):
    auth_clock = True

    def setUp(self):
        pass

    def check(self, passdbs, mechanism, lines, *wanted):
        self.passdbs = passdbs
        super().setUp()
        user = self.apop_user(lines)
        secret = self.add(user) if mechanism == "apop" else user.password
        client, reply = self.login(user, mechanism, "stls", secret)
        self.assertTrue(reply.ok)
        self.assertEqual(client.cmd("CAPA").raw, with_lines(*wanted))
        client.quit()

    def test_where_it_is_kept(self):
        for mechanism in "user", "plain", "apop":
            self.check(PASSWORDS_FIRST, mechanism, "login_delay = 5m",
                       "EXPIRE NEVER", "LOGIN-DELAY 300")
        self.check(POLICY_FIRST, "apop", "login_delay = 90s\n"
                   "expire = expunge savedbefore 3d",
                   "EXPIRE 3", "LOGIN-DELAY 90")

    def test_where_it_is_not_kept(self):
        self.check(POLICY_FIRST, "user", "login_delay = 5m", "EXPIRE NEVER")
        self.check(PASSWORDS_FIRST, "user", "", "EXPIRE NEVER")
        self.check(PASSWORDS_FIRST, "apop", "", "EXPIRE NEVER")

    def test_the_section_of_auth(self):
        # auth keeps that of its own section, whatever the user's is then
        self.passdbs = PASSWORDS_FIRST
        super().setUp()
        user = self.user("[default]\nexpire = expunge all\n"
                         "login_delay = 1h\n")
        self.sections[user.name] = "login_delay = 10m"
        self.write_policy()
        client, reply = self.login(user, "user", "clear", user.password)
        self.assertTrue(reply.ok)
        self.assertEqual(client.cmd("CAPA").raw,
                         with_lines("EXPIRE 0", "LOGIN-DELAY 600"))
        client.quit()


class BeforeLogin(LiveTest):
    """By the login plugin."""

    formats = ("maildir",)
    expire, delay = "30", "300"
    chroot = ""
    with_plugin = True

    def setUp(self):
        environment = {}
        if self.expire is not None:
            environment["POP3_POLICY_EXPIRE"] = self.expire
        if self.delay is not None:
            environment["POP3_POLICY_LOGIN_DELAY"] = self.delay
        if self.version == "2.3":
            self.extra_config = "import_environment = TZ %s\n" % " ".join(
                "%s=%s" % item for item in environment.items())
            if self.with_plugin:
                self.extra_config += ("protocol pop3 {\n  login_plugins = "
                                      "pop3_policy_login\n}\n")
        else:
            self.extra_config = "import_environment {\n%s}\n" % "".join(
                "  %s = %s\n" % item for item in environment.items())
            if self.with_plugin:
                self.extra_config += (
                    "protocol pop3 {\n  login_plugins {\n"
                    "    pop3_policy_login = yes\n  }\n}\n")
        self.extra_config += \
            "service pop3-login {\n  chroot = %s\n}\n" % self.chroot
        super().setUp()

    def check(self, *lines):
        client = self.user().pop3(login=False)
        reply = client.cmd("CAPA")
        self.assertEqual(reply.raw, PLAIN[:-3] + b"USER\r\nSASL PLAIN\r\n" +
                         b"".join(line.encode() + b"\r\n"
                                  for line in lines) + b".\r\n")
        # nothing else is touched, a text that looks alike neither
        client.send("USER +OK\r\nNONSENSE\r\nCAPA\r\n")
        self.assertEqual(client.read_reply().raw, b"+OK\r\n")
        self.assertEqual(client.read_reply().raw, b"-ERR Unknown command.\r\n")
        self.assertEqual(client.read_reply(multiline=True).raw, reply.raw)
        client.login()
        self.assertEqual(client.cmd("CAPA").raw, PLAIN)
        client.quit()

    def test_both(self):
        self.check("EXPIRE 30 USER", "LOGIN-DELAY 300 USER")


class BeforeLoginChroot(BeforeLogin):
    """Where pop3-login is by default."""

    chroot = "login"

    def test_both(self):
        client = self.user().pop3(login=False)
        roots = set()
        for folder in glob.glob("/proc/[0-9]*"):
            try:
                with open(folder + "/comm") as file:
                    name = file.read()
                if name == "pop3-login\n":
                    roots.add(os.readlink(folder + "/root"))
            except FileNotFoundError:
                pass
        self.assertIn(self.dovecot.host_base + "/run/login", roots)
        client.close()
        super().test_both()


class BeforeLoginCheck(BeforeLogin):
    """doveadm pop3 check compares them with the policy file."""

    settings = {"pop3_policy_file": "@BASE@/policy/all.conf"}

    def check(self, policy, *wanted):
        base = self.dovecot.host_base + "/policy/"
        with open(base + "all.conf", "w") as file:
            file.write(policy)
        with open(base + "all.lua", "w") as file:
            file.write("function pop3_policy_expire(session, message)\nend\n")
        result = self.dovecot.doveadm("pop3", "check", check=False)
        lines = [line for line in result.stdout.decode().splitlines()
                 if "POP3_POLICY_" in line]
        self.assertEqual(len(lines), len(wanted), result.stdout)
        for line, pattern in zip(lines, wanted):
            self.assertRegex(line, pattern)
        if wanted:
            self.assertEqual(result.returncode, 78)

    def test_both(self):
        self.check("")
        self.check("[default]\nexpire = expunge savedbefore 30d\n"
                   "[user a]\ndelete = hide all\nlogin_delay = 5m\n")
        self.check("[default]\nexpire = expunge savedbefore 30d\n[policy a]\n"
                   "expire = expunge savedbefore 29d\n[user b]\n"
                   "login_delay = 301s\n",
                   r"POP3_POLICY_EXPIRE=30 promises more than \[policy a\] "
                   r"keeps: 29$",
                   r"POP3_POLICY_LOGIN_DELAY=300 is less than the login_delay "
                   r"of \[user b\]: 301$")
        self.check("[default]\nscript = all.lua\nexpire = expunge "
                   "savedbefore 60d\n",
                   r"than \[default\] keeps: what its script says$")
        self.check("[default]\nscript = all.lua\nmin_retention = 30d\n")


class BeforeLoginCheckNever(BeforeLoginCheck):
    expire, delay = "NEVER", None

    def test_both(self):
        self.check("[default]\ndelete = hide all\nlogin_delay = 1h\n")
        self.check("[default]\nexpire = expunge savedbefore 10y\n",
                   r"EXPIRE=NEVER promises more than \[default\] keeps: 3660$")


class BeforeLoginCheckNothing(BeforeLoginCheck):
    expire, delay = None, None

    def test_both(self):
        self.check("[default]\nexpire = expunge all\nlogin_delay = 1h\n")


class BeforeLoginNever(BeforeLogin):
    expire, delay = "NEVER", None

    def test_both(self):
        self.check("EXPIRE NEVER USER")


class BeforeLoginZero(BeforeLogin):
    expire, delay = "0", ""

    def test_both(self):
        self.check("EXPIRE 0 USER")


class BeforeLoginDelay(BeforeLogin):
    expire = None

    def test_both(self):
        self.check("LOGIN-DELAY 300 USER")


class BeforeLoginNothing(BeforeLogin):
    expire, delay = None, None

    def test_both(self):
        self.check()


class BeforeLoginWithoutPlugin(BeforeLogin):
    with_plugin = False

    def test_both(self):
        self.check()


class BeforeLoginMistakes(BeforeLogin):
    expire, delay = "30d", "NEVER"

    def test_both(self):
        self.expect_errors("POP3_POLICY_EXPIRE=30d: expected a number or NEVER",
                           "POP3_POLICY_LOGIN_DELAY=NEVER: expected a number$")
        self.check()
        self.wait_log("POP3_POLICY_EXPIRE=30d: expected")
