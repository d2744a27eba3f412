"""The command `cpalab`: finds the subcommand, loads only that, and turns people's mistakes into clear messages."""

import errno
import importlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

# Subcommand → what it does. Each is loaded from experiments.cli.NAME when it is called, so that --help answers at once.
COMMANDS = {  # the module of each command, and what it is for
    "run": ("market.run", "Simulate a market, attribute it, test it, compute its truth, and compare the CPAs."),
    "simulate": ("market.simulate", "Simulate a market and write what happened."),
    "truth": ("market.truth", "What each channel's ads really caused."),
    "record": ("market.record", "What each system recorded: sessions, claims, channel groups, postbacks, noisy sums."),
    "rollout": ("rollout.rollout", "Which CPA shift a tracking change should bring, and what would be a bug."),
    "faults": ("rollout.faults", "The tracking faults that can be simulated, with what each does to CPA."),
    "attribute": ("attribute.attribute", "Attribute your own paths or logs, with any model."),
    "lifttests": ("lift.lifttests", "Lift-test designs side by side in one market: bias, coverage, width and cost."),
    "lift": ("lift.lift", "Read a lift test from your own table, by user or by geo."),
    "power": ("lift.power", "Plan a lift test: sample size, detectable effect, cost."),
    "scenarios": ("market.scenarios", "List the scenarios that come with cpalab, or show one."),
    "check": ("market.check", "Validate a scenario file."),
}

USAGE_ERROR = 2
INTERRUPTED = 130
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
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with a hint for a misspelt command."""
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            from cpalab.refusal import did_you_mean

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

    Exit status 0 if all went well, 2 on bad input, 1 on other failures, 130 on Ctrl-C, 141 if whoever read our output has
    gone.
    """
    sys.unraisablehook = _raise_interruptions_again
    with clear_messages(_leave):
        try:
            cli.main(standalone_mode=False)
            sys.stdout.flush()
        except SystemExit:
            # No command of ours exits by itself: so end click and rich where the reader has gone, with status 1.
            raise BrokenPipeError from None


def _raise_interruptions_again(lost: "sys.UnraisableHookArgs") -> None:
    """Ctrl-C that strikes inside a callback from C (LLVM's, while compiled code is loaded) would be lost there."""
    if issubclass(lost.exc_type, KeyboardInterrupt):
        # A little later and from a thread of its own: raised at once it would strike here, and be lost again.
        again = threading.Timer(0.05, signal.pthread_kill, (threading.get_ident(), signal.SIGINT))
        again.daemon = True
        again.start()
    else:
        sys.__unraisablehook__(lost)


def _leave(status: int) -> None:
    """End the process with this status."""
    if status == INTERRUPTED:
        # Ctrl-C may have struck while compiled code was being loaded; taking LLVM's half-made objects apart at the
        # interpreter's end would crash. All that must be cleaned up has been: the interruption came through it.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


@contextmanager
def clear_messages(leave: Callable[[int], None]) -> Iterator[None]:
    """Turn the errors that people can cause into a message and an exit status."""
    try:
        yield
    except click.ClickException as error:
        error.show()
        leave(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted; nothing was written.", err=True)
        leave(INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has gone; say nothing more, not even while Python flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        leave(READER_GONE)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EPERM, errno.EDQUOT):
            raise
        click.echo(f"Error: {error.filename or 'output'}: {error.strerror}", err=True)
        leave(1)
    except Exception as error:
        # Every error that says what is wrong with what the user gave us lists its problems.
        if not hasattr(error, "problems"):
            raise
        from experiments.cli.refusals import as_typed, command_of

        command = command_of(cli, sys.argv[1:])
        lines = [as_typed(str(problem), command) for problem in error.problems]
        click.echo("Error: " + ("\n       ".join(lines)), err=True)
        leave(USAGE_ERROR)
