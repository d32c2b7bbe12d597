//! The detect function through its public doors: the router, the event handler, the reconcile run.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops where something is not as it must be"
)]

mod detect;
mod detections;
mod event_route;
mod events;
mod predict;
mod reconcile;
mod support;
