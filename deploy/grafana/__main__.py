"""`python -m deploy.grafana`: make tritone.json, which Grafana imports or is provisioned with."""

from pathlib import Path

from deploy.grafana.dashboard import dashboard_json

FILE = Path(__file__).with_name("tritone.json")

if __name__ == "__main__":
    FILE.write_text(dashboard_json(), encoding="utf-8")
