# SPDX-License-Identifier: Apache-2.0
"""Writes a large CSV file of invented interactions to standard output, quickly.

    make_rows.py ROWS [--equal]

It has neither SESSION_ID nor EVENT_ID, so that send must find out both. Rows stand in the order
of their times and some repeat another; with --equal all are the same. The test large_file sends a million;
by hand, with a build of type Release:

    make_rows.py 10000000 > rows.csv
    /usr/bin/time -v personalize-events send --tracking-id t --dry-run rows.csv

On two cores that were shared with other work this took 117.5 s (40 s of processor time) and 24.1 MiB at the
most; three million equal rows took 28.6 s (8.5 s) and 24.2 MiB.
"""
import argparse
import sys

COLUMNS = "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE,PAGE,NUM_RATINGS"
FIRST_TIME = 1_700_000_000
USERS, ITEMS, TYPES = 99_991, 7_919, ("Click", "Watch", "Purchase")


def row(number):
    # Spread by multiplying with a large prime; every 50th row is the one before it once more.
    if number % 50 == 49:
        number -= 1
    mixed = number * 2_654_435_761 % 4_294_967_296
    return (f"user-{mixed % USERS},item-{mixed // 7 % ITEMS},{FIRST_TIME + number // 4},"
            f"{TYPES[mixed // 11 % 3]},{mixed % 10_000 / 100},/shop/{mixed % 97}/{mixed % 31},{mixed % 5}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("rows", type=int)
    parser.add_argument("--equal", action="store_true")
    options = parser.parse_args()
    write = sys.stdout.write
    write(COLUMNS + "\n")
    block = 10_000
    for begin in range(0, options.rows, block):
        numbers = range(begin, min(begin + block, options.rows))
        write("".join(row(0 if options.equal else number) for number in numbers))


if __name__ == "__main__":
    main()
