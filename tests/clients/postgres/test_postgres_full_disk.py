"""The disk of the PostgreSQL server is full: whoever writes is told so, nothing acknowledged is lost,
nothing refused is kept, reads go on, and writing goes on once there is space again (row S0-27)."""

import os
import shutil

import requests
from disk_writers import API, check_points, log_step, make_run, refusals, write_until_full
from own_lab import OwnLab
from small_disk import small_disk


def test_the_disk_of_postgres(server, postgres_folder, tmp_path):
    with small_disk(postgres_folder / "disk", 64) as disk:
        place = disk.folder / "tables"
        place.mkdir()
        if os.getuid() == 0:
            shutil.chown(place, "postgres")
        server.psql(f"CREATE TABLESPACE small LOCATION '{place}'")
        server.psql("CREATE DATABASE full_db TABLESPACE small")
        uri = server.uri("full_db")
        with OwnLab(tmp_path / "lab", f"--backend-store-uri={uri}") as lab:
            writers = write_until_full(lab, disk)
            for told in refusals(writers):
                assert "disk of the PostgreSQL server is full" in told
                assert f"127.0.0.1:{server.port}" in told and server.password not in told
            asked = requests.get(
                lab.mlflow_url + API + "runs/get", {"run_id": writers[0].run_id}, timeout=60
            )
            assert asked.status_code == 200, asked.text

            disk.free()
            late = make_run(lab)
            assert log_step(requests, lab, late, 0).status_code == 200
            lab.kill()
            lab.start()
            lab.stop()
        sql = "SELECT run_uuid, step, count(*) FROM metrics GROUP BY 1, 2"
        rows = [row.split("|") for row in server.psql(sql, "full_db").splitlines()]
        check_points(writers, rows)
        assert any(run == late for run, _, _ in rows)
        server.psql("DROP DATABASE full_db")
        server.psql("DROP TABLESPACE small")
