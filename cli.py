"""The command line from a checkout: python cli.py fit photo.png."""

from inr.cli import main

if __name__ == "__main__":
    main()
