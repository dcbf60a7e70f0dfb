"""Share the capital down a tree of what moves alike."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from pydantic import Field

from bt_run import (
    Array,
    BuildContext,
    Component,
    PortfolioState,
    Proposal,
    hookimpl,
)
from bt_run_plugins.sizers.allocation import Allocation, AllocationConfig, allocated

LIBRARIES: Mapping[str, str] = MappingProxyType({"skfolio": "bt-run[portfolio]"})


class HierarchicalRiskParityConfig(AllocationConfig):
    """Configuration of the tree."""

    linkage: Literal["single", "complete", "average", "ward"] = Field(
        "ward", description="how clusters are joined"
    )


class HierarchicalRiskParity:
    """Shares by skfolio's ``HierarchicalRiskParity``, times exposure.

    Names are put in the order of a tree of their correlations, and the capital is split down the
    tree by the variances of its halves: Lopez de Prado, "Building diversified portfolios that
    outperform out of sample", Journal of Portfolio Management 42 (2016).
    """

    accepts = frozenset({"exposure"})

    def __init__(
        self, config: HierarchicalRiskParityConfig, context: BuildContext
    ) -> None:
        self.config = config

    def target_weights(self, state: PortfolioState) -> Proposal:
        """Return weights (N,)."""
        return allocated(state, self.config, self._solved)

    def _solved(self, allocation: Allocation) -> tuple[Array | None, Mapping[str, Any]]:
        return tree_shares(allocation, self.config.linkage), {}


def tree_shares(allocation: Allocation, linkage: str) -> Array:
    """Return the shares (n,) of an ``allocation`` by skfolio, with clusters joined by ``linkage``
    and the allocation's own covariance. A name that does not vary has no share, unless none does.
    """
    from skfolio.cluster import HierarchicalClustering, LinkageMethod
    from skfolio.moments import BaseCovariance
    from skfolio.optimization import HierarchicalRiskParity as Tree
    from skfolio.prior import EmpiricalPrior
    from skfolio.seriation import HierarchicalSeriation

    S = allocation.covariance
    moves = np.ptp(allocation.returns, axis=0) > 0.0
    shares = np.zeros(len(S))
    if not moves.any():
        return np.full(len(S), 1.0 / len(S))
    if moves.sum() == 1:
        shares[moves] = 1.0
        return shares

    class Given(BaseCovariance):  # type: ignore[misc]
        """The covariance that the sizer was configured with."""

        def fit(self, X: Any, y: Any = None) -> Given:
            self._set_covariance(S[np.ix_(moves, moves)])
            return self

    tree = Tree(
        prior_estimator=EmpiricalPrior(covariance_estimator=Given()),
        seriation_estimator=HierarchicalSeriation(
            hierarchical_clustering_estimator=HierarchicalClustering(
                linkage_method=LinkageMethod(linkage)
            )
        ),
    )
    shares[moves] = tree.fit(allocation.returns[:, moves]).weights_
    return shares


def _libraries(config: HierarchicalRiskParityConfig) -> Mapping[str, str]:
    return LIBRARIES


@hookimpl
def bt_sizers() -> list[Component]:
    return [
        Component(
            name="hierarchical_risk_parity",
            config=HierarchicalRiskParityConfig,
            build=HierarchicalRiskParity,
            summary="shares down a tree of what moves alike (skfolio), times exposure",
            example={"lookback": 40},
            libraries=_libraries,
        )
    ]
