# SPDX-License-Identifier: LGPL-2.1-or-later
"""The journal tells the truth: active wherever a session has left one.

Where the journal itself can't be written, the same lines go to Dovecot's
log, and count as well."""

import json
import os
import re

NAME = "pop3-policy.journal"


def _parse(text, whole, check):
    """The lines as dictionaries. whole: each line must be JSON; else what is
    not is skipped, as the end of a file whose writer was killed."""
    lines = []
    for line in text.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            check(not whole, "the journal has a line that is no JSON: %r",
                  line[:100])
            continue
        if isinstance(entry, dict):
            lines.append(entry)
    return lines


def read_journal(story, log, deadly, check):
    """All lines of this user's journal, and what was logged in its place.
    None if there is no journal."""
    path = None
    for folder, _, names in os.walk(story.user.host_home):
        if NAME in names:
            path = os.path.join(folder, NAME)
    logged = _parse("\n".join(re.findall(r'\{"time".*\}', log)), False, check)
    if path is None:
        return logged or None
    with open(path, errors="replace") as file:
        # A write that has failed half-way is taken back, unless that fails
        # as well.
        whole = not deadly and not story.stays_broken
        return _parse(file.read(), whole, check) + logged


def check_journal(story, view, files, log, deadly, check):
    """After a session that was broken. view: what is there; files: the
    subjects of which a file is in the INBOX; deadly: the process was
    killed. Returns the subjects with which it says that something was
    done."""
    lines = read_journal(story, log, deadly, check)
    if lines is None:
        return set()
    subject_of = {found.guid: subject for subject, found
                  in story.view_before.inbox.items()}
    intents, done, failed, pending = set(), set(), set(), set()
    # An outcome refers to its intent by session and UID.
    subjects = {}
    for line in sorted(lines, key=lambda line: line.get("stage") != "intent"):
        check(line.get("stage") in ("intent", "outcome"),
              "the journal has a stage %r", line)
        message = (line.get("session"), line.get("uid"))
        if line["stage"] == "intent":
            subjects[message] = subject_of.get(line.get("guid"))
        subject = subjects.get(message)
        check(subject is not None, "the journal names a message that there "
              "never was: %r", line)
        check(line.get("uid") == story.view_before.inbox[subject].uid,
              "the journal has another UID: %r", line)
        if line["stage"] == "intent":
            intents.add(subject)
        elif line.get("result") == "done":
            done.add(subject)
        elif line.get("result") == "pending":
            pending.add(subject)
        else:
            check(line.get("result") == "failed",
                  "the journal has a result %r", line)
            failed.add(subject)
    gone = set(story.view_before.inbox) - set(view.inbox)
    check(gone <= intents, "gone and not in the journal: %s", gone - intents)
    if story.effect.action != "hide":
        false = done & set(view.inbox)
        check(not false, "\"done\" in the journal, but still there: %s",
              false)
        # What is there still may be finished by whoever opens it next.
        false = failed - files - set(view.archive) - done
        check(not false, "\"failed\" in the journal, but gone: %s", false)
    if not deadly:
        missing = intents - done - failed - pending
        check(not missing, "no outcome in the journal: %s", missing)
    return done
