# SPDX-License-Identifier: LGPL-2.1-or-later
"""The policies of lua/examples, as they are, with real mail."""

import os
import shutil
import time

from harness import LiveTest, message

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                        "..", "..", "lua", "examples")
DAY = 86400


def mail(subject="test", sender=None, **kwargs):
    """A message; sender: its From."""
    text = message(subject, **kwargs)
    if sender is not None:
        text = text.replace(b"From: Sender <sender@example.org>",
                            b"From: " + sender.encode(), 1)
    return text


class Scene(LiveTest):
    name = None
    domain = None
    section = None

    def scene(self, **fields):
        """A user who has a copy of the example, in a folder of his own."""
        LiveTest._user_numbers += 1
        name = "u%04d" % LiveTest._user_numbers
        folder = "/policy/" + name
        self.folder = self.dovecot.host_base + folder
        os.mkdir(self.folder)
        source = os.path.join(EXAMPLES, self.name)
        for file in os.listdir(source):
            if not file.endswith("_test.lua"):
                shutil.copyfile(os.path.join(source, file),
                                os.path.join(self.folder, file))
        path = self.dovecot.base + folder + "/pop3-policy.conf"
        result = self.dovecot.doveadm("pop3", "check", path, check=False)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        if self.domain is not None:
            name += "@" + self.domain
        fields["pop3_policy_file"] = path
        return self.user(name=name, section=self.section, fields=fields)

    def write_list(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path + ".new", "w") as file:
            file.write(text)
        os.rename(path + ".new", path)

    def visit(self, user):
        """A session that only looks; a run of expiry is its end."""
        client = user.pop3()
        count = client.stat()[0]
        client.quit()
        return count

    def refused(self, user):
        """What a login hears that the script refuses."""
        client = user.pop3(login=False)
        client.ok("USER " + user.name)
        client.may_be_logged_in = True
        client.send("PASS %s\r\n" % user.password)
        line = client.read_line().decode()
        # with pop3_lock_session off "+OK" comes first
        if line.startswith("+OK"):
            line = client.read_line().decode()
        client.close()
        return line.strip()

    def box(self, user, name):
        return name.replace("/", "." if user.format == "maildir" else "/")


class Agency(Scene):
    name = "agency"
    domain = "agency.example.org"

    def test_nothing_stays_after_a_download(self):
        user = self.scene()
        self.visit(user)
        user.append([mail("one"), mail("two"), mail("three")])
        self.clock.advance("1h")
        client = user.pop3()
        client.err("DELE 1", "fetch this message first")
        client.retr(1)
        client.ok("DELE 1")
        client.retr(2)                      # which the client leaves here
        self.assertTrue(client.quit().ok)
        self.assertEqual(user.uids(), [3])
        self.assertEqual(len(user.mail_files()), 1)

    def test_not_confirmed(self):
        user = self.scene()
        self.visit(user)
        user.append([mail("one"), mail("two")])
        self.clock.advance("1h")
        client = user.pop3()
        client.retr(1)
        client.close()                      # the line is lost
        replies = user.pop3().pipeline(["RETR 2", "DELE 2", "QUIT"])
        self.assertEqual([reply.ok for reply in replies],
                         [True, False, True])
        self._end_sessions()
        for _ in range(3):
            self.clock.advance("1h")
            self.visit(user)
        self.assertEqual(user.uids(), [1, 2])

    def test_held(self):
        user = self.scene()
        self.visit(user)
        user.append([mail("court")], flags=["$Hold"])
        self.clock.advance("1h")
        client = user.pop3()
        client.download()
        client.ok("DELE 1")                 # hidden
        client.quit()
        self.clock.advance("1h")
        self.assertEqual(self.visit(user), 0)
        self.assertEqual(user.uids(), [1])

    def test_networks(self):
        user = self.scene()
        user.append([mail("one")])
        self.write_list("networks.txt", "192.0.2.0/24\n")
        self.assertRegex(self.refused(user), r"^-ERR \[SYS/PERM\] log in from")
        self.wait_log("127.0.0.1 is not in networks.txt")
        self.write_list("networks.txt", "192.0.2.0/24\n127.0.0.0/8\n")
        self.assertEqual(self.visit(user), 1)
        # a mistake lets nobody in
        self.expect_errors("agency.lua")
        self.write_list("networks.txt", "127.0.0.0/8\n192.0.2.0/99\n")
        self.assertRegex(self.refused(user), r"^-ERR \[SYS/TEMP\]")
        os.remove(os.path.join(self.folder, "networks.txt"))
        self.assertRegex(self.refused(user), r"^-ERR \[SYS/TEMP\]")
        self.assertEqual(user.uids(), [1])


