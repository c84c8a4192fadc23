"""The bundled typefaces: which there are, what needs them, and their bytes.

Inter writes Latin, Greek and Cyrillic; the Noto families stand behind it for the other scripts of names and addresses.
Sources and licences: `fonts/README.md`. The families have names of their own so that a font installed on the machine
never takes their place and changes a document.
"""

import lzma
import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "fonts"
SCHEME = "font"


@dataclass(frozen=True, slots=True)
class Face:
    """One file: the family it belongs to, its weight, and the OpenType features it is set with."""

    family: str
    weight: int
    file: str
    features: str = "normal"

    def rule(self) -> str:
        """Return the style sheet's rule that loads it."""
        return (
            f'@font-face {{ font-family: "{self.family}"; font-weight: {self.weight};'
            f' font-feature-settings: {self.features}; src: url("{SCHEME}:{self.file}") }}'
        )


# Figures of one width, for columns. They are a family of their own because WeasyPrint leaks memory with every line of
# text whose style asks for features.
_TABULAR = '"tnum"'


# Small, and needed by the next name from anywhere: loaded with the first document.
FACES = (
    Face("Reckoner", 400, "Inter-Regular"),
    Face("Reckoner", 500, "Inter-Medium"),
    Face("Reckoner", 600, "Inter-SemiBold"),
    Face("Reckoner Figures", 400, "Inter-Regular", _TABULAR),
    Face("Reckoner Figures", 600, "Inter-SemiBold", _TABULAR),
    Face("Reckoner Arabic", 400, "NotoSansArabic-Regular"),
    Face("Reckoner Arabic", 600, "NotoSansArabic-SemiBold"),
    Face("Reckoner Hebrew", 400, "NotoSansHebrew-Regular"),
    Face("Reckoner Hebrew", 600, "NotoSansHebrew-SemiBold"),
    Face("Reckoner Devanagari", 400, "NotoSansDevanagari-Regular"),
    Face("Reckoner Thai", 400, "NotoSansThai-Regular"),
    Face("Reckoner Armenian", 400, "NotoSansArmenian-Regular"),
    Face("Reckoner Georgian", 400, "NotoSansGeorgian-Regular"),
)

# Megabytes once unpacked: loaded with the first document that needs them.
EAST_ASIAN_FACES = (
    Face("Reckoner Japanese", 400, "NotoSansJP-Regular"),
    Face("Reckoner Chinese", 400, "NotoSansSC-Regular"),
    Face("Reckoner Korean", 400, "NotoSansKR-Regular"),
)

_EAST_ASIAN = re.compile("[\u1100-\u11ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef]")

_BEHIND = ("Arabic", "Hebrew", "Devanagari", "Thai", "Armenian", "Georgian")
_EAST_ASIAN_ORDER = {"CN": ("Chinese", "Japanese", "Korean"), "KR": ("Korean", "Japanese", "Chinese")}


def needs_east_asian(page: str) -> bool:
    """Tell whether any character of a page is Japanese, Chinese or Korean."""
    return _EAST_ASIAN.search(page) is not None


def families(country: str) -> str:
    """Return the families in order for a reader's country: shared ideographs look different in China and in Japan."""
    order = (*_BEHIND, *_EAST_ASIAN_ORDER.get(country, ("Japanese", "Chinese", "Korean")))
    return ", ".join(('"Reckoner"', *(f'"Reckoner {script}"' for script in order), "sans-serif"))


def font_bytes(file: str) -> bytes:
    """Return a bundled font, unpacked. Raises KeyError for a name that is not one of the faces."""
    faces = {face.file for face in (*FACES, *EAST_ASIAN_FACES)}
    if file not in faces:
        raise KeyError(file)
    return lzma.decompress((FOLDER / f"{file}.ttf.xz").read_bytes())
