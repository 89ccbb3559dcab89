"""Targets and loss of the grading head."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from condyle.readers.lumbar.grade import outputs_of
from condyle.train.grading import masked_loss, output_weights, positive_weights, targets_of
from condyle.train.heads import head_shares
from condyle.train.lumbar_recipe import Second
from condyle.train.recipe import load_recipe

FINDINGS = ("pfirrmann", "herniation")


def test_a_grade_becomes_at_least_statements_and_unknown_stays_unknown() -> None:
    targets = targets_of(np.array([[1, 0], [3, 1], [5, np.nan], [np.nan, 0]]), FINDINGS)
    expected = [[0, 0, 0, 0, 0], [1, 1, 0, 0, 1], [1, 1, 1, 1, np.nan], [np.nan] * 4 + [0]]
    np.testing.assert_array_equal(targets, expected)


@given(st.integers(1, 6), st.integers(0, 5))
def test_g44_a_row_of_unknown_labels_changes_no_loss(rows: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(rows, 5, generator=generator)
    targets = (torch.rand(rows, 5, generator=generator) > 0.5).float()
    weights, positive = output_weights(FINDINGS, {"herniation": 2.0}), torch.ones(5)
    loss = masked_loss(logits, targets, weights, positive)
    more = torch.cat([logits, torch.full((1, 5), 9.0)])
    unknown = torch.cat([targets, torch.full((1, 5), torch.nan)])
    torch.testing.assert_close(masked_loss(more, unknown, weights, positive), loss)


def test_the_steps_of_a_scale_share_one_finding_s_weight() -> None:
    torch.testing.assert_close(output_weights(FINDINGS, {}), torch.tensor([0.25, 0.25, 0.25, 0.25, 1.0]))


def test_balance_weighs_positives_up_and_leaves_a_finding_without_positives_alone() -> None:
    targets = np.array([[0, 0], [0, 0], [0, 0], [1, 0]], np.float32)
    np.testing.assert_allclose(positive_weights(targets, 1.0).numpy(), [3.0, 1.0])
    np.testing.assert_allclose(positive_weights(targets, 0.0).numpy(), [1.0, 1.0])


def test_unknown_labels_send_no_gradient() -> None:
    logits = torch.zeros(2, 5, requires_grad=True)
    targets = torch.tensor([[1.0, 0, 0, 0, torch.nan], [torch.nan] * 5])
    masked_loss(logits, targets, torch.ones(5), torch.ones(5)).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert not logits.grad[1].any()
    assert logits.grad[0, 4] == 0
    assert (logits.grad[0, :4] != 0).all()


def test_a_second_kind_of_head_counts_for_its_findings_alone() -> None:
    recipe = load_recipe("lumbar")
    shares, outputs = head_shares(recipe), outputs_of(recipe.data.findings)
    seeds = recipe.ensemble.seeds
    assert shares.shape == (2 * seeds, len(outputs))
    np.testing.assert_allclose(shares.sum(axis=0), 1)
    graded = np.array([finding == "pfirrmann" for finding, _ in outputs])
    np.testing.assert_allclose(shares[seeds:, ~graded], 0)
    np.testing.assert_allclose(shares[:, graded], 0.5 / seeds)
    first, second = recipe.kinds().values()
    assert (first.optimiser.epochs, second.optimiser.epochs) == (recipe.optimiser.epochs, recipe.second.epochs)
    assert second.network.hidden == recipe.second.hidden


def test_without_a_second_kind_every_head_counts_the_same() -> None:
    recipe = load_recipe("lumbar").model_copy(update={"second": Second()})
    assert list(recipe.kinds()) == ["first"]
    np.testing.assert_allclose(head_shares(recipe), 1 / recipe.ensemble.seeds)
