# SPDX-License-Identifier: LGPL-2.1-or-later
"""SENT and CONFIRMED: when does a message count as retrieved?

Asked by rules: `unretrieved` matches what was never SENT, `retrieved` what was
CONFIRMED by a command that was not in the input before the last byte left.
"""

import os
import time

from harness import LiveTest, message

# A DELE is allowed on mail that was SENT, or that was CONFIRMED.
SENT = '[default]\ndelete = deny:"not sent" unretrieved\n'
CONFIRMED = '[default]\ndelete = allow retrieved\n' \
            '         deny:"not confirmed" all\n'
BIG = 20 * 1024 * 1024


class Delivery(LiveTest):
    def mailbox(self, messages, policy=CONFIRMED, **kwargs):
        user = self.user(policy, **kwargs)
        # what comes after the first session has a known history
        user.pop3().quit()
        user.append(messages)
        return user

    def was_sent(self, user, number=1):
        return self._allowed(user, SENT, "not sent", number)

    def was_confirmed(self, user, number=1):
        return self._allowed(user, CONFIRMED, "not confirmed", number)

    def _allowed(self, user, policy, text, number):
        """What a later session knows about it."""
        user.set_policy(policy)
        client = user.pop3()
        reply = client.cmd("DELE %d" % number)
        client.ok("RSET")
        client.quit()
        if not reply.ok:
            self.assertEqual(reply.text, "-ERR " + text)
        return reply.ok

    def test_next_command_confirms(self):
        user = self.mailbox([message("one")])
        client = user.pop3()
        client.err("DELE 1", "not confirmed")
        client.retr(1)
        client.ok("DELE 1")
        client.quit()
        self.assertEqual(user.count(), 0)

    def test_quit_confirms(self):
        user = self.mailbox([message("one")])
        client = user.pop3()
        client.retr(1)
        client.quit()
        self.assertTrue(self.was_confirmed(user))

    def test_one_after_the_other(self):
        """As mail programs do it; not one may be missed."""
        count = 60
        user = self.mailbox([message("number %d" % n, size=500 + 300 * n)
                             for n in range(count)])
        client = user.pop3()
        for number in range(1, count + 1):
            client.retr(number)
            client.ok("DELE %d" % number)
        client.quit()
        self.assertEqual(user.count(), 0)

    def test_in_one_go_is_sent_not_confirmed(self):
        user = self.mailbox([message("one")])
        client = user.pop3()
        replies = client.pipeline(["RETR 1", "DELE 1", "NOOP", "DELE 1"])
        self.assertEqual([reply.ok for reply in replies],
                         [True, False, True, False])
        client.ok("DELE 1")
        client.ok("RSET")
        client.quit()

        user = self.mailbox([message("one")])
        client = user.pop3()
        self.assertTrue(client.pipeline(["RETR 1", "QUIT"])[1].ok)
        client.close()
        self.assertFalse(self.was_confirmed(user))
        self.assertTrue(self.was_sent(user))

    def test_half_a_command_was_there_before(self):
        user = self.mailbox([message("one")])
        client = user.pop3()
        client.send("RETR 1\r\nDEL")
        self.assertTrue(client.read_reply(True).ok)
        client.send("E 1\r\n")
        self.assertEqual(client.read_reply().text, "-ERR not confirmed")
        client.ok("DELE 1")
        client.ok("RSET")
        client.quit()

    def test_window(self):
        """Always one command ahead: each is confirmed by the one that is sent
        when its end has been read."""
        count = 30
        user = self.mailbox([message("number %d" % n) for n in range(count)])
        client = user.pop3()
        client.send("RETR 1\r\n")
        for number in range(2, count + 1):
            client.send("RETR %d\r\n" % number)
            self.assertTrue(client.read_reply(True).ok)
        self.assertTrue(client.read_reply(True).ok)
        for number in range(1, count + 1):
            client.ok("DELE %d" % number)
        client.quit()
        self.assertEqual(user.count(), 0)

    def test_several_are_confirmed_at_once(self):
        user = self.mailbox([message("one"), message("two"), message("three")])
        client = user.pop3()
        for reply in client.pipeline(["RETR 1", "RETR 3", "RETR 2"]):
            self.assertTrue(reply.ok)
        for reply in client.pipeline(["DELE 1", "DELE 2", "DELE 3"]):
            self.assertTrue(reply.ok)
        client.quit()
        self.assertEqual(user.count(), 0)

    def test_not_the_others(self):
        user = self.mailbox([message("one"), message("two"), message("three")])
        client = user.pop3()
        client.retr(2)
        client.err("DELE 1")
        client.err("DELE 3")
        client.ok("DELE 2")
        client.quit()
        self.assertEqual(user.uids(), [1, 3])

    def test_lost_line(self):
        """Read to the end, then the line is cut: SENT, never CONFIRMED."""
        user = self.mailbox([message("one")])
        client = user.pop3()
        client.retr(1)
        client.close()
        self.assertFalse(self.was_confirmed(user))
        self.assertTrue(self.was_sent(user))

    def test_lost_line_in_the_middle(self):
        user = self.mailbox([message("big", size=BIG)])
        client = user.pop3(rcvbuf=8192)
        client.send("RETR 1\r\n")
        client.read_line()
        client.close()
        self.assertFalse(self.was_sent(user))
        self.assertFalse(self.was_confirmed(user))

    def test_command_before_the_end(self):
        """Sent while the message is still on its way: confirms nothing,
        although it is executed after that."""
        user = self.mailbox([message("big", size=BIG)])
        client = user.pop3(rcvbuf=8192)
        client.send("RETR 1\r\n")
        client.read_line()
        time.sleep(.2)
        client.send("DELE 1\r\n")
        time.sleep(.2)
        while client.read_line() != b".\r\n":
            pass
        self.assertEqual(client.read_reply().text, "-ERR not confirmed")
        client.ok("DELE 1")
        client.quit()
        self.assertEqual(user.count(), 0)

    def test_unfinished_retr_and_dele_in_one_go(self):
        """Whether it was sent does not depend on how fast the client reads."""
        user = self.mailbox([message("big", size=BIG), message("two")], SENT)
        client = user.pop3(rcvbuf=8192)
        client.send("RETR 1\r\nDELE 1\r\nDELE 2\r\nRETR 2\r\nDELE 2\r\n"
                    "QUIT\r\n")
        time.sleep(.5)
        answers = [client.read_reply(multiline).ok
                   for multiline in (True, False, False, True, False, False)]
        self.assertEqual(answers, [True, True, False, True, True, True])
        client.close()
        self.assertEqual(user.count(), 0)

    def test_quit_of_a_client_that_reads_no_more(self):
        """QUIT behind a message waits until that has left; a client that goes
        away instead has not quit."""
        user = self.mailbox([message("small"), message("big", size=BIG)], SENT)
        client = user.pop3(rcvbuf=8192)
        client.send("RETR 1\r\nDELE 1\r\nRETR 2\r\nQUIT\r\n")
        self.assertTrue(client.read_reply(True).ok)
        client.close()
        self.assertEqual(user.count(), 2)
        self.assertFalse(self.was_sent(user, 2))

    def test_top(self):
        """A TOP counts if it covered all of the message."""
        body = "".join("line %d\r\n" % n for n in range(10))
        user = self.mailbox([message("one", body), message("two", body)])
        client = user.pop3()
        client.ok("TOP 1 9")
        client.err("DELE 1")
        client.ok("TOP 2 11")
        client.ok("DELE 2")
        client.quit()
        self.assertEqual(user.uids(), [1])

    def test_retr_of_a_refused_message(self):
        user = self.mailbox([message("one"), message("two")],
                            CONFIRMED + "retrieve = deny subject one\n")
        client = user.pop3()
        client.err("RETR 1")
        client.err("DELE 1")
        client.retr(2)
        client.err("DELE 1")
        client.ok("DELE 2")
        client.quit()
        self.assertEqual(user.uids(), [1])

    def test_behind_a_hidden_message(self):
        """Message numbers are not those of the mailbox."""
        user = self.mailbox([message("one"), message("two"), message("three")],
                            "[default]\ndelete = hide all\n")
        client = user.pop3()
        client.ok("DELE 1")
        client.quit()
        user.set_policy(CONFIRMED)
        client = user.pop3()
        self.assertIn(b"Subject: two", client.retr(1))
        client.ok("DELE 1")
        client.err("DELE 2")
        client.quit()
        self.assertEqual(user.uids(), [1, 3])

    def test_rawlog(self):
        home = "%{home}" if self.version != "2.3" else "%h"
        logging = self.instance(
            pop3_settings={"rawlog_dir": home + "/rawlog"})
        user = self.mailbox([message("one"), message("two"),
                             message("big", size=BIG)], dovecot=logging)
        folder = os.path.join(user.host_home, "rawlog")
        os.mkdir(folder)
        os.chmod(folder, 0o777)
        client = user.pop3(rcvbuf=8192)
        replies = client.pipeline(["RETR 1", "DELE 1", "RETR 2"])
        self.assertEqual([reply.ok for reply in replies], [True, False, True])
        client.ok("DELE 2")
        client.retr(3)
        client.ok("NOOP")
        client.ok("DELE 3")
        client.ok("DELE 1")
        client.quit()
        self.assertEqual(user.count(), 0)
        self.assertTrue(os.listdir(folder))
