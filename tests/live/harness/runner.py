# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the live tests for each version and format and counts them."""

import argparse
import importlib
import json
import os
import re
import signal
import sys
import time
import traceback
import unittest

from .case import LiveTest
from .dovecot import Dovecot, Target
from .workers import DEFAULT_JOBS, share

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS_DIR = os.path.dirname(HERE)
TARGETS_FILE = os.path.join(TESTS_DIR, "..", "..", "build", "targets")


class Instances:
    """Starts an instance when it is first asked for and keeps it for the next
    tests that ask for the same."""

    # Each has some ten processes, and the kernel allows a user 128 inotify
    # instances.
    _KEPT = 8

    def __init__(self, targets):
        self._targets = targets
        # the one that was asked for last is the last
        self._running = {}
        self._failed = set()
        self._servers = {}
        self.complaints = 0

    def get(self, version, **arguments):
        key = (version, json.dumps(arguments, sort_keys=True))
        if key in self._failed:
            raise RuntimeError("this instance did not start before")
        if key in self._running:
            self._running[key] = self._running.pop(key)
        else:
            self._failed.add(key)
            self._running[key] = Dovecot(
                self._targets[version], **arguments).start()
            self._failed.remove(key)
        return self._running[key]

    def server(self, version, create):
        """What create(Target) has made for this version: a server or a
        database that the tests of a class share. It is closed when all tests
        are done."""
        key = (version, create)
        if key not in self._servers:
            self._servers[key] = create(self._targets[version])
        return self._servers[key]

    def stop(self):
        """Stops all, servers too. complaints counts instances that had
        something to complain about."""
        self._stop_but(0)
        for server in self._servers.values():
            server.close()
        self._servers.clear()

    def _stop_but(self, kept):
        while len(self._running) > kept:
            instance = self._running.pop(next(iter(self._running)))
            try:
                instance.stop()
            except Exception:
                traceback.print_exc()
                self.complaints += 1

    def stop_old(self):
        """Between tests, when nobody uses one."""
        self._stop_but(self._KEPT)


