# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where mail, index and control files can lie, and whose they can be."""

import os

from harness import LiveTest, message
from test_setups import POLICY, Reused, Story

ARCHIVE = "Archive"
ARCHIVING = ("[default]\ndelete = archive:Archive subject archive\n"
             "  hide subject hide\n"
             "  allow subject allow\n"
             "  deny all\n"
             "expire = archive:Archive savedbefore 1h subject expire\n")
WORDS = ("archive", "hide", "allow", "deny", "expire")


class Layout(Story):
    """Helpers; no tests of its own."""

    def placed(self, policy, index=None, control=None, driver=None):
        """A user whose index and control files are elsewhere."""
        user = self.user(policy)
        places = {"INDEX": index, "CONTROL": control}
        for name, place in places.items():
            if place is None:
                continue
            if self.version == "2.3":
                user.fields["mail"] += ":%s=%s" % (name, place)
            else:
                user.fields["mail_%s_path" % name.lower()] = place
        user._write_passwd()
        return user

    def five(self, user):
        user.append([message(word) for word in WORDS])
        return {m.uid: m.sha256 for m in user.messages()}

    def archiving_story(self, user):
        """Each effect once, expiry to the archive the day after."""
        user.pop3().quit()
        before = self.five(user)
        client = user.pop3()
        replies = client.pipeline(["DELE %d" % i for i in range(1, 5)])
        self.assertEqual([r.ok for r in replies], [True, True, True, False])
        self.end(client)
        self.left(user, before, 2, 4, 5)
        client = user.pop3()
        self.assertEqual(client.stat()[0], 2)
        self.end(client)
        self.clock.set("25h")
        self.end(user.pop3())
        self.left(user, before, 2, 4)
        self.assertEqual(sorted(m.sha256 for m in user.messages(ARCHIVE)),
                         sorted((before[1], before[5])))
        return before


class Elsewhere(Layout):
    formats = ("maildir", "sdbox", "mdbox")

    def test_index(self):
        user = self.placed(ARCHIVING, index="~/index")
        self.archiving_story(user)
        self.assertTrue(os.path.isdir(user.host_home + "/index"))

    def test_control(self):
        if self.format != "maildir":
            self.skipTest("Maildir's own")
        user = self.placed(ARCHIVING, control="~/control")
        self.archiving_story(user)
        self.assertTrue(os.path.isdir(user.host_home + "/control"))

    def test_both(self):
        if self.format != "maildir":
            self.skipTest("Maildir's own")
        self.archiving_story(self.placed(ARCHIVING, index="~/index",
                                         control="~/control"))


class ReadOnly(Layout):
    """A Maildir that may only be read, while its index can be written:
    Dovecot by itself passes over the DELEs and says +OK."""

    formats = ("maildir",)

    def test_quit_says_so(self):
        user = self.placed("[default]\ndelete = hide subject hide\n"
                           "  archive:Archive subject deny\n"
                           "  allow all\n",
                           index="~/index", control="~/control")
        before = self.fill(user)
        user.pop3().quit()
        folders = [user.host_home + "/Maildir" + name
                   for name in ("", "/cur", "/new", "/tmp")]
        for folder in folders:
            os.chmod(folder, 0o500)
        self.expect_errors("Can't remove mail: the INBOX is read-only")
        for numbers in (1,), (2,), (3,), (1, 2, 3):
            client = user.pop3()
            for number in numbers:
                client.ok("DELE %d" % number)
            self.assertEqual(client.quit().text, "-ERR [SYS/TEMP] %d "
                             "message%s not deleted" %
                             (len(numbers), "s" * (len(numbers) > 1)))
        client = user.pop3()
        self.assertEqual(client.stat()[0], 5)
        self.assertTrue(client.quit().ok)
        for folder in folders:
            os.chmod(folder, 0o700)
        self.left(user, before, 1, 2, 3, 4, 5)


class InMemory(Layout):
    """INDEX=MEMORY: nothing is remembered. Rules that need no memory work;
    expiry, which believes a clock only if it knows when it ran before, never
    removes. What needs history is refused: test_history."""

    formats = ("maildir",)

    def test_story(self):
        user = self.placed("[default]\n"
                           "delete = archive:Archive subject archive\n"
                           "  allow subject allow\n"
                           "  deny all\n"
                           "expire = expunge savedbefore 1h subject expire\n",
                           index="MEMORY")
        user.pop3().quit()
        before = self.five(user)
        client = user.pop3()
        replies = client.pipeline(["DELE %d" % i for i in range(1, 5)])
        self.assertEqual([r.ok for r in replies], [True, False, True, False])
        self.end(client)
        self.left(user, before, 2, 4, 5)
        self.assertEqual([m.sha256 for m in user.messages(ARCHIVE)],
                         [before[1]])
        for day in 1, 2, 3, 4:
            self.clock.set("%dd" % day)
            self.end(user.pop3())
        self.left(user, before, 2, 4, 5)


