# SPDX-License-Identifier: LGPL-2.1-or-later
"""A policy that is broken removes nothing and guards what it guarded."""

import os

from harness import LiveTest, message


class Broken(LiveTest):
    def broken(self, policy, pattern, **kwargs):
        user = self.user(policy, **kwargs)
        self.expect_errors(pattern)
        user.append([message("one")])
        return user

    def fetch_but_not_delete(self, user):
        before = user.messages()
        client = user.pop3()
        self.assertIn(b"Subject: one", client.retr(1))
        client.err("DELE 1", r"^-ERR \[SYS/TEMP\] ")
        client.quit()
        self.assertEqual([m.sha256 for m in user.messages()],
                         [m.sha256 for m in before])

    def refused(self, user, pipelined=b"RETR 1\r\nDELE 1\r\nQUIT\r\n"):
        before = [m.sha256 for m in user.messages()]
        client = user.pop3(login=False)
        client.ok("USER " + user.name)
        client.may_be_logged_in = True
        client.send(b"PASS " + user.password.encode() + b"\r\n" + pipelined)
        data = client.read_eof()
        self.assertEqual(data,
                         b"-ERR [SYS/TEMP] Login is not possible now.\r\n")
        client.close()
        self.assertEqual([m.sha256 for m in user.messages()], before)

    def test_error_in_rules(self):
        user = self.broken("[default]\ndelete = allow\n",
                           r"\.conf:2:\d+: ")
        self.fetch_but_not_delete(user)

    def test_unknown_key(self):
        user = self.broken("[default]\n\ndelet = allow all\n",
                           r"\.conf:3:1: ")
        self.fetch_but_not_delete(user)

    def test_error_with_show_refuses(self):
        user = self.broken("[default]\nshow = unseen\ndelete = allow\n",
                           r"\.conf:3:\d+: ")
        self.refused(user)

    def test_error_in_an_ancestor(self):
        user = self.broken("[policy base]\ndelete = allow\n"
                           "[default]\ninherit = base\n", r"\.conf:2:\d+: ")
        self.fetch_but_not_delete(user)

    def test_missing_ancestor_refuses(self):
        user = self.broken("[default]\ninherit = gold\n", "gold")
        self.refused(user)

    def test_error_of_another_section_does_not_concern(self):
        user = self.user("[policy other]\ndelete = allow\n"
                         "[default]\ndelete = allow all\n")
        user.append([message("one")])
        client = user.pop3()
        client.ok("DELE 1")
        client.quit()
        self.assertEqual(user.count(), 0)

    def test_error_outside_sections_concerns_everybody(self):
        user = self.broken("delete = allow all\n[default]\n"
                           "delete = allow all\n", r"\.conf:1:1: ")
        self.fetch_but_not_delete(user)

    def test_missing_section(self):
        user = self.broken("[default]\ndelete = allow all\n", "policy gold",
                           section="gold")
        self.refused(user)

    def test_missing_file(self):
        user = self.broken("[default]\ndelete = allow all\n", "No such file")
        os.unlink(self.dovecot.target.host_path(user.policy_path))
        self.refused(user)

    def test_unreadable_file(self):
        user = self.broken("[default]\ndelete = allow all\n",
                           "Permission denied")
        os.chmod(self.dovecot.target.host_path(user.policy_path), 0)
        self.refused(user)

    def test_file_is_a_folder(self):
        user = self.broken("[default]\ndelete = allow all\n",
                           "not a regular file")
        path = self.dovecot.target.host_path(user.policy_path)
        os.unlink(path)
        os.mkdir(path)
        self.refused(user)

    def test_refused_with_session_lock(self):
        user = self.broken("[default]\nshow = x\n", r"\.conf:2:\d+: ",
                           fields={"pop3_lock_session": "yes"})
        self.refused(user)

    def test_mended_file_is_noticed(self):
        user = self.broken("[default]\ndelete = allow\n", r"\.conf:2:\d+: ")
        self.fetch_but_not_delete(user)
        user.set_policy("[default]\ndelete = allow all\n")
        client = user.pop3()
        client.ok("DELE 1")
        client.quit()
        self.assertEqual(user.count(), 0)


class Sections(LiveTest):
    formats = ("maildir",)
    FILE = ("[default]\ndelete = deny:\"default\" all\n"
            "[policy gold]\ndelete = deny:\"gold\" all\n"
            "[domain example.org]\ndelete = deny:\"domain\" all\n"
            "[user carol@example.org]\ndelete = deny:\"user\" all\n")

    def answer(self, name, **kwargs):
        user = self.user(self.FILE, name=name, **kwargs)
        user.append([message("one")])
        client = user.pop3()
        answer = client.cmd("DELE 1").text
        client.quit()
        return answer

    def test_choice(self):
        self.assertEqual(self.answer("bob"), "-ERR default")
        self.assertEqual(self.answer("bob@example.org"), "-ERR domain")
        self.assertEqual(self.answer("carol@example.org"), "-ERR user")
        self.assertEqual(self.answer("dave@example.org", section="gold"),
                         "-ERR gold")

    def test_nobodys_section_is_plain(self):
        user = self.user("[user somebody@else]\ndelete = deny all\n")
        user.append([message("one")])
        client = user.pop3()
        client.ok("DELE 1")
        client.quit()
        self.assertEqual(user.count(), 0)
        self.assertNotIn("pop3-policy", self.log())
