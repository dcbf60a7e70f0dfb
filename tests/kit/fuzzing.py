"""Files with one thing wrong in each, put to the command line.

Whatever a file holds, bt-run says in words what is wrong with it: no traceback, no bug of ours
(exit 1), and no plugin to blame (exit 5) where the data are at fault.
"""

from __future__ import annotations

import contextlib
import io
import random
import re
import shutil
import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bt_run.cli.entry import main
from kit.configured import folder_of_files

BLAMELESS = {0, 2, 3, 4, 6, 7}
STORE = "store"
STRANGE = (
    "",
    "0",
    "-1",
    "1e308",
    "1e-320",
    "nan",
    "inf",
    "null",
    "true",
    "[]",
    "{}",
    "9" * 30,
    "2020-02-30",
    "1600-01-01",
    "9999-12-31",
    "\u00e9\u4e2d",
    "a,b",
    "*a",
    "&a",
    "'",
    '"',
    "!!int x",
    "0x10",
    "\t",
)
CELL = re.compile(r"[^\s,:{}\[\]\"']+")

Mutation = Callable[[random.Random, bytes], bytes]


# -- mutations -------------------------------------------------------------------------------------


def flip(rng: random.Random, content: bytes) -> bytes:
    """Change some bytes."""
    changed = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def cut(rng: random.Random, content: bytes) -> bytes:
    """End in the middle."""
    return content[: rng.randrange(len(content))]


def drop(rng: random.Random, content: bytes) -> bytes:
    """Leave a stretch out."""
    first = rng.randrange(len(content))
    return content[:first] + content[first + rng.randint(1, 40) :]


def repeat(rng: random.Random, content: bytes) -> bytes:
    """Say a stretch twice."""
    first = rng.randrange(len(content))
    last = first + rng.randint(1, 60)
    return content[:last] + content[first:]


def replace_word(rng: random.Random, content: bytes) -> bytes:
    """Write something strange in the place of a word."""
    text = content.decode("utf-8", "replace")
    words = list(CELL.finditer(text))
    if not words:
        return content
    word = rng.choice(words)
    changed = text[: word.start()] + rng.choice(STRANGE) + text[word.end() :]
    return changed.encode()


def swap_words(rng: random.Random, content: bytes) -> bytes:
    """Write one word of the file in the place of another."""
    text = content.decode("utf-8", "replace")
    words = list(CELL.finditer(text))
    if not words:
        return content
    word, other = rng.choice(words), rng.choice(words)
    return (text[: word.start()] + other[0] + text[word.end() :]).encode()


def repeat_line(rng: random.Random, content: bytes) -> bytes:
    """Write a line once more, anywhere."""
    lines = content.splitlines(keepends=True)
    lines.insert(rng.randrange(len(lines) + 1), rng.choice(lines or [b"\n"]))
    return b"".join(lines)


def drop_line(rng: random.Random, content: bytes) -> bytes:
    """Leave a line out."""
    lines = content.splitlines(keepends=True)
    if lines:
        del lines[rng.randrange(len(lines))]
    return b"".join(lines)


BYTES: tuple[Mutation, ...] = (flip, cut, drop, repeat)
TEXT: tuple[Mutation, ...] = (
    *BYTES,
    replace_word,
    replace_word,
    replace_word,
    swap_words,
    swap_words,
    repeat_line,
    drop_line,
)


