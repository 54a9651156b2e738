# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lua policy scripts: each hook, and what its answers do."""

from harness import LiveTest, message
from test_journal import JournalTest


class ScriptTest(JournalTest):
    def scripted(self, script, keys="", messages=None, **kwargs):
        """A user with a script, and other keys of his section."""
        user = self.user("", **kwargs)
        user.set_script(script)
        # a machine under load may stop a process for a while
        user.set_policy("[default]\nscript = %s.lua\nscript_time = 30s\n%s" %
                        (user.name, keys))
        if messages is None:
            messages = [message("m%d" % i) for i in range(1, 4)]
        if messages:
            user.append(messages)
        return user

    def line_of(self, user, uid):
        """The journal's first line about a message."""
        found = [line for line in self.lines(user) if line["uid"] == uid]
        self.assertTrue(found)
        return found[0]


class Delete(ScriptTest):
    def test_answers(self):
        user = self.scripted("""
            function pop3_policy_delete(session, message)
                local subject = message:header("Subject")
                if subject == "deny" then return policy.DENY, "not this" end
                if subject == "refuse" then return policy.DENY end
                if subject == "hide" then return policy.HIDE end
                if subject == "archive" then
                    return policy.ARCHIVE, "Old"
                end
                if subject == "allow" then return policy.ALLOW end
            end""", "delete = deny:\"by rule\" subject pass\n",
            [message(text) for text in
             ("deny", "refuse", "hide", "archive", "allow", "pass", "other")])
        client = user.pop3()
        self.assertEqual(client.cmd("DELE 1").text, "-ERR not this")
        self.assertEqual(client.cmd("DELE 2").text,
                         "-ERR Message may not be deleted.")
        for number in 3, 4, 5, 7:
            client.ok("DELE %d" % number)
        self.assertEqual(client.cmd("DELE 6").text, "-ERR by rule")
        self.assertTrue(client.quit().ok)
        self.assertEqual(user.uids(), [1, 2, 3, 6])
        self.assertEqual(user.pop3().stat()[0], 3)
        self.assertEqual(len(user.messages("Old")), 1)
        self.assertEqual(
            [(self.line_of(user, uid)["action"],
              self.line_of(user, uid)["reason"]) for uid in (3, 4, 5, 7)],
            [("hide", "script"), ("archive", "script"), ("remove", "script"),
             ("remove", "default")])
        self.assertRegex(self.line_of(user, 3)["rule"],
                         r"/%s\.lua:2$" % user.name)

    def test_hold_and_retention_stand_above(self):
        user = self.scripted("""
            function pop3_policy_delete(session, message)
                return policy.ALLOW
            end
            function pop3_policy_expire(session, message)
                return policy.EXPUNGE
            end""", "hold = subject m1\nmin_retention = 30d\n"
            "protected_delete = deny\n", [])
        user.pop3().quit()
        user.append([message("m1"), message("m2")])
        for day in 1, 2, 3:
            self.clock.set("%dd" % day)
            client = user.pop3()
            client.err("DELE 1", "on hold")
            client.err("DELE 2", "too young")
            client.quit()
        self.assertEqual(user.uids(), [1, 2])
        for day in 30, 31, 32:
            self.clock.set("%dd" % day)
            user.pop3().quit()
        self.assertEqual(user.uids(), [1])

    def test_asked_again_at_quit(self):
        """A flag that is set between DELE and QUIT, a script that changes its
        mind."""
        user = self.scripted("""
            function pop3_policy_delete(session, message)
                if message.keywords.Keep or message.flagged then
                    return policy.DENY
                end
                local count = (session.data[message.uid] or 0) + 1
                session.data[message.uid] = count
                if message.uid == 3 and count > 1 then
                    return policy.HIDE
                end
                return policy.ALLOW
            end""", messages=[message("m%d" % i) for i in range(1, 6)])
        client = user.pop3()
        for number in range(1, 6):
            client.ok("DELE %d" % number)
        with user.imap() as imap:
            imap.select()
            imap.store("1", "+FLAGS", r"\Flagged")
            imap.store("5", "+FLAGS", "Keep")
        self.assertRegex(client.quit().text, r"^-ERR .*2 messages not deleted")
        self.assertEqual(user.uids(), [1, 3, 5])
        self.assertEqual(user.pop3().stat()[0], 2)

    def test_only_stricter_at_quit(self):
        user = self.scripted("""
            function pop3_policy_delete(session, message)
                session.data.n = (session.data.n or 0) + 1
                return session.data.n == 1 and policy.HIDE or policy.ALLOW
            end""")
        client = user.pop3()
        client.ok("DELE 1")
        self.assertTrue(client.quit().ok)
        self.assertEqual(user.uids(), [1, 2, 3])

    def test_another_archive_at_quit_keeps(self):
        user = self.scripted("""
            local n = 0
            function pop3_policy_delete(session, message)
                n = n + 1
                return policy.ARCHIVE, "Old/" .. n
            end""")
        client = user.pop3()
        client.ok("DELE 1")
        client.ok("DELE 2")
        self.assertFalse(client.quit().ok)
        self.assertEqual(user.uids(), [1, 2, 3])

    def test_report(self):
        user = self.scripted("""
            function pop3_policy_delete(session, message)
                return message.number == 1 and policy.DENY or policy.HIDE
            end
            function pop3_policy_retrieve(session, message)
                error("broken")
            end""", "mode = report\n")
        self.expect_errors("Can't decide about retrieve: .*broken")
        client = user.pop3()
        client.retr(1)
        client.ok("DELE 1")
        client.ok("DELE 2")
        self.assertTrue(client.quit().ok)
        self.assertEqual(user.uids(), [3])
        self.assertEqual(
            [(self.line_of(user, uid)["mode"],
              self.line_of(user, uid)["decided"]) for uid in (1, 2)],
            [("report", "deny"), ("report", "hide")])


