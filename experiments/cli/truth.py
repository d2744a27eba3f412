"""`cpalab truth`: what each channel's ads really caused."""

from typing import TYPE_CHECKING, Literal

import click

from experiments.cli.options import chosen_scenario, engine_options, scenario_options, talk_options
from experiments.cli.progress import progress_bar, say_if_compiling

if TYPE_CHECKING:
    from simulator.world import EngineName


@click.command()
@scenario_options
@click.option(
    "--feedback",
    type=click.Choice(["held", "free"]),
    default="held",
    show_default=True,
    help="Whether the market's budgets and pacing react to a change.",
)
@engine_options
@talk_options
def command(
    scenario: str, users: int | None, days: float | None, seed: int | None, overrides: tuple[str, ...],
    feedback: Literal["held", "free"], engine: "EngineName", threads: int, quiet: bool, as_json: bool,
) -> None:  # fmt: skip
    """Average, marginal and joint effects of ads, by living everyone's life again without them.

    SCENARIO is a name (see cpalab scenarios) or a TOML file.
    """
    chosen = chosen_scenario(scenario, users, days, seed, overrides)
    from experiments.cli.tables import print_json, print_truth
    from experiments.truth import ESTIMANDS, measure_truth
    from simulator.world import simulate

    say_if_compiling(quiet)
    with progress_bar(quiet) as report:
        world = simulate(chosen, engine=engine, threads=threads, progress=lambda share: report("simulate", share))
        truth = measure_truth(
            world,
            estimands=ESTIMANDS,
            feedback=feedback,
            threads=threads,
            progress=lambda share: report("truth", share),
        )
    if as_json:
        labels = {channel: found.counts() for channel, found in truth.labels.items()}
        print_json({"feedback": feedback, "effects": truth.to_frame().to_dict("records"), "labels": labels})
    elif not quiet:
        print_truth(truth)
