"""The recorded answers of the real server, compared with ours, group by group (groups/*.py).

A group of pending.txt must still disagree somewhere; a line for one that agrees is a failure.
"""

import sys
from datetime import date
from pathlib import Path

import pytest
from conftest import Lab

sys.path.insert(0, str(Path(__file__).parent))
from replay import (  # noqa: E402
    RECORDED,
    group_names,
    lab_of,
    mismatches,
    recording_of,
    steps_of,
    text_of,
)

SHOWN = 25


def pending():
    """{group: [date, reason]}"""
    lines = Path(__file__).with_name("pending.txt").read_text().splitlines()
    lines = [line for line in lines if line.strip() and not line.startswith("#")]
    return {
        group.strip(): comment.split(maxsplit=1)
        for group, _, comment in (line.partition("  # ") for line in lines)
    }


def told(found):
    parts = [f"{len(found)} steps"]
    for step, answer, wanted, problem in found[:SHOWN]:
        parts.append(
            f"--- {step.name!r} ({step.method} {step.path}) {problem}\n"
            f"sent: {step.sent if step.text is None else step.text!r}\n"
            f"wanted: {text_of(wanted)}\ngot: {text_of(answer)}"
        )
    return "\n".join(parts)


@pytest.mark.parametrize("group", group_names())
def test_a_group_is_answered_as_recorded(group, tmp_path):
    lab = lab_of(group, Lab, tmp_path / "data")
    try:
        found = mismatches(group, lab.mlflow_url)
    finally:
        lab.stop()
    if group in pending():
        assert found, f"All of {group} agrees: take it out of pending.txt"
    else:
        assert not found, told(found)


def test_every_recording_has_its_step_and_every_step_its_recording():
    assert sorted(path.stem for path in RECORDED.glob("*.json")) == group_names()
    for group in group_names():
        assert set(recording_of(group)) == {step.name for step in steps_of(group)}, group


def test_every_pending_group_exists_and_has_a_date_and_a_reason():
    for group, (since, reason) in pending().items():
        assert group in group_names()
        assert date.fromisoformat(since) <= date.today()
        assert len(reason.split()) >= 3, group


def test_every_difference_from_the_reference_says_why():
    for group in group_names():
        for step in steps_of(group):
            assert step.ours is None or len(step.ours.why.split()) >= 4, (group, step.name)