class Result(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.passed = self.failed = self.skipped_count = 0

    def startTest(self, test):
        super().startTest(test)
        self._started = time.monotonic()
        self._outcome = None

    def _fail(self, test, err):
        text = "".join(traceback.format_exception(*err)).rstrip()
        self._outcome = "FAIL"
        self._text = (self._text + "\n" if self._text else "") + text

    _text = ""

    def addError(self, test, err):
        if isinstance(test, LiveTest):
            self._fail(test, err)
            return
        # setUpClass and the like
        self.failed += 1
        _print("FAIL %s\n%s" % (test, "".join(traceback.format_exception(*err))))

    addFailure = addError

    def addSkip(self, test, reason):
        self._outcome = self._outcome or "skip"
        self._text = reason

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self._fail(test, err)

    def stopTest(self, test):
        super().stopTest(test)
        outcome = self._outcome or "ok"
        line = "%-4s %s (%.2f s)" % (outcome, describe(test),
                                     time.monotonic() - self._started)
        if outcome == "ok":
            self.passed += 1
        elif outcome == "skip":
            self.skipped_count += 1
            line += ": " + self._text
        else:
            self.failed += 1
            line += "\n    " + (self._text + "\n" + test.describe()).replace(
                "\n", "\n    ")
        self._text = ""
        _print(line)


def _print(text):
    # One write, so that the output of two processes does not mix.
    sys.stdout.flush()
    data = (text + "\n").encode(errors="backslashreplace")
    while data:
        data = data[os.write(1, data):]


def describe(test):
    return "%s %-7s %s.%s.%s" % (
        test.version, test.format, type(test).__module__, type(test).__name__,
        test._testMethodName)


def collect(versions, formats, patterns):
    """All tests that were asked for; those of one class and version stay
    together, so that few instances are needed at a time."""
    names = sorted(name[:-3] for name in os.listdir(TESTS_DIR)
                   if re.fullmatch(r"test_\w+\.py", name))
    loader = unittest.TestLoader()
    tests = []
    for version in versions:
        for name in names:
            module = importlib.import_module(name)
            for value in vars(module).values():
                if not (isinstance(value, type) and
                        issubclass(value, LiveTest) and
                        value.__module__ == name):
                    continue
                if value.versions is not None and \
                        version not in value.versions:
                    continue
                for format_ in value.formats:
                    if formats is not None and format_ not in formats:
                        continue
                    for method in loader.getTestCaseNames(value):
                        test = value(method)
                        test.version = version
                        test.format = format_
                        if not patterns or any(
                                pattern in describe(test)
                                for pattern in patterns):
                            tests.append(test)
    return tests


def read_targets(path):
    """Lines "ROOT MODULES", as quickstart writes them."""
    targets = []
    with open(path) as file:
        for line in file:
            if line.strip():
                root, modules = line.rstrip("\n").split("\t")
                targets.append((root, modules))
    return targets


def grouped(tests):
    """Lists of those of one class and version, in order."""
    groups = {}
    for test in tests:
        groups.setdefault((test.version, type(test)), []).append(test)
    return list(groups.values())


def run_groups(targets, groups, failfast):
    """Returns how many passed, failed and were skipped."""
    instances = Instances(targets)
    result = Result()
    try:
        for tests in groups:
            for test in tests:
                test.instances = instances
                test.run(result)
                instances.stop_old()
                if failfast and result.failed:
                    break
            if failfast and result.failed:
                break
    finally:
        # Impatience shall not leave a Dovecot or its folder behind.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        instances.stop()
    return [result.passed, result.failed + instances.complaints,
            result.skipped_count]


def _stop(_signal, _frame):
    # unittest takes SystemExit for a test's failure.
    raise KeyboardInterrupt


def main(argv):
    parser = argparse.ArgumentParser(
        prog="run", description="Runs the live tests. Needs root: Dovecot "
        "starts as root, and mount namespaces are used.")
    parser.add_argument("-k", action="append", dest="patterns", metavar="NAME",
                        help="only tests whose line contains NAME "
                        "(e.g. test_plain, Pipelining.test_noop)")
    parser.add_argument("--versions", help="e.g. 2.3,2.4; default: all")
    parser.add_argument("--formats", help="e.g. maildir,sdbox; default: all")
    parser.add_argument("--target", action="append", nargs=2,
                        metavar=("ROOT", "MODULES"),
                        help="a Dovecot: / or the chroot that it is in, and "
                        "a folder with its modules and ours; default: those "
                        "that `quickstart build` noted in build/targets")
    parser.add_argument("-x", "--failfast", action="store_true",
                        help="stop each process at its first failure")
    parser.add_argument("-l", "--list", action="store_true",
                        help="list the tests and run none")
    parser.add_argument("-j", "--jobs", type=int, metavar="COUNT",
                        default=DEFAULT_JOBS,
                        help="processes; tests often wait (default: "
                        "%(default)s, two for each processor)")
    args = parser.parse_args(argv)
    if args.formats is not None:
        args.formats = args.formats.split(",")

    pairs = args.target
    if pairs is None:
        if not os.path.exists(TARGETS_FILE):
            parser.error("no build/targets: run ./quickstart build first, or "
                         "give --target")
        pairs = read_targets(TARGETS_FILE)
    targets = {}
    for root, modules in pairs:
        target = Target(root, modules)
        targets[target.version] = target
    versions = sorted(targets)
    if args.versions is not None:
        versions = args.versions.split(",")
        for version in versions:
            if version not in targets:
                parser.error("no Dovecot %s here, only: %s" %
                             (version, ", ".join(sorted(targets))))
    if args.list:
        for test in collect(versions, args.formats, args.patterns):
            print(describe(test))
        return 0
    if os.geteuid() != 0:
        parser.error("needs root")

    signal.signal(signal.SIGTERM, _stop)
    groups = grouped(collect(versions, args.formats, args.patterns))
    passed, failed, skipped = share(
        groups, args.jobs,
        lambda taken: run_groups(targets, taken, args.failfast))
    _print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
    return 0 if failed == 0 and passed > 0 else 1
