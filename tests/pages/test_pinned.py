"""A digit pinned on the Train page."""

import base64

from tests.helpers import open_page, wait_for
from ui.charts import probability_rows
from ui.heatmaps import colour_limit
from ui.state import GALLERY_ASKED, KEPT_ITERATION, PIN_BUTTON, PINNED, PLAY, PLAYING, RUNS
from ui.train.charts import theta_maps, theta_picture
from ui.train.playback import kept_thetas

PAGE = "pages/train.py"
QUERY = {"images": "300", "iterations": "4", "solver": "gradient-descent", "learning_rate": "0.1"}


def trained(app):
    """Start a run and look once it has ended; returns its job."""
    app.button(key="start").click().run()
    job = app.session_state[RUNS].job
    wait_for(lambda: job.finished, 60)
    app.run()
    assert not app.exception
    return job


def bars(app):
    """What a screen reader is told of the pinned digit's bars."""
    found = [chart.proto.alt for chart in app.get("vega_lite_chart") if "pinned" in chart.proto.alt]
    return found[0] if found else None


def told(app):
    return " ".join(text.value for text in (*app.markdown, *app.caption))


def labels(digit, job, iteration):
    theta = kept_thetas(job)[iteration]
    rows = probability_rows([str(d) for d in range(10)], digit.bars(job.settings, theta), "")
    return ", ".join(rows["label"].str.replace("\u2003", " "))


def test_nothing_is_pinned_until_something_is(app):
    open_page(app, PAGE, QUERY)
    assert "No digit is pinned yet" in told(app)
    assert bars(app) is None
    assert app.button(key=PIN_BUTTON(what="last")).disabled
    assert app.button(key=PIN_BUTTON(what="off")).disabled
    app.button(key=PIN_BUTTON(what="test")).click().run()
    assert not app.exception
    assert "Pinned: test picture" in told(app)
    assert bars(app).count("–") == 10
    app.button(key=PIN_BUTTON(what="off")).click().run()
    assert bars(app) is None


def test_its_bars_and_theta_are_those_of_the_iteration_looked_at(app, test_set):
    open_page(app, PAGE, QUERY | {"pin": "17"})
    digit = app.session_state[PINNED]
    assert digit.words == f"test picture 17, labelled {test_set.labels[17]}"
    job = trained(app)
    assert bars(app).endswith(labels(digit, job, 4))
    assert "After **4** iterations: the longest bar" in told(app)
    slider = app.select_slider(key=KEPT_ITERATION(run="run 1", rested=4))
    slider.set_value(1).run()
    assert bars(app).endswith(labels(digit, job, 1))
    assert labels(digit, job, 1) != labels(digit, job, 4)
    assert f"After **1** iteration the cost is **{job.history[1].cost:.4f}**" in told(app)
    thetas = kept_thetas(job)
    wanted = theta_picture(
        theta_maps("pixels", thetas[1]),
        [str(d) for d in range(10)],
        colour_limit(theta_maps("pixels", thetas[4])),
    )
    pictures = [image.proto.imgs[0].url for image in app.get("image")]
    assert f"data:image/png;base64,{base64.b64encode(wanted).decode()}" in pictures


def test_it_plays_from_the_start_to_the_end(app):
    open_page(app, PAGE, QUERY | {"pin": "3"})
    job = trained(app)
    app.button(key=PLAY).click().run()
    seen = []
    while not seen or app.session_state[PLAYING]:
        seen.append(app.select_slider(key=KEPT_ITERATION(run="run 1", rested=4)).value)
        assert bars(app).endswith(labels(app.session_state[PINNED], job, seen[-1]))
        app.run()
    assert seen == list(range(seen[0], 5))
    assert len(seen) >= 3
    assert app.select_slider(key=KEPT_ITERATION(run="run 1", rested=4)).value == 4


def test_after_one_more_step_of_a_paused_run_the_end_is_shown(app):
    open_page(app, PAGE, QUERY | {"pin": "3"})
    app.button(key="step-1").click().run()
    job = app.session_state[RUNS].job
    wait_for(lambda: job.state == "paused" and len(job.history) > 1, 30)
    app.run()
    app.select_slider(key=KEPT_ITERATION(run="run 1", rested=1)).set_value(0).run()
    assert "all bars at 0.50" in told(app)
    app.button(key="step-1").click().run()
    wait_for(lambda: job.state == "paused" and len(job.history) > 2, 30)
    app.run()
    assert "After **2** iterations: " in told(app)
    job.stop()


def test_a_binary_run_has_one_bar_and_strokes_are_read_as_strokes(app):
    binary = {"task": "one-digit", "digit": "7", "features": "strokes", "pin": "0"}
    open_page(app, PAGE, {"images": "200", "iterations": "3"} | binary)
    job = trained(app)
    p = app.session_state[PINNED].bars(job.settings, job.theta)
    assert p.shape == (1,)
    assert bars(app).endswith(f": 7 against the rest {p[0]:.2f}")


def test_what_predict_read_last_is_pinned_and_stays_through_pages_and_runs(app, test_set):
    open_page(app, "pages/predict.py", **{GALLERY_ASKED: 5})
    app.switch_page(PAGE).run()
    app.button(key=PIN_BUTTON(what="last")).click().run()
    assert not app.exception
    assert (app.session_state[PINNED].image == test_set.images[5]).all()
    for page in ("pages/weights.py", PAGE):
        app.switch_page(page).run()
    assert bars(app) is not None
    # A link that is made now pins it, too.
    assert any("pin=5" in code.value for code in app.code)


def test_a_link_to_a_picture_that_there_is_not_says_so(app):
    open_page(app, PAGE, {"pin": "[a](//b)"})
    assert any("a test picture that there is not" in warning.value for warning in app.warning)
    assert bars(app) is None


def test_each_run_reads_it_with_its_own_theta(app):
    open_page(app, PAGE, QUERY | {"pin": "3"})
    first = trained(app)
    app.text_input(key="images").set_value("100").run()
    second = trained(app)
    digit = app.session_state[PINNED]
    assert bars(app).endswith(labels(digit, second, 4))
    (watched,) = (box for box in app.selectbox if box.label == "Run watched")
    watched.set_value(first.name).run()
    assert bars(app).endswith(labels(digit, first, 4))
