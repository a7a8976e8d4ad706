"""Which colour goes where."""

from __future__ import annotations

import numpy as np
import pytest

from concept_worker.imaging.recolor.colors import contrast, luminance
from concept_worker.imaging.recolor.inks import Inks
from concept_worker.imaging.recolor.layout import Layout
from concept_worker.imaging.recolor.roles import match_roles, read_marks

PALETTE = np.array([[20, 60, 120], [0, 110, 100], [150, 40, 40], [250, 248, 240], [240, 200, 60]], float)
DARK = np.array([[255, 95, 160], [124, 77, 255], [0, 229, 212], [16, 19, 31], [255, 230, 109]], float)


def matched(
    inks: list[tuple[int, int, int]], areas: list[float], palette: np.ndarray, ground: bool = True
) -> np.ndarray:
    """Targets of inks that each touch only the first; areas include the first's."""
    count = len(inks)
    contacts = np.zeros((count, count))
    contacts[0, 1:] = contacts[1:, 0] = 100
    layout = Layout(np.array(areas), contacts, np.zeros(count, bool))
    return match_roles(read_marks(Inks(np.array(inks, float), ground, 0.0), layout), palette)


def test_the_ground_takes_the_background() -> None:
    """Light or dark, the ground is the fourth colour."""
    for ground in ((255, 255, 255), (10, 10, 10), (200, 30, 30)):
        assert (matched([ground, (90, 90, 90)], [0.9, 0.1], PALETTE)[0] == PALETTE[3]).all()


def test_the_only_mark_takes_the_primary() -> None:
    """A drawing of one colour is a drawing in the primary."""
    assert (matched([(255, 255, 255), (20, 20, 20)], [0.9, 0.1], PALETTE)[1] == PALETTE[0]).all()


def test_without_a_ground_the_biggest_ink_takes_the_primary() -> None:
    """On a see-through canvas the largest mark leads."""
    target = matched([(255, 255, 255), (20, 20, 20)], [0.2, 0.8], PALETTE, ground=False)
    assert (target[1] == PALETTE[0]).all()


def test_marks_keep_their_order_of_lightness() -> None:
    """The darker mark gets the darker colour."""
    target = matched([(255, 255, 255), (20, 20, 20), (90, 90, 160), (150, 60, 60)], [0.7, 0.1, 0.1, 0.1], PALETTE)
    light = luminance(target)
    assert light[1] <= light[2]
    assert light[1] <= light[3]


def test_a_dark_background_turns_the_order_round() -> None:
    """What was darkest on white is lightest on black."""
    target = matched([(255, 255, 255), (20, 20, 20), (120, 120, 200)], [0.8, 0.1, 0.1], DARK)
    light = luminance(target)
    assert light[1] >= light[2]


def test_marks_keep_contrast_to_the_ground() -> None:
    """A palette's pale colour is not used on a pale ground while others are free."""
    target = matched([(255, 255, 255), (20, 20, 20), (120, 40, 40), (40, 90, 40)], [0.7, 0.1, 0.1, 0.1], PALETTE)
    light = luminance(target)
    assert all(contrast(float(mark), float(light[0])) >= 3 for mark in light[1:])


@pytest.mark.parametrize("marks", [1, 2, 3])
def test_more_marks_use_more_colors(marks: int) -> None:
    """As many colours as marks while the palette has readable ones."""
    inks = [(255, 255, 255), (10, 10, 10), (110, 40, 40), (60, 110, 110)][: marks + 1]
    target = matched(inks, [0.7] + [0.1] * marks, PALETTE)
    assert len(np.unique(target, axis=0)) == marks + 1


def test_two_colors_are_ground_and_mark() -> None:
    """Of a pair, the one that is like the ground becomes the ground."""
    pair = np.array([[255, 255, 255], [0, 0, 0]], float)
    assert matched([(240, 240, 240), (30, 30, 90)], [0.9, 0.1], pair).tolist() == [[255] * 3, [0] * 3]
    assert matched([(10, 10, 30), (230, 230, 90)], [0.9, 0.1], pair).tolist() == [[0] * 3, [255] * 3]


def test_equal_colors_are_one_color() -> None:
    """A palette of one colour repeated gives that colour, not an error."""
    same = np.array([[9, 9, 9]] * 5, float)
    assert (matched([(255, 255, 255), (20, 20, 20)], [0.9, 0.1], same) == 9).all()


def test_touching_marks_do_not_melt_into_one() -> None:
    """Two marks that touch get two colours that can be told apart, even where one is pale on the ground."""
    inks = Inks(np.array([[255, 255, 255], [26, 71, 54], [214, 162, 58]], float), True, 0.0)
    contacts = np.array([[0, 100, 0], [100, 0, 100], [0, 100, 0]], float)
    layout = Layout(np.array([0.7, 0.2, 0.1]), contacts, np.zeros(3, bool))
    target = match_roles(read_marks(inks, layout), PALETTE)
    assert np.abs(target[1] - target[2]).max() > 60


def test_a_shadow_stays_a_shadow() -> None:
    """A faint dark ink takes a dark and rather grey colour, not the next bright one."""
    inks = Inks(np.array([[40, 90, 200], [0, 0, 0], [255, 255, 255]], float), False, 0.0)
    contacts = np.array([[0, 50, 50], [50, 0, 0], [50, 0, 0]], float)
    layout = Layout(np.array([0.7, 0.2, 0.1]), contacts, np.array([False, True, False]))
    target = match_roles(read_marks(inks, layout), DARK)
    assert (target[1] == DARK[3]).all()


def test_a_palette_of_the_drawings_own_inks_changes_nothing() -> None:
    """Each ink takes the colour that it is, a pale one too."""
    inks = [(250, 248, 240), (20, 60, 120), (0, 110, 100), (150, 40, 40), (240, 200, 60)]
    target = matched(inks, [0.6, 0.2, 0.1, 0.05, 0.05], PALETTE)
    assert target.tolist() == np.array(inks, float).tolist()


def test_a_mark_that_was_faint_need_not_stand_out() -> None:
    """A pale belly stays pale, and leaves the strong colours to the others."""
    target = matched([(252, 234, 214), (176, 74, 49), (186, 121, 27), (232, 209, 167)], [0.6, 0.2, 0.1, 0.1], PALETTE)
    assert target[3].tolist() == PALETTE[4].tolist()
    assert len({tuple(color) for color in target}) == 4
