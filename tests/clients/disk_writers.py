"""Callers that log to a lab until its disk is full, and what they were told."""

import threading
import time

import requests

API = "/api/2.0/mlflow/"
KEYS = 200  # of a batch


def make_run(lab):
    answer = requests.post(
        lab.mlflow_url + API + "runs/create", json={"experiment_id": "0", "start_time": 1},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    return answer.json()["run"]["info"]["run_id"]


def log_step(session, lab, run, step):
    metrics = [
        {"key": f"key-{number}", "value": step, "timestamp": 1, "step": step}
        for number in range(KEYS)
    ]
    return session.post(
        lab.mlflow_url + API + "runs/log-batch", json={"run_id": run, "metrics": metrics},
        timeout=60,
    )


class DiskWriter(threading.Thread):
    """Logs step after step to a run of its own until three are refused; sends nothing twice."""

    def __init__(self, lab, steps_max=2000):
        super().__init__(daemon=True)
        self.lab = lab
        self.run_id = make_run(lab)
        self.steps_max = steps_max
        self.acknowledged = []
        self.refused = {}  # step: answer

    def run(self):
        with requests.Session() as session:
            for step in range(self.steps_max):
                answer = log_step(session, self.lab, self.run_id, step)
                if answer.status_code == 200:
                    self.acknowledged.append(step)
                else:
                    self.refused[step] = answer
                if len(self.refused) == 3:
                    return


def write_until_full(lab, disk, writers=4):
    """The disk is filled under their hands."""
    threads = [DiskWriter(lab) for _ in range(writers)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() and not thread.acknowledged for thread in threads):
        time.sleep(0.01)
    disk.fill()
    for thread in threads:
        thread.join(timeout=120)
        assert not thread.is_alive()
        assert thread.acknowledged, thread.refused
        assert len(thread.refused) == 3, "The disk was never full"
    return threads


def points_by_step(rows):
    """{run: {step: points}} of (run, step, points)."""
    found = {}
    for run, step, points in rows:
        found.setdefault(run, {})[int(step)] = int(points)
    return found


def check_points(writers, rows):
    """What was acknowledged is there, once and whole; what was refused is not."""
    found = points_by_step(rows)
    for writer in writers:
        assert found.get(writer.run_id, {}) == dict.fromkeys(writer.acknowledged, KEYS)


def refusals(writers):
    """What the refused were told, each as a server that is full for now."""
    for writer in writers:
        for answer in writer.refused.values():
            assert answer.status_code == 503, answer.text
            assert answer.json()["error_code"] == "TEMPORARILY_UNAVAILABLE"
            yield answer.json()["message"]
