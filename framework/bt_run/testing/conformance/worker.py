"""Another process, started anew, in which components are built from their module, their name and
their keys.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

from bt_run.errors import BtRunError
from bt_run.testing.conformance.digests import digest_of
from bt_run.testing.conformance.subjects import Subject, find_subjects

__all__ = ["digest_elsewhere", "serve"]


def digest_elsewhere(subject: Subject) -> str:
    """Return the digest of ``subject`` as the other process finds it, or what went wrong there."""
    request = {
        "name": str(subject.file or subject.offer.module.__name__),
        "label": subject.label,
        # a report may name paths from the folder in which the program runs
        "folder": os.getcwd(),
        "options": json.loads(json.dumps(dict(subject.options), default=str)),
    }
    process = _process()
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
    except BrokenPipeError:
        line = ""
    if not line:
        _process.cache_clear()
        return "the process died"
    return str(json.loads(line)["digest"])


def serve() -> None:
    """CallAnswer requests, a line of JSON each, until there are no more; what plugins print goes to
    stderr.
    """
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        answers.write(json.dumps({"digest": _digest(json.loads(line))}) + "\n")
        answers.flush()


def _digest(request: dict[str, Any]) -> str:
    from dataclasses import replace

    os.chdir(request["folder"])
    try:
        found = next(
            item
            for item in _subjects(request["name"])
            if item.label == request["label"]
        )
        return digest_of(replace(found, options=request["options"]))
    except (BtRunError, StopIteration) as error:
        return f"{type(error).__name__}: {error}"


@cache
def _subjects(name: str) -> tuple[Subject, ...]:
    return find_subjects([name])


@cache
def _process() -> subprocess.Popen[str]:
    """Start the process, with another seed of hash() than this one's."""
    here = os.environ.get("PYTHONHASHSEED", "random")
    environment = {**os.environ, "PYTHONHASHSEED": "2" if here == "1" else "1"}
    paths = [str(Path(entry).resolve()) if entry else os.getcwd() for entry in sys.path]
    environment["PYTHONPATH"] = os.pathsep.join(paths)
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from bt_run.testing.conformance.worker import serve; serve()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        env=environment,
    )
    atexit.register(_stop, process)
    return process


def _stop(process: subprocess.Popen[str]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    process.wait(timeout=10)
