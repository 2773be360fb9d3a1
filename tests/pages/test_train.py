"""The Train page."""

from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from lrcore.errors import UserError
from lrcore.script import as_script
from lrcore.settings import NAMES, Settings, knob
from lrcore.training import Ending, Outcome
from lrcore.weights import load_weights, pack_weights
from tests.helpers import open_page, seen_label, wait_for
from ui import presses
from ui.plain import plain
from ui.train.buttons import history_csv
from ui.train.controls import LABELS, PRESETS
from ui.train.links import TEXTS, make_link, read_link
from ui.train.table import comparison

PAGE = "pages/train.py"


def finish(app: AppTest):
    """Look at the page until the shown run has ended; returns it."""
    wait_for(lambda: app.session_state["training_runs"].job.finished, 60)
    app.run()
    assert not app.exception
    return app.session_state["training_runs"].job


@pytest.fixture
def small(app):
    """The page with a small, quick run set up."""
    yield open_page(app, PAGE, {"images": "600", "iterations": "5"})
    if "training_runs" in app.session_state:
        for job in app.session_state["training_runs"].jobs.values():
            job.stop()


def address(app) -> dict[str, str]:
    """The parameters in the URL."""
    params = app.query_params.items()
    return {name: value if isinstance(value, str) else value[0] for name, value in params}


def metrics(app) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def test_start_train_and_use_the_model(small):
    small.button(key="start").click().run()
    job = finish(small)
    assert job.settings == Settings(images=600, iterations=5)
    shown = metrics(small)
    assert float(shown["Training cost"]) == pytest.approx(job.history[-1].cost, rel=1e-4)
    assert shown["Test accuracy"] == f"{job.weights.record['test_accuracy']:.2%}"
    small.button(key="use").click().run()
    assert small.session_state["chosen_model"] == "run 1"
    small.switch_page("pages/weights.py").run()
    assert small.selectbox(key="chosen_model").value == "run 1"


def test_what_is_downloaded_can_be_loaded_again(small):
    small.button(key="start").click().run()
    job = finish(small)
    again = load_weights(pack_weights(job.weights))
    assert np.array_equal(again.theta, job.weights.theta)
    lines = history_csv(job).splitlines()
    assert len(lines) == 1 + len(job.history)
    assert lines[0].startswith("iteration,seconds,cost")
    assert lines[0].endswith("cost_9")


def test_single_steps_pause_stop_and_reset(small):
    small.button(key="step-1").click().run()
    job = small.session_state["training_runs"].job
    wait_for(lambda: job.state == "paused" and len(job.history) > 1, 30)
    small.run()
    assert job.history[-1].iteration == 1
    assert not small.button(key="resume").disabled
    small.button(key="stop").click().run()
    assert finish(small).message == "Stopped by hand."
    assert small.button(key="stop").disabled
    small.button(key="reset").click().run()
    assert small.session_state["training_runs"].job.state == "paused"
    assert not small.session_state["training_runs"].job.history
    small.button(key="resume").click().run()
    assert finish(small).history[-1].iteration == 5


def controls(app):
    kinds = ("button", "download_button", "selectbox", "number_input", "text_input")
    kinds += ("button_group", "multiselect", "metric")
    return [element for kind in kinds for element in app.main.get(kind)]


@pytest.mark.parametrize("tab", ["Watch", "Compare", "Python"])
def test_every_control_has_a_help_text(small, tab):
    small.button(key="start").click().run()
    finish(small)
    small.session_state["train_tab"] = tab
    small.text_input(key="images").set_value("500")
    small.selectbox(key="solver").set_value("mini-batch")
    small.selectbox(key="task").set_value("two-digits").run()
    assert len(controls(small)) > 20
    without = [c.proto.label for c in controls(small) if not c.proto.help]
    assert without == []


def test_only_the_knobs_that_matter_are_shown(app):
    open_page(app, PAGE)
    keys = {element.key for element in app.text_input} | {e.key for e in app.selectbox}
    assert not keys & {"learning_rate", "momentum", "batch_size", "digit", "against"}
    app.selectbox(key="solver").set_value("adam")
    app.selectbox(key="task").set_value("one-digit").run()
    keys = {element.key for element in app.text_input} | {e.key for e in app.selectbox}
    assert {"learning_rate", "momentum", "batch_size", "digit"} <= keys
    assert "against" not in keys


