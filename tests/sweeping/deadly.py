"""Teachers that end their process, entered when a test imports them."""

import os
import signal
import sys

from inr.teaching import Teacher, teachers


@teachers.register("deadly")
class Deadly(Teacher):
    """Kills the process that fits by it."""

    def bind(self, *args, **kwargs):
        os.kill(os.getpid(), signal.SIGKILL)


@teachers.register("crashing")
class Crashing(Teacher):
    """Does what a wrong pointer does."""

    def bind(self, *args, **kwargs):
        os.kill(os.getpid(), signal.SIGSEGV)


@teachers.register("leaving")
class Leaving(Teacher):
    """Says why it leaves, and does so at once."""

    def bind(self, *args, **kwargs):
        print("no luck today", file=sys.stderr, flush=True)
        os._exit(3)
