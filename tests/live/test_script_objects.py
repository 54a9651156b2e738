# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a Lua policy script knows: each field is what Dovecot has, and lists."""

import os
import re

from harness import message
from test_rules import explain
from test_script import ScriptTest

DAY = 86400


class Objects(ScriptTest):
    """Fields are what Dovecot has."""

    def logged(self, user, *texts):
        for text in texts:
            self.wait_log("pop3-policy: %s.lua: %s" %
                          (user.name, re.escape(text)))

    def test_session(self):
        user = self.scripted("""
            local function text(value)
                return value == nil and "nil" or tostring(value)
            end
            function pop3_policy_delete(session, message)
                for _, name in ipairs({"user", "login", "policy", "mechanism",
                        "tls", "secured", "remote_ip", "local_ip",
                        "messages", "bytes", "last_login"}) do
                    session.data[#session.data + 1] =
                        name .. "=" .. text(session[name])
                end
                policy.log(table.concat(session.data, " "))
                policy.log("colour=" .. text(session.fields.colour))
                policy.log("none=" .. text(session.fields.none))
                assert(#session.id > 10)
            end""", fields={"colour": "green"})
        client = user.pop3()
        total = client.stat()[1]
        client.ok("DELE 1")
        client.quit()
        self.logged(user, "user=%s login=%s policy=default mechanism=PLAIN "
                    "tls=false secured=true remote_ip=127.0.0.1 "
                    "local_ip=127.0.0.1 messages=3 bytes=%d last_login=nil" %
                    (user.name, user.name, total), "colour=green", "none=nil")

    def test_message(self):
        user = self.scripted("""
            local function text(value)
                return value == nil and "nil" or tostring(value)
            end
            function pop3_policy_delete(session, message)
                for _, name in ipairs({"number", "uid", "guid", "size",
                        "saved", "received", "age_days"}) do
                    policy.log(name .. "=" .. text(message[name]))
                end
            end
            function pop3_policy_retrieve(session, message)
                local flags = {}
                for _, name in ipairs({"seen", "flagged", "answered", "hidden",
                        "retrieved", "retrieved_days", "retrieve_count",
                        "uidl"}) do
                    flags[#flags + 1] = name .. "=" .. text(message[name])
                end
                policy.log(table.concat(flags, " "))
                local words = {}
                for word in pairs(message.keywords) do
                    words[#words + 1] = word
                end
                table.sort(words)
                policy.log("keywords=" .. table.concat(words, ","))
                policy.log("subject=" .. message:header("subject"))
                policy.log("none=" .. text(message:header("X-None")))
                policy.log("received=" ..
                    table.concat(message:headers("X-Trace"), "|"))
            end""", messages=[])
        user.pop3().quit()
        user.append(b"From: a\r\nSubject: =?utf-8?q?gr=C3=BCn?=\r\n"
                    b"X-Trace: one\r\nX-Trace: two\r\n\r\nbody\r\n",
                    [r"\Flagged", "Work", "Home"], received=1500000000)
        client = user.pop3()
        size, uidl = client.list()[1], client.uidl()[1]
        client.ok("DELE 1")
        client.ok("RSET")
        client.retr(1)
        client.quit()
        found = user.messages()[0]
        self.logged(user, "number=1", "uid=1", "guid=" + found.guid,
                    "size=%d" % size, "saved=%d" % found.saved,
                    "received=1500000000", "age_days=0",
                    "seen=false flagged=true answered=false hidden=false "
                    "retrieved=nil retrieved_days=nil retrieve_count=0 "
                    "uidl=" + uidl, "keywords=Home,Work", "subject=gr\u00fcn",
                    "none=nil", "received=one|two")

    def test_history(self):
        user = self.scripted("""
            function pop3_policy_delete(session, message)
                if not message.retrieved then
                    return policy.DENY, "fetch this first"
                end
                if message.retrieved_days < 2 then
                    return policy.DENY, "fetched " .. message.retrieve_count
                end
            end""")
        client = user.pop3()
        client.err("DELE 1", "fetch this first")
        client.retr(1)
        client.err("DELE 1", "fetched 1")
        client.quit()
        self.clock.set("3d")
        client = user.pop3()
        client.ok("DELE 1")
        self.assertTrue(client.quit().ok)
        self.assertEqual(user.uids(), [2, 3])

    def test_numbers_behind_hidden_mail(self):
        user = self.scripted("""
            function pop3_policy_delete(session, message)
                policy.log("number=" .. message.number .. " uid="
                    .. message.uid .. " uidl=" .. message.uidl)
                return policy.HIDE
            end""")
        client = user.pop3()
        client.ok("DELE 1")
        client.quit()
        client = user.pop3()
        uidl = client.uidl()
        client.ok("DELE 2")
        client.quit()
        self.logged(user, "number=2 uid=3 uidl=" + uidl[2])

    def test_no_history_without_an_index(self):
        if self.format != "maildir":
            self.skipTest("dbox has no mail without an index")
        user = self.scripted("""
            function pop3_policy_delete(session, message)
                if message.number == 1 then return policy.ALLOW end
                if message.number == 2 then return policy.HIDE end
                return message.retrieved and policy.ALLOW
            end""")
        if self.version == "2.3":
            user.set_field("mail", "maildir:~/Maildir:INDEX=MEMORY")
        else:
            user.set_field("mail_index_path", "MEMORY")
        self.expect_errors("Can't decide about delete: .*can't be hidden")
        client = user.pop3()
        client.ok("DELE 1")
        client.err("DELE 2", "[SYS/TEMP]")
        client.err("DELE 3", "[SYS/TEMP]")
        client.quit()
        self.assertEqual(user.count(), 2)


