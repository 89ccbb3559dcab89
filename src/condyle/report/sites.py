"""Sites in the order and the words in which people read them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from condyle.anatomy import Joint
from condyle.study import Site

_REGIONS = "CTLS"
_VERTEBRA = re.compile(r"([CTLS])(\d+)")


def in_reading_order(sites: Iterable[Site], joint: Joint) -> list[Site]:
    """Each site once: the whole joint first, spinal levels from the head down, others as the catalogue lists them."""
    return sorted(dict.fromkeys(sites), key=lambda site: _key(site, joint))


def site_title(site: Site, joint: Joint) -> str:
    """'L4-L5', 'left medial', or the joint's own title for the whole of it."""
    return " ".join(part for part in (site.side, site.compartment, site.level) if part) or joint.title


def anchor(site: Site) -> str:
    """An id for links, made of letters, digits and hyphens."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", "-".join(part for part in (site.side, site.compartment, site.level) if part))
    return f"site-{name.strip('-') or 'whole'}"


def meaning_anchor(finding: str) -> str:
    """An id for the link to what a finding means."""
    return f"meaning-{re.sub(r'[^A-Za-z0-9]+', '-', finding).strip('-') or 'finding'}"


def some_or_all(sites: Iterable[Site], all_sites: list[Site], joint: Joint) -> str:
    """'all levels' when it is all of several, else the sites by name."""
    chosen = in_reading_order(sites, joint)
    if len(all_sites) > 1 and set(chosen) >= set(all_sites):
        return "all levels" if all(site.level for site in all_sites) else "all sites"
    return in_words(in_ranges(chosen, in_reading_order(all_sites, joint), joint))


def in_ranges(chosen: Iterable[Site], ordered: Sequence[Site], joint: Joint, to: str = "to") -> list[str]:
    """Sites by name, three or more neighbouring levels as 'L1-L2 to L3-L4'.

    Parameters
    ----------
    chosen : among ``ordered``
    ordered : all sites of the reading, in reading order: they say which are neighbours
    to : the word between the ends of a range
    """
    wanted = set(chosen)
    runs: list[list[Site]] = []
    for before, site in zip([None, *ordered], ordered, strict=False):
        if site in wanted:
            follows = before in wanted and before is not None and site.level and site.side == before.side
            runs[-1].append(site) if follows and runs else runs.append([site])
    named: list[str] = []
    for run in runs:
        titles = [site_title(site, joint) for site in run]
        named += [f"{titles[0]} {to} {titles[-1]}"] if len(titles) > 2 else titles
    return named


def in_words(words: list[str], last: str = "and") -> str:
    """'a, b and c'; 'a; b, with c; and d' where a word holds a comma itself."""
    if len(words) < 2:
        return "".join(words)
    between, end = ("; ", ";") if any("," in word for word in words) else (", ", "")
    return f"{between.join(words[:-1])}{end} {last} {words[-1]}"


def _key(site: Site, joint: Joint) -> tuple[object, ...]:
    return (site != Site(), _place(site.side, joint.sides), _place(site.compartment, joint.compartments), _level(site.level, joint))


def _level(level: str, joint: Joint) -> tuple[int, int, str]:
    # By the vertebra above, so that L5-L6 and S1-S2 of uncertain numbering find their place, too.
    if match := _VERTEBRA.match(level):
        return _REGIONS.index(match[1]), int(match[2]), level
    return (-1, *_place(level, joint.levels))


def _place(name: str, catalogue: tuple[str, ...]) -> tuple[int, str]:
    return (catalogue.index(name) if name in catalogue else -1 if not name else len(catalogue), name)
