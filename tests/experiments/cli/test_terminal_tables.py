"""How numbers are written on the terminal and in JSON."""

import json
import math
import re
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import experiments
from experiments.cli.lift.lift_tables import cell
from experiments.cli.terminal import Table, json_text
from experiments.cli.terminal_tables import print_interactions
from experiments.report.numerals import money, number
from experiments.truth.interactions import Interactions


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (money(-0.001), "0.00"),
        (money(-3.0), "−3.00"),
        (money(999.996), "1,000"),
        (money(-math.inf), "−∞"),
        (number(-0.04), "0.0"),
        (number(-0.0), "0"),
        (cell("difference", -0.0), "0.00"),
        (cell("relative_lift", -0.00001), "0.00 %"),
        (cell("p_value", -0.0), "0"),
        (cell("incremental_conversions", -5e-324), "0.00"),
        (cell("incremental_conversions", -200_000.4), "−200,000"),
    ],
)
def test_what_rounds_to_zero_has_no_sign(text, written):
    assert text == written


def test_minus_zero_is_zero_in_json():
    assert json.loads(json_text([-0.0, np.float64(-0.0), -1.5])) == [0.0, 0.0, -1.5]
    assert "-0" not in json_text([-0.0])


def test_no_sentence_or_table_of_the_commands_can_write_minus_zero():
    # `z` in a format turns a zero that rounding made negative into zero.
    root = Path(experiments.__file__).parent
    signed = re.compile(r":\+?,?\.\d[f%eg]\}")
    files = [
        root / "truth" / "interactions.py",
        *(root / "cli").rglob("*.py"),
        *(root / "lift").rglob("*.py"),
        *(root / "designs").rglob("*.py"),
    ]
    assert [f"{file.name}: {text}" for file in files for text in signed.findall(file.read_text())] == []


def test_one_channel_has_no_table_of_synergies(capsys):
    def printed(*channels):
        worlds = 2 ** len(channels)
        print_interactions(
            Interactions(channels, np.arange(worlds, dtype=float), np.zeros(worlds), np.full(len(channels), 10**6))
        )
        return capsys.readouterr().out

    assert "One channel has no synergy" in printed("video")
    assert "pair" not in printed("video")
    assert "Synergy in conversions" in printed("video", "social")


def test_a_table_on_a_narrow_screen_loses_no_digit():
    table = Table()
    table.add_column("what")
    table.add_column("how much", justify="right")
    table.add_row("incremental_conversions_of_retargeting", "1234567890.12345")
    printed_on = StringIO()
    screen = Console(width=24, file=printed_on)
    screen.print(table)
    printed = "".join(line.split("│")[2].strip() for line in printed_on.getvalue().splitlines() if line.startswith("│"))
    assert printed == "1234567890.12345"
