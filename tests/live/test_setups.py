# SPDX-License-Identifier: LGPL-2.1-or-later
"""The same small story under the set-ups that sites really have: policy comes
to the same end in each of them."""

import os
import re
import time

from harness import LiveTest, message

HIDDEN = "$POP3Hidden"
POLICY = ('[default]\ndelete = deny:"no" subject deny\n'
          "  hide subject hide\n"
          "  allow all\n"
          "expire = expunge savedbefore 1h subject expire\n")
SUBJECTS = ("deny", "hide", "allow", "expire", "keep")


class Story(LiveTest):
    """Helpers; no tests of its own."""

    def fill(self, user):
        user.append([message(subject) for subject in SUBJECTS])
        return {m.uid: m.sha256 for m in user.messages()}

    def left(self, user, before, *uids):
        self.assertEqual({m.uid: m.sha256 for m in user.messages()},
                         {uid: before[uid] for uid in uids})

    def end(self, client):
        """QUIT that must succeed; for sessions whose process lives on, too."""
        reply = client.quit()
        self.assertTrue(reply.ok, reply.text)

    def day_one(self, user):
        client = user.pop3()
        self.assertEqual(client.stat()[0], 5)
        self.assertEqual(len(client.uidl()), 5)
        client.err("DELE 1", "^-ERR no$")
        client.ok("DELE 2")
        client.ok("DELE 3")
        self.assertIn(b"Subject: keep", client.retr(5))
        self.end(client)

    def day_two(self, user):
        self.clock.set("25h")
        client = user.pop3()
        self.assertEqual(client.stat()[0], 3)
        self.assertEqual(sorted(client.uidl()), [1, 2, 3])
        for number, subject in enumerate(("deny", "expire", "keep"), 1):
            self.assertIn(b"Subject: " + subject.encode(),
                          client.retr(number))
        self.end(client)

    def story(self, user):
        before = self.fill(user)
        self.day_one(user)
        self.left(user, before, 1, 2, 4, 5)
        self.assertEqual([HIDDEN in user.flags(uid) for uid in (1, 2, 4, 5)],
                         [False, True, False, False])
        self.day_two(user)
        self.left(user, before, 1, 2, 5)


class Settings(Story):
    """Settings that a userdb field can change."""

    formats = ("maildir",)

    def with_fields(self, **fields):
        self.story(self.user(POLICY, fields=fields))

    def test_fast_size_lookups(self):
        self.with_fields(pop3_fast_size_lookups="yes")

    def test_no_flag_updates(self):
        self.with_fields(pop3_no_flag_updates="yes")

    def test_lock_session(self):
        self.with_fields(pop3_lock_session="yes")

    def test_lock_session_taken(self):
        """The second login waits for the lock, then is let in or refused by
        Dovecot itself; it obeys in either case."""
        user = self.user(POLICY, fields={"pop3_lock_session": "yes"})
        before = self.fill(user)
        first = user.pop3()
        second = user.pop3(login=False)
        second.ok("USER " + user.name)
        second.may_be_logged_in = True
        second.send("PASS " + user.password +
                    "\r\nDELE 1\r\nDELE 2\r\nQUIT\r\n")
        first.ok("DELE 3")
        self.end(first)
        answer = second.read_eof()
        second.close()
        self.assertIn(answer.count(b"-ERR no"), (0, 1))
        self.left(user, before, 1, 2, 4, 5)


