"""Books of rotation by hand, and a plain reference of what its rules make of them."""

import numpy as np

from bt_run_plugins.sizers.rotation.book import Book
from bt_run_plugins.sizers.rotation.config import RotationConfig

NAMES = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def book(z, weights=None, **given):
    """Return a book of the names A, B, ... without costs, of one sector, all liquid."""
    z = np.array(z, dtype=float)
    n = len(z)
    weights = np.zeros(n) if weights is None else np.array(weights, dtype=float)
    fields = {
        "held": weights != 0.0,
        "present": np.ones(n, dtype=bool),
        "liquid": np.ones(n, dtype=bool),
        "cost": np.zeros(n),
        "sector": np.zeros(n, dtype=np.int64),
        "green": np.zeros(n, dtype=bool),
        "old": np.zeros(n, dtype=bool),
    }
    for key, value in given.items():
        fields[key] = np.array(value) if np.ndim(value) else value
    return Book(z=z, weights=weights, **fields)


def rules(**given):
    """Return rules that hold 2 names of 5 at half each, without limits of turnover."""
    usual = {
        "K": 2,
        "K_buy": 1,
        "K_sell": 3,
        "per_name_cap": 0.5,
        "max_turnover": None,
        "max_turnover_per_name": None,
    }
    return RotationConfig(**usual | given)


def named(basket):
    """Return weights and codes by name."""
    weights = {NAMES[i]: round(float(w), 9) for i, w in enumerate(basket.weights) if w}
    return weights, {NAMES[i]: code for i, code in basket.codes.items()}


def plain_rotation(b, p):
    """Return the places that the rules hold in the end, by trying one after the other.

    Holdings weigh a slot each, and turnover has no limit.
    """
    n, slot = len(b.z), p.slot
    known = [i for i in range(n) if b.z[i] == b.z[i]]
    ranked = sorted(known, key=lambda i: (-b.z[i], i))
    rank = {i: ranked.index(i) + 1 if i in ranked else n + 1 for i in range(n)}
    held = {i for i in range(n) if b.held[i]}
    for i in sorted(held):
        low, far = b.z[i] < p.z_cut, rank[i] > p.K_sell
        bad = low and far if p.exit == "both" else low or far
        dead = b.old[i] and rank[i] > p.K_buy
        if (bad or dead or i not in known) and b.liquid[i]:
            held.remove(i)
    before = set(held)

    def fits(group):
        load = [sum(slot for i in group if b.sector[i] == s) for s in set(b.sector)]
        return p.sectors is None or max(load, default=0) <= p.sector_cap + 1e-9

    queue = [j for j in ranked[: p.K_buy] if not b.held[j] and b.liquid[j]]
    queue = [j for j in queue if b.z[j] >= p.z_keep]
    for j in list(queue):
        if len(held) < p.K and fits(held | {j}):
            held.add(j)
            queue.remove(j)
    worst = sorted(before & set(known), key=lambda i: -rank[i])
    worst = [i for i in worst if b.liquid[i]]
    for j in queue:
        if not worst:
            break
        i = worst[0]
        if not fits(held - {i} | {j}):
            continue
        gap = b.z[j] - b.z[i]
        least = p.delta_z_min / 2 if b.green[i] else p.delta_z_min
        paid = p.gamma_cost * (b.cost[i] + b.cost[j])
        if gap < least or gap - paid <= p.tau_utility:
            break
        held = held - {i} | {j}
        worst.pop(0)
    return held
