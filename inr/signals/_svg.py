"""The outlines in an SVG drawing."""

import functools
import itertools
import math
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np

from inr._errors import InrError
from inr.signals._formats import ShapeAs
from inr.signals._shape_source import ShapeSource

_PIECES = 64  # straight ones that a curve is cut into
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_TOKENS = re.compile(rf"[A-Za-z]|{_NUMBER}")
_NUMBERS = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "T": 2, "A": 7}
_HIDDEN = ("defs", "clipPath", "mask", "symbol", "pattern", "marker")
_DEEPEST = 64
_MOST = 100_000  # elements that are shown, as often as they are
_XLINK = "http://www.w3.org/1999/xlink"


def read(path: Path, as_shape: ShapeAs | None, max_bytes: int) -> ShapeSource:
    """The silhouette of all filled paths and figures of a drawing.

    Args:
        path: of the file.
        as_shape: what is learned of it.
        max_bytes: refuse larger files.
    """
    if path.stat().st_size > max_bytes:
        raise InrError(f"{path} has {path.stat().st_size:,} bytes, more than the {max_bytes:,} that may be read")
    try:
        root = ElementTree.fromstring(path.read_bytes())
        found = list(_Drawing(root).outlines())
    except InrError as error:
        raise InrError(f"{path}: {error}") from None
    except ElementTree.ParseError as error:
        raise InrError(f"{path} is a damaged SVG: {error}") from None
    except (ValueError, IndexError, KeyError, OverflowError) as error:
        raise InrError(f"{path} has a path or number that cannot be read: {error}") from None
    rules = {rule for _, rule in found}
    curves = [curve for curves, _ in found for curve in curves]
    if not curves:
        raise InrError(f"{path} has no filled paths, polygons, rectangles, circles or ellipses")
    rule = "evenodd" if rules == {"evenodd"} else "nonzero"
    return ShapeSource.of_curves(curves, rule, as_shape, str(path))


class _Drawing:
    """The figures of a drawing, with what of it is shown again elsewhere.

    Args:
        root: its outermost element.
    """

    def __init__(self, root: ElementTree.Element) -> None:
        self._root = root
        self._named = {name: element for element in root.iter() if (name := element.get("id")) is not None}
        self._shown = 0

    def outlines(self) -> Iterator[tuple[list[np.ndarray], str]]:
        """The curves of each figure, and the rule of what is inside of it."""
        return self._outlines(self._root, np.eye(3), _Style("nonzero", True), ())

    def _outlines(
        self,
        element: ElementTree.Element,
        transform: np.ndarray,
        style: "_Style",
        above: tuple[ElementTree.Element, ...],
    ) -> Iterator[tuple[list[np.ndarray], str]]:
        name = _name(element)
        self._shown += 1
        if self._shown > _MOST:
            raise InrError(f"the drawing shows more than {_MOST:,} elements, those of every <use> counted")
        if name in _HIDDEN or len(above) > _DEEPEST:
            return
        style = style.of(element)
        if moved := element.get("transform"):
            transform = transform @ _transform(moved)
        if style.hidden:
            return
        if style.filled and (curves := _figure(name, element)):
            yield [curve @ transform[:2, :2].T + transform[:2, 2] for curve in curves], style.rule
        children: Iterable[ElementTree.Element] = element
        if name == "use":
            used, place = self._used(element)
            if used in (*above, element):
                raise InrError(f"the drawing has a <use> of '{used.get('id')}' that shows itself")
            children, transform = (used if _name(used) == "symbol" else [used]), transform @ place
            above = (*above, used)
        for child in children:
            yield from self._outlines(child, transform, style, (*above, element))

    def _used(self, element: ElementTree.Element) -> tuple[ElementTree.Element, np.ndarray]:
        """What a <use> shows, and the matrix of where."""
        address = element.get("href", element.get(f"{{{_XLINK}}}href", "")).strip()
        used = self._named.get(address.removeprefix("#")) if address.startswith("#") else None
        if used is None:
            raise InrError(f"the drawing has a <use> of '{address}', which is nothing in it")
        moved = _transform(f"translate({_number(element, 'x')} {_number(element, 'y')})")
        box = [float(number) for number in re.findall(_NUMBER, used.get("viewBox", ""))]
        if _name(used) == "symbol" and len(box) == 4:  # it is fitted into the room that it is given, in its middle
            wide, high = (
                _number(element, side) or room for side, room in zip(("width", "height"), self._room, strict=True)
            )
            scale = min(wide / box[2], high / box[3])
            left, top = (wide - scale * box[2]) / 2, (high - scale * box[3]) / 2
            moved = moved @ _transform(f"translate({left} {top}) scale({scale}) translate({-box[0]} {-box[1]})")
        return used, moved

    @property
    def _room(self) -> tuple[float, float]:
        """Width and height of the drawing in its own units."""
        box = [float(number) for number in re.findall(_NUMBER, self._root.get("viewBox", ""))]
        given = box[2:] if len(box) == 4 else [_number(self._root, "width"), _number(self._root, "height")]
        return given[0] or 100.0, given[1] or 100.0


