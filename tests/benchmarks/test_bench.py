"""The whole of `make bench` at a tiny scale: every name is there, in the shape that is promised; times say nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.services.folder import REPOSITORY

NAMES = [
    "billing_run", "billing_run_4_workers", "billing_run_memory", "billing_run_month_36", "billing_run_mixed",
    "events_batch_1", "events_batch_4", "events_single", "usage_p99_ms", "usage_busiest_p99_ms", "pdf_per_core",
]  # fmt: skip
WITHOUT_FLOOR = {"billing_run_memory", "usage_p99_ms", "usage_busiest_p99_ms", "pdf_per_core"}


@pytest.mark.long
def test_the_whole_bench(tmp_path: Path) -> None:
    output = tmp_path / "var" / "bench.json"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RECKONER_", "DJANGO_"))}
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--output", str(output)],
        cwd=REPOSITORY, env={**kept, "BENCH_SCALE": "0.001"}, capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-5000:]
    results = json.loads(output.read_text())
    assert [one["name"] for one in results] == NAMES
    for one in results:
        assert set(one) == {"name", "value", "unit", "floor", "ratio"}
        assert one["value"] > 0
        assert (one["floor"] is None) == (one["ratio"] is None) == (one["name"] in WITHOUT_FLOOR)
    assert [line.split()[0] for line in ended.stdout.splitlines()[1:]] == NAMES
