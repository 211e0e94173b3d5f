"""How a page looks: on a screen of any width, and on paper."""

from __future__ import annotations

from chartbridge.typeface import FAMILY, font_face_css

_COMMON = """
* { box-sizing: border-box; }
body { margin: 0; color: #1d2733; background: #ffffff; font-size: 16px; line-height: 1.5;
  overflow-wrap: break-word; }
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1.5rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .25rem; }
h2, h3, h4, h5, h6 { line-height: 1.25; margin: 0 0 .5rem; }
.body h2 { font-size: 1.35rem; border-bottom: 2px solid #1f5f8b; padding-bottom: .25rem; }
.body h3 { font-size: 1.12rem; }
.body h4, .body h5, .body h6 { font-size: 1rem; }
.kind { color: #5a6775; margin: 0; }
.cards { margin: 1.25rem 0 1.75rem; }
.card { border: 1px solid #d5dce3; border-top: 3px solid #1f5f8b; border-radius: 4px; padding: .8rem 1rem;
  margin: 0 0 .9rem; background: #f8fafc; }
.card h2 { font-size: .8rem; letter-spacing: .06em; text-transform: uppercase; color: #1f5f8b; }
dl { margin: 0; }
dl > div { padding: .12rem 0; }
dt { color: #5a6775; font-size: .85rem; }
dd { margin: 0; }
nav { margin: 0 0 2rem; }
nav h2 { font-size: 1.05rem; }
nav ol { margin: 0; padding-left: 1.4rem; }
nav ol ol { padding-left: 1.1rem; }
a { color: #1f5f8b; }
.section { margin: 0 0 2rem; }
.section .section { margin: 1rem 0 0 0; padding-left: .9rem; border-left: 3px solid #e3e9ee; }
.p { margin: 0 0 .6rem; }
.caption, caption { font-weight: bold; text-align: left; padding: .2rem 0; }
ul, ol { margin: .2rem 0 .8rem; padding-left: 1.5rem; }
.wide { overflow-x: auto; margin: .4rem 0 1rem; }
table { border-collapse: collapse; font-size: .92rem; width: 100%; }
th, td { border: 1px solid #d5dce3; padding: .35rem .55rem; text-align: left; vertical-align: top; }
thead th, thead td { background: #e9f0f5; font-weight: bold; }
tbody tr:nth-child(even) > td { background: #f8fafc; }
tfoot td { color: #5a6775; }
.left { text-align: left; } .right { text-align: right; } .center { text-align: center; }
.b { font-weight: bold; } .i { font-style: italic; } .u { text-decoration: underline; }
.lrule { border-left: 2px solid #5a6775; } .rrule { border-right: 2px solid #5a6775; }
.toprule { border-top: 2px solid #5a6775; } .botrule { border-bottom: 2px solid #5a6775; }
.lroman { list-style-type: lower-roman; } .uroman { list-style-type: upper-roman; }
.lalpha { list-style-type: lower-alpha; } .ualpha { list-style-type: upper-alpha; }
.arabic { list-style-type: decimal; } .disc { list-style-type: disc; }
.circle { list-style-type: circle; } .square { list-style-type: square; }
.footnote { display: block; font-size: .87rem; color: #44505c; border-left: 3px solid #d5dce3;
  padding-left: .6rem; margin: .3rem 0; }
.note { color: #5a6775; font-style: italic; }
.figure { display: block; margin: .5rem 0; }
.figure img { max-width: 100%; height: auto; }
pre.whole { white-space: pre-wrap; font: inherit; margin: 0; }
del { color: #8a2d2d; } ins { color: #1d6b3a; }
footer { border-top: 1px solid #d5dce3; color: #5a6775; font-size: .85rem; padding-top: .75rem; }
"""
_SCREEN = """
body { font-family: "Source Sans 3", "Source Sans Pro", "Segoe UI", Roboto, "Helvetica Neue", Arial,
  sans-serif; }
.cards { display: flex; flex-wrap: wrap; gap: .9rem; }
.card { flex: 1 1 22rem; margin: 0; }
dl > div { padding-left: 9.5rem; }
dt { float: left; margin-left: -9.5rem; width: 9rem; }
nav ol { columns: 2; column-gap: 2.5rem; }
nav ol ol { columns: 1; }
@media (max-width: 40rem) {
  main { padding: 1rem .9rem 3rem; }
  h1 { font-size: 1.45rem; }
  .card { flex-basis: 100%; }
  dl > div { padding-left: 0; }
  dt { float: none; margin-left: 0; width: auto; }
  nav ol { columns: 1; }
  .section .section { padding-left: .5rem; }
}
@media print {
  main { max-width: none; padding: 0; }
  .card, tr { break-inside: avoid; }
  .text a[href^="http"]::after { content: " (" attr(href) ")"; }
}
"""
_PAPER = (
    f"""
@page {{ size: letter; margin: 18mm 16mm 20mm; @bottom-right {{ content: counter(page) " / " counter(pages);
  font-family: "{FAMILY}"; font-size: 8pt; color: #5a6775; }} }}
body {{ font-family: "{FAMILY}"; font-size: 10pt; line-height: 1.4; }}
"""
    """
main { max-width: none; padding: 0; }
table { font-size: 8.5pt; }
thead { display: table-header-group; }
.wide { overflow: visible; }
tr, .card, .figure { break-inside: avoid; }
/* A heading takes a strip below it along, so that it never stands alone at the foot of a page: the
   printer does not hold it to a table that follows. */
.body h2, .body h3, .body h4 { break-inside: avoid; padding-bottom: 120px; margin-bottom: -115px; border: 0; }
.body .section > .text { border-top: 1px solid #1f5f8b; padding-top: 4px; }
dl > div { padding-left: 40mm; }
dt { float: left; margin-left: -40mm; width: 38mm; }
nav { columns: 2; }
nav h2 { column-span: all; }
"""
)
SCREEN_CSS = _COMMON + _SCREEN


def paper_css() -> str:
    """The style for PDF; it names files of the typeface on this machine."""
    return font_face_css() + _COMMON + _PAPER
