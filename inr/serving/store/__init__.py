"""The store: files by the SHA-256 of what is in them, and the sweep of what nothing needs any more."""

from inr.serving.store._retention import tidy as tidy
from inr.serving.store._store import RESERVE as RESERVE
from inr.serving.store._store import Store as Store
