"""The report of a study: sections of words, tables, curves and picture sheets made from its rows and figures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from eval.study import published
from eval.study.curves import Panel, draw, in_decibels
from eval.study.entry import AS_IN_THE_STUDY, LEARNED
from eval.study.html import Section, Table, Td, page
from eval.study.plan import Plan
from eval.study.rows import LabelFree, Reconstruction, Segmentation
from eval.study.sheets import sheet_of
from eval.study.spread import spread_over
from eval.study.tables import (
    ERROR_MATCHED,
    FIXED,
    NUCLEI,
    NUCLEI_THRESHOLD,
    PREDICTION,
    RATE_MATCHED,
    SEARCHED,
    THRESHOLD,
    Figure,
)
from eval.study.words import summary

INTERVALS = (
    "Medians and means are over images; small print is the 95 % interval of the bootstrap over groups of images "
    "(4000 draws, seeded). Green is the best of a column among codecs that have a figure for all images, where most "
    "codecs do."
)


def report(
    plan: Plan,
    rows: Sequence[Reconstruction],
    second: Sequence[LabelFree],
    third: Sequence[Segmentation],
    figures: Sequence[Figure],
    said: Sequence[str],
    notes: Sequence[str],
) -> str:
    """Return the report as HTML.

    Parameters
    ----------
    said
        Sentences on what was left out, failed or was damaged.
    notes
        Versions and settings, for the foot.
    """
    channel = rows[0].channel if rows else ""
    codecs = [entry.name for entry in plan.entries]
    main = [row for row in rows if row.channel == channel]
    predictors = {row.predictor: f"{row.architecture} trained on {row.trained_on} ({row.predictor})" for row in second}
    sections = [_summary(rows, figures, channel, predictors, said)]
    if main:
        sections += [_matched(plan, main, figures, channel, codecs), _fixed(figures, channel, codecs)]
    if second:
        sections.append(_label_free(plan, second, figures, codecs))
    if third:
        sections.append(_nuclei(third, figures, codecs))
    pictured = [sheet_of(plan.out, image.name, main, codecs, plan.rate) for image in plan.images[: plan.pictures]]
    if any(pictured):
        part = Section("Pictures at equal rate")
        for sheet in pictured:
            if sheet is not None:
                part.sheet(sheet)
        sections.append(part)
    sections.append(_images(main))
    sections.append(_how(plan))
    images = len({row.image for row in rows})
    return page(
        "What compression costs",
        f"{images} OME-Zarr image{'s'[: images != 1]}, channel “{channel}”: every codec writes real Zarr stores, whose "
        "bytes are counted and whose pixels are read back",
        sections,
        notes,
    )


def _summary(
    rows: Sequence[Reconstruction],
    figures: Sequence[Figure],
    channel: str,
    predictors: Mapping[str, str],
    said: Sequence[str],
) -> Section:
    part = Section("In plain words")
    part.findings([*summary(rows, figures, channel, predictors), *said])
    return part


def _matched(
    plan: Plan, rows: Sequence[Reconstruction], figures: Sequence[Figure], channel: str, codecs: Sequence[str]
) -> Section:
    part = Section("Equal error, equal rate")
    panels = [
        Panel("PSNR", "PSNR, dB against the image's range", lambda row: row.psnr_db),
        Panel("SSIM", "SSIM", in_decibels("ssim"), likeness=True),
        Panel("MS-SSIM", "MS-SSIM", in_decibels("ms_ssim"), likeness=True),
    ]
    part.svg(draw(rows, panels, codecs))
    part.text(
        "Points are means over images of what was measured at one target or quality (geometric means of the rates), "
        "shown where all images have it; bands and thin bars are 95 % intervals of ours; squares are codecs with one "
        "setting. Lossless codecs, and squares beyond the axes, are in the tables. Rates, and distances of "
        "similarities from 1, are on logarithmic scales.",
        note=True,
    )
    some = [f for f in figures if f.table == ERROR_MATCHED and f.of == channel]
    part.table(
        across(some, codecs, "bits_per_pixel", 3, "Bits per pixel at equal PSNR (median over images)", least=True)
    )
    part.text(
        "The settings of each codec are searched on chunks of each image, one step for the whole image; rates are "
        "interpolated image by image to exactly that PSNR (at most 0.25 dB beyond the last point, since a search ends "
        "near its target). A number of images in small print says that not all reach "
        "it. " + INTERVALS,
        note=True,
    )
    for metric, name, digits in (
        ("psnr_db", "PSNR in dB", 2),
        ("ssim", "SSIM", 4),
        ("ms_ssim", "MS-SSIM", 4),
        ("correlation", "Correlation", 4),
    ):
        some = [f for f in figures if (f.table, f.of, f.metric) == (RATE_MATCHED, channel, metric)]
        caption = f"{name} at equal bits per pixel (median over images)"
        part.table(across(some, codecs, metric, digits, caption, least=False, folded=metric != "psnr_db"))
    part.table(_searched(figures, channel, codecs))
    return part


def _searched(figures: Sequence[Figure], channel: str, codecs: Sequence[str]) -> Table:
    """Return every metric at the points that were searched, as they were measured."""
    some = {(f.codec, f.at, f.metric): f for f in figures if f.table == SEARCHED and f.of == channel}
    metrics = (
        ("bits_per_pixel", "bits per pixel", 3), ("ratio", "ratio", 2), ("saving_percent", "saving, %", 2),
        ("mse", "MSE", 1), *TRUE_METRICS, ("correlation", "correlation", 4), ("max_error", "largest error", 0),
        *((name, f"{title}, z-scored", digits) for name, title, digits in STUDY_METRICS if name != "correlation"),
    )  # fmt: skip
    places = dict.fromkeys((codec, at) for name in codecs for codec, at, _ in some if codec == name)
    lines = tuple(
        (f"{codec} {at}", tuple(_mean(some.get((codec, at, metric)), digits) for metric, _, digits in metrics))
        for codec, at in places
    )
    caption = "All metrics at the settings that were found (mean over images; medians in tables.tsv)"
    return Table(("codec and target", *(title for _, title, _ in metrics)), lines, caption, folded=True)


def across(
    figures: Sequence[Figure],
    codecs: Sequence[str],
    metric: str,
    digits: int,
    caption: str,
    *,
    least: bool,
    folded: bool = False,
) -> Table:
    """Return a table of medians: codecs down, places across."""
    some = {(f.codec, f.at): f for f in figures if f.metric == metric}
    places = sorted({at for _, at in some}, key=lambda at: float(at.split()[0]))
    most = max((f.images for f in some.values()), default=0)
    best = {}
    for at in places:
        column = [f for (_, place), f in some.items() if place == at]
        full = [f.median for f in column if f.images == most and math.isfinite(f.median)]
        best[at] = (min(full) if least else max(full)) if full and 2 * len(full) >= len(column) else math.nan
    rows = []
    for codec in codecs:
        if any((codec, at) in some for at in places):
            cells = tuple(_cell(some.get((codec, at)), digits, best[at], most) for at in places)
            rows.append((codec, cells))
    return Table(("codec", *places), tuple(rows), caption, folded)


def _cell(f: Figure | None, digits: int, best: float, most: int) -> Td:
    if f is None or not f.images:
        return Td("–")
    few = f", {f.images} images" if f.images < most else ""
    mark = "best" if f.images == most and f.median == best else ""
    interval = _interval(f.median_low, f.median_high, digits)
    beyond = f" ({f.beyond})" if f.beyond else ""
    text = "never" if math.isinf(f.median) else ("≤ " if f.bound else "") + number(f.median, digits)
    return Td(text, (interval + few + beyond).lstrip(", "), mark)


def _interval(low: float, high: float, digits: int) -> str:
    return "" if math.isnan(low) or low == high else f"{number(low, digits)}–{number(high, digits)}"


def number(value: float, digits: int) -> str:
    """Return a number for a table."""
    if math.isnan(value):
        return "–"
    return "∞" if math.isinf(value) else f"{value:.{digits}f}"


STUDY_METRICS = (
    ("mse_z", "MSE", 4),
    ("ssim_z", "SSIM", 4),
    ("correlation", "correlation", 4),
    ("psnr_z_db", "PSNR", 2),
)
TRUE_METRICS = (("rmse", "RMSE", 1), ("psnr_db", "PSNR", 2), ("ssim", "SSIM", 4), ("ms_ssim", "MS-SSIM", 4))


def _fixed(figures: Sequence[Figure], channel: str, codecs: Sequence[str]) -> Section:
    part = Section("Fixed settings, as in the study")
    part.text(
        "Tables 1 and 2 of the study that is redone, with its figures beside ours. The columns “z-scored” are its way: "
        "each image is brought to mean 0 and deviation 1 by itself, which hides errors of gain and offset, and SSIM is "
        "scikit-image's default. The columns “true” are in grey levels against the range of the raw image. Ratios are "
        "of stored chunk files; the study's ratios of classical codecs were those of decoded images saved as deflate "
        "TIFF. “Published” is another data set: " + published.SOURCE + "."
    )
    some = [f for f in figures if f.table == FIXED and f.of == channel]
    found = {(f.codec, f.at, f.metric): f for f in some}
    pairs = [pair for codec in codecs for pair in dict.fromkeys((f.codec, f.at) for f in some) if pair[0] == codec]
    absent = [
        (name.rpartition(" ")[0], name.rpartition(" ")[2])
        for name in published.TABLES
        if name.endswith((" q8", " q6")) and tuple(name.rsplit(" ", 1)) not in pairs
    ]
    kinds = {f.codec: f.kind for f in some}
    main = [
        pair for pair in pairs if kinds[pair[0]] != LEARNED or (published.row_of(*pair) and pair[1] in ("q6", "q8"))
    ]
    first = []
    second = []
    for codec, at in [*main, *absent]:
        row = published.row_of(codec, at) if kinds.get(codec, LEARNED) in (LEARNED, AS_IN_THE_STUDY) else None
        name = f"{codec} {at}"
        cells = [_mean(found.get((codec, at, metric)), digits) for metric, _, digits in (*STUDY_METRICS, *TRUE_METRICS)]
        cells += [
            Td(f"{value:g}", "", "published") if row else Td("") for value in (row.reconstruction if row else (0,) * 4)
        ]
        first.append((name, tuple(cells)))
        cells = [
            _mean(found.get((codec, at, metric)), digits)
            for metric, digits in (
                ("bits_per_pixel", 3), ("ratio", 2), ("saving_percent", 2), ("ratio_with_metadata", 2)
            )
        ]  # fmt: skip
        cells += [Td(f"{value:g}", "", "published") if row else Td("") for value in (row.storage if row else (0,) * 2)]
        second.append((name, tuple(cells)))
    head = [
        "codec",
        *(f"{name}, z-scored" for _, name, _ in STUDY_METRICS),
        *(f"{name}, true" for _, name, _ in TRUE_METRICS),
    ]
    head += [f"{name}, published" for _, name, _ in STUDY_METRICS]
    part.table(Table(tuple(head), tuple(first), "Reconstruction (mean over images)"))
    head = [
        "codec",
        "bits per pixel",
        "ratio",
        "saving, %",
        "ratio with metadata",
        "ratio, published",
        "saving, published",
    ]
    part.table(Table(tuple(head), tuple(second), "Storage (mean over images)"))
    learned = [pair for pair in pairs if kinds[pair[0]] == LEARNED]
    if learned:
        metrics = (("bits_per_pixel", "bits per pixel", 3), *TRUE_METRICS, ("correlation", "correlation", 4))
        lines = tuple(
            (f"{codec} {at}", tuple(_mean(found.get((codec, at, metric)), digits) for metric, _, digits in metrics))
            for codec, at in learned
        )
        head = ["codec", *(name for _, name, _ in metrics)]
        part.table(Table(tuple(head), lines, "Learned codecs at every quality (mean over images)", folded=True))
    return part


def _mean(f: Figure | None, digits: int) -> Td:
    if f is None or not f.images:
        return Td("–")
    return Td(number(f.mean, digits), _interval(f.mean_low, f.mean_high, digits))


def _label_free(plan: Plan, rows: Sequence[LabelFree], figures: Sequence[Figure], codecs: Sequence[str]) -> Section:
    part = Section("Label-free prediction")
    part.text(
        "A network predicts fluorescence from the raw and from the decoded image, which is normalised with the numbers "
        "of the raw one. Correlation, and the columns of the study (MSE, SSIM and PSNR of images z-scored by "
        "themselves), are taken between the two predictions and of each with the truth."
    )
    for predictor in dict.fromkeys(row.predictor for row in rows):
        some = [row for row in rows if row.predictor == predictor]
        raw = [row for row in some if row.pair == "raw/truth"]
        to_truth = spread_over([row.correlation for row in raw], [row.group for row in raw])
        part.text(
            f"Model {predictor}: {some[0].architecture}, trained on {some[0].trained_on} input, predicts "
            f"{some[0].target}; its prediction from the raw image has correlation {to_truth.mean:.3f} to the truth."
        )
        panels = [
            Panel("To the prediction from raw", "correlation", in_decibels("correlation"), likeness=True),
            Panel("To the prediction from raw", "SSIM", in_decibels("ssim"), likeness=True),
        ]
        part.svg(draw([row for row in some if row.pair == "decoded/raw"], panels, codecs))
        panels = [
            Panel(
                "To the truth", "correlation", lambda row: row.correlation, False, to_truth.mean, "from the raw image"
            ),
            Panel("To the truth", "SSIM, z-scored", lambda row: row.ssim_z),
        ]
        part.svg(draw([row for row in some if row.pair == "decoded/truth"], panels, codecs))
        kept = [f for f in figures if f.table == THRESHOLD and f.of == predictor]
        caption = "Bits per pixel from which the correlation to the prediction from raw is reached (median)"
        part.table(across(kept, codecs, "bits_per_pixel", 3, caption, least=True))
        caption = "PSNR of the input at that rate, dB (median): less where errors disturb the prediction less"
        part.table(across(kept, codecs, "psnr_db", 1, caption, least=True, folded=True))
    part.text(
        "Interpolated image by image between measured points, never beyond them. “<=3” says that 3 images stay above "
        "the threshold at the smallest rate measured, which they count with; “≤” that the median is such a rate, so "
        "that the true one may be smaller; “>2” that 2 images do not reach the threshold at the largest rate measured, "
        "“never” that this holds for the median. Codecs with one point have no curve and are not in this table. "
        + INTERVALS,
        note=True,
    )
    part.table(_side_by_side(figures, codecs))
    for pair, number_, which in (("decoded/truth", "3", "truth"), ("decoded/raw", "4", "original")):
        for predictor in dict.fromkeys(row.predictor for row in rows):
            part.table(_prediction(figures, predictor, pair, codecs, number_, which))
    if any(image.spatial == "zyx" for image in plan.images):
        lines = tuple(
            (name, tuple(Td(f"{v:g}", "", "published") for v in row)) for name, row in published.VOLUMES.items()
        )
        head = ("pair", "MSE", "SSIM", "correlation", "PSNR")
        part.table(Table(head, lines, "Table 5 of the study, volumes, as published"))
    return part


def _side_by_side(figures: Sequence[Figure], codecs: Sequence[str]) -> Table:
    """Return the correlation to the truth of every model: what training on decoded input does."""
    some = [f for f in figures if f.table == PREDICTION and f.metric == "correlation" and f.of.endswith("/truth")]
    models = list(dict.fromkeys(f.of.split()[0] for f in some))
    found = {(f.of.split()[0], f.codec, f.at): f for f in some}
    rows = []
    order = {codec: place for place, codec in enumerate(["original", *codecs])}
    for codec, at in sorted(dict.fromkeys((f.codec, f.at) for f in some), key=lambda pair: order.get(pair[0], 99)):
        bits = [
            f.mean
            for f in figures
            if f.table == PREDICTION and (f.codec, f.at, f.metric) == (codec, at, "bits_per_pixel")
        ]
        cells = (Td(f"{bits[0]:.3f}"), *(_mean(found.get((model, codec, at)), 3) for model in models))
        rows.append((f"{codec} {at}", cells))
    head = ("codec and point", "bits per pixel", *(f"model {model}" for model in models))
    return Table(head, tuple(rows), "Correlation to the truth, models side by side (mean; the study's figure 4)", True)


def _prediction(
    figures: Sequence[Figure], predictor: str, pair: str, codecs: Sequence[str], table: str, which: str
) -> Table:
    wanted = {f"{predictor} {pair}", f"{predictor} raw/truth"} if which == "truth" else {f"{predictor} {pair}"}
    some = [f for f in figures if f.table == PREDICTION and f.of in wanted]
    found = {(f.codec, f.at, f.metric): f for f in some}
    order = {codec: place for place, codec in enumerate(["original", *codecs])}
    rows = []
    for codec, at in sorted(dict.fromkeys((f.codec, f.at) for f in some), key=lambda two: order.get(two[0], 99)):
        known = published.row_of(codec, at) if codec == "original" or found else None
        cells = [_mean(found.get((codec, at, "bits_per_pixel")), 3)]
        cells += [_mean(found.get((codec, at, metric)), digits) for metric, _, digits in STUDY_METRICS]
        values: Iterable[float] = getattr(known, which) if known else (math.nan,) * 4
        cells += [Td("" if math.isnan(value) else f"{value:g}", "", "published") for value in values]
        rows.append((f"{codec} {at}", tuple(cells)))
    head = ["codec and point", "bits per pixel", *(name for _, name, _ in STUDY_METRICS)]
    head += [f"{name}, published" for _, name, _ in STUDY_METRICS]
    against = "the truth" if which == "truth" else "the prediction from raw"
    return Table(
        tuple(head), tuple(rows), f"Prediction against {against}, model {predictor} (the study's table {table})", True
    )


def _nuclei(rows: Sequence[Segmentation], figures: Sequence[Figure], codecs: Sequence[str]) -> Section:
    part = Section("Nuclei in decoded fluorescence")
    part.text(
        f"The channel “{rows[0].channel}” is coded too, nuclei are found in it by one fixed procedure (smoothing, "
        "thresholds, watershed), and compared with those found in the raw channel. Nothing here is learned."
    )
    panels = [
        Panel("Nuclei found again", "F1 at half overlap", lambda row: row.f1),
        Panel("Foreground", "Dice", lambda row: row.dice),
        Panel("Number of nuclei", "found for each in the raw channel", lambda row: row.count_ratio),
    ]
    part.svg(draw(rows, panels, codecs))
    kept = [f for f in figures if f.table == NUCLEI_THRESHOLD]
    caption = "Bits per pixel from which F1 is reached (median over images)"
    part.table(across(kept, codecs, "bits_per_pixel", 3, caption, least=True))
    part.text(
        "“≤”: above at the smallest rate measured, and “never”: below at the largest one, for the median image.",
        note=True,
    )
    some = {(f.codec, f.at, f.metric): f for f in figures if f.table == NUCLEI}
    order = {codec: place for place, codec in enumerate(codecs)}
    metrics = (("bits_per_pixel", 3), ("f1", 3), ("dice", 3), ("count_ratio", 3))
    lines = tuple(
        (f"{codec} {at}", tuple(_mean(some.get((codec, at, metric)), digits) for metric, digits in metrics))
        for codec, at in sorted(dict.fromkeys(key[:2] for key in some), key=lambda two: order[two[0]])
    )
    head = ("codec and point", "bits per pixel", "F1", "Dice", "count ratio")
    part.table(Table(head, lines, "All settings (mean over images)", folded=True))
    return part


def _images(rows: Sequence[Reconstruction]) -> Section:
    part = Section("Images")
    lines = []
    for image in dict.fromkeys(row.image for row in rows):
        row = next(row for row in rows if row.image == image)
        lossless = [other for other in rows if other.image == image and other.point == "lossless"]
        small = min(lossless, key=lambda other: other.bits_per_pixel) if lossless else None
        cells = (
            Td(row.group),
            Td(row.shape),
            Td(row.dtype),
            Td(f"{row.data_range:g}"),
            Td(f"{100 * row.valid / row.pixels:.1f} %"),
            Td(str(row.damaged)),
            Td(row.ssim_over),
            Td(f"{small.bits_per_pixel:.2f}" if small else "–", small.codec if small else ""),
        )
        lines.append((image, cells))
    head = (
        "image",
        "group",
        "shape",
        "dtype",
        "range",
        "counts",
        "damaged chunks",
        "SSIM over",
        "lossless, bits per pixel",
    )
    part.table(Table(head, tuple(lines)))
    return part


def _how(plan: Plan) -> Section:
    part = Section("How it was measured")
    part.findings(
        [
            "Each channel is written with each codec into a Zarr v2 array, chunk by chunk (equal parts of about "
            f"{' x '.join(map(str, plan.chunk))} pixels), and read back from it. Bits per pixel are those of the chunk "
            "files; metadata are counted apart.",
            "Pixels that do not count (the label image of valid pixels, chunks that cannot be read) are coded, but are "
            "in no metric: no window of SSIM holds one of them.",
            "PSNR, SSIM and MS-SSIM are on true intensities against the range of the raw image, largest minus smallest "
            "value that counts. SSIM has the Gaussian window of its authors, planes larger than about 2048 x 2048 are "
            "measured in tiles and averaged by area.",
            "Lossy codecs whose setting is free are searched for each image and each PSNR on a sample of its chunks; "
            "learned ones are at their own qualities; “level 8” is that of the study in its tiles of 16 x 16 pixels.",
            f"Codecs: {', '.join(f'{entry.name} ({entry.kind}; {entry.setting})' for entry in plan.entries)}.",
        ]
    )
    return part
