"""What is seen of a spine on one series, and how the series of a study agree on the names of the levels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from condyle.anatomy.lumbar import LEVELS
from condyle.readers.lumbar.crops import CANAL, CropSpec, Frame, cut, normalise
from condyle.readers.lumbar.discs import Disc
from condyle.readers.lumbar.levels import Levels, find_levels, frames
from condyle.readers.lumbar.picture import Picture, picture, sagittal
from condyle.readers.lumbar.segment import Network, segment
from condyle.study import Geometry, Volume

BESIDE_MM = 4.0  # from the mid-sagittal slice to the neighbours that are graded with it
SLAB_MM = 60.0  # the canal lies within this much of the middle of the stack
OFF_CENTRE_MM = 30.0  # a spine may lie this far from the middle of its stack
COARSE_MM = 8.0  # distance of the slices looked at first: the canal is about twice as wide
_AS_GOOD = 0.6  # of the worth on the series before; a series that shows less where that one was best is searched from end to end
DISC_MM = (23.0, 50.0)  # depth of lumbar discs, from small to large adults with room to spare
FIELD_WIDTHS = 12.0  # a lumbar picture is 6 to 12 disc depths high (1st and 99th percentile of SPIDER: 6.5 and 11.5), a cervical one 14
# Of the best slice's worth: slices in a row that have so much show the canal; a slice whose neighbours have hardly more is in the middle.
_CANAL_SHOWN, _HARDLY_LESS = 0.6, 0.85
_DISAGREE = "The series disagree on which disc is the lowest."


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """The spine on one series.

    Parameters
    ----------
    picture : the middle one of the slices that show most discs with most of the canal behind them
    tissue : [3, row, column] probabilities of vertebra, canal, disc on the picture's pixels
    levels : discs of this picture by name
    beside : (picture, tissue) of the slices about 4 mm to either side, where the stack has them
    profile : (slice, worth) of every slice looked at: the sum over its discs of their probability times the depth of the
        canal behind them, in disc widths
    """

    picture: Picture
    tissue: NDArray[np.float32]
    levels: Levels
    profile: tuple[tuple[int, float], ...] = ()
    beside: tuple[tuple[Picture, NDArray[np.float32]], ...] = ()

    @property
    def worth(self) -> float:
        """Of the slice that was chosen: the largest of the profile."""
        return max((worth for _, worth in self.profile), default=0.0)

    @property
    def frames(self) -> dict[str, Frame]:
        return {frame.level: frame for frame in frames(self.levels)}


def look(volume: Volume, network: Network, *, pixel_aspect: float | None = None, before: View | None = None) -> View:
    """Find the mid-sagittal slice, segment it, name its discs.

    Parameters
    ----------
    volume : as loaded, in any axis order. Its millimetres, or for pictures ``pixel_aspect``, give the shape
    network : of ``segment``
    pixel_aspect : see ``picture``
    before : what was seen on another series of the study. The search begins where its slice lies, and ends there unless the
        neighbours are better

    Raises
    ------
    InputError - not sagittal, or a field of view that no spine study has
    """
    turned = sagittal(volume)
    count = turned.shape[0]
    seen: dict[int, tuple[Picture, NDArray[np.float32], Levels, float]] = {}

    def value(index: int) -> float:
        if index not in seen:
            one = picture(turned, index, pixel_aspect=pixel_aspect)
            tissue = tissue_of(one, network)
            levels = find_levels(tissue)
            seen[index] = one, tissue, levels, _worth(levels, tissue)
        return seen[index][3]

    near = max(1, round(BESIDE_MM / turned.geometry.spacing[0]))
    best = _same_place(before, turned, near)
    if best is None or not _is_middle_still(best, near, count, value, before.worth if before else 0.0):
        if best is None or value(best := _climbed(best, near, count, value)) < _AS_GOOD * (before.worth if before else 0.0):
            best = _climbed(_likeliest(_coarse(turned), turned, value), near, count, value)
        best = _middle(best, near, count, value)
    beside = [index for index in (best - near, best + near) if 0 <= index < count]
    for index in beside:
        value(index)
    one, tissue, levels, _ = seen[best]
    one = replace(one, slice_index=_own_index(volume, turned, best))
    profile = tuple((index, seen[index][3]) for index in sorted(seen))
    return View(one, tissue, levels, profile, tuple(seen[index][:2] for index in beside))


def look_critically(
    volume: Volume, network: Network, *, pixel_aspect: float | None = None, before: View | None = None
) -> tuple[View, bool]:
    """As ``look``, with a second look at a volume whose millimetres cannot be right.

    Returns
    -------
    (view, whether its spacing is believed). When the discs are no lumbar discs in millimetres, but the picture, taken as one of unknown
    spacing, shows a column of discs that fills it as a lumbar spine does, the spacing is wrong: that view is uncalibrated and nothing is
    measured on it in millimetres.
    """
    view = look(volume, network, pixel_aspect=pixel_aspect, before=before)
    if not volume.geometry.calibrated or (len(view.levels.discs) >= 3 and DISC_MM[0] <= disc_depth_mm(view) <= DISC_MM[1]):
        return view, True
    unknown = Geometry(volume.geometry.affine, volume.geometry.shape, calibrated=False)
    again = look(replace(volume, geometry=unknown), network, pixel_aspect=pixel_aspect)
    if len(again.levels.discs) < 5 or max(again.picture.pixels.shape) > FIELD_WIDTHS * again.levels.width:
        return view, True
    return again, False


def disc_depth_mm(view: View) -> float:
    """Median depth of the discs from front to back; nominal when the picture is not calibrated."""
    return view.levels.width * float(view.picture.geometry.spacing[2])


def tissue_of(one: Picture, network: Network) -> NDArray[np.float32]:
    """[3, row, column] probabilities of vertebra, canal, disc on a picture's pixels. The network sees it at half size."""
    rows, columns = one.pixels.shape
    half = (max(1, round(columns / 2)), max(1, round(rows / 2)))
    shares = segment(cv2.resize(one.pixels, half, interpolation=cv2.INTER_AREA), network)
    return np.stack([cv2.resize(share, (columns, rows), interpolation=cv2.INTER_LINEAR) for share in shares[1:]])


