"""Thresholds and their curves, against scikit-learn's."""

import numpy as np
import pytest
from sklearn import metrics as reference

from lrcore.errors import UserError
from lrcore.thresholds import (
    average_precision,
    best_f1,
    counts_at,
    precision_recall_curve,
    roc_auc,
    roc_curve,
)


@pytest.fixture(params=["few ties", "many ties", "perfect", "backwards"])
def scored(request):
    rng = np.random.default_rng(0)
    yes = rng.uniform(size=3000) < 0.1
    scores = rng.normal(size=3000) + 2 * yes
    if request.param == "many ties":
        scores = scores.round(1)
    if request.param == "perfect":
        scores = yes + 0.1 * rng.uniform(size=3000)
    if request.param == "backwards":
        scores = -scores
    return scores, yes


def test_roc_curve_and_its_area_are_scikit_learns(scored):
    scores, yes = scored
    expected = reference.roc_curve(yes, scores, drop_intermediate=False)
    for mine, theirs in zip(roc_curve(scores, yes), expected, strict=True):
        np.testing.assert_allclose(mine, theirs)
    assert roc_auc(scores, yes) == pytest.approx(reference.roc_auc_score(yes, scores), rel=1e-9)


def test_precision_recall_curve_and_its_area_are_scikit_learns(scored):
    scores, yes = scored
    expected = reference.precision_recall_curve(yes, scores)
    for mine, theirs in zip(precision_recall_curve(scores, yes), expected, strict=True):
        np.testing.assert_allclose(mine, theirs)
    theirs = reference.average_precision_score(yes, scores)
    assert average_precision(scores, yes) == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize("threshold", [-9.0, -0.5, 0.0, 0.7, 9.0])
def test_counts_and_shares_at_a_threshold_are_scikit_learns(scored, threshold):
    scores, yes = scored
    counts, said = counts_at(scores, yes, threshold), scores >= threshold
    table = reference.confusion_matrix(yes, said)
    assert [[counts.tn, counts.fp], [counts.fn, counts.tp]] == table.tolist()
    precision, recall, f1, _ = reference.precision_recall_fscore_support(
        yes, said, average="binary", zero_division=np.nan
    )
    assert counts.precision == pytest.approx(precision, nan_ok=True)
    assert counts.recall == pytest.approx(recall)
    assert counts.f1 == pytest.approx(np.nan_to_num(f1))
    assert counts.false_positive_rate == pytest.approx((said & ~yes).sum() / (~yes).sum())


def test_no_threshold_has_a_higher_f1_than_the_best(scored):
    scores, yes = scored
    threshold, highest = best_f1(scores, yes)
    assert counts_at(scores, yes, threshold).f1 == pytest.approx(highest, rel=1e-9)
    tried = [reference.f1_score(yes, scores >= t) for t in np.quantile(scores, [0.1, 0.5, 0.9])]
    assert highest >= max(tried)


@pytest.mark.parametrize("yes", [np.zeros(3, bool), np.ones(3, bool)])
def test_of_one_kind_alone_there_is_no_curve(yes):
    for curve in (roc_curve, precision_recall_curve, roc_auc, average_precision, best_f1):
        with pytest.raises(UserError, match="both kinds"):
            curve(np.arange(3.0), yes)
