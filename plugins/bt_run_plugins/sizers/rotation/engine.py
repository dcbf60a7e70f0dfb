"""The rotation engine: a book of scores and holdings to a basket of weights; O(N log N)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bt_run import Array
from bt_run_plugins.sizers.rotation.book import Basket, Book
from bt_run_plugins.sizers.rotation.choice import SMALL, Choice, choose
from bt_run_plugins.sizers.rotation.config import RotationConfig
from bt_run_plugins.sizers.rotation.spending import Account, Purse, spend

__all__ = ["neutral_slots", "rotate"]


def rotate(book: Book, config: RotationConfig, beta: Array | None = None) -> Basket:
    """Return the basket that the rules of ``config`` make of a ``book``.

    A preset that sells short applies the rules to the mirrored book too, with shares of the two
    sides that keep net and, with ``beta`` (N,), beta within their limits.
    """
    slot = config.slot
    books, slots = [book], [slot]
    choices = [choose(book, config, slot)]
    if config.short:
        books.append(book.mirrored())
        choices.append(choose(books[1], config, slot))
        slots = list(neutral_slots(choices, config, beta))
    purse = Purse.of(book, config)
    accounts = [
        Account(one, config, choice, share, purse)
        for one, choice, share in zip(books, choices, slots, strict=True)
    ]
    spend(accounts)
    weights = accounts[0].weights
    if config.short:
        weights = weights - accounts[1].weights
    codes = dict(choices[0].codes)
    for choice in choices[1:]:
        # who leaves one side is no news on the other
        codes = choice.codes | codes
    if not config.short:
        codes |= {int(i): "cut" for i in np.flatnonzero(book.weights < 0.0)}
    return Basket(
        weights=weights,
        codes=codes,
        rotations=tuple(one for choice in choices for one in choice.rotations),
        turnover=float(np.abs(weights - book.weights).sum()),
        beyond=dict(_beyond(book, config, weights, beta)),
    )


def neutral_slots(
    choices: list[Choice], config: RotationConfig, beta: Array | None
) -> tuple[float, float]:
    """Return the shares (a, b) of a name on the long and on the short side.

    Of  0 <= a, b <= slot,  |a n - b m| <= net  and  |a B - b C| <= beta  it is the corner with the
    largest  a n + b m;  n, m count the names of the sides, B and C sum their betas.
    """
    sides = [
        [*one.kept, *one.entries, *(j for _, j, _ in one.rotations)] for one in choices
    ]
    n, m = (float(len(side)) for side in sides)
    rows = [(1.0, 0.0, config.slot), (0.0, 1.0, config.slot)]
    rows += [(-1.0, 0.0, 0.0), (0.0, -1.0, 0.0)]
    rows += [(n, -m, config.net), (-n, m, config.net)]
    if beta is not None and config.beta is not None:
        B, C = (float(beta[side].sum()) if side else 0.0 for side in sides)
        rows += [(B, -C, config.beta), (-B, C, config.beta)]
    table = np.array(rows)
    A, end = table[:, :2], table[:, 2]
    corners = [np.zeros(2)]
    for one in range(len(rows)):
        for other in range(one):
            pair = A[[one, other]]
            if abs(np.linalg.det(pair)) > SMALL:
                corners.append(np.linalg.solve(pair, end[[one, other]]))
    inside = [corner for corner in corners if (A @ corner <= end + 1e-9).all()]
    best = max(inside, key=lambda corner: n * corner[0] + m * corner[1])
    return max(float(best[0]), 0.0), max(float(best[1]), 0.0)


def _beyond(
    book: Book, config: RotationConfig, weights: Array, beta: Array | None
) -> Iterator[tuple[str, tuple[float, float]]]:
    """Yield each limit that the weights are beyond, with its value before and after."""
    limits = [
        ("per_name_cap", config.per_name_cap),
        ("sector_cap", config.sector_cap if config.sectors else np.inf),
        ("max_gross_exposure", config.gross),
        ("max_net_exposure", config.net),
        ("beta_tolerance", np.inf if config.beta is None else config.beta),
    ]
    before = _measures(book, config, book.weights, beta)
    after = _measures(book, config, weights, beta)
    for (name, most), was, found in zip(limits, before, after, strict=True):
        if found > most + 1e-9:
            yield name, (was, found)


def _measures(
    book: Book, config: RotationConfig, weights: Array, beta: Array | None
) -> list[float]:
    """Return largest |w|, largest sector, gross, |net| and |beta'w|."""
    counted = np.abs(weights) if config.sector_cap_on == "gross" else weights
    sectors = np.bincount(book.sector + 1, weights=counted)
    return [
        float(np.abs(weights).max(initial=0.0)),
        float(np.abs(sectors[1:]).max(initial=0.0)),
        float(np.abs(weights).sum()),
        abs(float(weights.sum())),
        0.0 if beta is None else abs(float((beta * weights).sum())),
    ]
