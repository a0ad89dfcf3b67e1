"""Work: readers that decode what strangers upload, and workers that fit it; the queue without HTTP."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.serving.work._fit_many import Many as Many
    from inr.serving.work._fit_many import fit_many as fit_many
    from inr.serving.work._pictures import save_picture as save_picture
    from inr.serving.work._reader import Canonical as Canonical
    from inr.serving.work._reader import lossless_of as lossless_of
    from inr.serving.work._reader import read as read
    from inr.serving.work._reader import reading_options as reading_options
    from inr.serving.work._reader import signal_of as signal_of
    from inr.serving.work._reader import warm_readers as warm_readers
    from inr.serving.work._results import FileRow as FileRow
    from inr.serving.work._sandbox import ReadLimits as ReadLimits
    from inr.serving.work._worker import Worker as Worker
    from inr.serving.work._workers import Workers as Workers
    from inr.serving.work._workers import supervise as supervise
    from inr.serving.work._workers import work as work

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "Canonical": "._reader",
        "FileRow": "._results",
        "Many": "._fit_many",
        "ReadLimits": "._sandbox",
        "Worker": "._worker",
        "Workers": "._workers",
        "fit_many": "._fit_many",
        "lossless_of": "._reader",
        "read": "._reader",
        "reading_options": "._reader",
        "save_picture": "._pictures",
        "signal_of": "._reader",
        "supervise": "._workers",
        "warm_readers": "._reader",
        "work": "._workers",
    },
)
