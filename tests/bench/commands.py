# SPDX-License-Identifier: LGPL-2.1-or-later
"""What commands take: NOOP, DELE, UIDL, RETR."""

from instances import Client
from mailboxes import FEW, HUGE, MANY, restore
from policies import ALLOW, ALLOW_ALL, DENY_TENTH, HISTORY, UIDL

NOOPS = 20000


def deles(count):
    return [b"DELE %d" % number for number in range(1, count + 1)]


def session_of(commands, denied=0, end=(b"RSET",), measure_cpu=True):
    """A session that runs commands, is not measured before and after
    them, and removes nothing. "+OK" comes before Dovecot has read the
    mailbox, so another command comes first."""
    def session(client, with_plugin=True):
        client.answers([b"NOOP"])
        before = client.cpu()
        seconds = client.answers(commands, denied if with_plugin else 0)
        cpu = client.cpu() - before
        if end:
            client.answers(list(end))
        client.quit()
        return cpu if measure_cpu else seconds
    return session


def measure_commands(bench):
    nothing = session_of([b"NOOP"])
    noops = [b"NOOP"] * NOOPS
    tenth = MANY // 10
    for what, kind, policy, commands, denied, target in (
            ("NOOP, pipelined", "few", ALLOW, noops, 0, 1.05),
            ("DELE, `allow all`", "many", ALLOW_ALL,
             deles(MANY), 0, 1.05),
            ("DELE, allowed after `deny unretrieved`", "many-retrieved",
             HISTORY, deles(MANY), 0, 1.05),
            ("DELE, allowed by `allow` rules", "many-retrieved", ALLOW,
             deles(MANY), 0, 1.05),
            ("DELE, every tenth denied", "many", DENY_TENTH,
             deles(MANY), tenth, 1.5)):
        bench.instruction_row(
            "%d x %s" % (len(commands), what), kind, policy,
            session_of(commands, denied), target, base=nothing,
            plain_session=session_of(commands), per=len(commands))
        for cpu in (True, False):
            bench.time_row("%d x %s, %s" % (
                len(commands), what, "CPU" if cpu else "time"), "ms",
                kind, policy, session_of(commands, denied,
                                            measure_cpu=cpu), target)


def measure_uidl(bench):
    measure_uidl_of(bench, MANY, "many")
    if any(str(HUGE) in text for text in bench.args.only or ()):
        measure_uidl_of(bench, HUGE, "huge")


def measure_uidl_of(bench, count, kind):
    def nothing(client, _=None):
        client.answers([b"NOOP"])
        client.quit()

    def uidl(client, _=None, measure_cpu=False):
        client.answers([b"NOOP"])
        before = client.cpu()
        seconds = client.uidl(count)
        cpu = client.cpu() - before
        client.quit()
        return cpu if measure_cpu else seconds

    def uidl_cpu(client, _=None):
        return uidl(client, measure_cpu=True)

    for source, state, target in (
            ("dovecot", "", 1.01),
            ("keyed", "", 0.30),
            ("keyed:guid", "", 0.30),
            ("keyed:guid", "-new", 0.60),
            ("dovecot", "-kept", None),
            ("keyed", "-kept", None),
            ("keyed:content", "", None),
            ("keyed:content", "-new", None)):
        for format in "maildir", "sdbox":
            what = "UIDL of %d, `%s`%s, %s" % (
                count, source, {"-new": ", the first", "-kept": ", kept",
                                "": ""}[state], format)
            policy = UIDL % source
            bench.instruction_row(what, kind + state, policy, uidl,
                                 target, base=nothing, per=count,
                                 format=format)
            bench.time_row(what + ", CPU", "ms", kind + state, policy,
                          uidl_cpu, target, format=format)
            bench.time_row(what + ", time", "ms", kind + state, policy,
                          uidl, target, format=format)

    for source, state, target in (
            ("dovecot", "", 24), ("keyed", "", 24), ("keyed:guid", "", 24),
            ("keyed:guid", "-new", None), ("keyed", "-kept", None)):
        memory_row(bench, "memory of UIDL of %d, `%s`%s, a message" % (
            MANY, source, {"-new": ", the first", "-kept": ", kept",
                           "": ""}[state]), "many" + state, UIDL % source,
            target)


def uidl_memory(bench, which, kind, policy, format):
    """Bytes that the process of a session has in use after UIDL, and the
    most that it had, more than before."""
    if bench.memory is None:
        bench.memory = [bench.instance(plugin, "memory")
                       for plugin in (None, "pop3_policy")]
    instance = bench.memory[which]
    user = instance.user(policy, format)
    restore(user, bench.mailboxes.get(which == 1, kind, policy, format))
    client = Client(user)
    client.answers([b"NOOP"])
    before, _ = instance.memory(client.pid)
    client.uidl(MANY)
    client.answers([b"NOOP"])
    in_use, most = instance.memory(client.pid)
    client.quit()
    client.end()
    return in_use - before, most - before


def memory_row(bench, what, kind, policy, target, format="maildir"):
    if not bench.wanted(what):
        return
    plain, ours = [uidl_memory(bench, which, kind, policy, format)
                   for which in (0, 1)]
    for i, when in enumerate(("after it", "at most")):
        bench.row("%s, %s" % (what, when), "bytes", plain[i] / MANY,
                 ours[i] / MANY, None if i else target, difference=True)


def measure_retr(bench):
    def retrs(numbers):
        def session(client, _=None):
            for number in numbers:
                client.pop3.retr(number)
            client.pop3.ok("NOOP")
            client.quit()
        return session

    bench.instruction_row("RETR of 47 kB", "few", ALLOW, retrs([1] * 60),
                         1.01, base=retrs([1] * 30), times=3, per=30)
    bench.instruction_row("RETR of 11 kB on average, record included",
                         "few", ALLOW, retrs(range(1, FEW + 1)), None,
                         base=retrs([]), times=3, per=FEW)
