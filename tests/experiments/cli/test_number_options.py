"""Options and --set read numbers alike: what one takes the other takes, and what one refuses the other refuses."""

import click
import pytest
from click.testing import CliRunner

from experiments.cli.main import COMMANDS, cli

TEXTS = [
    "12",
    "007",
    "+12",
    "1_000",
    "1e3",
    "1.5",
    ".5",
    "1.",
    "1e400",
    "\uff11\uff12",
    "nan",
    "inf",
    "1%",
    "0x10",
    "1,5",
    "",
    "x",
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize(("option", "path"), [("--days", "run.days"), ("--users", "run.users"), ("--seed", "run.seed")])
def test_an_option_and_set_agree(cpalab_here, text, option, path):
    answers = [cpalab_here("power", "scenario", "dtc-apparel", "--channel", "none", *words)
               for words in ([option, text], ["--set", f"{path}={text}"])]  # fmt: skip
    named = [path in error or option in error for _, _, error in answers]
    assert [status for status, _, _ in answers] == [2, 2]  # for want of such a channel, at the latest
    assert named[0] == named[1], answers


def test_no_option_reads_numbers_in_a_way_of_its_own():
    def kinds(command):
        for parameter in command.params:
            yield command.name, parameter.name, type(parameter.type)
        for inner in getattr(command, "commands", {}).values():
            yield from kinds(inner)

    theirs = (click.types.IntParamType, click.types.FloatParamType, click.IntRange, click.FloatRange)
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert not [place for *place, kind in kinds(command) if kind in theirs]


def test_what_is_no_number_is_refused_with_an_example():
    answer = CliRunner().invoke(cli, ["run", "--days", "1%"])
    assert answer.exit_code == 2
    assert "'1%' is not a valid float; write 0.25" in answer.output
