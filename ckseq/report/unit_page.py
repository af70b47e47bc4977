"""The report of a run on action units as one HTML file: the figures are embedded, nothing is loaded from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from ckseq.config import toml_text
from ckseq.facs import UNITS
from ckseq.grammar import counted
from ckseq.protocol.intervals import LEAST_CLUSTERS, N_DRAWS, is_known
from ckseq.protocol.unit_scores import IntensityScore, UnitScores
from ckseq.report import wording
from ckseq.report.paper import Paper, script, section_html
from ckseq.report.templates import template
from ckseq.report.themed import data_url
from ckseq.report.uncertainty import drawn_by
from ckseq.report.units import (
    baseline_interval,
    unit_baseline_sentences,
    unit_name,
    units_banner,
    unmeasured_sentence,
    why_no_interval,
)
from ckseq.storage.run_record import RunRecord


def render_unit_page(
    run: RunRecord,
    scores: UnitScores,
    intensities: Sequence[IntensityScore],
    pictures: Mapping[str, bytes],
    *,
    paper: Paper,
) -> str:
    """Return the report of a run on action units as one HTML page that stands alone.

    Parameters
    ----------
    run : RunRecord
    scores : UnitScores
        Those of its predictions.
    intensities : sequence of IntensityScore
        May be empty.
    pictures : mapping of str to bytes
        PNG files by name: ``units``, and ``loss`` where there is one.
    paper : Paper
        What a paper needs of the run.

    Returns
    -------
    str
        HTML; all text from the run is escaped.
    """
    html = template(
        "unit_page.html",
        counted=counted,
        rate=_rate,
        between=wording.between,
        interval_of=baseline_interval,
        percent=wording.percent,
        sentence=wording.as_sentence,
    )
    page: str = html.render(
        name=run.experiment_name or "a run",
        question=run.value("question") or "",
        created=run.created[:16].replace("T", " "),
        version=run.ckseq_version,
        scores=scores,
        n_draws=N_DRAWS,
        least_clusters=LEAST_CLUSTERS,
        unmeasured=unmeasured_sentence(scores),
        by=drawn_by(scores.resampled),
        no_interval="" if is_known(scores.interval) else why_no_interval(scores),
        intensities=[("ABCDE"[one.intensity - 1], one) for one in intensities],
        names={one.unit: unit_name(one.unit) for one in scores.units},
        regions={one.unit: ", ".join(UNITS[one.unit].regions) if one.unit in UNITS else "" for one in scores.units},
        baselines=run.unit_baselines.baselines if run.unit_baselines else (),
        baseline_sentences=unit_baseline_sentences(run.unit_baselines),
        nothing_yet=units_banner(scores, run.unit_baselines),
        sentence=run.protocol.sentence,
        notes=[*run.balance_notes, *run.notes],
        shared=bool(run.protocol.shared_subjects),
        model=run.model_kind,
        command=run.command,
        pictures={name: data_url(png) for name, png in pictures.items()},
        experiment=toml_text(run.experiment),
        pipeline=toml_text(run.store.pipeline if run.store else {}),
        paper=section_html(paper),
        script=Markup(script()),
        script_digest=base64.b64encode(hashlib.sha256(script().encode()).digest()).decode(),
    )
    return page


def _rate(value: float | None) -> str:
    return "not defined" if value is None or math.isnan(value) else f"{value:.2f}"
