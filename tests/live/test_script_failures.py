# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every way in which a Lua policy script can fail, and what it can't do to
others."""

import os
import re

from harness import message
from test_rules import explain
from test_script import ScriptTest


class Failures(ScriptTest):
    # formats with a file for each message
    formats = ("maildir", "sdbox")

    def login_refused(self, user, pattern):
        self.expect_errors("Policy is broken, login refused: .*" + pattern)
        client = user.pop3(login=False)
        client.ok("USER " + user.name)
        self.assertEqual(client.cmd("PASS " + user.password).text,
                         "-ERR [SYS/TEMP] Login is not possible now.")
        client.close()
        self.wait_log(pattern)

    def test_does_not_load(self):
        user = self.scripted("function (", "")
        for script, pattern in (
                ("function (", r"%s\.lua:1: " % user.name),
                ("error('x')", r"%s\.lua:1: x" % user.name),
                ("while true do end", "script_instructions|script_time"),
                ("function pop3_policy_delet() end", "pop3_policy_delete"),
                (b"\x1bLua", "%s.lua" % user.name),
                ("x = string.rep('x', 2^20)" + " x = x .. x" * 6,
                 "script_memory|1 MB")):
            user.set_script(script)
            self.login_refused(user, pattern)
            with self.subTest(script):
                # and nobody else may remove anything
                self.expect_errors("Policy is broken, no mail can be removed")
                user.doveadm("expunge", "mailbox", "INBOX", "all",
                             check=False)
                self.assertEqual(user.count(), 3)
        user.set_script("-- empty\n")
        client = user.pop3()
        client.ok("DELE 1")
        client.quit()
        self.assertEqual(user.count(), 2)

    def test_missing_and_unreadable(self):
        user = self.scripted("")
        path = self.dovecot.target.host_path(
            os.path.dirname(user.policy_path) + "/" + user.name + ".lua")
        os.chmod(path, 0o600)
        self.login_refused(user, "Permission denied")
        os.unlink(path)
        self.login_refused(user, "No such file")
        os.mkfifo(path)
        os.chmod(path, 0o644)
        self.login_refused(user, "not a regular file")

    def test_writable_for_the_mail_user(self):
        user = self.scripted("")
        path = self.dovecot.target.host_path(
            os.path.dirname(user.policy_path) + "/" + user.name + ".lua")
        owner = os.stat(user.host_home)
        os.chmod(path, 0o666)
        self.login_refused(user, "is writable for everybody")
        os.chmod(path, 0o664)
        os.chown(path, 0, owner.st_gid)
        self.login_refused(user, "is writable for the mail user")
        os.chmod(path, 0o444)
        os.chown(path, owner.st_uid, 0)
        self.login_refused(user, "belongs to the mail user")
        os.chown(path, 0, 0)
        user.pop3().quit()

        # a folder above it, and what a link leads to
        folder = os.path.dirname(path) + "/" + user.name + ".d"
        os.mkdir(folder)
        os.rename(path, folder + "/a.lua")
        user.set_policy("[default]\nscript = %s.d/a.lua\n" % user.name)
        user.pop3().quit()
        os.chmod(folder, 0o777)
        self.login_refused(user, "could be replaced: .*%s.d is writable" %
                           user.name)
        os.symlink(user.name + ".d/a.lua", path)
        user.set_policy("[default]\nscript = %s.lua\nscript_time = 30s\n" %
                        user.name)
        self.login_refused(user, "could be replaced: .*%s.d is writable" %
                           user.name)
        os.chmod(folder, 0o755)
        user.pop3().quit()
        user.set_policy("[default]\nscript = %s/a.lua\n" % user.home)
        with open(user.host_home + "/a.lua", "w"):
            pass
        self.login_refused(user, "belongs to the mail user")

    def test_hooks_fail(self):
        user = self.scripted("""
            function pop3_policy_delete(session, message)
                if message.number == 1 then return message.sise end
                if message.number == 2 then
                    return policy.ARCHIVE, "INBOX"
                end
                return policy.ALLOW
            end
            function pop3_policy_retrieve(session, message)
                return policy.DENY, "two\\nlines"
            end""")
        self.expect_errors("Can't decide about delete: .*did you mean size")
        client = user.pop3()
        self.assertEqual(client.cmd("DELE 1").text,
                         "-ERR [SYS/TEMP] Message can't be deleted now.")
        client.err("DELE 2", "[SYS/TEMP]")
        client.err("RETR 1", "[SYS/TEMP]")
        client.ok("DELE 3")
        self.assertTrue(client.quit().ok)
        self.assertEqual(user.uids(), [1, 2])
        # once a session
        self.assertEqual(self.log().count("Error: pop3-policy"), 1)

    def test_unreadable_mail(self):
        """A value that can't be found out fails the call, pcall or not."""
        user = self.scripted("""
            function pop3_policy_delete(session, message)
                local ok, value = pcall(message.header, message, "X-Other")
                return policy.ALLOW
            end""")
        # "TIME.MMICROSECONDS...": numbers of different length
        first = min(user.mail_files(), key=lambda path: [
            int(digits) for digits in re.findall(r"\d+", path)])
        broken = os.path.join(user.host_home, first)
        os.chown(broken, 0, 0)
        os.chmod(broken, 0)
        self.expect_errors("Can't decide about delete", "Permission denied",
                           "EACCES")
        client = user.pop3()
        client.err("DELE 1", "[SYS/TEMP]")
        client.ok("DELE 2")
        client.quit()
        self.assertEqual(user.uids(), [1, 3])

    def test_changed_while_processes_live(self):
        user = self.scripted(
            "function pop3_policy_delete() return policy.DENY, 'one' end")
        client = user.pop3()
        client.err("DELE 1", "one")
        user.set_script(
            "function pop3_policy_delete() return policy.DENY, 'two' end")
        client.err("DELE 2", "one")
        client.quit()
        client = user.pop3()
        client.err("DELE 1", "two")
        client.quit()


