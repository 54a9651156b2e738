# SPDX-License-Identifier: LGPL-2.1-or-later
"""Base class of live tests."""

import re
import unittest

# A process that waits for its next session, of an earlier test that had moved
# the clock: Dovecot ends it. One that has a session names the user.
_IDLE_IN_THE_FUTURE = re.compile(
    r"\w+\(\d+\): Fatal: Time just moved backwards")

# These are never right, whatever a test does.
_ALWAYS_WRONG = re.compile(
    r"Panic: |Fatal: |killed with signal|leaked|refcount|AddressSanitizer|"
    r"runtime error:|BUG: ")
_ERROR = re.compile(r" Error: ")


class LiveTest(unittest.TestCase):
    """Each test method runs once for each Dovecot version and mail format.

    Class attributes to override:
      formats        mail formats to run with; ("maildir",) where they do not matter
      versions       None, or the Dovecot versions to run with
      plugins        mail_plugins of the instance
      settings       more settings of the instance, name -> value
      pop3_settings  more settings inside protocol pop3
      extra_config   text for the end of dovecot.conf
      passdbs        how passwords are checked; see write_config()
      tls            True: with TLS
      auth_clock     True: auth has the tests' clock, too
      files          path below the folder of the instance -> text

    Tests of equal plugins, settings and extra_config share a running
    instance; userdb fields of a user (fields=...) override most settings
    without costing a Dovecot of its own.

    In a test: self.dovecot is the instance (see Dovecot), self.version "2.3"
    or "2.4", self.format, self.clock its clock (back at real time for each
    test).
    """

    formats = ("maildir", "sdbox")
    versions = None
    plugins = ("pop3_policy",)
    settings = {}
    pop3_settings = {}
    extra_config = ""
    passdbs = ()
    tls = False
    auth_clock = False
    files = {}

    # Set by the runner
    instances = None
    version = None
    format = None

    maxDiff = 4000
    _user_numbers = 0

    def run(self, result=None):
        self._transcripts = []
        self._expected_log = []
        self.failure_details = ""
        return super().run(result)

    def setUp(self):
        self.dovecot = self.instance()
        self.clock = self.dovecot.clock
        self.log_mark = self.dovecot.log_mark()
        # Run in reverse order: sessions end before the log is looked at.
        self.addCleanup(self.clock.reset)
        self.addCleanup(self._check_log)
        self.addCleanup(self._end_sessions)

    def instance(self, **changes):
        """The shared instance of this version with the class's settings;
        arguments (plugins, settings, pop3_settings, extra, passdbs, tls,
        auth_clock, files) replace them."""
        arguments = {
            "plugins": self.plugins, "settings": self.settings,
            "pop3_settings": self.pop3_settings, "extra": self.extra_config,
            "passdbs": self.passdbs, "tls": self.tls,
            "auth_clock": self.auth_clock,
            "files": self.files,
        }
        arguments.update(changes)
        return self.instances.get(self.version, **arguments)

    def user(self, policy=None, dovecot=None, **kwargs):
        """A new user of this test's mail format; arguments as User's."""
        LiveTest._user_numbers += 1
        name = kwargs.pop("name", None) or "u%04d" % LiveTest._user_numbers
        kwargs.setdefault("format", self.format)
        return (dovecot or self.dovecot).user(
            name, policy=policy, transcripts=self._transcripts, **kwargs)

    # Log

    def log(self):
        """What Dovecot has logged since the test began."""
        return self.dovecot.log_text(self.log_mark)

    def wait_log(self, pattern, timeout=30):
        """Waits for a line with this regular expression and returns the
        match; fails if there is none."""
        match = self.dovecot.wait_log(pattern, self.log_mark, timeout)
        if match is None:
            self.fail("not in the log: " + pattern)
        return match

    def expect_errors(self, *patterns):
        """Lines of the log with "Error: " that match one of these regular
        expressions are in order; any others fail the test."""
        self._expected_log += [re.compile(pattern) for pattern in patterns]

    def _check_log(self):
        for line in self.log().splitlines():
            if _IDLE_IN_THE_FUTURE.search(line):
                continue
            if _ALWAYS_WRONG.search(line):
                self.fail("in the log: " + line)
            if _ERROR.search(line) and not any(
                    pattern.search(line) for pattern in self._expected_log):
                self.fail("unexpected error in the log: " + line)

    def _end_sessions(self):
        for client in self._transcripts:
            client.close()

    # For the runner

    def describe(self):
        """Transcripts and log, shown when the test fails."""
        parts = []
        for number, client in enumerate(self._transcripts, 1):
            parts.append("--- session %d of %s\n%s" %
                         (number, client.name, client.transcript()))
        if hasattr(self, "log_mark"):
            parts.append("--- log of Dovecot %s\n%s" %
                         (self.dovecot.target.full_version,
                          self.log().rstrip()))
        return "\n".join(parts)
