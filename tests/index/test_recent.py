from latelight.index.recent import Recent


def test_a_value_is_made_once_while_it_is_kept():
    made: list[str] = []
    recent: Recent[str] = Recent(2)

    def get(key: str) -> str:
        return recent.get(key, lambda: made.append(key) or key.upper())

    assert [get(key) for key in "aabab"] == ["A", "A", "B", "A", "B"]
    assert made == ["a", "b"]
    assert [get(key) for key in "cab"] == ["C", "A", "B"]
    assert made == ["a", "b", "c", "a", "b"]
