"""A teacher that ends its process, entered when a test imports it."""

import os
import signal

from inr.teaching import Teacher, teachers


@teachers.register("deadly")
class Deadly(Teacher):
    """Kills the process that fits by it."""

    def bind(self, *args, **kwargs):
        os.kill(os.getpid(), signal.SIGKILL)
