//! How a detection comes into the store, once.

use redb::WriteTransaction;

use super::Change;
use super::errors::Fault;
use super::tables::{self, DETECTION_LISTS, DETECTIONS};
use crate::detections::Detection;
use crate::store::{Listed, Recorded};

/// Adds a detection unless one with its id is there.
pub(super) fn record(
    transaction: &WriteTransaction,
    detection: &Detection,
) -> Result<Change<Recorded>, Fault> {
    let id = &detection.summary.id;
    if let Some(existing) = tables::read(&transaction.open_table(DETECTIONS)?, id)? {
        return Ok(Change::None(Recorded::Existing(Box::new(existing))));
    }
    tables::write(transaction, DETECTIONS, id, detection)?;
    let shelves = tables::detection_shelves(detection)?;
    tables::shelve(
        transaction,
        DETECTION_LISTS,
        &detection.owner,
        &shelves,
        &detection.cursor(),
    )?;
    Ok(Change::Made(Recorded::New))
}
