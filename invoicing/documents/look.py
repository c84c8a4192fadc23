"""A brand's colours and logo, made fit for white paper."""

import base64
from dataclasses import dataclass

from invoicing.domain.document import BrandLook

# WCAG 2.2, success criterion 1.4.3: text of ordinary size.
LEAST_CONTRAST = 4.5
_TINT_SHARE = 0.07
_DARKEN_STEP = 0.04
_SRGB_LINEAR_BELOW = 0.04045

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Look:
    """What the template needs of a brand: colours as #rrggbb, the logo as a data URI or empty.

    `text` and `accent_text` are the brand's colours, darkened as far as reading them on white needs.
    """

    name: str
    colour: str
    text: str
    accent: str
    accent_text: str
    tint: str
    logo: str


def look_of(brand: BrandLook) -> Look:
    """Return the colours and the logo of a brand, ready to draw."""
    colour = _parse(brand.colour)
    logo = ""
    if brand.logo is not None:
        logo = f"data:{brand.logo_type};base64,{base64.b64encode(brand.logo).decode('ascii')}"
    return Look(
        name=brand.name,
        colour=brand.colour,
        text=readable(brand.colour),
        accent=brand.accent_colour,
        accent_text=readable(brand.accent_colour),
        tint=_write(_mix(colour, (255, 255, 255), _TINT_SHARE)),
        logo=logo,
    )


def readable(colour: str) -> str:
    """Darken a colour in small steps until text in it can be read on white (contrast 4.5 to 1).

    >>> readable("#1f3a5f"), readable("#ffe066") != "#ffe066"
    ('#1f3a5f', True)
    """
    shade, share = _parse(colour), 0.0
    while _contrast_on_white(shade) < LEAST_CONTRAST:
        share += _DARKEN_STEP
        shade = _mix((0, 0, 0), _parse(colour), share)
    return _write(shade)


def _parse(colour: str) -> Colour:
    """Read #rrggbb."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _write(colour: Colour) -> str:
    """Write #rrggbb."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _mix(first: Colour, second: Colour, share: float) -> Colour:
    """Return the colour that is `share` of the first and the rest of the second."""
    red, green, blue = (round(a * share + b * (1 - share)) for a, b in zip(first, second, strict=True))
    return red, green, blue


def _contrast_on_white(colour: Colour) -> float:
    """Return the contrast ratio with white, 1 to 21 (WCAG 2.2, relative luminance)."""
    linear = [_linear(channel / 255) for channel in colour]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return 1.05 / (luminance + 0.05)


def _linear(channel: float) -> float:
    """Return a channel of sRGB, 0 to 1, as linear light."""
    return channel / 12.92 if channel <= _SRGB_LINEAR_BELOW else ((channel + 0.055) / 1.055) ** 2.4