class Explain(ScriptTest):
    formats = ("maildir",)

    def test_explain_and_check(self):
        user = self.scripted("""
            function pop3_policy_delete(session, message)
                return policy.DENY, "no"
            end
            function pop3_policy_expire(session, message)
                if message.uid == 2 then
                    return policy.ARCHIVE, "Old"
                end
                return policy.KEEP
            end""")
        rows = explain(user)
        self.assertEqual((rows[1]["delete"], rows[1]["delete_reason"]),
                         ("deny", "script"))
        self.assertRegex(rows[1]["delete_rule"], r"/%s\.lua:2$" % user.name)
        self.assertEqual((rows[1]["expire"], rows[1]["expires"]),
                         ("keep", "unknown"))
        self.assertEqual((rows[2]["expire"], rows[2]["expires"]),
                         ("archive", "now"))
        self.assertEqual(rows[1]["remove"], "allow")
        result = self.dovecot.doveadm("pop3", "check", user.policy_path)
        self.assertIn(b"no errors", result)
        user.set_script("function pop3_policy_delete(")
        result = self.dovecot.doveadm("pop3", "check", user.policy_path,
                                      check=False)
        self.assertEqual(result.returncode, 78)
        self.assertRegex(result.stdout.decode(), r"%s\.lua:1: " % user.name)


class Libraries(ScriptTest):
    formats = ("maildir",)

    def mapped(self, client):
        with open("/proc/%d/maps" % client.mail_process()) as file:
            return file.read()

    def test_loaded_only_with_a_script(self):
        user = self.scripted("function pop3_policy_delete() end")
        client = user.pop3()
        self.assertIn("liblua", self.mapped(client))
        client.quit()
        user.set_policy("[default]\ndelete = hide all\n")
        client = user.pop3()
        self.assertNotIn("liblua", self.mapped(client))
        self.assertNotIn("libpop3_policy_script", self.mapped(client))
        client.quit()