class Ship(Scene):
    name = "ship"
    section = "ship"

    def at(self, hour):
        """The next time that it is this hour, UTC."""
        now = self.clock.now()
        target = now - now % DAY + hour * 3600
        while target <= now:
            target += DAY
        self.clock.advance(target - now)

    def test_small_mail_first(self):
        user = self.scene()
        self.at(12)
        self.visit(user)
        user.append([mail("small", size=10000), mail("large", size=150000),
                     mail("small, too", size=90000)])
        client = user.pop3()
        self.assertEqual(sorted(client.list().values()), [10000, 90000])
        small = client.uidl()
        # the link breaks before the end of the second one
        client.retr(1)
        client.ok("NOOP")
        client.retr(2)
        client.close()
        client = user.pop3()
        self.assertEqual(client.uidl(), small)
        client.download([2])
        client.quit()
        self.at(23)
        client = user.pop3()
        self.assertEqual(sorted(client.list()), [1, 2, 3])
        night = client.uidl()
        self.assertEqual([night[1], night[3]], [small[1], small[2]])
        client.download([2])
        client.quit()
        # what the ship has does not vanish by day
        self.at(12)
        client = user.pop3()
        self.assertEqual(client.uidl(), night)
        client.quit()

    def test_volume(self):
        user = self.scene()
        self.at(12)
        self.visit(user)
        user.append([mail("m%d" % i, size=90000) for i in range(30)])
        client = user.pop3()
        self.assertEqual(client.stat(), (23, 23 * 90000))
        # TOP and RETR of the same message are one message
        client.cmd("TOP 1 0")
        client.download()
        client.quit()
        client = user.pop3()
        self.assertEqual(client.stat()[0], 30)
        # a client that has lost its memory
        client.download(range(1, 24))
        client.err("RETR 24", "connect again")
        client.err("TOP 24 0", "connect again")
        client.quit()
        client = user.pop3()
        client.download(range(24, 31))
        client.quit()

    def test_dele(self):
        user = self.scene()
        self.at(12)
        self.visit(user)
        user.append([mail("fetched"), mail("not fetched")])
        client = user.pop3()
        client.retr(1)
        client.ok("DELE 1")
        client.ok("DELE 2")
        client.quit()
        self.assertEqual(user.uids(), [2])
        self.assertEqual(self.visit(user), 0)
        for _ in range(17):
            self.clock.advance("5d")
            self.visit(user)
        self.clock.advance("4d")
        self.visit(user)
        self.assertEqual(user.uids(), [2])
        self.clock.advance("25h")
        self.visit(user)
        self.assertEqual(user.uids(), [])


class Law(Scene):
    name = "law"
    domain = "law.example.org"

    def test_ten_years(self):
        user = self.scene()
        self.visit(user)
        user.append([mail("Miller, 17/26"), mail("18/26"), mail("lunch")])
        user.append([mail("held")], flags=["$Hold"])
        before = {m.uid: m for m in user.messages()}
        client = user.pop3()
        for number in 1, 2:
            client.ok("DELE %d" % number)
        client.quit()
        self.assertEqual(self.visit(user), 2)
        with user.imap() as imap:
            imap.select()
            imap.store("1:4", "+FLAGS", r"\Deleted")
            imap.expunge()
        self.assertEqual(user.uids(), [1, 2, 3, 4])
        for day in "3650d", "3652d", "3654d":
            self.clock.set(day)
            self.visit(user)
        self.assertEqual(user.uids(), [1, 2, 3, 4])
        for day in "3661d", "3663d":
            self.clock.set(day)
            self.visit(user)
        self.assertEqual(user.uids(), [1, 4])
        archive = self.box(user, time.strftime(
            "Archive/%Y", time.localtime(before[2].received)))
        self.assertEqual(
            sorted((m.guid, m.sha256) for m in user.messages(archive)),
            sorted((before[uid].guid, before[uid].sha256) for uid in (2, 3)))
        # the case is closed
        self.write_list("holds.txt", "99/99\n")
        self.clock.set("3665d")
        self.visit(user)
        self.assertEqual(user.uids(), [4])
        self.assertEqual(user.count(archive), 3)

    def test_dele_after_ten_years(self):
        user = self.scene()
        self.visit(user)
        user.append([mail("Miller, 17/26"), mail("17/27")])
        year = time.strftime("Archive/%Y",
                             time.localtime(user.messages()[1].received))
        self.clock.set("3661d")
        client = user.pop3()
        client.err("DELE 1", "on hold: 17/26")
        client.ok("DELE 2")
        self.assertTrue(client.quit().ok)
        self.assertEqual(user.uids(), [1])
        self.assertEqual(user.count(self.box(user, year)), 1)


