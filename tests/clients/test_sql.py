"""`sql`: the metadata database as psql shows it, read-only (S0-18, S0-19, S0-20)."""

import json
import os
import pty
import re
import select
import subprocess
import time

import pytest
import requests
from conftest import Lab, clean_environment
from mlflow import MlflowClient
from own_lab import binary

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT MAX(i) FROM n"


def sql(lab, *words, stdin=None):
    return subprocess.run(
        [binary(), "sql", "--data-dir", str(lab.data_dir), *words],
        env=clean_environment(), input=stdin, capture_output=True, text=True, timeout=120,
    )


def answer(lab, *words, stdin=None):
    done = sql(lab, *words, stdin=stdin)
    assert done.returncode == 0 and done.stderr == "", done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    lab = Lab(tmp_path_factory.mktemp("sql") / "data")
    client = MlflowClient(lab.mlflow_url)
    experiment = client.create_experiment("실험")
    for number in range(3):
        run = client.create_run(experiment, run_name=f"run {number}").info.run_id
        client.log_metric(run, "loss", 0.1 * number)
        client.log_param(run, "이름", "값" * number)
    yield lab
    lab.stop()


def test_s0_18_the_database_and_mlflows_tables_are_listed(filled):
    listed = answer(filled, stdin="\\l\n\\dt\n")
    assert re.search(r"^ mlflow +\| SQLite", listed, re.M)
    tables = dict(re.findall(r"^ main +\| (\w+) +\| table +\| +(\d+)$", listed, re.M))
    assert set(tables) >= {
        "experiments", "runs", "params", "metrics", "latest_metrics", "tags", "registered_models",
        "model_versions",
    }
    assert (tables["experiments"], tables["runs"], tables["params"]) == ("2", "3", "3")


def test_s0_19_the_experiments_are_selected(filled):
    printed = answer(filled, "SELECT experiment_id, name, lifecycle_stage AS stage FROM experiments")
    assert printed == (
        " experiment_id |  name   | stage  \n"
        "---------------+---------+--------\n"
        "             0 | Default | active\n"
        "             1 | 실험    | active\n"
        "(2 rows)\n\n"
    )
    assert "Default" in answer(filled, "-c", "SELECT * FROM experiments;")


def test_s0_20_a_scripted_session(filled):
    done = sql(filled, stdin=(
        "\\?\n"
        "SELECT key,\n"
        "  value -- a comment; with a semicolon\n"
        "FROM params WHERE value = '';\n"
        "SELECT COUNT(*) FROM runs; SELECT ';' AS semicolon;\n"
        "\\d params\n"
        "SELECT 1 AS last\n"
    ))
    assert done.returncode == 0 and done.stderr == ""
    out = done.stdout
    assert "\\dt" in out
    assert " key  | value \n------+-------\n 이름 | \n(1 row)\n" in out
    assert " COUNT(*) \n----------\n        3\n(1 row)\n" in out
    assert " semicolon \n-----------\n ;\n(1 row)\n" in out
    assert re.search(r"^ value +\| varchar\(8000\) +\| not null", out, re.M)
    assert "FOREIGN KEY (run_uuid) REFERENCES runs(run_uuid)" in out
    # What stands at the end of the input without ; is asked too.
    assert " last \n------\n    1\n(1 row)\n" in out
    assert answer(filled, stdin="\\q\nSELECT nonsense;\n") == ""


def test_errors_are_the_databases_and_code_1(filled):
    done = sql(filled, "SELECT * FROM nope")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "ERROR:  no such table: nope\n")
    done = sql(filled, stdin="SELECT nope;\n\\dx\nSELECT 2 AS two;\n")
    assert done.returncode == 1 and " two \n" in done.stdout
    assert "no such column: nope" in done.stderr and "invalid command \\dx" in done.stderr


def test_it_only_reads(filled, tmp_path):
    before = answer(filled, "SELECT COUNT(*) FROM runs")
    other = tmp_path / "other.db"
    for statement in (
        "DELETE FROM runs", "INSERT INTO workspaces VALUES ('x')", "DROP TABLE runs", "BEGIN",
        f"ATTACH '{other}' AS other", f"VACUUM INTO '{other}'", "PRAGMA journal_mode = DELETE",
    ):
        done = sql(filled, statement)
        assert done.returncode == 1 and "only reads" in done.stderr, statement
    assert not other.exists()
    assert answer(filled, "SELECT COUNT(*) FROM runs") == before


def test_json(filled):
    rows = json.loads(answer(filled, "--json", "SELECT key, value, NULL AS empty FROM metrics"))
    assert [row["value"] for row in rows] == [0.0, 0.1, 0.2]
    assert rows[0] == {"key": "loss", "value": 0.0, "empty": None}
    assert json.loads(answer(filled, "--json", "SELECT 1 WHERE 0")) == []
    tables = json.loads(answer(filled, "--json", "\\dt"))
    assert {"Schema": "main", "Name": "runs", "Type": "table", "Rows": "3"} in tables


