# SPDX-License-Identifier: LGPL-2.1-or-later
"""The sessions that are broken, and what has to hold after each of them."""

import collections
import imaplib
import os
import re
import subprocess

from harness import message

from stale_locks import StaleLocks, remove_locks
import journal_truth

ARCHIVE = "Archive/POP3"
HIDDEN = b"$POP3Hidden"

# sdbox does that by itself, without the plugin as well.
_REBUILDS = "already exists, rebuilding index"

# What the policy lets go, and what it does not
GOING = ("one", "two", "three")
STAYING = ("kept", "denied", "held")
BODIES = {"one": message("one", size=20000)}
BODIES.update({subject: message(subject)
               for subject in GOING[1:] + STAYING})

# policy; action: what becomes of GOING; expires: by itself, not by DELE;
# archive: whether the archive is there already
Effect = collections.namedtuple("Effect", "policy action expires archive")


def _by_dele(action, words, archive=False):
    return Effect("[default]\nhold = subject held\nprotected_delete = deny\n"
                  'delete = deny:"no" subject denied\n  %s all\n' % words,
                  action, False, archive)


def _by_expiry(action, words, archive=False):
    return Effect("[default]\nhold = subject held\n"
                  "expire = keep subject kept\n  keep subject denied\n"
                  "  %s savedbefore 5d\n" % words, action, True, archive)


EFFECTS = {
    "remove": _by_dele("remove", "allow"),
    "hide": _by_dele("hide", "hide"),
    "archive": _by_dele("archive", "archive:" + ARCHIVE, archive=True),
    "archive, a new one": _by_dele("archive", "archive:" + ARCHIVE),
    "expire by removal": _by_expiry("remove", "expunge"),
    "expire by hiding": _by_expiry("hide", "hide"),
    "expire to an archive": _by_expiry("archive", "archive:" + ARCHIVE,
                                       archive=True),
}

# subjects of a mailbox, in the order of its UIDs: (uid, flags, whole?)
Found = collections.namedtuple("Found", "uid guid flags whole")
View = collections.namedtuple("View", "inbox archive")


class Broken(Exception):
    """Something that must hold does not."""


def check(condition, text, *values):
    if not condition:
        raise Broken(text % values if values else text)


