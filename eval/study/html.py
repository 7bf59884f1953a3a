"""One HTML file that needs nothing beside it: sections, tables, drawings and pictures, all in line."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from eval.study.curves import style_of
from eval.study.sheets import Sheet

CSS = """
:root { --ink:#1d2433; --soft:#5b6475; --line:#e3e6ec; --back:#f6f7f9; --accent:#b3450a; --best:#e8f3ea; }
* { box-sizing:border-box; }
body { margin:0; font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
  color:var(--ink); background:var(--back); }
header { background:#1d2433; color:#fff; padding:2.2rem 1rem 1.8rem; }
header h1 { margin:0 0 .3rem; font-size:1.75rem; font-weight:650; letter-spacing:-.01em; }
header p { margin:0; color:#c5cbd8; max-width:62rem; }
header > div, main { max-width:78rem; margin:0 auto; }
main { padding:1.2rem 1rem 4rem; }
nav { display:flex; flex-wrap:wrap; gap:.4rem 1.1rem; margin:.9rem 0 0; font-size:.92rem; }
nav a { color:#f0b48a; text-decoration:none; } nav a:hover { text-decoration:underline; }
section { background:#fff; border:1px solid var(--line); border-radius:10px; padding:1.2rem 1.4rem; margin:1.1rem 0; }
h2 { margin:.1rem 0 .6rem; font-size:1.28rem; } h3 { margin:1.2rem 0 .4rem; font-size:1.03rem; }
p { max-width:62rem; margin:.4rem 0 .7rem; } .note { color:var(--soft); font-size:.9rem; }
ul.findings { margin:.3rem 0; padding-left:1.15rem; max-width:64rem; } ul.findings li { margin:.4rem 0; }
.wide { overflow-x:auto; margin:.5rem 0 .9rem; }
table { border-collapse:collapse; font-size:.88rem; font-variant-numeric:tabular-nums; }
th, td { padding:.28rem .65rem; border-bottom:1px solid var(--line); text-align:right; white-space:nowrap; }
th { font-weight:600; color:var(--soft); border-bottom:2px solid #cfd4de; vertical-align:bottom; }
th:first-child, td:first-child { text-align:left; position:sticky; left:0; background:#fff; }
tr.ours td { font-weight:600; } td.best { background:var(--best); } td.published { color:#7a4b9a; }
td small { display:block; color:var(--soft); font-weight:400; font-size:.74rem; line-height:1.15; }
tbody tr:hover td { background:#f3f5f9; }
.dot { display:inline-block; width:.72em; height:.72em; border-radius:50%; margin-right:.5em; }
details { margin:.6rem 0; } summary { cursor:pointer; color:var(--accent); font-weight:600; }
svg { max-width:100%; height:auto; }
.sheet { display:flex; flex-wrap:wrap; gap:.8rem; }
.card { border:1px solid var(--line); border-radius:8px; padding:.5rem .6rem .3rem; }
.card h4 { margin:0 0 .35rem; font-size:.9rem; } .card > div { display:flex; flex-wrap:wrap; gap:.45rem; }
figure { margin:0; width:168px; } figure img { display:block; width:168px; height:auto; border-radius:4px; }
figcaption { font-size:.76rem; line-height:1.3; color:var(--soft); padding:.15rem 0 .2rem; }
footer { color:var(--soft); font-size:.85rem; max-width:78rem; margin:0 auto; padding:0 1rem 2rem; }
@media print { section { break-inside:avoid; border:0; } header { background:#fff; color:#000; } }
"""


@dataclass(frozen=True)
class Td:
    """A cell: text, small words after it, and whether it is the best of its column or a published figure."""

    text: str
    small: str = ""
    mark: str = ""


@dataclass(frozen=True)
class Table:
    """A table whose first column is a codec or another name.

    Attributes
    ----------
    headings
        Of all columns.
    rows
        (name, cells) of each row.
    caption
        Above it.
    folded
        Whether it is folded away, under its caption.
    """

    headings: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Td, ...]], ...]
    caption: str = ""
    folded: bool = False


@dataclass
class Section:
    """One section: a title, and parts in order."""

    title: str
    parts: list[str] = field(default_factory=list)

    def text(self, words: str, *, note: bool = False) -> None:
        """Add a paragraph."""
        self.parts.append(f'<p class="{"note" if note else "text"}">{html.escape(words)}</p>')

    def findings(self, sentences: Iterable[str]) -> None:
        """Add a list of sentences."""
        items = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in sentences)
        self.parts.append(f'<ul class="findings">{items}</ul>')

    def svg(self, drawing: str) -> None:
        """Add a drawing."""
        self.parts.append(f'<div class="wide">{drawing}</div>')

    def table(self, table: Table) -> None:
        """Add a table."""
        body = table_html(table)
        if table.folded:
            self.parts.append(f"<details><summary>{html.escape(table.caption)}</summary>{body}</details>")
        else:
            self.parts.append((f"<h3>{html.escape(table.caption)}</h3>" if table.caption else "") + body)

    def sheet(self, sheet: Sheet) -> None:
        """Add a picture sheet."""
        self.parts.append(f"<h3>{html.escape(sheet.image)}</h3>")
        self.text(sheet.notes, note=True)
        cards = []
        for name, cells in [("original", sheet.first), *sheet.rows]:
            pictures = "".join(
                f'<figure><img src="{cell.png}" alt="{html.escape(f"{name}, {heading}")}">'
                f"<figcaption>{html.escape(cell.caption or heading)}</figcaption></figure>"
                for heading, cell in zip(sheet.headings, cells, strict=False)
                if cell.png
            )
            cards.append(f'<div class="card"><h4>{codec_html(name)}</h4><div>{pictures}</div></div>')
        self.parts.append(f'<div class="sheet">{"".join(cards)}</div>')


def codec_html(name: str) -> str:
    """Return the name of a codec with a dot in its colour."""
    colour = style_of(name)[0]
    return f'<span class="dot" style="background:{colour}"></span>{html.escape(name)}'


def table_html(table: Table) -> str:
    """Return a table as HTML."""
    head = "".join(f"<th>{html.escape(text)}</th>" for text in table.headings)
    lines = []
    for name, cells in table.rows:
        ours = ' class="ours"' if name.startswith("zarr_neural") else ""
        tds = "".join(
            (f'<td class="{cell.mark}">' if cell.mark else "<td>")
            + html.escape(cell.text)
            + (f" <small>{html.escape(cell.small)}</small>" if cell.small else "")
            + "</td>"
            for cell in cells
        )
        lines.append(f"<tr{ours}><td>{codec_html(name)}</td>{tds}</tr>")
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def page(title: str, subtitle: str, sections: Sequence[Section], footer: Sequence[str]) -> str:
    """Return the whole document."""
    nav = "".join(f'<a href="#s{number}">{html.escape(part.title)}</a>' for number, part in enumerate(sections))
    body = "".join(
        f'<section id="s{number}"><h2>{html.escape(part.title)}</h2>{"".join(part.parts)}</section>'
        for number, part in enumerate(sections)
    )
    foot = "".join(f"<p>{html.escape(line)}</p>" for line in footer)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{CSS}</style></head><body>'
        f"<header><div><h1>{html.escape(title)}</h1><p>{html.escape(subtitle)}</p><nav>{nav}</nav></div></header>"
        f"<main>{body}</main><footer>{foot}</footer></body></html>\n"
    )
