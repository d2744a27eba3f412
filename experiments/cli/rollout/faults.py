"""`cpalab faults`: the fault library, each with the factor by which it must multiply reported CPA."""

import click

from simulator.scenario.faults import FAULTS, find_fault, known_faults


@click.command()
@click.argument("fault", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the library as JSON.")
def command(fault: str | None, as_json: bool) -> None:
    """List the 26 faults (F1 to F25, and F23b), or show one (by name or code).

    Any of them can be put on a scenario's timeline ("tracking.faults.tag_outage" = 0.2) or into a change file:

    \b
        [[changes]]
        fault = "tag_outage"
        size = 0.2
    """
    if fault is not None and find_fault(fault) is None:
        raise click.UsageError(f"no such fault: {fault}; {known_faults(fault)}")
    chosen = [known for known in FAULTS if fault is None or known is find_fault(fault)]
    if as_json:
        from experiments.cli.terminal import print_json

        fields = ("code", "name", "size", "usual", "smallest", "largest", "formula", "signature")
        print_json([{field: getattr(known, field) for field in fields} for known in chosen])
        return
    from experiments.cli.terminal import Table, console

    table = Table(title="Faults of tracking, and what each does to reported CPA", title_justify="left")
    for heading in ("code", "name", "size (usual)", "reported CPA", "what gives it away"):
        table.add_column(heading)
    for known in chosen:
        table.add_row(known.code, known.name, f"{known.size} ({known.usual:g})", known.formula, known.signature)
    console().print(table)
