# SPDX-License-Identifier: LGPL-2.1-or-later
"""Events, the log, and metrics made of them."""

import time

from harness import LiveTest, message

METRICS = {
    "2.3": """
metric pop3_denied {
  filter = event=pop3_policy_decision and action=deny
  group_by = section reason
}
metric pop3_sessions {
  filter = event=pop3_policy_session_finished
  fields = removed hidden
}
metric pop3_expired {
  filter = event=pop3_policy_expire_finished
  fields = expunged
}
metric pop3_logins {
  filter = event=pop3_policy_login
  group_by = result
}
metric pop3_failures {
  filter = event=pop3_policy_failure
}
""",
    "2.4": """
metric pop3_denied {
  filter = event=pop3_policy_decision and action=deny
  group_by section {
    method discrete {
    }
  }
  group_by reason {
    method discrete {
    }
  }
}
metric pop3_sessions {
  filter = event=pop3_policy_session_finished
  fields {
    removed = yes
    hidden = yes
  }
}
metric pop3_expired {
  filter = event=pop3_policy_expire_finished
  fields {
    expunged = yes
  }
}
metric pop3_logins {
  filter = event=pop3_policy_login
  group_by result {
    method discrete {
    }
  }
}
metric pop3_failures {
  filter = event=pop3_policy_failure
}
""",
}


class Log(LiveTest):
    formats = ("maildir",)

    def test_one_summary_line_a_session(self):
        user = self.user("[default]\ndelete = deny subject one\n"
                         "  hide subject two\n  allow all\n")
        user.append([message("one"), message("two"), message("three")])
        client = user.pop3()
        client.download([1, 2])
        for number, answer in (1, False), (2, True), (3, True):
            self.assertEqual(client.cmd("DELE %d" % number).ok, answer)
        client.quit()
        self.wait_log(r"pop3-policy: \[default\] retrieved=2 retrieve_denied=0 "
                      "delete_denied=1 removed=1 hidden=1 archived=0 "
                      "kept_at_quit=0 "
                      "errors=0")
        self.assertEqual(self.log().count("pop3-policy:"), 1)


class Debug(LiveTest):
    formats = ("maildir",)
    settings = {"log_debug": "category=pop3-policy"}

    def test_decisions_when_asked_for(self):
        user = self.user("[default]\ndelete = deny subject one\n"
                         "  allow all\n")
        user.append([message("one"), message("two")])
        client = user.pop3()
        client.err("DELE 1")
        client.ok("DELE 2")
        client.quit()
        self.wait_log(r"UID 1: delete: deny \(rule .*\.conf:2\)")
        self.wait_log(r"UID 2: delete: allow \(rule .*\.conf:3\)")
        self.wait_log(r"Login accepted under \[default\]")


class Metrics(LiveTest):
    formats = ("maildir",)

    def dump(self, dovecot):
        lines = dovecot.doveadm("stats", "dump").decode().splitlines()
        names = lines[0].split("\t")
        return [dict(zip(names, line.split("\t"))) for line in lines[1:]]

    def value(self, dovecot, metric, field="duration", column="count"):
        rows = [row for row in self.dump(dovecot)
                if row["metric_name"] == metric and row["field"] == field]
        return 0 if not rows else int(float(rows[0][column]))

    def assert_value(self, value, dovecot, *what):
        """The stats process may be late."""
        deadline = time.monotonic() + 30
        while self.value(dovecot, *what) != value and \
                time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual(self.value(dovecot, *what), value, what)

    def test_metrics(self):
        dovecot = self.instance(extra=METRICS[self.version])
        self.addCleanup(dovecot.clock.reset)
        user = self.user("[default]\ndelete = deny subject one\n"
                         "  hide subject two\n  allow all\n"
                         "expire = expunge savedbefore 5d\n", dovecot=dovecot)
        user.append([message("one"), message("two"), message("three")])
        client = user.pop3()
        client.err("DELE 1")
        client.ok("DELE 2")
        client.ok("DELE 3")
        client.quit()
        self.assert_value(1, dovecot, "pop3_denied")
        self.assert_value(1, dovecot, "pop3_denied_default_rule")
        self.assert_value(1, dovecot, "pop3_sessions")
        self.assert_value(1, dovecot, "pop3_sessions", "removed", "sum")
        self.assert_value(1, dovecot, "pop3_sessions", "hidden", "sum")
        self.assert_value(1, dovecot, "pop3_logins_accepted")
        self.assert_value(0, dovecot, "pop3_failures")
        for day in 3, 7:
            dovecot.clock.set("%dd" % day)
            user.pop3().quit()
        self.assert_value(2, dovecot, "pop3_expired", "expunged", "sum")
        self.assertEqual(user.count(), 0)

        broken = self.user("[default]\nshow = x\n", dovecot=dovecot)
        client = broken.pop3(login=False)
        client.ok("USER " + broken.name)
        client.may_be_logged_in = True
        client.cmd("PASS " + broken.password)
        client.close()
        self.assert_value(1, dovecot, "pop3_logins_refused")
        self.assert_value(1, dovecot, "pop3_failures")
