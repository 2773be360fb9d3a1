"""Metrics, against scikit-learn's."""

import numpy as np
import pytest
from sklearn import metrics as reference

from lrcore.metrics import confusion, precision, recall


@pytest.fixture
def answers():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 10, 2000)
    return truth, np.where(rng.uniform(size=2000) < 0.7, truth, rng.integers(0, 10, 2000))


def test_confusion_precision_and_recall_agree_with_scikit_learn(answers):
    truth, said = answers
    counts = confusion(truth, said, np.arange(10))
    assert (counts == reference.confusion_matrix(truth, said)).all()
    assert precision(counts) == pytest.approx(reference.precision_score(truth, said, average=None))
    assert recall(counts) == pytest.approx(reference.recall_score(truth, said, average=None))


def test_classes_keep_their_own_order():
    counts = confusion(np.array([5, 5, -1]), np.array([5, -1, -1]), np.array([5, -1]))
    assert counts.tolist() == [[1, 1], [0, 1]]


def test_no_answers_no_share():
    counts = np.array([[3, 0], [2, 0]])
    assert precision(counts)[0] == pytest.approx(0.6)
    assert np.isnan(precision(counts)[1])
    assert np.isnan(recall(np.array([[0, 0], [0, 1]]))[0])