class OneProcess(ScriptTest):
    """All sessions in one process, at once and one after the other."""
    formats = ("maildir",)

    def setUp(self):
        reuse = ("service_count" if self.version == "2.3"
                 else "restart_request_count")
        self.extra_config = (
            "service pop3 {\n  %s = 100\n  client_limit = 20\n"
            "  process_limit = 1\n}\n" % reuse)
        super().setUp()

    def _end_sessions(self):
        for client in self._transcripts:
            client.close(wait=False)


class Neighbours(OneProcess):
    """A hostile script beside somebody else's session."""


    def test_hostile(self):
        hostile = self.scripted("""
            function pop3_policy_delete(session, message)
                local kind = message.number
                if kind == 1 then while true do pcall(error) end end
                if kind == 2 then
                    local t = {}
                    while true do t[#t + 1] = string.rep("x", 1e5) .. #t end
                end
                if kind == 3 then
                    return string.find(string.rep("a", 3000), "a*a*a*a*b")
                end
                if kind == 4 then
                    local t = {}
                    for i = 1, 65537 do t[i * 131071] = true end
                end
                if kind == 5 then
                    local t = setmetatable({}, { __call = {} })
                end
                if kind == 6 then
                    return setmetatable({}, { __gc = error })
                end
            end""", messages=[message("m%d" % i) for i in range(1, 7)])
        quiet = self.scripted("""
            seen = 0
            function pop3_policy_delete(session, message)
                seen = seen + 1
                assert(rawget(_G, "stolen") == nil)
                return seen == 1 and policy.ALLOW or policy.HIDE
            end""")
        self.expect_errors("Can't decide about delete")
        other = quiet.pop3()
        client = hostile.pop3()
        self.assertEqual(other.mail_process(), client.mail_process())
        for number in range(1, 7):
            client.err("DELE %d" % number, "[SYS/TEMP]")
        other.ok("DELE 1")
        client.quit(wait=False)
        self.assertTrue(other.quit(wait=False).ok)
        other = quiet.pop3()
        self.assertEqual(other.stat()[0], 2)
        other.close(wait=False)
        self.assertEqual(hostile.count(), 6)


class NothingStays(OneProcess):
    """What one session's script does to its Lua is gone for the next one, and
    for the one beside it, of whomever."""
    SCRIPT = """
        local clock = require("pop3_policy.clock")
        left = rawget(_G, "left") or false
        function pop3_policy_delete(session, message)
            assert(not left and rawget(_G, "stolen") == nil)
            assert(next(session.data) == nil)
            assert(string.rep("x", 3) == "xxx" and ("x"):upper() == "X")
            assert(rawget(string, "stolen") == nil and math.pi > 3)
            assert(policy.DENY ~= policy.ALLOW)
            assert(rawget(clock, "between") == nil)
            assert(clock.between(43200, "11:00", "13:00", "UTC"))
            assert(policy.list("LIST")["one"])
            assert(not policy.list("LIST").stolen)
            left, session.data.left = session, message
            rawset(_G, "stolen", message)
            rawset(_G, "require", error)
            string.stolen, string.rep, string.upper = session, error, error
            math.pi = 1
            rawset(policy, "DENY", policy.ALLOW)
            rawset(clock, "between", error)
            local _, set = pairs(policy.list("LIST"))
            rawset(set, "stolen", true)
            return policy.HIDE
        end
        function pop3_policy_retrieve(session, message)
            assert(left == session and rawget(string, "stolen") == session)
        end"""

    def test_session_after_session(self):
        users = [self.scripted("") for _ in range(2)]
        for user in users:
            name = users[0].name + ".list"
            user.set_script(self.SCRIPT.replace("LIST", name))
            user.set_script("one\n", name)
        first, beside = users[0].pop3(), users[1].pop3()
        pids = {first.mail_process(), beside.mail_process()}
        for client in first, beside:
            client.ok("DELE 1")
            client.retr(2)
            # else QUIT would ask again
            client.ok("RSET")
        first.quit(wait=False)
        for user in users:
            client = user.pop3()
            pids.add(client.mail_process())
            client.ok("DELE 2")
            client.close(wait=False)
        beside.close(wait=False)
        self.assertEqual(len(pids), 1)


