"""What inr does not read, with the one command that makes something of it that is read."""

from pathlib import Path

_EXR = "magick {name} -define quantum:format=floating-point -depth 32 {stem}.tif"
_COMMANDS: dict[bytes, tuple[str, str]] = {
    b"\x76\x2f\x31\x01": ("an OpenEXR picture", _EXR),
    b"%PDF": ("a PDF", "pdftoppm -r 300 -png -singlefile {name} {stem}"),
    b"%!PS": ("PostScript", "magick -density 300 {name} {stem}.png"),
    b"<svg": ("an SVG drawing", "rsvg-convert {name} -o {stem}.png"),
    b"#!AMR": ("AMR sound", "ffmpeg -i {name} {stem}.wav"),
    b"\xff\xf1": ("AAC sound", "ffmpeg -i {name} {stem}.wav"),
    b"\xff\xf9": ("AAC sound", "ffmpeg -i {name} {stem}.wav"),
    b"DDS ": ("a texture for graphics cards", "magick {name} {stem}.png"),
}
_HEIF = ("a HEIF picture", "magick {name} {stem}.png")
_HEADERLESS = {".vox": "vox", ".gsm": "gsm", ".ul": "ul", ".al": "al", ".raw": "raw -e signed -b 16", ".sln": "sln"}
_HEADERLESS |= {".pcm": _HEADERLESS[".raw"], ".s16": _HEADERLESS[".raw"], ".sw": _HEADERLESS[".raw"]}


def advice(path: Path, head: bytes) -> str | None:
    """The end of a line that begins with the file's name; None where there is no advice.

    Args:
        path: a file that no reader knows.
        head: its first bytes.
    """
    names = {"name": path.name, "stem": path.stem}
    kind = path.suffix.lower()
    found = next((words for magic, words in _COMMANDS.items() if head.lstrip(b"\xef\xbb\xbf").startswith(magic)), None)
    if head[4:8] == b"ftyp":
        found = _HEIF
    elif b"<svg" in head:
        found = _COMMANDS[b"<svg"]
    if found is _COMMANDS[b"<svg"]:
        return (
            f"is {found[0]}; --as sdf (as_shape='sdf' in Python) learns the shape of its outlines, and "
            f"{found[1].format(**names)} makes a picture of it"
        )
    if found is not None:
        return f"is {found[0]}; {found[1].format(**names)} makes it one that inr reads"
    if kind in _HEADERLESS:
        command = f"sox -t {_HEADERLESS[kind]} -r 8000 -c 1 {path.name} {path.stem}.wav"
        return f"does not say its rate and type; if it is sound of 8000 Hz, {command} makes it one that does"
    return None
