# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hold and minimum retention against every program that loads the plugin."""

import os
import threading

from harness import LiveTest, message

KEYWORD = "[default]\nhold = keyword Hold\n"


class HoldTest(LiveTest):
    formats = ("maildir", "sdbox", "mdbox")

    def fill(self, user, subjects, flags=()):
        """Messages with these subjects; one that begins with "held" gets the
        keyword Hold."""
        for subject in subjects:
            user.append([message(subject)], flags=tuple(flags) + (
                ("Hold",) if subject.startswith("held") else ()))

    def imap(self, user, readonly=False):
        imap = user.imap()
        status, data = imap.select("INBOX", readonly=readonly)
        self.assertEqual(status, "OK", data)
        return imap

    def untagged_no(self, imap):
        return b"; ".join(imap.untagged_responses.get("NO", []))

    def says_no(self, answer, text=""):
        """A tagged NO with this text; Dovecot adds how long it took."""
        status, data = answer
        self.assertEqual(status, "NO", data)
        self.assertIn(text.encode(), data[0])

    def expunge(self, imap, count):
        """EXPUNGE removes so many."""
        status, data = imap.expunge()
        self.assertEqual(status, "OK", data)
        self.assertEqual(len([n for n in data if n is not None]), count)

    def refused(self, user, operation, hold=0, min_retention=0, errors=0):
        """The event has been logged."""
        self.wait_log(r"\(%s\).*pop3-policy: Refused %s in \S+: hold=%d "
                      r"min_retention=%d errors=%d" % (
                          user.name, operation, hold, min_retention, errors))

    def guids(self, user, *mailboxes):
        return sorted(m.guid for name in mailboxes
                      for m in user.messages(name))