class Everything(Story):
    """Settings of the pop3 protocol that change how a session works."""

    formats = ("sdbox",)
    pop3_settings = {
        "pop3_enable_last": "yes",
        "pop3_save_uidl": "yes",
        "pop3_reuse_xuidl": "yes",
        "pop3_uidl_duplicates": "rename",
        "pop3_logout_format": "uidls=<%{uidl_change}>",
    }

    def test_story(self):
        self.story(self.user(POLICY))
        self.wait_log(r"Logged out uidls=<4/[0-9a-f]{8} -> 3/[0-9a-f]{8}>")

    def test_equal_xuidls_are_renamed(self):
        """Hidden mail does not count as one of the duplicates."""
        user = self.user("[default]\nshow = not subject secret\n"
                         "delete = hide all\n", format="maildir")
        user.append([message(subject, headers=["X-UIDL: same"])
                     for subject in ("one", "secret", "two")])
        client = user.pop3()
        uidls = client.uidl()
        self.assertEqual(len(set(uidls.values())), 2, uidls)
        client.ok("DELE 1")
        self.end(client)
        client = user.pop3()
        self.assertEqual(list(client.uidl().values()), [uidls[2]])
        self.end(client)
        self.assertEqual(user.count(), 3)

    def test_rset_after_everything(self):
        """With pop3_enable_last RSET commits in the middle of the session."""
        user = self.user('[default]\ndelete = deny:"no" unretrieved\n'
                         "  hide subject hide\n  allow all\n")
        user.pop3().quit()
        before = self.fill(user)
        client = user.pop3()
        client.download([2, 3])
        client.err("DELE 1")
        client.ok("DELE 2")
        client.ok("RSET")
        self.assertEqual(client.ok("LAST").text, "+OK 0")
        client.err("DELE 1")
        replies = client.pipeline(["DELE 2", "RSET", "DELE 2", "DELE 2",
                                   "DELE 1", "RSET", "DELE 3", "DELE 4"])
        self.assertEqual([r.ok for r in replies],
                         [True, True, True, False, False, True, True, False])
        self.end(client)
        self.left(user, before, 1, 2, 4, 5)
        self.assertNotIn(HIDDEN, user.flags(2))

    def test_rset_when_all_is_hidden(self):
        user = self.user("[default]\nshow = subject nothing\n")
        before = self.fill(user)
        client = user.pop3()
        self.assertEqual(client.stat(), (0, 0))
        client.ok("RSET")
        client.ok("LAST")
        self.assertEqual(client.uidl(), {})
        self.end(client)
        self.left(user, before, 1, 2, 3, 4, 5)


class DeletedFlag(Story):
    """pop3_delete_type = flag: DELE leaves a keyword."""

    pop3_settings = {"pop3_delete_type": "flag",
                     "pop3_deleted_flag": "$POP3Deleted"}

    def test_retrieval_is_remembered(self):
        """What was fetched and flagged in one session counts as retrieved."""
        user = self.user("[default]\nexpire = expunge retrievedbefore 1h\n")
        user.pop3().quit()
        user.append([message("one"), message("two")])
        client = user.pop3()
        client.download([1])
        client.ok("DELE 1")
        self.end(client)
        self.assertIn("$POP3Deleted", user.flags(1))
        self.clock.set("25h")
        self.end(user.pop3())
        self.assertEqual(user.uids(), [2])