def agree(views: Mapping[str, View]) -> dict[str, View]:
    """The views of one study with names that mean the same disc in each.

    Parameters
    ----------
    views : by slot, the preferred one first

    Returns
    -------
    The same views. One that counts from another disc than the surest view is renamed, and the count becomes uncertain;
    discs that it missed are put where the surest view has them. Views that share no space (pictures of different
    shape) keep their own names.
    """
    counted = [slot for slot in views if views[slot].levels.discs]
    if len(counted) < 2:
        return dict(views)
    surest = min(counted, key=lambda slot: (len(views[slot].levels.doubts), counted.index(slot)))
    reference = views[surest]
    agreed = {slot: view if slot == surest else _agree(reference, view) for slot, view in views.items()}
    if any(_DISAGREE in view.levels.doubts for view in agreed.values()) and _DISAGREE not in reference.levels.doubts:
        agreed[surest] = _doubted(reference)
    return agreed


def level_names(views: Mapping[str, View]) -> tuple[str, ...]:
    """Every level that some view shows, from the bottom up."""
    found = {name for view in views.values() for name in view.levels.names}
    return tuple(name for name in LEVELS if name in found)


def level_crops(
    views: Mapping[str, View], slots: tuple[str, ...], names: tuple[str, ...], spec: CropSpec
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Crops of all levels from all slots.

    Returns
    -------
    ([level, slot, 4, row, column] float32 grey, vertebra, canal, disc; [level, slot] bool: whether there is a crop)
    """
    crops = np.zeros((len(names), len(slots), 4, spec.rows, spec.columns), np.float32)
    present = np.zeros((len(names), len(slots)), bool)
    for column, slot in enumerate(slots):
        if slot not in views:
            continue
        view = views[slot]
        here = [frame for frame in view.frames.values() if frame.level in names]
        if not here:
            continue
        rows = [names.index(frame.level) for frame in here]
        crops[rows, column] = cut(normalise(view.picture.pixels, view.tissue), view.tissue, here, spec)
        present[rows, column] = True
    return crops, present


def beside(views: Mapping[str, View]) -> list[dict[str, View]]:
    """The views with each series' slice to one side, then to the other, under the same names and places of the levels.

    Empty when some series has no slice there: pictures, and stacks of fewer than three slices.
    """
    sides = min((len(view.beside) for view in views.values()), default=0)
    if sides < 2:
        return []
    return [
        {slot: replace(view, picture=view.beside[side][0], tissue=view.beside[side][1]) for slot, view in views.items()} for side in (0, 1)
    ]


def _coarse(volume: Volume) -> list[int]:
    """Slices to look at first: about every 8 mm within the middle of the stack."""
    count, spacing = volume.shape[0], volume.geometry.spacing[0]
    middle, reach, step = (count - 1) / 2, SLAB_MM / 2 / spacing, max(1, round(COARSE_MM / spacing))
    first, last = max(0, int(np.floor(middle - reach))), min(count - 1, int(np.ceil(middle + reach)))
    return list(range(first, last + 1, step))


def _likeliest(slices: list[int], volume: Volume, value: Callable[[int], float]) -> int:
    """The slice with the most on it and on those beside it, the middle of the stack preferred: where the canal lies several slices in a row
    show it, while a lateral slice may by chance show as much alone."""
    alone = np.array([0.0, *map(value, slices), 0.0])
    together = (alone[:-2] + 2 * alone[1:-1] + alone[2:]) / 4
    away = (np.array(slices) - (volume.shape[0] - 1) / 2) * volume.geometry.spacing[0] / OFF_CENTRE_MM
    return slices[int(np.argmax(together * np.exp(-(away**2) / 2)))]


def _climbed(best: int, step: int, count: int, value: Callable[[int], float]) -> int:
    """The first slice from ``best`` on, in steps, whose neighbours are no better."""
    while True:
        near = [index for index in (best - step, best + step) if 0 <= index < count]
        better = max([best, *near], key=value)
        if better == best:
            return best
        best = better


def _middle(best: int, step: int, count: int, value: Callable[[int], float]) -> int:
    """The middle of the slices around the best that show the canal: it is several slices wide, and which of them is best by a little is
    chance. Of two middle ones the better."""
    enough = _CANAL_SHOWN * value(best)
    first = last = best
    while first - step >= 0 and value(first - step) >= enough:
        first -= step
    while last + step < count and value(last + step) >= enough:
        last += step
    return max(((first + last) // 2, (first + last + 1) // 2), key=value)


def _is_middle_still(best: int, step: int, count: int, value: Callable[[int], float], worth: float) -> bool:
    """Whether the slice where the series before was best shows as much on this one, and its neighbours hardly more."""
    near = [index for index in (best - step, best + step) if 0 <= index < count]
    return value(best) >= max([_AS_GOOD * worth, *(_HARDLY_LESS * value(index) for index in near)])


def _same_place(before: View | None, volume: Volume, step: int) -> int | None:
    """The slice nearest to the one that was best on another series; None when the two share no space or it lies outside."""
    if before is None or not (before.picture.calibrated and volume.geometry.calibrated):
        return None
    middle = before.picture.to_world(np.array(before.tissue.shape[1:])[None] / 2)
    index = round(float(volume.geometry.to_index(middle)[0, 0]))
    return min(max(index, 0), volume.shape[0] - 1) if -step <= index < volume.shape[0] + step else None


def _worth(levels: Levels, tissue: NDArray[np.float32]) -> float:
    """How mid-sagittal a slice is. Canal and disc tissue anywhere would also count the fat and vessels of lateral slices."""
    total = 0.0
    for disc in levels.discs:
        behind = disc.centre + np.linspace(0.4, 1.2, 17)[:, None] * disc.width * disc.axis
        rows, columns = np.rint(behind).astype(int).T
        inside = (rows >= 0) & (rows < tissue.shape[1]) & (columns >= 0) & (columns < tissue.shape[2])
        total += disc.probability * float((tissue[CANAL][rows[inside], columns[inside]] > 0.5).sum()) * 0.05
    return total


def _own_index(volume: Volume, turned: Volume, index: int) -> int:
    """The slice of the series' own array; of a volume cut across its own slices, the slice of the turned one."""
    if volume.geometry.plane != "sagittal":
        return index
    middle = (index, (turned.shape[1] - 1) / 2, (turned.shape[2] - 1) / 2)
    return round(float(volume.geometry.to_index(turned.geometry.to_world(middle))[0]))


def _share_space(one: Picture, other: Picture) -> bool:
    """Whether places of one picture mean the same place on the other."""
    if one.calibrated and other.calibrated:
        return True
    return not one.calibrated and not other.calibrated and one.source_shape == other.source_shape and one.geometry == other.geometry


def _agree(reference: View, view: View) -> View:
    if not _share_space(reference.picture, view.picture) or not view.levels.discs:
        return view
    target = _centres(reference, view.picture)
    own = np.array([disc.centre for disc in view.levels.discs])
    pitch = float(np.median(np.linalg.norm(np.diff(target, axis=0), axis=1))) if len(target) > 1 else view.levels.width
    offsets = {shift: _mismatch(target, own, shift) for shift in (-2, -1, 0, 1, 2)}
    shift = min(offsets, key=lambda s: (offsets[s], abs(s)))
    if offsets[shift] > 0.5 * pitch:
        return view
    levels = view.levels
    if shift:  # own disc i is the reference's disc i + shift
        names = LEVELS[max(shift, 0) : max(shift, 0) + len(own) - max(-shift, 0)]
        kept = levels.discs[max(-shift, 0) :][: len(names)]
        levels = Levels(names, kept, levels.width, (*levels.doubts, _DISAGREE))
    if offsets[shift] < 0.25 * pitch:
        levels = _completed(levels, reference, view.picture)
    return replace(view, levels=levels)


def _mismatch(target: NDArray[np.float64], own: NDArray[np.float64], shift: int) -> float:
    """Mean distance of discs that get the same name."""
    pairs = [(own[i], target[i + shift]) for i in range(len(own)) if 0 <= i + shift < len(target)]
    return float(np.mean([np.hypot(*(a - b)) for a, b in pairs])) if len(pairs) >= 2 else np.inf


def _centres(view: View, onto: Picture) -> NDArray[np.float64]:
    return onto.from_world(view.picture.to_world(np.array([disc.centre for disc in view.levels.discs])))


def _completed(levels: Levels, reference: View, onto: Picture) -> Levels:
    """Levels with the discs that only the reference shows, at its place. Nothing is measured on these."""
    by_name = dict(levels.by_name)
    rows, columns = onto.pixels.shape
    for name, disc in reference.levels.by_name.items():
        if name in by_name:
            continue
        carried = _carried(disc, reference.picture, onto)
        if 0 <= carried.row < rows and 0 <= carried.column < columns:
            by_name[name] = carried
    names = tuple(name for name in LEVELS if name in by_name)
    return replace(levels, names=names, discs=tuple(by_name[name] for name in names))


def _carried(disc: Disc, source: Picture, onto: Picture) -> Disc:
    def move(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return onto.from_world(source.to_world(points))

    ends = move(np.array([disc.centre - disc.axis * disc.width / 2, disc.centre + disc.axis * disc.width / 2]))
    along, centre = ends[1] - ends[0], ends.mean(axis=0)
    return replace(
        disc, row=float(centre[0]), column=float(centre[1]), angle=float(np.arctan2(along[0], along[1])), width=float(np.hypot(*along)),
        outline=move(disc.outline), probability=0.0, recovered=True,
    )  # fmt: skip


def _doubted(view: View) -> View:
    return replace(view, levels=replace(view.levels, doubts=(*view.levels.doubts, _DISAGREE)))



