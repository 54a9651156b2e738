# SPDX-License-Identifier: LGPL-2.1-or-later
"""APOP: secrets, what nobody can know, what strangers can find out."""

import os
import poplib
import shutil
import ssl
import statistics
import subprocess
import tempfile
import time
import unittest

from harness import message
from harness.apop import (Apop, FAILED, KEY1, KEY2, POLICY_FIRST, REFUSED)
from harness.config import USERS


class Secrets(Apop):
    def test_right_and_wrong(self):
        user = self.apop_user()
        phone, laptop = self.add(user), self.add(user, "laptop")
        for how in "stls", "pop3s":
            self.check_in(user, "apop", how, phone)
            self.check_in(user, "apop", how, laptop)
        self.side_by_side(self.check_out, [
            (REFUSED, user, "apop", how, secret) for how in ("stls", "pop3s")
            for secret in (phone + "x", "")])
        self.check_in(user, "user", "stls", user.password)

    def test_never_the_accounts_password(self):
        # The account's password is there in the clear, so that Dovecot
        # would take it for APOP's secret, and takes no secret for it.
        user = self.apop_user()
        self.check_out(REFUSED, user, "apop", "stls", user.password)
        secret = self.add(user)
        self.check_out(REFUSED, user, "apop", "stls", user.password)
        self.check_out(REFUSED, user, "user", "stls", secret)

    def test_one_users_secret_is_no_others(self):
        alice, bob = self.apop_user(), self.apop_user()
        secret = self.add(alice)
        self.add(bob)
        self.check_out(REFUSED, bob, "apop", "stls", secret)
        self.check_in(alice, "apop", "stls", secret)

    def test_add_list_rotate_remove(self):
        user = self.apop_user()
        old = self.add(user, "phone", "-e", "30d")
        result = self.dovecot.doveadm("pop3", "apop", "add", "-u", user.name,
                                      "phone", check=False)
        self.assertNotEqual(result.returncode, 0)
        self.assertEqual(result.stdout, b"")
        self.assertIn(b"has a secret named phone already", result.stderr)

        listed = self.dovecot.doveadm("pop3", "apop", "list", "-u", user.name,
                                      formatter="tab").decode().splitlines()
        self.assertEqual(len(listed), 2)
        fields = listed[1].split("\t")
        self.assertEqual(fields[:2], [user.name, "phone"])
        self.assertNotIn(old, "\n".join(listed))
        self.assertEqual(fields[4], "-")

        self.check_in(user, "apop", "stls", old)
        new = self.dovecot.doveadm("pop3", "apop", "rotate", "-u", user.name,
                                   "phone").decode().strip()
        self.check_out(REFUSED, user, "apop", "stls", old)
        self.check_in(user, "apop", "stls", new)
        listed = self.dovecot.doveadm("pop3", "apop", "list", "-u", user.name,
                                      formatter="tab").decode().splitlines()
        self.assertNotEqual(listed[1].split("\t")[3], "-")

        self.dovecot.doveadm("pop3", "apop", "remove", "-u", user.name,
                             "phone")
        self.check_out(REFUSED, user, "apop", "stls", new)
        result = self.dovecot.doveadm("pop3", "apop", "remove", "-u",
                                      user.name, "phone", check=False)
        self.assertNotEqual(result.returncode, 0)

    def test_last_use(self):
        user = self.apop_user()
        secret = self.add(user)
        self.check_out(REFUSED, user, "apop", "stls", "wrong")
        show = ["pop3", "apop", "list", "-u", user.name]
        output = self.dovecot.doveadm(*show, formatter="tab").decode()
        self.assertEqual(output.splitlines()[1].split("\t")[4], "-")
        self.check_in(user, "apop", "stls", secret)
        output = self.dovecot.doveadm(*show, formatter="tab").decode()
        self.assertRegex(output.splitlines()[1].split("\t")[4], r"^20\d\d-")

    def test_expired(self):
        user = self.apop_user()
        secret = self.add(user, "phone", "-e", "2s")
        forever = self.add(user, "laptop")
        self.check_in(user, "apop", "stls", secret)
        time.sleep(2.5)
        self.check_out(REFUSED, user, "apop", "stls", secret)
        self.check_in(user, "apop", "stls", forever)

    def test_key_rotation(self):
        user = self.apop_user()
        secret = self.add(user)
        self.write_keys(KEY2, KEY1)
        self.check_in(user, "apop", "stls", secret)
        output = self.dovecot.doveadm("pop3", "apop", "rotate")
        self.assertRegex(output.decode(), r"^[1-9]\d* sealed anew")
        self.write_keys(KEY2)
        self.check_in(user, "apop", "stls", secret)
        self.write_keys(KEY1, KEY2)
        self.dovecot.doveadm("pop3", "apop", "rotate", "-u", user.name)
        self.dovecot.doveadm("pop3", "apop", "rotate")
        self.check_in(user, "apop", "stls", secret)

    def test_files_are_the_owners_alone(self):
        user = self.apop_user()
        secret = self.add(user)
        status = os.stat(self.secrets)
        self.assertEqual(status.st_mode & 0o7777, 0o600)
        self.assertEqual((status.st_uid, status.st_gid),
                         self.dovecot.internal_user())
        with open(self.secrets, "rb") as file:
            self.assertNotIn(secret.encode(), file.read())
        self.assertNotIn(secret, self.log())