class Sensor(Scene):
    name = "sensor"
    domain = "sensors.example.org"

    def test_gateways_only(self):
        user = self.scene()
        self.visit(user)
        user.append([mail("12.5", "Gate 1 <gate1@example.org>"),
                     mail("buy", "gate1@example.org.example"),
                     mail("12.7", "GATE2@example.org"),
                     mail("buy", '"gate1@example.org" <x@example.com>')])
        self.clock.advance("1h")
        client = user.pop3()
        self.assertEqual(client.stat()[0], 2)
        self.assertIn(b"12.5", client.retr(1))
        client.err("DELE 2", "fetch this message first")
        client.quit()
        self.assertEqual(user.uids(), [2, 3, 4])
        for _ in range(14):
            self.clock.advance("6d")
            self.assertEqual(self.visit(user), 1)
        self.assertEqual(user.uids(), [2, 3, 4])
        self.clock.advance("6d")
        self.visit(user)
        self.assertEqual(user.uids(), [3])
        # a measurement that was never fetched is still there
        client = user.pop3()
        self.assertIn(b"12.7", client.retr(1))
        client.ok("DELE 1")
        client.quit()
        self.assertEqual(user.uids(), [])

    def test_without_list(self):
        """Nothing is shown rather than everything, and nothing goes."""
        user = self.scene()
        self.visit(user)
        user.append([mail("12.5", "Gate 1 <gate1@example.org>")])
        self.clock.advance("1h")
        client = user.pop3()
        client.download()
        self.expect_errors("gateways.txt", "Mailbox can.t be shown")
        os.remove(os.path.join(self.folder, "gateways.txt"))
        client.quit()
        self.assertRegex(self.refused(user), r"^-ERR \[SYS/TEMP\]")
        self.assertEqual(user.uids(), [1])


class Leave(Scene):
    name = "leave"

    def fetched(self, **fields):
        user = self.scene(**fields)
        self.visit(user)
        user.append([mail("left"), mail("deleted")])
        user.append([mail("flagged")], flags=[r"\Flagged"])
        user.append([mail("deleted unseen")])
        client = user.pop3()
        client.download([1, 2, 3])
        client.ok("DELE 2")
        client.ok("DELE 4")
        client.quit()
        user.append([mail("new")])
        self.assertEqual(self.visit(user), 3)
        return user

    def visits(self, user, *days):
        for day in days:
            self.clock.set("%dd" % day)
            self.visit(user)
        return user.uids()

    def test_14_days(self):
        user = self.fetched()
        self.assertEqual(self.visits(user, 5, 10, 13), [1, 2, 3, 4, 5])
        self.assertEqual(self.visits(user, 15), [3, 5])
        self.assertEqual(self.visits(user, 20, 26, 32), [3, 5])

    def test_30_days(self):
        user = self.fetched(pop3_leave_days="30")
        self.assertEqual(self.visits(user, 6, 12, 15), [1, 2, 3, 5])
        self.assertEqual(self.visits(user, 21, 27, 29), [1, 2, 3, 5])
        self.assertEqual(self.visits(user, 31), [3, 5])

    def test_nonsense(self):
        user = self.fetched(pop3_leave_days="many")
        self.expect_errors("pop3_leave_days must be a number of days")
        self.assertEqual(self.visits(user, 6, 12, 15), [1, 2, 3, 5])
        self.wait_log(r"leave\.lua:\d+: pop3_leave_days must be a number")


class Estate(Scene):
    name = "estate"
    section = "estate"

    def until(self, days):
        return time.strftime("%Y-%m-%d",
                             time.localtime(time.time() + days * DAY))

    def test_read_only(self):
        user = self.scene(estate_until=self.until(30))
        user.append([mail("hello", "friend@example.org"),
                     mail("results", "Dr. A <a@clinic.example>"),
                     mail("lunch", "cafe@law.example.org")])
        before = user.messages()
        client = user.pop3()
        self.assertEqual(len(client.list()), 2)
        client.download()
        client.err("DELE 1")
        client.err("DELE 2")
        client.quit()
        with user.imap() as imap:
            imap.select()
            imap.store("1:3", "+FLAGS", r"\Deleted")
            imap.expunge()
        self.assertEqual([m.sha256 for m in user.messages()],
                         [m.sha256 for m in before])
        self.assertEqual(self.visit(user), 2)
        self.clock.set("29d")
        self.assertEqual(self.visit(user), 2)
        self.clock.set("31d")
        self.assertEqual(self.refused(user), "-ERR [SYS/PERM] this mailbox "
                         "was open until " + self.until(30))
        self.assertEqual(user.uids(), [1, 2, 3])

    def test_not_open(self):
        user = self.scene()
        self.assertRegex(self.refused(user), r"^-ERR \[SYS/PERM\] nobody may")

    def test_date_that_is_none(self):
        user = self.scene(estate_until="30.6.2099")
        self.expect_errors("estate_until must be a date")
        self.assertRegex(self.refused(user), r"^-ERR \[SYS/TEMP\]")
