"""The panels as a Grafana dashboard."""

from itertools import count
from string import ascii_uppercase

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import LegendDisplayMode, LegendPlacement
from grafana_foundation_sdk.models.dashboard import DataSourceRef

from deploy.grafana.panels import ROWS, Panel

_HEIGHT = 8
_STAT_HEIGHT = 4
_WIDTH = 24  # of Grafana's grid
_STATS_A_ROW = 6
_GRAPHS_A_ROW = 3
_SOURCE = DataSourceRef(type_val="prometheus", uid="$datasource")


def dashboard_json() -> str:
    """Return the dashboard as Grafana's JSON."""
    source = dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus")
    made = (
        dashboard.Dashboard("Tritone")
        .uid("tritone")
        .tags(["tritone"])
        .readonly()
        .refresh("30s")
        .time("now-1h", "now")
        .with_variable(source)
    )
    ids = count(1)
    for title, panels in ROWS.items():
        made.with_row(dashboard.Row(title).id(next(ids)))
        for panel in panels:
            made.with_panel(_built(panel, _width(len(panels), panel)).id(next(ids)))
    return JSONEncoder(sort_keys=True, indent=1).encode(made.build()) + "\n"


def _width(n_panels: int, panel: Panel) -> int:
    return _WIDTH // min(n_panels, _STATS_A_ROW if panel.kind == "stat" else _GRAPHS_A_ROW)


def _built(panel: Panel, width: int) -> timeseries.Panel | stat.Panel:
    made = _stat() if panel.kind == "stat" else _graph()
    made.title(panel.title).unit(panel.unit).datasource(_SOURCE).span(width)
    if panel.about:
        made.description(panel.about)
    if panel.unit in ("s", "percentunit"):
        made.min(0)
    for ref_id, query in zip(ascii_uppercase, panel.queries, strict=False):
        target = prometheus.Dataquery().expr(query.expr).legend_format(query.legend)
        made.with_target(target.ref_id(ref_id))
    return made


def _stat() -> stat.Panel:
    last = common.ReduceDataOptions().calcs(["lastNotNull"])
    return stat.Panel().reduce_options(last).height(_STAT_HEIGHT)


def _graph() -> timeseries.Panel:
    legend = (
        common.VizLegendOptions()
        .display_mode(LegendDisplayMode.LIST)
        .placement(LegendPlacement.BOTTOM)
        .show_legend(True)
    )
    return timeseries.Panel().legend(legend).height(_HEIGHT)
