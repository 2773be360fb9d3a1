"""Digits drawn by rule, and the training set that they and jitter enlarge."""

import numpy as np
import pytest

from lrcore import styles
from lrcore.augment import jittered, training_set
from lrcore.data import load_dataset


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
    for needed in ("0 slashed", "1 flagged", "4 open, short stem", "7 crossed", "9 curled"):
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
