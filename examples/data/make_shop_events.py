#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a week of an invented shop: 1 000 interactions in the column layout of Amazon Personalize.

    make_shop_events.py > shop_events.csv

The shop, its visitors and all they do are made up here. The same seed gives the same file on every
machine: only random() is used, the one method whose sequence Python promises to keep.
"""
import csv
import random
import sys

ROWS = 1000
MONDAY = 1767571200  # 2026-01-05 00:00:00 UTC
DAY = 24 * 60 * 60

COLUMNS = ["USER_ID", "SESSION_ID", "ITEM_ID", "TIMESTAMP", "EVENT_TYPE", "EVENT_VALUE", "IMPRESSION",
           "RECOMMENDATION_ID", "EVENT_ATTRIBUTION_SOURCE", "DEVICE", "QUANTITY", "UNIT_PRICE", "DESCRIPTION"]

ITEMS = [  # id, price, description; with all that makes a CSV hard to read
    ("LAMP-01", 49.0, "Desk lamp, brass"),
    ("LAMP-02", 79.9, "Floor lamp \"Heron\""),
    ("LAMP-03", 19.95, "Night light"),
    ("CUP-01", 9.5, "Caf\u00e9 au lait bowl"),
    ("CUP-02", 12.0, "Espresso cup, set of 2"),
    ("CUP-03", 7.25, "Mug \u201cMonday\u201d"),
    ("POT-01", 34.0, "Teapot, 1.2 l, \u8336"),
    ("POT-02", 58.0, "Stew pot \u00d8 24 cm"),
    ("RUG-01", 129.0, "Wool rug 60\" x 90\""),
    ("RUG-02", 64.5, "Hallway runner "),
    ("TOY-01", 15.0, "Wooden train"),
    ("TOY-02", 22.4, "Kite, red/blue"),
    ("TOY-03", 8.0, "Spinning top \U0001f300"),
    ("BOOK-01", 18.0, "\u0422\u0438\u0445\u0438\u0439 \u0434\u043e\u043c (paperback)"),
    ("BOOK-02", 24.0, "Bread, slowly"),
    ("BOOK-03", 11.9, "The Atlas of \"Small\" Rivers, vol. 2"),
    ("CLOCK-01", 39.0, "Kitchen clock"),
    ("CLOCK-02", 54.0, " Wall clock, oak"),
    ("BAG-01", 45.0, "Canvas bag 40 \u20ac edition"),
    ("BAG-02", 89.0, "Rucksack 'Fjord'"),
    ("SOAP-01", 4.5, ""),
    ("SOAP-02", 5.0, "Soap, lavender"),
    ("PLANT-01", 14.0, "Fern"),
    ("PLANT-02", 27.5, "Lemon tree, 60 cm"),
]
DEVICES = ["phone", "phone", "phone", "tablet", "desktop", "desktop", ""]
CAMPAIGNS = ["", "", "", "newsletter", "home page"]

numbers = random.Random(20260105)


def below(limit):
    return int(numbers.random() * limit)


def one_of(values):
    return values[below(len(values))]


def hexadecimal(digits):
    return "".join(one_of("0123456789abcdef") for _ in range(digits))


def favourite_item():
    """Some items sell better than others."""
    return ITEMS[int(numbers.random() ** 2 * len(ITEMS))]


def visit(number):
    """The rows of one session: somebody looks around, and now and then buys."""
    user = f"user-{1 + int(numbers.random() ** 2 * 120):03d}" if numbers.random() < 0.9 else ""
    session = f"visit-{number:04d}"
    # People shop by day: from 7 to 23 o'clock, most of them in the evening.
    time = MONDAY + below(7) * DAY + 7 * 3600 + int(max(numbers.random(), numbers.random()) * 15.5 * 3600)
    device = one_of(DEVICES)
    campaign = one_of(CAMPAIGNS)
    recommendation = "RID-" + hexadecimal(32) if numbers.random() < 0.3 else ""
    in_cart = []

    def row(event_type, item, value="", quantity="", impression=""):
        identity, price, description = item
        return {"USER_ID": user, "SESSION_ID": session, "ITEM_ID": identity, "TIMESTAMP": time,
                "EVENT_TYPE": event_type, "EVENT_VALUE": value, "IMPRESSION": impression,
                "RECOMMENDATION_ID": recommendation, "EVENT_ATTRIBUTION_SOURCE": campaign,
                "DEVICE": device, "QUANTITY": quantity, "UNIT_PRICE": price, "DESCRIPTION": description}

    for _ in range(1 + below(12)):
        item = favourite_item()
        shown = [item[0]] + [one_of(ITEMS)[0] for _ in range(below(5))]
        yield row("View", item, impression="|".join(shown) if numbers.random() < 0.4 else "")
        time += 5 + below(120)
        if numbers.random() < 0.25:
            in_cart.append(item)
            yield row("AddToCart", item, quantity=1 + below(3))
            time += 3 + below(30)
    if numbers.random() < 0.6:
        for item in in_cart:
            quantity = 1 + below(3)
            yield row("Purchase", item, value=f"{quantity * item[1]:.2f}", quantity=quantity)


def main():
    rows, visits = [], 0
    while len(rows) < ROWS:
        visits += 1
        rows += visit(visits)
    # Visits overlap, as they do in a shop's log.
    rows = sorted(rows[:ROWS], key=lambda row: row["TIMESTAMP"])
    sys.stdout.reconfigure(encoding="utf-8", newline="")
    writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


if __name__ == "__main__":
    main()