class Imap(HoldTest):
    def five(self, policy=KEYWORD):
        user = self.user(policy)
        self.fill(user, ["a", "held b", "c", "held d", "e"])
        return user

    def test_expunge(self):
        user = self.five()
        before = {m.uid: m.sha256 for m in user.messages()}
        with self.imap(user) as imap:
            imap.store("1:4", "+FLAGS", r"\Deleted \Seen")
            self.expunge(imap, 2)
            self.assertEqual(self.untagged_no(imap),
                             b"2 messages not removed: 2 on hold")
            # nothing is left to be expunged
            self.assertEqual(imap.search(None, "DELETED")[1], [b""])
            self.assertEqual(imap.expunge()[0], "OK")
            self.assertEqual(self.untagged_no(imap), b"")
        self.assertEqual({m.uid: m.sha256 for m in user.messages()},
                         {uid: before[uid] for uid in (2, 4, 5)})
        self.assertEqual(user.flags(2), {"Hold", r"\Seen"})
        self.refused(user, "expunge", hold=2)

    def test_uid_expunge_and_close(self):
        user = self.five()
        with self.imap(user) as imap:
            imap.store("1:5", "+FLAGS", r"\Deleted")
            self.assertEqual(imap.uid("EXPUNGE", "2:3")[0], "OK")
            self.assertIn(b"1 message not removed: 1 on hold",
                          self.untagged_no(imap))
            self.assertEqual(user.uids(), [1, 2, 4, 5])
            self.assertEqual(imap.close()[0], "OK")
            self.assertIn(b"1 message not removed: 1 on hold",
                          self.untagged_no(imap))
        self.assertEqual(user.uids(), [2, 4])
        self.assertEqual(user.flags(4), {"Hold"})

    def test_pipelined(self):
        """The NO comes although an answer before it is still on its way."""
        user = self.five()
        with self.imap(user) as imap:
            imap.send(b"a1 STORE 1:5 +FLAGS.SILENT (\\Deleted)\r\n"
                      b"a2 EXPUNGE\r\na3 NOOP\r\n")
            answer = b""
            while b"\r\na3 " not in answer:
                answer += imap.readline()
        self.assertLess(answer.index(b"* NO 2 messages not removed"),
                        answer.index(b"a2 OK"))
        self.assertEqual(user.uids(), [2, 4])

    def test_move(self):
        user = self.five()
        with self.imap(user) as imap:
            imap.create("Other")
            for _ in range(3):
                self.says_no(imap.uid("MOVE", "2", "Other"),
                             "[NOPERM] Message can't be moved: 1 on hold")
            status, data = imap._simple_command("MOVE", "1:3", "Other")
            self.assertEqual(status, "NO")
            self.assertEqual(imap.uid("MOVE", "1,3", "Other")[0], "OK")
            self.assertEqual(imap.uid("COPY", "2:4", "Other")[0], "OK")
            self.assertEqual(imap.uid("MOVE", "2", "INBOX")[0], "NO")
        self.assertEqual(user.uids(), [2, 4, 5])
        self.assertEqual(user.count("Other"), 4)
        self.refused(user, "move", hold=1)

    def test_moved_elsewhere_is_free(self):
        """A copy in another mailbox is nobody's concern."""
        user = self.five()
        with self.imap(user) as imap:
            imap.create("Other")
            imap.create("Third")
            imap.copy("1:5", "Other")
            imap.select("Other")
            self.assertEqual(imap.uid("MOVE", "2", "Third")[0], "OK")
            self.assertEqual(imap.store("1:4", "-FLAGS", "Hold")[0], "OK")
            imap.store("1:4", "+FLAGS", r"\Deleted")
            imap.expunge()
            self.assertEqual(imap.rename("Third", "Fourth")[0], "OK")
            imap.select("INBOX")
            self.assertEqual(imap.delete("Fourth")[0], "OK")
        self.assertEqual(user.count("Other"), 0)
        self.assertEqual(user.uids(), [1, 2, 3, 4, 5])

    def test_keyword_stays(self):
        user = self.five()
        with self.imap(user) as imap:
            for change, flags in (("-FLAGS", "Hold"), ("-FLAGS", "hOLD"),
                                  ("-FLAGS", r"(\Seen HOLD)"),
                                  ("FLAGS", r"(\Seen)"), ("FLAGS", "()"),
                                  ("FLAGS.SILENT", "(Other)")):
                self.says_no(
                    imap.store("2", change, flags),
                    "[NOPERM] Keyword can't be taken off: 1 on hold")
            # all or nothing
            self.assertEqual(imap.store("1:5", "FLAGS", r"(\Flagged)")[0],
                             "NO")
            self.assertEqual({m.flags for m in user.messages()},
                             {frozenset(), frozenset(["Hold"])})
            # what does not touch it
            for change, flags in (("+FLAGS", r"(\Seen Other)"),
                                  ("-FLAGS", r"(\Seen Other)"),
                                  ("FLAGS", r"(\Flagged hold)"),
                                  ("+FLAGS", "Hold"), ("-FLAGS", r"\Flagged")):
                self.assertEqual(imap.store("2", change, flags)[0], "OK",
                                 (change, flags))
            self.assertEqual(imap.store("1", "FLAGS", "(A B)")[0], "OK")
            self.assertEqual(imap.store("1", "FLAGS", "(B C)")[0], "OK")
        self.assertEqual(user.flags(1), {"B", "C"})
        self.assertEqual(user.flags(2), {"Hold"})
        self.refused(user, "keyword", hold=1)

    def test_delete_and_rename(self):
        user = self.five()
        with self.imap(user) as imap:
            imap.select("INBOX")
            imap.create("Other")
            self.assertEqual(imap.rename("INBOX", "Taken")[0], "NO")
            self.assertEqual(imap.delete("INBOX")[0], "NO")
        self.assertEqual(user.uids(), [1, 2, 3, 4, 5])
        boxes = user.doveadm("mailbox list").decode().split()
        self.assertNotIn("Taken", boxes)

    def test_rename_with_nothing_inside(self):
        user = self.user(KEYWORD)
        plain = self.user(dovecot=self.instance(plugins=()))
        answers = []
        for one in (user, plain):
            self.fill(one, ["a", "b"])
            with one.imap() as imap:
                answers.append(imap.rename("INBOX", "Taken"))
        self.assertEqual([a[0] for a in answers],
                         [answers[1][0]] * 2)

    def test_examine(self):
        user = self.five()
        with self.imap(user) as imap:
            imap.store("1:5", "+FLAGS", r"\Deleted")
        with self.imap(user, readonly=True) as imap:
            imap.expunge()
            imap.close()
        self.assertEqual(user.uids(), [1, 2, 3, 4, 5])
        self.assertEqual(user.flags(2), {"Hold", r"\Deleted"})

    def test_everything_held(self):
        user = self.five("[default]\nhold = all\n")
        with self.imap(user) as imap:
            imap.create("Other")
            imap.store("1:5", "+FLAGS", r"\Deleted")
            self.assertEqual(imap.expunge(), ("OK", [None]))
            self.assertIn(b"5 on hold", self.untagged_no(imap))
            self.assertEqual(imap.uid("MOVE", "1:*", "Other")[0], "NO")
        self.assertEqual(user.uids(), [1, 2, 3, 4, 5])
        self.assertEqual(user.count("Other"), 0)

    def test_by_content_and_flag(self):
        user = self.five("[default]\nhold = subject held or flagged\n")
        with self.imap(user) as imap:
            imap.store("5", "+FLAGS", r"\Flagged")
            imap.store("1:5", "+FLAGS", r"\Deleted")
            self.expunge(imap, 2)
            self.assertIn(b"3 on hold", self.untagged_no(imap))
        self.assertEqual(user.uids(), [2, 4, 5])

    def test_history_is_asked_for(self):
        """Nobody knows whether mail from before the first POP3 session was
        retrieved: it is held."""
        user = self.user("[default]\nhold = unretrieved\n")
        self.fill(user, ["old"])
        user.pop3().quit()
        self.fill(user, ["new", "read"])
        client = user.pop3()
        client.download([3])
        client.quit()
        with self.imap(user) as imap:
            imap.store("1:3", "+FLAGS", r"\Deleted")
            self.expunge(imap, 1)
        self.assertEqual(user.uids(), [1, 2])

    def test_hold_placed_during_the_session(self):
        user = self.five("[default]\n")
        with self.imap(user) as imap:
            imap.store("2,3", "+FLAGS", r"\Deleted")
            user.set_policy("[default]\nhold = all\n")
            imap.expunge()
            self.assertEqual(user.count(), 5)
            user.set_policy("[default]\n")
            imap.store("2,3", "+FLAGS", r"\Deleted")
            imap.expunge()
        self.assertEqual(user.uids(), [1, 4, 5])

    def test_without_hold(self):
        """An active policy that protects nothing lets IMAP do as it
        pleases, whatever its rules say."""
        user = self.five("[default]\ndelete = deny all\nretrieve = deny all\n")
        with self.imap(user) as imap:
            imap.create("Other")
            imap.store("1:2", "+FLAGS", r"\Deleted")
            self.expunge(imap, 2)
            self.assertEqual(imap.store("1", "FLAGS", "()")[0], "OK")
            self.assertEqual(imap.uid("MOVE", "4", "Other")[0], "OK")
        self.assertEqual(user.uids(), [3, 5])
        self.assertNotIn("Refused", self.log())