class Shared(Layout):
    """An INBOX in a public namespace, which several people have."""

    formats = ("maildir", "sdbox")

    def two(self, policy):
        fields = {"namespace/inbox/type": "public"}
        first = self.user(policy, fields=fields)
        second = self.user(policy, fields=fields)
        driver = {"maildir": "Maildir", "sdbox": "sdbox"}[self.format]
        path = first.home + "/" + driver
        if self.version == "2.3":
            second.fields["mail"] = "%s:%s" % (self.format, path)
        else:
            second.fields["mail_path"] = path
            if self.format == "maildir":
                second.fields["mail_inbox_path"] = path
        second._write_passwd()
        return first, second

    def test_story(self):
        first, second = self.two(POLICY)
        before = self.fill(first)
        self.day_one(first)
        self.left(second, before, 1, 2, 4, 5)
        # what one has hidden is hidden for all of them
        client = second.pop3()
        self.assertEqual(client.stat()[0], 3)
        self.end(client)
        self.day_two(second)
        self.left(first, before, 1, 2, 5)

    def test_both_at_once(self):
        first, second = self.two(POLICY)
        before = self.fill(first)
        clients = [first.pop3(), second.pop3()]
        for client in clients:
            client.err("DELE 1", "^-ERR no$")
        clients[0].ok("DELE 2")
        clients[1].ok("DELE 3")
        for client in clients:
            self.end(client)
        self.left(first, before, 1, 2, 4, 5)

    def test_archive_is_refused(self):
        """It is not the user's own namespace: the mail stays."""
        first, _ = self.two(ARCHIVING)
        before = self.five(first)
        self.expect_errors("is not in a private namespace")
        client = first.pop3()
        client.ok("DELE 1")
        client.ok("DELE 3")
        self.assertRegex(client.quit().text, r"^-ERR \[SYS/TEMP\] 1 message")
        self.left(first, before, 1, 2, 4, 5)


class Nfs(Layout):
    """What is recommended for mail on NFS that several servers have."""

    formats = ("maildir", "sdbox", "mdbox")
    settings = {
        "mmap_disable": "yes",
        "mail_fsync": "always",
        "mail_nfs_index": "yes",
        "mail_nfs_storage": "yes",
    }

    def test_story(self):
        self.story(self.user(POLICY))

    def test_archive(self):
        self.archiving_story(self.user(ARCHIVING))

    def test_two_at_once(self):
        user = self.user(POLICY)
        before = self.fill(user)
        clients = [user.pop3(), user.pop3()]
        for client in clients:
            client.err("DELE 1", "^-ERR no$")
        clients[0].ok("DELE 2")
        clients[1].ok("DELE 3")
        for client in clients:
            self.end(client)
        self.left(user, before, 1, 2, 4, 5)

    def test_hold(self):
        user = self.user("[default]\nhold = keyword Hold\njournal = all\n"
                         "journal_required = yes\n")
        user.append([message("held")], flags=["Hold"])
        user.append([message("one"), message("two")])
        with user.imap() as imap:
            imap.select("INBOX")
            imap.store("1:2", "+FLAGS", r"\Deleted")
            self.assertEqual(imap.expunge()[0], "OK")
        client = user.pop3()
        client.ok("DELE 2")
        self.end(client)
        self.assertEqual(user.uids(), [1])


class NoInbox(Layout):
    formats = ("maildir",)

    def test_login_is_refused(self):
        """As in plain Dovecot, and nobody crashes at the end of the session,
        which has no INBOX to work on."""
        answers = []
        for policy in (None, POLICY):
            user = self.user(policy, fields={"namespace/inbox/inbox": "no"})
            self.expect_errors("inbox=yes", "INBOX", "Invalid settings")
            client = user.pop3(login=False)
            client.ok("USER " + user.name)
            client.may_be_logged_in = True
            client.send("PASS " + user.password + "\r\nDELE 1\r\nQUIT\r\n")
            answers.append(b"deleted" in client.read_eof())
            client.close()
        self.assertEqual(answers, [False, False])


