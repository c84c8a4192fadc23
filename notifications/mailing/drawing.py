"""Draw a message from a template and values: as text, and as HTML in one plain frame."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar

from django.template import Context, Engine, Template, TemplateSyntaxError
from django.template.library import Library
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from core.errors import Invalid
from notifications.mailing import language

WORDING = Path(__file__).with_name("wording")
LANGUAGES = ("en", "de", "fr", "es")
LONGEST_SUBJECT = 200
LONGEST_TEXT = 20_000


@dataclass(frozen=True, slots=True)
class Words:
    """A message's template: subject, paragraphs, and perhaps HTML of its own."""

    subject: str
    text: str
    html: str = ""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A message as it is sent."""

    subject: str
    text: str
    html: str


class _Engine(Engine):
    """Django's engine without what it brings along."""

    default_builtins: ClassVar[list[str]] = []

    def get_template_builtins(self, builtins: list[str]) -> list[Library]:
        """Return the one library there is."""
        return [language.register]


_ENGINE = _Engine(dirs=[], loaders=[], libraries={}, autoescape=True, string_if_invalid="")
_PLAIN = _Engine(dirs=[], loaders=[], libraries={}, autoescape=False, string_if_invalid="")
_NO_LINE = re.compile(r"\s+")
_BLANK_LINE = re.compile(r"\n\s*\n")


def language_of(locale: str) -> str:
    """Return the language of a locale that there are words for, else English.

    >>> language_of("de-AT"), language_of("fr_CA"), language_of("pl")
    ('de', 'fr', 'en')
    """
    found = re.split(r"[-_]", locale.lower())[0]
    return found if found in LANGUAGES else "en"


@cache
def shipped(kind: str, language_code: str) -> Words:
    """Return the words that ship for a kind."""
    one = _wording(language_code)[kind]
    return Words(one["subject"], one["text"].strip())


@cache
def _wording(language_code: str) -> dict[str, dict[str, str]]:
    with (WORDING / f"{language_code}.toml").open("rb") as file:
        return tomllib.load(file)


def check_words(words: Words) -> None:
    """Refuse words that cannot be drawn. Raises Invalid with the field at fault."""
    faults: dict[str, str] = {}
    longest = {"subject": LONGEST_SUBJECT, "text": LONGEST_TEXT, "html": LONGEST_TEXT}
    for name, length in longest.items():
        source = getattr(words, name)
        if len(source) > length:
            faults[name] = f"must not be longer than {length} characters"
            continue
        try:
            _template(source, is_html=name == "html")
        except (TemplateSyntaxError, RecursionError) as error:
            faults[name] = f"cannot be drawn: {error}"[:300]
    if not words.subject.strip():
        faults["subject"] = "is required"
    if not words.text.strip():
        faults["text"] = "is required"
    if faults:
        raise Invalid("The template cannot be drawn.", fields=faults)


def draw(words: Words, values: Mapping[str, str], language_code: str) -> Drawn:
    """Return a message with its values filled in; a value without a name in `values` is empty.

    Values are texts: nothing of ours can be reached through them. In HTML they are escaped.
    """
    around = _wording(language_code)
    greeting, closing = (str(around[name]) for name in ("greeting", "closing"))
    if not values.get("customer_name"):
        greeting = re.sub(r"\s*\{\{ customer_name \}\}", "", greeting)
    link = values.get("link", "")
    plain = "\n\n".join(
        part
        for part in (_fill(greeting, values), _fill(words.text, values).strip(), link, _fill(closing, values))
        if part
    )
    # Filled in before it is parted: an `if` may go over several paragraphs.
    filled = _fill(f"{greeting}\n\n{words.text}", values, is_html=True)
    paragraphs = (part.strip() for part in _BLANK_LINE.split(filled))
    # S308: the engine has escaped the values, and the words are staff's own.
    body = format_html_join("", "<p>{}</p>", ((mark_safe(part),) for part in paragraphs if part))  # noqa: S308
    if words.html:
        body = mark_safe(_fill(words.html, values, is_html=True))  # noqa: S308
    subject = _NO_LINE.sub(" ", _fill(words.subject, values)).strip()
    return Drawn(subject[:400], plain + "\n", _frame(body, values, language_code, link, str(around["link_words"])))


def _fill(source: str, values: Mapping[str, str], *, is_html: bool = False) -> str:
    return str(_template(source, is_html=is_html).render(Context(dict(values), autoescape=is_html)))


def _template(source: str, *, is_html: bool) -> Template:
    return (_ENGINE if is_html else _PLAIN).from_string(source)


def _frame(body: SafeString, values: Mapping[str, str], language_code: str, link: str, link_words: str) -> str:
    """Return the whole HTML: one column that every mail program draws, in the brand's colour."""
    colour = values.get("colour", "")
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
        colour = "#1f3a5f"
    button = (
        format_html('<p><a href="{}" style="color:{};font-weight:bold">{}</a></p>', link, colour, link_words)
        if link.startswith(("https://", "http://"))
        else ""
    )
    return format_html(
        '<!doctype html><html lang="{}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"></head>'
        '<body style="margin:0;background:#f5f6f8;font-family:Helvetica,Arial,sans-serif;color:#1d2530">'
        '<div style="max-width:560px;margin:24px auto;background:#fff;border-top:4px solid {};padding:24px 32px;'
        'font-size:15px;line-height:1.5">{}{}<p>{}</p></div></body></html>',
        language_code,
        colour,
        body,
        button,
        values.get("brand_name", ""),
    )