class Retrieve(ScriptTest):
    def test_answers(self):
        user = self.scripted("""
            function pop3_policy_retrieve(session, message)
                local fetched = (session.data.fetched or 0) + message.size
                if fetched > 25000 then
                    return policy.DENY, "no more than 25 kB a session"
                end
                session.data.fetched = fetched
            end""", "retrieve = deny:\"by rule\" subject no\n",
            [message("a", size=10000), message("no"),
             message("b", size=10000), message("c", size=10000)])
        client = user.pop3()
        client.retr(1)
        self.assertEqual(client.cmd("RETR 2").text, "-ERR by rule")
        client.retr(3)
        for command in "RETR 4", "TOP 4 0":
            self.assertEqual(client.cmd(command).text,
                             "-ERR no more than 25 kB a session")
        client.quit()


class Expire(ScriptTest):
    formats = ("maildir", "sdbox")

    def test_answers(self):
        user = self.scripted("""
            function pop3_policy_expire(session, message)
                local answers = {
                    keep = policy.KEEP, hide = policy.HIDE,
                    expunge = policy.EXPUNGE,
                }
                local subject = message:header("Subject")
                if subject == "archive" then
                    return policy.ARCHIVE, "Old"
                elseif subject == "late" then
                    return message.age_days >= 5 and policy.EXPUNGE
                        or policy.KEEP
                end
                return answers[subject]
            end""", "expire = expunge subject rule\n  expunge subject keep\n",
            [])
        user.pop3().quit()
        user.append([message(text) for text in
                     ("keep", "hide", "expunge", "archive", "late", "rule",
                      "none")])
        self.clock.set("1d")
        user.pop3().quit()
        self.assertEqual(user.uids(), [1, 2, 5, 7])
        self.assertEqual(len(user.messages("Old")), 1)
        self.assertEqual(user.pop3().stat()[0], 3)
        self.assertEqual(self.line_of(user, 3)["reason"], "script")
        self.assertEqual(self.line_of(user, 6)["reason"], "rule")
        for day in 2, 3, 4:
            self.clock.set("%dd" % day)
            user.pop3().quit()
        self.assertEqual(user.uids(), [1, 2, 5, 7])
        for day in 5, 6:
            self.clock.set("%dd" % day)
            user.pop3().quit()
        self.assertEqual(user.uids(), [1, 2, 7])

    def test_a_changed_script_is_obeyed_next_time(self):
        """Without rules about time nothing says when to look again."""
        user = self.scripted(
            "function pop3_policy_expire() return policy.KEEP end",
            messages=[])
        user.pop3().quit()
        user.append([message("m1")])
        for day in 1, 2:
            self.clock.set("%dd" % day)
            user.pop3().quit()
        user.set_script(
            "function pop3_policy_expire() return policy.EXPUNGE end")
        self.clock.set("3d")
        user.pop3().quit()
        self.assertEqual(user.count(), 0)

    def test_failure_keeps(self):
        user = self.scripted("""
            function pop3_policy_expire(session, message)
                if message.uid == 1 then error("no") end
                if message.uid == 2 then while true do end end
                return policy.EXPUNGE
            end""", messages=[])
        self.expect_errors("Can't decide about expire: .*no")
        user.pop3().quit()
        user.append([message("m%d" % i) for i in range(1, 4)])
        self.clock.set("1d")
        user.pop3().quit()
        self.assertEqual(user.uids(), [1, 2])
        self.assertEqual(self.log().count("Can't decide about expire"), 1)
        self.assertRegex(self.log(), "expunged=1 hidden=0 archived=0 errors=2")

    def test_report(self):
        user = self.scripted(
            "function pop3_policy_expire() return policy.EXPUNGE end",
            "mode = report\n", [])
        user.pop3().quit()
        user.append([message("m1")])
        for day in 1, 2, 3:
            self.clock.set("%dd" % day)
            user.pop3().quit()
        self.assertEqual(user.count(), 1)
        self.assertEqual(len(self.lines(user)), 1)
        user.set_script(
            "function pop3_policy_expire() return policy.HIDE end")
        for day in 4, 5:
            self.clock.set("%dd" % day)
            user.pop3().quit()
        self.assertEqual([line["action"] for line in self.lines(user)],
                         ["expunge", "hide"])


