# SPDX-License-Identifier: LGPL-2.1-or-later
"""doveadm pop3 check and explain."""

import json
import os
import re
import time

from harness import LiveTest, message

EX_USAGE, EX_NOINPUT, EX_NOUSER, EX_CONFIG = 64, 66, 67, 78


class Check(LiveTest):
    formats = ("maildir",)
    plugins = ()

    def check(self, text, name="check.conf"):
        """Exit status and output lines for a policy file with this text."""
        path = self.dovecot.base + "/policy/" + name
        if isinstance(text, str):
            text = text.encode()
        with open(self.dovecot.target.host_path(path), "wb") as file:
            file.write(text)
        result = self.dovecot.doveadm("pop3", "check", path, check=False)
        self.assertEqual(result.stderr, b"")
        lines = result.stdout.decode().splitlines()
        return result.returncode, [line.replace(path, "FILE")
                                   for line in lines]

    def test_fine(self):
        self.assertEqual(self.check(""), (0, ["FILE: 0 sections, no errors"]))
        self.assertEqual(self.check("""\
# a comment
[default]
delete = deny:"fetch it first" unretrieved
         allow all
expire = expunge retrievedbefore 14d unflagged

[policy gold]
inherit = default
hold = keyword $Hold or (from boss@example.org savedsince 1y)

[domain example.org]
show = not header x-spam yes
""".replace("\n", "\r\n")), (0, ["FILE: 3 sections, no errors"]))

    def test_errors(self):
        """One of each kind, with its place; the texts are the core's."""
        for text, line, column, word in (
                ("delete = allow all\n", 1, 1, "section"),
                ("[default\ndelete = allow all\n", 1, 1, "]"),
                ("[frob x]\n", 1, 2, ""),
                ("[default]\n[default]\n", 2, 1, "default"),
                ("[default]\nfrobnicate = yes\n", 2, 1, "frobnicate"),
                ("[default]\ndelete = allow all\ndelete = allow all\n",
                 3, 1, "delete"),
                ("[default]\ndelete =\n", 2, None, ""),
                ("[default]\ndelete = allow\n", 2, None, "query"),
                ("[default]\ndelete = frobnicate all\n", 2, 10, "frobnicate"),
                ("[default]\ndelete = allow seen\n   hide all bogus\n",
                 3, 13, "bogus"),
                ("[default]\nhold = savedbefore 2\n", 2, 20, "unit"),
                ("[default]\nhold = keyword \"\"\n", 2, 16, "keyword"),
                ("[default]\nhold = or from a\n", 2, 8, "or"),
                ("[default]\nhold = from a or\n", 2, 15, "or"),
                ("[default]\nhold = seen flagged or draft\n", 2, 21,
                 "parentheses"),
                ("[default]\nhold = (seen\n", 2, 8, ")"),
                ("[default]\nhold = from \"a\n", 2, 13, "quote"),
                ("[default]\nhold = mailbox Trash\n", 2, 8, "INBOX"),
                ("[default]\nhold = 1:5\n", 2, 8, "number"),
                ("[default]\nhold = savedbefore 2024-02-30\n", 2, 20, ""),
                ("[default]\nmin_retention = 90\n", 2, 17, "unit"),
                ("[default]\nprotected_delete = allow\n", 2, 20, ""),
                ("[default]\nexpire_max = lots\n", 2, 14, ""),
                ("[policy a]\ninherit = nobody\n", 2, 11, "nobody"),
                ("[policy a]\ninherit = b\n[policy b]\ninherit = a\n",
                 None, None, ""),
                ("[default]\ndelete = allow all\0\n", 2, 19, ""),
                (b"[default]\ndelete = deny:\"\xff\" all\n", 2, 16, "UTF-8"),
        ):
            with self.subTest(text=text):
                status, lines = self.check(text)
                self.assertEqual(status, EX_CONFIG, lines)
                match = re.match(r"FILE:(\d+):(\d+): (.*)$", lines[0])
                self.assertIsNotNone(match, lines)
                if line is not None:
                    self.assertEqual(int(match.group(1)), line, lines)
                if column is not None:
                    self.assertEqual(int(match.group(2)), column, lines)
                self.assertIn(word, match.group(3))
                self.assertRegex(lines[-1],
                                 r"^FILE: \d+ sections?, \d+ errors?$")
                errors = int(lines[-1].split()[-2])
                self.assertEqual(len(lines) - 1, errors, lines)

    def test_all_sections_and_each_error_once(self):
        status, lines = self.check("""\
[default]
delete = deny bogus
         deny bogus
[policy a]
inherit = default
[policy b]
inherit = default
expire = hide nonsense
""")
        self.assertEqual(status, EX_CONFIG)
        self.assertEqual([line.split(" ")[0] for line in lines[:-1]],
                         ["FILE:2:15:", "FILE:3:15:", "FILE:8:15:"])
        self.assertEqual(lines[-1], "FILE: 3 sections, 3 errors")

    def test_unreadable(self):
        for path in (self.dovecot.base + "/policy/missing.conf",
                     self.dovecot.base + "/policy"):
            result = self.dovecot.doveadm("pop3", "check", path, check=False)
            self.assertEqual(result.returncode, EX_NOINPUT)
            self.assertIn(path.encode(), result.stdout)

    def test_json(self):
        path = self.dovecot.base + "/policy/json.conf"
        with open(self.dovecot.target.host_path(path), "w") as file:
            file.write("[default]\nhold = bogus\n")
        result = self.dovecot.doveadm("-f", "json", "pop3", "check", path,
                                      check=False)
        self.assertEqual(result.returncode, EX_CONFIG)
        rows = json.loads(result.stdout)
        self.assertTrue(rows[0]["result"].startswith(path + ":2:8: "), rows)
        self.assertEqual(rows[1], {"result": path + ": 1 section, 1 error"})


