"""The queue: users, signals, uploads, jobs and their events in SQLite, shared by every process of one folder."""

from inr.serving.queue._errors import BadCursor as BadCursor
from inr.serving.queue._errors import InUse as InUse
from inr.serving.queue._errors import KeyMismatch as KeyMismatch
from inr.serving.queue._errors import NotFound as NotFound
from inr.serving.queue._errors import QueueFull as QueueFull
from inr.serving.queue._errors import QuotaExceeded as QuotaExceeded
from inr.serving.queue._errors import WrongState as WrongState
from inr.serving.queue._queue import Queue as Queue
from inr.serving.queue._rows import Claim as Claim
from inr.serving.queue._rows import Job as Job
from inr.serving.queue._rows import Kind as Kind
from inr.serving.queue._rows import NewJob as NewJob
from inr.serving.queue._rows import Place as Place
from inr.serving.queue._rows import Progress as Progress
from inr.serving.queue._rows import QueueEvent as QueueEvent
from inr.serving.queue._rows import Quotas as Quotas
from inr.serving.queue._rows import SignalRow as SignalRow
from inr.serving.queue._rows import State as State
from inr.serving.queue._rows import Submitted as Submitted
from inr.serving.queue._rows import Upload as Upload
from inr.serving.queue._rows import User as User
from inr.serving.queue._rows import Worker as Worker
from inr.serving.queue._users import SESSION_SECONDS as SESSION_SECONDS
