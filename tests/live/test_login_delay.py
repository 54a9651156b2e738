# SPDX-License-Identifier: LGPL-2.1-or-later
"""LOGIN-DELAY: who logs in too soon is refused."""

import os
import re
import select
import signal
import threading

from harness import message
from harness.apop import (Apop, AUTH_FILE, FAILED, PASSWORDS_FIRST,
                          POLICY_FIRST, REFUSED)
from harness.config import USERS
from harness.redis import Redis
from harness.sqlite import Sqlite

TOO_SOON = (r"^-ERR \[LOGIN-DELAY\] One login in 3600 seconds is allowed; "
            r"try again in \d+\.$")


class Delay(Apop):
    auth_clock = True

    def setUp(self):
        super().setUp()
        # Dovecot takes no APOP challenge that is older than the auth process,
        # which must not begin while the clock is ahead.
        self.connect(self.user(), "clear").close()

    def check_too_soon(self, *args):
        self.assertRegex(self.try_login(*args), TOO_SOON)


class Memory(Delay):
    """Of the auth process."""

    def test_each_mechanism(self):
        rows = []
        for mechanism in "user", "plain", "apop":
            for again in "user", "plain", "apop":
                user = self.apop_user("login_delay = 1h")
                secrets = dict.fromkeys(("user", "plain"), user.password)
                secrets["apop"] = self.add(user)
                rows.append((user, mechanism, again, secrets))
        self.side_by_side(self.check_pair, rows)

    def check_pair(self, user, mechanism, again, secrets):
        self.check_in(user, mechanism, "stls", secrets[mechanism])
        self.check_too_soon(user, again, "stls", secrets[again])
        self.check_out(REFUSED, user, again, "stls", "wrong")

    def test_when_the_delay_is_over(self):
        user = self.apop_user("login_delay = 1h")
        self.check_in(user, "user", "clear", user.password)
        self.clock.advance("50m")
        self.check_too_soon(user, "user", "clear", user.password)
        # counted from the last one that was let in
        self.clock.advance("10m")
        self.check_in(user, "user", "clear", user.password)
        self.check_too_soon(user, "user", "clear", user.password)

    def test_how_long_to_wait(self):
        user = self.apop_user("login_delay = 1h")
        self.check_in(user, "user", "clear", user.password)
        self.clock.advance("30m")
        text = self.try_login(user, "user", "clear", user.password)
        secs = int(text.rpartition(" ")[2].rstrip("."))
        self.assertLessEqual(secs, 1800)
        self.assertGreater(secs, 0)

    def test_each_user_for_himself(self):
        alice = self.apop_user("login_delay = 1h")
        bob = self.apop_user("login_delay = 1h")
        free = self.apop_user()
        self.check_in(alice, "user", "clear", alice.password)
        self.check_in(bob, "user", "clear", bob.password)
        for _ in range(3):
            self.check_in(free, "user", "clear", free.password)
        self.check_too_soon(alice, "user", "clear", alice.password)

    def test_only_successful_logins_count(self):
        user = self.apop_user("login_delay = 1h\nmechanisms = plain:tls")
        self.check_out(REFUSED, user, "user", "stls", "wrong")
        self.assertRegex(self.try_login(
            user, "user", "clear", user.password), r"\[AUTH\] PLAIN is allow")
        self.check_in(user, "user", "stls", user.password)

    def test_what_a_script_refuses_does_not_count(self):
        user = self.apop_user("login_delay = 1h\nscript = delay.lua")
        user.set_script("function pop3_policy_auth(request)\n"
                        "  if not request.tls then\n"
                        "    return policy.DENY, \"with TLS\"\n"
                        "  end\nend\n", "delay.lua")
        self.assertRegex(self.try_login(
            user, "user", "clear", user.password), "with TLS")
        self.check_in(user, "user", "stls", user.password)
        self.check_too_soon(user, "user", "stls", user.password)

    def test_strangers_learn_nothing(self):
        user = self.apop_user("login_delay = 1h")
        self.check_in(user, "user", "clear", user.password)
        self.add(user)
        self.side_by_side(self.check_out, [
            (REFUSED, user, mechanism, "stls", "wrong")
            for mechanism in ("user", "plain", "apop")])
        # before his mailbox is looked at
        self.check_too_soon(user, "user", "clear", user.password)
        self.assertEqual(len(re.findall(r"mpid=[1-9]", self.log())), 1)

    def test_other_protocols(self):
        user = self.apop_user("login_delay = 1h")
        user.append([message("one")])
        self.check_in(user, "user", "clear", user.password)
        user.append([message("two")])
        self.assertEqual(user.count(), 2)

    def test_a_clock_that_jumps_back(self):
        user = self.apop_user("login_delay = 1h")
        self.clock.set("10d")
        self.check_in(user, "user", "clear", user.password)
        self.clock.set(0)
        self.check_too_soon(user, "user", "clear", user.password)
        self.clock.advance("1h")
        self.check_in(user, "user", "clear", user.password)

    def test_a_section_that_is_broken(self):
        user = self.apop_user("login_delay = 300")
        self.expect_errors("Login refused: .*a time needs a unit")
        self.check_out(FAILED, user, "user", "clear", user.password)
        self.check_out(REFUSED, user, "user", "clear", "wrong")

    def test_inherited(self):
        user = self.apop_user()
        self.write_policy("[default]\nlogin_delay = 1h\n[user %s]\ninherit = "
                          "default\n[user %s2]\ninherit = default\n"
                          "login_delay = none\n" % (user.name, user.name))
        free = self.user(name=user.name + "2")
        self.check_in(user, "user", "clear", user.password)
        self.check_too_soon(user, "user", "clear", user.password)
        for _ in range(2):
            self.check_in(free, "user", "clear", free.password)