def test_bad_values_in_a_link_are_shown_said_and_start_nothing(app):
    bad = {"images": "7 million", "solver": "sgd", "C": "1e9", "momentum": "2", "seed": "x"}
    good = {"iterations": "12", "digit": "7"}
    open_page(app, PAGE, bad | good)
    said = [error.value for error in app.error]
    for name, words in {
        "Images": "choose a value from 10 to 60,000.",
        "Solver": "choose among gradient-descent, mini-batch, adam, lbfgs, preconditioned-lbfgs.",
        "C (L2)": "choose a value from 0.000001 to 1,000,000.",
        "Momentum": "choose a value from 0 to 0.999.",
        "Seed": "choose a value from 0 to 2,147,483,647.",
    }.items():
        assert any(plain(f"{name} cannot be") in line and plain(words) in line for line in said)
    assert len(said) == 5
    assert app.button(key="start").disabled
    assert address(app) == bad | good
    assert {name: app.session_state[name] for name in bad | good} == bad | good
    assert app.selectbox(key="solver").value == "sgd"
    # The momentum is no setting of this task, but nobody can mend what is not shown.
    for name in ("images", "C", "momentum", "seed"):
        app.text_input(key=name).set_value(TEXTS[name])
    app.selectbox(key="solver").set_value("adam").run()
    assert not app.error
    assert not app.button(key="start").disabled
    assert address(app) == {"solver": "adam", **good}


@pytest.mark.parametrize(
    ("name", "typed", "words"),
    [
        ("images", "1", "from 10 to 60,000"),
        ("images", "", "from 10 to 60,000"),
        ("learning_rate", "1000", "from 0.00001 to 100"),
        ("C", "1e9", "from 0.000001 to 1,000,000"),
        ("seed", "-1", "from 0 to 2,147,483,647"),
        ("iterations", "1" + 308 * "0", "from 1 to 100,000"),
        ("tolerance", "2", "from 0 to 1"),
    ],
)
def test_a_field_out_of_its_range_blocks_start_and_says_its_range(app, name, typed, words):
    open_page(app, PAGE, {"solver": "adam"})
    assert words in app.text_input(key=name).proto.help
    app.text_input(key=name).set_value(typed).run()
    (error,) = app.error
    assert plain(f"choose a value {words}") in error.value
    for button in ("start", "step-1", "step-10"):
        assert app.button(key=button).disabled
    app.text_input(key=name).set_value(TEXTS[name]).run()
    assert not app.error
    assert not app.button(key="start").disabled


@pytest.mark.parametrize("text", ["1" + 308 * "0", "![](//host/a)", "1e999", "nan", "\0", "''"])
def test_no_link_brings_the_page_down(app, text):
    open_page(app, PAGE, dict.fromkeys(NAMES, text))
    said = " ".join(error.value for error in app.error)
    assert [name for name in NAMES if plain(f"{knob(name).label} cannot be") not in said] == []
    assert app.button(key="start").disabled


@pytest.mark.parametrize("solver", ["adam", LABELS["solver"]["adam"]])
def test_a_link_may_name_a_solver_either_way(app, solver):
    open_page(app, PAGE, {"solver": solver})
    assert app.selectbox(key="solver").value == "adam"
    assert not app.main.warning


def test_a_link_can_leave_one_control_and_the_rest_still_counts(app):
    open_page(
        app,
        PAGE,
        {"solver": "gradient-descent", "images": "600", "iterations": "3", "show": "learning_rate"},
    )
    assert [e.key for e in app.main.text_input if e.key in NAMES] == ["learning_rate"]
    # A preset would turn what is hidden.
    assert not {button.label for button in app.button} & {preset.title for preset in PRESETS}
    app.text_input(key="learning_rate").set_value("0.05")
    app.button(key="start").click().run()
    job = finish(app)
    assert (job.settings.images, job.settings.iterations) == (600, 3)
    assert job.history[-1].learning_rate == 0.05
    assert address(app)["show"] == "learning_rate"
    app.button(key="show-all").click().run()
    assert app.text_input(key="images").value == "600"
    assert "show" not in address(app)
    assert {preset.title for preset in PRESETS} <= {button.label for button in app.button}