class Many(HoldTest):
    def test_1100_of_2500(self):
        user = self.user(KEYWORD)
        with user.imap() as imap:
            imap.select("INBOX")
            for _ in range(20):
                imap.append("INBOX", "", None, message("many"))
            imap.select("INBOX")
            for _ in range(124):
                imap.copy("1:20", "INBOX")
            imap.select("INBOX")
            imap.store("701:1800", "+FLAGS.SILENT", "Hold")
        before = user.uids()
        self.assertEqual(len(before), 2500)
        with user.imap() as imap:
            imap.select("INBOX")
            imap.store("1:*", "+FLAGS.SILENT", r"\Deleted")
            self.expunge(imap, 1400)
            self.assertIn(b"1100 messages not removed: 1100 on hold",
                          self.untagged_no(imap))
            self.assertEqual(imap.expunge(), ("OK", [None]))
            self.assertEqual(imap.search(None, "DELETED")[1], [b""])
        self.assertEqual(user.uids(), before[700:1800])
        self.assertEqual(len(user.mail_files()),
                         1100 if self.format != "mdbox" else 1)


class MinRetention(HoldTest):
    POLICY = "[default]\nmin_retention = 10d\n"

    def test_saved(self):
        """The saved date is what the file system says, which knows nothing of
        moved clocks."""
        user = self.user(self.POLICY)
        user.append([message("a")], received=1000000000)
        with self.imap(user) as imap:
            imap.store("1", "+FLAGS", r"\Deleted")
            self.expunge(imap, 0)
        self.clock.set("11d")
        with self.imap(user) as imap:
            imap.store("1", "+FLAGS", r"\Deleted")
            self.expunge(imap, 1)

    def test_clock(self):
        user = self.user(self.POLICY + "age_from = received\n")
        user.append([message("a"), message("b")], received=self.clock.now())
        self.clock.set("9d")
        user.append([message("c")], received=self.clock.now())
        with self.imap(user) as imap:
            imap.create("Other")
            imap.store("1:3", "+FLAGS", r"\Deleted")
            imap.expunge()
            self.assertEqual(self.untagged_no(imap),
                             b"3 messages not removed: "
                             b"3 too young to be removed")
            self.assertEqual(imap.uid("MOVE", "1", "Other")[0], "NO")
            self.assertEqual(imap.rename("INBOX", "Taken")[0], "NO")
        self.refused(user, "expunge", min_retention=3)
        self.clock.set("11d")
        with self.imap(user) as imap:
            imap.store("1:3", "+FLAGS", r"\Deleted")
            self.expunge(imap, 2)
        self.assertEqual(user.uids(), [3])
        # back: too young once more
        self.clock.set("0")
        result = user.doveadm("expunge", "mailbox", "INBOX", "all",
                              check=False)
        self.assertEqual(result.returncode, 77)
        self.assertEqual(user.uids(), [3])
        self.clock.set("20d")
        user.doveadm("expunge", "mailbox", "INBOX", "all")
        self.assertEqual(user.uids(), [])


