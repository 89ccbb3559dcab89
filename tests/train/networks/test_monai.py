"""Transformers of ours against MONAI's with the same weights: another program that must compute the same (why ours: decision 8)."""

from __future__ import annotations

import pytest
import torch
from monai.networks.nets.swin_unetr import SwinTransformer
from monai.networks.nets.vit import ViT
from torch import Tensor, nn

from condyle.train.networks import swin, vit
from condyle.train.networks.encoder import Encoder


def _drawn(encoder: Encoder) -> dict[str, Tensor]:
    """The encoder's body with every weight drawn: what begins at zero or one would hide a wrong name."""
    torch.manual_seed(0)
    with torch.no_grad():
        for value in encoder.body.parameters():
            value.copy_(torch.randn_like(value) * 0.2 + (value.ndim == 1))
    encoder.eval()
    return dict(encoder.body.named_parameters())


def _fill(module: nn.Module, weights: dict[str, Tensor]) -> nn.Module:
    left = module.load_state_dict(weights, strict=False)
    assert not left.unexpected_keys
    idle = ("relative_position_index", "norm_cross_attn.weight", "norm_cross_attn.bias")  # a constant, and what nothing here uses
    assert all(name.endswith(idle) for name in left.missing_keys)
    return module.eval()


def test_vit_computes_what_monai_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"_HEADS": 4, "_WIDTH": 32, "_LAYERS": 3}.items():
        monkeypatch.setattr(vit, name, value)
    encoder = vit.ViTEncoder(64)
    own = _drawn(encoder)
    # MONAI's class token has no place of its own: the two are one sum.
    weights = {"cls_token": own["class_token"] + own["encoder.pos_embedding"][:, :1]}
    weights["patch_embedding.position_embeddings"] = own["encoder.pos_embedding"][:, 1:]
    for part in ("weight", "bias"):
        weights[f"patch_embedding.patch_embeddings.{part}"] = own[f"conv_proj.{part}"]
        weights[f"norm.{part}"] = own[f"encoder.ln.{part}"]
        for number in range(3):
            here, there = f"encoder.layers.encoder_layer_{number}", f"blocks.{number}"
            weights[f"{there}.attn.qkv.{part}"] = own[f"{here}.self_attention.in_proj_{part}"]
            weights[f"{there}.attn.out_proj.{part}"] = own[f"{here}.self_attention.out_proj.{part}"]
            for a, b in {"ln_1": "norm1", "ln_2": "norm2", "mlp.0": "mlp.linear1", "mlp.3": "mlp.linear2"}.items():
                weights[f"{there}.{b}.{part}"] = own[f"{here}.{a}.{part}"]
    monai = ViT(3, (64, 64), (16, 16), 32, 128, 3, 4, classification=True, spatial_dims=2, qkv_bias=True)
    monai.classification_head = nn.Identity()
    for module in monai.modules():
        if isinstance(module, nn.LayerNorm):
            module.eps = 1e-6  # torchvision's; MONAI's 1e-5 cannot be set
    _fill(monai, weights)
    grey = torch.randn(2, 64, 64)
    with torch.no_grad():
        features, before = encoder(grey)
        _, hidden = monai(grey[:, None].expand(-1, 3, -1, -1))
        expected = monai.norm(hidden[-1])[:, 1:]
    torch.testing.assert_close(features.flatten(2).transpose(1, 2), expected, rtol=1e-4, atol=1e-4)
    assert before.shape == (2, 4, 4)


def test_swin_computes_what_monai_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    depths, heads, width = (2, 2, 2), (2, 4, 8), 16
    for name, value in {"_DEPTHS": depths, "_HEADS": heads, "_WIDTH": width}.items():
        monkeypatch.setattr(swin, name, value)
    encoder = swin.SwinEncoder()
    own = _drawn(encoder)
    monai = SwinTransformer(3, width, (7, 7), (4, 4), depths, heads, patch_norm=True, spatial_dims=2, downsample="mergingv2")
    stages = [monai.layers1[0], monai.layers2[0], monai.layers3[0]]
    stages[-1].downsample = None  # MONAI's merges after the last stage, too
    renamed = {"mlp.0": "mlp.linear1", "mlp.3": "mlp.linear2"}
    weights = {f"proj.{part}": own[f"features.0.0.{part}"] for part in ("weight", "bias")}
    _fill(monai.patch_embed, weights | {f"norm.{part}": own[f"features.0.2.{part}"] for part in ("weight", "bias")})
    for number, stage in enumerate(stages):
        blocks = {}
        for name, value in own.items():
            _, place, *rest = name.split(".")
            if place == str(2 * number + 1):
                inner = ".".join(rest[1:])
                for a, b in renamed.items():
                    inner = inner.replace(a, b)
                blocks[f"blocks.{rest[0]}.{inner}"] = value
            if place == str(2 * number + 2):
                blocks[f"downsample.{'.'.join(rest)}"] = value
        _fill(stage, blocks)
    # Grids of 28, 14 and 7 cells: where a grid is smaller than a window MONAI shrinks the window, torchvision and ours pad.
    grey = torch.randn(2, 112, 112)
    with torch.no_grad():
        features, _ = encoder(grey)
        x = monai.patch_embed(grey[:, None].expand(-1, 3, -1, -1))
        for stage in stages:
            x = stage(x)
        expected = encoder.body.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
    torch.testing.assert_close(features, expected, rtol=1e-4, atol=1e-4)
