"""Names that so many people bear that agreeing on them says little: the most frequent of the US census."""

from __future__ import annotations

_GIVEN_TEXT = """
    james robert john michael david william richard joseph thomas christopher charles daniel matthew anthony
    mark donald steven andrew paul joshua kenneth kevin brian george timothy ronald jason edward jeffrey
    ryan jacob mary patricia jennifer linda elizabeth barbara susan jessica karen sarah lisa nancy sandra
    betty ashley emily kimberly margaret donna michelle carol amanda melissa deborah stephanie rebecca
    sharon laura cynthia dorothy amy kathleen angela jose juan maria luis carlos ana jesus guadalupe
"""
_GIVEN = frozenset(_GIVEN_TEXT.split())
_FAMILY_TEXT = """
    smith johnson williams brown jones garcia miller davis rodriguez martinez hernandez lopez gonzalez
    wilson anderson thomas taylor moore jackson martin lee perez thompson white harris sanchez clark ramirez
    lewis robinson walker young allen king wright scott torres nguyen hill flores green adams nelson baker
    hall rivera campbell mitchell carter roberts gomez phillips evans turner diaz parker cruz edwards
    collins reyes stewart morris morales murphy cook rogers gutierrez ortiz morgan cooper peterson bailey
    reed kelly howard ramos kim cox ward richardson watson brooks chavez wood james bennett gray mendoza
    ruiz hughes price alvarez castillo sanders patel myers long ross foster jimenez
"""
_FAMILY = frozenset(_FAMILY_TEXT.split())


def is_common_given(name: str) -> bool:
    """Of a given name in lower-case letters."""
    return name in _GIVEN


def is_common_family(name: str) -> bool:
    """Of a family name in lower-case letters."""
    return name in _FAMILY