class Plugins(Story):
    """Other mail plugins, and mailboxes that are not a user's own folder."""

    def setUp(self):
        compress = "zlib" if self.version == "2.3" else "mail_compress"
        self.plugins = ("pop3_policy", "acl", "quota", "virtual", compress)
        if self.version == "2.3":
            self.extra_config = """
plugin {
  quota = count:q
  quota_vsizes = yes
  quota_rule = *:storage=1M
}
namespace real {
  prefix = Real/
  separator = /
  hidden = yes
  list = no
}
namespace inbox {
  separator = /
}
"""
        else:
            self.extra_config = """
quota q {
  driver = count
  storage_size = 1M
}
namespace real {
  prefix = Real/
  separator = /
  hidden = yes
  list = no
}
namespace inbox {
  separator = /
}
"""
        super().setUp()

    def folder(self, user):
        """Where the INBOX keeps its files."""
        return user.host_home + {
            "maildir": "/Maildir", "sdbox": "/sdbox/mailboxes/INBOX/dbox-Mails"
        }[self.format]

    def test_story(self):
        self.story(self.user(POLICY))

    def test_compressed(self):
        fields = ({"zlib_save": "gz"} if self.version == "2.3" else
                  {"mail_compress_write_method": "gz"})
        user = self.user(POLICY, fields=fields)
        user.append([message("deny", size=30000)])
        size = sum(os.path.getsize(os.path.join(user.host_home, path))
                   for path in user.mail_files())
        self.assertLess(size, 20000)
        user.doveadm("expunge", "mailbox", "INBOX", "all")
        before = self.fill(user)
        client = user.pop3()
        client.err("DELE 1")
        client.ok("DELE 2")
        client.ok("DELE 3")
        self.end(client)
        self.assertEqual(user.uids(), [2, 3, 5, 6])

    def test_quota_full(self):
        """Hiding, flags and history need no quota."""
        user = self.user(POLICY)
        before = self.fill(user)
        user.append([message("fill", size=900000)])
        before.update({m.uid: m.sha256 for m in user.messages()})
        client = user.pop3()
        client.err("DELE 1")
        client.ok("DELE 2")
        client.ok("DELE 3")
        self.end(client)
        self.left(user, before, 1, 2, 4, 5, 6)
        client = user.pop3()
        self.assertEqual(client.stat()[0], 4)
        self.end(client)

    def test_acl_without_the_right_to_expunge(self):
        """QUIT fails as it does in plain Dovecot, and everything stays."""
        fields = ({"acl": "vfile"} if self.version == "2.3" else
                  {"acl_driver": "vfile"})
        user = self.user(POLICY, fields=fields)
        before = self.fill(user)
        path = self.folder(user) + "/dovecot-acl"
        with open(path, "w") as file:
            file.write("owner lrwsip\n")
        os.chmod(path, 0o644)
        client = user.pop3()
        client.err("DELE 1", "^-ERR no$")
        client.ok("DELE 2")
        client.ok("DELE 3")
        self.assertFalse(client.quit().ok)
        os.unlink(path)
        self.left(user, before, 1, 2, 3, 4, 5)

    def test_public_inbox(self):
        """The namespace has no owner."""
        fields = {"namespace/inbox/type": "public"}
        user = self.user(POLICY, fields=fields)
        self.story(user)

    def test_virtual_inbox(self):
        """An INBOX that shows the mail of other mailboxes."""
        if self.version == "2.3":
            fields = {"namespace/inbox/location":
                      "virtual:~/virtual:INDEX=~/virtual"}
        else:
            fields = {"namespace/inbox/mail_driver": "virtual",
                      "namespace/inbox/mail_path": "~/virtual",
                      "namespace/inbox/mail_inbox_path": "~/virtual/INBOX",
                      "namespace/inbox/mail_index_path": "~/virtual"}
        user = self.user(POLICY, fields=fields)
        folder = user.host_home + "/virtual/INBOX"
        os.makedirs(folder)
        with open(folder + "/dovecot-virtual", "w") as file:
            file.write("Real/A\nReal/B\n  all\n")
        owner = os.stat(user.host_home)
        for path in (user.host_home + "/virtual", folder):
            os.chown(path, owner.st_uid, owner.st_gid)
        for name in "AB":
            user.doveadm("mailbox create", "Real/" + name)
            for subject in SUBJECTS:
                user.save(message(subject + name), mailbox="Real/" + name)
        client = user.pop3()
        self.assertEqual(client.stat()[0], 10)
        for number in range(1, 11):
            subject = re.search("Subject: ([a-z]+)[AB]", "\n".join(
                client.ok("TOP %d 0" % number).lines)).group(1)
            if subject == "deny":
                client.err("DELE %d" % number)
            elif subject in ("hide", "allow"):
                client.ok("DELE %d" % number)
            elif subject == "keep":
                client.retr(number)
        client.ok("NOOP")
        self.end(client)
        for name in "AB":
            self.assertEqual(user.uids("Real/" + name), [1, 2, 4, 5])
        client = user.pop3()
        self.assertEqual(client.stat()[0], 6)
        self.end(client)

    def test_brand_new_user(self):
        user = self.user(POLICY)
        client = user.pop3()
        self.assertEqual(client.stat(), (0, 0))
        self.assertEqual(client.uidl(), {})
        client.err("DELE 1")
        client.err("RETR 1")
        self.end(client)
        self.story(user)

    def test_read_only(self):
        if self.format != "maildir":
            self.skipTest("Dovecot has read-only dbox nowhere")
        user = self.user(POLICY)
        before = self.fill(user)
        client = user.pop3()
        client.ok("DELE 2")
        client.ok("DELE 3")
        self.end(client)
        files = sorted(user.mail_files().values())
        folders = [self.folder(user) + name for name in ("", "/cur", "/new")]
        for folder in folders:
            os.chmod(folder, 0o500)
        # no lock or index file can be written there
        self.expect_errors("Permission denied", "the INBOX is read-only")
        self.clock.set("25h")
        client = user.pop3()
        client.err("DELE 1")
        client.ok("DELE 3")
        self.assertEqual(client.quit().text,
                         "-ERR [SYS/TEMP] 1 message not deleted")
        self.assertEqual(sorted(user.mail_files().values()), files)
        for folder in folders:
            os.chmod(folder, 0o700)
        self.left(user, before, 1, 2, 4, 5)

    def test_inbox_that_does_not_open(self):
        user = self.user(POLICY)
        before = self.fill(user)
        folder = self.folder(user)
        self.expect_errors("Permission denied")
        os.chmod(folder, 0)
        client = user.pop3(login=False)
        client.ok("USER " + user.name)
        client.may_be_logged_in = True
        client.send("PASS " + user.password + "\r\nDELE 3\r\nQUIT\r\n")
        self.assertNotIn(b"deleted", client.read_eof())
        client.close()
        os.chmod(folder, 0o700)
        self.left(user, before, 1, 2, 3, 4, 5)

    def test_relative_policy_file(self):
        """It would be looked for in the user's home, which is his."""
        user = self.user(fields={"pop3_policy_file": "own.conf"})
        path = user.host_home + "/own.conf"
        with open(path, "w") as file:
            file.write("[default]\ndelete = allow all\n")
        os.chmod(path, 0o644)
        self.expect_errors("own.conf")
        before = self.fill(user)
        client = user.pop3(login=False)
        client.ok("USER " + user.name)
        client.may_be_logged_in = True
        client.send("PASS " + user.password + "\r\nDELE 3\r\nQUIT\r\n")
        self.assertNotIn(b"deleted", client.read_eof())
        client.close()
        self.left(user, before, 1, 2, 3, 4, 5)


