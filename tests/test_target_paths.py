"""Where results go: tried before long work, one process at a time, and a wrong folder says what to do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import sidelight as sl
from sidelight.data.split.files import read_split, write_split
from sidelight.data.synthetic import make_synthetic
from sidelight.errors import BundleError, SpecError
from sidelight.evaluation import evaluate
from sidelight.target_paths import atomic_write, check_room, claimed, naming

HOLD = """import sys
from pathlib import Path
from sidelight.target_paths import claimed
with claimed(Path(sys.argv[1])):
"""


def test_a_place_is_tried_and_nothing_is_left(tmp_path: Path) -> None:
    check_room(tmp_path / "new" / "deeper" / "model")
    check_room(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [28, 30, 13])  # no space, read-only, not allowed
def test_a_place_without_room_is_named_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(self: Path, data: bytes) -> int:
        raise OSError(number, "the disk says no")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(SpecError, match=r"found the disk says no; in .*model; free some space") as e:
        check_room(tmp_path / "model")
    assert "\n" not in str(e.value) and list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_is_no_place(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SpecError, match="found not a directory"):
        check_room(tmp_path / "file" / "model")


def test_a_failure_of_the_disk_names_the_place() -> None:
    with pytest.raises(OSError, match="somewhere") as e, naming(Path("somewhere")):
        raise OSError(28, "No space left on device")
    assert e.value.filename == "somewhere"


def test_one_process_holds_a_folder_and_the_next_one_is_told(tmp_path: Path) -> None:
    other = [
        sys.executable,
        "-c",
        HOLD + "    print('held', flush=True)\n    sys.stdin.read()",
        str(tmp_path),
    ]
    with subprocess.Popen(other, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        with pytest.raises(SpecError, match="another process at work in it"), claimed(tmp_path):
            raise AssertionError
        split = sl.split.leave_last_out(make_synthetic(30, 20, 200, seed=1).data)
        with pytest.raises(SpecError, match="another process"):
            sl.compare(split, {"a": sl.Popular(), "b": sl.EASE()}, seeds=1, folder=tmp_path)
        process.kill()
    with claimed(tmp_path):  # nothing is left of one that was killed
        pass


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("kinds")
    split = sl.split.leave_last_out(make_synthetic(30, 20, 200, seed=1).data)
    write_split(split, root / "split")
    model = sl.Popular().fit(split)
    model.save(root / "model")
    evaluate(model, split).save(root / "evaluation")
    sl.compare(split, {"a": sl.Popular(), "b": sl.EASE()}, seeds=1, folder=root / "comparison")
    (root / "shop").mkdir()
    (root / "shop" / "clicks.csv").write_text("user_id,item_id\n")
    (root / "empty").mkdir()
    (root / "file").write_text("")
    return root


FOUND = {"model": "a model", "split": "a split", "evaluation": "an evaluation", "comparison": "a comparison",
         "shop": "tables", "file": "a file", "nowhere": "nothing"}  # fmt: skip


@pytest.mark.parametrize("name", [*FOUND, "empty"])
@pytest.mark.parametrize("reader", [read_split, sl.load])
def test_a_wrong_folder_is_named_with_what_to_do(
    folders: Path, name: str, reader: Callable[[Path], object]
) -> None:
    wanted = "split" if reader is read_split else "model"
    if name == wanted == "model":
        assert reader(folders / name)
        return
    if name == wanted:
        pytest.skip("a split without its data is another error")
    with pytest.raises(BundleError) as e:
        reader(folders / name)
    said = str(e.value)
    assert len(said) < 400 + len(str(folders)) * 2 and "\n" not in said and name in said
    if name == "shop":
        assert f"run: sidelight split {folders / name} -o split/" in said
    if name in FOUND and (wanted == "split" or name not in ("file", "nowhere")):
        assert f"found {FOUND[name]};" in said


def test_a_file_is_replaced_in_one_step_or_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "below" / "note.txt"
    with atomic_write(target) as fresh:
        fresh.write_text("old")
    with pytest.raises(KeyboardInterrupt), atomic_write(target) as fresh:
        fresh.write_text("half")
        raise KeyboardInterrupt
    assert target.read_text() == "old" and list(target.parent.iterdir()) == [target]

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match=r"note\.txt"), atomic_write(target) as fresh:
        fresh.write_text("new")
    assert target.read_text() == "old" and list(target.parent.iterdir()) == [target]


def test_a_link_stays_and_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with atomic_write(tmp_path / "link") as fresh:
        fresh.write_text("new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").read_text() == "new"
    left = tmp_path / ".run.part"
    left.mkdir()
    (left / "half").write_text("half")
    with atomic_write(tmp_path / "run", one_writer=True) as fresh:
        fresh.mkdir()
        (fresh / "whole").write_text("whole")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["link", "real", "run"]
    assert [each.name for each in (tmp_path / "run").iterdir()] == ["whole"]
