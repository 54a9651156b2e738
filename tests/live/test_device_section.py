# SPDX-License-Identifier: LGPL-2.1-or-later
"""alice+phone: who logs in so is alice, and the section may be the phone's."""

import imaplib
import os
import string

from harness import message
from harness.apop import Apop, POLICY_FIRST

TELL = """
local function tell(where, who)
  policy.log(where .. ": user=" .. who.user .. " login=" .. who.login ..
             " device=" .. tostring(who.device) .. " policy=" .. who.policy)
end
function pop3_policy_auth(request) tell("auth", request) end
function pop3_policy_login(session) tell("login", session) end
"""


class DeviceTest(Apop):
    # Dovecot's default has no "+"
    settings = dict(Apop.settings, auth_username_chars=string.ascii_letters +
                    string.digits + "+.-_@")

    def phone(self, lines="", device_lines=None, device="phone"):
        """A user, and his name with a device; the section of that device,
        where there are lines for it."""
        user = self.apop_user("script = tell.lua\nscript_time = 30s\n" + lines)
        user.set_script(TELL, "tell.lua")
        login = "%s+%s" % (user.name, device)
        # it is for the passdb to say who that is
        with open(os.path.join(self.dovecot.users_dir, login), "w") as file:
            file.write("%s:{PLAIN}%s::::::user=%s\n" % (
                login, user.password, user.name))
        if device_lines is not None:
            # so that the section is one of alice+phone's
            self.write_policy(self.policy_text() +
                              "[user %s]\ninherit = user %s\n%s\n" % (
                                  login, user.name, device_lines))
        return user, login

    def policy_text(self):
        with open(self.dovecot.host_base + "/policy/auth.conf") as file:
            return file.read()

    def log_in(self, user, login):
        """Returns the client, logged in by this name."""
        client = self.connect(user, "stls")
        client.ok("USER " + login)
        client.ok("PASS " + user.password)
        client.may_be_logged_in = client.is_logged_in = True
        return client

    def refused(self, user, login):
        client = self.connect(user, "stls")
        client.ok("USER " + login)
        text = client.err("PASS " + user.password).text
        client.close()
        return text

    def told(self, where, user, login, device, policy):
        self.assertIn("%s: user=%s login=%s device=%s policy=%s" % (
            where, user.name, login, device, policy), self.log())


class Device(DeviceTest):
    def test_facts(self):
        user, login = self.phone()
        self.log_in(user, login).quit()
        for where in "auth", "login":
            self.told(where, user, login, "phone", "user " + user.name)
        self.log_in(user, user.name).quit()
        for where in "auth", "login":
            self.told(where, user, user.name, "nil", "user " + user.name)

    def test_section(self):
        user, login = self.phone(device_lines="delete = deny:\"not here\" all")
        user.append([message("one"), message("two")])
        client = self.log_in(user, login)
        client.err("DELE 1", "not here")
        client.quit()
        for where in "auth", "login":
            self.told(where, user, login, "phone", "user " + login)
        # the other device has no section
        client = self.log_in(user, user.name)
        client.ok("DELE 1")
        client.quit()
        self.assertEqual(user.uids(), [2])

    def test_refused_in_auth(self):
        user, login = self.phone(device_lines="mechanisms = apop:tls")
        self.assertRegex(self.refused(user, login), "PLAIN is not allowed")
        self.assertNotRegex(self.log(), r"mpid=\d")
        self.log_in(user, user.name).quit()

    def test_refused_in_the_session(self):
        # with the passdb first, nobody knows in auth who alice+phone is
        self.passdbs = POLICY_FIRST
        Apop.setUp(self)
        user, login = self.phone(device_lines="mechanisms = apop:tls")
        self.assertRegex(self.refused(user, login), "PLAIN is not allowed")
        self.log_in(user, user.name).quit()

    def test_a_hold_is_the_users_in_other_programs(self):
        user, login = self.phone("hold = keyword $Hold",
                                 device_lines="hold = none")
        user.append([message("one")], flags=["$Hold"])
        with imaplib.IMAP4("127.0.0.1", self.dovecot.imap_port,
                           timeout=30) as imap:
            imap.login(login, user.password)
            imap.select()
            imap.store("1", "+FLAGS", r"\Deleted")
            imap.expunge()
        self.assertEqual(user.uids(), [1])

    def test_another_users_name_is_no_device(self):
        # mallory+x is let in as alice by a passdb: no device of hers
        user, login = self.phone()
        other = "mallory+phone"
        with open(os.path.join(self.dovecot.users_dir, other), "w") as file:
            file.write("%s:{PLAIN}%s::::::user=%s\n" % (
                other, user.password, user.name))
        self.write_policy(self.policy_text() +
                          "[user mallory+phone]\nmechanisms = plain\n")
        self.log_in(user, other).quit()
        for where in "auth", "login":
            self.told(where, user, other, "nil", "user " + user.name)

    def test_doveadm_has_no_device(self):
        user, _ = self.phone(device_lines="delete = deny all")
        user.append([message("one")])
        user.pop3().quit()
        output = user.doveadm("pop3 explain", "all", formatter="tab")
        self.assertIn(b"allow", output)


class UsernameFormat(DeviceTest):
    """2.4 can take the device off by itself; so it can with APOP."""

    versions = ("2.4",)
    passdbs = POLICY_FIRST
    settings = dict(DeviceTest.settings,
                    auth_username_format="%{user | lower | index('+', 0)}")

    def test_apop(self):
        user, login = self.phone(device_lines="retrieve = deny all")
        secret = self.add(user, "laptop")
        user.append([message("one")])
        client = self.connect(user, "stls")
        client.name = login
        self.assertTrue(client.apop(secret).ok)
        client.err("RETR 1")
        client.quit()
        # the secret's name is the better one
        for where in "auth", "login":
            self.told(where, user, login, "laptop", "user " + login)

    def test_password(self):
        user, login = self.phone(device_lines="retrieve = deny all")
        user.append([message("one")])
        client = self.log_in(user, login)
        client.err("RETR 1")
        client.quit()
        self.told("login", user, login, "phone", "user " + login)
