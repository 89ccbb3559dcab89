"""Training of the family of several planes: store, augmentation, network, loop, export."""