class Chain(Apop):
    """Where the passdb does not see whether a password was right."""

    def setUp(self):
        pass

    def begin(self, passdbs):
        self.passdbs = passdbs
        super().setUp()
        return self.apop_user("login_delay = 1h")

    def check(self, *patterns):
        result = self.dovecot.doveadm("pop3", "check", check=False)
        lines = result.stdout.decode().splitlines()
        self.assertEqual(len(lines), len(patterns) + 1, lines)
        for line, pattern in zip(lines, patterns):
            self.assertRegex(line, pattern)
        self.assertEqual(result.returncode, 78 if patterns else 0)

    def test_policy_last(self):
        self.begin(PASSWORDS_FIRST)
        self.check()

    def test_policy_first(self):
        user = self.begin(POLICY_FIRST)
        self.check("login_delay is not enforced for passwords: .*behind")
        secret = self.add(user)
        for _ in range(2):
            self.check_in(user, "user", "clear", user.password)
        self.check_in(user, "apop", "stls", secret)
        self.assertRegex(self.try_login(user, "apop", "stls", secret),
                         TOO_SOON)

    def test_policy_behind_one_that_ends_the_chain(self):
        # what it lets in never comes to pop3_policy
        first = dict(PASSWORDS_FIRST[0][1], result_success="return-ok")
        user = self.begin((("passwd-file", first), PASSWORDS_FIRST[1]))
        self.check("login_delay is not enforced for passwords: .*behind")
        for _ in range(2):
            self.check_in(user, "user", "clear", user.password)

    def begin_with_cram(self, chain):
        self.settings = dict(self.settings,
                             auth_mechanisms="plain login apop cram-md5")
        return self.begin(chain)

    def check_cram(self, chain, *patterns):
        """A mechanism that nobody counts is no way around the delay."""
        user = self.begin_with_cram(chain)
        self.check(*patterns, "CRAM-MD5 is refused to everybody who has")
        refused = (r"^-ERR \[AUTH\] CRAM-MD5 is not allowed here, since the "
                   r"delay")
        for _ in range(2):
            self.assertRegex(self.try_login(
                user, "cram-md5", "stls", user.password), refused)
        self.check_in(user, "user", "stls", user.password)
        self.assertRegex(self.try_login(
            user, "cram-md5", "stls", user.password), refused)
        # others may
        free = self.apop_user()
        for _ in range(2):
            self.check_in(free, "cram-md5", "stls", free.password)
        self.check_out(REFUSED, free, "cram-md5", "stls", "wrong")
        # nor is it an error where it is not allowed
        self.sections[user.name] = ("login_delay = 1h\n"
                                    "mechanisms = plain apop")
        self.write_policy()
        self.check(*patterns)

    def test_other_mechanisms(self):
        first = dict(PASSWORDS_FIRST[0][1], mechanisms="plain login cram-md5")
        self.check_cram((("passwd-file", first), PASSWORDS_FIRST[1]))

    def test_other_mechanisms_policy_first(self):
        self.check_cram(POLICY_FIRST, "login_delay is not enforced for pass")

    def test_a_master_user_with_another_mechanism(self):
        self.settings = dict(self.settings, auth_master_user_separator="*")
        user = self.begin_with_cram((
            ("passwd-file", {"args": "@BASE@/users/masters", "master": "yes"}),
            POLICY_FIRST[0], USERS))
        with open(os.path.join(self.dovecot.users_dir, "masters"),
                  "w") as file:
            file.write("master:{PLAIN}master-secret::::::\n")
        typed = self.user(name=user.name + "*master")
        for _ in range(2):
            self.check_in(typed, "cram-md5", "stls", "master-secret")

    def test_no_policy(self):
        user = self.begin((USERS,))
        self.check("login_delay is not enforced: .*no passdb pop3_policy")
        for _ in range(2):
            self.check_in(user, "user", "clear", user.password)

    def test_nobody_has_a_delay(self):
        self.begin((USERS,))
        self.sections.clear()
        self.write_policy()
        self.check()