class _Style(NamedTuple):
    """What elements have from those around them: the rule of what is inside, and whether that is filled."""

    rule: str
    filled: bool
    hidden: bool = False

    def of(self, element: ElementTree.Element) -> "_Style":
        """The style of an element within."""
        own = dict(re.findall(r"([\w-]+)\s*:\s*([^;]+)", element.get("style", "")))

        def found(name: str) -> str:
            return str(own.get(name, element.get(name, ""))).strip()

        fill = found("fill")
        filled = fill != "none" if fill and fill != "inherit" else self.filled
        return _Style(found("fill-rule") or self.rule, filled, found("display") == "none")


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _number(element: ElementTree.Element, key: str) -> float:
    """A length without its unit; 0 where there is none."""
    text = re.match(_NUMBER, element.get(key, "0").strip())
    return float(text.group()) if text else 0.0


def _transform(text: str) -> np.ndarray:
    """The matrix of a list of transformations, (3, 3)."""
    found = np.eye(3)
    for name, inside in re.findall(r"(\w+)\s*\(([^)]*)\)", text):
        numbers = [float(number) for number in re.findall(_NUMBER, inside)]
        step = np.eye(3)
        if name == "matrix":
            step[:2] = np.array(numbers).reshape(3, 2).T
        elif name == "translate":
            step[:2, 2] = [*numbers, 0.0][:2]
        elif name == "scale":
            step[0, 0], step[1, 1] = numbers[0], numbers[-1]
        elif name == "rotate":
            angle = math.radians(numbers[0])
            step[:2, :2] = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
            if len(numbers) == 3:
                centre = np.array(numbers[1:])
                step[:2, 2] = centre - step[:2, :2] @ centre
        elif name in ("skewX", "skewY"):
            step[(0, 1) if name == "skewX" else (1, 0)] = math.tan(math.radians(numbers[0]))
        found = found @ step
    return found


