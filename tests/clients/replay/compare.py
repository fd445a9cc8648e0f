"""Plays groups against the built program and prints where it differs from the recordings:
python compare.py [--ours] [GROUP...].

With --ours it prints the differences as lines for the group's table OURS, where each is to be
judged: is it our mistake, or meant? A reason is filled in where the kind of difference tells it.
"""

import json
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
from own_lab import OwnLab  # noqa: E402
from replay import group_names, lab_of, mismatches, text_of  # noqa: E402

MESSAGE_SHOWN = 70


def error_of(answer):
    body = (answer or {}).get("body")
    return body if isinstance(body, dict) and "error_code" in body else None


def reason(answer, wanted):
    """The name of the shared reason that fits, or a text to be replaced."""
    error, wanted_error = error_of(answer), error_of(wanted)
    if error and wanted["status"] in (500, 502, 503) and answer["status"] < 500:
        return "SLOW"
    if error and wanted_error and answer["status"] == wanted["status"]:
        if error["error_code"] == wanted_error["error_code"]:
            return "SENTENCE"
    if error and wanted["status"] == 200 and "Hint: Value was of type" in error["message"]:
        return "DROPPED"
    return '"?"'


def line(step, answer, wanted):
    error = error_of(answer)
    words = [reason(answer, wanted)]
    if error is None:
        words += [str(answer["status"]), f"body={answer.get('body')!r}"]
    else:
        if (answer["status"], error["error_code"]) != (400, "INVALID_PARAMETER_VALUE"):
            words += [str(answer["status"]), json.dumps(error["error_code"])]
        # What stands for an id or a time in the answer is none of the sentence.
        message = error["message"].split("<")[0].split("{")[0][:MESSAGE_SHOWN]
        words.append(f"message={json.dumps(message, ensure_ascii=False)}")
    return f"    {json.dumps(step.name, ensure_ascii=False)}: Ours({', '.join(words)}),"


def compare(group, as_ours):
    with tempfile.TemporaryDirectory() as folder, lab_of(group, OwnLab, Path(folder) / "data") as lab:
        found = mismatches(group, lab.mlflow_url)
    print(f"{group}: {len(found)} differences")
    for step, answer, wanted, problem in found:
        if as_ours and wanted:
            print(line(step, answer, wanted))
        else:
            print(f"--- {step.name!r} {problem}\nwanted: {text_of(wanted)}\ngot: {text_of(answer)}")


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != "--ours"]
    for name in words or group_names():
        compare(name, "--ours" in sys.argv)
