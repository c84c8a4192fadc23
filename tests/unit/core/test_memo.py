"""What is remembered of a value is its own, however like another it is."""

from core.domain.memo import Memo


def test_values_are_known_by_identity_and_question() -> None:
    memo: Memo[str] = Memo(size=8)
    one, twin = [1], [1]
    assert memo.keep(one, "of one", "first") == "of one"
    memo.keep(one, "of one again", "second")
    assert memo.find(one, "first") == "of one"
    assert memo.find(one, "second") == "of one again"
    assert memo.find(one) is None
    assert memo.find(twin, "first") is None


def test_the_identity_of_what_is_remembered_is_not_given_to_another() -> None:
    memo: Memo[int] = Memo(size=1_000)
    for number in range(500):
        memo.keep([number], number)
    assert all(memo.find([number]) is None for number in range(500))


def test_all_is_forgotten_when_it_is_full() -> None:
    memo: Memo[int] = Memo(size=2)
    values = [[number] for number in range(3)]
    for number, value in enumerate(values):
        memo.keep(value, number)
    assert [memo.find(value) for value in values] == [None, None, 2]