class Device(Apop):
    SCRIPT = ("function pop3_policy_login(session)\n"
              "  policy.log(\"device=\" .. tostring(session.device))\nend\n")

    def test_script_and_journal(self):
        user = self.apop_user("script = device.lua\ndelete = hide all")
        user.set_script(self.SCRIPT, "device.lua")
        secret = self.add(user, "laptop")
        self.add(user)
        user.append([message("one")])
        client, reply = self.login(user, "apop", "stls", secret)
        self.assertTrue(reply.ok)
        client.ok("DELE 1")
        client.quit()
        self.assertIn("device=laptop", self.log())
        with open(user.host_home + "/Maildir/pop3-policy.journal") as file:
            self.assertIn('"mechanism":"APOP","device":"laptop"', file.read())
        self.check_in(user, "user", "stls", user.password)
        self.assertIn("device=nil", self.log())


PREFETCH = {
    "2.3": "userdb {\n  driver = prefetch\n}\n"
           "userdb {\n  driver = passwd-file\n"
           "  args = @BASE@/others/%u\n}\n",
    "2.4": "userdb prefetch {\n}\n"
           "userdb others {\n  driver = passwd-file\n"
           "  passwd_file_path = @BASE@/others/%{user}\n}\n"}


class Prefetch(Apop):
    """userdb prefetch, where only a userdb behind it knows the user, and
    names his section."""

    def setUp(self):
        self.extra_config = PREFETCH[self.version]
        super().setUp()

    def test_section_of_the_next_userdb(self):
        for lines in "", "login_delay = 1h":
            with self.subTest(lines=lines):
                self.check_section(lines)

    def check_section(self, lines):
        user = self.apop_user(lines)
        with open(self.dovecot.host_base + "/policy/auth.conf", "a") as file:
            file.write("[policy strict]\ninherit = default\n"
                       "script = device.lua\n")
        user.set_script(Device.SCRIPT, "device.lua")
        user.set_field("pop3_policy", "strict")
        folder = self.dovecot.host_base + "/others"
        os.makedirs(folder, exist_ok=True)
        os.rename(os.path.join(self.dovecot.users_dir, user.name),
                  os.path.join(folder, user.name))
        self.check_in(user, "apop", "stls", self.add(user, "laptop"))
        self.assertRegex(self.log(), r"pop3\(%s\).*device=laptop\n" %
                         user.name)
        self.assertRegex(self.log(), r"pop3\(%s\).*\[policy strict\] retr" %
                         user.name)


class Master(Apop):
    """Behind a passdb of masters that lets the chain go on."""

    passdbs = (("passwd-file", {"args": "@BASE@/users/masters",
                                "master": "yes",
                                "result_success": "continue"}),) + POLICY_FIRST
    settings = dict(Apop.settings, auth_master_user_separator="*",
                    auth_mechanisms="plain login apop cram-md5")

    def test_a_users_secret_makes_no_master(self):
        # masters do not wait
        user = self.apop_user("login_delay = 1h")
        with open(os.path.join(self.dovecot.users_dir, "masters"),
                  "w") as file:
            file.write("master:{PLAIN}master-secret::::::\n")
        typed = self.user(name=user.name + "*master")
        secret = self.add(user)
        for wrong in secret, "master-secret":
            self.check_out(REFUSED, typed, "apop", "stls", wrong)
        for wrong in user.password, "master-secret":
            self.check_out(REFUSED, typed, "cram-md5", "stls", wrong)
        self.check_in(user, "apop", "stls", secret)
        self.check_in(typed, "plain", "stls", "master-secret")
        self.check_out(REFUSED, typed, "plain", "stls", user.password)


