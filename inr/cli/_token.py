"""`inr token`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from inr._errors import InrError
from inr.cli._console import out, print_json, remark, si
from inr.cli._parsing import parse_bytes

if TYPE_CHECKING:
    from inr.serving.queue import Queue, User

EPILOG = """
[bold]Examples[/bold]

  inr token add ada                       # prints the token, once

  inr token add night --weight 0.2 --running 1 --bytes 5GB

  inr token list

  inr token remove ada                    # with all signals, jobs and fields

[bold]Exit status[/bold] 0 fine; 2 bad input.
"""

token = typer.Typer(help="Users of a service: who may use it, and how much.", no_args_is_help=True, epilog=EPILOG)

Folder = Annotated[
    Path | None, typer.Option("--folder", help="Of the service; ~/.local/share/inr if not given.", show_default=False)
]
Name = Annotated[str, typer.Argument(help="Of the user.")]


@token.command()
def add(
    name: Name,
    folder: Folder = None,
    weight: Annotated[float, typer.Option(help="Share of the workers' time beside other users who wait.")] = 1.0,
    waiting: Annotated[int, typer.Option(help="Jobs that may wait.", min=1)] = 10_000,
    running: Annotated[int, typer.Option(help="Jobs that may run at once; 0: any number.", min=0)] = 0,
    bytes_: Annotated[
        str, typer.Option("--bytes", help="Of signals, uploads and results together, as 20GiB.")
    ] = "20GiB",
    seconds: Annotated[float, typer.Option(help="That one job may take.", min=1)] = 86_400.0,
) -> None:
    """Add a user, and print the token: it is shown this once."""
    from inr.serving.queue import Quotas

    if not name.strip() or len(name) > 100 or not name.isprintable():
        raise InrError("NAME is a line of 1 to 100 characters")
    quotas = Quotas(waiting=waiting, running=running, bytes=parse_bytes(bytes_), seconds_a_job=seconds)
    _, secret = _queue(folder, begin=True).add_user(name, weight=weight, quotas=quotas)
    print(secret)
    remark("keep it: it is not shown again; programs send it as Authorization: Bearer TOKEN")


@token.command("list")
def list_users(
    folder: Folder = None, as_json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False
) -> None:
    """List the users, with what they may use and have used."""
    queue = _queue(folder)
    rows = [_row(queue, user) for user in queue.users()]
    if as_json:
        print_json({"users": rows})
        return
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="cyan")
    for heading in ("name", "weight", "running", "waiting", "stored", "may store", "seconds used"):
        table.add_column(heading, justify="left" if heading == "name" else "right")
    for row in rows:
        table.add_row(
            row["name"], f"{row['weight']:g}", str(row["running"]), str(row["waiting"]), si(row["bytes"], "B"),
            si(row["quotas"]["bytes"], "B"), f"{row['seconds']:.0f}",
        )  # fmt: skip
    out().print(table)


@token.command()
def remove(name: Name, folder: Folder = None) -> None:
    """Remove a user with all signals, jobs and fields."""
    from inr.serving.settings import OWNER

    if name == OWNER:
        raise InrError(f"{OWNER} runs the service and stays; inr token replace {OWNER} ends the old token")
    queue = _queue(folder)
    queue.remove_user(_user(queue, name).id)


@token.command()
def replace(name: Name, folder: Folder = None) -> None:
    """Print a new token for a user; the old one and all sessions end."""
    from inr.serving.settings import OWNER, keep_token

    queue = _queue(folder)
    secret = queue.replace_token(_user(queue, name).id)
    if name == OWNER:
        keep_token(_path(folder), secret)
    print(secret)


def _path(folder: Path | None) -> Path:
    from inr.serving.settings import default_folder

    return (folder or default_folder()).resolve()


def _queue(folder: Path | None, *, begin: bool = False) -> "Queue":
    """The queue of a folder, which only `begin` makes where there is none."""
    from inr.serving.queue import Queue

    path = _path(folder)
    if not begin and not (path / "inr.db").is_file():
        raise InrError(f"{path} is no folder of a service; name the one of inr serve with --folder")
    return Queue(path)


def _user(queue: "Queue", name: str) -> "User":
    for user in queue.users():
        if user.name == name:
            return user
    known = ", ".join(user.name for user in queue.users()) or "none"
    raise InrError(f"there is no user {name}; there are: {known}")


def _row(queue: "Queue", user: "User") -> dict[str, Any]:
    from dataclasses import asdict

    counts = queue.counts(user.id)
    return {
        "name": user.name,
        "role": user.role,
        "weight": user.weight,
        "running": counts.get("running", 0),
        "waiting": counts.get("queued", 0),
        "bytes": queue.used_bytes(user.id),
        "seconds": user.used_seconds,
        "quotas": asdict(user.quotas),
    }
