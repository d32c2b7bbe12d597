//! What every home of the store promises, as cases that any home can be held to:
//!
//! ```no_run
//! # async fn hold(store: bonafide_core::store::SharedStore) {
//! bonafide_core::store::conformance::run(store).await;
//! # }
//! ```
//!
//! The cases make records of their own with random ids, so the store need not be empty; but nobody else may write to it
//! meanwhile. Racing cases need a runtime with several threads to mean anything.
#![expect(
    clippy::expect_used,
    reason = "a case that cannot go on has failed, and says so by a panic"
)]

mod claim_races;
mod claims;
mod detections;
mod lists;
mod ownership;
mod racing;
mod reconciliation;
mod records;
mod samples;
mod users;

use std::pin::Pin;

use super::SharedStore;

type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One promise.
struct Case {
    name: &'static str,
    check: fn(SharedStore) -> Running,
}

macro_rules! cases {
    ($($subject:ident::$case:ident,)*) => {
        &[$(Case {
            name: concat!(stringify!($subject), "::", stringify!($case)),
            check: |store| Box::pin($subject::$case(store)),
        },)*]
    };
}

/// The compiler reports a case that is missing here as dead code.
const CASES: &[Case] = cases![
    users::a_user_is_found_by_id_username_and_email_without_case,
    users::nobody_is_found_by_what_nobody_has,
    users::a_username_is_taken_whatever_its_case,
    users::an_email_address_is_taken_whatever_its_case,
    users::an_id_is_taken,
    users::a_refused_user_leaves_nothing_behind,
    users::an_email_address_names_its_owner_even_where_it_is_another_users_name,
    users::of_racing_users_with_one_username_exactly_one_is_made,
    users::of_racing_users_with_one_email_address_exactly_one_is_made,
    records::every_field_of_a_user_survives,
    records::every_field_of_a_new_file_survives,
    records::every_field_of_a_file_survives_in_every_state,
    records::an_id_and_an_object_key_of_a_file_are_taken,
    records::a_file_is_found_by_its_object_key,
    records::every_field_of_a_detection_survives,
    records::a_detection_with_a_number_that_is_not_finite_is_refused,
    lists::pages_of_files_join_into_the_whole_list_newest_first,
    lists::pages_of_detections_join_into_the_whole_list_newest_first,
    lists::an_owner_without_files_or_detections_has_an_empty_page,
    lists::a_list_neither_loses_nor_repeats_while_it_changes,
    lists::files_are_listed_by_their_present_status,
    lists::detections_are_listed_by_file_and_by_classification,
    ownership::nobody_sees_another_owners_files,
    ownership::nobody_deletes_another_owners_file,
    ownership::a_deleted_file_is_gone_and_its_claim_with_it,
    ownership::nobody_sees_another_owners_detections,
    claims::an_object_without_a_file_is_unknown,
    claims::a_claim_takes_the_object_as_the_request_describes_it,
    claims::a_claim_may_come_before_the_upload_is_noted,
    claims::an_upload_is_noted_once_and_moves_no_file_backwards,
    claims::while_a_lease_is_live_the_file_is_busy,
    claims::a_lease_is_over_at_its_end,
    claims::a_former_holder_can_do_nothing_to_the_file,
    claims::a_lease_that_nobody_took_over_still_serves,
    claims::a_finished_file_stays_finished,
    claims::a_released_file_is_claimed_again_at_once,
    claims::values_are_kept_literally,
    claim_races::of_racing_claims_exactly_one_is_granted,
    claim_races::of_racing_takeovers_exactly_one_is_granted,
    claim_races::a_file_is_finished_once_however_many_try,
    reconciliation::exactly_the_files_that_wait_for_a_worker_are_unfinished_oldest_first,
    reconciliation::unfinished_files_are_no_more_than_asked_for,
    reconciliation::pages_of_awaiting_files_join_into_all_of_them_oldest_first,
    reconciliation::an_upload_expires_without_a_claim_and_only_while_it_is_awaited,
    detections::the_first_detection_stays,
    detections::of_racing_detections_one_is_new_and_all_see_it,
];

/// Checks that the store answers, then every promise, one after the other.
///
/// # Panics
/// Where a promise is broken, after all have been checked; the message names the broken ones.
pub async fn run(store: SharedStore) {
    store.ping().await.expect("the store answers");
    let mut broken = Vec::new();
    for case in CASES {
        // A task of its own, so that the other cases run although this one panics.
        if tokio::spawn((case.check)(store.clone())).await.is_err() {
            broken.push(case.name);
        }
    }
    assert!(
        broken.is_empty(),
        "{} of {} promises are broken: {broken:#?}",
        broken.len(),
        CASES.len()
    );
}
