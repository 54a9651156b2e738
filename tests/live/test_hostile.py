# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clients that nobody would write, and clients that everybody has: whatever
they do, no mail goes that the policy keeps."""

import contextlib
import os
import random
import signal
import socket
import struct
import threading
import time

from harness import LiveTest, message

HIDDEN = "$POP3Hidden"
SUBJECTS = ("deny", "hide", "allow")
POLICY = ('[default]\ndelete = deny:"no" subject deny\n'
          "  hide subject hide\n  allow all\n")


class Hostile(LiveTest):
    """Helpers; no tests of its own."""

    def filled(self, policy=POLICY, subjects=SUBJECTS, **kwargs):
        user = self.user(policy, **kwargs)
        user.pop3().quit()
        self.texts = [message(subject) for subject in subjects]
        user.append(self.texts)
        self.before = {m.uid: m.sha256 for m in user.messages()}
        return user

    def left(self, user, *uids):
        """Exactly these are there, byte for byte."""
        self.assertEqual({m.uid: m.sha256 for m in user.messages()},
                         {uid: self.before[uid] for uid in uids})

    def all_left(self, user):
        self.left(user, *self.before)
        for uid in self.before:
            self.assertNotIn(HIDDEN, user.flags(uid))

    def cut(self, client):
        """Ends the connection by a TCP reset."""
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                               struct.pack("ii", 1, 0))
        client.close()


class Input(Hostile):
    formats = ("maildir",)

    def test_garbage(self):
        user = self.filled()
        client = user.pop3()
        rng = random.Random(1)
        for _ in range(15):
            # Dovecot 2.3 panics by itself where a command has a colon
            line = bytes(rng.randrange(256) for _ in range(200)).translate(
                None, b"\r\n:")
            client.send(b"x" + line + b"\r\n")
            self.assertFalse(client.read_reply().ok)
        client.ok("NOOP")
        client.quit()
        self.all_left(user)

    def test_lines_that_look_like_commands(self):
        """None of these is a DELE to Dovecot; none may be one to policy."""
        lines = [b"\0DELE 3", b"DELE\0 3", b"DELE\t3", b" DELE 3", b"DELE 3 ",
                 b"DELE 3\r", b"DELE +3", b"DELE -1", b"DELE 0x3", b"DELE 3.0",
                 b"DELE 4294967299", b"DELE 18446744073709551619", b"DELE",
                 b"DELE ", b"DELE 3 3", b"DELEX 3", b"\xc4\x8fELE 3",
                 b"DELE \xef\xbc\x93"]
        user = self.filled()
        client = user.pop3()
        for line in lines:
            client.send(line + b"\r\n")
            self.assertFalse(client.read_reply().ok, line)
            client.ok("NOOP")
        client.quit()
        self.all_left(user)

    def test_odd_spellings_obey(self):
        """These Dovecot takes for a DELE, so policy must, too."""
        user = self.filled()
        client = user.pop3()
        for line in (b"dElE 1", b"DELE   1", b"DELE 01", b"DELE 1\0",
                     b"DELE 1\0junk", b"DELE 0000000000001"):
            client.send(line + b"\r\n")
            self.assertEqual(client.read_reply().text, "-ERR no", line)
            client.send(line.replace(b"1", b"3") + b"\r\n")
            self.assertTrue(client.read_reply().ok, line)
            client.ok("RSET")
        client.quit()
        self.all_left(user)

    def test_bare_lf(self):
        user = self.filled()
        client = user.pop3()
        client.send(b"DELE 1\nDELE 2\nDELE 3\nQUIT\n")
        self.assertEqual([client.read_reply().ok for _ in range(4)],
                         [False, True, True, True])
        client.close()
        self.left(user, 1, 2)

    def test_byte_by_byte(self):
        user = self.filled()
        client = user.pop3()
        for byte in b"DELE 1\r\nDELE 2\r\nDELE 3\r\nQUIT\r\n":
            client.send(bytes([byte]))
            time.sleep(0.002)
        self.assertEqual([client.read_reply().ok for _ in range(4)],
                         [False, True, True, True])
        client.close()
        self.left(user, 1, 2)

    def test_very_long_line(self):
        user = self.filled()
        client = user.pop3()
        client.ok("DELE 3")
        client.send(b"DELE 3" + b" " * 100000 + b"\r\nQUIT\r\n")
        self.assertIn(b"Input line too long", client.read_eof())
        client.close()
        self.all_left(user)

    def test_long_line_behind_commands(self):
        user = self.filled()
        client = user.pop3()
        client.send(b"DELE 3\r\nDELE 1\r\n" + b"A" * 5000 + b"\r\nQUIT\r\n")
        data = client.read_eof()
        # the reset that follows may overtake the last line
        self.assertTrue(data.startswith(
            b"+OK Marked to be deleted.\r\n-ERR no\r\n"), data)
        client.close()
        self.wait_log("Disconnected: Input line too long")
        self.all_left(user)

    def test_buffers_end_within_a_line(self):
        """Lines that lie across the ends of Dovecot's 2048 byte buffer."""
        user = self.filled(subjects=("deny", "hide"))
        for pad in range(0, 24, 3):
            client = user.pop3()
            commands = ["NOOP" + " " * pad] + ["DELE 1", "NOOP"] * 400
            replies = client.pipeline(commands)
            self.assertEqual(sum(not r.ok for r in replies), 400)
            client.close()
        self.all_left(user)

    def test_same_refused_command_twenty_times(self):
        user = self.filled()
        client = user.pop3()
        client.ok("DELE 3")
        client.send(b"DELE 1\r\n" * 25 + b"QUIT\r\n")
        self.assertEqual(client.read_eof(), b"-ERR no\r\n" * 20)
        client.close()
        self.all_left(user)

    def test_refusals_are_no_bad_commands(self):
        user = self.filled(subjects=("deny", "deny", "allow"))
        client = user.pop3()
        replies = client.pipeline(["DELE 1", "DELE 2"] * 100 +
                                  ["DELE 3", "QUIT"])
        self.assertEqual([r.ok for r in replies], [False] * 200 + [True] * 2)
        client.close()
        self.left(user, 1, 2)

    def test_bad_commands_still_disconnect(self):
        user = self.filled()
        client = user.pop3()
        client.ok("DELE 3")
        client.send(b"DELE 9\r\n" * 30 + b"QUIT\r\n")
        self.assertIn(b"Too many bad commands", client.read_eof())
        client.close()
        self.all_left(user)

    def test_flood_of_refusals_unread(self):
        """The client sends and never reads: no memory without end, and what
        it sent behind it counts once it reads."""
        user = self.filled(subjects=("deny", "deny", "allow"))
        client = user.pop3(rcvbuf=4096)
        count = 40000
        thread = threading.Thread(target=client.sock.sendall, args=(
            b"DELE 1\r\nDELE 2\r\n" * count + b"DELE 3\r\nQUIT\r\n",))
        thread.start()
        time.sleep(0.3)
        data = client.read_eof()
        thread.join()
        self.assertEqual(data.count(b"-ERR no\r\n"), 2 * count)
        self.assertTrue(data.endswith(
            b"+OK Marked to be deleted.\r\n"
            b"+OK Logging out, messages deleted.\r\n"))
        client.close()
        self.left(user, 1, 2)


