# SPDX-License-Identifier: LGPL-2.1-or-later
"""RETR and TOP under policy, and what a session sees of the INBOX."""

from harness import LiveTest, message


class Retrieve(LiveTest):
    def test_deny(self):
        user = self.user('[default]\nretrieve = deny:"too large for the link" '
                         "larger 10k\n")
        user.append([message("small"), message("large", size=20000)])
        client = user.pop3()
        self.assertIn(b"Subject: small", client.retr(1))
        self.assertEqual(client.cmd("RETR 2").text,
                         "-ERR too large for the link")
        self.assertEqual(client.cmd("TOP 2 0").text,
                         "-ERR too large for the link")
        client.ok("LIST 2")
        client.ok("DELE 2")
        client.quit()
        self.assertEqual(user.uids(), [1])

    def test_deny_after_retrieval(self):
        user = self.user("[default]\nretrieve = deny retrieved\n")
        user.append([message("once")])
        client = user.pop3()
        client.retr(1)
        client.ok("NOOP")
        client.err("RETR 1", "may not be retrieved")
        client.quit()


class Show(LiveTest):
    def test_query(self):
        user = self.user("[default]\nshow = not subject secret\n")
        user.append([message("secret"), message("one"), message("secret"),
                     message("two")])
        client = user.pop3()
        self.assertEqual(client.stat()[0], 2)
        self.assertEqual(sorted(client.list()), [1, 2])
        self.assertEqual(sorted(client.uidl()), [1, 2])
        self.assertIn(b"Subject: one", client.retr(1))
        self.assertIn(b"Subject: two", client.retr(2))
        client.err("RETR 3")
        client.ok("DELE 2")
        client.quit()
        self.assertEqual(user.uids(), [1, 2, 3])

    def test_nothing_shown(self):
        user = self.user("[default]\nshow = subject nothing\n")
        user.append([message("one")])
        client = user.pop3()
        self.assertEqual(client.stat(), (0, 0))
        self.assertEqual(client.list(), {})
        self.assertEqual(client.uidl(), {})
        client.err("RETR 1")
        client.err("DELE 1")
        client.quit()
        self.assertEqual(user.count(), 1)

    def test_empty_mailbox(self):
        user = self.user("[default]\nshow = subject one\ndelete = hide all\n")
        client = user.pop3()
        self.assertEqual(client.stat(), (0, 0))
        client.quit()

    def test_uidl_of_shown_mail_is_that_of_plain_dovecot(self):
        user = self.user("[default]\nshow = not subject secret\n")
        user.append([message("secret"), message("one"), message("two")])
        client = user.pop3()
        shown = client.uidl()
        client.quit()
        user.set_policy("")
        client = user.pop3()
        plain = client.uidl()
        client.quit()
        self.assertEqual(shown, {1: plain[2], 2: plain[3]})

    def test_history_in_show(self):
        user = self.user("[default]\nshow = unretrieved\n")
        user.pop3().quit()
        user.append([message("one"), message("two")])
        client = user.pop3()
        client.download([1])
        client.quit()
        client = user.pop3()
        self.assertEqual(client.stat()[0], 1)
        self.assertIn(b"Subject: two", client.retr(1))
        client.quit()

    def test_sizes_add_up(self):
        user = self.user("[default]\nshow = smaller 5k\n")
        user.append([message("a"), message("b", size=9000), message("c")])
        client = user.pop3()
        self.assertEqual(client.stat(), (2, sum(client.list().values())))
        client.quit()
