# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clocks that jump, end of the year, summer time: nothing goes early."""

import calendar
import time

from harness import LiveTest, message

DAY = 86400
# What starts the count, and the rule that counts 10 days from there
RULES = {
    "retrieved": "[default]\nexpire = expunge retrievedbefore 10d\n",
    "saved": "[default]\nexpire = expunge savedbefore 10d\n",
    "hidden": "[default]\ndelete = hide all\n"
              "expire = expunge hiddenbefore 10d\n",
}


class ClockTest(LiveTest):
    def at(self, moment):
        """Moves the clock to a Unix time."""
        self.clock.set(int(moment - time.time()))

    def visit(self, user):
        client = user.pop3()
        client.stat()
        client.quit()

    def users(self):
        """One for each rule, whose count begins now. The first session has
        been; one message never becomes due by retrieval or hiding."""
        users = {}
        for name, policy in RULES.items():
            user = users[name] = self.user(policy)
            self.visit(user)
            user.append([message("one"), message("two")])
            client = user.pop3()
            if name == "retrieved":
                client.download([1])
            elif name == "hidden":
                client.ok("DELE 1")
            client.quit()
        return users

    def expected(self, name, is_due):
        if not is_due:
            return [1, 2]
        return [] if name == "saved" else [2]

    def assert_all(self, users, is_due):
        for name, user in users.items():
            self.assertEqual(user.uids(), self.expected(name, is_due), name)


class Jumps(ClockTest):
    """A clock that is wrong for a day removes nothing on that day."""

    def run_visits(self, users, *offsets):
        for offset in offsets:
            self.clock.set(offset)
            for user in users.values():
                self.visit(user)

    def test_15_days(self):
        users = self.users()
        self.run_visits(users, "15d")
        self.assert_all(users, False)
        self.run_visits(users, "16d", "17d")
        self.assert_all(users, True)

    def test_15_days_and_back(self):
        """The clock was wrong for some hours."""
        users = self.users()
        self.run_visits(users, "15d", 15 * DAY + 7200, "1d", "2d", "3d")
        self.assert_all(users, False)
        self.run_visits(users, "7d", "9d")
        self.assert_all(users, False)
        self.run_visits(users, "11d")
        self.assert_all(users, True)

    def test_one_day(self):
        """A day is no jump; 10 days are 10 days."""
        users = self.users()
        self.run_visits(users, "1d", "2d", "8d", 10 * DAY - 60)
        self.assert_all(users, False)
        self.run_visits(users, "11d")
        self.assert_all(users, True)

    def test_ten_years_and_back(self):
        users = self.users()
        self.run_visits(users, "10y")
        self.assert_all(users, False)
        self.run_visits(users, "1h", "1d", "2d", "8d", "9d")
        self.assert_all(users, False)
        self.run_visits(users, "11d", "12d")
        self.assert_all(users, True)

    def test_ten_years_to_stay(self):
        """Then it is believed after a day, as it has to be."""
        users = self.users()
        self.run_visits(users, "10y", 10 * 366 * DAY + 12 * 3600)
        self.assert_all(users, False)
        self.run_visits(users, 10 * 366 * DAY + 25 * 3600)
        self.assert_all(users, True)

    def test_back_ten_days(self):
        """What was noted lies in the future then."""
        users = self.users()
        self.run_visits(users, "1d", "-10d", "-9d", "-8d", "-2d", "1d")
        self.assert_all(users, False)


# Only then is the date of saving noted at a time that is not the real one; the
# files' own times are real.
_CACHED = {"mail_always_cache_fields": "date.save"}


