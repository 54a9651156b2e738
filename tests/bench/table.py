# SPDX-License-Identifier: LGPL-2.1-or-later
"""What was measured, as a table."""

import collections

Row = collections.namedtuple("Row", "what unit plain ours ratio target note")


def number(value):
    if value >= 1e6:
        return "%.2fM" % (value / 1e6)
    if value >= 1e4:
        return "%.1fk" % (value / 1e3)
    return "%.2f" % value if value < 100 else "%.0f" % value


def cells(row):
    is_difference = row.unit in ("", "MB", "bytes")
    ratio = ("%+.2f" if is_difference else "%.3f") % row.ratio
    target = "" if row.target is None else (
        "%s%.2f" % ("+" if is_difference else "", row.target))
    met = "" if row.target is None else (
        "yes" if row.ratio <= row.target else "NO")
    return (row.what + (" (%s)" % row.note if row.note else ""), row.unit,
            number(row.plain), number(row.ours), ratio, target, met)


def print_table(version, rows):
    table = [("Dovecot " + version, "unit", "plain", "with policy", "ratio",
              "target", "met")]
    table += [cells(row) for row in rows]
    widths = [max(len(row[i]) for row in table) for i in range(7)]
    print()
    for position, row in enumerate(table):
        print("| " + " | ".join(
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths))) + " |")
        if position == 0:
            print("|" + "|".join(
                "-" * (width + 2) if i < 2 else "-" * (width + 1) + ":"
                for i, width in enumerate(widths)) + "|")
