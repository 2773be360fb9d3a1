"""A lesson for the projector: question, guess, reveal, next."""

from ui.classroom.stage import stage
from ui.routing import ensure_routed

ensure_routed()

stage()