class ReusedArchiving(Reused, Layout):
    """One process moves and expires the mail of several people."""

    def test_story(self):
        users = [self.user(ARCHIVING) for _ in range(3)]
        before = {}
        for user in users:
            self.end(user.pop3())
            before[user] = self.five(user)
        for user in users:
            client = user.pop3()
            client.pipeline(["DELE %d" % i for i in range(1, 5)])
            self.end(client)
            self.left(user, before[user], 2, 4, 5)
        # process and clock: one that lives on goes forward only
        self.clock.set("25h")
        for user in users + users:
            self.end(user.pop3())
        for user in users:
            self.left(user, before[user], 2, 4)
            self.assertEqual(sorted(m.sha256 for m in user.messages(ARCHIVE)),
                             sorted((before[user][1], before[user][5])))

    test_users_after_each_other = test_broken_then_mended = None
    test_cut_sessions = None


class ReusedArchivingAtOnce(ReusedArchiving):
    client_limit = 20

    def test_at_once(self):
        """All of them leave while the process moves and expires the mail of
        the first."""
        users = [self.user(ARCHIVING) for _ in range(4)]
        before = {}
        for user in users:
            self.end(user.pop3())
            before[user] = self.five(user)
        clients = [user.pop3() for user in users]
        for client in clients:
            client.pipeline(["DELE %d" % i for i in range(1, 5)])
        for client in clients:
            client.send("QUIT\r\n")
        for client in clients:
            self.assertRegex(client.read_eof(), rb"^\+OK")
            self.gone(client)
        for user in users:
            self.left(user, before[user], 2, 4, 5)
            self.assertEqual([m.sha256 for m in user.messages(ARCHIVE)],
                             [before[user][1]])


class Mbox(LiveTest):
    """Only reading and plain removal: everything else would write into the
    messages."""

    formats = ("maildir",)      # not asked for

    def mbox(self, policy):
        user = self.user(policy)
        for field in "mail", "mail_path", "mail_inbox_path", "mail_driver":
            user.fields.pop(field, None)
        if self.version == "2.3":
            user.fields["mail"] = "mbox:~/mbox:INBOX=~/inbox"
        else:
            user.fields["mail_driver"] = "mbox"
            user.fields["mail_path"] = "~/mbox"
            user.fields["mail_inbox_path"] = "~/inbox"
        user._write_passwd()
        for subject in "one", "two", "three":
            user.save(message(subject))
        return user

    def subjects(self, user):
        output = user.doveadm("fetch", "hdr.subject", "mailbox", "INBOX",
                              "all").decode()
        return [line.split(": ", 1)[1] for line in output.splitlines()
                if line.startswith("hdr.subject: ")]

    def test_read_and_plain_removal(self):
        user = self.mbox('[default]\ndelete = deny:"no" subject two\n'
                         "  allow all\n")
        client = user.pop3()
        self.assertEqual(client.stat()[0], 3)
        self.assertIn(b"Subject: one", client.retr(1))
        client.ok("DELE 1")
        client.err("DELE 2", "no")
        self.assertTrue(client.quit().ok)
        self.assertEqual(self.subjects(user), ["two", "three"])

    def refused(self, policy, reason):
        user = self.mbox(policy)
        self.expect_errors(reason)
        client = user.pop3()
        reply = client.cmd("DELE 1")
        quit_reply = client.quit()
        self.assertFalse(reply.ok and quit_reply.ok,
                         (reply.text, quit_reply.text))
        self.wait_log(reason)
        self.assertEqual(self.subjects(user), ["one", "two", "three"])
        return user

    def test_hide_is_refused(self):
        self.refused("[default]\ndelete = hide all\n", "mbox")

    def test_archive_is_refused(self):
        self.refused("[default]\ndelete = archive:Archive all\n", "mbox")

    def test_nothing_expires(self):
        for action in "hide", "archive:Archive":
            self.clock.reset()
            user = self.mbox("[default]\nexpire = %s savedbefore 1h\n" %
                             action)
            self.expect_errors("mbox", "pop3-policy")
            for day in 0, 1, 2, 3:
                self.clock.set("%dd" % day)
                client = user.pop3()
                self.assertEqual(client.stat()[0], 3)
                client.quit()
            self.assertEqual(self.subjects(user), ["one", "two", "three"])
