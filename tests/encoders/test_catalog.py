from collections import Counter

import pytest

from latelight.encoders.catalog import CATALOG, FAMILIES, card_of, find_card
from latelight.errors import SettingError

SPDX_PERMISSIVE = {"MIT", "Apache-2.0"}


def test_names_and_repositories_are_unique() -> None:
    keys = [key.casefold() for card in CATALOG for key in (card.name, card.source)]
    assert [key for key, count in Counter(keys).items() if count > 1] == []


@pytest.mark.parametrize("card", CATALOG, ids=lambda card: card.name)
def test_a_card_is_whole(card) -> None:
    assert card.source.count("/") == 1 and card.family in FAMILIES
    assert card.dim is None or 16 <= card.dim <= 4096
    assert card.modalities[0] == "text"
    assert card.is_visual == (len(card.modalities) > 1)
    assert not card.is_permissive or card.licence in SPDX_PERMISSIVE


@pytest.mark.parametrize("word", ["Gemma", "NC", "Qwen-Research"])
def test_restricted_licences_have_to_be_accepted(word: str) -> None:
    cards = [card for card in CATALOG if word in card.licence]
    assert cards and not any(card.is_permissive for card in cards)


def test_unknown_licences_have_to_be_accepted() -> None:
    assert not any(card.is_permissive for card in CATALOG if not card.licence)


def test_every_family_of_the_catalogue_is_there() -> None:
    assert {card.family for card in CATALOG} == set(FAMILIES)


def test_cards_are_found_by_name_and_by_repository_in_any_case() -> None:
    assert find_card("ColBERTv2.0") is find_card("colbert-ir/colbertv2.0") is not None
    assert card_of("lateon").source == "lightonai/LateOn"


def test_an_unknown_model_is_answered_with_the_known_ones() -> None:
    assert find_card("colbertv3") is None
    with pytest.raises(SettingError, match=r"colbertv2\.0, answerai"):
        card_of("colbertv3")
