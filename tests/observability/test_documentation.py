"""docs/observability.md and the files for Prometheus are true."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from prometheus_client.metrics import MetricWrapperBase

from chartbridge.background import READINGS
from chartbridge.observability import metrics, readings
from chartbridge.observability.readiness import TIMEOUT_S
from chartbridge.observability.readings import KEPT_S, Reading
from chartbridge.observability.server import CALLERS
from chartbridge.platform import Platform

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "observability.md").read_text()
RULES = ROOT / "deploy" / "prometheus" / "rules.yaml"
ROW = re.compile(r"^\| `(chartbridge_\w+)` \| (\w+) \| ([^|]*)\| .+ \|$", re.MULTILINE)
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight")


def told() -> dict[str, tuple[str, frozenset[str]]]:
    """Kind and labels of every metric that the page describes."""
    return {
        name: (kind, frozenset(re.findall(r"`(\w+)`", labels))) for name, kind, labels in ROW.findall(PAGE)
    }


def counted() -> dict[str, tuple[str, frozenset[str]]]:
    found = {}
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            name = metric._name + ("_total" if metric._type == "counter" else "")
            found[name] = (str(metric._type), frozenset(metric._labelnames))
    return found


def read(platform: Platform) -> dict[str, tuple[str, frozenset[str]]]:
    given: list[Reading] = [readings.Queues(), readings.workers, readings.connections, *READINGS.values()]
    families: list[Any] = [family for reading in given for family in reading(platform)]
    return {family.name: (family.type, frozenset(family._labelnames)) for family in families}


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_every_metric_is_described_with_its_kind_and_labels(platform: Platform) -> None:
    assert told() == counted() | read(platform)


def test_the_figures_of_the_text_are_the_code_s() -> None:
    words = " ".join(PAGE.split())
    assert f"takes {NUMBERS[CALLERS]} callers at a time" in words
    assert f"at most every {NUMBERS[int(KEPT_S)]} seconds" in words
    assert f"waits for {NUMBERS[int(TIMEOUT_S)]} seconds at most" in words


def test_rules_are_about_metrics_that_exist() -> None:
    known = set(told()) | {f"{name}_{part}" for name in told() for part in ("bucket", "count", "sum")}
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    assert len(rules) > 8
    for rule in rules:
        named = set(re.findall(r"chartbridge_\w+", rule["expr"]))
        assert named <= known, rule["alert"]
        assert named or "up{" in rule["expr"]
        assert {"summary", "action"} == set(rule["annotations"])
        for label, value in re.findall(r'(\w+)=~?"([^"]+)"', rule["expr"]):
            assert label in {"job", "state", "outcome", "status", "route"}, (rule["alert"], value)


def test_the_settings_of_the_scraping_name_the_rules() -> None:
    given = yaml.safe_load((RULES.parent / "prometheus.yaml").read_text())
    assert given["rule_files"] == [RULES.name]
    assert given["scrape_configs"][0]["job_name"] == "chartbridge"
