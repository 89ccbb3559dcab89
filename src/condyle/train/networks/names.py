"""Names that a recipe may use, known without torch."""

from __future__ import annotations

# name -> module of condyle.train.networks that builds it
BACKBONES = {
    "alexnet": "alexnet",
    "resnet18": "resnet",
    "resnet34": "resnet",
    "resnet50": "resnet",
    "densenet121": "densenet",
    "efficientnet_b0": "efficientnet",
    "efficientnet_lite0": "efficientnet_lite",
    "efficientnet_lite0_fine": "efficientnet_lite",
    "swin_t": "swin",
    "vit_b_16": "vit",
    "scope_cnn3d": "scope3d",
    "resnet18_3d": "resnet3d",
}
STRIDES = {"efficientnet_lite0_fine": 8}  # of the others: 32, or what the recipe says
CELLS = {"alexnet": 36, "vit_b_16": 16, **STRIDES}  # pixels a cell of the grid, where it is not the recipe's stride
VOLUMES = ("scope_cnn3d", "resnet18_3d")  # take a whole stack; the others take slices
AGGREGATORS = ("max", "mean", "gem", "top_k", "attention", "transformer")
FUSIONS = ("attention", "mean", "logistic", "concatenate", "coplane")
SEGMENTERS = {"unet_2d": 2, "unet_3d": 3}  # name -> dimensions
MASK_LOSSES = ("dice", "dice_focal")