class Compiled(OneProcess):
    """A process compiles a script once, and again when it has changed."""
    TEXT = "function pop3_policy_delete() return policy.DENY, '%s' end"

    def says(self, user, text):
        client = user.pop3()
        self.assertEqual(client.cmd("DELE 1").text, "-ERR " + text)
        pid = client.mail_process()
        client.close(wait=False)
        return pid

    def test_changed(self):
        user, other = self.scripted(self.TEXT % "one"), self.scripted("")
        pids = {self.says(user, "one"), self.says(user, "one")}
        # replaced by one of the same size; another user's stays
        user.set_script(self.TEXT % "two")
        other.set_script(self.TEXT % "six")
        pids |= {self.says(user, "two"), self.says(other, "six")}
        path = self.dovecot.target.host_path(
            os.path.dirname(user.policy_path) + "/" + user.name + ".lua")
        # written to in its place
        with open(path, "r+") as file:
            file.write(self.TEXT % "ten")
        pids |= {self.says(user, "ten"), self.says(other, "six")}
        self.expect_errors("Policy is broken, login refused: .*lua:1: ")
        user.set_script("function pop3_policy_delete(")
        for _ in range(2):
            client = user.pop3(login=False)
            client.ok("USER " + user.name)
            self.assertEqual(client.cmd("PASS " + user.password).text,
                             "-ERR [SYS/TEMP] Login is not possible now.")
            client.close(wait=False)
            pids.add(self.says(other, "six"))
        user.set_script(self.TEXT % "two")
        pids |= {self.says(user, "two"), self.says(other, "six")}
        self.assertEqual(len(pids), 1)


class LoadsNoMore(OneProcess):
    def test_list_is_gone(self):
        """The file is the same, and has loaded before in this process."""
        user = self.scripted("")
        name = user.name + ".list"
        user.set_script("local list = policy.list('%s')\n"
                        "function pop3_policy_login(session) end\n" % name)
        path = self.dovecot.target.host_path(user.set_script("x\n", name))
        client = user.pop3()
        pids = {client.mail_process()}
        client.close(wait=False)
        os.unlink(path)
        self.expect_errors("Policy is broken, login refused: .*lua:1: list ")
        client = user.pop3(login=False)
        client.ok("USER " + user.name)
        self.assertEqual(client.cmd("PASS " + user.password).text,
                         "-ERR [SYS/TEMP] Login is not possible now.")
        client.close(wait=False)
        user.set_script("x\n", name)
        client = user.pop3()
        client.ok("DELE 1")
        pids.add(client.mail_process())
        client.close(wait=False)
        self.assertEqual(len(pids), 1)


class Caps(ScriptTest):
    """The section's caps are those that count, and the log names them."""
    formats = ("maildir",)

    def test_caps(self):
        for key, value, body, pattern in (
                ("script_instructions", "5k",
                 "local n = 0 for i = 1, 6000 do n = n + i end",
                 r"script_instructions \(5000\)"),
                ("script_memory", "256k",
                 "local t = {} for i = 1, 6000 do t[i] = {} end",
                 r"script_memory \(256 kB\)"),
                ("script_time", "1ms",
                 "local t = os.clock() while os.clock() < t + 0.1 do end",
                 r"script_time \(1 ms\)")):
            user = self.scripted("function pop3_policy_delete(session, "
                                 "message) %s return policy.ALLOW end" % body)
            client = user.pop3()
            client.ok("DELE 1")
            client.quit()
            user.set_policy("[default]\nscript = %s.lua\n"
                            "script_time = 30s\n%s = %s\n" %
                            (user.name, key, value)
                            if key != "script_time" else
                            "[default]\nscript = %s.lua\n%s = %s\n" %
                            (user.name, key, value))
            self.expect_errors("Can't decide about delete: .*" + pattern)
            client = user.pop3()
            client.err("DELE 1", "[SYS/TEMP]")
            client.quit()
            self.wait_log(r"%s\.lua:1: .*%s" % (user.name, pattern))
            self.assertEqual(user.count(), 2)

    def test_what_dovecot_keeps_counts(self):
        """Headers that are read again and again, which the mail keeps until
        it is closed."""
        user = self.scripted("""
            function pop3_policy_delete(session, message)
                for i = 1, 400 do
                    local text = message:header("X-Long")
                end
                return policy.ALLOW
            end""", "script_instructions = 1000M\n", [
                b"Subject: x\r\nX-Long: " + b"y" * 50000 + b"\r\n\r\nx\r\n",
                message("m2")])
        self.expect_errors("Can't decide about delete: .*script_memory")
        client = user.pop3()
        client.err("DELE 1", "[SYS/TEMP]")
        client.ok("DELE 2")
        client.quit()
        self.assertEqual(user.uids(), [1])


