# SPDX-License-Identifier: LGPL-2.1-or-later
"""Between DELE and QUIT the INBOX becomes another one: what the session was
told about does not concern the mail that is there now."""

import os

from harness import message
from test_journal import JournalTest

ARCHIVE = "archive:Old all"
RULES = ("hide all", ARCHIVE, 'deny:"no" answered\n  allow all')


class Numbers(JournalTest):
    """The same mail, numbered anew."""

    formats = ("maildir", "sdbox")

    def numbered_anew(self, user):
        """DELE of messages 1 and 2, another UIDVALIDITY, QUIT."""
        client = user.pop3()
        client.ok("DELE 1")
        client.ok("DELE 2")
        user.doveadm("mailbox update", "--uid-validity", "99999", "INBOX")
        return client.quit()

    def test_numbered_anew(self):
        """To a Maildir's session all messages are gone then. But they are
        there, under the same UIDs, and the policy has a say."""
        self.expect_errors("numbered anew")
        for delete in RULES:
            user = self.user("[default]\nhold = keyword Hold\n"
                             "delete = %s\n" % delete)
            user.pop3().quit()
            user.append([message("one")], flags=["Hold"])
            user.append([message("two"), message("three")])
            before = {m.guid for m in user.messages()}
            reply = self.numbered_anew(user)
            found = {m.guid for m in user.messages()}
            held = [m for m in user.messages() if "Hold" in m.flags]
            self.assertEqual(len(held), 1)
            if not reply.ok:
                self.assertEqual(reply.text, "-ERR [SYS/TEMP] 2 messages not "
                                 "deleted")
                self.assertEqual(found, before)
            elif delete == ARCHIVE:
                self.assertEqual(len(found), 2)
                self.assertEqual(found | {
                    m.guid for m in user.messages("Old")}, before)
            else:
                self.assertEqual(len(found), 3 if delete == "hide all" else 2)
                self.assertLessEqual(found, before)

    def test_list_of_uids_lost(self):
        """A Maildir without it gives all messages other UIDs."""
        if self.format != "maildir":
            self.skipTest("Maildir only")
        self.expect_errors("messages are still there", "numbered anew",
                           "Can't archive mail", "Broken file .*-uidlist")
        for delete in RULES:
            user = self.user("[default]\nhold = subject held\ndelete = %s\n" %
                             delete)
            user.append([message(subject) for subject in
                         ("gone", "held", "three", "held, too")])
            user.doveadm("expunge", "mailbox", "INBOX", "uid", "1")
            before = {m.guid for m in user.messages()}
            client = user.pop3()
            client.ok("DELE 1")
            client.ok("DELE 2")
            os.unlink(user.host_home + "/Maildir/dovecot-uidlist")
            user.doveadm("mailbox status", "messages", "INBOX")
            client.quit()
            held = user.messages(query=("subject", "held"))
            self.assertEqual(len(held), 2)
            found = {m.guid for m in user.messages()}
            if delete == ARCHIVE and "Old" in \
                    user.doveadm("mailbox list").decode().split():
                found |= {m.guid for m in user.messages("Old")}
            if delete.endswith("allow all"):
                self.assertGreaterEqual(found, {m.guid for m in held})
            else:
                self.assertEqual(found, before)
            for line in self.lines(user):
                # nobody claims to have removed what is there
                if line["action"] != "hide" and \
                        line.get("result") == "done":
                    self.assertLess(len(user.uids()), 3)


class Another(JournalTest):
    """Another INBOX altogether. Dovecot does not rename or delete that of a
    Maildir."""

    formats = ("sdbox", "mdbox")
    extra_config = "namespace inbox {\n  separator = /\n}\n"

    def replaced(self, replace):
        # Dovecot takes what it finds for a damaged index, in many words
        self.expect_errors("")
        for delete in RULES:
            user = self.user("[default]\ndelete = %s\n" % delete)
            user.append([message(subject) for subject in
                         ("one", "two", "three")])
            before = {m.sha256 for m in user.messages()}
            client = user.pop3()
            client.ok("DELE 1")
            client.ok("DELE 2")
            replace(user)
            user.append([message("new 1"), message("new 2")])
            new = {m.sha256 for m in user.messages()}
            self.assertRegex(client.quit().text, r"^-ERR \[SYS/TEMP\]")
            # which plain Dovecot may leave empty, too
            user.doveadm("force-resync", "INBOX")
            self.assertEqual({m.sha256 for m in user.messages()}, new)
            self.assertNotIn("done", [line.get("result")
                                      for line in self.lines(user)])
            yield user, before

    def test_renamed(self):
        def rename(user):
            user.doveadm("mailbox rename", "INBOX", "Elsewhere")
        for user, before in self.replaced(rename):
            self.assertEqual({m.sha256 for m in user.messages("Elsewhere")},
                             before)

    def test_deleted(self):
        def delete(user):
            user.doveadm("mailbox delete", "INBOX")
        for user, _ in self.replaced(delete):
            self.assertNotIn("Old", user.doveadm("mailbox list").decode())
