"""On PostgreSQL the lab keeps what MLflow keeps: same schema, same rows, for clients, psql and a
real MLflow on the same database."""

import subprocess
import sys
import threading

import pytest
import requests
from mlflow import MlflowClient
from own_lab import OwnLab, binary

API = "/api/2.0/mlflow/"


def real_mlflow(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "mlflow", *arguments],
        capture_output=True, text=True, timeout=180,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture()
def lab(server, tmp_path, request):
    name = "lab_" + str(abs(hash(request.node.name)))
    uri = server.make_database(name)
    with OwnLab(tmp_path / "lab", f"--backend-store-uri={uri}") as running:
        running.database = name
        running.database_uri = uri
        yield running


def command(lab, *words):
    done = subprocess.run(
        [binary(), *words, f"--data-dir={lab.data_dir}"], capture_output=True, text=True, timeout=60
    )
    return done.stdout + done.stderr


def test_a_fresh_database_has_mlflows_schema_object_by_object(server, lab):
    theirs = server.make_database("theirs")
    real_mlflow("db", "upgrade", theirs.replace("postgresql:", "postgresql+psycopg2:"))
    ours, real = server.dump(lab.database), server.dump("theirs")
    assert len(real) > 250
    assert ours == real
    rows = "SELECT * FROM alembic_version; SELECT * FROM workspaces;"
    assert server.psql(rows, lab.database) == server.psql(rows, "theirs")


def test_clients_psql_and_a_real_mlflow_see_the_same_lab(server, lab):
    """Rows S1-2, S0-3, S0-18, S0-19."""
    client = MlflowClient(lab.mlflow_url)
    experiment = client.create_experiment("from-client", tags={"team": "한글"})
    run = client.create_run(experiment, run_name="first").info.run_id
    for step in range(20):
        client.log_metric(run, "loss", 1 / (step + 1), step=step)
    client.log_metric(run, "odd", float("nan"))
    client.log_metric(run, "huge", float("inf"))
    client.log_param(run, "lr", "0.1")
    client.set_terminated(run)
    client.create_registered_model("model", tags={"a": "b"})
    version = client.create_model_version("model", f"runs:/{run}/model", run)
    client.set_registered_model_alias("model", "champion", version.version)
    found = client.search_runs([experiment], "metrics.loss < 0.06 AND params.lr LIKE '0%'")
    assert [one.info.run_id for one in found] == [run]
    assert client.search_runs([experiment], "metrics.loss > 0.06") == []

    tables = server.psql("\\dt", lab.database)
    for table in (
        "experiments", "runs", "params", "metrics", "latest_metrics", "tags",
        "registered_models", "model_versions",
    ):
        assert f"|{table}|" in tables
    assert f"{lab.database}|" in server.psql("\\l")
    assert server.psql("SELECT name FROM experiments ORDER BY experiment_id", lab.database) == (
        "Default\nfrom-client"
    )

    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as Registry
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore as Tracking

    uri = lab.database_uri.replace("postgresql:", "postgresql+psycopg2:")
    store = Tracking(uri, "mlflow-artifacts:/")
    seen = store.get_run(run)
    assert seen.info.run_name == "first" and seen.data.params == {"lr": "0.1"}
    assert seen.data.metrics["loss"] == 0.05
    assert seen.data.metrics["odd"] != seen.data.metrics["odd"]
    assert len(store.get_metric_history(run, "loss")) == 20
    assert Registry(uri).get_model_version_by_alias("model", "champion").version == 1
    # What the real one writes, the lab reads; neither takes a number of the other.
    theirs = store.create_experiment("from-mlflow")
    assert int(theirs) == int(experiment) + 1
    assert client.get_experiment_by_name("from-mlflow").experiment_id == theirs
    assert int(client.create_experiment("later")) == int(theirs) + 1


def test_status_and_verify_name_the_backend_and_no_password(server, lab):
    """Row S0-8."""
    status = command(lab, "status")
    assert f"@127.0.0.1:{server.port}/{lab.database}" in status
    checked = command(lab, "verify", "storage")
    assert "PostgreSQL 파드: " in checked and "1/1" in checked and "SQLite" not in checked
    banner = lab.data_dir.with_name("lab.output").read_text()
    log = (lab.data_dir / "logs" / "server.log")
    written = status + checked + banner + (log.read_text() if log.exists() else "")
    for secret in (server.password, "admin-p%40ss%2Fword"):
        assert secret not in written


