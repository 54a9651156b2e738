# SPDX-License-Identifier: LGPL-2.1-or-later
"""Messages to deliver."""

import glob
import itertools
import os

DATA_DIR = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                        "..", "..", "data")
_numbers = itertools.count(1)


def message(subject="test", body="Hello.\r\n", size=None, headers=()):
    """A message with CRLF lines and a Message-ID of its own, as bytes.

    body: str or bytes. size: the body is filled up with lines until the whole
    has exactly so many bytes. headers: more header lines, without CRLF."""
    number = next(_numbers)
    text = ("From: Sender <sender@example.org>\r\n"
            "To: Recipient <recipient@example.org>\r\n"
            "Subject: %s\r\n"
            "Date: Mon, 02 Jun 2025 10:00:00 +0200\r\n"
            "Message-ID: <%d.%d@example.org>\r\n" %
            (subject, os.getpid(), number))
    text = text.encode() + b"".join(h.encode() + b"\r\n" for h in headers)
    text += b"\r\n" + (body.encode() if isinstance(body, str) else body)
    if size is not None:
        missing = size - len(text)
        if missing < 0:
            raise ValueError("the message has more than %d bytes" % size)
        line = b"x" * 70 + b"\r\n"
        fill = line * (missing // len(line))
        rest = missing - len(fill)
        if rest > 2:
            fill += b"y" * (rest - 2) + b"\r\n"
        else:
            fill = b"z" * rest + fill
        text += fill
    return text


def data_paths():
    """The files of tests/data, sorted: messages as mail programs write them."""
    return sorted(glob.glob(os.path.join(DATA_DIR, "*.eml")))


def data_messages():
    """Their contents, byte for byte."""
    messages = []
    for path in data_paths():
        with open(path, "rb") as file:
            messages.append(file.read())
    return messages