class Show(ScriptTest):
    formats = ("maildir", "sdbox")

    def test_answers(self):
        user = self.scripted("""
            function pop3_policy_show(session, message)
                assert(session.messages == nil and message.uidl == nil)
                if message.keywords.Quarantine then return policy.HIDE end
                if message.flagged then return policy.SHOW end
            end""", "show = not subject secret\n", [])
        user.append(message("m1"), ["Quarantine"])
        user.append(message("secret 1"))
        user.append(message("secret 2"), [r"\Flagged"])
        user.append(message("m2"))
        client = user.pop3()
        self.assertEqual(client.stat()[0], 2)
        self.assertIn(b"Subject: secret 2", client.retr(1))
        self.assertIn(b"Subject: m2", client.retr(2))
        client.quit()

    def test_hidden_mail_is_not_asked_about(self):
        user = self.scripted("""
            function pop3_policy_show(session, message)
                assert(message.uid ~= 1)
                return policy.SHOW
            end""", "delete = hide all\n")
        user.set_policy("[default]\ndelete = hide all\n")
        client = user.pop3()
        client.ok("DELE 1")
        client.quit()
        user.set_policy("[default]\nscript = %s.lua\nscript_time = 30s\n" %
                        user.name)
        client = user.pop3()
        self.assertEqual(client.stat()[0], 2)
        client.quit()

    def test_failure_shows_nothing(self):
        user = self.scripted("""
            function pop3_policy_show(session, message)
                if message.uid == 3 then error("broken") end
            end""")
        self.expect_errors("Can't tell which mail may be shown: .*broken",
                           "Couldn't init INBOX")
        # without pop3_lock_session the "+OK" comes before the mailbox
        client = user.pop3()
        client.send("STAT\r\nRETR 1\r\n")
        self.assertNotIn(b"+OK", client.read_eof())
        client.close()
        self.assertEqual(user.count(), 3)


