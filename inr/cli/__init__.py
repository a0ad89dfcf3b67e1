"""The command line: parses, calls the library, prints."""

import typer

from inr.cli._bench import EPILOG as BENCH_EPILOG
from inr.cli._bench import bench
from inr.cli._compare import EPILOG as COMPARE_EPILOG
from inr.cli._compare import compare
from inr.cli._complete import EPILOG as COMPLETE_EPILOG
from inr.cli._complete import complete
from inr.cli._compress import EPILOG as COMPRESS_EPILOG
from inr.cli._compress import RECOMPRESS_EPILOG, compress, recompress
from inr.cli._decompress import EPILOG as DECOMPRESS_EPILOG
from inr.cli._decompress import decompress
from inr.cli._doctor import EPILOG as DOCTOR_EPILOG
from inr.cli._doctor import doctor
from inr.cli._explain import EPILOG as EXPLAIN_EPILOG
from inr.cli._explain import explain
from inr.cli._export import EPILOG as EXPORT_EPILOG
from inr.cli._export import export
from inr.cli._fit import EPILOG as FIT_EPILOG
from inr.cli._fit import fit
from inr.cli._fit_many import EPILOG as FIT_MANY_EPILOG
from inr.cli._fit_many import fit_many
from inr.cli._group import Group
from inr.cli._info import EPILOG as INFO_EPILOG
from inr.cli._info import info
from inr.cli._learn import EPILOG as LEARN_EPILOG
from inr.cli._learn import learn
from inr.cli._mesh import EPILOG as MESH_EPILOG
from inr.cli._mesh import mesh
from inr.cli._parts import EPILOG as PARTS_EPILOG
from inr.cli._parts import parts
from inr.cli._reconstruct import EPILOG as RECONSTRUCT_EPILOG
from inr.cli._reconstruct import reconstruct
from inr.cli._render import EPILOG as RENDER_EPILOG
from inr.cli._render import render
from inr.cli._serve import EPILOG as SERVE_EPILOG
from inr.cli._serve import serve
from inr.cli._solve import EPILOG as SOLVE_EPILOG
from inr.cli._solve import solve
from inr.cli._suggest import EPILOG as SUGGEST_EPILOG
from inr.cli._suggest import suggest
from inr.cli._sweep import EPILOG as SWEEP_EPILOG
from inr.cli._sweep import sweep
from inr.cli._token import token
from inr.cli._work import EPILOG as WORK_EPILOG
from inr.cli._work import work

__all__ = ["app", "main"]

EPILOG = """
[bold]Start with[/bold]

  inr fit photo.png               # photo.inr, photo.comparison.png

  inr render photo.inr --scale 4  # back to pixels, at any resolution

  inr compress photo.png          # photo.inr, in few bytes

  inr compare photo.png           # the same beside AVIF, WebP and JPEG, on one sheet

  inr sweep photo.png --auto      # which parts suit it best

  inr explain photo.inr photo.png # why a fit is as good as it is, and what to change

  inr serve                       # the same on a page, and over HTTP

  inr fit --help                  # and so for every command

[bold]Parts of your own[/bold] Every command takes --load SCRIPT.py, which registers parts:
inr fit photo.png --load mine.py --activation mine

[bold]Exit status[/bold] 0 fine; 1 a fit diverged; 2 bad input, or output that cannot be written; 3 a target of inr
compress was missed; 4 a file is damaged in parts; 130 interrupted.
"""

app = typer.Typer(
    name="inr",
    cls=Group,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool | None) -> None:
    if wanted:
        import inr

        print(f"inr {inr.__version__}")
        raise typer.Exit


@app.callback()
def _inr(
    version: bool | None = typer.Option(
        None, "--version", callback=_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    """Turn any sampled signal into a small continuous function: pictures, sounds, videos, volumes, samples."""


app.command(epilog=FIT_EPILOG)(fit)
app.command("fit-many", epilog=FIT_MANY_EPILOG)(fit_many)
app.command(epilog=LEARN_EPILOG)(learn)
app.command(epilog=COMPLETE_EPILOG)(complete)
app.command(epilog=RENDER_EPILOG)(render)
app.command(epilog=MESH_EPILOG)(mesh)
app.command(epilog=EXPORT_EPILOG)(export)
app.command(epilog=EXPLAIN_EPILOG)(explain)
app.command(epilog=SUGGEST_EPILOG)(suggest)
app.command(epilog=SWEEP_EPILOG)(sweep)
app.command(epilog=COMPRESS_EPILOG)(compress)
app.command(epilog=DECOMPRESS_EPILOG)(decompress)
app.command(epilog=COMPARE_EPILOG)(compare)
app.command(epilog=RECOMPRESS_EPILOG)(recompress)
app.command(epilog=SOLVE_EPILOG)(solve)
app.command(epilog=RECONSTRUCT_EPILOG)(reconstruct)
app.command(epilog=INFO_EPILOG)(info)
app.command(epilog=PARTS_EPILOG)(parts)
app.command(epilog=DOCTOR_EPILOG)(doctor)
app.command(epilog=BENCH_EPILOG)(bench)
app.command(epilog=SERVE_EPILOG)(serve)
app.command(epilog=WORK_EPILOG)(work)
app.add_typer(token, name="token")


def main() -> None:
    """Run the command line and exit with its status."""
    app()
