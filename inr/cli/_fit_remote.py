"""`inr fit --server`: the same files and summary, with the fit on a server."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from inr._files import replacing
from inr.cli._console import complain, remark
from inr.cli._fit_files import Outputs
from inr.cli._fit_report import Fitted, Stopwatch, course_without_steps, document, draw_sheets, print_result
from inr.cli._remote import deliver, ordered

if TYPE_CHECKING:
    from inr import Field


def fit_remotely(arguments: Mapping[str, Any], reading: Mapping[str, Any], outputs: Outputs) -> int:
    """Fit on a server.

    Args:
        arguments: of the command `inr fit`, by name; checked as for a fit here.
        reading: how the signal is to be read, as of `inr.open`.
        outputs: what is written; checked.

    Returns:
        The exit status.

    Raises:
        InrError: options that cannot be had on a server, no server, or what it refuses.
    """
    import inr
    from inr.fitting import at_points

    watch = Stopwatch()
    order = ordered("fit", arguments, reading, outputs.checkpoint)
    source, delivery = deliver(order, arguments["server"], arguments["token"], watch)
    if delivery.data is None:
        return complain(delivery.told, delivery.status)
    force, quiet = arguments["force"] or order.resume, order.quiet
    with watch.lap("writing"), replacing(outputs.field, force=force) as temporary:
        temporary.write_bytes(delivery.data)
    field, metrics = inr.load(outputs.field), delivery.metrics
    field.metrics |= {name: metrics[name] for name in field.metrics if metrics.get(name) is not None}
    fitted = Fitted(field, at_points(source))
    failure = draw_sheets(fitted, outputs, watch, force=force, quiet=quiet)
    course = _course(field, metrics, delivery.state, source.size)
    result = document(order.signal, fitted, outputs, watch, course)
    print_result(result, as_json=arguments["as_json"], quiet=quiet)
    if metrics.get("missed") and not quiet:
        remark(metrics["missed"])
    if delivery.state == "cancelled":
        remark(f"interrupted after {result['steps']} steps; the best state so far is kept")
    elif delivery.status:
        complain(delivery.told, delivery.status)
    return delivery.status or failure


def _course(field: "Field", metrics: Mapping[str, Any], state: str, samples: int) -> dict[str, Any]:
    """How the fit went, as far as the server tells it."""
    fit = field.fit
    seconds = metrics.get("seconds") or 0.0
    if not fit:
        return course_without_steps("samples", "kept", samples, 0.0)
    if fit.get("optimiser") == "closed-form":
        return course_without_steps("closed-form", "solved", samples, seconds)
    return course_without_steps(fit["optimiser"], "steps", fit["steps"] * min(fit["batch"], samples), seconds) | {
        "reason": metrics.get("reason") or ("interrupted" if state == "cancelled" else "steps"),
        "steps": fit["steps"],
        "engine": fit["engine"],
    }