def test_links_read_back_what_they_were_made_from():
    values = {
        "solver": "adam",
        "learning_rate": "0.0003",
        "images": "600",
        "C": "1e-05",
        "seed": "0",
    }
    link = make_link("http://x/train", values, ["learning_rate", "seed"])
    query = dict(parse_qsl(urlsplit(link).query))
    read, shown, complaints = read_link(query, LABELS)
    assert read == {name: value for name, value in values.items() if name != "seed"}
    assert shown == ["learning_rate", "seed"]
    assert complaints == []
    assert read_link({"show": "nonsense"}, LABELS)[1] is None


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.title)
def test_presets_are_settings_that_work(preset):
    Settings(**preset.changes)


def test_the_address_holds_short_names_whatever_a_link_or_a_label_says(app):
    open_page(app, PAGE, {"task": "two-digits", "solver": LABELS["solver"]["adam"], "by": "me"})
    assert address(app) == {"task": "two-digits", "solver": "adam", "by": "me"}
    app.selectbox(key="solver").set_value("gradient-descent").run()
    app.text_input(key="learning_rate").set_value("0.25").run()
    assert address(app) == {
        **{"task": "two-digits", "solver": "gradient-descent", "learning_rate": "0.25"},
        **{"by": "me"},
    }
    app.selectbox(key="solver").set_value("lbfgs").run()
    assert "learning_rate" in address(app)  # it comes back with a solver that uses it
    app.switch_page("pages/weights.py").run()
    app.switch_page(PAGE).run()
    assert app.selectbox(key="task").value == "two-digits"
    assert address(app)["solver"] == "lbfgs"


def test_going_back_turns_the_settings_back(app, monkeypatch):
    open_page(app, PAGE, {"images": "600"})
    app.text_input(key="images").set_value("700").run()
    app.query_params["images"] = "600"
    app.run()
    # A browser that says so and has not gone back has only not heard of the new address.
    assert app.text_input(key="images").value == "700"
    assert address(app) == {"images": "700"}
    monkeypatch.setattr("ui.train.controls.went_back", lambda: True)
    app.query_params["images"] = "600"
    app.run()
    assert app.text_input(key="images").value == "600"


def test_a_preset_starts_its_story_in_one_click(app):
    open_page(app, PAGE, {"seed": "7"})
    next(b for b in app.button if b.label == "Too large a step").click().run()
    job = finish(app)
    assert app.text_input(key="seed").value == "0"
    assert address(app)["learning_rate"] == "5"
    assert "seed" not in address(app)
    assert max(point.cost for point in job.history) > job.history[0].cost
    assert any("overshoots" in error.value for error in app.error)


def test_a_rate_that_is_told_as_it_stands_turns_nothing(app):
    some = {"images": "600", "iterations": "5", "solver": "gradient-descent", "learning_rate": ""}
    open_page(app, PAGE, some)
    app.button(key="step-1").click().run()
    job = app.session_state["training_runs"].job
    wait_for(lambda: job.learning_rate is not None and job.history, 60)
    app.run()
    chosen = job.learning_rate
    field = next(box for box in app.text_input if box.label == "Learning rate now")
    # It is rounded, as a browser tells it that was late to hear of it.
    assert float(field.value) == pytest.approx(chosen, rel=0.005)
    assert float(field.value) != chosen
    app.session_state[field.key] = ""
    field.set_value(f"{chosen:.3g}").run()
    assert job.learning_rate == chosen
    field.set_value("0.03").run()
    assert job.learning_rate == 0.03
    job.stop()


@pytest.mark.parametrize("hidden", [False, True])
def test_where_a_link_hides_the_stories_none_is_offered(app, hidden):
    open_page(app, PAGE, {"images": "600", **({"show": "images"} if hidden else {})})
    (said,) = (bar.proto.text for bar in app.get("progress"))
    assert said.startswith("Nothing runs yet: press Start")
    assert ("stories above" in said) != hidden


