"""Digits drawn by rule, and the training set that they and jitter enlarge."""

import numpy as np
import pytest

from lrcore import styles
from lrcore.augment import jittered, training_set
from lrcore.data import load_dataset
from lrcore.weights import DEFAULT, WEIGHTS_FOLDER, load_weights


@pytest.fixture(scope="module")
def digits():
    return load_dataset().take(slice(200))


def test_every_style_is_well_formed():
    """All forms of a style have the same strokes with equally many places, within reach."""
    for name, (label, forms) in styles.STYLES.items():
        assert name.startswith(str(label))
        lengths = {tuple(len(places) for places, _ in styles._parse(form)) for form in forms}
        assert len(lengths) == 1, name
        places = np.concatenate([places for form in forms for places, _ in styles._parse(form)])
        assert places.min() >= 0
        assert places.max() <= 100


def test_all_digits_are_drawn_in_several_styles():
    labels = [label for label, _ in styles.STYLES.values()]
    assert set(labels) == set(range(10))
    for needed in (
        *("0 slashed", "0 slashed past the loop", "0 barred", "1 flagged", "1 with a long rise"),
        *("1 flagged with a foot", "2 looped", "4 open, short stem", "4 as a triangle on a stem"),
        *("5 with a hat apart", "6 with a small loop", "6 with a high loop", "7 crossed"),
        *("8 open", "8 from two strokes", "9 curled", "9 with a flat head", "9 with a tiny head"),
        "9 with an open head",
    ):
        assert needed in styles.STYLES


def test_made_digits_look_like_mnists_in_place_and_size():
    made = styles.make_digits(3, np.random.default_rng(0))
    assert len(made) == 3 * len(styles.STYLES)
    assert made.images.dtype == np.uint8
    np.testing.assert_array_equal(made.labels[:3], [0, 0, 0])
    rows = (made.images > 25).any(2)
    columns = (made.images > 25).any(1)
    size = np.maximum(rows.sum(1), columns.sum(1))
    assert ((size >= 18) & (size <= 21)).all()


def test_kin_are_styles_of_one_digit_that_can_be_mixed():
    """Mixed are forms of equally many strokes and places, that stand for the same parts."""
    some = False
    for name, (label, forms) in styles.STYLES.items():
        for kin in styles.kindred(name):
            some = True
            assert kin != name
            assert styles.STYLES[kin][0] == label
            assert name in styles.kindred(kin)
            styles.draw_strokes(forms + styles.STYLES[kin][1], np.random.default_rng(0))
    assert some
    assert "0 slashed past the loop" in styles.kindred("0 slashed")
    # Their slashes run at right angles: the mean of both would be a dot.
    assert "0 slashed backwards" not in styles.kindred("0 slashed")


def test_a_slash_goes_past_the_loop():
    """Ink in the corners that a slash runs to, and a loop that stays away from them."""
    rng = np.random.default_rng(3)
    forms = styles.STYLES["0 slashed past the loop"][1]
    for _ in range(20):
        ring, slash = styles.draw_strokes(forms, rng)
        over = slash[:, 1]
        assert over.min() < ring[:, 1].min() or slash[:, 0].max() > ring[:, 0].max()
        assert over.max() > ring[:, 1].max() or slash[:, 0].min() < ring[:, 0].min()


def test_the_read_me_beside_the_weights_counts_the_styles_and_the_pictures():
    words = (WEIGHTS_FOLDER / "README.md").read_text(encoding="utf-8")
    record = load_weights(DEFAULT).record
    assert f"{len(styles.STYLES)} styles x {record['styles']:,} digits" in words
    in_all = record["images"] * (1 + record["jitter"]) + len(styles.STYLES) * record["styles"]
    assert record["learned_from"] == in_all
    assert f"{in_all:,}" in words


def test_the_same_seed_draws_the_same_digits():
    one, again, other = (styles.make_digits(1, np.random.default_rng(s)) for s in (1, 1, 2))
    np.testing.assert_array_equal(one.images, again.images)
    assert (one.images != other.images).any()


def test_a_cross_makes_a_seven_heavier_in_its_middle():
    def middle(style):
        rng = np.random.default_rng(0)
        images = [styles.draw(styles.STYLES[style][1], rng) for _ in range(40)]
        return np.mean(images, 0)[12:18].sum()

    assert middle("7 crossed") > 1.5 * middle("7")


def test_letters_and_scribbles_are_pictures_with_ink():
    rng = np.random.default_rng(0)
    for images in (styles.make_letters(20, rng), styles.make_scribbles(20, rng)):
        assert images.shape == (20, 28, 28)
        assert images.dtype == np.uint8
        assert (images.max((1, 2)) > 200).all()


def test_a_training_set_begins_with_what_it_is_made_of(digits):
    larger = training_set(digits, styles=2, jitter=2, seed=4)
    n = len(digits)
    assert len(larger) == 3 * n + 2 * len(styles.STYLES)
    np.testing.assert_array_equal(larger.images[:n], digits.images)
    np.testing.assert_array_equal(larger.labels[n : 2 * n], digits.labels)
    again = training_set(digits, styles=2, jitter=2, seed=4)
    np.testing.assert_array_equal(larger.images, again.images)
    assert training_set(digits).images.shape == digits.images.shape


def test_jitter_changes_a_little_and_never_twice_alike(digits):
    rng = np.random.default_rng(0)
    one, two = jittered(digits.images, rng), jittered(digits.images, rng)
    assert (one != two).any((1, 2)).all()

    def alike(a, b):
        a, b = a.reshape(len(a), -1) / 255.0, b.reshape(len(b), -1) / 255.0
        return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)

    assert alike(digits.images, one).mean() > 0.7
    assert alike(digits.images, np.roll(one, 1, 0)).mean() < 0.6


def test_jitter_may_thin_and_thicken_but_keeps_the_ink_on_average(digits):
    jitter = jittered(digits.images, np.random.default_rng(0))
    ratio = jitter.sum((1, 2)) / digits.images.sum((1, 2))
    assert abs(np.median(ratio) - 1) < 0.1
    assert ratio.min() < 0.8
    assert ratio.max() > 1.2
