"""The folder of a sweep: which files are in it, what of an earlier run is kept, and that nothing is lost."""

import json
import re
import shutil
import tempfile
import weakref
from pathlib import Path

from inr._errors import InrError
from inr._files import describe, replacing
from inr.sweeping._rows import Row

TABLES = ("results.csv", "results.json", "table.md", "table.tex")
PICTURES = ("curves.png", "sheet.png", "index.html")
_FITS = "fits"
_NAME = re.compile(r".*-[0-9a-f]{10}\.(json|npz|inr)")


class Store:
    """The folder of a sweep.

    Args:
        folder: where it is to be; None for a temporary one, which goes with this object.
        resume: keep what is there.
        force: delete what an earlier sweep left there.

    Raises:
        InrError: a folder that holds something, without either, or that cannot be made.
    """

    def __init__(self, folder: Path | None, *, resume: bool, force: bool) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="inr-sweep-")) if folder is None else folder
        if folder is None:
            weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        self._check(resume=resume, force=force)
        self._cleared = resume or not force

    @property
    def fits(self) -> Path:
        """Where every fit has its files."""
        return self.folder / _FITS

    def begin(self) -> None:
        """Make the folder; with `force`, empty of what an earlier sweep left. Called when all else is known to be fine.

        Raises InrError where that fails.
        """
        try:
            self.fits.mkdir(parents=True, exist_ok=True)
            old = [] if self._cleared else [path for path in self.fits.iterdir() if _NAME.fullmatch(path.name)]
            old += [] if self._cleared else [self.folder / name for name in (*TABLES, *PICTURES)]
            for path in old:
                path.unlink(missing_ok=True)
            with tempfile.TemporaryFile(dir=self.fits):
                pass
        except OSError as error:
            raise InrError(f"cannot write to {self.folder}: {describe(error)}") from error
        self._cleared = True

    def kept(self, name: str, *, whole: bool) -> Row | None:
        """The row of a fit that is there already; `whole`: with the field and what is drawn of it."""
        try:
            row = Row.from_json(json.loads(self._path(name, "json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None
        complete = all(self._path(name, suffix).exists() for suffix in ("npz", "inr"))
        return row if row.name == name and row.status != "failed" and (complete or not whole) else None

    def keep(self, row: Row) -> None:
        """Write a row; from then on it is kept."""
        text = json.dumps(row.to_json(), indent=1, ensure_ascii=False)
        with replacing(self._path(row.name, "json"), force=True) as temporary:
            temporary.write_text(text, encoding="utf-8")

    def _path(self, name: str, suffix: str) -> Path:
        return self.fits / f"{name}.{suffix}"

    def _check(self, *, resume: bool, force: bool) -> None:
        folder = self.folder
        if folder.exists() and not folder.is_dir():
            raise InrError(f"{folder} is a file; give the name of a folder")
        if not folder.exists() and not folder.absolute().parent.is_dir():
            raise InrError(f"folder {folder.absolute().parent} does not exist; create it first")
        if not (resume or force) and folder.is_dir() and any(folder.iterdir()):
            raise InrError(
                f"{folder} is there already; go on with it by --resume (resume=True: fits that are done are kept), "
                "or begin afresh with --force (force=True)"
            )
