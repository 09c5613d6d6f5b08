"""The play test: over every shift of the sheet the window shows the whole address block and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.letters.envelopes import (
    PROFILES,
    SHEET_HEIGHT,
    SHEET_WIDTH,
    Profile,
    Rectangle,
    address_block,
    clear_zone,
    window_shows,
)
from outreach.letters.model import Envelope

_WINDOWED = [envelope for envelope, profile in PROFILES.items() if profile.window]
_fractions = st.floats(0, 1)


def _shown(profile: Profile, across: float, down: float, off_x: float, off_y: float) -> Rectangle:
    """What an envelope shows whose window was cut as far off its place as the tolerance allows."""
    shown = window_shows(profile, across * profile.play_x, down * profile.play_y)
    assert shown is not None
    off = profile.tolerance
    return Rectangle(shown.x + (2 * off_x - 1) * off, shown.y + (2 * off_y - 1) * off, shown.width, shown.height)


def _grown(rectangle: Rectangle, by: float) -> Rectangle:
    return Rectangle(rectangle.x - by, rectangle.y - by, rectangle.width + 2 * by, rectangle.height + 2 * by)


@given(st.sampled_from(_WINDOWED), _fractions, _fractions, _fractions, _fractions)
def test_every_shift_shows_the_address_and_nothing_else(
    envelope: Envelope, across: float, down: float, off_x: float, off_y: float
) -> None:
    """The block is always in the window, the window always in the clear zone, also in an envelope cut badly."""
    profile = PROFILES[envelope]
    shown = _grown(_shown(profile, across, down, off_x, off_y), 1e-9)
    assert shown.contains(address_block(profile))
    assert _grown(clear_zone(profile), 1e-6).contains(shown)


@given(st.sampled_from(_WINDOWED), st.floats(0, 8), st.floats(0, 3), _fractions, _fractions)
def test_measured_stock_passes_too(
    envelope: Envelope, narrower: float, lower: float, across: float, down: float
) -> None:
    """A smaller pocket leaves a larger block, and the play test holds for it."""
    normal = PROFILES[envelope]
    stock = replace(normal, pocket_width=normal.pocket_width - narrower, pocket_height=normal.pocket_height - lower)
    assert _grown(_shown(stock, across, down, 0.5, 0.5), 1e-9).contains(address_block(stock))
    assert _grown(address_block(stock), 1e-9).contains(address_block(normal))


@pytest.mark.parametrize("envelope", list(Envelope))
def test_the_block_lies_on_the_first_panel_and_holds_an_address(envelope: Envelope) -> None:
    """On the sheet above its first fold, in its own clear zone, and room for 4 lines of 16 characters at 11 pt."""
    profile = PROFILES[envelope]
    block = address_block(profile)
    assert Rectangle(0, 0, SHEET_WIDTH, profile.folds[0]).contains(block)
    assert clear_zone(profile).contains(block)
    assert block.width >= 16 * 11 * 25.4 / 72
    assert block.height >= 4 * 11 * 1.5 * 25.4 / 72
    assert max(profile.folds) < SHEET_HEIGHT


def test_no_window_shows_nothing() -> None:
    """An envelope without a window shows nothing of the sheet."""
    assert window_shows(PROFILES[Envelope.PLAIN], 0, 0) is None


def test_a_shift_that_the_pocket_does_not_allow_is_refused() -> None:
    """The play test cannot be asked of a sheet that lies outside its envelope."""
    profile = PROFILES[Envelope.DL]
    with pytest.raises(ValueError, match="can move"):
        window_shows(profile, profile.play_x + 0.1, 0)


def test_rectangles() -> None:
    """Touching is no overlap; a rectangle contains itself."""
    one, beside = Rectangle(0, 0, 10, 10), Rectangle(10, 0, 5, 5)
    assert not one.overlaps(beside)
    assert one.overlaps(Rectangle(9.9, 9.9, 5, 5))
    assert one.contains(one)
    assert not one.contains(beside)