def _figure(name: str, element: ElementTree.Element) -> list[np.ndarray]:
    """The closed curves of a figure; none of what has no inside."""
    number = functools.partial(_number, element)
    if name == "path":
        return _path(element.get("d", ""))
    if name in ("polygon", "polyline"):
        points = [float(each) for each in re.findall(_NUMBER, element.get("points", ""))]
        return [np.array(points[: len(points) // 2 * 2]).reshape(-1, 2)] if len(points) > 3 else []
    if name == "rect":
        x, y, wide, high = number("x"), number("y"), number("width"), number("height")
        return [np.array([[x, y], [x + wide, y], [x + wide, y + high], [x, y + high]])] if wide > 0 and high > 0 else []
    if name in ("circle", "ellipse"):
        radii = (number("r"), number("r")) if name == "circle" else (number("rx"), number("ry"))
        turn = np.arange(4 * _PIECES) * (2 * np.pi / (4 * _PIECES))
        ring = np.stack((np.cos(turn), np.sin(turn)), 1) * radii
        return [ring + np.array((number("cx"), number("cy")))] if min(radii) > 0 else []
    return []


def _path(text: str) -> list[np.ndarray]:
    """The subpaths of a path, each closed."""
    tokens = _TOKENS.findall(_spaced_flags(text))
    curves: list[list[np.ndarray]] = []
    here, start, handle = np.zeros(2), np.zeros(2), np.zeros(2)
    command, before, place = "", "", 0
    while place < len(tokens):
        if tokens[place].isalpha():
            command, place = tokens[place], place + 1
        elif command.upper() == "Z":
            raise ValueError(f"a number after {command}")
        kind, relative = command.upper(), command.islower()
        if kind == "Z":
            here, before = start, "Z"
            continue
        numbers = np.array([float(token) for token in tokens[place : place + _NUMBERS[kind]]])
        if len(numbers) < _NUMBERS[kind]:
            raise ValueError(f"too few numbers after {command}")
        place += _NUMBERS[kind]
        if kind == "M":
            here = numbers + (here if relative else 0)
            start = here
            curves.append([here[None]])
            command = "l" if relative else "L"  # further pairs are lines
        else:
            if before == "Z" or not curves:
                curves.append([here[None]])
            piece, handle = _piece(kind, numbers, here, handle if before else here, relative, before)
            curves[-1].append(piece)
            here = piece[-1]
        before = kind
    return [np.concatenate(curve) for curve in curves if sum(map(len, curve)) > 2]


def _spaced_flags(text: str) -> str:
    """The flags of arcs, which may be written without space, apart from each other."""
    arcs = rf"({_NUMBER})[\s,]*({_NUMBER})[\s,]*({_NUMBER})[\s,]*([01])[\s,]*([01])[\s,]*({_NUMBER})[\s,]*({_NUMBER})"

    def apart(match: re.Match[str]) -> str:
        return match.group(1) + re.sub(arcs, r"\1 \2 \3 \4 \5 \6 \7 ", match.group(2))

    return re.sub(r"([Aa])([^A-DF-Za-df-z]*)", apart, text)


def _piece(
    kind: str, numbers: np.ndarray, here: np.ndarray, handle: np.ndarray, relative: bool, before: str
) -> tuple[np.ndarray, np.ndarray]:
    """The points of a segment after its first one, and the last handle of a curve."""
    base = here if relative else np.zeros(2)
    if kind in ("H", "V"):
        axis = "HV".index(kind)
        stop = here.copy()
        stop[axis] = numbers[0] + base[axis]
        return stop[None], stop
    if kind == "A":
        return _arc(here, numbers[:2], numbers[2], bool(numbers[3]), bool(numbers[4]), numbers[5:] + base)
    points = [here, *(numbers.reshape(-1, 2) + base)]
    if kind == "L":
        return points[1][None], points[1]
    if kind in ("S", "T"):  # the first handle is the last one of the curve before, mirrored
        alike = before in (("C", "S") if kind == "S" else ("Q", "T"))
        points.insert(1, 2 * here - handle if alike else here)
    share = (np.arange(_PIECES) + 1)[:, None] / _PIECES
    levels = [np.broadcast_to(point, (_PIECES, 2)) for point in points]
    while len(levels) > 1:  # de Casteljau's
        levels = [one + share * (other - one) for one, other in itertools.pairwise(levels)]
    return levels[0], points[-2]


def _arc(
    start: np.ndarray, radii: np.ndarray, turned: float, large: bool, sweep: bool, stop: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """An elliptical arc, by its centre (SVG 2, appendix B.2)."""
    radii = np.abs(radii)
    if not radii.all() or (start == stop).all():
        return stop[None], stop
    angle = math.radians(turned)
    axes = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    half = axes @ (start - stop) / 2 / radii
    squared = float(half @ half)
    if squared > 1:  # radii that do not reach are made larger
        radii, half, squared = radii * math.sqrt(squared), half / math.sqrt(squared), 1.0
    away = math.sqrt(max(1 / squared - 1, 0)) * (-1 if large == sweep else 1)
    centre = away * np.array([half[1], -half[0]])
    first, last = half - centre, -half - centre
    begin, end = math.atan2(first[1], first[0]), math.atan2(last[1], last[0])
    span = (end - begin) % (2 * math.pi) - (0 if sweep else 2 * math.pi)
    angles = begin + span * (np.arange(_PIECES) + 1) / _PIECES
    middle = (start + stop) / 2
    ring = (np.stack((np.cos(angles), np.sin(angles)), 1) + centre) * radii
    found = ring @ axes + middle
    found[-1] = stop
    return found, stop
