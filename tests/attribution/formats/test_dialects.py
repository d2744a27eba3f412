"""A clean table written in any dialect is read to the same credits, or refused; never to other credits."""

import csv
import gzip
import io
import random
import zipfile
from datetime import datetime, timedelta

import pytest

from attribution.formats.event_tables import EventTables
from attribution.formats.records import CountedPaths
from attribution.formats.registry import KNOWN_COLUMNS, read_data
from attribution.models.rules.rules import LastClick, Linear
from cpalab.refusal import InvalidInputError
from cpalab.tables.input_table import open_table

CHANNELS = (
    "Paid Search",
    "email",
    "Zürich Radio",
    "google / cpc",
    "brand, generic",
    "Total Wine",
    "3rd party",
    "A1",
    "social",
)
TITLES = ("", "Cost report\n", '"January 1, 2026 - January 31, 2026"\n', "# Account: 1\n# Total\n", "\n\n")
NAMES = {
    "user_id": ("user_id", "User ID", "customer_id", "cookie", "visitor_id"),
    "time": ("time", "timestamp", "Event Time", "date"),
    "channel": ("channel", "Channel", "channel_name"),
    "order_id": ("order_id", "transaction_id", "Order ID"),
    "value": ("value", "revenue", "Revenue (EUR)"),
    "path": ("path", "Conversion path", "Default channel group path"),
    "conversions": ("conversions", "Conversions", "Key events"),
    "campaign": ("Campaign", "channel", "Campaign name"),
    "cost": ("Cost", "spend", "Amount spent (EUR)"),
    "clicks": ("Clicks", "Impr."),
}


