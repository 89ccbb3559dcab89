"""The contract of a backbone: what any network that encodes slices or stacks must do, whatever it is made of.

    import pytest
    from condyle.testing.backbones import CHECKS

    @pytest.mark.parametrize("contract", CHECKS, ids=lambda contract: contract.__name__)
    def test_my_backbone(contract):
        contract("resnet18", 64)

Each contract takes the name of a backbone and the rows and columns of its slices, and raises ``AssertionError`` with a sentence.
The contracts themselves live beside the networks: torch is imported in ``condyle.train`` alone.
"""

from condyle.train.networks.battery import CHECKS, Contract, check_public_names

__all__ = ["CHECKS", "Contract", "check_public_names"]