class Flags(ScriptTest):
    """Fields that are mostly false or nil, where they are not."""
    formats = ("maildir", "sdbox")
    TELL = """
        local function tell(session, message)
            local words = { "uid=" .. message.uid }
            for _, name in ipairs({ "seen", "flagged", "answered", "hidden",
                    "retrieved", "retrieved_days", "retrieve_count",
                    "age_days" }) do
                words[#words + 1] = name .. "=" .. tostring(message[name])
            end
            policy.log(table.concat(words, " "))
        end
        """

    def test_flags_and_hidden(self):
        """Only an expiry run is asked about hidden mail."""
        user = self.scripted(self.TELL + """
            function pop3_policy_delete(session, message)
                tell(session, message)
                return policy.HIDE
            end
            function pop3_policy_expire(session, message)
                tell(session, message)
                return policy.KEEP
            end""", messages=[])
        user.pop3().quit()
        user.append(message("m1"), [r"\Seen", r"\Answered"])
        client = user.pop3()
        client.ok("DELE 1")
        client.quit()
        self.wait_log("uid=1 seen=true flagged=false answered=true "
                      "hidden=false retrieved=nil retrieved_days=nil "
                      "retrieve_count=0 age_days=0")
        for day in 2, 3:
            self.clock.set("%dd" % day)
            user.pop3().quit()
        self.wait_log("uid=1 seen=true flagged=false answered=true "
                      "hidden=true retrieved=nil retrieved_days=nil "
                      "retrieve_count=0 age_days=[23]")

    def test_history(self):
        """Unknown for mail from before the first session."""
        user = self.scripted(self.TELL + "pop3_policy_delete = tell\n",
                             messages=[message("m1")])
        user.pop3().quit()
        user.append(message("m2"))
        client = user.pop3()
        began = self.clock_now(user)
        client.retr(2)
        client.retr(2)
        client.quit()
        self.clock.set("5d")
        client = user.pop3()
        client.ok("DELE 1")
        client.ok("DELE 2")
        client.ok("RSET")
        client.quit()
        self.wait_log("uid=1 .*retrieved=nil retrieved_days=nil "
                      "retrieve_count=nil age_days=5")
        found = self.wait_log(r"uid=2 .*retrieved=(\d+) retrieved_days=(\d) "
                              r"retrieve_count=(\d+) age_days=5")
        self.assertLess(abs(int(found.group(1)) - began), 1000)
        self.assertEqual(found.groups()[1:], ("5", "2"))

    def clock_now(self, user):
        return max(found.saved for found in user.messages())

    def test_session_times(self):
        user = self.scripted("""
            function pop3_policy_retrieve(session, message)
                policy.log("last=" .. tostring(session.last_login) ..
                           " after=" .. session.now -
                           (session.last_login or session.now) ..
                           " new=" .. message.saved - session.now)
            end""", messages=[message("m1")])
        client = user.pop3()
        client.retr(1)
        client.quit()
        self.wait_log("last=nil after=0 new=-?[0-9]{1,3}$")
        self.clock.set("2d")
        client = user.pop3()
        client.retr(1)
        client.quit()
        found = self.wait_log(r"last=\d+ after=(\d+) ")
        self.assertLess(abs(int(found.group(1)) - 2 * DAY), 1000)


