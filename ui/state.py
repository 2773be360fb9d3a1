"""Every key of the session, declared once: what it holds, who writes it, how long it lasts.

A key is a plain string for `st.session_state[...]` and for a widget's `key=`; a family of keys,
such as one for each picture, is a function that makes one.  `tests/test_state.py` sees to it that
no other key is used, and that each lasts as long as is said here.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from lrcore.settings import NAMES


class Lasts(Enum):
    """What a key outlives.  Nothing here outlives the session, which is one browser
    tab's; loaded again the tab gets another, which takes over what lasts for the SESSION
    (`ui/reload.py`)."""

    RUN = "one run of the page, which takes it out"
    PAGE = "runs of its page while it is shown there; leaving the page forgets it"
    SESSION = "changes of page, too"
    ADDRESS = "changes of page; a reload as well, since the page's address carries it"


@dataclass(frozen=True)
class Declared:
    """A key, or a pattern such as 'pick-{index}' for a family of keys.

    holds : what stands under it.
    writer : who sets it; 'widget' for what the browser alone does.
    work : whether it is a learner's own work: what a reload that brings it back tells of, and
        what they would miss.
    """

    pattern: str
    holds: str
    writer: str
    lasts: Lasts
    work: bool = False

    def covers(self, key: str) -> bool:
        """Whether a key is this one, or one of this family."""
        parts = string.Formatter().parse(self.pattern)
        made = "".join(
            re.escape(text) + ("" if field is None else ".+") for text, field, *_ in parts
        )
        return re.fullmatch(made, key, re.DOTALL) is not None

    def is_work(self, value: object) -> bool:
        """Whether a value under this key is work: nothing chosen, or nothing in it, is none."""
        # Of a guess, the first choice is one as well.
        return self.work and value is not None and (isinstance(value, int) or bool(value))


TABLE: list[Declared] = []
RUN, PAGE, SESSION, ADDRESS = Lasts


def declared(key: str) -> Declared | None:
    """The declaration that covers a key; None where there is none."""
    exact = (entry for entry in TABLE if entry.pattern == key)
    return next(exact, None) or next((entry for entry in TABLE if entry.covers(key)), None)


def _key(name: str, holds: str, writer: str, lasts: Lasts, work: bool = False) -> str:
    TABLE.append(Declared(name, holds, writer, lasts, work))
    return name


def _keys(
    pattern: str, holds: str, writer: str, lasts: Lasts, work: bool = False
) -> Callable[..., str]:
    TABLE.append(Declared(pattern, holds, writer, lasts, work))
    return pattern.format


def _layout(name: str, what: str) -> str:
    """The key of a container, which holds nothing: browser tests find the place by it."""
    return _key(name, f"nothing: the place of {what}", "nobody", PAGE)


WORK = True
BUTTON = "bool: whether it was pressed just now"

# The router, and what all pages share.
ROUTED = _key("routed", "bool: the page came through the router", "streamlit_app.py", RUN)
LOST_TOLD = _key(
    "lost_session_told", "bool: whether a lost session was looked for", "lost_session", SESSION
)
TAB = _key("tab", "dict: the token of the session that this tab had before", "widget", PAGE)
THIS_TAB = _key("this_tab", "Tab: by which the tab finds it again", "outlast_reload", SESSION)
PRESSES_CARRIED = _key(
    "presses_carried", "dict by button: until when a press is one heard before", "once", SESSION
)
PRESSES_WAITING = _key(
    "presses_waiting", "dict by button: when a press came that waits", "acting_button", SESSION
)
TOASTS_SAID = _key(
    "toasts_said", "list: toasts that may not have been sent yet", "ui.toasts", SESSION
)
TOASTS = _layout("toasts", "what gives toasts their names")
NAVIGATION = _layout("navigation", "what folds the pages' sheet away")
OWN_MODELS = _key(
    "own_models", "dict of Weights by name: trained or loaded", "use_model", SESSION, WORK
)
CHOSEN_MODEL = _key(
    "chosen_model", "str: the name of the model that reads", "widget, settle_choice", SESSION
)
NEXT_MODEL = _key(
    "next_model", "str: the name of the model to read from the next run on", "use_model", RUN
)
WEIGHTS_TRIED = _key(
    "weights_tried", "(id of the file last tried, why not or None)", "ui.model_choice", SESSION
)
WEIGHTS_FILE = _key("weights_file", "an uploaded file of weights", "widget", PAGE)

# Predict.
WAY = _key("way", "str: where the digit comes from", "widget, the ways offered instead", SESSION)
BESIDE = _keys("beside-{place}", "nothing: the place of an answer", "nobody", PAGE)
CLOSER = _keys("closer-{picture}", "str or None: the closer look taken", "widget", SESSION)
HOW_MANY = _key("how_many", "str: how many digits a picture shows", "widget", SESSION)
PICTURES = _key("pictures", "list of uploaded pictures", "widget", PAGE)
PHOTO = _key("photo", "the photo just taken, or None", "widget", PAGE)
BROUGHT = _keys("brought-{way}", "Brought: the pictures of a list", "upload, camera", SESSION, WORK)
REMOVE_PICTURE = _keys("remove-{picture}", BUTTON, "widget", PAGE)
LOOK_AT = _keys("look-{picture}-{said}", "int: which digit of several is looked at", "widget", PAGE)
LOOKED_AT = _key(
    "looked_at", "dict of Found by picture: the digit looked at", "ui.predict", SESSION
)
GALLERY_ASKED = _key(
    "gallery_image", "int: the test picture that another page wants shown", "other pages", RUN
)
GALLERY_PICKED = _key("gallery_picked", "int: the test picture shown", "pages/predict.py", SESSION)
GALLERY_MIX = _key(
    "gallery_mix", "int: which dozen of test pictures is offered", "gallery", SESSION
)
PICK = _keys("pick-{index}", BUTTON, "widget", PAGE)
BEFORE_ERASING = _key(
    "before_erasing", "(Weights, probabilities) of the last answer to the pen", "draw", SESSION
)
LAST_READ = _key("last_read", "Pinned: what was answered last", "ui.pinned", SESSION)
CANVAS = _key("canvas", "dict: what the canvas for one digit sent", "widget", PAGE)
ROW_CANVAS = _key("row", "dict: what the canvas for several digits sent", "widget", PAGE)
KEPT_DRAWING = _keys(
    "{canvas}_kept", "canvas.Kept: what is drawn on it", "drawing_canvas", SESSION, WORK
)
TOOL = _key("tool", "str: pen or eraser", "widget", SESSION)
PEN_WIDTH = _key("pen_width", "int: pixels", "widget", SESSION)
EVIDENCE_DIGIT = _keys(
    "evidence-digit-{picture}-{answer}", "int: the class asked about", "widget", PAGE
)
EVIDENCE_AGAINST = _keys("evidence-against-{picture}", "int or None: the other", "widget", PAGE)
EVIDENCE_TOWARDS = _keys("evidence-towards-{picture}", "int or None: to be read", "widget", PAGE)
EVIDENCE_SEARCH = _keys("evidence-search-{picture}", "bool: search for a change", "widget", PAGE)

# My hand.
OWN_DIGITS = _key(
    "own_digits", "OwnDigits: all digits labelled or loaded", "keep_digits", SESSION, WORK
)
HAND_ON = _key("hand_on", "bool: whether theta takes the corrections", "widget", SESSION)
HAND_NOTE = _key(
    "hand_note", "(row of buttons, text, icon): said under it", "ui.correction", SESSION
)
HAND_MEMO = _key("hand_memo", "(Weights, corrections, Weights by them)", "learned", SESSION)
REJECTED_FILES = _key("rejected_files", "list of (file, why not)", "the loaders", SESSION)
LOAD_NOTES = _key("load_notes", "list of str: what was done to a set", "the loaders", SESSION)
LEAVE_AS_IT_IS = _keys("as-is-{what}", "bool: turn and invert nothing", "widget", SESSION)
OWN_DIGITS_SHOWN = _key("own_shown", "list of int: the digits to see", "widget", SESSION)
UNDO_CORRECTION = _key("undo-correction", BUTTON, "widget", PAGE)
LABEL = _keys("label-{where}-{model}-{picture}-{digit}", BUTTON, "widget", PAGE)
DELETE_OWN = _keys("delete-{picture}", BUTTON, "widget", PAGE)
LOAD = _keys("load-{what}", "list of uploaded files", "widget", PAGE)
FILES_USED = _key("files_used", "set of ids of the files taken in", "the loaders", SESSION)

# Train.
for _name in NAMES:
    # A setting's control goes by the setting's own name, and is its one home: see `read_setting`.
    _key(_name, "str: what the control holds, be it a setting or not", "widget, set_all", ADDRESS)
CONTROLS_SHOWN = _key(
    "train_shown", "list of names of the controls a link leaves, or None", "take_link", ADDRESS
)
NOTICES = _key("train_notices", "list of sentences on a link or a refused run", "begin", SESSION)
SETTINGS_SET = _key(
    "train_set", "tuple: when settings were set, from which texts, to which", "set_all", SESSION
)
ADDRESS_WRITTEN = _key(
    "train_address", "dict: the settings' part of the URL, as last written", "take_link", SESSION
)
BARE_ADDRESS = _key(
    "train_bare", "bool: the bar of pages led to an address without settings", "take_link", SESSION
)
SHOW_ALL = _key("show-all", BUTTON, "widget", PAGE)
LINK_SHOWN = _key("link_shown", "list of names of the controls a link is to leave", "widget", PAGE)
RUN_NAME = _key("run_name", "str: the name of the next run", "widget", SESSION)
LEARN_FROM = _key("train_source", "str: MNIST, own digits or both", "widget", SESSION)
OWN_COPIES = _key("train_copies", "str: copies of each own digit", "widget", SESSION)
START_FROM = _key("train_start", "str: the model a run starts from", "widget", SESSION)
RUNS = _key("training_runs", "Runs: this session's training runs", "session_runs", SESSION, WORK)
TRAIN_TAB = _key("train_tab", "str: the open tab", "widget", PAGE)
COST_AXIS = _key("train_y", "str: linear or log", "widget", SESSION)
RUN_AXIS = _key("train_x", "str: iteration or seconds", "widget", SESSION)
WATCHED = _keys("watched-{brought}", "str: the name of the run shown", "widget", PAGE)
DOOMED = _key("doomed", "str: the name of the run to delete", "widget", PAGE)
RUN_BUTTON = {
    name: _key(name, BUTTON, "widget", PAGE)
    for name in (
        *("start", "resume", "pause", "step-1", "step-10", "stop", "reset", "use", "delete"),
        *("download-weights", "download-history", "download-script", "go-back"),
    )
}
USED = _key("train_used", "str: the model just chosen, to be said once", "use", RUN)
RATE_NOW = _keys("rate-{job}", "float: the learning rate of a run", "widget, watch", PAGE)
CHART_PLACE = _keys("place-of-chart-{what}", "nothing: the place of a chart", "nobody", PAGE)
CHART = _keys("chart-{what}", "nothing: a chart that stays in place", "nobody", PAGE)
SWEEP_SETTING = _key("sweep_setting", "str: of which setting values are tried", "widget", SESSION)
SWEEP_SECOND = _key("sweep_second", "str: the other one of a grid, or ''", "widget", SESSION)
SWEEP_SEEDS = _key("sweep_seeds", "int: how often each value is tried", "widget", SESSION)
SWEEP_VALUES = _keys("sweep_values-{setting}", "str: the values, as typed", "widget", SESSION)
SWEEP_LINK = _key(
    "sweep_link", "dict: the parameters that were last taken over", "take_sweep_link", SESSION
)
SWEEP_LOOKED = _key(
    "sweep_looked", "InView: which run of a sweep is looked at", "_one_run, a click", SESSION
)
SWEEP_RUN = _keys("sweep_run-{sweep}-{brought}", "int: that run, as chosen", "widget", PAGE)
SWEEP_CHART = _keys("sweep_chart-{what}", "what was clicked on a chart", "widget", PAGE)
SWEEP_BUTTON = _keys("sweep-{what}", BUTTON, "widget", PAGE)

PINNED = _key("pinned", "Pinned or None: what runs read at every iteration", "pin", SESSION, WORK)
PIN_LINK = _key("pin_link", "str: the parameter that was last taken over", "take_pin_link", SESSION)
PIN_BUTTON = _keys("pin-{what}", BUTTON, "widget", PAGE)
PIN_CANVAS = _key("pin_canvas", "dict: what the canvas for a digit to pin sent", "widget", PAGE)
PIN_DRAWN = _key("pin_drawn", "array (28, 28): what of it was pinned last", "pin_form", SESSION)
PINNED_PANEL = _layout("pinned_panel", "the pinned digit's bars")
LOOK_BACK = _layout("look_back", "the slider over a run's iterations, and Play")
TRAIN_SIDES = _layout("train_sides", "the controls, and beside them the curves")
STORIES = _layout("stories", "what the stories' buttons tell")
RUN_BUTTONS = _layout("run_buttons", "Start, and what can be done to a run")

# Looking back over a run, on Train and on Weights.
KEPT_ITERATION = _keys(
    "kept-iteration-{run}-{rested}", "int: after how many steps", "widget, moment", PAGE
)
PLAYING = _key("playing", "bool: theta is seen forming", "Play", SESSION)
PLAY = _key("play", BUTTON, "widget", PAGE)

# Weights.
WEIGHTS_ROW = _key("weights_row", "int: the row of theta looked at", "widget, a click", PAGE)
WEIGHTS_FIRST = _key("weights_first", "int: one row of a pair", "widget", PAGE)
WEIGHTS_SECOND = _key("weights_second", "int: the other row", "widget", PAGE)
WEIGHTS_PART = _key("weights_part", "str: which part of theta", "widget", PAGE)
WEIGHTS_SCALE = _key("weights_scale", "str: one scale or each its own", "widget", PAGE)
WEIGHTS_VIEW = _key("weights_view", "str: which closer look", "widget", PAGE)
WEIGHTS_OTHER = _key("weights_other", "str: the model beside it", "widget", PAGE)
WEIGHTS_RUN = _key("weights_run", "str: the run whose theta is seen forming", "widget", PAGE)
THETA_CHART = _keys("theta_{row}_{model}", "what was clicked on a chart", "widget", PAGE)
CLOSER_LOOK = _layout("closer_look", "what is looked at closely")
LARGE_THETA = _layout("large_theta", "a theta looked at closely")
TEN_THETAS = _layout("ten_thetas", "the heatmaps of all rows")
FORMING_THETAS = _layout("forming_thetas", "the heatmaps on the way")

# Mistakes.
CONFUSION = _key("mistakes_matrix", "the cell that was clicked", "widget", PAGE)
MISTAKE_TRUTH = _key("mistakes_truth", "int: place of the true class", "widget, a click", SESSION)
MISTAKE_ANSWER = _key("mistakes_answer", "int: place of the answer", "widget, a click", SESSION)
MISTAKES_SEEN = _key("mistakes_shown", "int: how many pictures are shown", "Show more", SESSION)
OPEN_TEST_PICTURE = _keys("test-picture-{where}-{index}", BUTTON, "widget", PAGE)
BAR_DIGIT = _key("bar_digit", "int: place of the class whose bar is moved", "widget", PAGE)
BAR_CORNER = _keys(
    "bar_corner-{place}-{inside}", "bool: whether only the curves' corner is shown", "widget", PAGE
)
BAR = _keys("bar-{place}-{low}-{high}", "float: the score from which on it is yes", "widget", PAGE)

# How it works.
HOW_DIGIT = {
    name: _key(f"how_{name}", "int: a digit", "widget", PAGE)
    for name in ("picture", "asked", "curated", "theta", "leaning")
}
HOW_SCORE = _key("how_z", "float: a score", "widget", PAGE)
HOW_LABEL = _key("how_y", "int: the right answer, 0 or 1", "widget", PAGE)
HOW_PROBABILITY = _key("how_p", "float: what the model says", "widget", PAGE)
HOW_PICTURES = _key("how_start", "int: the first of eight training pictures", "a button", SESSION)
HOW_CHART = _keys("how-chart-{what}", "nothing: the place of a chart", "nobody", PAGE)
HOW_STEP = _key("how_step", "int: steps of gradient descent", "widget", PAGE)
HOW_LEAN = _key("how_lean", "float: pixels a row", "widget", PAGE)

# Two numbers, one line.
TWO_DIGIT = {
    name: _key(f"two_{name}", "int: the digit of no, or of yes", "widget, take_link", SESSION)
    for name in ("no", "yes")
}
TWO_KIND = _key("two_kind", "str: which two numbers, of NUMBERS", "widget, take_link", SESSION)
TWO_PIXEL = {
    name: _key(f"two_pixel_{name}", "int: a row or column", "widget, a click, take_link", SESSION)
    for name in ("row_1", "column_1", "row_2", "column_2")
}
TWO_POINTED = _key("two_pointed", "int: which pixel a click sets, 0 or 1", "widget", PAGE)
TWO_PIXELS_CHART = _key("two_pixels_chart", "the pixel that was clicked", "widget", PAGE)
TWO_LINK = _key("two_link", "dict: the parameters last taken over", "take_link", SESSION)
TWO_LEARNING = _key(
    "two_learning", "Learning: where the line is and was", "learning", SESSION, WORK
)
TWO_LINE = {
    name: _key(f"two_{name}", "float: of the line", "widget, the line itself", PAGE)
    for name in ("angle", "offset", "steepness")
}
TWO_STEP = _keys("two_step-{steps}", "int: after how many steps", "widget", PAGE)
TWO_BUTTON = _keys("two-button-{what}", BUTTON, "widget", PAGE)
TWO_BUTTONS = _layout("two_buttons", "what can be done to the line")
TWO_GUESS = _keys(
    "two-guess-{choice}", "int or None: how many it gets right", "widget", SESSION, WORK
)
PLANE = _key("plane", "dict: the line as it was last dragged", "widget", PAGE)

# Valley.
VALLEY_GROUND = _key("valley_ground", "str: whose valley is seen", "widget", ADDRESS)
VALLEY_GUESS = _key(
    "valley_guess", "int or None: a place in ui.valley.GUESSES", "widget", SESSION, WORK
)
VALLEY_SHOWN = _key("valley_shown", "bool: whether the guess is over", "Let them walk", SESSION)
VALLEY_PLAYING = _key("valley_playing", "bool: the ways are seen growing", "Play", SESSION)
VALLEY_RUN = _key("valley_run", "str: the run whose valley is seen", "widget", PAGE)
VALLEY = _keys("valley-{name}", "what a control holds, by its name", "widget, Play", ADDRESS)
VALLEY_BUTTON = _keys("walk-button-{what}", BUTTON, "widget", PAGE)
VALLEY_BESIDE = _layout("valley_beside", "what is said of the ways")

# Lessons, on the pages that they are about and on one of their own.
LESSON_OPEN = _key("lesson_open", "str: the name of the lesson pinned", "ui.classroom", SESSION)
LESSON_GUESS = _keys("lesson-guess-{lesson}", "int or None: the choice", "widget", SESSION, WORK)
LESSON_REVEALED = _keys("lesson-revealed-{lesson}", "bool: the answer is seen", "Reveal", SESSION)
OPEN_LESSON = _keys("open-lesson-{lesson}", BUTTON, "widget", PAGE)
LESSON_BUTTON = _keys("lesson-button-{what}", BUTTON, "widget", PAGE)
LESSON_BAR = _layout("lesson_bar", "the lesson pinned")
STAGE = _layout("stage", "the lesson on the projector")