class Uidl(ScriptTest):
    def test_answers(self):
        user = self.scripted("""
            function pop3_policy_uidl(session, message)
                if message:header("Subject") == "pass" then return end
                if message:header("Subject") == "own" then
                    return "x-" .. message.uidl
                end
                return message:header("Subject")
            end
            function pop3_policy_delete(session, message)
                policy.log("uidl=" .. tostring(message.uidl))
            end""", messages=[message(text) for text in
                              ("a", "pass", "b", "own", "c")])
        user.set_policy("[default]\n")
        plain = user.pop3()
        theirs = plain.uidl()
        plain.close()
        user.set_policy("[default]\nscript = %s.lua\nscript_time = 30s\n" %
                        user.name)
        want = {1: "a", 2: theirs[2], 3: "b", 4: "x-" + theirs[4], 5: "c"}
        client = user.pop3()
        self.assertEqual(client.cmd("UIDL 4").text, "+OK 4 " + want[4])
        self.assertEqual(client.uidl(), want)
        client.ok("DELE 3")
        client.err("UIDL 3")
        client.err("UIDL 6")
        del want[3]
        self.assertEqual(client.uidl(), want)
        self.assertTrue(client.quit().ok)
        self.wait_log("uidl=b")
        self.assertEqual(self.line_of(user, 3)["uidl"], "b")
        self.assertEqual(list(user.pop3().uidl().values()),
                         list(want.values()))

    def test_not_asked_for(self):
        """Nobody has shown a UIDL, so there is none to be told of."""
        user = self.scripted("""
            function pop3_policy_uidl(session, message)
                error("not now")
            end
            function pop3_policy_delete(session, message)
                assert(message.uidl == nil)
            end""")
        client = user.pop3()
        client.ok("DELE 1")
        self.assertTrue(client.quit().ok)
        self.assertNotIn("uidl", self.line_of(user, 1))

    def test_same_for_two(self):
        """Numbered, over hidden mail too; nobody is renamed when others
        go."""
        user = self.scripted(
            "function pop3_policy_uidl() return 'same' end",
            "delete = hide subject m1\n",
            [message("m%d" % i) for i in range(1, 5)])
        client = user.pop3()
        self.assertEqual(client.uidl(), {1: "same", 2: "same-2", 3: "same-3",
                                         4: "same-4"})
        client.ok("DELE 1")
        client.ok("DELE 3")
        client.quit()
        self.assertEqual(user.uids(), [1, 2, 4])
        user.append(message("m5"))
        client = user.pop3()
        self.assertEqual(client.uidl(), {1: "same-2", 2: "same-4",
                                         3: "same-5"})
        client.quit()
        user.doveadm("expunge", "mailbox", "INBOX", "uid", "1:2")
        self.assertEqual(user.pop3().uidl(), {1: "same-4", 2: "same-5"})

    def test_failure(self):
        user = self.scripted("""
            function pop3_policy_uidl(session, message)
                return message.uid == 2 and "not valid" or "x"
            end""")
        self.expect_errors("Can't list UIDLs: .*1 to 70")
        client = user.pop3()
        for command in "UIDL", "UIDL 1":
            self.assertEqual(client.cmd(command).text,
                             "-ERR [SYS/TEMP] UIDLs can't be listed now.")
        self.assertEqual(len(client.list()), 3)
        client.retr(2)
        client.ok("DELE 1")
        self.assertTrue(client.quit().ok)
        self.assertEqual(user.count(), 2)

    def test_pipelined(self):
        user = self.scripted(
            "function pop3_policy_uidl(_, message) return 'u' .. message.uid "
            "end\nfunction pop3_policy_delete(_, message) if message.uid == 2"
            " then return policy.DENY, 'no' end end")
        client = user.pop3()
        replies = client.pipeline(["NOOP", "UIDL 1", "RETR 1", "DELE 1",
                                   "DELE 2", "UIDL", "RSET", "UIDL", "QUIT"])
        self.assertEqual(replies[1].text, "+OK 1 u1")
        self.assertEqual(replies[4].text, "-ERR no")
        self.assertEqual(replies[5].data, b"2 u2\r\n3 u3\r\n")
        self.assertEqual(replies[7].data, b"1 u1\r\n2 u2\r\n3 u3\r\n")


class UidlFormats(ScriptTest):
    """What Dovecot would show, in the formats that it knows."""
    formats = ("maildir",)

    def check(self):
        user = self.user("", name=None)
        user.append([message("m%d" % i) for i in range(1, 4)])
        user.set_policy("[default]\n")
        client = user.pop3()
        theirs = client.uidl()
        client.close()
        user.set_script("function pop3_policy_uidl() end")
        user.set_policy("[default]\nscript = %s.lua\nscript_time = 30s\n" %
                        user.name)
        self.assertEqual(user.pop3().uidl(), theirs)

    def formatted(self, old, new):
        name = "pop3_uidl_format"
        self.dovecot = self.instance(settings=dict(
            self.settings, **{name: old if self.version == "2.3" else new}))
        self.log_mark = self.dovecot.log_mark()
        self.check()

    def test_guid(self):
        self.formatted("%g", "%{guid}")

    def test_filename(self):
        self.formatted("%f", "%{filename}")

    def test_courier(self):
        self.formatted("UID%u-%v", "UID%{uid}-%{uidvalidity}")


