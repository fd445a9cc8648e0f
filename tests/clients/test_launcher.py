"""./mlops-sandbox and tools/install-packages, with a stand-in for the compiler and for apt."""

import os
import shutil
import stat
import subprocess
import time
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]

# Answers as CMake does: the build writes a program that shows what it was given.
CMAKE = """#!/bin/sh
echo "$*" >>"$CALLS"
[ "$1" = --build ] || exit "${CONFIGURE_CODE:-0}"
[ -z "${BUILD_SLOWLY:-}" ] || sleep 0.5
cat >"$2/mlops-sandbox" <<'END'
#!/bin/sh
printf '%s\\n' "$MLOPS_SANDBOX_COMMAND" "$@"
END
chmod +x "$2/mlops-sandbox"
echo "[1/1] built"
"""

DPKG_QUERY = """#!/bin/sh
shift 2
for package; do
  case " $ABSENT " in *" $package "*) ;; *) echo "installed $package" ;; esac
done
"""

APT_GET = """#!/bin/sh
echo "apt-get $*" >>"$CALLS"
"""


@pytest.fixture
def tree(tmp_path):
    """A copy of what the launcher looks at, in a path with a blank."""
    place = tmp_path / "my tree"
    (place / "tools").mkdir(parents=True)
    for folder in ("sandbox", "embedded_store", "trainers"):
        (place / folder).mkdir()
    (place / "sandbox" / "main.cpp").write_text("")
    for name in ("mlops-sandbox", "tools/install-packages", "packages.txt"):
        shutil.copy2(REPOSITORY / name, place / name)
    for name in ("CMakeLists.txt", "CMakePresets.json"):
        (place / name).write_text("")
    return place


@pytest.fixture
def launch(tree, tmp_path):
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, text in (("cmake", CMAKE), ("dpkg-query", DPKG_QUERY), ("apt-get", APT_GET),
                       ("apt-cache", "#!/bin/sh\n")):
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    calls = tmp_path / "calls"
    calls.write_text("")

    class Launch:
        path = f"{tools}:{os.environ['PATH']}"
        folder = tools

        def start(self, *arguments, cwd="/", program=None, **environment):
            return subprocess.Popen(
                [program or str(tree / "mlops-sandbox"), *arguments],
                cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                text=True,
                env={"PATH": self.path, "HOME": str(tmp_path), "CALLS": str(calls)} | environment,
            )

        def __call__(self, *arguments, **rest):
            process = self.start(*arguments, **rest)
            out, errors = process.communicate(timeout=60)
            return process.returncode, out.splitlines(), errors

        def calls(self):
            lines = calls.read_text().splitlines()
            calls.write_text("")
            return lines

    return Launch()


def test_it_builds_and_becomes_the_program(tree, launch):
    code, out, errors = launch("a b", "--c", "")
    assert code == 0
    assert out == [str(tree / "mlops-sandbox"), "a b", "--c", ""]
    assert "building" in errors and "[1/1] built" in errors
    assert len(launch.calls()) == 2


def test_nothing_changed_means_no_build_and_no_wait(launch):
    launch("up")
    launch.calls()
    began = time.monotonic()
    for _ in range(5):
        code, out, errors = launch("up")
    assert (time.monotonic() - began) / 5 < 0.2
    assert code == 0 and errors == "" and launch.calls() == []


@pytest.mark.parametrize(
    "name", ["sandbox/main.cpp", "trainers/trainer.h", "CMakeLists.txt", "packages.txt"])
def test_a_change_is_built(tree, launch, name):
    launch("up")
    launch.calls()
    (tree / name).write_text("\n")
    assert launch("up")[0] == 0
    assert len(launch.calls()) == 2
    assert launch("up")[0] == 0
    assert launch.calls() == []


def test_trainers_are_installed_and_built_for_those_who_train(tree, launch):
    """`up` stays quick: LibTorch comes with the first `train`."""
    launch("up", ABSENT="libtorch-dev")
    assert not [call for call in launch.calls() if "libtorch" in call or "trainer_programs" in call]
    launch("train", "vision", ABSENT="libtorch-dev")
    calls = launch.calls()
    assert [call for call in calls if call.startswith("apt-get") and "libtorch-dev" in call]
    assert calls[-1].endswith("--target mlops-sandbox trainer_programs")
    for command in ("train", "evaluate", "up"):
        launch(command)
    assert launch.calls() == []


def test_a_removed_source_is_noticed(tree, launch):
    launch("up")
    launch.calls()
    (tree / "sandbox" / "main.cpp").unlink()
    launch("up")
    assert len(launch.calls()) == 2


def test_it_works_from_anywhere_and_through_links(tree, launch, tmp_path):
    (tmp_path / "link").symlink_to(tree / "mlops-sandbox")
    assert launch("x", program="./mlops-sandbox", cwd=tree)[1] == ["./mlops-sandbox", "x"]
    assert launch("x", program=str(tmp_path / "link"))[1] == [str(tmp_path / "link"), "x"]
    assert launch("x", program="sh", cwd=tree)[0] != 0  # no such script
    process = subprocess.run(["sh", "mlops-sandbox", "x"], cwd=tree, capture_output=True, text=True,
                             env={"PATH": launch.path, "CALLS": str(tmp_path / "calls")})
    assert process.stdout.splitlines() == ["mlops-sandbox", "x"]


def test_two_at_a_time_build_once(launch):
    both = [launch.start("up", BUILD_SLOWLY="1") for _ in range(2)]
    for process in both:
        assert process.communicate(timeout=60)[0].splitlines()[1:] == ["up"]
        assert process.returncode == 0
    assert len(launch.calls()) == 2


def test_a_failed_build_stops_with_a_sentence(tree, launch):
    code, out, errors = launch("up", CONFIGURE_CODE="1")
    assert code == 1 and out == [] and "could not be prepared" in errors
    # And it is tried again.
    launch.calls()
    assert launch("up")[0] == 0


def test_a_tree_that_cannot_be_written(tree, launch):
    (tree / "build").write_text("in the way")
    code, out, errors = launch("up")
    assert code == 1 and out == [] and "cannot write to" in errors and "Copy the repository" in errors


def test_missing_packages_are_installed_before_the_build(launch):
    code, _, errors = launch("up", ABSENT="cmake librocksdb-dev")
    if os.getuid() != 0 and not shutil.which("sudo"):
        assert code == 1 and "only root" in errors
        return
    assert code == 0
    calls = launch.calls()
    assert "install -y --no-install-recommends cmake librocksdb-dev" in calls[0]
    assert calls[1].startswith("--preset release")


def test_another_system_is_told_what_to_install(tree, launch):
    folder = launch.folder
    for name in ("apt-get", "apt-cache", "dpkg-query", "cmake"):
        (folder / name).unlink()
    for tool in ("sh", "sed", "dirname", "find", "mkdir", "flock", "cat", "readlink"):
        (folder / tool).symlink_to(shutil.which(tool))
    launch.path = str(folder)
    code, out, errors = launch("up")
    assert code == 1 and out == []
    assert "no apt-get" in errors and "  librocksdb-dev" in errors and "catch2" not in errors


def test_the_scripts_can_be_run(tree):
    for name in ("mlops-sandbox", "tools/install-packages", "tests/run", ".ci/run"):
        assert (REPOSITORY / name).stat().st_mode & stat.S_IXUSR, name