class Story:
    """One effect on one user, whose mail is put back to where it was before
    each session."""

    def __init__(self, dovecot, control, format, number, name):
        self.dovecot = dovecot
        self.control = control
        self.effect = EFFECTS[name]
        # The fault that strikes it goes on until the session's end.
        self.stays_broken = False
        # What it has done, if one believes the journal
        self.done = set()
        self.user = dovecot.user("f%03d" % number, format=format,
                                 policy=self.effect.policy)
        self.template = os.path.join(dovecot.host_base,
                                     "template.%d" % number)
        self.day = 0
        self._prepare()

    def _prepare(self):
        """A mailbox with history, in which GOING is due today."""
        user, clock = self.user, self.dovecot.clock
        clock.reset()
        user.pop3().quit()
        if self.effect.archive:
            user.doveadm("mailbox create", self._archive_name())
        uids = [user.append([BODIES[subject]])[0]
                for subject in GOING + STAYING]
        self.uids = dict(zip(GOING + STAYING, uids))
        if self.effect.expires:
            for self.day in 0, 2, 4:
                clock.set("%dd" % self.day)
                user.pop3().quit()
            self.day = 6
        subprocess.run(["cp", "-a", user.host_home, self.template], check=True)
        clock.set("%dd" % self.day)
        self.view_before = self.view()
        self.uid_of_guid = {found.guid: found.uid
                            for found in self.view_before.inbox.values()}
        check(set(self.view_before.inbox) == set(BODIES), "test is wrong")

    def restore(self):
        subprocess.run(
            ["sh", "-c", 'rm -rf "$2" && cp -a "$1" "$2"', "sh",
             self.template, self.user.host_home], check=True)
        self.dovecot.clock.set("%dd" % self.day)

    def _archive_name(self):
        return ARCHIVE.replace(
            "/", "." if self.user.format == "maildir" else "/")

    # Sessions

    def broken_session(self, mode, error, number):
        """The session that the fault strikes. Returns the line with which
        QUIT was answered, None without any, and whether QUIT was sent."""
        self.control.arm(self.user.home, mode, error, number)
        with StaleLocks(self.user.host_home):
            answer, sent = self._session()
        self.control.disarm()
        remove_locks(self.user.host_home)
        return answer, sent

    def _session(self):
        client = self.user.pop3(login=False)
        answer, sent = None, False
        try:
            replies = client.pipeline(["USER " + self.user.name,
                                       "PASS " + self.user.password])
            if replies[1].ok:
                client.may_be_logged_in = True
                client.retr(1)
                if not self.effect.expires:
                    client.pipeline(["DELE %d" % (1 + i)
                                     for i in range(len(BODIES))
                                     if (GOING + STAYING)[i] != "kept"])
                sent = True
                answer = client.cmd("QUIT").text
        except (EOFError, ConnectionResetError, BrokenPipeError,
                AssertionError):
            # -ERR to RETR is an answer to a fault, too
            pass
        client.may_be_logged_in = True
        client.close()
        return answer, sent

    def clean_session(self):
        """The next one: it works, and gives the same commands. Returns the
        subjects that it was shown.

        Where a process died between naming a file and noting it in the
        index, sdbox refuses what would have the same name and rebuilds the
        index; then the one behind it works."""
        mark = self.dovecot.log_mark()
        client = self.user.pop3()
        numbers = sorted(client.list())
        subjects = [re.search(r"Subject: (\w+)", reply.data.decode()).group(1)
                    for reply in client.pipeline(
                        ["TOP %d 0" % number for number in numbers])]
        if "kept" in subjects:
            number = numbers[subjects.index("kept")]
            check(client.retr(number) == BODIES["kept"],
                  "the next session gets other bytes")
        if not self.effect.expires:
            chosen = [s for s in subjects if s != "kept"]
            replies = client.pipeline(
                ["DELE %d" % numbers[subjects.index(s)] for s in chosen])
            for subject, reply in zip(chosen, replies):
                check(reply.ok == (subject in GOING),
                      "the next session's DELE of %s: %s", subject,
                      reply.text)
        reply = client.quit()
        if not reply.ok and _REBUILDS in self.dovecot.log_text(mark):
            return self.clean_session()
        check(reply.ok, "the next session's QUIT: %s", reply.text)
        return subjects

    # What is there

    def view(self, attempts=4):
        try:
            with self.user.imap() as imap:
                return View(self._found(imap, "INBOX"),
                            self._found(imap, self._archive_name()))
        except imaplib.IMAP4.abort as error:
            # The index was found damaged, and is mended by the attempt.
            check(attempts > 1, "the mailbox can't be read: %s", error)
        return self.view(attempts - 1)

    def _found(self, imap, mailbox):
        """{subject: Found}; raises Broken for a message that is there twice
        or not whole."""
        found = {}
        try:
            status, _ = imap.select(mailbox, readonly=True)
        except imaplib.IMAP4.readonly:
            status = "OK"
        if status != "OK":
            if mailbox == "INBOX":
                raise imaplib.IMAP4.abort("the INBOX can't be opened")
            return found
        status, data = imap.uid("FETCH", "1:*",
                                "(FLAGS X-GUID BODY.PEEK[])")
        check(status == "OK", "%s can't be read: %r", mailbox, data)
        for part in data:
            if not isinstance(part, tuple):
                continue
            match = re.search(rb"Subject: (\w+)", part[1])
            check(match is not None, "%s has something of %d bytes that "
                  "nobody sent", mailbox, len(part[1]))
            subject = match.group(1).decode()
            check(part[1] == BODIES.get(subject), "%s in %s is not what it "
                  "was", subject, mailbox)
            check(subject not in found, "%s is twice in %s", subject, mailbox)
            found[subject] = Found(
                int(re.search(rb"UID (\d+)", part[0]).group(1)),
                re.search(rb"X-GUID (\S+)", part[0]).group(1).decode(),
                re.search(rb"FLAGS \(([^)]*)\)", part[0]).group(1).split(),
                True)
        return found

    def files(self):
        """The subjects whose text is in a file of the INBOX."""
        folder = self.user.host_home + {
            "maildir": "/Maildir", "sdbox": "/sdbox/mailboxes/INBOX"
        }[self.user.format]
        subjects = set()
        for name in self.user.mail_files():
            path = os.path.join(self.user.host_home, name)
            parent = os.path.relpath(os.path.dirname(path), folder)
            if parent not in ("cur", "new", "dbox-Mails"):
                continue
            with open(path, "rb") as file:
                match = re.search(rb"Subject: (\w+)", file.read())
            if match is not None:
                subjects.add(match.group(1).decode())
        return subjects

    # What has to hold

    def check_after_fault(self, answer, sent, log, deadly):
        view, files = self.view(), self.files()
        action = self.effect.action
        for subject in STAYING:
            check(subject in view.inbox, "%s is gone", subject)
            check(subject not in view.archive, "%s was archived", subject)
        for subject in GOING:
            if not sent or action == "hide":
                check(subject in view.inbox, "%s is gone", subject)
            if action == "archive":
                check(subject in view.inbox or subject in view.archive,
                      "%s is lost", subject)
            else:
                check(subject not in view.archive, "%s was archived", subject)
        if answer is not None and answer.startswith("+OK") and \
                not self.effect.expires:
            self._check_promise(view, files)
        self.done = journal_truth.check_journal(self, view, files, log,
                                                deadly, check)
        return view

    def _check_promise(self, view, files):
        """QUIT said +OK."""
        for subject in GOING:
            if self.effect.action == "hide":
                continue
            check(subject not in view.inbox and subject not in files,
                  "false +OK: %s is still there", subject)
            if self.effect.action == "archive":
                check(subject in view.archive,
                      "false +OK: %s is not in the archive", subject)

    def check_next_run(self, answer):
        """The next session mends all and leaves what the policy says."""
        shown = self.clean_session()
        if self.effect.action == "hide" and not self.effect.expires and \
                answer is not None and answer.startswith("+OK"):
            check(not set(GOING) & set(shown),
                  "false +OK: hidden mail is shown: %s", shown)
        if self.effect.action == "hide":
            check(not self.done & set(shown), "\"done\" in the journal, but "
                  "shown: %s", shown)
        view = self.view()
        for day in 1, 2, 3:
            if self._is_finished(view) or not self.effect.expires:
                break
            # a run that failed may have left no time of its own
            self.dovecot.clock.set("%dd" % (self.day + day))
            self.clean_session()
            view = self.view()
        check(set(STAYING) <= set(view.inbox), "%s is gone afterwards",
              set(STAYING) - set(view.inbox))
        left = set(GOING) & set(view.inbox)
        if self.effect.action == "archive" and \
                len(view.archive) < len(GOING):
            # A message whose line in Maildir's list of UIDs was half written
            # gets another UID at the second look.
            view = self.view()
        archived = set(view.archive)
        if self.effect.action == "hide":
            check(left == set(GOING), "hidden mail is gone: %s", left)
            shown = self._shown()
            check(set(shown) == set(STAYING), "shown afterwards: %s", shown)
        else:
            check(not left, "%s did not go at the next run", left)
        check(archived == (set(GOING) if self.effect.action == "archive"
                           else set()), "archived in the end: %s", archived)
        for subject in archived:
            check(view.archive[subject].guid ==
                  self.view_before.inbox[subject].guid,
                  "%s has another GUID", subject)

    def check_after_repair(self):
        """Where Dovecot found its index damaged beyond its own repair, and an
        administrator has it built anew. History is lost by that on dbox, so
        that mail is kept longer."""
        self.user.doveadm("force-resync", "*")
        view = self.view()
        for subject in STAYING:
            check(subject in view.inbox, "%s is lost, index or not", subject)
        for subject in GOING:
            if self.effect.action != "remove":
                check(subject in view.inbox or subject in view.archive,
                      "%s is lost, index or not", subject)
        self.clean_session()

    def _is_finished(self, view):
        if self.effect.action == "hide":
            return all(HIDDEN in view.inbox[subject].flags
                       for subject in GOING if subject in view.inbox)
        return not set(GOING) & set(view.inbox)

    def _shown(self):
        client = self.user.pop3()
        subjects = [re.search(r"Subject: (\w+)", client.ok(
            "TOP %d 0" % number).data.decode()).group(1)
            for number in sorted(client.list())]
        client.quit()
        return subjects