class Lists(ScriptTest):
    formats = ("maildir",)
    SCRIPT = """
        function pop3_policy_delete(session, message)
            local list = policy.list("NAME")
            return list[message:header("Subject")] and policy.DENY
                or policy.ALLOW
        end"""

    def listed(self, text):
        user = self.scripted("")
        name = user.name + ".list"
        user.set_script(self.SCRIPT.replace("NAME", name))
        return user, self.dovecot.target.host_path(
            user.set_script(text, name))

    def test_changed_while_in_use(self):
        """Between two commands of one session: replaced, written to in its
        place, gone."""
        user, path = self.listed("m1\r\n")
        client = user.pop3()
        client.err("DELE 1", "may not be deleted")
        client.ok("DELE 2")
        user.set_script("m3\n", user.name + ".list")
        client.err("DELE 3", "may not be deleted")
        client.ok("DELE 1")
        with open(path, "a") as file:
            file.write("m1\n")
        client.ok("RSET")
        client.err("DELE 1", "may not be deleted")
        client.ok("DELE 2")
        os.unlink(path)
        self.expect_errors("Can't decide about delete: .*No such file")
        client.err("DELE 1", "[SYS/TEMP]")
        # what was allowed is asked about again, and nobody knows
        self.assertFalse(client.quit().ok)
        self.assertEqual(user.count(), 3)

    def test_what_is_no_list(self):
        user, path = self.listed("")
        self.expect_errors("Can't decide about delete: .*list ")
        for make in (lambda: os.mkfifo(path), lambda: os.mkdir(path),
                     lambda: os.symlink("/dev/zero", path),
                     lambda: os.symlink(path, path),
                     lambda: self.write(path, (b"x" * 999 + b"\n") * 4300),
                     lambda: self.write(path, b"x" * 1001),
                     lambda: self.write(path, b"x\n", 0o600)):
            if os.path.isdir(path):
                os.rmdir(path)
            else:
                os.unlink(path)
            make()
            client = user.pop3()
            client.err("DELE 1", "[SYS/TEMP]")
            client.quit()
        self.assertEqual(user.count(), 3)

    def write(self, path, text, mode=0o644):
        with open(path, "wb") as file:
            file.write(text)
        os.chmod(path, mode)

    def test_a_link_is_followed(self):
        """It is the administrator's. Bytes are bytes."""
        user, path = self.listed("")
        os.rename(path, path + ".2")
        os.symlink(os.path.basename(path) + ".2", path)
        self.write(path + ".2", b"\xff\xfe\0\nm2\0\nm1")
        client = user.pop3()
        client.err("DELE 1", "may not be deleted")
        client.ok("DELE 2")
        client.quit()
        self.assertEqual(user.count(), 2)


class Outside(ScriptTest):
    """doveadm asks without a session: what belongs to one is nil."""
    formats = ("maildir", "sdbox")

    def test_explain(self):
        user = self.scripted("""
            local function look(session, message)
                for _, name in ipairs({ "mechanism", "device", "remote_ip",
                        "local_ip", "last_login", "messages", "bytes" }) do
                    assert(session[name] == nil, name)
                end
                assert(session.user == "USER" and session.login == "USER")
                assert(session.policy == "default" and not session.tls)
                assert(session.fields.colour == "green")
                assert(os.time() - session.now < 1000)
                assert(message.uidl == nil and #message.guid > 10)
                assert(message:header("Subject") == "m" .. message.uid)
                session.data.n = (session.data.n or 0) + 1
            end
            function pop3_policy_delete(session, message)
                look(session, message)
                return policy.ARCHIVE, "N" .. message.number
            end
            function pop3_policy_expire(session, message)
                look(session, message)
                return message.uid == 3 and policy.EXPUNGE or policy.HIDE
            end""", messages=[], fields={"colour": "green"})
        path = self.dovecot.target.host_path(
            os.path.dirname(user.policy_path) + "/" + user.name + ".lua")
        with open(path) as file:
            text = file.read()
        user.set_script(text.replace("USER", user.name))
        user.append([message("m%d" % i) for i in range(1, 4)])
        user.doveadm("expunge", "mailbox", "INBOX", "uid", "1")
        rows = explain(user)
        self.assertEqual([(row["delete"], row["expire"])
                          for _, row in sorted(rows.items())],
                         [("archive", "hide"), ("archive", "expunge")])