class Login(ScriptTest):
    formats = ("maildir", "sdbox")

    def refused(self, user, text):
        client = user.pop3(login=False)
        client.ok("USER " + user.name)
        self.assertEqual(client.cmd("PASS " + user.password).text, text)
        client.close()

    def test_answers(self):
        user = self.scripted("""
            function pop3_policy_login(session)
                return policy.DENY, "come back later", "LOGIN-DELAY"
            end""")
        self.refused(user, "-ERR [LOGIN-DELAY] come back later")
        user.set_script("""
            function pop3_policy_login(session)
                return policy.DENY, "not you"
            end""")
        self.refused(user, "-ERR not you")
        user.set_script(
            "function pop3_policy_login() return policy.DENY end")
        self.refused(user, "-ERR Login is not allowed.")
        user.set_script("function pop3_policy_login() end")
        client = user.pop3()
        self.assertEqual(client.stat()[0], 3)
        client.quit()

    def test_failure_refuses(self):
        user = self.scripted("function pop3_policy_login() error('x') end")
        self.expect_errors("Script failed, login refused: .*%s.lua:1: x" %
                           user.name)
        self.refused(user, "-ERR [SYS/TEMP] Login is not possible now.")
        user.set_script(
            "function pop3_policy_login() while true do end end")
        self.expect_errors("Script failed, login refused: .*script_")
        self.refused(user, "-ERR [SYS/TEMP] Login is not possible now.")
        user.set_script("function pop3_policy_login() return false end")
        self.expect_errors("Script failed, login refused: .*policy.DENY")
        self.refused(user, "-ERR [SYS/TEMP] Login is not possible now.")

    def test_nothing_of_a_refused_session_is_executed(self):
        """Not even what was pipelined behind the password."""
        user = self.scripted(
            "function pop3_policy_login() return policy.DENY end")
        client = user.pop3(login=False)
        client.ok("USER " + user.name)
        client.send("PASS %s\r\nDELE 1\r\nQUIT\r\n" % user.password)
        self.assertEqual(client.read_reply().text, "-ERR Login is not allowed.")
        client.close()
        self.assertEqual(user.count(), 3)

    def test_a_refused_session_is_none(self):
        """Nothing expires at its end."""
        user = self.scripted("", "expire = expunge all\n", [])
        user.pop3().quit()
        user.append(message("m1"))
        user.set_script("function pop3_policy_login() return policy.DENY end")
        for day in 1, 2, 3:
            self.clock.set("%dd" % day)
            self.refused(user, "-ERR Login is not allowed.")
        self.assertEqual(user.count(), 1)
        user.set_script("")
        user.pop3().quit()
        self.assertEqual(user.count(), 0)

    def test_last_login(self):
        user = self.scripted("""
            function pop3_policy_login(session)
                assert(session.messages == nil and session.bytes == nil)
                if session.last_login
                   and session.now - session.last_login < 60 then
                    return policy.DENY, "once a minute", "LOGIN-DELAY"
                end
            end
            function pop3_policy_retrieve(session, message)
                assert(session.last_login == session.data.last)
            end""", messages=[message("m1")])
        user.pop3().quit()
        self.refused(user, "-ERR [LOGIN-DELAY] once a minute")
        self.clock.set("2m")
        user.pop3().quit()
        self.refused(user, "-ERR [LOGIN-DELAY] once a minute")

    def test_brand_new_user(self):
        user = self.scripted("""
            function pop3_policy_login(session)
                assert(session.last_login == nil)
            end""", messages=[])
        client = user.pop3()
        self.assertEqual(client.stat()[0], 0)
        client.quit()


class LockedSession(Login):
    """Dovecot's "+OK" comes after the namespaces then."""
    pop3_settings = {"pop3_lock_session": "yes"}


class Logout(ScriptTest):
    formats = ("maildir",)

    def test_log(self):
        user = self.scripted("""
            function pop3_policy_retrieve(session, message)
                session.data.bytes = (session.data.bytes or 0) + message.size
            end
            function pop3_policy_logout(session)
                policy.log(string.format("fetched %d of %d in %d",
                    session.data.bytes, session.bytes, session.messages))
            end""")
        client = user.pop3()
        size = client.list()[2]
        total = client.stat()[1]
        client.retr(2)
        client.quit()
        self.wait_log(r"pop3-policy: %s\.lua: fetched %d of %d in 3" %
                      (user.name, size, total))

    def test_failure(self):
        user = self.scripted("function pop3_policy_logout() error('x') end")
        self.expect_errors("Script failed at logout: .*:1: x")
        self.assertTrue(user.pop3().quit().ok)
        self.wait_log("Script failed at logout")
