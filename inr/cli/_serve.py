"""`inr serve`."""

from pathlib import Path
from typing import Annotated

import typer

from inr._cores import usable_cores
from inr._errors import MissingExtra

EPILOG = """
[bold]Examples[/bold]

  inr serve                          # prints the link of the page

  inr serve /data/fits --workers 4 --port 9000

  inr serve --workers 0              # and inr work FOLDER elsewhere on this machine

  inr token add ada && inr serve --host 0.0.0.0 --hosts box.local

[bold]Exit status[/bold] 0 ended by Ctrl-C or SIGTERM, jobs go on at the next start; 2 bad input.
"""

Folder = Annotated[
    Path | None,
    typer.Argument(help="Holds all that the service keeps; ~/.local/share/inr if not given.", show_default=False),
]


def serve(
    folder: Folder = None,
    host: Annotated[
        str, typer.Option(help="Address to listen at; other machines reach it only where it is not this one.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 8765,
    workers: Annotated[int, typer.Option(help="Processes that fit.")] = 2,
    threads: Annotated[
        int | None,
        typer.Option(
            help="Threads of every larger job; the cores, shared among the workers, if not given.", show_default=False
        ),
    ] = None,
    hosts: Annotated[
        list[str] | None,
        typer.Option(
            "--hosts", metavar="NAME", help="A further name by which it is called. May be repeated.", show_default=False
        ),
    ] = None,
    url: Annotated[
        str,
        typer.Option(
            help="What clients reach it by, where a proxy stands before it: https://inr.example.org.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Serve the page and the API that fit pictures, sounds, videos and volumes."""
    from inr.serving.settings import Settings, default_folder

    try:
        from inr.serving.http import serve
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("inr"):
            raise
        raise MissingExtra(error.name, "serve", "inr serve") from error
    each = threads if threads is not None else max(usable_cores() // max(workers, 1), 1)
    settings = Settings(
        folder=(folder or default_folder()).resolve(), host=host, port=port, hosts=tuple(hosts or ()), url=url,
        workers=workers, threads=each,
    )  # fmt: skip
    serve(settings, lambda link: print(f"inr serves {settings.folder}\nopen {link}", flush=True))