def test_control_characters_do_not_reach_the_terminal(filled):
    printed = answer(filled, "SELECT 'a' || char(27) || '[31m' || char(10) || 'b' AS x")
    assert printed == "      x       \n--------------\n a\\x1b[31m\\nb\n(1 row)\n\n"


def test_a_statement_has_its_time(filled):
    done = sql(filled, "--timeout", "1", ENDLESS)
    assert done.returncode == 1 and "took longer than 1 s" in done.stderr


def test_it_works_on_a_stopped_and_on_a_killed_lab(fresh_lab):
    client = MlflowClient(fresh_lab.mlflow_url)
    client.create_experiment("first")
    fresh_lab.stop()
    count = "SELECT COUNT(*) AS n FROM experiments"
    assert answer(fresh_lab, "--json", count) == '[\n{"n":2}\n]\n'
    fresh_lab.start()
    MlflowClient(fresh_lab.mlflow_url).create_experiment("second")
    fresh_lab.kill9()
    assert answer(fresh_lab, "--json", count) == '[\n{"n":3}\n]\n'
    fresh_lab.start()
    assert MlflowClient(fresh_lab.mlflow_url).get_experiment_by_name("second")


def test_no_lab(tmp_path):
    done = subprocess.run(
        [binary(), "sql", "--data-dir", str(tmp_path / "none"), "SELECT 1"],
        env=clean_environment(), capture_output=True, text=True,
    )
    assert done.returncode == 1 and "There is no metadata database" in done.stderr
    assert not (tmp_path / "none").exists()


def test_a_long_answer_takes_little_memory_and_keeps_no_writer_waiting(filled):
    process = subprocess.Popen(
        [binary(), "sql", "--data-dir", str(filled.data_dir),
         "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)"
         " SELECT i, 'some text that has to go somewhere ' || i AS t, name FROM n, experiments"
         " WHERE experiment_id = 0"],
        env=clean_environment(), stdout=subprocess.PIPE,
    )
    process.stdout.read(1_000_000)  # it waits now, in the middle of its answer
    answered = requests.post(
        filled.mlflow_url + "/api/2.0/mlflow/experiments/create", json={"name": "meanwhile"},
        timeout=30,
    )
    assert answered.status_code == 200
    lines = peak = 0
    while piece := process.stdout.read(1 << 20):
        lines += piece.count(b"\n")
        peak = max(peak, resident_kb(process.pid))
    assert process.wait() == 0 and lines > 900_000
    assert 0 < peak < 60_000


def resident_kb(pid):
    """The most memory it ever had; 0 once it has ended."""
    with open(f"/proc/{pid}/status") as file:
        found = re.search(r"VmHWM:\s+(\d+) kB", file.read())
    return int(found[1]) if found else 0


class Terminal:
    """`sql` at a terminal, as a person sees it."""

    def __init__(self, lab):
        self.pid, self.file = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm"
            os.execv(binary(), [binary(), "sql", "--data-dir", str(lab.data_dir)])
        self.seen = ""

    def type(self, text):
        os.write(self.file, text.encode())

    def expect(self, text):
        deadline = time.monotonic() + 30
        while text not in self.seen:
            assert time.monotonic() < deadline, self.seen
            if select.select([self.file], [], [], 1)[0]:
                self.seen += os.read(self.file, 10_000).decode(errors="replace")
        self.seen = self.seen.partition(text)[2]

    def end(self):
        while True:
            try:
                if not os.read(self.file, 10_000):
                    break
            except OSError:
                break
        os.close(self.file)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_a_person_at_a_terminal(filled):
    terminal = Terminal(filled)
    terminal.expect("mlflow=> ")
    terminal.type("SELECT 40 + 2\n")
    terminal.expect("mlflow-> ")
    terminal.type("AS answer;\n")
    terminal.expect("     42")
    terminal.expect("mlflow=> ")
    terminal.type(ENDLESS + ";\n")
    terminal.expect("FROM n;")
    time.sleep(0.3)
    terminal.type("\x03")  # Ctrl-C
    terminal.expect("ERROR:  canceled")
    terminal.expect("mlflow=> ")
    terminal.type("\x1b[A\x1b[A\n")  # the arrow up, twice: the history
    terminal.expect("     42")
    terminal.expect("mlflow=> ")
    terminal.type("\\q\n")
    assert terminal.end() == 0
    history = filled.data_dir / "sql_history"
    assert "answer" in history.read_text() and history.stat().st_mode & 0o077 == 0
