"""The training runs of a session: which there are, which is shown, and whom they belong to."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from threading import Thread
from typing import Any

import streamlit as st
from streamlit.runtime import exists, get_instance
from streamlit.runtime.scriptrunner import get_script_run_ctx
from threadpoolctl import threadpool_limits

from lrcore.data import Dataset
from lrcore.errors import UserError, megabytes
from lrcore.settings import Settings
from lrcore.training import Own, Resume, RunRequest
from ui.state import RUNS
from ui.train.in_view import InView
from ui.train.jobs import Job
from ui.train.slots import Slots
from ui.train.sweeping import Sweeping

# Seconds without a browser after which a run's user counts as gone.
AWAY = 60.0
# Runs of one session that have not ended, and bytes of features that one may take; what all
# runs of the process may take together is in `ui.train.slots`.
MOST_UNENDED, MOST_BYTES = 4, 600 * 2**20


class Runs(InView[str]):
    """The runs that a session keeps, by name, the oldest first.

    shown : the name of the run that the page shows.
    begun_beside : whether one was begun beside the shown one, until that has been said.
    """

    def __init__(self, session: str = ""):
        super().__init__()
        self.jobs: dict[str, Job] = {}
        self.begun_beside = False
        self.sweep: Sweeping | None = None
        self._presence = Presence(session)

    def __bool__(self) -> bool:
        """Whether there is any, a sweep's included."""
        return bool(self.jobs) or self.sweep is not None

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
        story: str = "",
    ) -> Job:
        """Begin a run; UserError if too many have not ended yet.

        It is shown, unless it is one more beside a shown one that has not ended.

        story : what to watch for; a run with a story is always shown.
        """
        if sum(not job.finished for job in self.jobs.values()) >= MOST_UNENDED:
            raise UserError(
                f"{MOST_UNENDED} of your runs have not ended yet; stop or delete one of them first."
            )
        job = self._job(self._free_name(name.strip()), request, allowed, story=story)
        if job.nbytes > MOST_BYTES:
            raise UserError(
                f"This run would need {megabytes(job.nbytes)} for its pictures' features, and "
                f"{megabytes(MOST_BYTES)} are allowed; take fewer images or fewer copies. The "
                "command line has no such limit."
            )
        self._begin(job, show=bool(story) or self.job is None or self.job.ending is not None)
        self.begun_beside = job is not self.job
        return job

    def reset(self, name: str) -> None:
        """Put a run back to its start, paused: the same settings and seed, so the same run."""
        job = self.jobs[name]
        job.stop()
        self._begin(self._job(name, job.request, 0, story=job.story))

    def go_back(self, name: str) -> None:
        """Have a run go on from before its learning rate was turned, with the rate it had then."""
        job = self.jobs[name]
        if job.jump is not None:
            job.stop()
            self._begin(self._job(name, job.request, math.inf, job.jump, job.story))

    def delete(self, name: str) -> None:
        """Stop a run and forget it; the newest of the others is shown in its place."""
        self.jobs.pop(name).stop()
        if self.shown == name:
            self.show(next(reversed(self.jobs), None))

    def start_sweep(
        self,
        settings: Settings,
        train: Dataset,
        values: Mapping[str, Sequence[Any]],
        seeds: int = 1,
        own: Own | None = None,
    ) -> Sweeping:
        """Begin a sweep, see `Sweeping`; UserError if one is at work, or it is too large.

        Its runs are no runs of the session's until `adopt` makes one of them one.
        """
        if self.sweep is not None and not self.sweep.finished:
            raise UserError("A sweep is at work; wait for it, or cancel it first.")
        sweep = Sweeping(settings, train, values, seeds, slots(), self._presence.gone, own)
        largest = max(trial.job.nbytes for trial in sweep.trials)
        if largest > MOST_BYTES:
            raise UserError(
                f"A run of this sweep would need {megabytes(largest)} for its pictures' features, "
                f"and {megabytes(MOST_BYTES)} are allowed; take fewer images. The command line has "
                "no such limit."
            )
        sweep.begin()
        self.sweep = sweep
        return sweep

    def adopt(self, job: Job) -> None:
        """Show a sweep's run that has ended, as one of the session's from now on."""
        if job not in self.jobs.values():
            job.name = self._free_name(job.name)
            if job.weights is not None:
                job.weights = replace(job.weights, name=job.name)
            self.jobs[job.name] = job
        self.show(job.name)

    def _job(
        self,
        name: str,
        request: RunRequest,
        allowed: float,
        resume: Resume | None = None,
        story: str = "",
    ) -> Job:
        return Job(name, request, slots(), self._presence.gone, allowed, resume, story)

    def _begin(self, job: Job, show: bool = True) -> None:
        job.begin()
        self.jobs[job.name] = job
        if show:
            self.show(job.name)

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

    def come_back(self, session: str) -> None:
        """Belong to another session from now on: that of the same tab, loaded again."""
        self._presence.follow(session)


class Presence:
    """Whether a session's browser is there; a short loss of the connection does not count."""

    def __init__(self, session: str):
        self._session, self._seen = session, time.monotonic()

    def follow(self, session: str) -> None:
        """Watch over another session from now on."""
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
