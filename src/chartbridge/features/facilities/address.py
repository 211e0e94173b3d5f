"""The address of a facility or a patient: its wire shape, and the rules for one that is sent to us."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from chartbridge.matching import values

MAX_TEXT = 500

RequiredText = Annotated[str, Field(max_length=MAX_TEXT), AfterValidator(values.required_text)]
"""A string, trimmed, that must not be blank."""

OptionalText = Annotated[str | None, Field(max_length=MAX_TEXT), AfterValidator(values.optional_text)]
"""A string, trimmed; absent where it is blank or null."""


def _text(message: str) -> AfterValidator:
    return AfterValidator(partial(values.required_text, message=message))


class Address(BaseModel):
    """A postal address in the USA."""

    addressLine1: str
    addressLine2: str | None = None
    city: str
    state: str = Field(description="two-letter code of a state, DC or a territory (AS, GU, PR, VI)")
    zip: str = Field(description="five digits")
    country: str = values.COUNTRY


class AddressInput(Address):
    """An address as sent by a caller."""

    addressLine1: Annotated[str, Field(max_length=MAX_TEXT), _text(values.ADDRESS_LINE_MISSING)]
    addressLine2: OptionalText = None
    city: Annotated[str, Field(max_length=MAX_TEXT), _text(values.CITY_MISSING)]
    state: Annotated[str, BeforeValidator(values.address_state)] = Field(
        description="two-letter code of a state, DC or a territory (AS, GU, PR, VI), in any case"
    )
    zip: Annotated[str, BeforeValidator(values.zip_code, json_schema_input_type=str | int)] = Field(
        description="five digits; anything else in it is left out"
    )
    country: Annotated[str, BeforeValidator(values.country)] = Field(values.COUNTRY, description="only USA")
