"""What every dashboard is made of: panels whose queries name the catalogue's families, laid out from left to right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.models.common import BigValueColorMode, BigValueTextMode
from grafana_foundation_sdk.models.dashboard import (
    DashboardLinkType,
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    GridPos,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
    VariableRefresh,
    VariableSort,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grafana_foundation_sdk.models.dashboard import RangeMap, RegexMap, SpecialValueMap

    from opslab.report.metrics.family import Family

    type AnyMap = ValueMap | RangeMap | RegexMap | SpecialValueMap

    type AnyPanel = bargauge.Panel | stat.Panel | table.Panel | timeseries.Panel

SOURCE = DataSourceRef(type_val="prometheus", uid="prometheus")
TAG = "tradingchassis-ops-lab"
FULL = 24
"""How wide a dashboard is."""
WIDTH, HEIGHT = 6, 5
"""Of a panel with one number."""
COLOURS = {"good": "green", "bad": "red", "doubt": "orange", "quiet": "blue"}

Meanings = dict[int, tuple[str, str]]
"""What a number stands for: text, and one of ``COLOURS``."""


def query(expr: str, legend: str = "", *, is_table: bool = False, is_range: bool = False) -> prometheus.Dataquery:
    """Return a query: as it is now, unless ``is_range``."""
    target = prometheus.Dataquery().expr(expr).legend_format(legend).datasource(SOURCE)
    if is_table:
        target.format(PromQueryFormat.TABLE)
    return target.range() if is_range else target.instant()


def number(
    title: str,
    expr: str,
    legend: str = "",
    *,
    text: str,
    unit: str = "short",
    meanings: Meanings | None = None,
    limits: Sequence[tuple[float, str]] = (),
    shows_name: bool = False,
) -> stat.Panel:
    """Return a panel of one number a series.

    Args:
        title: the panel's title.
        expr: its query.
        legend: how a series is named.
        text: what it shows, for people.
        unit: Grafana's name of the unit.
        meanings: texts in place of numbers.
        limits: from which value on it has which of ``COLOURS``.
        shows_name: the series' name in place of its value.
    """
    mode = BigValueTextMode.NAME if shows_name else BigValueTextMode.VALUE_AND_NAME
    panel = stat.Panel().title(title).description(text).unit(unit).span(WIDTH).height(HEIGHT)
    panel.datasource(SOURCE).with_target(query(expr, legend)).text_mode(mode)
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    panel.mappings(mappings(meanings or {})).thresholds(thresholds(limits)).no_value("none")
    return panel.color_mode(BigValueColorMode.BACKGROUND if meanings or limits else BigValueColorMode.NONE)


def bars(
    title: str, expr: str, legend: str, *, text: str, unit: str, limits: Sequence[tuple[float, str]] = ()
) -> AnyPanel:
    """Return a panel of one bar a series, as long as its number."""
    panel = bargauge.Panel().title(title).description(text).unit(unit).span(12).height(10).datasource(SOURCE)
    panel.with_target(query(expr, legend)).thresholds(thresholds(limits)).no_value("none").min(0)
    return panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))


def lines(title: str, queries: Mapping[str, str], *, text: str, unit: str = "short", span: int = 12) -> AnyPanel:
    """Return a panel of lines over time; ``queries`` are by their legend."""
    panel = timeseries.Panel().title(title).description(text).unit(unit).span(span).height(8).datasource(SOURCE)
    for legend, expr in queries.items():
        panel.with_target(query(expr, legend, is_range=True))
    return panel


def rows(
    title: str,
    expr: str,
    *,
    text: str,
    columns: Sequence[str],
    value: str,
    unit: str = "short",
    meanings: Meanings | None = None,
) -> AnyPanel:
    """Return a table with one row a series.

    Args:
        title: the panel's title.
        expr: its query.
        text: what it shows, for people.
        columns: labels, in order.
        value: the name of the number's column.
        unit: of the number.
        meanings: texts in place of numbers.
    """
    order = {name: place for place, name in enumerate([*columns, "Value"])}
    options = {"indexByName": order, "renameByName": {"Value": value}, "includeByName": dict.fromkeys(order, True)}
    panel = table.Panel().title(title).description(text).span(12).height(10).datasource(SOURCE).no_value("none")
    panel.with_target(query(expr, is_table=True))
    panel.with_transformation(DataTransformerConfig(id_val="organize", options=options))
    properties = [DynamicConfigValue(id_val="unit", value=unit)]
    if meanings:
        properties.append(DynamicConfigValue(id_val="mappings", value=mappings(meanings)))
        properties.append(DynamicConfigValue(id_val="custom.cellOptions", value={"type": "color-text"}))
    return panel.override_by_name(value, properties)


def mappings(meanings: Meanings) -> list[AnyMap]:
    """Return Grafana's form of ``meanings``."""
    found = {
        str(value): ValueMappingResult(text=text, color=COLOURS[colour], index=place)
        for place, (value, (text, colour)) in enumerate(sorted(meanings.items()))
    }
    return [ValueMap(options=found)] if found else []


def thresholds(limits: Sequence[tuple[float, str]]) -> dashboard.ThresholdsConfig:
    """Return Grafana's form of limits, green below the first."""
    steps = [Threshold(value=None, color="green"), *(Threshold(value=at, color=COLOURS[name]) for at, name in limits)]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


def meanings_of(family: Family, **colours: str) -> Meanings:
    """Return what the family's numbers stand for, by its encoding, and -1 for anything else.

    Args:
        family: one that encodes states.
        colours: by state, one of ``COLOURS``; ``quiet`` for the others.
    """
    named = {code: (state, colours.get(state, "quiet")) for state, code in family.encoding.items()}
    return {-1: ("unknown", "doubt"), **named}


def of_run(family: Family, *matchers: str) -> str:
    """Return the query of the chosen run."""
    return f"{family.name}{{{', '.join(('run_id="$run_id"', *matchers))}}}"


def board(
    uid: str, title: str, text: str, panels: Sequence[AnyPanel], *, run: Family | None = None
) -> dashboard.Dashboard:
    """Return a dashboard.

    Args:
        uid: how links name it; the contract's, where it has one.
        title: for people.
        text: what it is for.
        panels: in order.
        run: the family whose ``run_id`` can be chosen from; None: it is not about one run.
    """
    found = dashboard.Dashboard(title).uid(uid).description(text).tags([TAG]).refresh("30s").time("now-6h", "now")
    found.timezone("utc").editable()
    link = dashboard.DashboardLink("Ops Lab").type(DashboardLinkType.DASHBOARDS).tags([TAG]).as_dropdown(True)
    found.link(link.include_vars(True).keep_time(True))
    if run is not None:
        choice = dashboard.QueryVariable("run_id").label("Run").query(f"label_values({run.name}, run_id)")
        found.with_variable(
            choice.datasource(SOURCE)
            .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
            .sort(VariableSort.ALPHABETICAL_DESC)
        )
    x = y = row = 0
    for place, panel in enumerate(panels, start=1):
        size = panel.build().grid_pos
        width, height = (size.w, size.h) if size else (WIDTH, HEIGHT)
        if x + width > FULL:
            x, y, row = 0, y + row, 0
        found.with_panel(panel.id(place).grid_pos(GridPos(h=height, w=width, x=x, y=y)))
        x, row = x + width, max(row, height)
    return found
