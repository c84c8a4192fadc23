"""Log lines are JSON, carry the request's name, and hold no secret, whoever writes them."""

import json
import subprocess
import sys

import pytest

from config import logging
from core.services.folder import REPOSITORY

WRITE = """
import logging.config, structlog
from config import logging as ours
logging.config.dictConfig(ours.configure(log_format={log_format!r}, level="INFO"))
structlog.contextvars.bind_contextvars(request_id="r-1")
logging.getLogger("elsewhere").warning("key %s", "rk_live_4eC39HqLyjWDarjtT1zdp7dc", extra={{"password": "p"}})
structlog.get_logger("here").info("charged", card="4242424242424242", amount_minor=1999)
logging.getLogger("here").debug("unseen")
try:
    raise ValueError("bad key rk_live_4eC39HqLyjWDarjtT1zdp7dc")
except ValueError:
    structlog.get_logger("here").exception("failed")
"""


def lines(log_format: str) -> str:
    """Return what a fresh process writes to standard error."""
    command = [sys.executable, "-c", WRITE.format(log_format=log_format)]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stderr


@pytest.mark.parametrize("log_format", ["json", "auto"])
def test_lines_are_json_without_secrets(log_format: str) -> None:
    written = lines(log_format)

    foreign, ours, failed = (json.loads(line) for line in written.splitlines())
    assert foreign["event"] == "key [redacted]"
    assert foreign["password"] == "[redacted]"
    assert (foreign["level"], foreign["logger"], foreign["request_id"]) == ("warning", "elsewhere", "r-1")
    assert (ours["event"], ours["card"], ours["amount_minor"]) == ("charged", "[redacted]", 1999)
    assert "ValueError: bad key [redacted]" in failed["exception"]
    assert "4eC39" not in written


def test_text_holds_no_secret_either() -> None:
    written = lines("text")
    assert "charged" in written
    assert "[redacted]" in written
    assert "4eC39" not in written
    assert "4242" not in written


def test_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match="LOG_FORMAT is 'xml'; it can be auto, json, text"):
        logging.configure(log_format="xml", level="INFO")
