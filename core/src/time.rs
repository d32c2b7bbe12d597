//! Time as the whole house stores it: UTC, whole milliseconds.

use chrono::{DateTime, SubsecRound, Utc};

/// A moment in UTC. Values made by [`now`] carry whole milliseconds, which is what every store keeps.
pub type Timestamp = DateTime<Utc>;

/// The current moment, cut to whole milliseconds so that it survives a round trip through any store unchanged.
pub fn now() -> Timestamp {
    Utc::now().trunc_subsecs(3)
}
