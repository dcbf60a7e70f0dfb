"""The executor dask: cells on a cluster of dask.distributed, one's own or another."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import Field, field_validator, model_validator

from bt_run import BuildContext, Component, Config, PluginError, hookimpl
from bt_run.studies.cells import Cell, Outcome
from bt_run_plugins.executors.one_thread import ENVIRONMENT, run_in_worker

__all__ = ["DaskConfig", "DaskExecutor", "bt_executors"]

TRIES = 1  # again, on another worker, of a cell whose worker died


class DaskConfig(Config):
    """Which cluster, or how large the own one is."""

    address: str | None = Field(
        default=None,
        description="of the scheduler, such as tcp://head:8786; without it, an own cluster on "
        "127.0.0.1",
    )
    workers: int | None = Field(
        default=None,
        ge=1,
        description="processes of the own cluster; one for each core if not given",
    )
    connect: float = Field(
        default=30.0, gt=0, description="seconds to wait for the scheduler"
    )

    @field_validator("address")
    @classmethod
    def _is_an_address(cls, address: str | None) -> str | None:
        if address is not None and "://" not in address:
            raise ValueError(
                f"address was {address!r}; expected such as tcp://127.0.0.1:8786"
            )
        return address

    @model_validator(mode="after")
    def _has_one_cluster(self) -> DaskConfig:
        if self.address is not None and self.workers is not None:
            raise ValueError(
                f"workers was {self.workers}, and the cluster at {self.address} has its own; "
                "expected one of address and workers"
            )
        return self


class DaskExecutor:
    """Cells as tasks of dask, which looks for another worker where one dies."""

    def __init__(self, config: DaskConfig) -> None:
        self._config = config
        self._cluster: Any = None
        self._client: Any = None
        self._futures: dict[str, Any] = {}
        self._cells: dict[str, Cell] = {}
        self._lost: list[str] = []
        self._sent = 0

    def submit(self, key: str, cell: Cell) -> None:
        """Take a ``cell``; it comes back by its ``key``.

        Raises:
            PluginError: there is no scheduler.
        """
        if self._client is None:
            self._connect()
        self._cells[key] = cell
        self._send(key)

    def _send(self, key: str) -> None:
        self._sent += 1
        # a name of its own, so that what failed before is not taken for the answer
        name = f"bt-run-{key}-{os.getpid()}-{self._sent}"
        self._futures[key] = self._client.submit(
            run_in_worker, self._cells[key], key=name, pure=False
        )

    def done(self) -> Iterator[tuple[str, Outcome]]:
        """Yield each outcome by its key, as the cells end; those that were lost with a worker are
        played again at the end, one by one, so that the one that kills its worker is found.

        Raises:
            PluginError: the scheduler is gone.
        """
        yield from self._ended(alone=False)
        lost, self._lost = self._lost, []
        for key in lost:
            self._send(key)
            yield from self._ended(alone=True)

    def _ended(self, *, alone: bool) -> Iterator[tuple[str, Outcome]]:
        while self._futures:
            for key, outcome in self._next_ended():
                if outcome.status == "died" and not alone:
                    self._lost.append(key)
                else:
                    yield key, outcome

    def _next_ended(self) -> list[tuple[str, Outcome]]:
        """Wait for the next cells that end, and return their outcomes by their keys."""
        from concurrent.futures import CancelledError

        from distributed import wait
        from distributed.comm import CommClosedError

        waiting = {future: key for key, future in self._futures.items()}
        try:
            ended = wait(list(waiting), return_when="FIRST_COMPLETED").done
            outcomes = [(waiting[future], self._outcome(future)) for future in ended]
        except (CancelledError, CommClosedError, OSError) as error:
            # it may go while it is waited for, or while an answer is fetched
            raise self._gone() from error
        for key, _ in outcomes:
            self._futures.pop(key).release()
        return outcomes

    def cancel(self) -> None:
        """Give up what has not begun."""
        if self._client is not None:
            self._client.cancel(list(self._futures.values()))
        self._futures.clear()
        self._lost.clear()

    def close(self) -> None:
        """Leave the cluster, and end it where it is one's own."""
        for part in (self._client, self._cluster):
            if part is not None:
                # what is gone cannot be closed any more
                part.close(timeout=5)
        self._client = self._cluster = None

    def _connect(self) -> None:
        import dask
        from distributed import Client, LocalCluster

        limits = {
            "distributed.scheduler.allowed-failures": TRIES,
            "distributed.nanny.pre-spawn-environ": dict(ENVIRONMENT),
            "distributed.admin.large-graph-warning-threshold": "1GB",
        }
        with dask.config.set(limits):
            address = self._config.address
            if address is None:
                self._cluster = LocalCluster(
                    n_workers=self._config.workers or os.cpu_count() or 1,
                    threads_per_worker=1,
                    host="127.0.0.1",
                    dashboard_address="127.0.0.1:0",
                    silence_logs=50,
                )
                address = self._cluster.scheduler_address
            try:
                self._client = Client(address, timeout=self._config.connect)
            except OSError as error:
                raise PluginError(
                    f"executor dask: no scheduler answers at {address} within "
                    f"{self._config.connect:g} s; start one (`dask scheduler`), or leave the "
                    "address out for an own cluster"
                ) from error

    def _outcome(self, future: Any) -> Outcome:
        from distributed import KilledWorker

        if future.status == "cancelled":
            raise self._gone()
        error = future.exception()
        if error is None:
            outcome: Outcome = future.result()
            return outcome
        if isinstance(error, KilledWorker):
            return Outcome(
                "died",
                f"{TRIES + 1} workers ended while they played it alone",
            )
        return Outcome("raised", f"{type(error).__name__}: {error}")

    def _gone(self) -> PluginError:
        where = self._config.address or "127.0.0.1"
        return PluginError(
            f"executor dask: the scheduler at {where} is gone; what had ended is kept: run the "
            "same command again for the rest"
        )


def _build(config: DaskConfig, context: BuildContext) -> DaskExecutor:
    return DaskExecutor(config)


def _libraries(config: DaskConfig) -> Mapping[str, str]:
    return {"distributed": "bt-run[dask]"}


@hookimpl
def bt_executors() -> Iterable[Component]:
    """Offer the executor."""
    yield Component(
        name="dask",
        config=DaskConfig,
        build=_build,
        summary="a cluster of dask, one's own or the one at an address",
        example={"workers": 1},
        libraries=_libraries,
    )
