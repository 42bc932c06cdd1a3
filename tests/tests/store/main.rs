//! The store's contract: every case is told to SQLite and to PostgreSQL.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod ground;

mod bookings;
mod care;
mod contention;
mod events;
mod hostile;
mod jobs;
mod people;
mod places;
mod random;
mod reports;
mod schema;
mod sites;

/// Makes each case a test on SQLite and a test on PostgreSQL.
macro_rules! on_both_databases {
    ($($module:ident: $($case:ident),+ $(,)?;)+) => {
        mod sqlite {
            $(mod $module {$(
                #[tokio::test(flavor = "multi_thread")]
                async fn $case() {
                    crate::$module::$case(crate::ground::on_sqlite().await).await;
                }
            )+})+
        }
        mod postgres {
            $(mod $module {$(
                #[tokio::test(flavor = "multi_thread")]
                async fn $case() {
                    crate::$module::$case(crate::ground::on_postgres().await).await;
                }
            )+})+
        }
    };
}

on_both_databases! {
    people:
        people_come_back_as_they_were,
        an_address_is_one_of_its_kind,
        sessions_end,
        cards_are_one_of_their_kind,
        children_stand_in_the_order_they_were_added;
    places:
        places_come_back_as_they_were,
        names_are_one_of_their_kind;
    bookings:
        a_booking_comes_back_in_every_list,
        all_or_nothing,
        a_picked_space_is_that_space,
        cancelling_gives_free_what_is_to_come,
        a_guest_inside_cannot_cancel,
        a_repeated_order_is_answered_as_before,
        repeated_orders_at_once_make_one_booking,
        a_code_is_one_of_its_kind,
        nobody_came,
        the_plan_revision_tells_of_changes,
        the_database_refuses_overlaps_itself;
    care:
        care_needs_a_nursery_with_room,
        a_child_is_in_one_place,
        a_child_booked_in_two_places_at_once;
    contention:
        fifty_want_one_desk,
        fifty_want_two_dates_in_opposite_orders;
    sites:
        devices_and_their_certificates,
        a_code_works_once,
        sheets_rise_with_their_content,
        snapshots_only_go_forward;
    events:
        events_are_taken_once_and_in_order,
        two_hubs_take_the_same_batch,
        visits_begin_and_end,
        a_no_show_gives_the_desk_free,
        a_no_show_names_its_claim,
        a_no_show_of_the_future_is_kept_and_not_applied,
        care_goes_with_the_slots_last_desk,
        nothing_poisons_the_queue;
    jobs:
        a_job_is_claimed_by_one,
        a_lost_worker_loses_its_job,
        claims_nobody_has_come_for,
        a_claim_is_released_with_its_care_unless_somebody_came;
    reports:
        stays_of_a_town;
    hostile:
        long_and_strange_texts,
        rows_that_cannot_be_read;
    random:
        any_story_ends_as_in_the_plain_model;
}