class SharedDelay(Delay):
    passdbs = PASSWORDS_FIRST[:1] + (
        ("pop3_policy", {"args": AUTH_FILE, "dict": "delays"}),)

    def other(self, user):
        """The same user, of the other server."""
        # its configuration differs, so that it is another instance
        other = self.instance(extra=self.extra_config + "# the other one\n")
        folder = "/policy/auth.conf"
        with open(self.dovecot.host_base + folder) as file:
            text = file.read()
        with open(other.host_base + folder + ".new", "w") as file:
            file.write(text.replace(self.dovecot.base, other.base))
        os.rename(other.host_base + folder + ".new",
                  other.host_base + folder)
        self.other_log = other.log_mark()
        return self.user(name=user.name, dovecot=other)


def make_redis(_target):
    return Redis()


class Shared(SharedDelay):
    """Two servers with one Redis."""

    def setUp(self):
        self.redis = self.instances.server(self.version, make_redis)
        self.extra_config = (
            "dict_server {\n  dict delays {\n    driver = redis\n"
            "    redis_port = %d\n  }\n}\n" if self.version != "2.3" else
            "dict {\n  delays = redis:host=127.0.0.1:port=%d\n}\n"
        ) % self.redis.port
        super().setUp()
        self.addCleanup(self.restore_redis)

    def restore_redis(self):
        if self.redis.process is None:
            self.redis.start()
        self.redis.go_on()

    def key(self, user, name="last"):
        return "pop3_login_delay/%s/%s" % (name, user.name)

    def test_alone(self):
        user = self.apop_user("login_delay = 1h")
        secret = self.add(user)
        self.check_in(user, "apop", "stls", secret)
        self.assertRegex(self.redis.command("get", self.key(user)), r"^\d+$")
        self.check_too_soon(user, "user", "clear", user.password)
        self.clock.advance("1h")
        self.check_in(user, "user", "clear", user.password)
        self.check_too_soon(user, "apop", "stls", secret)

    def test_two_servers(self):
        here = self.apop_user("login_delay = 1h")
        there = self.other(here)
        self.check_in(here, "user", "clear", here.password)
        self.check_too_soon(there, "user", "clear", there.password)
        there.dovecot.clock.advance("1h")
        self.addCleanup(there.dovecot.clock.reset)
        self.check_in(there, "user", "clear", there.password)
        # by the clock here it was in the future, and is one delay back at most
        self.clock.advance("1h")
        self.check_too_soon(here, "user", "clear", here.password)

    def test_at_the_same_moment(self):
        let_in = 0
        for _ in range(8):
            here = self.apop_user("login_delay = 1h")
            there = self.other(here)
            clients = []
            for user in [here, there] * 4:
                client = self.connect(user, "clear")
                client.ok("USER " + user.name)
                clients.append(client)
            replies = []

            def log_in(client):
                reply = client.cmd("PASS " + here.password)
                client.may_be_logged_in = reply.ok
                replies.append(reply)

            threads = [threading.Thread(target=log_in, args=(client,))
                       for client in clients]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(len(replies), len(clients))
            good = sum(reply.ok for reply in replies)
            self.assertLessEqual(good, 1)
            let_in += good
            for reply in replies:
                self.assertRegex(reply.text, r"^\+OK|" + TOO_SOON)
            for client in clients:
                client.close()
        self.assertGreater(let_in, 0)

    def test_who_knows_less_asks(self):
        # It was this server that let him in, and the other one later.
        user = self.apop_user("login_delay = 1h")
        self.check_in(user, "user", "clear", user.password)
        self.clock.advance("2h")
        self.redis.command("set", self.key(user), int(self.clock.now()) - 60)
        self.check_too_soon(user, "user", "clear", user.password)

    def test_a_time_in_the_future(self):
        user = self.apop_user("login_delay = 1h")
        self.redis.command("set", self.key(user), int(self.clock.now()) + 10**8)
        self.check_too_soon(user, "user", "clear", user.password)
        self.clock.advance("1h")
        self.check_in(user, "user", "clear", user.password)

    def test_redis_is_down(self):
        self.expect_errors("dict", "Last login is not known", "redis")
        allow = self.apop_user("login_delay = 1h")
        refuse = self.apop_user("login_delay = 1h\n"
                                "login_delay_failure = refuse")
        free = self.apop_user()
        self.redis.stop()
        self.check_in(allow, "user", "clear", allow.password)
        self.wait_log("Last login is not known, login allowed: ")
        # what this server knows, it knows
        self.check_too_soon(allow, "user", "clear", allow.password)
        for _ in range(2):
            self.check_out(FAILED, refuse, "user", "clear", refuse.password)
        self.check_out(FAILED, refuse, "apop", "stls", self.add(refuse))
        self.check_out(REFUSED, refuse, "user", "clear", "wrong")
        self.check_in(free, "user", "clear", free.password)
        self.redis.start()
        # Dovecot tries to connect again after a second
        for _ in range(200):
            text = self.try_login(refuse, "user", "clear", refuse.password)
            if text != FAILED:
                break
        self.assertRegex(text, r"^\+OK")

    def test_what_is_no_time(self):
        self.expect_errors("Last login is not known.*is no time: soon")
        allow = self.apop_user("login_delay = 1h")
        refuse = self.apop_user("login_delay = 1h\n"
                                "login_delay_failure = refuse")
        for user in allow, refuse:
            self.redis.command("set", self.key(user), "soon")
        self.check_in(allow, "user", "clear", allow.password)
        self.check_out(FAILED, refuse, "user", "clear", refuse.password)

    def test_auth_ends_meanwhile(self):
        self.expect_errors("dict", "redis", "Last login is not known",
                           "[Aa]uth", "pop3-login")
        user = self.apop_user("login_delay = 1h")
        self.check_in(self.apop_user(), "user", "clear", user.password)
        self.redis.pause()
        client = self.connect(user, "clear")
        client.ok("USER " + user.name)
        client.send("PASS " + user.password + "\r\n")
        # it has been asked once another login is through
        self.check_in(self.apop_user(), "user", "clear", user.password)
        os.kill(self.auth_process(), signal.SIGTERM)
        self.redis.go_on()
        # It ends without crash or leak, which the log would show, and answers.
        # That was no login.
        self.wait_log(user.name + ".*the server shuts down")
        client.close()
        self.check_in(user, "user", "clear", user.password)

    def auth_process(self):
        pid = self.dovecot.process.pid
        with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
            for child in file.read().split():
                with open("/proc/%s/cmdline" % child) as command:
                    if "dovecot/auth" in command.read():
                        return int(child)
        self.fail("there is no auth process")

    def test_redis_is_slow(self):
        self.expect_errors("dict", "redis", "Last login is not known")
        allow = self.apop_user("login_delay = 1h")
        refuse = self.apop_user("login_delay = 1h\n"
                                "login_delay_failure = refuse")
        free = self.apop_user()
        self.redis.pause()
        waiting = [self.connect(refuse, "clear"),
                   self.connect(allow, "clear")]
        for client, user in zip(waiting, (refuse, allow)):
            client.ok("USER " + user.name)
            client.send("PASS " + user.password + "\r\n")
        # Nobody else waits for it.
        self.check_in(free, "user", "clear", free.password)
        self.assertEqual(select.select([client.sock for client in waiting],
                                       [], [], 0)[0], [])
        self.assertEqual(waiting[0].read_reply().text, FAILED)
        waiting[0].close()
        self.assertTrue(waiting[1].read_reply().ok)
        waiting[1].may_be_logged_in = True
        waiting[1].quit()


