"""The training runs of a session: which there are, which is shown, and whom they belong to."""

from __future__ import annotations

import math
import os
import time
from threading import Thread

import streamlit as st
from streamlit.runtime import exists, get_instance
from streamlit.runtime.scriptrunner import get_script_run_ctx
from threadpoolctl import threadpool_limits

from lrcore.errors import UserError
from lrcore.training import RunRequest
from lrcore.weights import columns
from ui.state import RUNS
from ui.train.jobs import Job, Slots

# Seconds without a browser after which a run's user counts as gone.
AWAY = 60.0
# Runs of one session that have not ended; they hold their pictures in memory, all together ...
MOST_UNENDED = 4
# ... in at most so many megabytes.
MOST_MEGABYTES = 600


class Runs:
    """The runs that a session keeps, by name, the oldest first."""

    def __init__(self, session: str = ""):
        self.jobs: dict[str, Job] = {}
        self.shown: str | None = None
        self._presence = Presence(session)

    def __getitem__(self, name: str) -> Job:
        return self.jobs[name]

    @property
    def job(self) -> Job | None:
        """The run that the page shows."""
        return self.jobs.get(self.shown or "")

    def start(
        self,
        request: RunRequest,
        name: str = "",
        allowed: float = math.inf,
    ) -> Job:
        """Begin a run and show it; UserError if too many have not ended yet."""
        unended = [job for job in self.jobs.values() if not job.finished]
        if len(unended) >= MOST_UNENDED:
            raise UserError(
                f"{MOST_UNENDED} of your runs have not ended yet; stop or delete one of them first."
            )
        wanted = _megabytes(request)
        if wanted > MOST_MEGABYTES:
            raise UserError(
                f"This run would need about {wanted:,} MB for its pictures alone; take fewer "
                "images or fewer copies. The command line has no such limit."
            )
        if wanted + sum(_megabytes(job.request) for job in unended) > MOST_MEGABYTES:
            raise UserError(
                f"Your runs that have not ended and this one would need more than {MOST_MEGABYTES} "
                "MB for their pictures; stop or delete one of them first, or take fewer images."
            )
        name = self._free_name(name.strip())
        self._put(name, request, allowed)
        return self.jobs[name]

    def reset(self, name: str) -> None:
        """Put a run back to its start, paused: the same settings and seed, so the same run."""
        job = self.jobs[name]
        job.stop()
        self._put(name, job.request, 0)

    def delete(self, name: str) -> None:
        """Stop a run and forget it; the newest of the others is shown in its place."""
        self.jobs.pop(name).stop()
        if self.shown == name:
            self.shown = next(reversed(self.jobs), None)

    def _put(self, name: str, request: RunRequest, allowed: float) -> None:
        self.jobs[name] = Job(name, request, slots(), self._presence.gone, allowed)
        self.shown = name

    def _free_name(self, name: str) -> str:
        number = len(self.jobs) + 1
        if not name:
            while f"run {number}" in self.jobs:
                number += 1
            return f"run {number}"
        number, base = 2, name
        while name in self.jobs:
            name, number = f"{base} ({number})", number + 1
        return name


def _megabytes(request: RunRequest) -> int:
    """What a run's features take in memory, as float32."""
    settings, own = request.settings, request.own
    images = (settings.images + 10 * settings.styles) * (1 + settings.jitter)
    images += len(own.learned) if own is not None else 0
    return images * columns(settings.features) * 4 // 2**20


class Presence:
    """Whether a session's browser is there; a short loss of the connection does not count."""

    def __init__(self, session: str):
        self._session, self._seen = session, time.monotonic()

    def gone(self) -> bool:
        """Whether the browser has been away for longer than AWAY seconds."""
        now = time.monotonic()
        # Without a server (a test, a notebook) there is nobody to lose.
        if not exists() or get_instance().is_active_session(self._session):
            self._seen = now
        return now - self._seen > AWAY


@st.cache_resource(show_spinner=False)
def slots() -> Slots:
    """The one queue of this process: as many runs at work as there are processors."""
    # A run a processor: BLAS's own threads would wait for each other, and for the browser.
    # In a thread of its own, since the limit keeps the thread that has set it, and a page's
    # thread would keep its session, for good.
    setter = Thread(target=threadpool_limits, args=(1, "blas"))
    setter.start()
    setter.join()
    return Slots(max(1, os.cpu_count() or 1))


def session_runs() -> Runs:
    """The runs of the session that this script run belongs to."""
    if RUNS not in st.session_state:
        context = get_script_run_ctx()
        st.session_state[RUNS] = Runs(context.session_id if context else "")
    return st.session_state[RUNS]
