"""`cpalab` and `python -m cpalab`: the command line, ready to be interrupted before anything slow is imported."""

from cpalab.interruption import end_interrupted, watch_for_signals


def main() -> None:
    """Run the command line (see `experiments.cli.main`)."""
    watch_for_signals()
    try:
        from experiments.cli.main import main as command

        command()
    except KeyboardInterrupt:
        end_interrupted()


if __name__ == "__main__":
    main()