def test_the_sql_shell(lab):
    """Rows S0-19, S0-20."""
    script = "\\l\n\\dt\n\\d runs\nSELECT experiment_id, name\nFROM experiments;\n" + (
        "DELETE FROM experiments;\n\\q\n"
    )
    done = subprocess.run(
        [binary(), "sql", f"--data-dir={lab.data_dir}"],
        input=script, capture_output=True, text=True, timeout=60,
    )
    said = done.stdout + done.stderr
    for part in (
        lab.database, "List of tables", "latest_metrics", "character varying(32)", "run_pk",
        "Default", "read-only transaction",
    ):
        assert part in said, said
    assert '"name": "Default"' in command(lab, "sql", "--json", "SELECT * FROM experiments").replace(
        '":"', '": "'
    )
    # A second statement hidden from whoever looks at quotes alone is not run.
    command(lab, "sql", "SELECT E'\\''; COMMIT; UPDATE experiments SET name = 'changed' --'")
    assert "Default" in command(lab, "sql", "SELECT name FROM experiments")


def test_texts_postgres_cannot_keep_are_refused(lab):
    url = lab.mlflow_url + API
    run = requests.post(url + "runs/create", json={"experiment_id": "0"}, timeout=30).json()
    run_id = run["run"]["info"]["run_id"]
    answer = requests.post(
        url + "runs/set-tag", json={"run_id": run_id, "key": "k", "value": "a\0b"}, timeout=30
    )
    assert answer.status_code == 400 and "NUL" in answer.json()["message"]
    answer = requests.post(
        url + "runs/set-tag", json={"run_id": run_id, "key": "k", "value": "ok"}, timeout=30
    )
    assert answer.status_code == 200


def test_two_servers_share_a_database(lab, tmp_path):
    """Ids are unique, versions have no gap, nothing is lost, whoever answers."""
    with OwnLab(tmp_path / "other", f"--backend-store-uri={lab.database_uri}") as other:
        clients = [MlflowClient(each.mlflow_url) for each in (lab, other)]
        run = clients[0].create_run("0").info.run_id
        clients[0].create_registered_model("shared")
        experiments, versions, failures = [], [], []

        def work(client, number):
            try:
                for i in range(8):
                    experiments.append(client.create_experiment(f"e-{number}-{i}"))
                    versions.append(client.create_model_version("shared", "s3://b/x").version)
                    client.log_metric(run, "m", number, step=i)
                    client.set_tag(run, "hot", f"{number}-{i}")
            except Exception as failure:
                failures.append(failure)

        threads = [
            threading.Thread(target=work, args=(clients[n % 2], n)) for n in range(6)
        ]
        for each in threads:
            each.start()
        for each in threads:
            each.join(timeout=120)
        assert failures == []
        assert len(set(experiments)) == 48
        assert sorted(map(int, versions)) == list(range(1, 49))
        assert len(clients[1].get_metric_history(run, "m")) == 48
        # The same name asked of both at once: one gets it, one is told.
        answers = []

        def create(each):
            answers.append(
                requests.post(
                    each.mlflow_url + API + "experiments/create", json={"name": "one"}, timeout=30
                ).status_code
            )

        threads = [threading.Thread(target=create, args=(each,)) for each in (lab, other)]
        for each in threads:
            each.start()
        for each in threads:
            each.join(timeout=60)
        assert sorted(answers) == [200, 400]


