"""Keys of rotation that cannot hold together: one clear error each."""

import pytest

from bt_run import ConfigError, Limits
from bt_run_plugins.sizers.rotation.config import RotationConfig, holding_time


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        (
            {"K_buy": 22},
            "K_buy was 22, K 20 and K_sell 24; expected K_buy < K < K_sell",
        ),
        (
            {"K_sell": 19},
            "K_buy was 18, K 20 and K_sell 19; expected K_buy < K < K_sell",
        ),
        ({"gamma_cost": -0.1}, "greater than or equal to 0"),
        ({"costs": -1.0}, "costs was -1; expected basis points, 0 or more"),
        ({"T_max": "2 h"}, "T_max was '2 h'; expected minutes of trading, such as"),
        (
            {"min_weight": 0.06},
            "min_weight was 0.06 and max_turnover_per_name 0.05; expected min_weight <=",
        ),
        (
            {"min_weight": 0.04, "K": 30, "K_sell": 40},
            "min_weight was 0.04 and a name's share 0.0333333, of K 30 and per_name_cap 0.1",
        ),
        (
            {"max_net_exposure": 0.3},
            "max_net_exposure was 0.3 and preset long_only, whose weights may sum to 1; expected "
            "no max_net_exposure, or preset: neutral",
        ),
        (
            {"beta_tolerance": 0.05},
            "beta_tolerance was 0.05 and preset long_only, whose betas are above 0; expected no",
        ),
        (
            {"max_gross_exposure": 1.5},
            "max_gross_exposure was 1.5 and preset long_only, whose sum w <= 1; expected",
        ),
    ],
)
def test_what_cannot_hold_together_is_refused(keys, text):
    with pytest.raises(ValueError, match="1 validation error") as found:
        RotationConfig(**keys)
    assert text in str(found.value)


def test_the_presets_are_the_defaults_that_can_hold_together():
    long_only, neutral = RotationConfig(), RotationConfig(preset="neutral")
    assert (long_only.gross, long_only.net, long_only.beta) == (1.0, 1.0, None)
    assert (neutral.gross, neutral.net, neutral.beta) == (1.5, 0.3, 0.05)
    assert (long_only.slot, neutral.slot) == (1 / 20, 1.5 / 40)
    assert RotationConfig(K=6, K_buy=5, K_sell=8).slot == 0.10


def test_a_preset_beyond_the_limits_of_the_run_says_what_to_write():
    with pytest.raises(ConfigError) as found:
        RotationConfig(preset="neutral").check_limits(Limits())
    assert str(found.value) == (
        "sizer.preset: neutral needs more than the run's limits allow; write "
        "`limits: {short: true, gross: 1.5}`"
    )
    RotationConfig(preset="neutral").check_limits(Limits(short=True, gross=1.5))
    RotationConfig().check_limits(Limits())


def test_a_holding_time_is_minutes_or_sessions():
    assert holding_time("120min") == (120, False)
    assert holding_time("5 sessions") == (5, True)
    assert holding_time("1 session") == (1, True)
