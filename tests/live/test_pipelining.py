# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pipelined commands under policy, compared with plain Dovecot.

The same commands go to a Dovecot without the plugin, where those that policy
refuses are replaced by NOOP. All other answers must be the same bytes in the
same order.
"""

import os
import random
import re
import threading
import time

from harness import LiveTest, message
from harness.pop3 import is_multiline

POLICY = """\
[default]
delete = deny:"it is kept" subject kept
retrieve = deny:"it is sealed" subject sealed
"""
KEPT = b"-ERR it is kept\r\n"
SEALED = b"-ERR it is sealed\r\n"
CAPA_ENDS = b"AUTH-RESP-CODE\r\n.\r\n"

# What Dovecot answers itself, in whatever way it likes.
NOT_VALID = [
    b"", b" DELE 3", b"DELE", b"DELE ", b"DELE x", b"DELE 0", b"DELE -3",
    b"DELE +3", b"DELE 3 ", b"DELE 3x", b"DELE 3\r", b"DELE\t3", b"DELE 99999",
    b"DELE 4294967299", b"DELE 99999999999999999999999", b"DELE\x003",
    b"DELEX 3", b"RETR 0", b"RETR 7.", b"TOP 7", b"TOP 7 x", b"TOP 7 3 ",
    b"TOP 7\t3", b"TOP  7", b"TOPP 7 3", b"TOP 7 99999999999999999999999",
    b"FOO", b"XX " + b"y" * 400,
]


def is_kept(number):
    return number % 3 == 0


def is_sealed(number):
    return number % 7 == 0


def mails(count, first_size=None):
    """Every third is kept, every seventh is sealed."""
    return [message("number %d%s%s" % (number,
                                       " kept" * is_kept(number),
                                       " sealed" * is_sealed(number)),
                    size=first_size if number == 1 and first_size
                    else 600 + 37 * number)
            for number in range(1, count + 1)]


def random_commands(rnd, count, messages, first=()):
    """Command lines with their line ends. first: at these places message 1 is
    retrieved."""
    lines = []
    for i in range(count):
        kind = rnd.random()
        number = rnd.choice([b"%d", b"%d", b"%d", b"0%d", b" %d"]) % \
            rnd.randint(1, messages)
        if i in first:
            line = b"RETR 1"
        elif i % 12 == 0:
            # Dovecot ends the session after 21 errors running, in which
            # ours do not count.
            line = b"NOOP"
        elif kind < .30:
            line = b"DELE " + number
        elif kind < .45:
            line = b"RETR " + number
        elif kind < .55:
            line = b"TOP %s %d" % (number, rnd.randint(0, 6))
        elif kind < .60:
            line = rnd.choice([b"LIST", b"UIDL", b"UIDL ", b"LIST"])
        elif kind < .65:
            line = rnd.choice([b"LIST ", b"UIDL "]) + number
        elif kind < .70:
            line = b"RSET"
        elif kind < .75:
            line = rnd.choice([b"STAT", b"CAPA", b"LAST"])
        elif kind < .80:
            line = rnd.choice(NOT_VALID)
        elif kind < .82:
            line = b"DELE %d\0 behind it" % rnd.randint(1, messages)
        else:
            line = b"NOOP"
        if rnd.random() < .2:
            line = line.lower()
        lines.append(line + (b"\n" if rnd.random() < .1 else b"\r\n"))
    return lines


def with_refusals(lines, messages):
    """(lines for plain Dovecot, {index: answer of policy}, numbers of the
    messages that are marked as deleted in the end)"""
    plain, refused, deleted = [], {}, set()
    for i, line in enumerate(lines):
        text = line.rstrip(b"\n").split(b"\0")[0]
        if line.endswith(b"\r\n") and b"\0" not in line:
            text = text[:-1]
        if text.upper() == b"RSET":
            deleted.clear()
        match = re.fullmatch(
            rb"(?i)(?:(DELE|RETR) +(\d+)|(TOP) +(\d+) +\d{1,18})", text)
        if match:
            command = (match[1] or match[3]).upper()
            number = int(match[2] or match[4])
            if 1 <= number <= messages and number not in deleted:
                if command != b"DELE":
                    if is_sealed(number):
                        refused[i] = SEALED
                elif is_kept(number):
                    refused[i] = KEPT
                else:
                    deleted.add(number)
        plain.append(b"NOOP\r\n" if i in refused else line)
    return plain, refused, deleted


def send_all(client, lines, how, rnd):
    data = b"".join(lines)
    try:
        if how == "lines":
            for line in lines:
                client.send(line)
        elif how == "pieces":
            position = 0
            while position < len(data):
                size = rnd.choice((1, 3, 10, 100, 700, 2048, 5000))
                client.send(data[position:position + size])
                position += size
                if rnd.random() < .1:
                    time.sleep(.002)
        else:
            client.send(data)
    except OSError:
        # The server closed the connection; the reader tells.
        pass


def read_answers(client, lines, pause=None):
    """The raw answer to each line; None where the connection ended."""
    answers = []
    for line in lines:
        if pause is not None:
            pause()
        command = line.split(b"\0")[0].decode("latin-1").strip("\r\n")
        try:
            answers.append(client.read_reply(is_multiline(command)).raw)
        except (EOFError, ConnectionResetError):
            answers.append(None)
    return answers


class Compared(LiveTest):
    """Sessions of two users with the same mail: one under the policy, one of
    a Dovecot without the plugin."""

    count = 40
    first_size = None

    def setUp(self):
        super().setUp()
        self.policy_user = self.user(POLICY)
        self.policy_user.append(mails(self.count, self.first_size))
        # dates and sizes cached alike
        self.policy_user.pop3().quit()
        plain = self.instance(plugins=(), pop3_settings={})
        self.plain_user = self.user(dovecot=plain)
        self.plain_user.copy_mail_from(self.policy_user)

    def answers(self, user, lines, how="whole", rnd=None, rcvbuf=None,
                pause=None):
        client = user.pop3(login=False, rcvbuf=rcvbuf, timeout=60)
        client.may_be_logged_in = True
        login = b"USER %s\r\nPASS %s\r\n" % (user.name.encode(),
                                            user.password.encode())
        if how == "early":
            # The login process takes what is there when it reads PASS.
            lines_with_login = [login] + lines
        else:
            client.send(login)
            lines_with_login = lines
        sender = threading.Thread(
            target=send_all, args=(client, lines_with_login, how, rnd))
        sender.start()
        for _ in range(2):
            self.assertTrue(client.read_reply().ok)
        answers = read_answers(client, lines, pause)
        sender.join()
        self.assertEqual(client.read_eof(), b"")
        client.close()
        return answers

    def compare(self, lines, how="whole", rnd=None, what="", **kwargs):
        """Plays the lines to both and compares answers and what is left."""
        plain_lines, refused, _ = with_refusals(lines, self.count)
        expected = self.answers(
            self.plain_user, plain_lines,
            "early" if how == "early" else "whole")
        got = self.answers(self.policy_user, lines, how, rnd, **kwargs)
        for i, line in enumerate(lines):
            want = refused.get(i, expected[i])
            if want is not None and want.endswith(CAPA_ENDS):
                want = want.replace(b"\r\n.", b"\r\nEXPIRE NEVER\r\n.")
            if want != got[i]:
                self.fail("%s: line %d of %d, %r: expected %r, got %r" % (
                    what, i + 1, len(lines), line, want and want[:200],
                    got[i] and got[i][:200]))
        self.assertEqual(self.policy_user.uids(), self.plain_user.uids(), what)
        return refused

    def seeds(self, count):
        """Chosen by chance unless POP3_POLICY_SEED says where to begin."""
        first = int(os.environ.get("POP3_POLICY_SEED") or
                    random.randrange(1000000))
        print("     %s seeds %d to %d" % (type(self).__name__, first,
                                          first + count - 1), flush=True)
        return range(first, first + count)


class Random(Compared):
    def test_random(self):
        for seed in self.seeds(8):
            rnd = random.Random(seed)
            how = rnd.choice(["whole", "early", "lines", "pieces"])
            lines = random_commands(rnd, 300, self.count)
            lines += [b"RSET\r\n", b"QUIT\r\n"]
            refused = self.compare(lines, how, rnd,
                                   "seed %d (%s)" % (seed, how))
            self.assertGreater(len(refused), 5)

    def test_random_quit_removes(self):
        """The same set of messages is gone afterwards."""
        seed = self.seeds(1)[0]
        rnd = random.Random(seed)
        lines = random_commands(rnd, 100, self.count)
        lines += [b"DELE 1\r\n", b"DELE 3\r\n", b"QUIT\r\n", b"DELE 2\r\n"]
        _, _, deleted = with_refusals(lines[:-1], self.count)
        self.compare(lines, "whole", rnd, "seed %d" % seed)
        self.assertEqual(self.policy_user.count(), self.count - len(deleted))

    def test_slow_reader(self):
        for seed in self.seeds(2):
            rnd = random.Random(seed)
            sleeper = random.Random(seed)
            lines = random_commands(rnd, 300, self.count)
            lines += [b"RSET\r\n", b"QUIT\r\n"]
            self.compare(
                lines, "whole", rnd, "seed %d" % seed, rcvbuf=4096,
                pause=lambda: sleeper.random() < .2 and time.sleep(.01))


class Deletions(Compared):
    """The plugin answers most DELEs itself, Dovecot the rest."""

    def lines(self, rnd, count):
        lines = []
        for i in range(count):
            kind = rnd.random()
            number = rnd.randint(1, self.count)
            if i % 12 == 0:
                # also the end of errors in a row
                lines.append(b"STAT\r\n")
            elif kind < .85:
                lines.append(b"DELE %d\r\n" % number)
            elif kind < .90:
                lines.append(b"RSET\r\n")
            else:
                lines.append(rnd.choice([
                    b"LIST\r\n", b"LIST %d\r\n" % number,
                    b"RETR %d\r\n" % number, b"DELE\r\n", b"LAST\r\n"]))
        return lines

    def test_deletions(self):
        for seed in self.seeds(4):
            rnd = random.Random(seed)
            how = rnd.choice(["whole", "early", "lines", "pieces"])
            lines = self.lines(rnd, 300) + [b"RSET\r\n", b"QUIT\r\n"]
            self.compare(lines, how, rnd, "seed %d (%s)" % (seed, how))

    def test_one_after_the_other(self):
        """All of them, each after the answer to the one before."""
        lines = [b"DELE %d\r\n" % number
                 for number in range(1, self.count + 1)] + [b"STAT\r\n"]
        plain_lines, refused, deleted = with_refusals(lines, self.count)
        clients = [self.policy_user.pop3(), self.plain_user.pop3()]
        for i, line in enumerate(lines):
            got, expected = [
                client.cmd(text.decode().rstrip()).text
                for client, text in zip(clients, (line, plain_lines[i]))]
            self.assertEqual(got, expected if i not in refused
                             else KEPT.decode().rstrip(), line)
        for client in clients:
            client.quit()
        self.assertEqual(self.policy_user.count(), self.count - len(deleted))
        self.assertEqual(self.policy_user.uids(), self.plain_user.uids())

    def test_slow_reader(self):
        """More answers than fit into all buffers."""
        deletions = [b"DELE %d\r\n" % number
                     for number in range(1, self.count + 1)
                     if not is_kept(number)]
        lines = (deletions + [b"STAT\r\n", b"RSET\r\n"]) * 150
        lines += deletions[:5] + [b"QUIT\r\n"]
        sleeper = random.Random(1)
        self.compare(lines, "whole", what="slow reader", rcvbuf=4096,
                     pause=lambda: sleeper.random() < .01 and time.sleep(.01))


class UnfinishedRetr(Compared):
    first_size = 20 * 1024 * 1024
    count = 20

    def test_behind_an_unfinished_retr(self):
        """One after the other, and with whole blocks of lines behind it."""
        lines = [b"RETR 1\r\n", b"DELE 3\r\n", b"RETR 1\r\n", b"RETR 1\r\n",
                 b"DELE 3\r\n", b"DELE 1\r\n", b"RETR 1\r\n", b"RETR 7\r\n",
                 b"RSET\r\n", b"TOP 1 300000\r\n", b"LIST\r\n"]
        lines += [b"NOOP\r\n", b"DELE 6\r\n", b"UIDL\r\n"] * 400
        lines += [b"RETR 1\r\n", b"RSET\r\n", b"QUIT\r\n"]
        started = time.monotonic()

        def pause():
            # long enough for all buffers to be full
            if time.monotonic() - started < .5:
                time.sleep(.5)
        self.compare(lines, "whole", what="20 MB", pause=pause)

    def test_random_behind_an_unfinished_retr(self):
        seed = self.seeds(1)[0]
        rnd = random.Random(seed)
        lines = random_commands(rnd, 300, self.count, first=(5, 6, 90, 200))
        lines += [b"RSET\r\n", b"QUIT\r\n"]
        self.compare(lines, "early", rnd, "seed %d" % seed)

    def test_disconnect(self):
        """At whatever moment: nothing is removed, nothing crashes, and the
        process ends at once (close() waits for it)."""
        seed = self.seeds(1)[0]
        rnd = random.Random(seed)
        for _ in range(12):
            client = self.policy_user.pop3()
            send_all(client, [b"RETR 1\r\nDELE 3\r\nDELE 2\r\nRETR 1\r\n"] *
                     rnd.choice([1, 5, 30, 200]) + [rnd.choice([b"", b"DEL"])],
                     "whole", rnd)
            for _ in range(rnd.choice([0, 1, 5, 100, 300])):
                client.sock.recv(10000)
            client.close()
        self.assertEqual(self.policy_user.count(), self.count)


class Rawlog(Compared):
    """Another stream between the filter and the socket, on both sides."""

    def test_rawlog(self):
        home = "%{home}" if self.version != "2.3" else "%h"
        logging = self.instance(
            pop3_settings={"rawlog_dir": home + "/rawlog"})
        user = self.user(POLICY, dovecot=logging)
        user.copy_mail_from(self.policy_user)
        folder = os.path.join(user.host_home, "rawlog")
        os.mkdir(folder)
        os.chmod(folder, 0o777)
        self.policy_user = user
        for seed, how in zip(self.seeds(3), ("early", "whole", "pieces")):
            rnd = random.Random(seed)
            lines = random_commands(rnd, 300, self.count)
            lines += [b"RSET\r\n", b"QUIT\r\n"]
            self.compare(lines, how, rnd, "seed %d (%s)" % (seed, how))
        inputs = [name for name in os.listdir(folder) if name.endswith(".in")]
        self.assertEqual(len(inputs), 3)


class Order(LiveTest):
    """What must not be decided before the commands in front of it have run."""

    formats = ("maildir",)

    def three(self, policy):
        user = self.user(policy)
        user.pop3().quit()
        user.append([message("one"), message("two"), message("three")])
        return user

    def test_retr_dele_pairs(self):
        user = self.three("[default]\ndelete = deny unretrieved\n")
        client = user.pop3()
        replies = client.pipeline(["DELE 1", "RETR 1", "DELE 1", "RETR 2",
                                   "DELE 2", "DELE 3", "DELE 2", "QUIT"])
        self.assertEqual([reply.ok for reply in replies],
                         [False, True, True, True, True, False, False, True])
        self.assertEqual(replies[6].text, "-ERR Message is deleted.")
        client.close()
        self.assertEqual(user.uids(), [3])

    def test_retr_again(self):
        user = self.three('[default]\nretrieve = deny:"once" not unretrieved\n')
        client = user.pop3()
        replies = client.pipeline(["RETR 1", "RETR 1", "TOP 1 0", "RETR 2",
                                   "TOP 3 0", "RETR 3", "RETR 2", "RSET",
                                   "RETR 3"])
        self.assertEqual([reply.ok for reply in replies],
                         [True, False, False, True, True, True, False, True,
                          False])
        client.quit()

    def test_dele_rset_dele(self):
        user = self.three('[default]\ndelete = deny:"it is kept" subject two\n')
        client = user.pop3()
        replies = client.pipeline(
            ["DELE 1", "DELE 1", "DELE 2", "RSET", "DELE 2", "DELE 1", "RETR 1",
             "RSET", "RETR 1", "DELE 3", "DELE 2", "DELE 3", "QUIT"])
        self.assertEqual(
            [reply.ok for reply in replies],
            [True, False, False, True, False, True, False, True, True, True,
             False, False, True])
        self.assertEqual(replies[1].text, "-ERR Message is deleted.")
        self.assertEqual(replies[6].text, "-ERR Message is deleted.")
        self.assertEqual(replies[11].text, "-ERR Message is deleted.")
        client.close()
        self.assertEqual(user.uids(), [1, 2])

    def test_nothing_behind_quit_is_asked(self):
        user = self.three('[default]\ndelete = deny all\n')
        client = user.pop3()
        client.send("NOOP\r\nQUIT\r\nDELE 1\r\nDELE 2\r\n")
        self.assertTrue(client.read_eof().endswith(b"+OK Logging out.\r\n"))
        client.close()
        self.wait_log(r"delete_denied=0 ")

    def test_answers_do_not_wait_for_more_input(self):
        """Each answer arrives although the client sends nothing else."""
        user = self.three('[default]\ndelete = deny subject two\n')
        client = user.pop3()
        for _ in range(3):
            client.err("DELE 2")
            client.ok("NOOP")
            self.assertEqual(
                [reply.ok for reply in client.pipeline(["DELE 2", "NOOP"])],
                [False, True])
            self.assertEqual(
                [reply.ok for reply in client.pipeline(["NOOP", "DELE 2"])],
                [True, False])
            client.send("NOOP\r\nDELE 2\r\nNOO")
            self.assertTrue(client.read_reply().ok)
            self.assertFalse(client.read_reply().ok)
            client.send("P\r\n")
            self.assertTrue(client.read_reply().ok)
        client.quit()


class Limits(LiveTest):
    """Bad commands, repeated refusals, lines without end, logged input."""

    formats = ("maildir",)

    def setUp(self):
        super().setUp()
        # %{input}: what the session's last line says about it
        self.counting = self.instance(pop3_settings={
            "pop3_logout_format":
            "in=%{input} retr=" + ("%{retr_count}" if self.version != "2.3"
                                   else "%r")})
        self.kept = self.user(POLICY, dovecot=self.counting)
        self.kept.append(mails(9))
        plain = self.instance(plugins=(), pop3_settings={})
        self.plain_user = self.user(dovecot=plain)
        self.plain_user.copy_mail_from(self.kept)
        self.counting_mark = self.counting.log_mark()

    def talk(self, data, user=None, shutdown=False):
        client = (user or self.kept).pop3()
        client.send(data)
        if shutdown:
            client.sock.shutdown(1)
        answer = client.read_eof()
        client.close()
        return answer

    def logged(self, pattern):
        self.assertIsNotNone(
            self.counting.wait_log(pattern, self.counting_mark), pattern)

    def test_same_refusal_20_times(self):
        for how in ("DELE 3\r\n", "retr 007\r\n", "TOP 7 1\r\n"):
            self.counting_mark = self.counting.log_mark()
            answer = SEALED if "7" in how else KEPT
            self.assertEqual(self.talk("DELE 2\r\n" + how * 25 + "QUIT\r\n"),
                             b"+OK Marked to be deleted.\r\n" + answer * 20)
            self.logged(r"Disconnected: Too many refused commands in=%d " %
                        (len("DELE 2\r\n") + 20 * len(how)))
        # a session that is cut off removes nothing
        self.assertEqual(self.kept.count(), 9)

    def test_same_refusal_20_times_one_by_one(self):
        client = self.kept.pop3()
        for _ in range(20):
            client.err("DELE 3", "it is kept")
        self.assertEqual(client.read_eof(), b"")
        client.close()

    def test_19_refusals_are_not_20(self):
        self.assertEqual(
            self.talk("DELE 3\r\n" * 19 + "NOOP\r\n" + "DELE 3\r\n" * 19 +
                      "DELE 6\r\n" * 19 + "TOP 7 1\r\n" * 19 +
                      "TOP 7 2\r\n" * 19 + "DELE 1\r\nQUIT\r\n"),
            KEPT * 19 + b"+OK\r\n" + KEPT * 38 + SEALED * 38 +
            b"+OK Marked to be deleted.\r\n"
            b"+OK Logging out, messages deleted.\r\n")
        self.assertEqual(self.kept.count(), 8)

    def test_refusals_are_not_bad_commands(self):
        data = "DELE 3\r\nDELE 6\r\n" * 30 + "QUIT\r\n"
        self.assertEqual(self.talk(data),
                         KEPT * 60 + b"+OK Logging out.\r\n")
        self.logged(r"in=%d " % len(data))

    def test_bad_commands_are_counted_through_refusals(self):
        answer = self.talk("FOO\r\nDELE 3\r\nDELE 6\r\n" * 21 + "QUIT\r\n")
        self.assertEqual(answer.count(b"Unknown command"), 21)
        self.assertEqual(answer.count(KEPT), 40)
        self.assertTrue(answer.endswith(b"-ERR Too many bad commands.\r\n"))

    def test_bad_commands_as_in_plain_dovecot(self):
        for data in ("FOO\r\n" * 30, "FOO\r\n" * 20 + "NOOP\r\n" +
                     "DELE 99\r\n" * 20 + "QUIT\r\n", "DELE 1\r\n" * 25,
                     "DELE x\r\n" * 25, "\r\n" * 25, " DELE 3\r\n" * 25):
            answer = self.talk(data)
            self.assertEqual(answer, self.talk(data, self.plain_user))
            self.assertTrue(answer.endswith(b".\r\n"))

    def test_line_too_long(self):
        """The session ends as plain Dovecot's does. (The last answer may be
        lost, because the connection is reset while input is left.)"""
        for line in ("A" * 2049, "DELE 3" + " " * 2043):
            for user in (self.kept, self.plain_user):
                mark = user.dovecot.log_mark()
                self.assertIn(
                    self.talk("NOOP\r\nDELE 3\r\nNOOP\r\n" + line, user),
                    [b"+OK\r\n" + dele + b"+OK\r\n" + end
                     for dele in (KEPT, b"+OK Marked to be deleted.\r\n")
                     for end in (b"", b"-ERR Input line too long.\r\n")])
                self.assertIsNotNone(user.dovecot.wait_log(
                    "Disconnected: Input line too long", mark))
        self.assertEqual(self.kept.count(), 9)

    def test_end_of_input(self):
        for tail in ("", "QUI", "DELE 3"):
            answer = self.talk("NOOP\r\nDELE 3\r\nDELE 1\r\n" + tail,
                               shutdown=True)
            self.assertEqual(
                answer, b"+OK\r\n" + KEPT + b"+OK Marked to be deleted.\r\n")
        self.assertEqual(self.kept.count(), 9)
        self.assertEqual(
            self.talk("DELE 3\r\nDELE 1\r\nQUIT\r\n", shutdown=True),
            KEPT + b"+OK Marked to be deleted.\r\n"
            b"+OK Logging out, messages deleted.\r\n")
        self.assertEqual(self.kept.count(), 8)
