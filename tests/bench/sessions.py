# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a typical session takes: instructions, CPU, memory."""

import collections
import os
import re
import statistics

from commands import deles, session_of
from instances import Client
from mailboxes import MANY, restore
from policies import ALLOW, DENY, FEW_FIELDS, HIDE, NO_HOOK, SCRIPT, SHOW

# Open side by side, while memory is measured: they share pages.
SESSIONS = (10, 100)


def typical(client, _=None):
    pop3 = client.pop3
    pop3.stat()
    pop3.list()
    pop3.uidl()
    for number in range(1, 6):
        pop3.retr(number)
    for number in range(1, 4):
        pop3.ok("DELE %d" % number)
    client.quit()


def measure_session(bench):
    variants = (
        ("any plugin loaded (Dovecot's notify)", None, 2, None, None),
        ("`hide` rules", HIDE, 1, 1.15, 1.05),
        ("`deny` rules", DENY, 1, 1.15, 1.05),
        ("`allow` rules", ALLOW, 1, 1.15, 1.05))
    for name, policy, ours, target, _ in variants:
        bench.instruction_row("typical session, " + name, "few", policy,
                             typical, target, times=3, ours=ours)
    for name, policy, ours, _, target in variants:
        bench.time_row("typical session, %s, CPU" % name, "ms", "few",
                      policy, typical, target, sessions=20,
                      ours=ours)


def measure_script(bench):
    bench.instruction_row("typical session, script of 200 lines", "few",
                         SCRIPT, typical, 1.45, times=3)
    bench.instruction_row("typical session, script without a hook", "few",
                         NO_HOOK, typical, None, times=3)
    measure_reused(bench, "typical session, script of 200 lines, reused "
                        "process, CPU", SCRIPT, 1.10)
    measure_reused(bench, "typical session, script of 200 lines, `journal = "
                        "off`, reused process, CPU",
                        SCRIPT + "journal = off\n", None)
    measure_reused(bench, "typical session, `allow` rules, reused process, "
                        "CPU", ALLOW, None)
    measure_reused(bench, "typical session, `allow` rules, `journal = off`, "
                        "reused process, CPU", ALLOW + "journal = off\n",
                        None)
    nothing = session_of([b"NOOP"])
    for what, policy, target in (
            ("script that reads 3 fields", FEW_FIELDS, 1.4),
            ("script of 200 lines", SCRIPT, 1.4),
            ("script without a hook", NO_HOOK, 1.05)):
        bench.instruction_row(
            "%d x DELE, %s" % (MANY, what), "many-retrieved", policy,
            session_of(deles(MANY)), target, base=nothing, per=MANY)
    measure_show(bench)


def measure_show(bench):
    """From login to the answer to STAT."""
    what = "login to STAT, show hook of 3 fields, %d messages, CPU" % MANY
    if not bench.wanted(what) or "times" in bench.args.skip:
        return

    def look(client, _=None):
        client.pop3.stat()
        used = client.cpu()
        client.quit()
        return used

    plain, ours, _ = bench.rounds("many", SHOW, look)
    bench.row(what + " (60 ms more at most)", "ms", plain * 1000,
             ours * 1000, (plain + 0.06) / plain)


def measure_reused(bench, what, policy, target):
    """CPU time of 20 sessions of a process that has served some."""
    if not bench.wanted(what) or "times" in bench.args.skip:
        return
    # CPU time of a process when its last session ended
    before_login = {}
    instances = [bench.instance(plugin, "reused")
                 for plugin in (None, "pop3_policy")]
    users = [instance.user(policy) for instance in instances]
    templates = [bench.mailboxes.get(i, "few", policy) for i in (0, 1)]
    values = ([], [])
    for number in range(bench.args.rounds + 1):
        for i in ((0, 1), (1, 0))[number % 2]:
            used = 0
            for _ in range(20):
                restore(users[i], templates[i])
                client = Client(users[i])
                before = client.cpu()
                typical(client)
                after = client.end_reused()
                used += after - before_login.get(client.pid, before)
                before_login[client.pid] = after
            # the first round warms it up
            if number > 0:
                values[i].append(used / 20)
    for instance in instances:
        bench.instances.remove(instance)
        instance.dovecot.stop()
    ratios = [second / first for first, second in zip(*values)]
    bench.row(what, "ms", statistics.median(values[0]) * 1000,
             statistics.median(values[1]) * 1000, target,
             statistics.median(ratios))


def look_at_process(bench, policy, sessions):
    """Libraries, PSS and written memory of a session, without the plugin
    and under the policy, where so many are open side by side."""
    libraries, memory, private = [], [], []
    clients = ([], [])
    for i in (0, 1):
        for _ in range(sessions):
            user = bench.cpu[i].user(policy)
            restore(user, bench.mailboxes.get(i, "few", policy))
            client = Client(user)
            client.pop3.list()
            client.pop3.uidl()
            client.pop3.retr(2)
            client.pop3.ok("DELE 2")
            clients[i].append(client)
    for i in (0, 1):
        sizes = collections.Counter()
        for client in clients[i]:
            with open("/proc/%d/smaps_rollup" % client.pid) as file:
                for name, kb in re.findall(r"^(\w+):\s+(\d+) kB",
                                           file.read(), re.M):
                    sizes[name] += int(kb) / 1024 / sessions
        memory.append(sizes["Pss"])
        private.append(sizes["Private_Dirty"])
        with open("/proc/%d/maps" % clients[i][0].pid) as file:
            libraries.append({
                os.path.basename(line.split(None, 5)[5].strip())
                for line in file if ".so" in line})
    for client in clients[0] + clients[1]:
        client.quit()
        client.end()
    return libraries, memory, private


def measure_process(bench):
    """Libraries and memory of sessions that are open side by side."""
    for name, policy, target in (("", ALLOW, 0.05),
                                 (", script of 200 lines", SCRIPT, 0.15)):
        for sessions in SESSIONS:
            what = "memory of a process%s, %d sessions, " % (name,
                                                             sessions)
            if not bench.wanted(what, "libraries"):
                continue
            libraries, memory, private = look_at_process(bench, policy,
                                                              sessions)
            if (policy, sessions) == (ALLOW, SESSIONS[0]):
                more = sorted(libraries[1] - libraries[0])
                bench.row("libraries of the process", "",
                         len(libraries[0]), len(libraries[1]), 1,
                         difference=True, note="more: " + ", ".join(more))
            bench.row(what + "PSS", "MB", memory[0], memory[1], target,
                     difference=True)
            bench.row(what + "written", "MB", private[0], private[1],
                     difference=True)