class Broken(HoldTest):
    def setUp(self):
        super().setUp()
        self.user_ = self.user("[default]\n")
        self.fill(self.user_, ["a", "held b"])
        self.user_.set_policy("[default]\nhold = nonsense\n")
        self.expect_errors("Policy is broken, no mail can be removed")

    def test_imap(self):
        user = self.user_
        with self.imap(user) as imap:
            imap.create("Other")
            imap.store("1:2", "+FLAGS", r"\Deleted")
            self.says_no(imap.expunge(), "[UNAVAILABLE] 2 messages not "
                         "removed: 2 can't be judged now")
            self.assertEqual(imap.uid("MOVE", "1", "Other")[0], "NO")
            self.assertEqual(imap.uid("COPY", "1", "Other")[0], "OK")
            self.assertEqual(imap.store("2", "-FLAGS", "Hold")[0], "NO")
            self.assertEqual(imap.store("2", "FLAGS", r"(\Seen)")[0], "NO")
            self.assertEqual(imap.store("1", "+FLAGS", r"\Seen")[0], "OK")
            self.assertEqual(imap.rename("INBOX", "Taken")[0], "NO")
            imap.select("INBOX")
            imap.close()
        # one line for the administrator, not one for each try
        self.assertEqual(self.log().count("nonsense"), 1)
        self.assertEqual(user.uids(), [1, 2])
        # nothing was undone: once mended it goes
        user.set_policy(KEYWORD)
        with self.imap(user) as imap:
            self.expunge(imap, 1)
        self.assertEqual(user.uids(), [2])

    def test_doveadm(self):
        user = self.user_
        for args in (("expunge", "mailbox", "INBOX", "all"),
                     ("move", "Other", "mailbox", "INBOX", "all"),
                     ("flags remove", "Hold", "mailbox", "INBOX", "all")):
            result = user.doveadm(*args, check=False)
            self.assertNotEqual(result.returncode, 0, args)
        self.assertEqual(user.uids(), [1, 2])
        self.assertEqual(user.flags(2), {"Hold"})

    def test_delivery_goes_on(self):
        user = self.user_
        user.deliver_lmtp(message("by LMTP"))
        user.deliver(message("by LDA"))
        self.assertEqual(user.count(), 4)

    def test_mail_stays_readable(self):
        user = self.user_
        client = user.pop3()
        self.assertEqual(len(client.download()), 2)
        client.err("DELE 1", r"\[SYS/TEMP\]")
        client.quit()
        self.assertEqual(user.uids(), [1, 2])


