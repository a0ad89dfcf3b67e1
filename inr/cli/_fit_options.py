"""The options of `inr fit`, grouped as its help shows them."""

from pathlib import Path
from typing import Annotated, Any

import typer

from inr.cli import _pipes
from inr.cli._completion import completing
from inr.fitting import SCHEDULES

_OUTPUT = "Output"
_PARTS = "Parts (NAME or NAME:key=value,key=value; inr parts lists them)"
_BUDGET = "Budget (whichever comes first)"
_VALUES = "Values"
_KEPT = "Weights (coded if nothing is given; samples for small signals, screens and maps; exact for scattered ones)"
_FITTING = "Fitting"
_SETS = "Sets (of a folder: inr fit DIR -o SET.inr)"
_SERVER = "On a server (inr serve)"


def _option(panel: str, words: str, *names: str, part: str | None = None, **settings: Any) -> Any:
    """An option whose help says what happens where it is not given; a `part` of that kind is completed by name."""
    if part is not None:
        settings["autocompletion"] = completing(part)
    return typer.Option(*names, help=words, rich_help_panel=panel, show_default=False, **settings)


Signal = Annotated[
    Path,
    typer.Argument(
        metavar="SIGNAL",
        help="Picture, sound, video, volume, folder of numbered frames, data set (NetCDF, Zarr, GRIB), .npz of "
        "samples, mesh, points with normals or outline (SVG); - for standard input. Or, with -o SET.inr, a folder of "
        "any of them, each of which gets a field of a set.",
        callback=_pipes.incoming,
    ),
]

Output = Annotated[
    Path | None,
    _option(
        _OUTPUT,
        "The field; SIGNAL's name with .inr, in this folder, if not given; - for standard output.",
        "-o",
        "--output",
        callback=_pipes.outgoing,
    ),
]
Comparison = Annotated[
    Path | None, _option(_OUTPUT, "The comparison sheet; NAME.comparison.png beside the field if not given.")
]
NoComparison = Annotated[bool, _option(_OUTPUT, "Draw no sheet.", "--no-comparison")]
TeacherMap = Annotated[Path | None, _option(_OUTPUT, "A picture of how often each sample was drawn by the teacher.")]
Events = Annotated[Path | None, _option(_OUTPUT, "Log of the fit: every step's loss, psnr, … as a line of JSON.")]
Log = Annotated[
    list[str] | None,
    _option(
        _OUTPUT,
        "Also keep the course elsewhere: csv:FILE, tensorboard:FOLDER, wandb:PROJECT or mlflow:EXPERIMENT; repeatable.",
    ),
]
Explain = Annotated[
    bool,
    _option(
        _OUTPUT,
        "Also say why the fit is as good as it is, on NAME.explain.html, and keep how it went in NAME.history.json.",
        "--explain",
    ),
]
Force = Annotated[bool, _option(_OUTPUT, "Overwrite existing files.", "--force")]
Profile = Annotated[bool, _option(_OUTPUT, "Also print where the time of a step went.", "--profile")]
Quiet = Annotated[bool, _option(_OUTPUT, "Say nothing unless it fails.", "-q", "--quiet")]
Json = Annotated[bool, _option(_OUTPUT, "Print the result as JSON.", "--json")]