class Keywords(Story):
    formats = ("maildir",)

    def test_more_keywords_than_maildir_has_letters(self):
        """Hidden stays hidden where the keyword does not fit into the file
        name."""
        user = self.user("[default]\ndelete = hide all\n")
        user.append([message("one"), message("two")],
                    flags=["k%d" % i for i in range(30)])
        client = user.pop3()
        client.ok("DELE 1")
        self.end(client)
        # whoever looks at the files themselves finds no such keyword
        cur = user.host_home + "/Maildir/cur"
        now = time.time()
        os.utime(cur, (now, now + 5))
        user.doveadm("force-resync", "INBOX")
        client = user.pop3()
        self.assertEqual(client.stat()[0], 1)
        self.end(client)
        self.assertEqual(user.count(), 2)


    def test_hold_without_a_letter(self):
        """As long as the index is there, which has the keyword."""
        user = self.user("[default]\nhold = keyword Hold\n")
        user.append([message("one")], flags=["k%d" % i for i in range(26)])
        user.append([message("held")], flags=["Hold"])
        held = user.messages()[1].sha256
        self.assertEqual([path[-3:] for path, sha256 in
                          user.mail_files().items() if sha256 == held],
                         [":2,"])
        self.expect_errors("on hold")
        user.doveadm("force-resync", "INBOX")
        for args in (("expunge",), ("flags remove", "Hold"),
                     ("flags replace", r"\Seen")):
            result = user.doveadm(*args, "mailbox", "INBOX", "all",
                                  check=False)
            self.assertEqual(result.returncode, 77, args)
        self.assertEqual([m.sha256 for m in user.messages()], [held])
        client = user.pop3()
        client.ok("DELE 1")
        self.end(client)
        self.assertEqual([m.sha256 for m in user.messages()], [held])