def test_beside_a_run_that_goes_on_start_begins_another(app):
    query = {"images": "600", "iterations": "100000", "solver": "gradient-descent"}
    page = open_page(app, PAGE, query)
    assert seen_label(page.button(key="start")) == "Start"
    page.button(key="start").click().run()
    runs = page.session_state["training_runs"]
    first = runs.job
    assert seen_label(page.button(key="start")) == "Start another"
    assert page.button(key="start").proto.type == "secondary"
    page.button(key="start").click().run()
    assert len(runs.jobs) == 2
    assert runs.job is first
    assert any("One more run has begun" in toast.value for toast in page.toast)
    for job in runs.jobs.values():
        job.stop()
    finish(page)
    assert seen_label(page.button(key="start")) == "Start"
    assert page.button(key="start").proto.type == "primary"
    page.button(key="start").click().run()
    assert runs.job is list(runs.jobs.values())[-1]
    runs.job.stop()


def test_a_story_is_told_of_the_run_that_it_began(app):
    open_page(app, PAGE)
    told = next(preset for preset in PRESETS if preset.title == "Only 600 images")

    def seen() -> str:
        (text,) = (c.value for c in app.caption if "visibility: visible" in c.value)
        return text.split("</span>")[0]

    assert "Pick a story" in seen()
    next(b for b in app.button if b.label == told.title).click().run()
    assert told.story in seen()
    finish(app)
    # A run that is only called so has none.
    app.text_input(key="run_name").set_value(told.title).run()
    app.button(key="start").click().run()
    assert app.session_state["training_runs"].shown == f"{told.title} (2)"
    assert "Pick a story" in seen()
    app.session_state["training_runs"].job.stop()


def test_a_story_heard_twice_begins_once_and_its_settings_hold(app, monkeypatch):
    open_page(app, PAGE)
    told = next(preset for preset in PRESETS if preset.title == "Too large a step")
    with monkeypatch.context() as patch:
        patch.setattr(presses, "run_of_another_part", lambda: True)
        next(b for b in app.button if b.label == told.title).click().run()
    # The second telling brings what the browser held before the first.
    app.text_input(key="learning_rate").set_value("")
    next(b for b in app.button if b.label == told.title).click().run()
    assert list(app.session_state["training_runs"].jobs) == [told.title]
    assert app.session_state["learning_rate"] == "5"
    assert app.text_input(key="learning_rate").value == "5"
    app.session_state["training_runs"].job.stop()


def test_what_a_browser_still_tells_of_the_settings_before_a_story_is_no_choice(app, monkeypatch):
    open_page(app, PAGE)
    before = app.selectbox(key="solver").value
    next(b for b in app.button if b.label == "Too large a step").click().run()
    app.session_state["training_runs"].job.stop()
    told = {name: app.session_state[name] for name in ("solver", "images", "iterations")}
    app.selectbox(key="solver").set_value(before).run()
    assert {name: app.session_state[name] for name in told} == told
    assert app.selectbox(key="solver").value == told["solver"]
    # What was neither before nor now is one at once, and all is one a while later.
    app.text_input(key="images").set_value("600").run()
    assert app.session_state["images"] == "600"
    monkeypatch.setattr("ui.train.controls.ECHOES", 0)
    app.selectbox(key="solver").set_value(before).run()
    assert app.selectbox(key="solver").value == before


def test_a_run_is_watched_by_choice_but_not_by_one_from_before_another_came_into_view(small):
    small.button(key="start").click().run()
    finish(small)
    small.text_input(key="run_name").set_value("other").run()
    small.button(key="start").click().run()
    finish(small)
    runs = small.session_state["training_runs"]

    def watched():
        (control,) = (box for box in small.selectbox if box.label == "Run watched")
        return control

    assert runs.shown == watched().value == "other"
    watched().set_value("run 1").run()
    assert runs.shown == watched().value == "run 1"
    choice = watched().set_value("other")
    runs.show("run 1")
    choice.run()
    assert runs.shown == watched().value == "run 1"


