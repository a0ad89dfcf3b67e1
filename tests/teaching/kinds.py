"""Which teachers choose from samples, and which from points that are drawn."""

from inr.teaching import teachers

OF_DRAWN_POINTS = {"renewed": "around shapes", "sets": "pools of points"}
OF_SAMPLES = [name for name in teachers.names() if name not in OF_DRAWN_POINTS]
