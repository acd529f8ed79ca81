"""Fixtures of the whole-process tests, logs of failed ones, and the printed figures."""

import os

import pytest

from harness import PROXY_BIN, RELAY_BIN, SCALE, World
from scenario_runs import Scenarios
from scenariolib.errors import ScenarioError
from scenariolib.leftovers import namespace_prefix
from scenariolib.places import Places

TEST_LIMIT = 120  # seconds; a test that hangs is a failed one


def pytest_configure(config):
    config.addinivalue_line("markers", "smoke: the few that say whether it works at all")
    config.addinivalue_line("markers", "figure: measures and prints; limits are ten times the aim")


def pytest_collection_modifyitems(items):
    for item in items:
        if "e2e" in item.path.parts and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TEST_LIMIT * SCALE))


@pytest.fixture(scope="session", autouse=True)
def programs():
    for path in (PROXY_BIN, RELAY_BIN):
        if not os.access(path, os.X_OK):
            pytest.exit(f"{path} is not there: `make` builds it", returncode=2)


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    yield world
    problems = world.close()
    assert not problems, "; ".join(problems)


@pytest.fixture
def scenarios(tmp_path):
    scenarios = Scenarios(tmp_path)
    yield scenarios
    scenarios.end()


@pytest.fixture(scope="module")
def nat():
    """Skips, loudly, where there can be no namespaces or no NAT."""
    try:
        Places("nat", ["a"], namespace_prefix("run-test")).close()
    except ScenarioError as error:
        pytest.skip(f"NOT TESTED: {error}")


@pytest.fixture
def figure(record_property):
    """figure(text): a line in the summary at the end of the run."""
    return lambda text: record_property("figure", text)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    world = getattr(item, "funcargs", {}).get("world")
    if report.failed and world is not None:
        report.sections.extend(world.log_tails())


def pytest_terminal_summary(terminalreporter):
    lines = [
        text
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", None) == "call"
        for name, text in report.user_properties
        if name == "figure"
    ]
    if lines:
        terminalreporter.section("figures")
        for line in lines:
            terminalreporter.write_line(f"figure: {line}")