class Quit(Hostile):
    formats = ("maildir",)

    def test_twice_and_more_behind_it(self):
        user = self.filled()
        client = user.pop3()
        client.send(b"DELE 3\r\nQUIT\r\nQUIT\r\nRSET\r\nDELE 1\r\nDELE 2\r\n"
                    b"QUIT\r\n")
        self.assertEqual(client.read_eof(),
                         b"+OK Marked to be deleted.\r\n"
                         b"+OK Logging out, messages deleted.\r\n")
        client.close()
        self.left(user, 1, 2)
        self.assertNotIn(HIDDEN, user.flags(2))

    def test_client_gone_before_the_answer(self):
        """QUIT has arrived, so it counts; whoever sent it is gone."""
        user = self.filled()
        client = user.pop3()
        client.send(b"DELE 1\r\nDELE 2\r\nDELE 3\r\nQUIT\r\n")
        client.sock.shutdown(socket.SHUT_WR)
        client.close()
        # either all of it or, where the end came first, nothing
        kept = user.uids()
        self.assertIn(kept, ([1, 2], [1, 2, 3]))
        self.left(user, *kept)

    def test_quit_without_line_end(self):
        user = self.filled()
        client = user.pop3()
        client.ok("DELE 3")
        client.send(b"QUIT")
        client.close()
        self.all_left(user)

    def test_cut_behind_dele(self):
        for data in (b"", b"DELE 2\r\n", b"DELE 1\r\nDELE 2\r\nQUI"):
            user = self.filled()
            client = user.pop3()
            client.ok("DELE 3")
            client.send(data)
            self.cut(client)
            self.all_left(user)

    def test_behind_refused_login(self):
        user = self.filled()
        user.set_policy("[default]\nshow = nonsense\n")
        self.expect_errors("nonsense")
        client = user.pop3(login=False)
        client.ok("USER " + user.name)
        client.may_be_logged_in = True
        client.send("PASS " + user.password + "\r\n" + "NOOP\r\nDELE 3\r\n" * 20
                    + "RETR 1\r\nQUIT\r\n")
        self.assertEqual(client.read_eof(),
                         b"-ERR [SYS/TEMP] Login is not possible now.\r\n")
        client.close()
        self.all_left(user)

    def test_behind_wrong_password(self):
        user = self.filled()
        client = user.pop3(login=False)
        client.send("USER %s\r\nPASS wrong\r\nDELE 3\r\nQUIT\r\n" % user.name)
        self.assertNotIn(b"deleted", client.read_eof())
        self.all_left(user)

    def test_20_mb_unread(self):
        user = self.user('[default]\ndelete = deny:"fetch it" unretrieved\n'
                         "  allow all\n")
        user.pop3().quit()
        user.append([message("big", size=20000000), message("small")])
        client = user.pop3(rcvbuf=4096)
        client.send(b"RETR 1\r\nDELE 1\r\nDELE 2\r\nQUIT\r\n")
        time.sleep(0.2)
        self.cut(client)
        self.assertEqual(user.uids(), [1, 2])
        # read after all, it counts
        client = user.pop3()
        client.send(b"RETR 1\r\nDELE 1\r\nDELE 2\r\nQUIT\r\n")
        self.assertEqual(len(client.read_reply(True).data), 20000000)
        self.assertEqual([client.read_reply().text for _ in range(3)],
                         ["+OK Marked to be deleted.", "-ERR fetch it",
                          "+OK Logging out, messages deleted."])
        client.close()
        self.assertEqual(user.uids(), [2])


class Others(Hostile):
    """Somebody else is at the mailbox at the same time."""

    def test_two_sessions_delete_the_same(self):
        user = self.filled()
        first, second = user.pop3(), user.pop3()
        for client in (first, second):
            client.err("DELE 1")
            client.ok("DELE 2")
            client.ok("DELE 3")
        self.assertTrue(first.quit().ok)
        self.assertTrue(second.quit().ok)
        self.left(user, 1, 2)
        self.assertIn(HIDDEN, user.flags(2))

    def test_expunged_by_imap_between_dele_and_quit(self):
        """Gone is gone, whatever its rule needs to know about it."""
        for rule in ("deny subject deny", "deny flagged", "hide larger 1G",
                     "deny body nothing"):
            user = self.filled("[default]\ndelete = %s\n  allow all\n" % rule,
                               subjects=("one", "two", "three"))
            client = user.pop3()
            client.ok("DELE 1")
            client.ok("DELE 2")
            with user.imap() as imap:
                imap.select()
                imap.store("1", "+FLAGS", r"\Deleted")
                imap.expunge()
            self.assertEqual(client.quit().text,
                             "+OK Logging out, messages deleted.", rule)
            self.left(user, 3)

    def test_expunged_by_imap_then_hidden(self):
        user = self.filled("[default]\ndelete = hide all\n")
        client = user.pop3()
        for number in (1, 2):
            client.ok("DELE %d" % number)
        with user.imap() as imap:
            imap.select()
            imap.store("1", "+FLAGS", r"\Deleted")
            imap.expunge()
        self.assertTrue(client.quit().ok)
        self.left(user, 2, 3)
        client = user.pop3()
        self.assertEqual(client.stat()[0], 1)
        client.quit()

    def test_delivered_during_the_session(self):
        user = self.filled()
        client = user.pop3()
        client.stat()       # +OK came before the INBOX was open
        user.append([message("allow"), message("deny")])
        self.before = {m.uid: m.sha256 for m in user.messages()}
        client.err("DELE 4")
        for number in (2, 3):
            client.ok("DELE %d" % number)
        self.assertTrue(client.quit().ok)
        self.left(user, 1, 2, 4, 5)

    def test_expunged_then_fetched_and_deleted(self):
        user = self.filled()
        client = user.pop3()
        client.stat()       # +OK came before the INBOX was open
        user.doveadm("expunge", "mailbox", "INBOX", "uid", "3")
        client.cmd("RETR 3")
        client.cmd("DELE 3")
        client.cmd("TOP 3 0")
        client.ok("DELE 2")
        self.assertTrue(client.quit().ok)
        self.left(user, 1, 2)

    def test_mailbox_emptied(self):
        user = self.filled()
        client = user.pop3()
        client.ok("DELE 2")
        client.ok("DELE 3")
        user.doveadm("expunge", "mailbox", "INBOX", "all")
        client.cmd("RETR 1")
        client.quit()
        self.left(user)
        user.append([message("new")])
        client = user.pop3()
        self.assertEqual(client.stat()[0], 1)
        client.quit()

    def test_keyword_taken_off_while_hidden_again(self):
        user = self.filled("[default]\ndelete = hide all\n")
        client = user.pop3()
        client.ok("DELE 1")
        client.quit()
        with user.imap() as imap:
            imap.select()
            client = user.pop3()
            self.assertEqual(client.stat()[0], 2)
            imap.store("1", "-FLAGS", HIDDEN)
            client.ok("DELE 1")
            client.quit()
        client = user.pop3()
        self.assertEqual(client.stat()[0], 2)
        self.assertIn(b"Subject: deny", client.retr(1))
        client.quit()
        self.left(user, 1, 2, 3)

    def test_policy_changes_during_the_session(self):
        """A session keeps the policy that it began with."""
        user = self.filled()
        client = user.pop3()
        user.set_policy("[default]\ndelete = allow all\n")
        client.err("DELE 1")
        client.ok("DELE 2")
        client.ok("DELE 3")
        self.assertTrue(client.quit().ok)
        self.left(user, 1, 2)

    def test_many_sessions_at_once(self):
        user = self.filled(subjects=SUBJECTS * 10)
        clients = [user.pop3() for _ in range(6)]
        commands = "".join("DELE %d\r\n" % (i + 1) for i in range(30))
        for client in clients:
            client.send(commands + "QUIT\r\n")
        for client in clients:
            client.read_eof()
        for client in clients:
            client.close()
        self.left(user, *[i + 1 for i in range(30) if i % 3 != 2])
        client = user.pop3()
        self.assertEqual(client.stat()[0], 10)
        client.quit()


