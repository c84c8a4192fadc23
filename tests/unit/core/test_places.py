"""Countries, time zones and locales that exist."""

import pytest

from core.domain.places import countries, is_locale, time_zones


def test_countries_are_iso_3166_and_kosovo() -> None:
    assert len(countries()) == 250
    assert {"DE", "GB", "US", "TW", "XK"} <= countries()
    assert not {"EU", "UN", "UK", "XX", "ZZ", "EN", "001"} & countries()


def test_time_zones_are_those_of_the_database() -> None:
    assert {"UTC", "Europe/Berlin", "Asia/Kathmandu", "America/Argentina/Buenos_Aires"} <= time_zones()
    assert not {"Mars/Olympus", "localtime", "Factory", ""} & time_zones()
    assert not [name for name in time_zones() if name.startswith(("posix", "right/"))]


@pytest.mark.parametrize("name", ["en", "de-AT", "pt_BR", "zh_Hans_CN", "en-001"])
def test_locales_are_known_in_both_spellings(name: str) -> None:
    assert is_locale(name)


@pytest.mark.parametrize("name", ["", "xx", "english", "en_", "en US", "de-XX9", "e" * 50, "../en", "en\x00"])
def test_other_names_are_no_locales(name: str) -> None:
    assert not is_locale(name)