Preset = Annotated[
    str | None,
    _option(
        _PARTS,
        "Published settings, as siren, wire or ngp (inr parts presets); other options take their place.",
        part="preset",
    ),
]
Encoding = Annotated[
    str | None, _option(_PARTS, "As in hash:levels=16; suits the signal if not given.", part="encoding")
]
Activation = Annotated[
    str | None, _option(_PARTS, "As in sine:omega=30; suits the encoding if not given.", part="activation")
]
Network = Annotated[
    str | None, _option(_PARTS, "As in mlp:depth=4,width=256; suits the others if not given.", part="network")
]
Base = Annotated[
    Path | None,
    _option(
        _PARTS, "Begin from what similar signals taught (inr learn); its parts are the field's.", metavar="BASE.inr"
    ),
]
Teacher = Annotated[
    str | None,
    _option(_PARTS, "What chooses the samples of a step, as in int:ratio=0.2; uniform if not given.", part="teacher"),
]
Objective = Annotated[
    str | None,
    _option(_PARTS, "What is minimised, as in l1 or huber:delta=0.05; squared if not given.", part="objective"),
]
Adjust = Annotated[
    str | None,
    _option(
        _FITTING,
        "What steps learn from in the place of plain residuals, as in prefilter:sigma=16 (blurs and zooming out in one "
        "pass) or tangent:modes=20; plain ones if not given.",
        part="adjustment",
    ),
]
Solver = Annotated[
    str,
    _option(
        _FITTING,
        "The optimiser: adam if not given, soap for small networks, muon for networks of several hidden layers; or "
        "closed-form, for network kronecker.",
        "--optimiser",
        "--solver",
    ),
]
Sampling = Annotated[
    str | None,
    _option(
        _FITTING,
        "What a sample measures: area (the mean over its cell), point or band (band-limited); what is usual for the "
        "kind of signal if not given.",
    ),
]
ValueRange = Annotated[
    str | None,
    _option(
        _VALUES,
        "LOW,HIGH: the range of the values, over which PSNR is measured; of 8 and 16 bits the whole type's if the "
        "samples take half of it, and else that of the samples, if not given.",
        metavar="LOW,HIGH",
    ),
]
Nodata = Annotated[
    float | None,
    _option(_VALUES, "The value of missing samples, besides NaN and what the file itself marks; they are left out."),
]
Srgb = Annotated[
    bool,
    _option(
        _FITTING, "Turn a picture of another colour profile into sRGB; its profile is kept if not given.", "--srgb"
    ),
]
Variable = Annotated[
    str | None,
    _option(
        _VALUES, "Which variable of a NetCDF, HDF5, Zarr or GRIB data set; the only one if not given.", metavar="NAME"
    ),
]
AsShape = Annotated[
    str | None,
    _option(
        _VALUES,
        "What is learned of a shape: sdf (signed distances), occupancy (what is inside) or eikonal (a distance, from "
        "points of the surface alone); sdf of meshes, eikonal of points if not given. A picture is a silhouette with "
        "sdf or occupancy. Of a folder what it is taken for: set (a field of every file) or video (of its frames).",
        "--as",
        metavar="sdf|occupancy|eikonal|set|video",
    ),
]
Purpose = Annotated[
    str,
    _option(
        _FITTING,
        "What the field is for: zoom, where it is right between the samples too, or memory, where it is these alone; "
        "zoom if not given.",
        "--for",
    ),
]
Engine = Annotated[str, _option(_PARTS, "What runs the fit, as in cpu:threads=2; the fastest that can if not given.")]

Steps = Annotated[
    int | None, _option(_BUDGET, "Stop after so many steps; as many as suit the signal without a budget.")
]
Seconds = Annotated[float | None, _option(_BUDGET, "Stop after so many seconds of fitting.")]
Psnr = Annotated[
    float | None,
    _option(_BUDGET, "The smallest field found that has so many dB; with --exact, stop when they are reached."),
]
MaxError = Annotated[
    float | None,
    _option(_BUDGET, "The smallest field found whose largest error is this, in the values' own units."),
]
Bytes = Annotated[int | None, _option(_KEPT, "The largest number of bytes of the field's file.", "--bytes")]
Exact = Annotated[bool, _option(_KEPT, "Keep weights as 32-bit floats.", "--exact")]
Coded = Annotated[
    bool,
    _option(
        _KEPT,
        "Round weights while they are fitted, and code them in at most 0.9 of the signal's lossless form.",
        "--coded",
    ),
]
Half = Annotated[bool, _option(_KEPT, "Keep weights as 16-bit floats.", "--half")]
Samples = Annotated[bool, _option(_KEPT, "Keep the samples without loss, and fit nothing.", "--samples")]

Batch = Annotated[int | None, _option(_FITTING, "Samples per step; what suits the fit if not given.")]
Rates = Annotated[
    str | None,
    _option(
        _FITTING,
        "The learning rate: auto if not given (found by a short probe), paper (as published), 1e-3 (the network's), "
        "or network=1e-3,encoding=1e-2.",
        "--learning-rate",
        "--lr",
    ),
]
Schedule = Annotated[
    str | None, _option(_FITTING, f"How the learning rate falls: {', '.join(SCHEDULES)}; cosine if not given.")
]
Seed = Annotated[int, _option(_FITTING, "Decides initial weights and batches; 0 if not given.")]
Resume = Annotated[bool, _option(_FITTING, "Go on with an interrupted fit, exactly.", "--resume")]
CheckpointEvery = Annotated[float, _option(_FITTING, "Seconds between writes of OUTPUT.checkpoint; 60 if not given.")]

Init = Annotated[
    str | None,
    _option(
        _SETS,
        "First weights: shared by all fields, so that their weights compare, or each field's own; shared if not given.",
        "--init",
        metavar="shared|own",
    ),
]
Workers = Annotated[
    int | None,
    _option(_SETS, "Fields that are fitted side by side; the number of cores if not given.", "--workers"),
]
On = Annotated[
    str | None,
    _option(
        _SETS,
        "Fit on a Ray cluster: ray:HOST:PORT, or ray for this machine's cores; in this process if not given.",
        "--on",
        metavar="ray[:ADDRESS]",
    ),
]

Server = Annotated[
    str | None,
    _option(
        _SERVER,
        "Fit on the server at this address, as http://127.0.0.1:8765 or the link that inr serve printed; the files are "
        "the same.",
        "--server",
        metavar="URL",
    ),
]
Token = Annotated[
    str | None,
    _option(
        _SERVER, "Says to the server who asks; $INR_TOKEN, or that of your own server here, if not given.", "--token"
    ),
]