class CheckConfigured(LiveTest):
    """Without an argument: the file that Dovecot's configuration names."""

    formats = ("maildir",)
    plugins = ()
    path = "/tmp/pop3-policy-check-%d.conf" % os.getpid()
    settings = {"pop3_policy_file": path, "pop3_policy": "gold"}

    def check(self, text):
        path = self.dovecot.target.host_path(self.path)
        with open(path, "w") as file:
            file.write(text)
        try:
            return self.dovecot.doveadm("pop3", "check", check=False)
        finally:
            os.unlink(path)

    def test_key_of_uidls(self):
        for key, status in (("00" * 16, 0), ("00" * 15, EX_CONFIG)):
            self.dovecot = self.instance(settings=dict(
                self.settings, pop3_policy_uidl_key=key))
            result = self.check("[policy gold]\nuidl = keyed\n")
            self.assertEqual(result.returncode, status)
            self.assertEqual(b"pop3_policy_uidl_key: " in result.stdout,
                             status != 0)

    def test_it_is_read(self):
        result = self.check("[policy gold]\ndelete = deny all\n")
        self.assertEqual(result.stdout.decode(),
                         self.path + ": 1 section, no errors\n")
        self.assertEqual(result.returncode, 0)
        result = self.check("[policy gold]\ndelete = deny bogus\n")
        self.assertIn(self.path + ":2:15: ", result.stdout.decode())
        self.assertEqual(result.returncode, EX_CONFIG)

    def test_section_that_is_missing(self):
        result = self.check("[policy silver]\ndelete = deny all\n")
        self.assertEqual(result.returncode, EX_CONFIG)
        self.assertIn("[policy gold]", result.stdout.decode())

    def test_file_that_is_missing(self):
        result = self.dovecot.doveadm("pop3", "check", check=False)
        self.assertEqual(result.returncode, EX_NOINPUT)
        self.assertIn(self.path, result.stdout.decode())


