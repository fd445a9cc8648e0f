"""Records the answers of the real server anew: python record.py [GROUP...].

It starts the mlflow server of this environment, for each group on an empty database, and writes
recorded/GROUP.json. The tests that replay them (test_replay.py) need no real server.
"""

import shutil
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
from own_lab import RealServer  # noqa: E402
from replay import (  # noqa: E402
    RECORDED,
    Player,
    admin_password_of,
    group_names,
    steps_of,
    text_of,
)


def empty_database(folder):
    """A database with MLflow's tables, made once: their migrations take long."""
    RealServer(sys.executable, folder / "empty.db", folder).stop()
    return folder / "empty.db"


def server_for(group, database, folder):
    password = admin_password_of(group)
    if password is None:
        return RealServer(sys.executable, database, folder)
    settings = folder / "auth.ini"
    settings.write_text(
        "[mlflow]\ndefault_permission = READ\nadmin_username = admin\n"
        f"database_uri = sqlite:///{folder / 'basic_auth.db'}\n"
    )
    return RealServer(
        sys.executable, database, folder, "--app-name", "basic-auth",
        MLFLOW_AUTH_CONFIG_PATH=str(settings), MLFLOW_AUTH_ADMIN_PASSWORD=password,
        MLFLOW_FLASK_SERVER_SECRET_KEY="for this recording",
    )


def record(group, empty, folder):
    shutil.copy(empty, folder / "mlflow.db")
    server = server_for(group, folder / "mlflow.db", folder)
    try:
        player = Player(server.mlflow_url)
        answers = {step.name: player.play(step) for step in steps_of(group)}
    finally:
        server.stop()
    RECORDED.mkdir(exist_ok=True)
    (RECORDED / f"{group}.json").write_text(text_of(answers) + "\n")
    print(f"{group}: {len(answers)} answers")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as common:
        empty = empty_database(Path(common))
        for name in sys.argv[1:] or group_names():
            with tempfile.TemporaryDirectory() as place:
                record(name, empty, Path(place))