def test_a_run_file_brings_its_versions(lab, tmp_path):
    """Versions made from a run are registered again, those the lab has stay."""
    with OwnLab(tmp_path / "from") as source:
        client = MlflowClient(source.mlflow_url)
        run = client.create_run("0").info
        client.log_text(run.run_id, "weights", "model/weights")
        client.create_registered_model("net")
        for number in range(2):
            client.create_model_version("net", f"{run.artifact_uri}/model", run.run_id,
                                        tags={"number": str(number)})
        client.set_registered_model_alias("net", "champion", 2)
        done = subprocess.run(
            [binary(), "run", "export", run.run_id, f"--data-dir={source.data_dir}"],
            capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
    archive = tmp_path / "run.tar"
    archive.write_bytes(done.stdout)
    client = MlflowClient(lab.mlflow_url)
    client.create_registered_model("net")
    client.create_model_version("net", "s3://mine/model")
    said = command(lab, "run", "import", str(archive))
    assert "Registered again: 1 model version.\n" in said
    assert "Version 1 of 'net' was left out" in said
    assert client.get_model_version("net", "1").source == "s3://mine/model"
    second = client.get_model_version_by_alias("net", "champion")
    assert (second.version, second.run_id, second.tags) == ("2", run.run_id, {"number": "1"})
    assert second.source == f"{client.get_run(run.run_id).info.artifact_uri}/model"


def everything(database):
    """What clients can ask of a database, by MLflow's own code."""
    from mlflow.entities import ViewType
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as Registry
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore as Tracking

    store, registry = Tracking(database, "mlflow-artifacts:/"), Registry(database)
    experiments = store.search_experiments(ViewType.ALL, max_results=100)
    ids = [one.experiment_id for one in experiments]
    runs = store.search_runs(ids, "", ViewType.ALL, 1_000)
    return (
        [dict(one) for one in experiments],
        [run.to_dictionary() for run in runs],
        [[(point.value, point.step) for point in store.get_metric_history(run.info.run_id, key)]
         for run in runs for key in run.data.metrics],
        [dict(version) for version in registry.search_model_versions("name = 'model'", 100)],
    )


def test_a_database_of_the_real_mlflow_is_adopted_when_told_to(server, tmp_path):
    """Nothing is changed before that, and its copy has all that was in it."""
    uri = server.make_database("adopted")
    real = uri.replace("postgresql:", "postgresql+psycopg2:")
    real_mlflow("db", "upgrade", real)

    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as Registry
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore as Tracking
    from mlflow.entities import Metric, Param, RunTag

    store = Tracking(real, "mlflow-artifacts:/")
    experiment = store.create_experiment("한글")
    for number in range(3):
        run = store.create_run(experiment, "u", 1, [], f"run-{number}").info.run_id
        store.log_batch(run, [Metric("m", step / 3, step, step) for step in range(50)]
                        + [Metric("odd", float("inf"), 1, 1)],
                        [Param("p", "")], [RunTag("t", "ü\\\"'")])
    store.delete_run(run)
    registry = Registry(real)
    registry.create_registered_model("model")
    registry.create_model_version("model", "s3://b/x")
    before, dumped = everything(real), server.dump("adopted")
    lab_dir = tmp_path / "lab"

    def refused(*flags):
        done = subprocess.run(
            [binary(), "up", "--ci", f"--data-dir={lab_dir}", f"--backend-store-uri={uri}", *flags],
            capture_output=True, text=True, timeout=60)
        assert done.returncode == 1 and server.password not in done.stderr
        assert list(lab_dir.glob("*before-adoption*")) == []
        return done.stderr

    said = refused()
    assert "--adopt" in said and str(lab_dir) in said and "Nothing in it was changed" in said
    server.psql("UPDATE alembic_version SET version_num = 'acf3f17fdcc7'", "adopted")
    assert "mlflow db upgrade" in refused("--adopt")
    server.psql("UPDATE alembic_version SET version_num = 'dc11669786a5'", "adopted")
    assert everything(real) == before and server.psql(
        "SELECT COUNT(*) FROM pg_class WHERE relname LIKE 'sandbox_%'", "adopted") == "0"

    with OwnLab(lab_dir, f"--backend-store-uri={uri}", "--adopt") as lab:
        (copy,) = lab_dir.glob("postgresql.db.before-adoption-*")
        assert copy.stat().st_mode & 0o077 == 0
        client = MlflowClient(lab.mlflow_url)
        assert len(client.search_runs([experiment])) == 2
        client.create_run(experiment)
        lab.stop()
    assert server.dump("adopted") == dumped
    assert everything(f"sqlite:///{copy}") == before
    assert everything(real) != before
    # The second start needs no word.
    with OwnLab(lab_dir, f"--backend-store-uri={uri}") as lab:
        lab.stop()
    assert len(list(lab_dir.glob("postgresql.db.before-adoption-*"))) == 1
