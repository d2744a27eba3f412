"""`python -m cpalab`: the command line."""

from experiments.cli.main import main

if __name__ == "__main__":
    main()
