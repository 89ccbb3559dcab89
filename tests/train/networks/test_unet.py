"""U-Nets and the losses of masks."""

from __future__ import annotations

import pytest
import torch

from condyle.errors import UsageError
from condyle.train.losses import dice, dice_focal
from condyle.train.networks.unet import segmenter


@pytest.mark.parametrize(("name", "shape"), [("unet_2d", (2, 16, 24)), ("unet_3d", (2, 8, 16, 24))])
def test_a_logit_a_class_at_every_cell_and_every_weight_learns(name: str, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    network = segmenter(name, 3, (4, 8, 12))
    told = network(torch.rand(shape))
    assert told.shape == (2, 3, *shape[1:])
    dice_focal(told, torch.rand(told.shape).round()).backward()
    assert all(one.grad is not None and one.grad.abs().sum() > 0 for one in network.parameters())
    network.eval()
    both = torch.rand(shape)
    assert torch.allclose(network(both)[1], network(both[1:])[0], atol=1e-5)  # a sample does not depend on its neighbour


def test_it_learns_where_a_square_is() -> None:
    torch.manual_seed(0)
    network = segmenter("unet_2d", 1, (4, 8))
    grey = torch.rand(4, 16, 16) * 0.5
    truth = torch.zeros(4, 1, 16, 16)
    for number, place in enumerate((2, 5, 7, 9)):
        grey[number, place : place + 5, 4:9] += 1
        truth[number, 0, place : place + 5, 4:9] = 1
    optimiser = torch.optim.Adam(network.parameters(), 0.02)
    for _ in range(40):
        optimiser.zero_grad()
        dice(network(grey), truth).backward()
        optimiser.step()
    assert dice(network(grey), truth) < 0.25  # 0.7 before


def test_dice_of_known_masks() -> None:
    truth = torch.zeros(1, 1, 4, 4)
    truth[..., :2, :] = 1
    sure = (truth * 2 - 1) * 50
    assert dice(sure, truth) == pytest.approx(0, abs=1e-6)
    half = torch.zeros(1, 1, 4, 4)
    half[..., :1, :] = 1
    assert dice((half * 2 - 1) * 50, truth) == pytest.approx(1 - (2 * 4 + 1) / (12 + 1), abs=1e-5)
    nothing = torch.zeros(1, 1, 4, 4)
    assert dice(torch.full((1, 1, 4, 4), -50.0), nothing) == pytest.approx(0, abs=1e-6)
    assert dice_focal(sure, truth) == pytest.approx(0, abs=1e-6)
    assert dice_focal(-sure, truth) > 10


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UsageError, match="no segmenter 'vnet'"):
        segmenter("vnet", 1)