class Doubt(Apop):
    """DANGER 2: what can't be known refuses, whatever passdb comes next. The
    next one would let in: the account's password is its APOP secret."""

    passdbs = POLICY_FIRST

    def check_doubt(self, user, secret, log, answer=FAILED):
        self.expect_errors("Login refused: ")
        nobody = self.user()
        os.unlink(os.path.join(self.dovecot.users_dir, nobody.name))
        self.side_by_side(self.check_out, [
            (answer, who, "apop", "stls", password) for who, password in (
                (user, secret), (user, user.password), (user, "wrong"),
                (nobody, "wrong"))])
        self.assertRegex(self.log(), "Login refused: .*" + log)
        # nobody else suffers
        self.check_in(user, "user", "stls", user.password)

    def test_the_next_one_would_let_in(self):
        self.passdbs = (USERS,)
        Apop.setUp(self)
        user = self.apop_user()
        self.check_in(user, "apop", "stls", user.password)

    def test_keys_missing(self):
        user = self.apop_user()
        secret = self.add(user)
        os.unlink(self.keys)
        self.check_doubt(user, secret, "keys does not exist")

    def test_keys_readable_by_others(self):
        user = self.apop_user()
        secret = self.add(user)
        os.chmod(self.keys, 0o640)
        self.check_doubt(user, secret, "lets others than its owner in")

    def test_other_key(self):
        user = self.apop_user()
        secret = self.add(user)
        self.write_keys(KEY2)
        # that he has one is not to be told
        self.check_doubt(user, secret, "is not in the keys file", REFUSED)

    def test_secrets_damaged(self):
        user = self.apop_user()
        secret = self.add(user)
        with open(self.secrets, "rb") as file:
            saved = file.read()
        self.addCleanup(self.restore, saved)
        with open(self.secrets, "r+b") as file:
            file.truncate(len(saved) - 10)
        self.check_doubt(user, secret, "is damaged", REFUSED)

    def test_one_secret_damaged(self):
        user = self.apop_user()
        secret, other = self.add(user), self.add(user, "laptop")
        with open(self.secrets) as file:
            lines = file.read().splitlines(keepends=True)
        self.addCleanup(self.restore, "".join(lines).encode())
        self.restore("".join(
            line[:-20] + line[-20:].translate(str.maketrans(
                "0123456789abcdef", "123456789abcdef0"))
            if line.startswith(user.name + "\tphone\t") else line
            for line in lines).encode())
        self.check_doubt(user, secret, "is not what was sealed", REFUSED)
        self.expect_errors("Not all of the user's secrets can be read")
        self.check_in(user, "apop", "stls", other)

    def test_not_a_file_of_secrets(self):
        user = self.apop_user()
        secret = self.add(user)
        with open(self.secrets, "rb") as file:
            saved = file.read()
        self.addCleanup(self.restore, saved)
        self.restore(b"x" + saved)
        self.check_doubt(user, secret, "is not a file of secrets")

    def restore(self, data):
        with open(self.secrets, "wb") as file:
            file.write(data)

    def test_section_broken(self):
        user = self.apop_user()
        secret = self.add(user)
        self.sections[user.name] = "mechanisms = apop:ssl"
        self.write_policy()
        self.expect_errors("Policy is broken")
        self.expect_errors("Login refused: ")
        self.check_out(FAILED, user, "apop", "stls", secret)
        self.check_out(FAILED, user, "apop", "stls", user.password)
        # pop3 refuses whom auth has not asked
        self.check_out(FAILED, user, "user", "stls", user.password)

    def test_policy_file_by_its_setting(self):
        # 2.4 alone; 2.3's auth is told by args, and its default is missing
        self.passdbs = (("pop3_policy", {}), USERS)
        Apop.setUp(self)
        user = self.apop_user()
        secret = self.add(user)
        if self.version == "2.3":
            self.check_out(REFUSED, user, "apop", "stls", secret)
        else:
            self.check_in(user, "apop", "stls", secret)
        self.check_out(REFUSED, user, "apop", "stls", user.password)

    def test_file_missing(self):
        user = self.apop_user()
        secret = self.add(user)
        os.unlink(self.dovecot.host_base + "/policy/auth.conf")
        self.expect_errors("Policy is broken", "Login refused: ")
        self.check_out(FAILED, user, "apop", "stls", secret)
        self.check_out(FAILED, user, "apop", "stls", user.password)

    def test_no_section_no_secrets(self):
        user = self.apop_user()
        self.write_policy("[policy other]\nmode = enforce\n")
        self.check_out(REFUSED, user, "apop", "stls", user.password)
        self.write_policy("[default]\nmode = enforce\n")
        self.check_out(REFUSED, user, "apop", "stls", user.password)
        self.write_policy("[default]\napop_keys = /nowhere\n")
        self.expect_errors("expected both")
        self.check_out(FAILED, user, "apop", "stls", user.password)


