"""The order of review: blocks stand together, and nothing about a place tells a version or a draw."""

from itertools import combinations, product

from hypothesis import given
from hypothesis import strategies as st

from promptlab.db.review_order import ITEM_BITS, bases, block_of, place

SEEDS = st.integers(0, 2**63 - 1)
DRAWS = st.integers(1, 2**31 - 1)
TEXTS = st.text(max_size=20)
CASES = st.one_of(st.none(), TEXTS)


def place_of(seed: int, *, case: str | None = None, prompt: str = "poster", key: str = "key", draw: int = 1) -> int:
    return int(place(bases(seed, case_hash=case, prompt=prompt, request_key=key), draw))


@given(seed=SEEDS, case=CASES, prompt=TEXTS, key=TEXTS, draw=DRAWS)
def test_a_place_is_a_number_that_databases_hold(seed: int, case: str | None, prompt: str, key: str, draw: int) -> None:
    """None of the numbers on the way to it is larger either."""
    of = bases(seed, case_hash=case, prompt=prompt, request_key=key)
    assert 0 <= place(of, draw) < 2**63
    assert max(of["block_step"], of["item_step"]) * draw + 2**41 < 2**63


@given(seed=SEEDS, case=TEXTS, keys=st.lists(TEXTS, min_size=2), draws=st.lists(DRAWS, min_size=2))
def test_all_of_a_case_is_one_block(seed: int, case: str, keys: list[str], draws: list[int]) -> None:
    """Whatever version, prompt and draw."""
    places = [place_of(seed, case=case, prompt=key, key=key, draw=draw) for key, draw in product(keys, draws)]
    assert len({block_of(each) for each in places}) == 1


@given(seed=SEEDS, keys=st.lists(TEXTS, min_size=2), draws=st.lists(st.integers(1, 10_000), unique=True, max_size=20))
def test_without_a_case_the_same_draws_of_a_prompt_are_a_block(seed: int, keys: list[str], draws: list[int]) -> None:
    of_draw = [{block_of(place_of(seed, key=key, draw=draw)) for key in keys} for draw in draws]
    assert [len(blocks) for blocks in of_draw] == [1] * len(draws)
    assert len(set.union(set(), *of_draw)) == len(draws)


def test_another_seed_is_another_order() -> None:
    cases = [str(number) for number in range(50)]
    orders = {tuple(sorted(cases, key=lambda case: place_of(seed, case=case))) for seed in range(20)}
    assert len(orders) == 20


def test_each_order_of_a_case_is_as_likely_as_any_other() -> None:
    """Two draws of two versions: which stand beside each other tells nothing about who made them."""
    found: dict[tuple[int, ...], int] = {}
    items = list(product("AB", (1, 2)))
    for case in range(6_000):
        places = [place_of(7, case=str(case), key=f"{version}{case}", draw=draw) for version, draw in items]
        order = tuple(sorted(range(4), key=places.__getitem__))
        found[order] = found.get(order, 0) + 1
    assert len(found) == 24
    expected = 6_000 / 24
    chi_squared = sum((count - expected) ** 2 / expected for count in found.values())
    assert chi_squared < 49.7, "what 23 degrees of freedom exceed once in a thousand"


def test_the_places_of_the_draws_of_a_prompt_tell_nothing_about_the_draw() -> None:
    """Neither rising nor falling, nor at a steady pace."""
    rising = 0
    triples = 0
    for prompt in range(2_000):
        places = [place_of(7, prompt=str(prompt), key=str(prompt), draw=draw) for draw in (1, 2, 3, 4)]
        for first, second, third in combinations(places, 3):
            triples += 1
            rising += first < second < third
    assert abs(rising / triples - 1 / 6) < 0.02


def test_what_lies_within_a_block_fits_beside_it() -> None:
    assert block_of(place_of(7, case="a")) == place_of(7, case="a") >> ITEM_BITS
