"""Countries, languages and time zones that exist."""

import re
from functools import lru_cache
from zoneinfo import available_timezones

from babel.core import Locale, UnknownLocaleError

# CLDR also names unions, pseudo territories and codes that ISO 3166 only reserves.
_NO_COUNTRIES = frozenset({"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"})
_NO_ZONES = frozenset({"Factory", "localtime", "posixrules"})


@lru_cache(maxsize=1)
def countries() -> frozenset[str]:
    """Return the ISO 3166-1 codes of two letters, and XK for Kosovo."""
    codes = map(str, Locale("en").territories)
    return frozenset(code for code in codes if re.fullmatch(r"[A-Z]{2}", code)) - _NO_COUNTRIES


@lru_cache(maxsize=1)
def time_zones() -> frozenset[str]:
    """Return the names of the time zones of the IANA database."""
    return frozenset(name for name in available_timezones() - _NO_ZONES if not name.startswith(("posix/", "right/")))


@lru_cache(maxsize=1024)
def is_locale(name: str) -> bool:
    """Tell whether a name such as de, de-AT or pt_BR is a locale that CLDR knows.

    >>> is_locale("de-AT"), is_locale("xx"), is_locale("en_ZZ9")
    (True, False, False)
    """
    try:
        Locale.parse(name.replace("-", "_"))
    except (ValueError, TypeError, UnknownLocaleError):
        return False
    return True