class Signals(Hostile):
    """Processes that are ended from outside."""

    EXPIRE = ("[default]\nexpire = keep subject keep\n"
              "  expunge savedbefore 1h\n")

    def terminate(self, client):
        os.kill(client.mail_process(), signal.SIGTERM)
        time.sleep(0.05)
        self.cut(client)

    def test_with_deles(self):
        user = self.filled()
        client = user.pop3()
        client.ok("DELE 2")
        client.ok("DELE 3")
        self.terminate(client)
        self.all_left(user)

    def test_within_retr(self):
        user = self.user("[default]\ndelete = deny unretrieved\n  allow all\n")
        user.pop3().quit()
        user.save(message("big", size=12000000))
        for end in (self.terminate, self.cut):
            client = user.pop3(rcvbuf=4096)
            client.send(b"RETR 1\r\nDELE 1\r\nQUIT\r\n")
            client.read_line()
            end(client)
        client = user.pop3()
        client.err("DELE 1")
        client.quit()
        self.assertEqual(user.uids(), [1])

    def test_after_quit(self):
        """Whenever it comes: what is not due stays, and the next sessions
        finish the work."""
        user = self.user(self.EXPIRE)
        user.pop3().quit()
        user.append([message("keep" if i % 10 == 0 else "go")
                     for i in range(40)])
        for _ in range(3):
            user.doveadm("copy", "INBOX", "all")
        texts = {}
        for m in user.messages():
            texts.setdefault(m.sha256, 0)
            texts[m.sha256] += 1
        kept = len(user.doveadm("search", "subject", "keep").split(b"\n")) - 1
        self.assertEqual(kept, 32)
        self.clock.set("25h")
        for wait in (0, 0.01, 0.03):
            client = user.pop3()
            client.ok("QUIT")
            time.sleep(wait)
            with contextlib.suppress(ProcessLookupError):
                os.kill(client.mail_process(), signal.SIGTERM)
            client.close()
            now = len(user.doveadm("search", "subject", "keep")
                      .split(b"\n")) - 1
            self.assertEqual(now, kept)
            self.clock.advance("25h")
        user.pop3().quit()
        self.assertEqual(user.count(), kept)


class Confirmation(Hostile):
    """Only what the client must have seen counts as retrieved."""
    formats = ("maildir",)

    def is_retrieved(self, user):
        user.set_policy("[default]\ndelete = allow retrieved\n"
                        '  deny:"not retrieved" all\n')
        client = user.pop3()
        reply = client.cmd("DELE 1")
        client.close()
        return reply.ok

    def test_pipelined_behind_pass(self):
        """What came with the password does not confirm anything."""
        user = self.filled()
        client = user.pop3(login=False)
        client.ok("USER " + user.name)
        client.may_be_logged_in = True
        client.send("PASS " + user.password + "\r\nRETR 1\r\n" +
                    "NOOP\r\n" * 1000)
        client.read_reply()
        client.read_reply(True)
        for _ in range(1000):
            client.read_reply()
        self.cut(client)
        self.assertFalse(self.is_retrieved(user))

    def test_pipelined(self):
        user = self.filled()
        client = user.pop3()
        client.pipeline(["RETR 1"] + ["NOOP"] * 1000)
        self.cut(client)
        self.assertFalse(self.is_retrieved(user))

    def test_next_command_confirms(self):
        user = self.filled()
        client = user.pop3()
        client.retr(1)
        client.ok("NOOP")
        self.cut(client)
        self.assertTrue(self.is_retrieved(user))

    def test_bytes_are_those_of_the_message(self):
        """Policy does not come between the mail and the client."""
        user = self.filled()
        client = user.pop3()
        self.assertEqual(client.download(), self.texts)
        client.quit()
