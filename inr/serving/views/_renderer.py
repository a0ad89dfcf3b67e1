"""The server's side of the renderer: one warm process that draws, started again when it dies."""

import asyncio
import contextlib
import math
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

from inr.serving.views._conversation import Conversation
from inr.serving.views._errors import BadRequest, Busy
from inr.serving.views._images import Canvas, FieldImage, SignalImage, canvas_from_json, pyramid_name
from inr.serving.views._info import entity_tag
from inr.serving.views._request import Request
from inr.serving.views._tiles import TileCache
from inr.serving.views._view import View

PROCESS = (sys.executable, "-m", "inr.serving.views._process")
_SLOW = {"codecs", "mesh", "parts", "peaks", "prepare", "wav"}  # at most one at a time, so that tiles go on
_LONGEST_PREPARATION = 1800.0  # seconds
_MOST_CANVASES = 2_000
_FIRST_RATE = 2e10  # multiplications a second that are thought possible before any was measured
_TELLING = 1e8  # multiplications, of which it can be told how many a second are possible
_SHORTEST = 1e-3  # seconds that are believed
_NEWEST = 0.1  # share of the newest measurement in the rate


class Renderer:
    """Draws tiles and whatever else needs a field, in a process of its own; the caller never loads torch.

    Args:
        cache: the folder of all that is drawn, which may be deleted at any time.
        threads: things done at once.
        memory: bytes that open fields may take.
        cache_bytes: bytes that tiles may take, and pyramids as much again, and sounds, and meshes.
        timeout: seconds that one answer may take; then the process is stopped.
        longest_wait: seconds of work that may be waiting; above it requests are refused.
    """

    def __init__(
        self,
        cache: Path,
        *,
        threads: int = 2,
        memory: int = 512 << 20,
        cache_bytes: int = 1 << 30,
        timeout: float = 60.0,
        longest_wait: float = 30.0,
    ) -> None:
        self._cache = cache
        self._options = ["--threads", str(threads), "--memory", str(memory), "--limit", str(cache_bytes)]
        self._timeout, self._longest_wait = timeout, longest_wait
        self._tiles = TileCache(cache / "tiles", cache_bytes)
        self._canvases: OrderedDict[str, Canvas] = OrderedDict()
        self._lanes = asyncio.Semaphore(threads)
        self._slow = asyncio.Semaphore(1)
        self._starting = asyncio.Lock()
        self._current: Conversation | None = None
        self._preparing: dict[str, asyncio.Task[Any]] = {}
        self._rate = _FIRST_RATE
        self._waiting = 0.0  # multiplications

    async def start(self) -> None:
        """Start the process, which takes some seconds to be warm; calls start it, too."""
        await self._conversation()

    async def stop(self) -> None:
        """Stop the process; what it was doing is lost."""
        if self._current is not None:
            self._current.end()
            await self._current.ending()

    async def _conversation(self) -> Conversation:
        async with self._starting:
            if self._current is None or self._current.has_ended:
                if self._current is not None:
                    await self._current.ending()  # so that there is never more than one process
                self._current = await Conversation.begin([*PROCESS, str(self._cache), *self._options])
            return self._current

    async def canvas(self, image: FieldImage | SignalImage) -> Canvas:
        """What an image can show.

        Args:
            image: a field or a signal.

        Raises:
            BadRequest: there is no picture of it.
        """
        key = image.key_of("error")
        found = self._canvases.get(key)
        if found is None:
            found = self._canvases[key] = canvas_from_json(await self.call("canvas", image=image.to_json()))
            if len(self._canvases) > _MOST_CANVASES:
                self._canvases.popitem(last=False)
        return found

    async def tile(self, image: FieldImage | SignalImage, request: Request) -> bytes:
        """A picture's file, from the cache where it is there.

        Args:
            image: what it shows.
            request: what `parse` made of the path, for the canvas of the image.

        Raises:
            Busy: too much work is waiting.
            BadRequest: it would take too long.
            RendererStopped: the process died, or took too long.
        """
        key = entity_tag(image, request).strip('"')
        data = await asyncio.to_thread(self._tiles.get, key)
        if data is None:
            if request.is_kept or request.quality == "error" or isinstance(image, SignalImage):
                await self._prepared(image, request)
            data = await self.call("tile", cost=request.cost, image=image.to_json(), request=request.to_json())
            await asyncio.to_thread(self._tiles.put, key, data)
        return data

    async def wav(self, image: FieldImage | SignalImage, rate: float | None = None) -> Path:
        """A sound's file, in the cache.

        Args:
            image: a field, or a signal at its own rate.
            rate: samples a second; its own where None. Nothing is added above the Nyquist frequency of its own.

        Raises:
            InrError: it is no sound, or that is no rate.
        """
        name = f"{image.key_of('default')}{'' if rate is None else f'-{rate:.9g}'}.wav"
        path = self._cache / "sounds" / name
        if not path.exists():
            await self.call("wav", image=image.to_json(), name=name, rate=rate)
        return path

    async def view(self, image: FieldImage, view: View) -> bytes:
        """A picture of a shape, a WebP, from the cache where it is there.

        Args:
            image: a field of a shape.
            view: from where it is seen, and how large.

        Raises:
            InrError: it is no shape, has no surface, or takes too long.
        """
        key = view.key_of(image)
        data = await asyncio.to_thread(self._tiles.get, key)
        if data is None:
            data = await self.call("view", image=image.to_json(), **view._asdict())
            await asyncio.to_thread(self._tiles.put, key, data)
        return bytes(data)

    async def mesh(self, image: FieldImage, suffix: str, resolution: int) -> Path:
        """The file of a shape's surface, or of its outline, in the cache.

        Args:
            image: a field of a shape.
            suffix: of the format, as ".ply".
            resolution: cells along each axis of the box.

        Raises:
            InrError: it is no shape, has no surface, the format is of another kind of shape, or it takes too long.
        """
        name = f"{image.sha256}-{resolution}{suffix}"
        path = self._cache / "meshes" / name
        if not path.exists():
            await self.call("mesh", image=image.to_json(), name=name, resolution=resolution)
        return path

    async def _prepared(self, image: FieldImage | SignalImage, request: Request) -> None:
        """Wait for a picture's pyramid, which is made once for all who ask meanwhile, and goes on if they leave."""
        name = pyramid_name(image, request.identifier.slices, request.quality)
        if (self._cache / "pyramids" / name).exists():
            return
        task = self._preparing.get(name)
        if task is None:
            slices, quality = dict(request.identifier.slices), request.quality
            making = self.call(
                "prepare", timeout=_LONGEST_PREPARATION, image=image.to_json(), slices=slices, quality=quality
            )
            task = asyncio.create_task(making)
            self._preparing[name] = task
            task.add_done_callback(lambda done: (self._preparing.pop(name, None), done.cancelled() or done.exception()))
        try:
            await asyncio.wait_for(asyncio.shield(task), self._longest_wait)
        except TimeoutError:
            raise Busy("this picture is being made ready at smaller sizes; try again in a moment", 5) from None

    async def call(self, operation: str, *, cost: float = 0.0, timeout: float | None = None, **arguments: Any) -> Any:
        """What an operation of the process gives.

        Args:
            operation: its name.
            cost: multiplications that it takes, about.
            timeout: seconds that it may take; what every answer may take where None.
            arguments: plain JSON.

        Returns:
            Bytes, or plain JSON.

        Raises:
            InrError: it was refused, with the reason; of its kinds those that `tile` raises.
        """
        self._admit(cost)
        self._waiting += cost
        try:
            async with contextlib.AsyncExitStack() as lanes:
                if operation in _SLOW:
                    await lanes.enter_async_context(self._slow)
                return await self._ask(operation, cost, timeout or self._timeout, arguments)
        finally:
            self._waiting -= cost

    def _admit(self, cost: float) -> None:
        """Refuse what would take too long, itself or with what waits before it."""
        alone = cost / self._rate
        if alone > self._timeout:
            raise BadRequest(f"this would take about {alone:.0f} seconds; ask for fewer pixels at once")
        wait = (self._waiting + cost) / self._rate
        if self._waiting and wait > self._longest_wait:
            raise Busy("too much is being drawn; try again in a moment", math.ceil(wait - self._longest_wait))

    async def _ask(self, operation: str, cost: float, timeout: float, arguments: dict[str, Any]) -> Any:
        await self._lanes.acquire()
        try:
            conversation = await self._conversation()
            future = conversation.ask(operation, arguments, timeout)
        except BaseException:
            self._lanes.release()
            raise
        # the lane is free when the answer is there, whether anybody still waits for it or not
        future.add_done_callback(self._answered)
        result, seconds = await asyncio.shield(future)
        if cost > _TELLING:
            self._rate += _NEWEST * (cost / max(seconds, _SHORTEST) - self._rate)
        return result

    def _answered(self, future: asyncio.Future[Any]) -> None:
        self._lanes.release()
        future.exception()  # it has been seen, even if nobody waits any more
