# SPDX-License-Identifier: LGPL-2.1-or-later
"""Processes that share nothing but the terminal and what is left to do."""

import ctypes
import multiprocessing
import os
import signal

# Tests wait more than they compute.
DEFAULT_JOBS = 2 * os.cpu_count()

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _left(groups, taken):
    """Those that no other process has taken."""
    while True:
        with taken.get_lock():
            number = taken.value
            taken.value += 1
        if number >= len(groups):
            return
        yield groups[number]


def _work(function, groups, taken, pipe):
    die_with_parent()
    try:
        pipe.send(function(_left(groups, taken)))
    except KeyboardInterrupt:
        pass


def share(groups, jobs, function):
    """Calls function(groups) in so many processes, each time with an iterator
    over those that nobody else has taken. It returns a list of counts: passed,
    failed, skipped. Returns their sums; a process that ended before it could
    return any counts as one that failed. Call it where SIGTERM raises
    KeyboardInterrupt."""
    if min(jobs, len(groups)) <= 1:
        return function(iter(groups))
    fork = multiprocessing.get_context("fork")
    taken = fork.Value("i", 0)
    counts = [0, 0, 0]
    children = []
    try:
        for _ in range(min(jobs, len(groups))):
            ours, theirs = fork.Pipe(duplex=False)
            child = fork.Process(target=_work,
                                 args=(function, groups, taken, theirs))
            child.start()
            theirs.close()
            children.append((child, ours))
        for child, pipe in children:
            try:
                counts = [a + b for a, b in zip(counts, pipe.recv())]
            except EOFError:
                print("FAIL a process of tests ended early", flush=True)
                counts[1] += 1
            child.join()
    except BaseException:
        for child, _ in children:
            child.terminate()
        for child, _ in children:
            child.join()
        raise
    return counts
