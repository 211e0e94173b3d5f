"""Small releases in the real layouts. Codes and names of licensed systems are invented.

Each builder gives the files of a release by path, to be put into a folder or a zip archive.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from chartbridge.terminology.releases import nppes, snomed, snomed_map
from chartbridge.terminology.releases.numbers import is_sctid, luhn

Made = dict[str, bytes]


def put(folder: Path, made: Mapping[str, bytes]) -> Path:
    for path, content in made.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return folder


def zipped(path: Path, made: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in made.items():
            archive.writestr(name, content)
    return path


def without_last_lines(content: bytes, count: int = 1) -> bytes:
    return b"".join(content.splitlines(keepends=True)[:-count])


def _words(text: str) -> list[str]:
    return text.split()


def _rrf(rows: Iterable[Sequence[str]]) -> bytes:
    return "".join("|".join(row) + "|\n" for row in rows).encode()


def conso(rxcui: str, kind: str, name: str, *, source: str = "RXNORM", suppress: str = "N") -> list[str]:
    return [
        rxcui,
        "ENG",
        *[""] * 5,
        f"9{rxcui}",
        "",
        rxcui,
        "",
        source,
        kind,
        rxcui,
        name,
        "",
        suppress,
        "4096",
    ]


def rel(target: str, said: str, code: str) -> list[str]:
    """``code`` stands in the relation ``said`` to ``target``."""
    return [target, "", "CUI", "RO", code, "", "CUI", said, "1", "", "RXNORM", *[""] * 3, "N", ""]


def sat(rxcui: str, name: str, value: str, *, source: str = "RXNORM", suppress: str = "N") -> list[str]:
    return [rxcui, "", "", f"9{rxcui}", "AUI", rxcui, "", "", name, source, value, suppress, "4096"]


def rxnorm(released: str = "240304", folder: str = "rrf") -> Made:
    """Invented drugs: ingredient 900001, clinical drug 900003 by component 900002, brand 900004."""
    names = [
        conso("900001", "IN", "madeupine"),
        conso("900001", "PT", "Madeupine of another source", source="OTHER"),
        conso("900002", "SCDC", "madeupine 10 MG"),
        conso("900003", "SCD", "madeupine 10 MG Oral Tablet"),
        conso("900003", "PSN", "madeupine 10 mg tablet"),
        conso("900003", "TMSY", "madeUPine 10 MG Oral Tablet"),
        conso("900004", "BN", "Inventol"),
        conso("900005", "SBD", "madeupine 10 MG Oral Tablet [Inventol]"),
        conso("900006", "SCD", "madeupine 5 MG Oral Tablet", suppress="O"),
        conso("900007", "CD", "A drug that only another source has", source="OTHER"),
    ]
    pairs = [
        ("900001", "has_ingredient", "ingredient_of", "900002"),
        ("900004", "has_ingredient", "ingredient_of", "900005"),
        ("900002", "consists_of", "constitutes", "900003"),
        ("900001", "tradename_of", "has_tradename", "900004"),
        ("900003", "tradename_of", "has_tradename", "900005"),
    ]
    relations = [row for to, said, back, code in pairs for row in (rel(to, said, code), rel(code, back, to))]
    attributes = [
        sat("900003", "NDC", "00011222233"),
        sat("900003", "NDC", "0011-2222-33", source="OTHER"),
        sat("900005", "NDC", "00011222244", suppress="O"),
        sat("900003", "RXN_STRENGTH", "10 MG"),
    ]
    sources = [
        ["C1", "C2", f"RXNORM_20AA_{released}F", "RXNORM", "RxNorm", *[""] * 16, "Y", "Y", "", ""],
        ["C1", "C2", "OTHER_1", "OTHER", "Other", *[""] * 16, "Y", "Y", "", ""],
    ]
    archive = [
        _archived("800001", "SCD", "madeupine 10 MG Tablet", "800002"),
        _archived("800002", "SCD", "madeupine 10 MG Oral Tab", "900003"),
        _archived("900003", "SY", "an old name", "900002"),
    ]
    history = [["800003", "20AA_100101F", "20AA_110101F", "2", "900001"]]
    history.append(["800003", "20AA_100101F", "20AA_110101F", "2", "900002"])
    tables = {
        "RXNCONSO": names,
        "RXNREL": relations,
        "RXNSAT": attributes,
        "RXNSAB": sources,
        "RXNATOMARCHIVE": archive,
        "RXNCUI": history,
    }
    return {f"{folder}/{name}.RRF": _rrf(rows) for name, rows in tables.items()}


def _archived(rxcui: str, kind: str, name: str, merged: str) -> list[str]:
    days = ["2010/01/01"] * 3
    return ["1", "A1", name, *days, rxcui, "", "ENG", "", "", "", rxcui, "RXNORM", kind, merged]


def comma(header: Sequence[str], rows: Iterable[Sequence[str]], end: str = "\r\n") -> bytes:
    written = io.StringIO()
    writer = csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator=end)
    writer.writerow(header)
    writer.writerows(rows)
    return written.getvalue().encode()


LOINC_HEADER = _words(
    "LOINC_NUM COMPONENT PROPERTY TIME_ASPCT SYSTEM SCALE_TYP METHOD_TYP CLASS VersionLastChanged "
    "CHNG_TYPE DefinitionDescription STATUS CONSUMER_NAME CLASSTYPE FORMULA EXMPL_ANSWERS "
    "SURVEY_QUEST_TEXT SURVEY_QUEST_SRC UNITSREQUIRED RELATEDNAMES2 SHORTNAME ORDER_OBS "
    "HL7_FIELD_SUBFIELD_ID EXTERNAL_COPYRIGHT_NOTICE EXAMPLE_UNITS LONG_COMMON_NAME EXAMPLE_UCUM_UNITS "
    "STATUS_REASON STATUS_TEXT CHANGE_REASON_PUBLIC COMMON_TEST_RANK COMMON_ORDER_RANK "
    "HL7_ATTACHMENT_STRUCTURE EXTERNAL_COPYRIGHT_LINK PanelType AskAtOrderEntry AssociatedObservations "
    "VersionFirstReleased ValidHL7AttachmentRequest DisplayName"
)


def loinc_code(number: int) -> str:
    return f"{number}-{luhn(str(number))}"


def loinc_row(number: int, name: str, **others: str) -> list[str]:
    given = {"LOINC_NUM": loinc_code(number), "LONG_COMMON_NAME": name, "STATUS": "ACTIVE", "CLASS": "CHEM"}
    given |= {"CLASSTYPE": "1", "VersionLastChanged": "2.73", "VersionFirstReleased": "1.0"} | others
    return [given.get(column, "") for column in LOINC_HEADER]


def loinc(version: str = "2.77") -> Made:
    rows = [
        loinc_row(900001, "Madeupate [Mass/volume] in Serum", SHORTNAME="Madeup SerPl-mCnc"),
        loinc_row(900002, 'Madeupate "free", in Serum\nor Plasma', EXAMPLE_UCUM_UNITS="mg/dL"),
        loinc_row(900003, "Madeupate in Blood", STATUS="DEPRECATED", VersionLastChanged=version),
        loinc_row(900004, "Madeupate panel", EXTERNAL_COPYRIGHT_NOTICE="(c) Somebody"),
    ]
    codes = [[row[0]] for row in rows]
    moved = [[loinc_code(900003), loinc_code(900001), ""]]
    return {
        "LoincTable/Loinc.csv": comma(LOINC_HEADER, rows),
        "LoincTable/MapTo.csv": comma(["LOINC", "MAP_TO", "COMMENT"], moved),
        "LoincTableCore/LoincTableCore.csv": comma(["LOINC_NUM"], codes),
    }


def sctid(number: int, kind: str = "00") -> str:
    """An identifier of that kind: 00 a concept, 01 a description, 02 a relationship."""
    digits = f"{number}{kind}"
    return next(digits + str(check) for check in range(10) if is_sctid(digits + str(check)))


ROOT = "138875005"
DISEASE, PART, GONE, OTHER = (sctid(number) for number in (7001, 7002, 7003, 7004))
_US, _WHO_MAP = "731000124108", "447562003"


def tabs(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    return "".join("\t".join(row) + "\r\n" for row in (header, *rows)).encode()


def _component(number: str, *rest: str, active: str = "1", day: str = "20240301") -> list[str]:
    return [number, day, active, _US, *rest]


def map_row(
    code: str, group: int, priority: int, rule: str, target: str, *, advice: str = "", refset: str = ""
) -> list[str]:
    advice = advice or f"ALWAYS {target}"
    place = [str(group), str(priority), rule, advice, target, "447561005", "447637006"]
    return _component(f"m-{code}-{group}-{priority}", refset or snomed_map.TO_ICD_10_CM, code, *place)


ONSET = "IFA 445518008 | Age at onset of clinical finding (observable entity) |"
FEMALE = "IFA 248152002 | Female (finding) |"


def snomed_ct(day: str = "20240301", maps: Sequence[Sequence[str]] | None = None) -> Made:
    """Four invented concepts below the root; GONE was retired and replaced by DISEASE."""
    concepts = [
        _component(code, "900000000000074008", active="0" if code == GONE else "1")
        for code in (ROOT, DISEASE, PART, GONE, OTHER)
    ]
    descriptions, members = [], []
    for place, (code, name) in enumerate(
        [(ROOT, "SNOMED CT Concept"), (DISEASE, "Madeup disease"), (PART, "Madeup's part"), (OTHER, "Other")]
    ):
        full, short, synonym = (sctid(8000 + 10 * place + step, "01") for step in range(3))
        descriptions += [
            _described(full, code, snomed.FULLY_SPECIFIED, f"{name} (disorder)"),
            _described(short, code, snomed.SYNONYM, name),
            _described(synonym, code, snomed.SYNONYM, f'"{name}", otherwise'),
        ]
        members += [_member(full), _member(short), _member(synonym, acceptability="900000000000549004")]
    descriptions.append(
        _described(sctid(8900, "01"), GONE, snomed.FULLY_SPECIFIED, "Gone disease (disorder)")
    )
    association = _component("a-1", snomed.SAME_AS, GONE, DISEASE)
    parents = [_is_a(place, child) for place, child in enumerate((DISEASE, PART, OTHER))]
    if maps is None:
        maps = [
            map_row(DISEASE, 1, 1, FEMALE, "Z98.1"),
            map_row(DISEASE, 1, 2, "OTHERWISE TRUE", "Z98.2"),
            map_row(DISEASE, 2, 1, "TRUE", "Z99.9"),
            map_row(PART, 1, 1, "TRUE", "Q00", refset=_WHO_MAP),
        ]
    root = f"SnomedCT_ManagedServiceUS_PRODUCTION_US1000124_{day}T120000Z"
    end = f"US1000124_{day}.txt"
    return {
        f"{root}/Full/Terminology/sct2_Concept_Full_{end}": tabs(snomed.CONCEPTS, concepts),
        f"{root}/Snapshot/Terminology/sct2_Concept_Snapshot_{end}": tabs(snomed.CONCEPTS, concepts),
        f"{root}/Snapshot/Terminology/sct2_Description_Snapshot-en_{end}": tabs(
            snomed.DESCRIPTIONS, descriptions
        ),
        f"{root}/Snapshot/Terminology/sct2_Relationship_Snapshot_{end}": tabs(snomed.RELATIONSHIPS, parents),
        f"{root}/Snapshot/Refset/Language/der2_cRefset_LanguageSnapshot-en_{end}": tabs(
            snomed.LANGUAGE, members
        ),
        f"{root}/Snapshot/Refset/Content/der2_cRefset_AssociationSnapshot_{end}": tabs(
            snomed.ASSOCIATIONS, [association]
        ),
        f"{root}/Snapshot/Refset/Map/der2_iisssccRefset_ExtendedMapSnapshot_{end}": tabs(
            snomed_map.COLUMNS, maps
        ),
    }


def _described(number: str, code: str, kind: str, term: str) -> list[str]:
    return _component(number, code, "en", kind, term, "900000000000448009")


def _member(description: str, acceptability: str = snomed.PREFERRED) -> list[str]:
    return _component(f"l-{description}", snomed.US_ENGLISH, description, acceptability)


def _is_a(place: int, child: str) -> list[str]:
    kinds = (snomed.IS_A, snomed.INFERRED, "900000000000451002")
    return _component(sctid(9000 + place, "02"), child, ROOT, "0", *kinds)


PRODUCT_HEADER = _words(
    "PRODUCTID PRODUCTNDC PRODUCTTYPENAME PROPRIETARYNAME PROPRIETARYNAMESUFFIX NONPROPRIETARYNAME "
    "DOSAGEFORMNAME ROUTENAME STARTMARKETINGDATE ENDMARKETINGDATE MARKETINGCATEGORYNAME "
    "APPLICATIONNUMBER LABELERNAME SUBSTANCENAME ACTIVE_NUMERATOR_STRENGTH ACTIVE_INGRED_UNIT "
    "PHARM_CLASSES DEASCHEDULE NDC_EXCLUDE_FLAG LISTING_RECORD_CERTIFIED_THROUGH"
)
PACKAGE_HEADER = _words(
    "PRODUCTID PRODUCTNDC NDCPACKAGECODE PACKAGEDESCRIPTION STARTMARKETINGDATE ENDMARKETINGDATE "
    "NDC_EXCLUDE_FLAG SAMPLE_PACKAGE"
)


def ndc() -> Made:
    """Two products, one of whose names has a sign that only Windows-1252 has in one byte."""
    form = ["TABLET", "ORAL", "20200101", "", "NDA", "NDA000001", "Invented Labs", "MADEUPINE"]
    end = ["Madeup [EPC]", "", "N", "20261231"]
    first = ["0011-2222_a", "0011-2222", "HUMAN PRESCRIPTION DRUG", "Inventol", "XR", "madeupine"]
    second = ["00112-333_b", "00112-333", "HUMAN OTC DRUG", "Dr. Made\N{RIGHT SINGLE QUOTATION MARK}s"]
    products = [
        [*first, *form, "10; 5", "mg/1; mg/1", *end],
        [*second, "", "madeupine", *form, "5", "mg/1", *end],
    ]
    packages = [
        ["0011-2222_a", "0011-2222", "0011-2222-33", "30 TABLET in 1 BOTTLE", "20200101", "", "N", "N"],
        ["00112-333_b", "00112-333", "00112-333-01", "1 BOX", "20200101", "20251231", "N", "N"],
    ]
    return {
        "product.txt": tabs(PRODUCT_HEADER, products).decode().encode("cp1252"),
        "package.txt": tabs(PACKAGE_HEADER, packages),
    }


def cvx() -> Made:
    rows = [
        "991       |Madeup vaccine|madeup virus vaccine, live|A note.|Active|False|2020/01/02",
        "992       |Old madeup|madeup virus vaccine, killed||Inactive|False|2019/05/06",
        "998       |no vaccine administered|no vaccine administered||Inactive|True|2010/05/28",
    ]
    return {"cvx.txt": ("\r\n".join(rows) + "\r\n").encode("utf-16")}


def mvx() -> Made:
    rows = ["ZZA |Invented Vaccines|bought ZZB|Active|5/28/2020", "ZZB |Older Vaccines||Inactive|5/28/2020"]
    return {"mvx.txt": ("\r\n".join(rows) + "\r\n").encode()}


def npi(number: int) -> str:
    return f"{number}{luhn(f'80840{number}')}"


def nppes_row(number: int, **given: str) -> list[str]:
    """A row of the columns that are read; keywords name them by their places in ``nppes.COLUMNS``."""
    row = {"NPI": npi(number)} | {nppes.COLUMNS[int(place[1:])]: text for place, text in given.items()}
    return [row.get(column, "") for column in NPPES_HEADER]


NPPES_HEADER = [*nppes.COLUMNS[:2], "Replacement NPI", *nppes.COLUMNS[2:], "Certification Date"]


def npi_data(day: str = "20240310", first: str = nppes.FIRST_DAY) -> Made:
    rows = [
        nppes_row(100000001, _1="2", _2="Invented Clinic", _8="AZ", _11="261QP2300X", _26="Y"),
        nppes_row(
            *(100000002,),
            _1="1",
            _3="Orsolya",
            _5="Vance",
            _7="MD",
            _8="NM",
            _11="1",
            _12="207Q00000X",
            _27="Y",
        ),
        nppes_row(100000003, _9="01/02/2020"),
    ]
    others = [[npi(100000001), "Clinic, invented"]]
    return {
        f"npidata_pfile_{first}-{day}.csv": comma(NPPES_HEADER, rows, "\n"),
        f"npidata_pfile_{first}-{day}_fileheader.csv": comma(NPPES_HEADER, [], "\n"),
        f"othername_pfile_{first}-{day}.csv": comma(
            ["NPI", "Provider Other Organization Name"], others, "\n"
        ),
    }


def hcpcs_record(code: str, sequence: int, kind: str, long: str, short: str = "", ended: str = "") -> str:
    place = code if kind in "34" else f"   {code}"
    days = f"20200101{'20200101'}{ended:8}" if kind in "37" else ""
    return f"{f'{place}{sequence:05}{kind}{long:80}{short:28}':268}{days}".ljust(320)


_HCPCS: list[tuple[str, int, str, str, str, str]] = [
    ("A9901", 100, "3", "Supply of a madeup device, with all that belongs to it and", "Madeup", ""),
    ("A9901", 200, "4", "more, each", "", ""),
    ("A9902", 100, "3", "Ended supply", "Ended", "20231231"),
    ("D9901", 100, "3", "A dentist's", "Dental", ""),
    ("99901", 100, "3", "A physician's", "Physician", ""),
    ("Q9", 100, "7", "A madeup modifier", "Modifier", ""),
]


def hcpcs() -> Made:
    lines = ["A remark in front of the records", *(hcpcs_record(*row) for row in _HCPCS)]
    return {"HCPC2024_JUL_ANWEB.txt": ("\r\n".join(lines) + "\r\n").encode()}


def hcpcs_table() -> Made:
    """The same as saved from the spreadsheet."""
    header = ["HCPC", "SEQNUM", "RECID", "LONG DESCRIPTION", "SHORT DESCRIPTION", "PRICE CD1"]
    header += ["ADD DT", "ACT EFF DT", "TERM DT", "ACTION CD"]
    rows = []
    for code, sequence, kind, long, short, ended in _HCPCS:
        rows.append([code, f"{sequence:05}", kind, long, short, "00", "20200101", "20200101", ended, "N"])
    return {"HCPC2024_JUL_ANWEB.csv": comma(header, rows)}
