"""`python -m inr` is the command line."""

from inr.cli import main

if __name__ == "__main__":
    main()
