"""Stages: what a run tells about its pieces."""

from __future__ import annotations

from condyle.train.stages import heard_by, stage, tell


def test_pieces_are_heard_with_the_stages_they_belong_to() -> None:
    heard: list[tuple[str, int, int]] = []
    tell("segmenter", 1, 2)
    with heard_by(lambda *told: heard.append(told)):
        tell("segmenter", 1, 2)
        with stage("fold 2 of 5"), stage("again"):
            tell("heads", 3, 4)
        tell("heads", 4, 4)
    tell("segmenter", 2, 2)
    assert heard == [("segmenter", 1, 2), ("fold 2 of 5, again, heads", 3, 4), ("heads", 4, 4)]
