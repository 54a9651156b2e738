# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is measured in the same way whatever a session does."""

import os
import statistics

from instances import Client, Instance
from mailboxes import Mailboxes, restore
from table import Row, cells


class Bench:
    """Runs sessions without the plugin and with it, one after the other, and
    collects rows of the table."""

    def __init__(self, target, args, libraries):
        self.target = target
        self.args = args
        self.rows = []
        self.instances = []
        # as the others, once they are needed
        self.memory = None
        self._libraries = libraries
        # instructions of plain Dovecot, which several rows compare with
        self._plain = {}

    def start(self):
        has_valgrind = os.path.exists(
            self.target.host_path("/usr/bin/valgrind"))
        if not has_valgrind:
            print("no valgrind: instructions are not counted")
        # plain, ours, and a small plugin of Dovecot's own
        plugins = (None, "pop3_policy", "notify")
        self.clocked = self.instance("pop3_policy", None)
        self.cpu = [self.instance(plugin, "cpu") for plugin in plugins]
        self.callgrind = None
        if has_valgrind:
            self.callgrind = [self.instance(plugin, "callgrind")
                              for plugin in plugins]
        self.mailboxes = Mailboxes(self.cpu, os.path.join(
            self.clocked.dovecot.host_base, "templates"))

    def instance(self, plugin, measure):
        """Starts another one; it ends with the others."""
        instance = Instance(self.target, plugin, measure,
                            self._libraries)
        self.instances.append(instance)
        return instance

    def stop(self):
        for instance in self.instances:
            instance.dovecot.stop()

    def wanted(self, *names):
        return not self.args.only or any(
            text in name for text in self.args.only for name in names)

    def row(self, what, unit, plain, ours, target=None, ratio=None,
            difference=False, note=""):
        if ratio is None:
            ratio = ours - plain if difference else ours / plain
        row = Row(what, unit, plain, ours, ratio, target, note)
        self.rows.append(row)
        print("  " + " | ".join(cells(row)), flush=True)

    def session_result(self, user, template, session):
        """CPU time or instructions of the process of one session. A session
        of another protocol says so by its attribute client."""
        instance = next(i for i in self.instances
                        if i.dovecot is user.dovecot)
        restore(user, template)
        client = getattr(session, "client", Client)(user)
        instance.prepare(client.pid)
        session(client)
        client.end()
        return instance.result(client.pid)

    def instructions(self, which, kind, policy, session, base=None,
                     format="maildir", times=1, template=None):
        """Median instructions of the process of a session, less those of the
        session base. which: 0 plain, 1 ours, 2 Dovecot's plugin."""
        instance = self.callgrind[which]
        if template is None:
            template = self.mailboxes.get(which == 1, kind, policy, format)
        user = instance.user(policy, format)
        values = []
        for _ in range(times):
            value = self.session_result(user, template, session)
            if base is not None:
                value -= self.session_result(user, template, base)
            values.append(value)
        return statistics.median(values)

    def instruction_row(self, what, kind, policy, session, target, base=None,
                        plain_session=None, format="maildir", times=1, per=1,
                        ours=1):
        if self.callgrind is None or not self.wanted(what):
            return
        if "instructions" in self.args.skip:
            return
        values = []
        for which in 0, ours:
            if which == 0 and plain_session is not None:
                used = plain_session
            else:
                used = session
            # plain Dovecot pins nothing
            key = (kind.replace("-kept", ""), used, base, format, times)
            if which == 0 and key in self._plain:
                values.append(self._plain[key])
                continue
            values.append(self.instructions(which, kind, policy, used, base,
                                            format, times))
            if which == 0:
                self._plain[key] = values[0]
        self.row(what, "instructions", values[0] / per, values[1] / per,
                 target)

    def rounds(self, kind, policy, measure, format="maildir", rounds=None,
               sessions=1, ours=1):
        """Interleaved rounds. measure(client, with_plugin) -> seconds, or None:
        the process' CPU time from client.cpu_before to its end. Returns
        medians of plain, ours and of the ratio of each round."""
        instances = (self.cpu[0], self.cpu[ours])
        users = [instance.user(policy, format) for instance in instances]
        templates = [self.mailboxes.get(instance.with_plugin, kind, policy, format)
                     for instance in instances]
        values = ([], [])
        for number in range(rounds or self.args.rounds):
            totals = [0, 0]
            for _ in range(sessions):
                for i in ((0, 1), (1, 0))[number % 2]:
                    restore(users[i], templates[i])
                    client = Client(users[i])
                    seconds = measure(client, bool(i))
                    client.end()
                    if seconds is None:
                        seconds = instances[i].result(client.pid) / 1e9 - \
                            client.cpu_before
                    totals[i] += seconds
            for i in (0, 1):
                values[i].append(totals[i] / sessions)
        ratios = [second / first for first, second in zip(*values)]
        return (statistics.median(values[0]), statistics.median(values[1]),
                statistics.median(ratios))

    def time_row(self, what, unit, kind, policy, measure, target=None,
                 **kwargs):
        if not self.wanted(what) or "times" in self.args.skip:
            return
        plain, ours, ratio = self.rounds(kind, policy, measure, **kwargs)
        self.row(what, unit, plain * 1000, ours * 1000, target, ratio)