class Dialect:
    """One way to write tables, drawn at random."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        pick = self.rng.choice
        self.separator = pick([",", ",", ";", "\t", "|"])
        self.encoding = pick(["utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
        self.newline = pick(["\n", "\r\n"])
        self.decimal = pick([".", ","])
        self.thousands = pick(["", "", "," if self.decimal == "." else ".", "'", "\u00a0"])
        self.sign = pick(["", "", "", "€", " €", "$"])
        self.title = pick(TITLES)
        self.total = pick(["", "", "Total", "Grand total", "Total: Account"])
        self.quoting = pick([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
        self.date = pick(["iso", "T", "Z", "+00", "dots", "slashes", "us", "text"])
        self.arrow = pick([" > ", " > ", ">", " -> ", " → ", ">>>", "json", " | "])
        self.packing = pick(["", "", ".gz", ".zip"])
        self.blank = pick(["", "", " "])
        self.last_line = pick([True, True, False])
        self.order = self.rng.random() < 0.5
        self.empty = pick(["", "--", "n/a"])
        self.note = pick(["", "", "Notes"])
        if self.encoding == "cp1252" and "→" in self.arrow:
            self.encoding = "utf-8"

    def number(self, value):
        if value is None:
            return self.empty
        text = f"{value:,.2f}" if value != int(value) or self.rng.random() < 0.5 else f"{int(value):,}"
        whole, _, part = text.partition(".")
        return whole.replace(",", self.thousands) + (self.decimal + part if part else "")

    def money(self, value):
        text = self.number(value)
        if value is None:
            return text
        return f"{self.sign}{text}" if self.sign in ("$", "€") else f"{text}{self.sign}"

    def time(self, moment):
        form = {
            "iso": "%Y-%m-%d %H:%M:%S", "T": "%Y-%m-%dT%H:%M:%S", "Z": "%Y-%m-%dT%H:%M:%SZ", "+00": "%Y-%m-%d %H:%M:%S+00",
            "dots": "%d.%m.%Y %H:%M", "slashes": "%d/%m/%Y %H:%M", "us": "%m/%d/%Y %I:%M %p", "text": "%b %d, %Y %H:%M:%S",
        }[self.date]  # fmt: skip
        return moment.strftime(form)

    def path(self, names):
        if self.arrow == "json":
            return "[" + ",".join(f'"{name}"' for name in names) + "]"
        return self.arrow.join(names)

    def write(self, folder, name, columns, rows, total=None):
        names = [self.rng.choice(NAMES[column]) for column in columns]
        if self.order:
            order = self.rng.sample(range(len(columns)), len(columns))
            names, rows = [names[k] for k in order], [[row[k] for k in order] for row in rows]
            total = total and [total[k] for k in order]
        if self.note:
            names = [*names, self.note]
            rows = [[*row, self.rng.choice(["", "two\nlines", 'a "b", c; d', "x|y\tz"])] for row in rows]
            total = total and [*total, ""]
        text = io.StringIO()
        writer = csv.writer(text, delimiter=self.separator, quoting=self.quoting, lineterminator=self.newline)
        writer.writerow(names)
        writer.writerows([[self.blank + cell if cell else cell for cell in row] for row in rows])
        if total and self.total:
            writer.writerow(total)
        body = self.title.replace("\n", self.newline) + text.getvalue()
        data = (body if self.last_line else body.rstrip("\r\n")).encode(self.encoding)
        path = folder / f"{name}.csv{self.packing}"
        if self.packing == ".zip":
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr(f"{name}.csv", data)
        else:
            path.write_bytes(gzip.compress(data) if self.packing else data)
        return path


def credits_of(paths):
    found = {}
    for model in (LastClick(), Linear()):
        credit = model.fit(paths).credit(paths)
        found |= {
            (credit.method, n): (c, round(v))
            for n, c, v in zip(credit.channels, credit.conversions, credit.value_micros, strict=True)
            if c
        }
    return found | {"unattributed": (paths.unattributed_conversions, paths.unattributed_value_micros)}


def counted(dialect, folder):
    """A table of counted paths, clean and in the dialect."""
    rng = dialect.rng
    many = rng.randint(2, 9)
    rows = [
        (
            [rng.choice(CHANNELS) for _ in range(rng.randint(1, 4))],
            rng.choice([rng.randint(1, 9), rng.randint(1000, 99999)]),
            rng.randint(100, 999_999) / 100,
        )
        for _ in range(many)
    ]
    clean = {
        "path": [names for names, _, _ in rows],
        "conversions": [float(count) for _, count, _ in rows],
        "value": [value for _, _, value in rows],
    }
    sums = [sum(clean[name]) for name in ("conversions", "value")]
    path = dialect.write(
        folder, "paths", ("path", "conversions", "value"),
        [[dialect.path(names), dialect.number(count), dialect.money(value)] for names, count, value in rows],
        [dialect.total, dialect.number(sums[0]), dialect.money(sums[1])],
    )  # fmt: skip
    return clean, (path,)


def events(dialect, folder):
    """Touches and orders, clean and in the dialect."""
    rng = dialect.rng
    start = datetime(2026, rng.randint(1, 12), rng.randint(1, 28), 8)
    people = [rng.choice([f"u{k}", f"{1000 + k}", f"0{k}"]) for k in range(rng.randint(2, 7))]
    touches = [
        (p, start + timedelta(hours=rng.randint(0, 400), minutes=k), rng.choice(CHANNELS))
        for k in range(2)
        for p in people
    ]
    orders = [
        (
            p,
            start + timedelta(hours=rng.randint(0, 600), minutes=30),
            f"o{k}",
            rng.choice([None, rng.randint(100, 999_999) / 100]),
        )
        for k, p in enumerate(people)
    ]
    clean = (
        {"user_id": [t[0] for t in touches], "time": [t[1] for t in touches], "channel": [t[2] for t in touches]},
        {
            "user_id": [o[0] for o in orders], "time": [o[1] for o in orders], "order_id": [o[2] for o in orders],
            "value": [o[3] or 0.0 for o in orders],
        },
    )  # fmt: skip
    files = (
        dialect.write(folder, "touches", ("user_id", "time", "channel"), [[p, dialect.time(t), c] for p, t, c in touches]),
        dialect.write(
            folder, "orders", ("user_id", "time", "order_id", "value"),
            [[p, dialect.time(t), o, dialect.money(v)] for p, t, o, v in orders],
        ),
    )  # fmt: skip
    return clean, files


def same_or_refused(seed, folder):
    """Whether a dialect was read; an assertion fails where it was read to other credits."""
    dialect = Dialect(seed)
    clean, files = (counted if seed % 2 else events)(dialect, folder)
    if seed % 2:
        from attribution.paths.paths import Paths

        expected = Paths.from_rows(clean["path"], clean["conversions"], value_micros=[v * 1e6 for v in clean["value"]])
    else:
        expected = read_data(*clean).to_paths()
    try:
        data = read_data(*files)
        found = data.paths if isinstance(data, CountedPaths) else data.to_paths()
    except InvalidInputError:
        return False
    assert credits_of(found) == credits_of(expected), (seed, vars(dialect), [f.name for f in files])
    return True


def costs_or_refused(seed, folder):
    """Likewise for a report of costs."""
    dialect = Dialect(seed)
    rng = dialect.rng
    rows = [
        (rng.choice(CHANNELS), rng.randint(0, 9_999_999) / 100, rng.randint(0, 99_999))
        for _ in range(rng.randint(2, 9))
    ]
    path = dialect.write(
        folder, "costs", ("campaign", "cost", "clicks"),
        [[name, dialect.money(cost), dialect.number(clicks)] for name, cost, clicks in rows],
        [dialect.total, dialect.money(sum(cost for _, cost, _ in rows)), dialect.number(sum(clicks for *_, clicks in rows))],
    )  # fmt: skip
    problems = []
    try:
        costs, report = EventTables().read_costs(open_table(path, known=KNOWN_COLUMNS), problems)
    except InvalidInputError:
        return False
    if problems or report.defects:
        return False
    found = list(zip(costs["channel"].to_pylist(), costs["cost_micros"].to_pylist(), strict=True))
    assert found == [(name, round(cost * 1e6)) for name, cost, _ in rows], (seed, vars(dialect))
    return True


def read_shares(seeds, folder):
    """The share of dialects that were read, of paths and events and of costs."""
    seeds = list(seeds)
    data = sum(same_or_refused(seed, folder) for seed in seeds) / len(seeds)
    return data, sum(costs_or_refused(seed, folder) for seed in seeds) / len(seeds)


def test_200_dialects(tmp_path):
    """Most are read, not refused: a reader that refuses all would never be wrong."""
    data, costs = read_shares(range(200), tmp_path)
    assert data > 0.7
    assert costs > 0.7


@pytest.mark.study
def test_5000_dialects(tmp_path):
    data, costs = read_shares(range(1_000, 6_000), tmp_path)
    print(f"{data:.1%} of dialects of paths and events and {costs:.1%} of costs were read, the others refused")  # noqa: T201