class Alike(Apop):
    """DANGER 3: who has no right secret can't find out anything."""

    def test_answers(self):
        user = self.apop_user("mechanisms = apop:tls")
        clear = self.apop_user("mechanisms = plain")
        without = self.apop_user()
        expired = self.add(user, "old", "-e", "1s")
        self.add(user)
        self.add(clear)
        time.sleep(1.5)
        nobody = self.user()
        os.unlink(os.path.join(self.dovecot.users_dir, nobody.name))
        self.side_by_side(self.check_answer, [
            (who, how, secret) for how in ("clear", "stls", "pop3s")
            for who, secret in ((user, "wrong"), (user, expired),
                                (clear, "wrong"), (without, "wrong"),
                                (nobody, "wrong"), (nobody, expired))])

    def check_answer(self, who, how, secret):
        client, reply = self.login(who, "apop", how, secret)
        self.assertEqual(reply.raw, REFUSED.encode() + b"\r\n")
        client.close()

    def test_times(self):
        user = self.apop_user()
        for number in range(20):
            self.add(user, "device%d" % number)
        nobody = self.user()
        os.unlink(os.path.join(self.dovecot.users_dir, nobody.name))
        # Dovecot answers those who failed each half second; what it takes
        # besides is what would tell something. The more tries, the less a busy
        # machine counts.
        tries = int(os.environ.get("POP3_POLICY_TRIES", "16"))
        times = {user: [], nobody: []}
        for number in range(8 * tries):
            for who in times:
                client = self.connect(who, "clear")
                begin = time.monotonic()
                reply = client.apop("wrong")
                client.may_be_logged_in = False
                times[who].append(time.monotonic() - begin)
                self.assertEqual(reply.text, REFUSED)
                client.close()
            medians = [statistics.median(times[who]) for who in times]
            difference = abs(medians[0] - medians[1])
            if number + 1 >= tries and difference < 0.020:
                break
        self.assertLess(difference, 0.020, medians)


class Programs(Apop):
    """Clients that speak APOP by themselves."""

    def check_session(self, user):
        self.assertRegex(self.wait_log(
            r"pop3-login: .*user=<%s>,? method=(\w+)" % user.name).group(1),
            "APOP")

    def test_poplib(self):
        user = self.apop_user()
        secret = self.add(user)
        user.append([message("one")])
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        client = poplib.POP3_SSL("127.0.0.1", self.dovecot.pop3s_port,
                                 context=context, timeout=30)
        client.apop(user.name, secret)
        self.assertEqual(client.stat()[0], 1)
        client.quit()
        client = poplib.POP3("127.0.0.1", self.dovecot.pop3_port, timeout=30)
        client.stls(context)
        with self.assertRaises(poplib.error_proto):
            client.apop(user.name, secret + "x")
        client.close()
        self.check_session(user)

    @unittest.skipIf(shutil.which("curl") is None, "no curl")
    def test_curl(self):
        user = self.apop_user()
        secret = self.add(user)
        user.append([message("one")])
        for url, option in (("pop3", "--ssl-reqd"), ("pop3s", "--silent")):
            port = self.dovecot.pop3s_port if url == "pop3s" else \
                self.dovecot.pop3_port
            command = ["curl", "--silent", "--show-error", "--insecure",
                       option, "--login-options", "AUTH=+APOP",
                       "%s://127.0.0.1:%d/1" % (url, port)]
            result = subprocess.run(
                command + ["--user", user.name + ":" + secret],
                capture_output=True, timeout=60)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertIn(b"Subject: one", result.stdout)
            result = subprocess.run(
                command + ["--user", user.name + ":" + secret + "x"],
                capture_output=True, timeout=60)
            self.assertEqual(result.returncode, 67, result.stderr)
        self.check_session(user)

    @unittest.skipIf(shutil.which("fetchmail") is None, "no fetchmail")
    def test_fetchmail(self):
        user = self.apop_user()
        secret = self.add(user)
        user.append([message("one")])
        folder = tempfile.mkdtemp(prefix="pop3-policy-client.")
        self.addCleanup(shutil.rmtree, folder)
        path = folder + "/rc"
        for password, status in ((secret + "x", 3), (secret, 0)):
            with open(path, "w") as file:
                file.write('poll 127.0.0.1 service %d protocol apop\n'
                           '  user "%s" password "%s" ssl sslproto '
                           '"auto" no sslcertck keep\n  mda "cat >> %s/inbox"\n' % (
                               self.dovecot.pop3s_port, user.name, password,
                               folder))
            os.chmod(path, 0o600)
            result = subprocess.run(
                ["fetchmail", "-f", path, "-i", folder + "/ids", "--pidfile",
                 folder + "/pid", "--nosyslog", "-v"],
                capture_output=True, timeout=60,
                env={**os.environ, "HOME": folder, "FETCHMAILHOME": folder})
            self.assertEqual(result.returncode, status, result.stdout)
        with open(folder + "/inbox", "rb") as file:
            self.assertEqual(file.read().count(b"Subject: one"), 1)
        self.check_session(user)