class Traceback(ScriptTest):
    """In debug logging only; the error itself always, with name and line."""
    formats = ("maildir",)
    SCRIPT = """
        local function inner() error("on purpose") end
        function pop3_policy_delete(session, message)
            inner()
        end"""

    def fail(self):
        user = self.scripted(self.SCRIPT)
        self.expect_errors("Can't decide about delete: .*on purpose")
        client = user.pop3()
        for number in 1, 2, 3:
            client.err("DELE %d" % number, "[SYS/TEMP]")
        client.quit()
        self.wait_log(r"Error: pop3-policy: Can't decide about delete: .*"
                      r"%s\.lua:2: on purpose" % user.name)

    def test_not_without_debugging(self):
        self.fail()
        self.assertNotIn("traceback", self.log())
        self.assertEqual(self.log().count("on purpose"), 1)

    def test_with_debugging(self):
        self.dovecot = self.instance(settings=dict(
            self.settings, log_debug="category=pop3-policy"))
        self.log_mark = self.dovecot.log_mark()
        self.fail()
        self.wait_log("Debug: .*stack traceback:")
        self.assertRegex(self.log(), r"Debug: .*\.lua:4: in ")
        self.assertNotRegex(self.log(), r"Error: .*(traceback|\.lua:4: in )")


class ShowFails(ScriptTest):
    """Nothing is shown, neither some of it nor all of it, and the client
    hears that it may come again."""
    formats = ("maildir", "sdbox")
    BODIES = (
        ("if message.uid == 3 then error('broken') end", "broken"),
        ("return message.uid == 3 and policy.DENY or policy.SHOW",
         r"returned policy\.DENY"),
        ("return true", r"use policy\.SHOW"),
        ("while true do pcall(error) end", "script_(instructions|time)"),
        ("return policy.list('none') and policy.SHOW", "No such file"),
    )

    def refused(self, user, pattern):
        """Returns what the client hears from PASS on."""
        self.expect_errors("Can't tell which mail may be shown: .*" + pattern,
                           "Couldn't init INBOX")
        client = user.pop3(login=False)
        client.ok("USER " + user.name)
        client.send("PASS %s\r\nSTAT\r\nRETR 1\r\nDELE 1\r\nQUIT\r\n" %
                    user.password)
        heard = client.read_eof()
        client.close()
        self.wait_log("Can't tell which mail may be shown: .*" + pattern)
        self.assertEqual(user.count(), 3)
        return heard

    def test_refused(self):
        """Dovecot has said "+OK" by then, whatever pop3_lock_session is."""
        for body, pattern in self.BODIES:
            for lock in "no", "yes":
                user = self.scripted(
                    "function pop3_policy_show(session, message) %s end" %
                    body, fields={"pop3_lock_session": lock})
                self.assertRegex(self.refused(user, pattern),
                                 rb"\A\+OK [^\r\n]*\r\n"
                                 rb"-ERR \[SYS/TEMP\] [^\r\n]*\r\n\Z")
