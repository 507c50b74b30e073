//! What machines read of a running monitor: the boards and alert rules of `dashboards/`, by a real Prometheus that scrapes the demo; and
//! the OpenAPI document of the API, by schemathesis, which asks the demo whatever the document lets it.

mod api;
#[path = "../common/mod.rs"]
mod common;
mod dashboards;
mod prometheus;
mod rig;