def change_member(rng: random.Random, content: bytes) -> bytes:
    """Pack a zip archive again with one member changed, left out, twice or elsewhere."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w") as new:
        names = old.namelist()
        chosen = rng.choice(names)
        for name in names:
            member = old.read(name)
            if name != chosen:
                new.writestr(name, member)
                continue
            for put, inside in _other_members(rng, name, member):
                new.writestr(put, inside)
    return made.getvalue()


def _other_members(
    rng: random.Random, name: str, member: bytes
) -> list[tuple[str | zipfile.ZipInfo, bytes]]:
    """Return what stands in the place of a member."""
    match rng.randrange(8):
        case 0:
            return []
        case 1:
            return [(name, member), (name.upper(), member)]
        case 2:
            return [(rng.choice(["../", "/", "C:", "a/../", "\\"]) + name, member)]
        case 3:
            link = zipfile.ZipInfo(name)
            link.external_attr = 0o120777 << 16
            return [(link, b"/etc/hostname")]
        case _:
            mutation = rng.choice(BYTES if name.endswith(".parquet") else TEXT)
            return [(name, mutation(rng, member or b"x"))]


BUNDLE: tuple[Mutation, ...] = (*BYTES, *[change_member] * 8)


def change_table(rng: random.Random, path: Path) -> None:
    """Give a parquet file another table: a column less, more, renamed, of another type or value."""
    frame = pd.read_parquet(path)
    column = rng.choice(list(frame.columns))
    match rng.randrange(7):
        case 0:
            frame = frame.drop(columns=column)
        case 1:
            frame = frame.rename(columns={column: rng.choice(STRANGE)})
        case 2:
            frame[column] = frame[column].astype(str)
        case 3:
            frame[column] = rng.choice([None, -1, 0.0, "x", True, 1e308, b"x"])
        case 4:
            frame = frame.iloc[: rng.choice([0, 1])]
        case 5:
            frame = pd.concat([frame, frame])
        case _:
            frame = frame.sample(frac=1.0, random_state=rng.randrange(1000))
    frame.to_parquet(path)


# -- what is put to the command line ---------------------------------------------------------------


@dataclass(frozen=True)
class Subject:
    """A file of the folder, how it is spoilt, and the command that meets it."""

    file: str
    mutations: tuple[Mutation, ...]
    words: tuple[str, ...]


@dataclass(frozen=True)
class Ending:
    """How a case ended: its number, what was changed, the exit code, and what was said."""

    number: int
    subject: Subject
    mutation: str
    code: object
    text: str

    @property
    def fair(self) -> bool:
        """Tell whether it ended as a case may."""
        return self.code in BLAMELESS and "Traceback" not in self.text

    def __str__(self) -> str:
        words = " ".join(self.subject.words)
        head = f"case {self.number}: {self.mutation} of {self.subject.file}: bt-run {words}"
        return f"{head}: exit {self.code}\n{self.text[-1500:]}"


def clean_folder(folder: Path) -> Path:
    """Write a run with all its files, its result, and a store, all of them without fault."""
    folder_of_files(folder)
    (folder / "parquet").mkdir()
    for name in ("A", "B"):
        frame = pd.read_csv(folder / "prices" / f"{name}.csv", parse_dates=["date"])
        frame.to_parquet(folder / "parquet" / f"{name}.parquet")
    text = (folder / "run.yaml").read_text()
    parquet = text.replace("use: csv, path: prices", "use: parquet, path: parquet")
    (folder / "parquet.yaml").write_text(parquet)
    stored = f"{{use: store, store: {STORE}, source: files}}"
    (folder / "stored.yaml").write_text(
        text.replace("{use: csv, path: prices}", stored)
    )
    with contextlib.chdir(folder):
        for words in (
            ("run", "run.yaml", "--no-reports", "-q"),
            ("bundle", "runs/files/latest", "-o", "small.zip"),
            ("bundle", "runs/files/latest", "-o", "whole.zip", "--with-data"),
            ("data", "import", "prices", "--source", "files", "--store", STORE),
            ("data", "clean", "--store", STORE),
        ):
            code, said = told(words)
            assert code == 0, said
        shutil.move(Path("runs/files/latest").resolve(), "result")
        shutil.rmtree("runs")
    return folder


def subjects(folder: Path) -> list[Subject]:
    """Return every file of a clean folder with the commands that read it."""
    found = [Subject("run.yaml", TEXT, ("validate", "run.yaml"))] * 4
    for file in ("prices/A.csv", "scores.csv", "members.csv", "rates.csv"):
        found.append(Subject(file, TEXT, ("run", "run.yaml", "--no-reports", "-q")))
    found.append(Subject("parquet/A.parquet", BYTES, ("validate", "parquet.yaml")))
    found.append(Subject("parquet/A.parquet", (), ("validate", "parquet.yaml")))
    commands = (
        ("explain", "result", "--date", "2020-03-09"),
        ("compare", "result", "result"),
        ("reproduce", "result"),
    )
    found += _of_each(folder, "result", commands)
    for words in (
        ("small.zip", "--inspect"),
        ("whole.zip",),
    ):
        found += [Subject(words[0], BUNDLE, ("reproduce", *words, "--yes"))] * 6
    commands = (
        ("data", "list", "--store", STORE),
        ("data", "validate", "--store", STORE),
        ("data", "clean", "--store", STORE),
        ("validate", "stored.yaml"),
    )
    return found + _of_each(folder, STORE, commands)


def _of_each(
    folder: Path, below: str, commands: tuple[tuple[str, ...], ...]
) -> list[Subject]:
    """Return all json and parquet files below a folder with each of the commands."""
    found = []
    for path in sorted((folder / below).rglob("*")):
        file = path.relative_to(folder).as_posix()
        for words in commands:
            if path.suffix == ".json":
                found.append(Subject(file, TEXT, words))
            elif path.suffix == ".parquet":
                found.append(Subject(file, BYTES, words))
                found.append(Subject(file, (), words))
    return found


def told(words: tuple[str, ...]) -> tuple[object, str]:
    """Return the exit code of a command and all that it said."""
    said = io.StringIO()
    with (
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(said),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        try:
            code: object = main(list(words))
        except BaseException as error:
            code = f"{type(error).__name__}: {error}"
    return code, said.getvalue()


def endings(clean: Path, work: Path, seed: int, cases: int) -> Iterator[Ending]:
    """Spoil one file at a time of a copy of ``clean`` in ``work``; yield how each case ends.

    Case ``n`` of a seed is the same whatever the number of cases.
    """
    menu = subjects(clean)
    for number in range(cases):
        rng = random.Random(f"{seed} {number}")
        subject = rng.choice(menu)
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(clean, work)
        mutation = spoil(rng, work / subject.file, subject.mutations)
        with contextlib.chdir(work):
            code, text = told(subject.words)
        yield Ending(number, subject, mutation, code, text)


def spoil(rng: random.Random, path: Path, mutations: tuple[Mutation, ...]) -> str:
    """Change a file; return the name of what was done to it."""
    if not mutations:
        change_table(rng, path)
        return "change_table"
    mutation = rng.choice(mutations)
    path.write_bytes(mutation(rng, path.read_bytes()))
    return mutation.__name__
