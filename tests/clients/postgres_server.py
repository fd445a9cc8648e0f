"""A PostgreSQL server of a test's own: TCP on a free port of 127.0.0.1, passwords by SCRAM."""

import os
import shutil
import subprocess
from pathlib import Path

from own_lab import free_ports


def program(name):
    """Debian keeps the programs of each version apart."""
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    found = next(map(str, places), None) or shutil.which(name)
    assert found, f"No {name}: install the package postgresql"
    return found


def as_server(*command):
    """PostgreSQL refuses to run as root."""
    prefix = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    done = subprocess.run(
        [*prefix, *map(str, command)],
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout


class PostgresServer:
    administrator = "admin"
    password = "admin-p@ss/word"

    def __init__(self, folder, survives_crashes=False, primary=None):
        """With a primary: its streaming replica, which only reads."""
        self.folder = Path(folder)
        self.folder.mkdir(parents=True)
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres")
        (self.port,) = free_ports(1)
        self.data = self.folder / "data"
        if primary:
            as_server(
                program("pg_basebackup"), "-D", self.data, "-d", primary.uri("postgres"),
                "-R", "-c", "fast", "--no-sync",
            )
        else:
            self.initialize()
        self.set(
            f"port = {self.port}", "listen_addresses = '127.0.0.1'", "unix_socket_directories = ''",
            "shared_buffers = 32MB", "max_connections = 60",
            f"fsync = {'on' if survives_crashes else 'off'}",
        )
        self.start()

    def initialize(self):
        secret = self.folder / "password"
        secret.write_text(self.password)
        secret.chmod(0o644)
        as_server(
            program("initdb"), "-D", self.data, "-U", self.administrator, "-A", "scram-sha-256",
            f"--pwfile={secret}", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync",
        )

    def set(self, *lines):
        """Settings that hold from the next start on."""
        with open(self.data / "postgresql.conf", "a") as settings:
            settings.write("".join(line + "\n" for line in lines))

    def start(self):
        as_server(program("pg_ctl"), "-D", self.data, "-l", self.folder / "log", "-w", "start")

    def stop(self, mode="fast"):
        as_server(program("pg_ctl"), "-D", self.data, "-m", mode, "-w", "stop")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if (self.data / "postmaster.pid").exists():
            self.stop("immediate")

    def uri(self, database, user=None, password=None, scheme="postgresql"):
        user = user or self.administrator
        secret = (password or self.password).replace("@", "%40").replace("/", "%2F")
        return f"{scheme}://{user}:{secret}@127.0.0.1:{self.port}/{database}"

    def psql(self, sql, database="postgres", user=None, password=None, check=True):
        """The rows as text, columns divided by |."""
        done = subprocess.run(
            ["psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", self.uri(database, user, password)],
            input=sql, capture_output=True, text=True, timeout=60,
        )
        assert not check or done.returncode == 0, done.stderr
        return done.stdout.strip() if done.returncode == 0 else done.stderr

    def make_database(self, name):
        self.psql(f"CREATE DATABASE {name}")
        return self.uri(name)

    def dump(self, database):
        """{what pg_dump calls it: its statements}, without this server's own indexes."""
        text = subprocess.run(
            ["pg_dump", "--schema-only", "--no-owner", "--no-privileges", self.uri(database)],
            capture_output=True, text=True, check=True, timeout=60,
        ).stdout
        objects = {}
        for part in text.split("\n--\n-- Name: ")[1:]:
            title, _, body = part.partition("\n")
            lines = [line for line in body.splitlines() if not line.startswith(("--", "\\", "SET "))]
            if not title.startswith("sandbox_"):
                objects[title] = "\n".join(lines).strip()
        return objects