class Calendar(ClockTest):
    settings = _CACHED

    def setUp(self):
        # imported by the master for all of its services
        self.extra_config = (
            "import_environment = $import_environment TZ=Europe/Berlin\n"
            if self.version == "2.3" else
            "import_environment {\n  TZ = Europe/Berlin\n}\n")
        super().setUp()

    def daily(self, users, start, days):
        """Visits at start + days (floats)."""
        for day in days:
            self.at(start + day * DAY)
            for user in users.values():
                self.visit(user)

    def ten_days_from(self, start):
        self.at(start)
        users = self.users()
        self.daily(users, start, (1, 2.5, 4, 6.2, 8, 9, 9.9))
        self.assert_all(users, False)
        # 0.96 days later, since expire_interval is a day
        self.daily(users, start, (10.95,))
        self.assert_all(users, True)

    def test_new_year(self):
        year = time.gmtime().tm_year
        self.ten_days_from(calendar.timegm((year, 12, 26, 22, 58, 0)))

    def test_leap_day(self):
        year = time.gmtime().tm_year + 1
        while not calendar.isleap(year):
            year += 1
        self.ten_days_from(calendar.timegm((year, 2, 24, 12, 0, 0)))

    def sunday(self, month):
        """The last one of next year's month, 01:00 UTC: the clocks change."""
        year = time.gmtime().tm_year + 1
        day = max(week[calendar.SUNDAY]
                  for week in calendar.monthcalendar(year, month))
        return calendar.timegm((year, month, day, 1, 0, 0))

    def test_summer_time_begins(self):
        self.ten_days_from(self.sunday(3) - 5 * DAY)

    def test_summer_time_ends(self):
        self.ten_days_from(self.sunday(10) - 5 * DAY)

    def test_dates_are_local_on_the_day_of_the_change(self):
        """A rule with a date: midnight in Berlin, an hour before UTC's in
        winter."""
        change = self.sunday(3)
        date = time.strftime("%Y-%m-%d", time.gmtime(change))
        user = self.user("[default]\ndelete = deny savedbefore %s\n"
                         "  allow all\n" % date)
        midnight = change - 2 * 3600
        self.at(midnight - 600)
        user.append([message("the day before")])
        self.at(midnight + 600)
        user.append([message("the day itself")])
        client = user.pop3()
        client.err("DELE 1")
        client.ok("DELE 2")
        client.quit()
        self.assertEqual(user.uids(), [1])


class Year(ClockTest):
    """Sessions a fortnight apart for a year."""

    formats = ("maildir",)

    settings = _CACHED

    # next visit at which each may go, in days
    policies = {
        "retrieved": "[default]\nexpire = expunge retrievedbefore 150d\n",
        "saved": "[default]\nexpire = expunge savedbefore 150d\n",
        "hidden": "[default]\ndelete = hide all\n"
                  "expire = expunge hiddenbefore 150d\n",
    }

    def test_fortnightly(self):
        """Message N comes at visit N and is due 150 days later. It goes at
        one of the two visits behind that, since each second one removes."""
        for name, policy in self.policies.items():
            with self.subTest(name):
                self.fortnights(name, policy)

    def fortnights(self, name, policy):
        self.clock.reset()
        user = self.user(policy)
        self.visit(user)
        began, gone_at = {}, {}
        for visit in range(27):
            day = 14 * visit
            self.clock.set("%dd" % day)
            uid = user.append([message("m%d" % visit)])[0]
            began[uid] = day
            client = user.pop3()
            number = client.stat()[0]
            if name == "retrieved":
                client.download([number])
            elif name == "hidden":
                client.ok("DELE %d" % number)
            client.quit()
            there = set(user.uids())
            for uid in set(began) - there - set(gone_at):
                gone_at[uid] = day
        for uid, day in gone_at.items():
            age = day - began[uid]
            self.assertGreaterEqual(age, 150, uid)
            self.assertLessEqual(age, 154 + 14, uid)
        due = [uid for uid, day in began.items() if day + 168 <= 14 * 26]
        self.assertLessEqual(set(due), set(gone_at))
        self.assertTrue(due)

    def test_monthly(self):
        """Every second visit expires."""
        for name, policy in RULES.items():
            with self.subTest(name):
                self.clock.reset()
                user = self.user(policy)
                self.visit(user)
                gone = []
                for month in range(1, 9):
                    self.clock.set("%dd" % (30 * month))
                    user.append([message("m%d" % month)])
                    before = user.count()
                    client = user.pop3()
                    number = client.stat()[0]
                    if name == "retrieved":
                        client.download([number])
                    elif name == "hidden":
                        client.ok("DELE %d" % number)
                    client.quit()
                    if user.count() < before:
                        gone.append(month)
                self.assertEqual(gone, [2, 4, 6, 8])
