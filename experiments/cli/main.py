"""The command `cpalab`: finds the subcommand, loads only that, and turns people's mistakes into clear messages."""

import errno
import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click

from cpalab.interruption import end_interrupted, watch_for_signals
from cpalab.refusal import Refused, did_you_mean

# Subcommand → what it does. Each is loaded from experiments.cli.NAME when it is called, so that --help answers at once.
COMMANDS = {  # the module of each command, and what it is for
    "run": ("market.run", "Simulate a market, attribute it, test it, compute its truth, and compare the CPAs."),
    "simulate": ("market.simulate", "Simulate a market and write what happened."),
    "truth": ("market.truth", "What each channel's ads really caused."),
    "record": ("market.record", "What each system recorded: sessions, claims, channel groups, postbacks, noisy sums."),
    "export": ("market.export", "Write a market's touches, conversions and costs in any format of attribution."),
    "explain": ("market.explain", "Why CPA moved: each change's part, real or only in the record."),
    "leaderboard": ("bench.leaderboard", "Which attribution model finds the truth, and under which assumptions."),
    "optimise": ("bench.optimise", "Let budgets follow a signal, and count the real orders that brings."),
    "sweep": ("bench.sweep", "Many worlds that differ in some parameters, and which of these moves the CPA gap most."),
    "dataset": ("bench.dataset", "A frozen, hashed data set: worlds as seen and as they were, in three schemas."),
    "rollout": ("rollout.rollout", "Which CPA shift a tracking change should bring, and what would be a bug."),
    "check-rollout": (
        "rollout.check_rollout",
        "Hold the figures seen after a rollout to its contract, for a pipeline.",
    ),
    "expect": ("rollout.expect", "The CPA shift planned changes must bring, by closed form on your own counts."),
    "init": ("own_market.init", "Scenarios of your own market: worlds that show your channel table, as an ensemble."),
    "reconcile": (
        "own_market.reconcile",
        "Why platform, analytics and CRM disagree, cause by cause; normal or a bug.",
    ),
    "faults": ("rollout.faults", "The tracking faults that can be simulated, with what each does to CPA."),
    "attribute": ("attribute.attribute", "Attribute your own paths or logs, with any model."),
    "lifttests": ("lift.lifttests", "Lift-test designs side by side in one market: bias, coverage, width and cost."),
    "lift": ("lift.lift", "Read a lift test from your own table, by user or by geo."),
    "power": ("lift.power", "Plan a lift test: sample size, detectable effect, cost."),
    "lesson": ("market.lesson", "A lesson for a class as one page: guess, move the report's settings, see the truth."),
    "scenarios": ("market.scenarios", "List the scenarios that come with cpalab, or show one."),
    "check": ("market.check", "Validate a scenario file."),
    "verify": ("market.verify", "Whether a stored result is what its manifest says, file by file."),
}

USAGE_ERROR = 2
BAD_INPUT_AT_THE_GATE = 3  # where 1 and 2 are verdicts: a figure is outside, nothing can be told
READER_GONE = 141  # as the shell reports other tools in `cpalab run | head`


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Names in the order in which a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """The command of this name, imported now."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"experiments.cli.{COMMANDS[cmd_name][0]}").command
        from experiments.cli.number_options import read_numbers_alike

        return read_numbers_alike(command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with a hint for a misspelt command."""
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            ctx.fail(f"no such command: {args[0]}; {did_you_mean(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """The list of commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, purpose) for name, (_, purpose) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cpalab")
def cli() -> None:
    """A laboratory for cost per action (CPA).

    Simulates a market of people, ads and purchases whose truth is known, and puts attributed CPA beside incremental CPA.
    Begin with: cpalab run
    """


def main() -> None:
    """Run the command line.

    Exit status 0 if all went well, 2 on bad input (3 where 1 and 2 are verdicts on a rollout), 1 on other failures,
    130 on Ctrl-C, 143 on SIGTERM, 129 on SIGHUP, 141 if
    whoever read our output has gone.
    """
    watch_for_signals()
    with clear_messages():
        try:
            status = cli.main(standalone_mode=False)
            sys.stdout.flush()
        except SystemExit:
            # No command of ours exits by itself: so end click and rich where the reader has gone, with status 1.
            raise BrokenPipeError from None
    sys.exit(status if isinstance(status, int) else 0)


def bad_input_status(arguments: Sequence[str]) -> int:
    """Exit status of bad input: 3 for commands whose statuses 1 and 2 are verdicts on a rollout, else 2."""
    asks_for_verdict = arguments[:1] == ["check-rollout"] or (
        arguments[:1] == ["rollout"] and any(word.startswith("--observed") for word in arguments)
    )
    return BAD_INPUT_AT_THE_GATE if asks_for_verdict else USAGE_ERROR


@contextmanager
def clear_messages() -> Iterator[None]:
    """Turn the errors that people can cause into a message and an exit status."""
    try:
        yield
    except click.ClickException as error:
        error.show()
        sys.exit(bad_input_status(sys.argv[1:]) if error.exit_code == USAGE_ERROR else error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        end_interrupted()
    except BrokenPipeError:
        # Whoever read our output has gone; say nothing more, not even while Python flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(READER_GONE)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EPERM, errno.EDQUOT):
            raise
        click.echo(f"Error: {error.filename or 'output'}: {error.strerror}", err=True)
        sys.exit(1)
    except Refused as error:
        from cpalab.visible_text import visible
        from experiments.cli.refusals import as_typed, command_of

        command = command_of(cli, sys.argv[1:])
        lines = [as_typed(line, command) for line in error.lines]
        click.echo(visible("Error: " + ("\n       ".join(lines))), err=True)
        sys.exit(bad_input_status(sys.argv[1:]))
