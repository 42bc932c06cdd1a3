//! The store's contract: every case is told to SQLite and to PostgreSQL.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod ground;

mod audit;
mod bookings;
mod cards;
mod care;
mod care_files;
mod care_sheet;
mod contention;
mod days;
mod devices;
mod diary;
mod events;
mod factors;
mod holds;
mod hostile;
mod jobs;
mod late;
mod leases;
mod moves;
mod notices;
mod organisations;
mod people;
mod places;
mod random;
mod repeating;
mod reports;
mod rules;
mod schema;
mod site_orders;
mod sites;
mod staffing;
mod terms;
mod waiting;

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
    audit:
        entries_get_places_in_the_order_they_were_kept,
        two_hubs_chain_at_once,
        what_is_chained_cannot_be_changed,
        the_chain_begins_later_once_its_beginning_is_forgotten,
        entries_are_found_by_what_is_not_sealed,
        sites_tell_the_highest_head_they_saw,
        keys_have_one_owner_and_can_be_destroyed,
        old_entries_are_read_in_any_year;
    people:
        people_come_back_as_they_were,
        roles_are_given_and_taken,
        an_address_is_one_of_its_kind,
        sessions_end,
        sessions_move_on_and_are_ended_elsewhere,
        children_stand_in_the_order_they_were_added;
    cards:
        cards_come_back_as_they_were_and_are_one_of_their_kind,
        a_card_moves_only_from_where_it_is,
        an_offer_is_taken_once,
        offers_are_bounded_and_forgotten,
        an_ended_card_becomes_its_holders_again,
        a_new_card_replaces_an_old_one,
        staff_and_guests_know_their_centre,
        a_card_moves_to_a_newer_key_and_the_old_key_retires,
        a_card_with_a_key_is_one_card_under_two_references,
        a_card_with_a_key_moves_by_both_references_and_ends_without_its_key,
        what_a_site_has_seen_proved_is_kept_and_every_sheet_hears_of_it,
        the_cards_that_were_stopped_last_are_listed;
    factors:
        a_code_is_used_once_and_none_before_it,
        a_recovery_code_works_once_for_its_person,
        passkeys_are_one_of_their_kind,
        a_ceremony_is_taken_once_by_its_browser;
    places:
        places_come_back_as_they_were,
        names_are_one_of_their_kind,
        sensors_stand_in_the_place_of_those_before_and_make_a_new_sheet;
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
    holds:
        a_hold_stands_once_it_is_confirmed_in_time,
        a_lapsed_hold_is_ended_by_whoever_comes_next,
        what_is_not_approved_comes_free,
        everybody_agrees_who_has_to,
        a_change_leaves_what_runs_beside_it_and_revives_nothing,
        a_change_is_all_or_nothing_and_knows_its_version,
        a_change_of_what_runs_takes_its_place,
        nobody_waits_for_the_guest_of_a_hold;
    waiting:
        what_comes_free_goes_to_who_waits_in_their_order,
        waiting_is_for_what_may_come_free,
        who_waits_in_vain_holds_nobody_else_up,
        a_wish_with_a_key_is_held_once,
        who_is_refused_passes_on_what_has_lapsed,
        what_events_gave_free_is_offered_by_the_job,
        classes_are_data;
    repeating:
        all_of_a_series_or_each_that_is_possible,
        a_series_is_known_again_whichever_day_had_no_room;
    rules:
        a_closure_shuts_what_is_not_booked_and_names_what_is,
        quotas_count_what_is_held,
        a_quota_holds_against_rivals_at_other_centres;
    late:
        a_late_guest_gets_another_desk_with_the_care_that_went,
        a_no_show_comes_back_to_life,
        a_late_guest_gets_all_or_nothing,
        a_picked_space_is_looked_for_first,
        who_is_turned_away_twice_is_seated_on_what_came_free_between,
        nobody_comes_for_thousands_of_bookings,
        who_may_have_gone_home_gets_nothing,
        late_guests_and_rivals_at_once_share_what_there_is;
    leases:
        nothing_is_kept_for_a_site_that_is_not_there,
        a_lease_and_fifty_who_book_never_meet,
        nobody_is_moved_for_a_lease,
        what_is_too_much_comes_free_once_the_site_has_let_go_of_it,
        what_a_booking_needs_is_asked_for_and_not_taken_again,
        a_plan_that_has_changed_makes_no_sheet,
        who_walks_in_has_a_booking_made_of_the_lease,
        who_leaves_gives_the_rest_back_to_the_lease,
        what_was_sold_meanwhile_is_moved,
        what_cannot_be_moved_stays_and_is_told,
        a_walk_in_of_strangers_means_nothing,
        a_site_that_is_back_is_told_of_once,
        of_two_absences_each_tells_its_own,
        what_nobody_has_read_of_is_listed_before_the_rest,
        a_clock_that_is_slow_tells_nothing_late;
    moves:
        others_make_room_where_they_may,
        who_picked_a_desk_keeps_it,
        who_is_about_to_come_is_not_moved,
        nobody_is_moved_behind_a_sites_back,
        cleaning_takes_its_time,
        features_are_met;
    care:
        care_needs_a_nursery_with_room,
        a_child_is_in_one_place,
        a_child_booked_in_two_places_at_once;
    care_files:
        a_care_file_is_changed_by_whoever_saw_its_last_version,
        a_collectors_code_makes_no_guardian,
        interviews_go_forward,
        care_waits_for_the_interview,
        a_silent_centre_sells_no_care_for_today;
    care_sheet:
        whatever_a_nurserys_sheet_says_makes_it_anew,
        children_stand_on_a_sheet_while_they_may_be_there;
    diary:
        who_brings_a_child_and_is_late_for_the_desk_keeps_the_care,
        a_child_that_is_collected_frees_the_rest_of_its_care,
        a_recall_refunds_and_calls_those_who_answer_for_the_child,
        late_collecting_is_told_once_and_no_more_after_it,
        a_diary_is_kept_in_order_until_it_is_forgotten,
        incidents_are_reported_on_in_their_order,
        what_a_site_tells_of_strangers_means_nothing,
        a_child_in_care_is_kept_whatever_became_of_its_booking,
        what_is_put_right_frees_the_rest_of_the_care,
        a_no_show_told_before_the_child_was_brought_leaves_its_care,
        care_that_a_no_show_took_is_given_back_where_its_place_is_free,
        care_that_somebody_else_has_by_now_is_not_given_back;
    staffing:
        rules_rooms_and_shifts_come_back_as_they_were,
        care_is_sold_as_far_as_there_is_staff,
        half_of_them_are_qualified_and_every_age_has_its_room,
        a_roster_put_again_keeps_the_shifts_that_stay,
        a_shift_taken_away_names_the_bookings_that_fail,
        who_waits_for_staff_is_served_when_it_comes,
        who_changes_something_else_keeps_their_care,
        who_asks_for_more_is_asked_as_anybody,
        fifty_families_share_the_last_caregiver;
    terms:
        schemes_and_terms_come_back_as_they_were,
        hand_overs_lie_around_the_desk,
        a_nursery_has_hours_of_its_own,
        a_scheme_says_who_and_how_much,
        a_hand_over_that_has_begun_holds_nobody_fast,
        who_has_left_their_desk_can_still_change_their_care,
        who_comes_late_keeps_their_scheme,
        who_waits_is_not_held_up_by_their_own_hand_over,
        what_was_held_is_counted_again_when_it_is_to_stand,
        one_household_goes_over_no_cap_at_two_centres;
    contention:
        fifty_want_one_desk,
        fifty_want_two_dates_in_opposite_orders;
    days:
        news_of_a_day_come_before_the_answer,
        claims_are_those_of_the_centres_asked,
        the_places_revision_tells_of_each_change,
        hubs_hear_of_each_others_days;
    site_orders:
        an_order_is_in_hand_until_it_is_answered_or_over,
        a_repeated_order_to_a_site_is_the_same_order,
        old_orders_are_forgotten;
    devices:
        devices_come_and_go,
        a_code_works_once,
        a_certificate_is_replaced_when_the_next_is_used,
        one_that_ended_may_still_be_renewed_for_a_while,
        an_overlap_ends_by_itself,
        a_device_gets_few_certificates_a_day,
        a_revoked_device_is_out_until_it_is_enrolled_again;
    sites:
        sheets_rise_with_their_content,
        snapshots_only_go_forward;
    events:
        events_are_taken_once_and_in_order,
        two_hubs_take_the_same_batch,
        visits_begin_and_end,
        a_site_speaks_of_its_own_centre_and_of_nothing_to_come,
        a_no_show_gives_the_desk_free,
        a_no_show_names_its_claim,
        a_no_show_of_the_future_is_kept_and_not_applied,
        who_leaves_for_good_frees_the_rest,
        only_what_was_left_comes_free,
        care_goes_with_the_slots_last_desk,
        nothing_poisons_the_queue;
    jobs:
        a_job_is_claimed_by_one,
        a_lost_worker_loses_its_job,
        claims_nobody_has_come_for,
        a_claim_is_released_with_its_care_unless_somebody_came;
    notices:
        a_notice_is_written_with_its_booking_or_not_at_all,
        nobody_came_is_told_once_for_each_time,
        who_is_late_is_told_once_for_each_time,
        who_picked_a_desk_is_told_of_another,
        a_closure_is_told_to_those_it_meets,
        each_notice_is_one_takers_until_its_time_is_over,
        what_cannot_be_read_stops_nothing,
        notices_go_with_their_time_their_booking_and_their_person,
        a_calendar_has_one_address;
    reports:
        stays_of_a_town;
    organisations:
        a_provider_is_kept_and_dropped,
        a_trip_ends_once_in_its_own_browser,
        claims_take_only_what_claims_gave,
        a_directory_names_each_once,
        tokens_end_and_are_taken_back,
        an_employer_sees_what_it_pays_for,
        a_term_counts_from_the_first_check_in;
    hostile:
        long_and_strange_texts,
        rows_that_cannot_be_read;
    random:
        any_story_ends_as_in_the_plain_model;
}
