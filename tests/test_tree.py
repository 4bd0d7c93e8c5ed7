"""What holds for the files of the repository as such: their size, and what they may not mention."""

import re
import subprocess
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LINES_ALLOWED = 500
LINES_WELCOME = 400

# Joined here, so that this file does not find itself.
FORBIDDEN = (
    "/" + "work/",
    "/" + "root/",
    *(".".join(name) for name in (("pypi", "org"), ("pythonhosted", "org"), ("deb.debian", "org"))),
    *(".".join(name) for name in (("pkg", "dev"), ("npmjs", "org"), ("docker", "io"), ("ghcr", "io"))),
)


def tracked_files() -> list[Path]:
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"]
    try:
        listing = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"the checkout cannot be listed with git: {error}")
    paths = [ROOT / name for name in listing.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


def texts(paths: list[Path]) -> list[tuple[Path, str]]:
    """Every text among the files; what is not UTF-8 is a capture or a picture, and says nothing."""
    found = []
    for path in paths:
        try:
            found.append((path, path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue
    return found


def test_no_file_of_pystack_is_too_long_to_read() -> None:
    too_long = []
    for path, text in texts(sorted((ROOT / "pystack").rglob("*.py"))):
        name, lines = path.relative_to(ROOT), text.count("\n")
        if lines > LINES_ALLOWED:
            too_long.append(f"{name}: {lines} lines, {LINES_ALLOWED} at most")
        elif lines > LINES_WELCOME:
            warning = f"{name} has {lines} lines; split it before it reaches {LINES_ALLOWED}"
            warnings.warn(warning, stacklevel=1)
    assert not too_long, "\n" + "\n".join(too_long)


def test_no_tracked_file_names_a_machine_or_a_registry() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {word}"
        for path, text in texts(tracked_files())
        for word in FORBIDDEN
        if word in text
        for number, line in enumerate(text.splitlines(), start=1)
        if word in line
    ]
    assert not found, "\n" + "\n".join(found)


def test_every_script_parses_and_may_be_run() -> None:
    every = texts(tracked_files())
    scripts = {path: text.partition("\n")[0] for path, text in every if text.startswith("#!/")}
    assert scripts
    wrong = []
    for path, first_line in scripts.items():
        if not path.stat().st_mode & 0o100:
            wrong.append(f"{path.relative_to(ROOT)}: not executable")
        if first_line.endswith("sh"):
            checked = subprocess.run(["bash", "-n", path], capture_output=True, text=True, check=False)
            wrong += [checked.stderr] if checked.returncode else []
    assert not wrong, "\n" + "\n".join(wrong)


def test_every_path_that_the_readme_sends_you_to_is_there() -> None:
    named = re.findall(r"`((?:pystack|scripts|tests)/[^` ]*)", (ROOT / "README.md").read_text())
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []
