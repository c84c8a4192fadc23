"""Words of messages: every kind in every language, nothing but values filled in, values escaped."""

import re

import pytest

from core.errors import Invalid
from notifications.domain.messages import MessageKind
from notifications.mailing.drawing import LANGUAGES, Words, check_words, draw, shipped
from notifications.mailing.values import EXAMPLE


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", MessageKind)
def test_every_message_ships_in_every_language_and_uses_known_values(kind: MessageKind, language: str) -> None:
    words = shipped(kind, language)
    check_words(words)
    drawn = draw(words, EXAMPLE, language)
    assert "{" not in drawn.subject + drawn.text
    assert EXAMPLE["customer_name"] in drawn.text
    assert f'<html lang="{language}">' in drawn.html
    # A name that has no value is a slip of the pen: with marks in place of values each shows.
    marks = {name: f"@{name}@" for name in EXAMPLE}
    for source in (words.subject, words.text):
        named = {name.strip() for name in re.findall(r"{{\s*(\w+)\s*}}", source)}
        assert named <= marks.keys()


def test_an_invoice_reads_like_this() -> None:
    drawn = draw(shipped("invoice", "en"), EXAMPLE, "en")
    assert drawn.subject == "Invoice INV-2026-000014 from Example"
    assert drawn.text == (
        "Hello Alice Example,\n\n"
        "Your invoice INV-2026-000014 over €11.90 is attached.\n\n"
        "€11.90 is due by January 31, 2026.\n\n"
        "https://example.com/\n\n"
        "Example\n"
    )
    paid = draw(shipped("invoice", "de"), {**EXAMPLE, "amount_due": "", "link": ""}, "de")
    assert "Es ist nichts mehr zu zahlen." in paid.text


def test_values_are_escaped_in_html_and_make_no_second_line_in_a_subject() -> None:
    values = {**EXAMPLE, "customer_name": "<b>Bob</b> & Co", "invoice_number": "1\r\nBcc: eve@example.org"}
    drawn = draw(shipped("invoice", "en"), values, "en")
    assert "&lt;b&gt;Bob&lt;/b&gt; &amp; Co" in drawn.html
    assert "<b>Bob</b> & Co" in drawn.text
    assert "\n" not in drawn.subject
    assert "\r" not in drawn.subject


def test_a_choice_may_go_over_several_paragraphs() -> None:
    words = Words("Hi", "{% if amount_due %}One.\n\nTwo.{% endif %}")
    check_words(words)
    assert "<p>One.</p><p>Two.</p>" in draw(words, EXAMPLE, "en").html


def test_a_link_is_drawn_only_to_the_web() -> None:
    assert "<a " not in draw(shipped("invoice", "en"), {**EXAMPLE, "link": "javascript:alert(1)"}, "en").html


@pytest.mark.parametrize(
    "source",
    [
        "{% load static %}",
        "{% include '/etc/passwd' %}",
        "{% extends 'admin/base.html' %}",
        "{% for a in b %}{% endfor %}",
        "{% debug %}",
        "{% now 'Y' %}",
        "{% csrf_token %}",
        "{% url 'admin:index' %}",
        "{% lorem 1000000 %}",
        "{% if a %}",
        "{{ a|center:'99999999' }}",
        "{{ a|safe }}",
        "{{ a._secret }}",
        "{{ a|add:b }}",
        "{{ ",
        "{% if %}",
    ],
)
def test_what_is_more_than_a_value_or_a_choice_is_refused(source: str) -> None:
    if source == "{{ ":
        assert draw(Words("Hi", source), EXAMPLE, "en").text.count("{{") == 1
        return
    for words in (Words("Hi", source), Words(source, "Hi"), Words("Hi", "Hi", source)):
        with pytest.raises(Invalid):
            check_words(words)


def test_nothing_of_ours_is_reached_through_a_value() -> None:
    source = (
        "{{ customer_name.__class__ }}".replace("__class__", "format") + "{{ settings.SECRET_KEY }}{{ request.user }}"
    )
    drawn = draw(Words("Hi", f"[{source}]"), EXAMPLE, "en")
    assert "SECRET" not in drawn.text
    with pytest.raises(Invalid):
        check_words(Words("Hi", "{{ customer_name.__class__ }}"))


def test_too_much_and_too_little_is_refused() -> None:
    for words in (Words("", "text"), Words("subject", " "), Words("x" * 201, "text"), Words("Hi", "x" * 20_001)):
        with pytest.raises(Invalid):
            check_words(words)
