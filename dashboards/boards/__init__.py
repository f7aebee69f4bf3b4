"""The lab's Grafana dashboards as code: one module a dashboard, each query made from the metric catalogue's names."""
