"""The surface of scores over the values of a sweep."""

import numpy as np

from bt_run_plugins.studies.surface import heat_maps, worst_neighbours


def grid(scores):
    """Return candidates a x b with a value for each, the last key changing fastest."""
    found = [(("a", a), ("b", b)) for a in (1, 2, 3) for b in (10, 20)]
    return found, scores


def test_the_plateau_is_the_worst_within_one_step_of_a_key():
    #          b=10 b=20
    # a=1       1    2
    # a=2       5    9
    # a=3       4    0
    candidates, scores = grid([1.0, 2.0, 5.0, 9.0, 4.0, 0.0])
    found = worst_neighbours(candidates, scores, 1.0)
    assert found == [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]
    # diagonals are two steps: (1, 10) is none of the neighbours of (2, 20)
    candidates, scores = grid([-9.0, 2.0, 5.0, 9.0, 4.0, 3.0])
    assert worst_neighbours(candidates, scores, 1.0)[3] == 2.0


def test_where_less_is_better_the_worst_is_the_largest():
    candidates, scores = grid([1.0, 2.0, 5.0, 9.0, 4.0, 0.0])
    found = worst_neighbours(candidates, scores, -1.0)
    assert found == [5.0, 9.0, 9.0, 9.0, 5.0, 9.0]


def test_what_has_no_score_is_no_neighbour_and_has_none():
    candidates, scores = grid([1.0, None, 5.0, 9.0, 4.0, 0.0])
    found = worst_neighbours(candidates, scores, 1.0)
    assert found[0] == 1.0
    assert found[1] is None
    assert found[3] == 0.0
    assert worst_neighbours([], [], 1.0) == []


def test_a_map_has_the_best_over_all_other_keys():
    values = {
        "a": [1, 1, 2, 2, 1],
        "b": ["x", "y", "x", "y", "x"],
        "c": [0.1, 0.1, 0.1, 0.1, 0.2],
    }
    scores = np.array([1.0, np.nan, 3.0, 4.0, 1.5])
    ab, ac, bc = heat_maps(values, scores, 1.0)
    assert (ab.down, ab.across, ab.rows, ab.columns) == ("a", "b", (1, 2), ("x", "y"))
    np.testing.assert_array_equal(ab.best, [[1.5, np.nan], [3.0, 4.0]])
    np.testing.assert_array_equal(ac.best, [[1.0, 1.5], [4.0, np.nan]])
    assert bc.rows == ("x", "y")
    assert heat_maps(values, scores, -1.0)[0].best[0, 0] == 1.0


def test_keys_with_one_value_or_too_many_have_no_map():
    values = {"a": [1] * 50, "b": list(range(50)), "c": [0, 1] * 25}
    assert heat_maps(values, np.zeros(50), 1.0) == []