class Doveadm(HoldTest):
    def three(self):
        user = self.user(KEYWORD)
        self.fill(user, ["a", "held b", "c"])
        return user

    def test_expunge(self):
        user = self.three()
        result = user.doveadm("expunge", "mailbox", "INBOX", "all",
                              check=False)
        self.assertEqual(result.returncode, 77)
        # 2.4 shows only our own line
        self.assertRegex(result.stderr.decode(), "1 message not removed: "
                         "1 on hold|Refused expunge in INBOX: hold=1 ")
        self.assertEqual(user.uids(), [2])
        self.assertEqual(len(user.mail_files()), 1)
        result = user.doveadm("expunge", "mailbox", "INBOX", "keyword",
                              "Hold", check=False)
        self.assertEqual(result.returncode, 77)

    def test_move(self):
        user = self.three()
        user.doveadm("mailbox create", "Other")
        for _ in range(3):
            result = user.doveadm("move", "Other", "mailbox", "INBOX", "all",
                                  check=False)
            self.assertEqual(result.returncode, 77)
            self.assertIn(b"1 on hold", result.stderr)
        self.assertEqual(user.uids(), [2])
        self.assertEqual(user.count("Other"), 2)
        user.doveadm("copy", "Other", "mailbox", "INBOX", "all")
        self.assertEqual(user.count("Other"), 3)

    def test_flags(self):
        user = self.three()
        for args in (("flags remove", "Hold"), ("flags replace", r"\Seen")):
            result = user.doveadm(*args, "mailbox", "INBOX", "all",
                                  check=False)
            self.assertEqual(result.returncode, 77, args)
        self.assertEqual(user.flags(2), {"Hold"})
        user.doveadm("flags add", r"\Seen", "mailbox", "INBOX", "all")
        self.assertEqual(user.flags(2), {"Hold", r"\Seen"})

    def test_mailbox(self):
        user = self.three()
        for args in (("mailbox delete", "-Z", "INBOX"),
                     ("mailbox delete", "INBOX"),
                     ("mailbox rename", "INBOX", "Taken")):
            result = user.doveadm(*args, check=False)
            self.assertNotEqual(result.returncode, 0, args)
            self.assertEqual(user.uids(), [1, 2, 3])

    def test_resync_and_purge(self):
        user = self.three()
        before = {m.uid: m.sha256 for m in user.messages()}
        self.expect_errors("rebuil", "Rebuild")
        user.doveadm("force-resync", "INBOX")
        self.assertEqual({m.uid: m.sha256 for m in user.messages()}, before)
        user.doveadm("expunge", "mailbox", "INBOX", "all", check=False)
        user.doveadm("purge")
        user.doveadm("force-resync", "INBOX")
        self.assertEqual({m.uid: m.sha256 for m in user.messages()},
                         {2: before[2]})


class AtOnce(HoldTest):
    def test_hold_set_by_another_session(self):
        """EXPUNGE sees keywords that were set since this session looked."""
        user = self.user(KEYWORD)
        self.fill(user, ["a", "b", "c"])
        with self.imap(user) as one, self.imap(user) as two:
            one.store("1:3", "+FLAGS", r"\Deleted")
            two.store("2", "+FLAGS", "Hold")
            self.expunge(one, 2)
            self.assertIn(b"1 on hold", self.untagged_no(one))
        self.assertEqual(user.uids(), [2])

    def test_hold_set_by_a_renamed_file(self):
        if self.format != "maildir":
            self.skipTest("Maildir only")
        user = self.user("[default]\nhold = flagged\n")
        self.fill(user, ["a", "b"])
        with self.imap(user) as imap:
            imap.store("1:2", "+FLAGS", r"\Deleted")
            cur = user.host_home + "/Maildir/cur"
            second = user.messages()[1].sha256
            name, = [os.path.join(user.host_home, path) for path, sha256
                     in user.mail_files().items() if sha256 == second]
            self.assertTrue(name.endswith(":2,T"), name)
            os.rename(name, name[:-1] + "FT")
            os.utime(cur, (2e9, 2e9))
            imap.expunge()
        self.assertEqual(user.uids(), [2])

    def test_keyword_set_meanwhile_is_not_replaced(self):
        user = self.user(KEYWORD)
        self.fill(user, ["a"])
        with self.imap(user) as one, self.imap(user) as two:
            two.store("1", "+FLAGS", "Hold")
            self.assertEqual(one.store("1", "FLAGS", r"(\Seen)")[0], "NO")
            self.assertEqual(one.store("1", "-FLAGS", "Hold")[0], "NO")
        self.assertEqual(user.flags(1), {"Hold"})

    def test_hostile_clients(self):
        """One takes the keyword off, one expunges, one moves, one replaces
        flags, all at once and again and again."""
        user = self.user(KEYWORD)
        self.fill(user, ["held %d" % i for i in range(5)])
        with user.imap() as imap:
            imap.create("Other")
        before = self.guids(user, "INBOX")
        failures = []

        def attack(commands):
            try:
                with self.imap(user) as imap:
                    for _ in range(15):
                        for args in commands:
                            imap.uid(*args)
            except Exception as error:
                failures.append(error)

        threads = [threading.Thread(target=attack, args=(commands,))
                   for commands in (
                       [("STORE", "1:*", "-FLAGS", "(Hold)"),
                        ("STORE", "1:*", "FLAGS", r"(\Deleted)")],
                       [("STORE", "1:*", "+FLAGS", r"(\Deleted)"),
                        ("EXPUNGE", "1:*")],
                       [("MOVE", "1:*", "Other")],
                       [("STORE", "1:*", "FLAGS", r"(\Deleted Hold)"),
                        ("EXPUNGE", "1:*")])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.assertEqual(self.guids(user, "INBOX"), before)
        self.assertTrue(all("Hold" in m.flags for m in user.messages()))
        self.assertEqual(user.count("Other"), 0)
