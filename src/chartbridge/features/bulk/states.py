"""States, DC and the territories that an address may be in, by code and by name."""

from __future__ import annotations

_NAMES = """
    AL Alabama, AK Alaska, AZ Arizona, AR Arkansas, CA California, CO Colorado, CT Connecticut, DE Delaware,
    FL Florida, GA Georgia, HI Hawaii, ID Idaho, IL Illinois, IN Indiana, IA Iowa, KS Kansas, KY Kentucky,
    LA Louisiana, ME Maine, MD Maryland, MA Massachusetts, MI Michigan, MN Minnesota, MS Mississippi,
    MO Missouri, MT Montana, NE Nebraska, NV Nevada, NH New Hampshire, NJ New Jersey, NM New Mexico,
    NY New York, NC North Carolina, ND North Dakota, OH Ohio, OK Oklahoma, OR Oregon, PA Pennsylvania,
    RI Rhode Island, SC South Carolina, SD South Dakota, TN Tennessee, TX Texas, UT Utah, VT Vermont,
    VA Virginia, WA Washington, WV West Virginia, WI Wisconsin, WY Wyoming, DC District of Columbia,
    AS American Samoa, GU Guam, PR Puerto Rico, VI Virgin Islands, VI US Virgin Islands,
    VI United States Virgin Islands
"""
_PAIRS = [entry.split(maxsplit=1) for entry in _NAMES.split(",")]

CODES = {key: code for code, name in _PAIRS for key in (code, " ".join(name.upper().split()))}
"""Two-letter codes by code and by name, both in upper case."""