class Reused(Story):
    """One process serves many, one after the other or at once."""

    formats = ("maildir",)
    client_limit = 1

    def setUp(self):
        reuse = ("service_count" if self.version == "2.3"
                 else "restart_request_count")
        self.extra_config = (
            "service pop3 {\n  %s = 100\n  client_limit = %d\n"
            "  process_limit = 1\n}\n" % (reuse, self.client_limit))
        super().setUp()

    def _end_sessions(self):
        for client in self._transcripts:
            client.close(wait=False)

    def end(self, client):
        """The process lives on: wait for its summary of this session."""
        reply = client.cmd("QUIT")
        self.assertTrue(reply.ok, reply.text)
        self.gone(client)

    def gone(self, client):
        client.close(wait=False)
        session = self.wait_log(r"rport=%d,? mpid=\d+,? session=<(\S+)>" %
                                client._port).group(1)
        self.wait_log(r"<%s>: Info: pop3-policy: \[" % re.escape(session))
        self.wait_done()

    def wait_done(self):
        """Work after a session is done when the process serves the next."""
        client = self.user().pop3()
        client.ok("NOOP")
        client.close(wait=False)

    def test_users_after_each_other(self):
        """Each has his own policy, whoever was served before."""
        before = {}
        users = [self.user(POLICY),
                 self.user("[default]\ndelete = allow all\n"),
                 self.user("[default]\ndelete = hide all\n"),
                 self.user(), self.user(POLICY)]
        for user in users:
            before[user] = self.fill(user)
        for user in users:
            client = user.pop3()
            answers = client.pipeline(["DELE %d" % n for n in range(1, 5)])
            self.assertEqual([a.ok for a in answers[1:]], [True] * 3)
            if user.name == users[3].name:
                self.assertTrue(client.cmd("QUIT").ok)
                client.close(wait=False)
                self.wait_log(r"pop3\(%s\).*Disconnected: Logged out" %
                              user.name)
                self.wait_done()
            else:
                self.end(client)
        self.left(users[0], before[users[0]], 1, 2, 5)
        self.left(users[1], before[users[1]], 5)
        self.left(users[2], before[users[2]], 1, 2, 3, 4, 5)
        self.left(users[3], before[users[3]], 5)
        self.left(users[4], before[users[4]], 1, 2, 5)

    def test_story(self):
        user = self.user(POLICY)
        before = self.fill(user)
        self.day_one(user)
        self.left(user, before, 1, 2, 4, 5)

    def test_broken_then_mended(self):
        user = self.user("[default]\nshow = nonsense\n")
        other = self.user(POLICY)
        self.expect_errors("nonsense")
        before, others = self.fill(user), self.fill(other)
        for _ in range(3):
            client = user.pop3(login=False)
            client.ok("USER " + user.name)
            client.send("PASS " + user.password +
                        "\r\nDELE 3\r\nRETR 1\r\nQUIT\r\n")
            self.assertEqual(client.read_eof(),
                             b"-ERR [SYS/TEMP] Login is not possible now.\r\n")
            client.close(wait=False)
            client = other.pop3()
            client.err("DELE 1")
            client.ok("DELE 2")
            client.ok("RSET")
            self.end(client)
        self.left(user, before, 1, 2, 3, 4, 5)
        self.left(other, others, 1, 2, 3, 4, 5)
        user.set_policy(POLICY)
        client = user.pop3()
        client.err("DELE 1")
        client.ok("DELE 3")
        self.end(client)
        self.left(user, before, 1, 2, 4, 5)

    def test_cut_sessions(self):
        user = self.user(POLICY)
        before = self.fill(user)
        for commands in ("DELE 2\r\n", "RETR 1\r\nRETR 2\r\nDELE 3\r\n",
                         "DELE 1\r\nDELE 3\r\nRET", ""):
            client = user.pop3()
            client.send(commands)
            self.gone(client)
        self.left(user, before, 1, 2, 3, 4, 5)


class ReusedAtOnce(Reused):
    client_limit = 20

    def test_sessions_at_once(self):
        users = [self.user(POLICY if i % 2 == 0 else
                           "[default]\ndelete = deny all\n")
                 for i in range(6)]
        before = {user: self.fill(user) for user in users}
        big = message("big", size=3000000)
        users[0].append([big])
        before[users[0]].update({m.uid: m.sha256
                                 for m in users[0].messages()})
        clients = [user.pop3() for user in users + users]
        clients[0].send("RETR 6\r\nDELE 1\r\nDELE 3\r\nQUIT\r\n")
        for client in clients[1:]:
            client.send("DELE 1\r\nRETR 5\r\nDELE 2\r\nDELE 3\r\n")
        for client in clients[6:9]:
            self.gone(client)
        for client in clients[1:6] + clients[9:]:
            client.send("QUIT\r\n")
        self.assertEqual(clients[0].read_reply(True).data, big)
        for client in clients[:6] + clients[9:]:
            client.read_eof()
            self.gone(client)
        for user in users[0::2]:
            kept = (1, 2, 4, 5)
            if user is users[0]:
                # its first session did not delete number 2
                kept += (6,)
            self.left(user, before[user], *kept)
        for user in users[1::2]:
            self.left(user, before[user], 1, 2, 3, 4, 5)