def test_what_a_run_has_not_come_to_is_a_dash(app):
    # Ten pictures drawn with this seed hold no 8: it ends before it begins.
    query = {"task": "one-digit", "digit": "8", "images": "10", "seed": "1"}
    open_page(app, PAGE, query).button(key="start").click().run()
    finish(app)
    app.session_state["train_tab"] = "Compare"
    app.run()
    (table,) = app.dataframe
    (row,) = table.value.to_dict("records")
    assert row == {
        **{"State": "ended", "Iterations done": 0},
        **dict.fromkeys(("Seconds", "Training cost", "Test accuracy"), "–"),
    }


def progress(app) -> tuple[int, str]:
    """How full the bar is, in per cent, and what it says."""
    (bar,) = app.get("progress")
    return bar.proto.value, bar.proto.text


def test_a_run_that_could_not_begin_is_an_error_and_not_a_label(app):
    # Ten pictures drawn with this seed hold no 8.
    query = {"task": "one-digit", "digit": "8", "images": "10", "seed": "1"}
    open_page(app, PAGE, query).button(key="start").click().run()
    assert finish(app).outcome is Outcome.FAILED
    assert any("No picture of an 8" in error.value for error in app.error)
    assert "No picture" not in progress(app)[1]


def test_the_page_goes_by_the_outcome_and_not_by_words(small):
    small.button(key="start").click().run()
    job = finish(small)
    for outcome in Outcome:
        job.ending = Ending(outcome, "Words that nobody has thought of.")
        small.run()
        said = any(job.message in error.value for error in small.error)
        assert said is (outcome in (Outcome.DIVERGED, Outcome.FAILED))
        assert (job.message.removesuffix(".") in progress(small)[1]) is not said


def test_a_run_that_has_arrived_fills_the_bar(app):
    query = {"images": "50", "iterations": "5000", "C": "0.001"}
    open_page(app, PAGE, query).button(key="start").click().run()
    job = finish(app)
    assert job.outcome is Outcome.ARRIVED
    assert job.history[-1].iteration < 1000
    assert progress(app)[0] == 100


def test_impossible_settings_say_so_and_start_nothing(app):
    open_page(app, PAGE, {"task": "two-digits", "digit": "4", "against": "4"})
    assert any("Two different digits" in error.value for error in app.error)
    assert app.button(key="start").disabled


def test_a_run_goes_on_while_another_page_is_looked_at(app):
    small = open_page(app, PAGE)
    small.text_input(key="images").set_value("600")
    small.text_input(key="iterations").set_value("100000")
    small.selectbox(key="solver").set_value("gradient-descent")
    small.button(key="start").click().run()
    job = small.session_state["training_runs"].job
    small.switch_page("pages/weights.py").run()
    before = len(job.history)
    wait_for(lambda: len(job.history) >= before + 5, 30)
    small.switch_page(PAGE).run()
    assert small.session_state["training_runs"].job is job
    assert small.text_input(key="iterations").value == "100000"
    assert not small.button(key="stop").disabled
    small.button(key="stop").click().run()


def test_runs_are_compared_by_what_differs_and_can_be_deleted(small):
    small.button(key="start").click().run()
    finish(small)
    small.text_input(key="images").set_value("700")
    small.text_input(key="run_name").set_value("more")
    small.button(key="start").click().run()
    finish(small)
    runs = small.session_state["training_runs"]
    table = comparison(runs)
    assert list(table.index) == ["run 1", "more"]
    assert list(table["Images"]) == ["600", "700"]
    assert "Seed" not in table
    small.session_state["train_tab"] = "Compare"
    small.run()
    small.selectbox(key="doomed").set_value("run 1")
    small.button(key="delete").click().run()
    assert list(runs.jobs) == ["more"]


def test_the_python_tab_shows_the_settings_run(small):
    small.session_state["train_tab"] = "Python"
    small.run()
    codes = [code.value.strip() for code in small.main.code]
    assert as_script(Settings(images=600, iterations=5)).strip() in codes


def test_without_data_training_is_off_and_the_page_says_why(app, monkeypatch):
    def missing(part):
        raise UserError("data/mnist is not there.")

    monkeypatch.setattr("ui.models.mnist", missing)
    open_page(app, PAGE)
    assert any("data/mnist is not there" in error.value for error in app.error)
    assert app.button(key="start").disabled
    assert all(b.disabled for b in app.button if b.label in {p.title for p in PRESETS})
