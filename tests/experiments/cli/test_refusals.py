"""Refusals speak of the options that were typed, not of the arguments behind them."""

import click
import pandas as pd
import pytest

from experiments.cli.main import cli
from experiments.cli.refusals import as_typed, command_of


def command():
    options = [
        click.Option(["--treated-share", "planned_treated_share"]),
        click.Option(["--level", "levels"], multiple=True),
        click.Option(["--missing-rows"]),
        click.Option(["--method", "-m"]),
        click.Option(["--users"]),
        click.Option(["--dates"], expose_value=False),
    ]
    return click.Command("test", params=[click.Argument(["file"]), *options])


@pytest.mark.parametrize(
    ("problem", "typed"),
    [
        ("planned_treated_share: 2 must be less", "--treated-share: 2 must be less"),
        ("treated_share: 2 must be less", "--treated-share: 2 must be less"),
        ("level: 2 must be less", "--level: 2 must be less"),
        ("levels: () must hold one", "--level: () must hold one"),
        ("users, level: one must be given", "--users, --level: one must be given"),
        ("method: bad; ask for missing_rows='zero'", "--method: bad; ask for --missing-rows zero"),
        ("cost: bad; pass planned_treated_share", "cost: bad; pass --treated-share"),
        ("cost: the users of a method: all", "cost: the users of a method: all"),
        ("file: is not there", "file: is not there"),
        ("users.csv: bad", "users.csv: bad"),
        ("treated.users: bad", "treated.users: bad"),
        ("users: math.inf means no limit", "--users: inf means no limit"),
        ("no place at all", "no place at all"),
        ("date: 3 days must have rows", "date: 3 days must have rows"),
    ],
)
def test_an_argument_becomes_the_option_that_passes_it(problem, typed):
    assert as_typed(problem, command()) == typed


def test_the_command_is_the_innermost_one_named():
    assert command_of(cli, ["power", "user", "--lift", "geo"]).name == "user"
    assert command_of(cli, ["lift", "user", "x.csv"]).params != command_of(cli, ["power", "user"]).params
    assert command_of(cli, ["truth", "run"]).name == "command"
    assert command_of(cli, ["nothing"]) is cli


@pytest.fixture
def tables(tmp_path, monkeypatch):
    """A test by user, one by geo, one by time."""
    monkeypatch.chdir(tmp_path)
    users = pd.DataFrame({"user_id": range(8), "arm": ["treated", "control"] * 4, "conversions": 1, "cost": 1.0})
    users.to_csv("users.csv", index=False)
    days = pd.date_range("2026-01-01", periods=40).astype(str)
    geos = pd.DataFrame({"geo": ["a"] * 40 + ["b"] * 40, "date": [*days, *days], "response": range(80)})
    geos.to_csv("geos.csv", index=False)
    pd.DataFrame({"date": days, "response": range(40), "state": "on"}).to_csv("days.csv", index=False)


GEO = ("lift", "geo", "geos.csv", "--treated")


@pytest.mark.parametrize(
    ("words", "messages"),
    [
        (
            "power user --baseline-rate 2 --lift 0.1 --treated-share 1.5 --exposed-share 3 --cost-per-user -1",
            ["--baseline-rate: 2.0 must", "or give --sd", "--treated-share: 1.5", "--exposed-share: 3.0",
             "--cost-per-user: -1.0"],
        ),
        ("power user --baseline-rate .2 --lift 99", ["--lift: 99.0 must"]),
        ("power user --baseline-rate .2", ["--users, --lift: at least one"]),
        ("power user --baseline-rate .2 --lift .1 --delay-days -1", ["--delay-days: -1.0"]),
        ("power user --baseline-rate .2 --lift .1 --looks 2 --alternative greater", ["--alternative: greater must"]),
        ("power user --baseline-rate .2 --lift .1 --level 3", ["--level: 3.0"]),
        ("power geo geos.csv --treated c --test-days 90", ["--treated: c must", "--test-days: 90 days must"]),
        ("power geo geos.csv --treated a --test-days 5 --lift -1", ["--lift: -1 must be positive; write 0.05"]),
        ("power geo geos.csv --candidates 3 --test-days 5 --treated-share 2", ["--treated-share: 2.0"]),
        ("power geo geos.csv --treated a --test-days 5 --power 3 --level 4", ["--power: 3.0", "--level: 4.0"]),
        (
            "power markets dtc-geos --lift -1 --treated-share 5 --test-days 500 --level 4 --power 7 --users 1000",
            ["--lift: -1", "--treated-share: 5.0", "--test-days: 500", "--level: 4.0", "--power: 7.0"],
        ),
        ("power markets dtc-geos --users -5", ["--users: -5 must"]),
        ("power markets dtc-geos --set channels.vidoe.holdout.share=0.2", ["--set channels.vidoe: unknown key; did you"]),
        ("power markets dtc-geos --set channels.video.holdout.share=7", ["--set channels.video.holdout.share: 7 must"]),
        ("power markets dtc-geos --set channels.vidoe={holdout={share=1}}", ["--set channels.vidoe: unknown key"]),
        ("power markets dtc-geos --set channels.video={holdout={shre=1}}", ["--set channels.video.holdout.shre: unk"]),
        ("lift user users.csv --treated-share 2 --level 7", ["--treated-share: 2 must", "--level: 7.0 must"]),
        ("lift user users.csv --information -2", ["--information: -2.0 must"]),
        ("lift geo geos.csv --treated c --start 2026-01-20 --end 2027-01-01", ["--treated: c must", "--end: 2027"]),
        ("lift geo geos.csv --treated a --start 2026-01-20 --end 2026-02-09 --cooldown-days 9", ["--cooldown-days: 9"]),
        ("lift switchback days.csv --block-days 99", ["--block-days: 99 must"]),
        ("lift switchback days.csv --block-days 7 --washout-days 8", ["--washout-days: 8 must"]),
        ("attribute users.csv --lookback -3 --view-lookback -1", ["--lookback: -3.0 must", "--view-lookback: -1.0",
                                                                  "; inf means no limit"]),
        ("attribute users.csv --format foo", ["--format: 'foo' is unknown"]),
        ("attribute users.csv --model marko", ["--model: 'marko' is unknown; did you mean markov?"]),
        ("attribute users.csv --model time_decay(half_life_days=-3)", ["time_decay.half_life_days: -3 must"]),
        ("truth --interactions vidoe", ["--interactions: vidoe is no channel with campaigns; did you mean video?"]),
        ("lifttests --designs ghosts", ["--designs: 'ghosts' is unknown; did you mean ghost_ads?"]),
        ("lifttests --channels vidoe", ["--channels: 'vidoe' is no channel of this scenario; did you mean video?"]),
    ],
)  # fmt: skip
def test_refusals_name_the_option_as_typed(cpalab_here, tables, words, messages):
    status, out, err = cpalab_here(*words.split())
    assert (status, out) == (2, "")
    for message in messages:
        assert message in err