FIELDS = ("uid guid size saved history retrieved count hidden section delete "
          "delete_reason delete_rule expire expire_reason expire_rule "
          "expires mode remove remove_reason remove_rule").split()


class Explain(LiveTest):
    plugins = ()

    def explain(self, user, *args, formatter="json", **kwargs):
        return self.dovecot.doveadm("-f", formatter, "pop3", "explain", "-u",
                                    user.name, *args, **kwargs)

    def test_other_programs(self):
        user = self.user("[default]\nhold = flagged\nmin_retention = 5d\n"
                         "age_from = received\n")
        user.append(message("held"), flags=[r"\Flagged"], received=1700000000)
        user.append(message("young"))
        user.append(message("plain"), received=1700000000)
        self.assertEqual(
            [[row["remove"], row["remove_reason"],
              row["remove_rule"].rpartition(":")[2]]
             for row in json.loads(self.explain(user))],
            [["deny", "hold", "2"], ["deny", "min_retention", "3"],
             ["allow", "default", "-"]])

    def test_rows(self):
        user = self.user("""\
[default]
delete = deny flagged
         hide larger 4k
         allow subject keep
expire = keep flagged
         hide larger 4k
         expunge savedbefore 14d
""")
        user.append(message("flagged"), flags=[r"\Flagged"])
        user.append(message("large", size=5000))
        user.append(message("keep", size=1000))
        user.append(message("plain"))
        rows = json.loads(self.explain(user))
        self.assertEqual([list(row) for row in rows], [FIELDS] * 4)

        def rule(line):
            return "%s:%d" % (user.policy_path, line)

        guids = {int(line.split()[0]): line.split()[1] for line in
                 self.dovecot.doveadm(
                     "-f", "tab", "fetch", "-u", user.name, "uid guid",
                     "mailbox", "INBOX", "all").decode().splitlines()[1:]}
        for row in rows:
            self.assertEqual(row["guid"], guids[int(row["uid"])])
            saved = time.mktime(time.strptime(row["saved"],
                                              "%Y-%m-%d %H:%M:%S"))
            self.assertLess(abs(saved - time.time()), 120)
            self.assertEqual(
                [row["history"], row["retrieved"], int(row["count"]),
                 row["hidden"], row["section"]],
                ["unknown", "-", 0, "-", "default"])
            if row["uid"] in (3, 4):
                self.assertEqual(
                    row["expires"], time.strftime(
                        "%Y-%m-%d %H:%M:%S",
                        time.localtime(saved + 14 * 86400 + 1)))
        self.assertEqual(rows[1]["size"], "5000")
        self.assertEqual([
            [row[name] for name in FIELDS[9:15]] for row in rows], [
                ["deny", "rule", rule(2), "keep", "rule", rule(5)],
                ["hide", "rule", rule(3), "hide", "rule", rule(6)],
                ["allow", "rule", rule(4), "keep", "default", "-"],
                ["allow", "default", "-", "keep", "default", "-"]])
        self.assertEqual([row["expires"] for row in rows[:2]], ["-", "now"])

    def test_protection(self):
        for protected, action in (("", "hide"),
                                  ("protected_delete = deny\n", "deny"),
                                  ("protected_delete = hide\n", "hide")):
            user = self.user("[default]\n"
                             "hold = flagged\n"
                             "min_retention = 30d\n"
                             "expire = expunge all\n" + protected)
            user.append(message(), flags=[r"\Flagged"])
            user.append(message())
            rows = json.loads(self.explain(user))
            self.assertEqual([[row[name] for name in FIELDS[9:15]]
                              for row in rows], [
                [action, "hold", user.policy_path + ":2",
                 "keep", "hold", user.policy_path + ":2"],
                [action, "min_retention", user.policy_path + ":3",
                 "keep", "min_retention", user.policy_path + ":3"]])

    def test_query(self):
        user = self.user("[default]\n")
        user.append(message("one two"))
        user.append(message("two"))
        user.append(message("(three)", size=5000))

        def found(*query):
            return [int(row["uid"])
                    for row in json.loads(self.explain(user, *query))]

        # as one argument, as one for each word
        self.assertEqual(found('subject "one two"'), [1])
        self.assertEqual(found("subject", "one two"), [1])
        self.assertEqual(found("not", "subject", "one two"), [2, 3])
        self.assertEqual(found("subject", "two", "smaller", "4k"), [1, 2])
        self.assertEqual(found("(", "larger", "4k", ")", "or", "subject",
                               "one"), [1, 3])
        self.assertEqual(found("subject '(three)'"), [3])
        self.assertEqual(found("unretrieved"), [])
        self.assertEqual(found("not retrieved"), [1, 2, 3])

        for query, column in ((["bogus"], 1), (["savedbefore 30"], 13),
                              (["seen", "mailbox", "x"], 6), ([""], 1)):
            result = self.explain(user, *query, check=False)
            self.assertEqual(result.returncode, EX_USAGE, query)
            self.assertIn("column %d: " % column, result.stderr.decode())
            self.assertNotIn(b"guid\":", result.stdout)

    def test_formatters(self):
        user = self.user("[default]\ndelete = deny all\n")
        user.append(message())
        flow = self.explain(user, formatter="flow").decode()
        self.assertIn(" delete=deny delete_reason=rule delete_rule=" +
                      user.policy_path + ":2 ", flow)
        tab = self.explain(user, formatter="tab").decode().splitlines()
        self.assertEqual(tab[0].split("\t"), FIELDS)
        self.assertEqual(tab[1].split("\t")[9:12],
                         ["deny", "rule", user.policy_path + ":2"])
        table = self.explain(user, formatter="table").decode().splitlines()
        self.assertEqual(table[0].split(), FIELDS)

    def test_several_users(self):
        # 2.3 tries to iterate even where the users are named
        self.expect_errors("User iteration isn't currently supported")
        users = [self.user("[default]\ndelete = deny all\n"),
                 self.user("[default]\ndelete = hide all\n")]
        for user in users:
            user.append(message())
        path = self.dovecot.base + "/explain-users"
        with open(self.dovecot.target.host_path(path), "w") as file:
            file.write("".join(user.name + "\n" for user in users))
        rows = json.loads(self.dovecot.doveadm(
            "-f", "json", "pop3", "explain", "-F", path))
        self.assertEqual([(row["username"], row["delete"]) for row in rows],
                         [(users[0].name, "deny"), (users[1].name, "hide")])

        # one who is broken doesn't keep the others from being shown
        users[0].set_policy("[default]\nbogus\n")
        result = self.dovecot.doveadm(
            "-f", "json", "pop3", "explain", "-F", path, check=False)
        self.assertNotEqual(result.returncode, 0)
        self.assertEqual([row["username"] for row in
                          json.loads(result.stdout)], [users[1].name])
        if self.version == "2.3":
            self.wait_log("(?s)User iteration.*User iteration")

    def test_without_policy(self):
        for user in (self.user(), self.user("[user somebody.else]\n"),
                     self.user("")):
            user.append(message())
            row, = json.loads(self.explain(user))
            self.assertEqual(
                [row[name] for name in FIELDS[8:]],
                ["-", "allow", "default", "-", "keep", "default", "-", "-",
                 "-", "allow", "default",
                 "-"])

    def test_broken(self):
        user = self.user("[default]\ndelete = allow bogus\n")
        user.append(message())
        for text, expected in (
                (None, ":2:16: "), ("[default]\nfrobnicate = 1\n", ":2:1: "),
                ("garbage\n", ":1:1: ")):
            if text is not None:
                user.set_policy(text)
            result = self.explain(user, check=False)
            self.assertEqual(result.returncode, EX_CONFIG)
            self.assertIn(user.policy_path + expected,
                          result.stderr.decode())
            self.assertNotIn(b"guid\":", result.stdout)

        os.unlink(self.dovecot.target.host_path(user.policy_path))
        result = self.explain(user, check=False)
        self.assertEqual(result.returncode, EX_CONFIG)
        self.assertIn("No such file", result.stderr.decode())

    def test_section(self):
        policy = ("[default]\ndelete = deny all\n"
                  "[policy gold]\ndelete = hide all\n")
        user = self.user(policy, section="gold")
        user.append(message())
        row, = json.loads(self.explain(user))
        self.assertEqual((row["section"], row["delete"]),
                         ("policy gold", "hide"))
        user = self.user(policy, section="silver")
        result = self.explain(user, check=False)
        self.assertEqual(result.returncode, EX_CONFIG)
        self.assertIn("[policy silver]", result.stderr.decode())

    def test_nobody(self):
        result = self.dovecot.doveadm("pop3", "explain", "-u", "nobody.here",
                                      check=False)
        self.assertEqual(result.returncode, EX_NOUSER)

    def test_empty_mailbox(self):
        user = self.user("[default]\ndelete = deny all\n")
        self.assertEqual(json.loads(self.explain(user)), [])
        self.assertEqual(json.loads(self.explain(user, "seen")), [])

    def test_nothing_is_changed(self):
        user = self.user("[default]\ndelete = deny subject x\n"
                         "expire = hide body x\n expunge sentbefore 1d\n")
        user.append([message("one"), message("two")], flags=["$Work"])
        before = user.mail_files(), user.flags(1), user.uids()
        self.explain(user)
        self.explain(user, "body", "one", "or", "unretrieved")
        self.assertEqual((user.mail_files(), user.flags(1), user.uids()),
                         before)

    def test_unreadable_message(self):
        user = self.user("[default]\ndelete = deny body needle\n")
        user.append([message("one"), message("two"), message("three")])
        self.break_message(user, "Subject: two")
        result = self.explain(user, check=False)
        self.assertNotEqual(result.returncode, 0)
        rows = {int(row["uid"]): row for row in json.loads(result.stdout)}
        self.assertEqual((rows[2]["delete"], rows[2]["delete_reason"],
                          rows[2]["delete_rule"]),
                         ("deny", "error", user.policy_path + ":2"))
        self.assertIn("UID 2", result.stderr.decode())
        for uid in (1, 3):
            self.assertEqual((rows[uid]["delete"],
                              rows[uid]["delete_reason"]),
                             ("allow", "default"))
        result = self.explain(user, "not body needle", check=False)
        self.assertNotEqual(result.returncode, 0)
        self.assertEqual([int(row["uid"])
                          for row in json.loads(result.stdout)], [1, 3])

    def break_message(self, user, text):
        """Makes the file of the message that has this text unreadable."""
        for path in user.mail_files():
            path = os.path.join(user.host_home, path)
            with open(path, "rb") as file:
                found = text.encode() in file.read()
            if found:
                os.chmod(path, 0)
                return
        self.fail("no file has " + text)


class ExplainWithoutIndex(LiveTest):
    formats = ("maildir",)
    plugins = ()

    def test_index_in_memory(self):
        """History has no place there: nothing may be removed."""
        user = self.user("[default]\ndelete = hide seen\n")
        if self.dovecot.is_24:
            user.set_field("mail_index_path", "MEMORY")
        else:
            user.set_field("mail", "maildir:~/Maildir:INDEX=MEMORY")
        user.append(message())
        result = self.dovecot.doveadm("pop3", "explain", "-u", user.name,
                                      check=False)
        self.assertEqual(result.returncode, EX_CONFIG)
        self.assertIn("no index on disk", result.stderr.decode())
        self.assertNotIn(b"guid\":", result.stdout)
        # without rules about history all is well
        user.set_policy("[default]\ndelete = deny seen\n")
        row, = json.loads(self.dovecot.doveadm(
            "-f", "json", "pop3", "explain", "-u", user.name))
        self.assertEqual(row["delete"], "allow")