SQL_MAP = {
    "2.3": """\
connect = %s
map {
  pattern = shared/pop3_login_delay/$what/$user
  table = pop3_login_delays
  value_field = value
  fields {
    what = $what
    username = $user
  }
}
""",
    "2.4": """\
dict_server {
  dict delays {
    driver = sql
    sql_driver = sqlite
    sqlite_path = %s
    dict_map shared/pop3_login_delay/$what/$user {
      sql_table = pop3_login_delays
      key_field what {
        value = $what
      }
      key_field username {
        value = $user
      }
      value_field value {
      }
    }
  }
}
""",
}


SCHEMA = """
CREATE TABLE pop3_login_delays (
  username VARCHAR(255) NOT NULL,
  what VARCHAR(4) NOT NULL,
  value VARCHAR(32) NOT NULL,
  PRIMARY KEY (username, what)
)"""


def make_database(target):
    return Sqlite(target, SCHEMA)


class Sql(SharedDelay):
    """Two servers with one database, as the guide has it."""

    def setUp(self):
        self.database = self.instances.server(self.version, make_database)
        text = SQL_MAP[self.version] % self.database.path
        if self.version == "2.3":
            self.files = {"delays-sql.conf": text}
            text = "dict {\n  delays = sqlite:@BASE@/delays-sql.conf\n}\n"
        self.extra_config = text
        super().setUp()

    def test_two_servers(self):
        here = self.apop_user("login_delay = 1h")
        there = self.other(here)
        secret = self.add(here)
        self.check_in(here, "apop", "stls", secret)
        self.assertEqual([what for what, in self.database.execute(
            "SELECT what FROM pop3_login_delays WHERE username = ? "
            "ORDER BY what", here.name)], ["last", "turn"])
        self.check_too_soon(there, "user", "clear", there.password)
        there.dovecot.clock.advance("1h")
        self.addCleanup(there.dovecot.clock.reset)
        self.check_in(there, "user", "clear", there.password)
        self.clock.advance("1h")
        self.check_too_soon(here, "user", "clear", here.password)

    def test_locked(self):
        self.expect_errors("dict", "Last login is not known")
        allow = self.apop_user("login_delay = 1h")
        refuse = self.apop_user("login_delay = 1h\n"
                                "login_delay_failure = refuse")
        with self.database.locked():
            let_in, refused = self.side_by_side(self.try_login, [
                (user, "user", "clear", user.password)
                for user in (allow, refuse)])
        self.assertRegex(let_in, r"^\+OK")
        self.assertEqual(refused, FAILED)
        self.check_in(refuse, "user", "clear", refuse.password)
        self.check_too_soon(refuse, "user", "clear", refuse.password)
