"""Sites in the order in which people read them."""

from __future__ import annotations

import itertools
import re

from hypothesis import given
from hypothesis import strategies as st

from condyle.anatomy import JOINTS
from condyle.report.sites import anchor, in_ranges, in_reading_order, in_words, site_title, some_or_all
from condyle.study import Site

LUMBAR, KNEE = JOINTS["lumbar"], JOINTS["knee"]


def test_spinal_levels_run_from_the_head_down_and_uncertain_ones_find_their_place():
    levels = ["T11-T12", "T12-L1", "L1-L2", "L4-L5", "L5-L6", "L6-S1", "S1-S2"]
    for shuffled in itertools.islice(itertools.permutations(levels), 0, 5040, 97):
        assert [site.level for site in in_reading_order([Site(level) for level in shuffled], LUMBAR)] == levels


def test_the_whole_joint_comes_first_then_sides_and_compartments_of_the_catalogue():
    sites = [Site(side="right"), Site(compartment="patellofemoral"), Site(compartment="medial"), Site(), Site(side="left")]
    assert [site_title(site, KNEE) for site in in_reading_order(sites, KNEE)] == ["Knee", "medial", "patellofemoral", "left", "right"]


def test_all_levels_is_said_only_of_all():
    levels = [Site("L4-L5"), Site("L5-S1")]
    assert some_or_all(levels, levels, LUMBAR) == "all levels"
    assert some_or_all(levels[:1], levels, LUMBAR) == "L4-L5"
    assert some_or_all(levels[:1], levels[:1], LUMBAR) == "L4-L5"


def test_words_are_joined_as_in_a_sentence():
    assert [in_words(list("abc")[:count]) for count in range(4)] == ["", "a", "a and b", "a, b and c"]


@given(st.builds(Site, st.text(max_size=8), st.text(max_size=8), st.text(max_size=8)))
def test_an_anchor_is_safe_whatever_the_site_is_called(site):
    assert re.fullmatch(r"site-[A-Za-z0-9-]+", anchor(site))


def test_three_neighbouring_levels_are_a_range_and_a_gap_ends_it():
    levels = [Site(level) for level in ("T12-L1", "L1-L2", "L2-L3", "L3-L4", "L4-L5", "L5-S1")]

    def told(*numbers):
        return in_ranges([levels[number] for number in numbers], levels, LUMBAR)

    assert told(0, 1, 2, 3, 4, 5) == ["T12-L1 to L5-S1"]
    assert told(0, 1, 3, 4, 5) == ["T12-L1", "L1-L2", "L3-L4 to L5-S1"]
    assert told(5, 0) == ["T12-L1", "L5-S1"]
    assert told() == []


def test_sites_that_are_no_levels_are_never_a_range():
    sites = in_reading_order([Site(compartment=name) for name in KNEE.compartments], KNEE)
    assert in_ranges(sites, sites, KNEE) == ["medial", "lateral", "patellofemoral"]
